//! The host as a process, on a project that is real but for its services.

mod acceptance;
mod exchange;
mod market;
mod process;
mod rows;
mod swap;
mod toggle;
mod toggle_races;
mod trader_state;
mod world;
