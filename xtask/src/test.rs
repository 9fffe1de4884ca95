//! `cargo xtask test`: the whole suite, and a summary of it.

use std::env;
use std::ffi::OsString;
use std::process::{Command, ExitCode};

use anyhow::Result;

use crate::artifact::{self, Scope};
use crate::suites::{Outcome, Suites};
use crate::workspace::Workspace;
use crate::{steps, traders, wasm_target};

/// Every suite runs even when an earlier one failed, so that one run names all that is broken.
pub fn run(args: &[OsString]) -> Result<ExitCode> {
    let workspace = Workspace::load()?;
    wasm_target::ensure()?;
    let vyx = artifact::build(&workspace, Scope::HostAndTests)?;
    let traders = traders::build(&workspace, &vyx)?;

    let outcome_of = |mut command: Command| -> Result<Outcome> {
        let status = steps::status(command.env("VYX_BIN", &vyx).env("VYX_TRADERS", &traders))?;
        Ok(if status.success() { Outcome::Passed } else { Outcome::Failed })
    };
    let mut suites = Suites::new(env::var_os("CI").is_some_and(|value| value == "true"));
    let (name, command) = tests(&workspace, args);
    suites.add(name, outcome_of(command)?);
    let doc_tests = if args.is_empty() {
        let mut command = workspace.cargo();
        command.args(["test", "--workspace", "--doc", "--no-fail-fast"]);
        outcome_of(command)?
    } else {
        Outcome::Skipped("the arguments are for the other tests")
    };
    suites.add("doc tests", doc_tests);
    println!("{}", suites.report());
    Ok(suites.exit_code())
}

/// nextest runs each test in a process of its own, in parallel across crates; without it the same tests run, more slowly.
fn tests(workspace: &Workspace, args: &[OsString]) -> (&'static str, Command) {
    let mut command = workspace.cargo();
    if steps::read(workspace.cargo().args(["nextest", "--version"])).is_ok() {
        command.args(["nextest", "run", "--workspace", "--tests", "--no-fail-fast"]).args(args);
        return ("tests (cargo nextest)", command);
    }
    command.args(["test", "--workspace", "--tests", "--no-fail-fast", "--"]).args(args);
    ("tests (cargo test, since cargo-nextest is not installed)", command)
}
