//! The host as a process, on a project that is real but for its services.

mod acceptance;
mod process;
mod world;
