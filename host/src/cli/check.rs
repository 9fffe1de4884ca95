//! `vyx check`: what the host would say of a module, and what it does on candles.

use std::path::PathBuf;
use std::time::Duration;

use console::style;
use serde_json::{Map, Value, json};

use super::failure::Failure;
use super::project::{Progress, width, wrapped};
use super::terminal::{print_line, tell_line};
use super::{local, market};
use crate::check::{self, Grade, Line, Report};
use crate::config::Config;
use crate::module::{Digest, Module, Modules, Refusal};
use crate::sandbox::{Metering, ParamValue, Subscription};
use crate::supervisor::{Mismatch, fit};
use crate::text::shown;

/// Judges a module as the host does before it runs it, then replays it on candles in every way that must change nothing.
///
/// It is run twice, and on a host that numbers its symbols otherwise; with closes split into other calls; on a market that ends
/// earlier, and with other symbols told ahead; from several starts with more and less warm-up; on flat, huge, tiny and missing
/// candles; and for a hundred symbols, against the budgets of production.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  vyx check target/traders/golden-cross.wasm
  vyx check plugins/golden-cross --candles BTCUSDT-1m-2025-01.zip --params short_period=20

Each check is ok, warns or fails, with the fault, the first candle that shows it, and what to do.

Exit codes:
  0   admitted, and no check fails
  1   refused, or a check fails
  2   the arguments or the files cannot be used")]
pub(super) struct Args {
    /// A component file, or the folder of a crate.
    #[arg(value_name = "FILE|CRATE")]
    module: PathBuf,
    /// Candle files, as those of `vyx test`. By default a built-in market that has every interval and symbol that the trader wants.
    #[arg(long, num_args = 1.., value_name = "FILE")]
    candles: Vec<String>,
    /// Parameters, NAME=VALUE or one JSON object.
    #[arg(long, num_args = 1.., value_name = "NAME=VALUE")]
    params: Vec<String>,
    /// CPU time that a run may take, seconds; 10 by default. There are some thirty runs. One that takes longer is not checked.
    #[arg(long, value_name = "N")]
    cpu_seconds: Option<u64>,
    /// Print the verdict as one JSON object.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args, config: &Config) -> Result<(), Failure> {
    let bytes = local::bytes_of(&args.module)?;
    let modules = local::modules(Metering::Fuel, config)?;
    let module = match modules.admit(&bytes) {
        Ok(module) => module,
        Err(refusal) => return Err(refused(&refusal, &bytes, args.json)),
    };
    let given = local::params(&args.params, &module.manifest)?;
    let mut feed = if args.candles.is_empty() { None } else { Some(market::replay(&args.candles)?) };
    let (params, subscription) = match &mut feed {
        None => wanted(&modules, &module, &given).map_err(Failure::input)?,
        Some(feed) => {
            let fitted = fit(&modules, &module, given, feed, Mismatch::Raise);
            let fitted = fitted.map_err(|fault| Failure::input(fault.reason))?;
            if let Some(note) = &fitted.note {
                tell_line(&format!("note: {note}"));
            }
            (fitted.params, fitted.subscription)
        }
    };
    let progress = Progress::new(args.json);
    let begins = &mut |check: check::Check| progress.say(check.as_str());
    let candles = feed.as_mut().map(|feed| feed as &mut dyn crate::market::Feed);
    let patience = args.cpu_seconds.map_or(check::PATIENCE, Duration::from_secs);
    let report = check::check(&modules, &module, &params, &subscription, candles, patience, begins);
    let report = report.map_err(Failure::input)?;
    drop(progress);
    if args.json {
        print_line(told(&module, &params, &subscription, &report));
    } else {
        print(&module, &report);
    }
    if report.grade() == Grade::Fails { Err(Failure::told()) } else { Ok(()) }
}

/// The values of all parameters and the candles wanted with them, judged as the host does. Else why not.
pub(super) fn wanted(
    modules: &Modules,
    module: &Module,
    given: &Map<String, Value>,
) -> Result<(Vec<(String, ParamValue)>, Subscription), String> {
    let params = module.manifest.params(given).map_err(|error| error.to_string())?;
    let subscription = modules.subscription(module, &params).map_err(|fault| fault.reason)?;
    Ok((params, subscription))
}

/// Says why a module is refused; `vyx publish` does so as well.
pub(super) fn refused(refusal: &Refusal, bytes: &[u8], json: bool) -> Failure {
    let digest = Digest::of(bytes);
    if json {
        print_line(json!({
            "admitted": false, "module_sha256": digest, "size_bytes": bytes.len(), "rule": refusal.rule,
            "reason": refusal.reason, "allowed": refusal.rule.allowed(),
        }));
    } else {
        print_line(format!("refused   {}", refusal.rule));
        print_line(format!("reason    {}", refusal.reason));
        print_line(format!("allowed   {}", refusal.rule.allowed()));
        print_line(format!("sha256    {digest}"));
    }
    Failure::told()
}

/// The verdict as JSON; `vyx publish` says it as well.
pub(super) fn told(
    module: &Module,
    params: &[(String, ParamValue)],
    subscription: &Subscription,
    report: &Report,
) -> Value {
    let params: Map<String, Value> = params.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
    json!({
        "admitted": true, "module_sha256": module.digest, "size_bytes": module.size_bytes,
        "abi": module.abi.as_str(), "sdk": module.sdk, "manifest": module.manifest,
        "params": params, "subscription": subscription,
        "candles": report.candles, "checks": report.checks, "verdict": report.grade(),
    })
}

/// The verdict for people; `vyx publish` says it as well.
pub(super) fn print(module: &Module, report: &Report) {
    let width = width();
    let title = [shown(&module.manifest.name, 80), format!("sha256 {}", module.digest), report.candles.clone()];
    for part in title {
        wrapped(&part, width, "").into_iter().for_each(print_line);
    }
    lines(report, width).into_iter().for_each(print_line);
}

/// Characters of the names of checks and of grades, each with what follows.
const NAMES: usize = 13;
const GRADES: usize = 7;
/// Narrower than this, reasons stand below the names.
const NARROW: usize = 60;

/// A line for each check, and more where the terminal is narrow.
fn lines(report: &Report, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = report.checks.iter().flat_map(|line| check_lines(line, width)).collect();
    let grade = report.grade();
    let failed: Vec<&str> =
        report.checks.iter().filter(|line| line.grade == grade).map(|line| line.check.as_str()).collect();
    let verdict = match grade {
        Grade::Ok => "nothing was found".to_owned(),
        Grade::Warns | Grade::Fails => failed.join(", "),
    };
    lines.extend(cell_lines("verdict", grade, &verdict, width));
    lines
}

fn check_lines(line: &Line, width: usize) -> Vec<String> {
    let mut lines = cell_lines(line.check.as_str(), line.grade, &line.reason, width);
    if let Some(advice) = &line.advice {
        let indent = if width < NARROW { "  " } else { &" ".repeat(NAMES + GRADES) };
        lines.extend(wrapped(&format!("-> {advice}"), width, indent));
    }
    lines
}

fn cell_lines(name: &str, grade: Grade, text: &str, width: usize) -> Vec<String> {
    let word = match grade {
        Grade::Ok => style("ok").green(),
        Grade::Warns => style("warns").yellow(),
        Grade::Fails => style("fails").red().bold(),
    };
    let gap = GRADES.saturating_sub(grade.as_str().len());
    if width < NARROW {
        let mut lines = vec![format!("{name:<NAMES$}{word}")];
        lines.extend(wrapped(text, width, "  "));
        return lines;
    }
    let indent = " ".repeat(NAMES + GRADES);
    let mut lines = wrapped(text, width, &indent);
    if let Some(first) = lines.first_mut() {
        let rest = first.split_off(NAMES + GRADES);
        *first = format!("{name:<NAMES$}{word}{:gap$}{rest}", "");
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Check;

    fn line(check: Check, grade: Grade, reason: &str, advice: Option<&str>) -> Line {
        let advice = advice.map(str::to_owned);
        Line { check, grade, reason: reason.to_owned(), advice, first: None, measured: Map::new() }
    }

    fn report() -> Report {
        let short = "the warm-up is too short: after 200 candles of 5m, 5 of 121 signals differ and plots are off by up to 11 % from \
                     a far longer one; first DOGEUSDT 5m at 2020-02-10T03:25Z: `over` is new";
        Report {
            candles: "the built-in market: 60,000 candles of 5 symbols, 5m".to_owned(),
            checks: vec![
                line(Check::Admit, Grade::Ok, "vyx:trader 1.0.0, 84,321 bytes, built with vyx-sdk 0.1.0", None),
                line(Check::LookAhead, Grade::Ok, "the same 121 signals with the market cut at 4 points", None),
                line(Check::WarmUp, Grade::Fails, short, Some("declare 3,000 candles of 5m in the subscription")),
                line(Check::Cost, Grade::Warns, "cpu 61 %, memory 8 %", Some("a call took 122.1 of 200 ms")),
            ],
        }
    }

    #[test]
    fn verdicts_fit_the_terminal() {
        for width in 24..100 {
            for line in lines(&report(), width) {
                assert!(console::measure_text_width(&line) <= width, "{width}: {line}");
            }
        }
        insta::assert_snapshot!("at_80", lines(&report(), 80).join("\n"));
        insta::assert_snapshot!("at_44", lines(&report(), 44).join("\n"));
    }
}
