//! `vyx verify`: the acceptance tests of a deployment, against the live one.

mod hosts;
mod replay;
mod rows;
mod rules;
mod toggle;

use std::path::PathBuf;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde_json::json;

use super::failure::Failure;
use super::project::{IdPrefix, Progress, Project, block_on, width, wrapped};
use super::terminal::print_line;
use crate::config::{Config, ServiceConfig, process_env};
use hosts::Host;
use rows::Rows;

/// Proves on the live deployment that hosts run what they should and nothing else.
///
/// Four tests: 1 the shared app runs built-in traders only, and their signals have no app; 2 a dedicated app runs its user's traders
/// only, and their signals carry that app; 3 a disabled trader is gone within one poll, and stays silent at the next candle; 4 no
/// trader is in the wrong app. They read the database, and the pages of the hosts that are named (with ADMIN_TOKEN). Nothing is
/// changed unless --toggle names a trader for test 3, which is switched off and on again.
///
/// With --replay it proves a recording instead: everything that `vyx record` wrote down is done again, and every signal must come out
/// the same, byte for byte.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  vyx verify
  vyx verify --shared http://127.0.0.1:8080 --dedicated http://127.0.0.1:8081
  vyx verify --toggle 5048128b --timeout 900
  vyx verify --replay recording --modules target/traders

Exit codes:
  0   no test failed, and some passed; or every signal of the recording is proved
  1   a test failed, or none could be made; or something of the recording is not proved
  2   the arguments cannot be used
  78  the environment is misconfigured
  130 interrupted; a trader that was switched off is on again")]
pub(super) struct Args {
    /// The status pages of the shared app.
    #[arg(long, value_name = "URL")]
    shared: Vec<Host>,
    /// The status pages of a user's app; may be given several times.
    #[arg(long, value_name = "URL")]
    dedicated: Vec<Host>,
    /// How far back signals are looked at, like 30m or 12h. After a cut-over, the time since then.
    #[arg(long, value_name = "TIME", default_value = "1h", value_parser = span)]
    since: SignedDuration,
    /// Switch this trader off and on again: its id, or at least the first 4 digits of it.
    #[arg(long, value_name = "TRADER")]
    toggle: Option<IdPrefix>,
    /// Seconds that test 3 may take; its candle must close within it.
    #[arg(long, value_name = "S", default_value_t = 900, value_parser = clap::value_parser!(u64).range(10..=86_400))]
    timeout: u64,
    /// Prove this recording instead, without asking any host.
    #[arg(long, value_name = "DIR", conflicts_with_all = ["shared", "dedicated", "toggle"])]
    replay: Option<PathBuf>,
    /// Take the modules of the recording from the .wasm files of this folder, not from the project.
    #[arg(long, value_name = "FOLDER", requires = "replay")]
    modules: Option<PathBuf>,
    /// Compare the recorded signals with their rows in the project as well: id, price and plots.
    #[arg(long, requires = "replay")]
    rows: bool,
    /// Print all of it as one JSON object.
    #[arg(long)]
    json: bool,
}

fn span(text: &str) -> Result<SignedDuration, String> {
    let span = text
        .parse::<SignedDuration>()
        .ok()
        .filter(|span| span.is_positive() && *span <= SignedDuration::from_hours(24 * 31));
    span.ok_or_else(|| "give a time like 30m or 12h, at most 31 days".to_owned())
}

/// How a test came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Ended {
    Pass,
    Fail,
    Skipped,
}

/// A test with what it saw.
#[derive(Debug, Clone, Serialize)]
struct Outcome {
    test: u8,
    name: &'static str,
    result: Ended,
    evidence: Vec<String>,
}

/// Evidence, gathered by a test.
#[derive(Debug, Default)]
struct Evidence {
    seen: Vec<String>,
    faults: Vec<String>,
    /// Whether anything was there to be judged.
    judged: bool,
}

impl Evidence {
    fn saw(&mut self, what: impl Into<String>) {
        self.judged = true;
        self.seen.push(what.into());
    }

    /// Something that proves nothing.
    fn note(&mut self, what: impl Into<String>) {
        self.seen.push(what.into());
    }

    fn fault(&mut self, what: impl Into<String>) {
        self.judged = true;
        self.faults.push(what.into());
    }

    fn outcome(self, test: u8, name: &'static str) -> Outcome {
        let result = match (self.faults.is_empty(), self.judged) {
            (false, _) => Ended::Fail,
            (true, true) => Ended::Pass,
            (true, false) => Ended::Skipped,
        };
        let evidence = self.faults.into_iter().chain(self.seen).collect();
        Outcome { test, name, result, evidence }
    }
}

pub(super) fn run(args: &Args, config: &Config) -> Result<(), Failure> {
    if let Some(recording) = &args.replay {
        return replay::run(recording, args, config);
    }
    let project = Project::of_operator()?;
    let admin_token = ServiceConfig::from_env(process_env)?.admin_token;
    let progress = Progress::new(args.json);
    let outcomes = block_on(async {
        progress.say("reading the database");
        let since = Timestamp::now() - args.since;
        let rows = Rows::read(&project, since).await?;
        progress.say("asking the hosts");
        let shared = hosts::ask(&args.shared, admin_token.as_ref()).await?;
        let dedicated = hosts::ask(&args.dedicated, admin_token.as_ref()).await?;
        let mut outcomes = vec![
            rules::shared(&rows, &shared).outcome(1, "the shared app runs built-in traders only"),
            rules::dedicated(&rows, &dedicated).outcome(2, "a dedicated app runs its user's traders only"),
        ];
        let third = match &args.toggle {
            Some(trader) => {
                let hosts: Vec<&Host> = args.shared.iter().chain(&args.dedicated).collect();
                let timeout = Duration::from_secs(args.timeout);
                toggle::run(&project, trader, &hosts, admin_token.as_ref(), timeout, &progress).await?
            }
            None => {
                let mut evidence = Evidence::default();
                rules::disabled(&rows, &mut evidence);
                evidence.note("--toggle TRADER makes the whole test");
                evidence
            }
        };
        outcomes.push(third.outcome(3, "a disabled trader is gone, and stays silent"));
        outcomes.push(rules::separate(&rows, &shared, &dedicated).outcome(4, "no trader is in the wrong app"));
        Ok(outcomes)
    })?;
    drop(progress);
    tell(&outcomes, args.json)
}

fn tell(outcomes: &[Outcome], json: bool) -> Result<(), Failure> {
    let count = |result| outcomes.iter().filter(|outcome| outcome.result == result).count();
    let (passed, failed, skipped) = (count(Ended::Pass), count(Ended::Fail), count(Ended::Skipped));
    if json {
        print_line(json!({ "ok": failed == 0 && passed > 0, "tests": outcomes }));
    } else {
        lines(outcomes, width()).into_iter().for_each(print_line);
        print_line("");
        print_line(format!("{passed} passed, {failed} failed, {skipped} skipped"));
    }
    if failed == 0 && passed > 0 { Ok(()) } else { Err(Failure::told()) }
}

fn lines(outcomes: &[Outcome], width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    for Outcome { test, name, result, evidence } in outcomes {
        let word = match result {
            Ended::Pass => "pass",
            Ended::Fail => "FAIL",
            Ended::Skipped => "skipped",
        };
        lines.extend(wrapped(&format!("{word:<7} {test} {name}"), width, ""));
        for evidence in evidence {
            lines.extend(wrapped(evidence, width, "          "));
        }
    }
    lines
}
