//! The host as a process, on a project that is real but for its services.

mod acceptance;
mod beats;
mod catch_up;
mod data_dir;
mod ending;
mod exactly_once;
mod live_market;
mod many_traders;
mod market;
mod misconfigured;
mod misconfigured_project;
mod openmetrics;
mod outage;
mod pages;
mod process;
mod record;
mod refusals;
mod rows;
mod secrets;
mod strangers;
mod swap;
mod toggle;
mod toggle_races;
mod trader_state;
mod world;
