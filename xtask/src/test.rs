//! `cargo xtask test`: all suites, and a summary of them.

use std::env;
use std::ffi::OsString;
use std::process::{Command, ExitCode};

use anyhow::Result;

use crate::artifact::{self, Scope};
use crate::suites::{Outcome, Suites};
use crate::workspace::Workspace;
use crate::{steps, tools, traders, wasm_target};

/// Every suite runs even when an earlier one failed, so that one run names all that is broken.
pub fn run(args: &[OsString]) -> Result<ExitCode> {
    let workspace = Workspace::load()?;
    wasm_target::ensure()?;
    let vyx = artifact::build(&workspace, Scope::HostAndTests)?;
    let traders = traders::build(&workspace, &vyx)?;
    let runner = Runner::find(&workspace);
    let run = |mut command: Command| -> Result<Outcome> {
        let status = steps::status(command.env("VYX_BIN", &vyx).env("VYX_TRADERS", &traders))?;
        Ok(match status.code() {
            Some(0) => Outcome::Passed,
            Some(NO_TESTS) if !args.is_empty() => Outcome::Skipped("the arguments select none of its tests"),
            _ => Outcome::Failed,
        })
    };
    let run_if = |possible: Result<(), tools::Missing>, selection: Selection| match possible {
        Ok(()) => run(runner.command(&workspace, selection, args)),
        Err(why) => Ok(Outcome::Skipped(why)),
    };

    let mut suites = Suites::new(env::var_os("CI").is_some_and(|value| value == "true"));
    suites.add(runner.suite(), run_if(Ok(()), Selection::Plain)?);
    suites.add("traders in other languages", run_if(tools::c_for_wasm(), Selection::Languages)?);
    let postgres = tools::postgres();
    suites.add("tests on PostgreSQL", run_if(postgres, Selection::Postgres)?);
    let client = postgres.and_then(|()| tools::official_client(&workspace));
    suites.add("official Supabase client", run_if(client, Selection::OfficialClient)?);
    let browser = if args.is_empty() {
        match tools::browser(&workspace) {
            Ok(()) => {
                let mut command = Command::new("node");
                command.args(["--test", "--test-reporter=spec"]).current_dir(workspace.root.join("tests/browser"));
                run(command)?
            }
            Err(why) => Outcome::Skipped(why),
        }
    } else {
        Outcome::Skipped("the arguments are for the other tests")
    };
    suites.add("reports in a browser", browser);
    let doc_tests = if args.is_empty() {
        let mut command = workspace.cargo();
        command.args(["test", "--workspace", "--doc", "--no-fail-fast"]);
        run(command)?
    } else {
        Outcome::Skipped("the arguments are for the other tests")
    };
    suites.add("doc tests", doc_tests);
    println!("{}", suites.report());
    Ok(suites.exit_code())
}

/// What nextest ends with when no test was selected.
const NO_TESTS: i32 = 4;

/// The package whose integration tests need a PostgreSQL server, and the one among them that needs node.
const PACKAGE: &str = "vyx-supabase";
const CLIENT: &str = "conformance";

/// The package whose tests need the compilers of other languages.
const LANGUAGES: &str = "vyx-languages";

#[derive(Clone, Copy)]
enum Selection {
    /// Nothing but cargo is needed.
    Plain,
    Languages,
    Postgres,
    OfficialClient,
}

/// nextest runs each test in a process of its own, in parallel across crates; without it the same tests run, more slowly.
enum Runner {
    Nextest,
    CargoTest,
}

impl Runner {
    fn find(workspace: &Workspace) -> Self {
        let nextest = steps::read(workspace.cargo().args(["nextest", "--version"])).is_ok();
        if nextest { Self::Nextest } else { Self::CargoTest }
    }

    fn suite(&self) -> &'static str {
        match self {
            Self::Nextest => "tests (cargo nextest)",
            Self::CargoTest => "tests (cargo test, since cargo-nextest is not installed)",
        }
    }

    fn command(&self, workspace: &Workspace, selection: Selection, args: &[OsString]) -> Command {
        let mut command = workspace.cargo();
        match self {
            Self::Nextest => {
                // A filter over the whole workspace: a selection of packages would unify features anew and build again.
                let needs_postgres = format!("(package({PACKAGE}) and kind(test))");
                let filter = match selection {
                    Selection::Plain => format!("not {needs_postgres} and not package({LANGUAGES})"),
                    Selection::Languages => format!("package({LANGUAGES})"),
                    Selection::Postgres => format!("{needs_postgres} and not binary({CLIENT})"),
                    Selection::OfficialClient => format!("{needs_postgres} and binary({CLIENT})"),
                };
                command.args(["nextest", "run", "--workspace", "--tests", "--no-fail-fast", "-E", &filter]).args(args);
            }
            Self::CargoTest => {
                command.args(["test", "--no-fail-fast"]);
                match selection {
                    Selection::Plain => {
                        command.args(["--workspace", "--exclude", PACKAGE, "--exclude", LANGUAGES, "--tests"])
                    }
                    Selection::Languages => command.args(["-p", LANGUAGES, "--tests"]),
                    Selection::Postgres => {
                        command.args(["-p", PACKAGE, "--lib"]);
                        let others = workspace.tests_of(PACKAGE).filter(|name| *name != CLIENT);
                        command.args(others.flat_map(|name| ["--test", name]))
                    }
                    Selection::OfficialClient => command.args(["-p", PACKAGE, "--test", CLIENT]),
                };
                command.arg("--").args(args);
            }
        }
        command
    }
}
