//! The host as a process, on a project that is real but for its services.

mod acceptance;
mod beats;
mod catch_up;
mod data_dir;
mod exactly_once;
mod outage;
mod process;
mod world;
