//! The `vyx` binary as its users meet it.

mod bad_input;
mod check;
mod dev;
mod golden;
mod look;
mod new;
mod new_fixtures;
mod replay;
mod report;
mod run;
mod run_mode;
mod sweep;
