//! `vyx build`: from a crate to a component.

use std::path::PathBuf;

use super::cargo::{self, Words};
use super::failure::Failure;
use super::terminal::print_line;
use crate::module::Digest;

/// Builds the trader of a crate and writes the component to `traders` in the target directory.
///
/// Standard output has one line a component: its path, its size and its digest.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  vyx build plugins/golden-cross")]
pub(super) struct Args {
    /// The folder of the crate.
    #[arg(value_name = "CRATE", default_value = ".")]
    folder: PathBuf,
    /// Build the examples of the crate instead of its library.
    #[arg(long)]
    examples: bool,
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let built = cargo::build(&args.folder, args.examples, Words::Shown)
        .map_err(|error| Failure::input(format!("{error:#}").trim_end()))?;
    for built in built {
        print_line(format!("{} {} bytes sha256 {}", built.path.display(), built.bytes.len(), Digest::of(&built.bytes)));
    }
    Ok(())
}
