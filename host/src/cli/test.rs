//! `vyx test`: one trader over recorded candles.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use uuid::Uuid;

use super::drive::{Ending, Totals, drive};
use super::failure::Failure;
use super::terminal::{Rows, Terminal, grouped, minute, print_line, seconds};
use super::{local, market};
use crate::config::{Config, Speed};
use crate::ids::TraderId;
use crate::market::{Feed, Interval, ReplayFeed, SharedFeed};
use crate::module::Module;
use crate::ownership::{OwnedTrader, Scope};
use crate::registry::{ModuleRef, TraderRow};
use crate::sandbox::{Metering, Outcome};
use crate::signal::identity::NAMESPACE;
use crate::signal::{JsonLines, Sink};
use crate::supervisor::plan::Version;
use crate::supervisor::{Fleet, Mismatch, Ready, Status, fit};

/// Runs a trader over recorded candles and shows its signals and what they cost.
///
/// Everything is replayed from the first candle of the files. A signal whose stream has not yet had the trader's warm-up says so
/// in its provenance ("warm": false).
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  vyx test plugins/golden-cross --candles BTCUSDT-1m-2025-01.zip
  vyx test golden-cross.wasm --candles ETHUSDT:5m=eth.csv --params fast=20 --json

The last line of --json is the summary; every other one is a signal.")]
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
    /// The trader's id, from which the ids of its signals are made. By default one made of its name.
    #[arg(long, value_name = "UUID")]
    trader_id: Option<TraderId>,
    /// Print signals as JSON lines, and a summary as the last one.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args, config: &Config) -> Result<(), Failure> {
    let terminal = Terminal::new(args.json);
    let mut feed = market::replay(&args.candles)?;
    let bytes = local::bytes_of(&args.module)?;
    let modules = local::modules(Metering::Fuel, config)?;
    let module = modules.admit(&bytes).map_err(Failure::fault)?;
    let mut given = local::params(&args.params, &module.manifest)?;
    if let Some(interval) = &args.interval {
        let interval: Interval = interval.parse().map_err(Failure::input)?;
        if !module.manifest.params.iter().any(|param| param.name == "interval") {
            let name = &module.manifest.name;
            return Err(Failure::input(format!("{name:?} has no parameter \"interval\", so --interval cannot set it")));
        }
        given.insert("interval".into(), Value::from(interval.as_str()));
    }
    let fitted = fit(&modules, &module, given.clone(), &mut feed, Mismatch::Raise);
    let fitted = fitted.map_err(|fault| Failure::input(fault.reason))?;
    if let Some(note) = &fitted.note {
        terminal.note(&format!("note: {note}"));
    }

    let read: u64 = feed.streams().map(|(_, _, _, _, candles)| candles as u64).sum();
    let fleet = Fleet::new(modules.clone(), feed.symbols().clone(), config.workers.get()).map_err(Failure::fault)?;
    let owned = owned(args, &module, given)?;
    let version = Version::of(&owned);
    let ready = Ready {
        owned,
        version,
        module: module.clone(),
        params: fitted.params,
        subscription: fitted.subscription,
        resume: None,
    };
    fleet.insert(ready, fleet.begin_read());
    let mut sink: Box<dyn Sink> =
        if args.json { Box::new(JsonLines::new(io::stdout())) } else { Box::new(Rows::new(terminal.clone(), true)) };
    let feed = share(feed);
    let ending = Ending::on_signals()?;
    let totals = drive(&fleet, &feed, Speed::Max, &ending, &mut *sink, &terminal, &mut |_| {})?;
    terminal.clear();
    let status = fleet.status().into_iter().next().ok_or_else(|| Failure::fault("the trader is gone"))?;
    if args.json {
        print_line(summary(&module, &totals, &status, read));
    } else {
        print(&terminal, &totals, &status, read);
    }
    tell_fault(&terminal, &status)
}

fn share(feed: ReplayFeed) -> SharedFeed {
    Arc::new(Mutex::new(Box::new(feed)))
}

fn owned(args: &Args, module: &Module, params: serde_json::Map<String, Value>) -> Result<OwnedTrader, Failure> {
    let name = module.manifest.name.clone();
    let id = args.trader_id.unwrap_or_else(|| TraderId::new(Uuid::new_v5(&NAMESPACE, name.as_bytes())));
    let row = TraderRow {
        id,
        name,
        is_built_in: Some(true),
        user_id: None,
        enabled: Some(true),
        module: Some(ModuleRef { digest: module.digest, place: args.module.display().to_string() }),
        params,
    };
    Scope::local().admit(row).map_err(Failure::fault)
}

/// Fuel for each candle that was looked at.
fn fuel_per_evaluation(status: &Status) -> Option<f64> {
    let evaluations = status.counts.evaluations;
    (evaluations > 0).then(|| status.counts.fuel as f64 / evaluations as f64)
}

fn candles_per_second(totals: &Totals, read: u64) -> f64 {
    read as f64 / totals.elapsed.as_secs_f64().max(1e-9)
}

fn summary(module: &Module, totals: &Totals, status: &Status, read: u64) -> Value {
    let faults: BTreeMap<&str, u64> =
        status.counts.faults.iter().map(|(outcome, count)| (outcome.as_str(), *count)).collect();
    json!({
        "summary": true,
        "trader": status.name,
        "trader_id": status.id,
        "module_sha256": module.digest,
        "candles": read,
        "evaluations": status.counts.evaluations,
        "signals": totals.signals,
        "historical_signals": totals.historical,
        "held_back": status.counts.held_back,
        "gaps": totals.gaps,
        "missing_candles": totals.missing,
        "faults": faults,
        "last_fault": status.last_fault,
        "quarantined": status.quarantined,
        "elapsed_seconds": totals.elapsed.as_secs_f64(),
        "candles_per_second": candles_per_second(totals, read).round(),
        "fuel_per_evaluation": fuel_per_evaluation(status).map(|fuel| (fuel * 10.0).round() / 10.0),
        "peak_memory_bytes": status.counts.peak_memory_bytes,
    })
}

fn print(terminal: &Terminal, totals: &Totals, status: &Status, read: u64) {
    let span = match (totals.first_close_ms, totals.last_close_ms) {
        (Some(first), Some(last)) => format!("{} to {}", minute(first), minute(last)),
        _ => "none".into(),
    };
    let counts = &status.counts;
    terminal.say("");
    terminal.say(&format!("trader       {}", crate::text::shown(&status.name, 80)));
    terminal.say(&format!("candles      {}, closed {span}", grouped(read)));
    terminal.say(&format!("gaps         {}, {} candles missing", grouped(totals.gaps), grouped(totals.missing)));
    terminal.say(&format!("evaluations  {}", grouped(counts.evaluations)));
    terminal.say(&format!("signals      {}, {} held back", grouped(totals.signals), grouped(counts.held_back)));
    let fuel = fuel_per_evaluation(status).map_or_else(|| "-".into(), |fuel| grouped(fuel.round() as u64));
    terminal.say(&format!("cost         {fuel} fuel an evaluation, {} KiB of memory", counts.peak_memory_bytes / 1024));
    let speed = grouped(candles_per_second(totals, read) as u64);
    terminal.say(&format!("time         {}, {speed} candles/s", seconds(totals.elapsed)));
}

/// A trader that faulted makes the command fail, whatever it signalled.
fn tell_fault(terminal: &Terminal, status: &Status) -> Result<(), Failure> {
    let Some(fault) = &status.last_fault else {
        return Ok(());
    };
    let on = match (fault.symbols.as_slice(), fault.interval) {
        ([symbol], Some(interval)) => format!(" on {symbol} {interval}"),
        (symbols, Some(interval)) => format!(" on {} symbols {interval}", symbols.len()),
        (_, None) => String::new(),
    };
    let faults: u64 = status.counts.faults.iter().filter(|(outcome, _)| **outcome != Outcome::Ok).map(|(_, n)| n).sum();
    terminal.note(&format!(
        "{} {}{on}, candle closing {}: {}",
        if faults == 1 { "fault:".to_owned() } else { format!("{faults} faults, the last one:") },
        fault.outcome,
        minute(fault.close_time_ms),
        fault.reason
    ));
    if status.quarantined {
        terminal.note("the trader was quarantined: it faulted too often");
    }
    Err(Failure::told())
}
