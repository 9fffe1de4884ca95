//! The hidden command that the host starts to compile a module.

use std::process::ExitCode;

use crate::module::compile_child;
use crate::sandbox::Metering;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Count fuel.
    #[arg(long)]
    fuel: bool,
}

pub(super) fn run(args: &Args) -> ExitCode {
    match compile_child(if args.fuel { Metering::Fuel } else { Metering::Off }) {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            eprintln!("{reason}");
            ExitCode::FAILURE
        }
    }
}
