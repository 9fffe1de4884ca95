//! The host as a process, on a project that is real but for its services.

mod acceptance;
mod exchange;
mod market;
mod process;
mod world;
