//! The host as a process, on a project that is real but for its services.

mod acceptance;
mod ending;
mod many_traders;
mod misconfigured;
mod misconfigured_project;
mod openmetrics;
mod pages;
mod process;
mod refusals;
mod secrets;
mod strangers;
mod world;
