//! `cargo xtask demo`: from a fresh clone to traders that emit signals.

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result};

use crate::artifact::{self, Scope};
use crate::workspace::Workspace;
use crate::{steps, wasm_target};

/// Ends as `vyx demo`: the process is replaced, so Ctrl-C, the terminal and the exit code are the demo's own, with nothing
/// between them that could end first. It keeps the caller's folder, because ARGS may name files in it.
pub fn run(args: &[OsString]) -> Result<ExitCode> {
    let workspace = Workspace::load()?;
    wasm_target::ensure()?;
    let vyx = artifact::build(&workspace, Scope::Host)?;
    let mut command = Command::new(&vyx);
    command.arg("demo").args(args);
    if !args.iter().any(|arg| arg == "--traders") {
        command.arg("--traders").arg(workspace.root.join("plugins"));
    }
    steps::print(&command);
    Err(command.exec()).with_context(|| format!("cannot run {}", vyx.display()))
}
