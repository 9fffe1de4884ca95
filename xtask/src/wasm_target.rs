//! The target that traders are compiled for.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use crate::steps;

const TARGET: &str = "wasm32-unknown-unknown";

/// Installs the target where it is missing. rustc is asked, not rustup: a toolchain from elsewhere may have it too.
pub fn ensure() -> Result<()> {
    let libraries = steps::read(Command::new("rustc").args(["--print", "target-libdir", "--target", TARGET]))?;
    if Path::new(libraries.trim()).is_dir() {
        return Ok(());
    }
    steps::run(Command::new("rustup").args(["target", "add", TARGET])).with_context(|| {
        format!(
            "traders are compiled for {TARGET}, which this toolchain lacks; install rustup, or add the target by hand"
        )
    })
}
