//! The `vyx` binary as its users meet it.

mod bad_input;
mod check;
mod dev;
mod replay;
mod run;
mod run_mode;
