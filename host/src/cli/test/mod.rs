//! `vyx test`: one trader over recorded candles.

mod at;
mod costs;
mod faults;
mod golden;
mod outlook;
mod plain;
mod play;
mod range;
mod report;
mod summary;
mod sweep;
mod told;

use std::path::PathBuf;
use std::sync::Arc;

use serde_json::{Map, Value};
use uuid::Uuid;

use self::range::{Moment, Range};
use self::report::ReportArgs;
use super::failure::Failure;
use super::terminal::Terminal;
use super::{local, market};
use crate::config::Config;
use crate::files::NewFile;
use crate::ids::TraderId;
use crate::market::{Feed, Interval, ReplayFeed};
use crate::module::{Module, Modules};
use crate::ownership::{OwnedTrader, Scope};
use crate::registry::{ModuleRef, TraderRow};
use crate::sandbox::Metering;
use crate::signal::identity::NAMESPACE;
use crate::supervisor::plan::Version;
use crate::supervisor::{Begin, Fleet, Mismatch, Ready, fit};

/// Runs a trader over recorded candles and shows its signals, what price did after them, and what they cost.
///
/// Everything is replayed from the first candle of the files. A signal whose stream has not yet had the trader's warm-up says so
/// in its provenance ("warm": false).
///
/// T is 2026-01-05, 2026-01-05T10:00Z or UTC milliseconds.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  vyx test plugins/golden-cross --candles BTCUSDT-1m-2025-01.zip
  vyx test golden-cross.wasm --candles ETHUSDT:5m=eth.csv --params short_period=20 --json
  vyx test golden-cross.wasm --candles *.zip --sweep short_period=10..50:5 --sweep long_period=100,200
  vyx test golden-cross.wasm --candles *.zip --golden signals.jsonl --update
  vyx test golden-cross.wasm --candles *.zip --at 2026-01-05T10:00Z
  vyx test golden-cross.wasm --candles *.zip --report report.html

The last line of --json is the summary; every other one is a signal, or a set of a sweep.
Exit codes: 1 if the trader faulted or the signals differ from the golden file.")]
pub(super) struct Args {
    /// A component file, or the folder of a crate.
    #[arg(value_name = "FILE|CRATE")]
    module: PathBuf,
    /// Candle files: CSV, data.binance.vision CSV or zip, REST JSON. Symbol and interval come from the name, as in
    /// BTCUSDT-1m-2025-01.zip, or are given as SYMBOL:INTERVAL=FILE.
    #[arg(long, num_args = 1.., required = true, value_name = "FILE")]
    candles: Vec<String>,
    /// The interval that the trader runs on: sets its parameter `interval`. By default its own, or that of the candles where
    /// they are longer.
    #[arg(long)]
    interval: Option<String>,
    /// Parameters, NAME=VALUE or one JSON object.
    #[arg(long, num_args = 1.., value_name = "NAME=VALUE")]
    params: Vec<String>,
    /// Show candles that close after this moment. What lies before is replayed as warm-up.
    #[arg(long, value_name = "T")]
    from: Option<Moment>,
    /// Show candles that close up to this moment. The replay ends there, and nothing looks beyond it.
    #[arg(long, value_name = "T")]
    to: Option<Moment>,
    /// Show the candles that close at this moment in detail: plots, signals, log lines, the fault. What lies before is replayed.
    #[arg(long, value_name = "T", conflicts_with_all = ["from", "to", "golden", "sweep", "csv"])]
    at: Option<Moment>,
    /// Hold the signals against those of this file, which is made with --update.
    #[arg(long, value_name = "FILE", conflicts_with = "sweep")]
    golden: Option<PathBuf>,
    /// Write the golden file.
    #[arg(long, requires = "golden")]
    update: bool,
    /// Try every value of a parameter: NAME=FROM..TO, NAME=FROM..TO:STEP or NAME=A,B,C, several of them with each other. All
    /// sets run on the same candles, on all cores; the table has the best mean return first.
    #[arg(long, value_name = "NAME=VALUES")]
    sweep: Vec<String>,
    /// The trader's id, from which the ids of its signals are made. By default one made of its name.
    #[arg(long, value_name = "UUID")]
    trader_id: Option<TraderId>,
    #[command(flatten)]
    report: ReportArgs,
    /// Print signals, or the sets of a sweep, as JSON lines, and a summary as the last one.
    #[arg(long)]
    json: bool,
    /// Print signals, or the sets of a sweep, as CSV.
    #[arg(long, conflicts_with = "json")]
    csv: bool,
}

pub(super) fn run(args: &Args, config: &Config) -> Result<(), Failure> {
    let prepared = Prepared::new(args, config)?;
    match args.at {
        Some(at) => at::run(prepared, at),
        None if args.sweep.is_empty() => plain::run(prepared),
        None => sweep::run(prepared),
    }
}

/// A module, candles, and what was asked of them.
struct Prepared<'a> {
    args: &'a Args,
    config: &'a Config,
    terminal: Terminal,
    range: Range,
    feed: ReplayFeed,
    modules: Arc<Modules>,
    module: Arc<Module>,
    /// Where the report goes.
    report: Option<NewFile>,
    /// Parameters that are the same for all that runs.
    given: Map<String, Value>,
}

/// A trader that can run on the candles.
struct Fitting {
    ready: Ready,
    /// How it was made to fit.
    note: Option<String>,
}

impl<'a> Prepared<'a> {
    fn new(args: &'a Args, config: &'a Config) -> Result<Self, Failure> {
        let range = Range::new(args.from, args.to)?;
        if args.update && (args.from.is_some() || args.to.is_some()) {
            return Err(Failure::input("--update writes the signals of all candles; leave out --from and --to"));
        }
        let report = args.report.open()?;
        let feed = market::replay(&args.candles)?;
        let bytes = local::bytes_of(&args.module)?;
        let modules = local::modules(Metering::Fuel, config)?;
        let module = modules.admit(&bytes).map_err(Failure::fault)?;
        let mut given = local::params(&args.params, &module.manifest)?;
        if let Some(interval) = &args.interval {
            let interval: Interval = interval.parse().map_err(Failure::input)?;
            if !module.manifest.params.iter().any(|param| param.name == "interval") {
                let name = &module.manifest.name;
                return Err(Failure::input(format!(
                    "{name:?} has no parameter \"interval\", so --interval cannot set it"
                )));
            }
            given.insert("interval".into(), Value::from(interval.as_str()));
        }
        let terminal = Terminal::new(args.json || args.csv);
        Ok(Self { args, config, terminal, range, feed, modules, module, report, given })
    }

    /// A trader with these parameters, and the candles that it wants. Several of one run have a number each.
    fn ready(&mut self, given: Map<String, Value>, number: usize) -> Result<Fitting, String> {
        let fitted = fit(&self.modules, &self.module, given.clone(), &mut self.feed, Mismatch::Raise);
        let fitted = fitted.map_err(|fault| fault.reason)?;
        let owned = self.owned(given, number).map_err(|refusal| refusal.to_string())?;
        let ready = Ready {
            version: Version::of(&owned),
            owned,
            module: self.module.clone(),
            params: fitted.params,
            subscription: fitted.subscription,
            begin: Begin::Anew(None),
        };
        let note = [fitted.note, missing(&ready, &self.feed)]
            .into_iter()
            .flatten()
            .reduce(|first, next| format!("{first}; {next}"));
        Ok(Fitting { ready, note })
    }

    fn owned(&self, params: Map<String, Value>, number: usize) -> Result<OwnedTrader, crate::ownership::Refusal> {
        let name = self.module.manifest.name.clone();
        let seed = if number == 0 { name.clone() } else { format!("{name}|{number}") };
        let own = TraderId::new(Uuid::new_v5(&NAMESPACE, seed.as_bytes()));
        let row = TraderRow {
            id: self.args.trader_id.filter(|_| number == 0).unwrap_or(own),
            name,
            is_built_in: Some(true),
            user_id: None,
            enabled: Some(true),
            module: Some(ModuleRef { digest: self.module.digest, place: self.args.module.display().to_string() }),
            params,
        };
        Scope::local().admit(row)
    }

    fn fleet(&self, workers: usize) -> Result<Fleet, Failure> {
        Fleet::new(self.modules.clone(), self.feed.symbols().clone(), workers).map_err(Failure::fault)
    }
}

/// Other symbols that a trader reads and of which there are no candles: it gets none of theirs.
fn missing(ready: &Ready, feed: &ReplayFeed) -> Option<String> {
    let mut names: Vec<&str> = ready.subscription.other_streams.iter().map(|(name, _)| name.as_str()).collect();
    names.retain(|name| feed.symbols().id(name).is_none());
    names.dedup();
    (!names.is_empty()).then(|| {
        let names: Vec<String> = names.into_iter().map(|name| crate::text::shown(name, 40)).collect();
        format!("it reads candles of {}, of which none are given: add them to --candles", names.join(", "))
    })
}
