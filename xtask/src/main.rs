//! The two commands that take a fresh clone to a running demo and to a tested workspace.
//!
//! Debian and macOS, with rustup. Whatever else is missing is installed here, and printed when it is.

mod artifact;
mod demo;
mod steps;
mod suites;
mod test;
mod tools;
mod traders;
mod wasm_target;
mod workspace;

use std::env;
use std::ffi::OsString;
use std::process::ExitCode;

const USAGE: &str = "\
usage: cargo xtask <command> [ARGS…]

  demo [ARGS…]   install what is missing, build the host, run `vyx demo ARGS…`
  test [ARGS…]   install what is missing, build everything, run all tests;
                 ARGS (names, options of the test runner) select some of them";

fn main() -> ExitCode {
    let mut args = env::args_os().skip(1);
    let command = args.next().unwrap_or_default();
    let rest: Vec<OsString> = args.collect();
    let result = match command.to_str() {
        Some("demo") => demo::run(&rest),
        Some("test") => test::run(&rest),
        Some("help" | "--help" | "-h") => {
            println!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        Some("") => return usage_error("no command"),
        _ => return usage_error(&format!("unknown command {command:?}")),
    };
    result.unwrap_or_else(|error| {
        eprintln!("xtask: error: {error:#}");
        ExitCode::FAILURE
    })
}

fn usage_error(what: &str) -> ExitCode {
    eprintln!("xtask: {what}\n{USAGE}");
    ExitCode::from(2)
}
