//! `vyx verify --replay`: proves that a recording gives its signals again.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::{Value, json};

use super::Args;
use crate::cli::failure::Failure;
use crate::cli::local;
use crate::cli::project::{Progress, Project, block_on, retried, width, wrapped};
use crate::cli::terminal::{grouped, print_line};
use crate::config::{Config, quoted};
use crate::files;
use crate::ids::{TraderId, UserId};
use crate::module::Digest;
use crate::recording::{Proof, Recording, Stored, TraderProof, replay};
use crate::sandbox::Metering;
use crate::sandbox::limits::MODULE_BYTES;
use crate::supabase::{Filter, MODULE_BUCKET, Query, module_path};
use crate::text::shown;

/// Ids that are asked for at once: what an address holds.
const IDS_A_QUERY: usize = 100;

pub(super) fn run(path: &Path, args: &Args, config: &Config) -> Result<(), Failure> {
    let recording = Recording::open(path).map_err(Failure::input)?;
    let given = args.modules.as_deref().map(modules_of).transpose()?;
    let project = if given.is_none() || args.rows { Some(Project::of_operator()?) } else { None };
    let modules = local::modules(Metering::Off, config)?;
    let progress = Progress::new(args.json);
    let mut fetch = |digest: Digest, user: Option<UserId>| match (&given, &project) {
        (Some(given), _) => match given.get(&digest) {
            Some(file) => files::read(file, MODULE_BYTES as u64),
            None => Err(format!("no file of --modules has the sha256 {digest}; put the module there")),
        },
        (None, Some(project)) => download(project, digest, user),
        (None, None) => Err("its module cannot be had".to_owned()),
    };
    let mut proofs = Vec::new();
    for (at, session) in recording.sessions.iter().enumerate() {
        progress.say(&format!("replaying session {} of {}", at + 1, recording.sessions.len()));
        let proof = replay(session, &modules, config.workers.get(), args.rows, &mut fetch).unwrap_or_else(|error| {
            Proof { session: session.id.clone(), faults: vec![error.to_string()], ..Proof::default() }
        });
        proofs.push(proof);
    }
    if args.rows
        && let Some(project) = &project
    {
        progress.say("reading the rows");
        proofs.iter_mut().try_for_each(|proof| compare_rows(project, proof))?;
    }
    drop(progress);
    tell(&proofs, &recording.notes, args.json)
}

/// The component files of a folder by their digests.
fn modules_of(folder: &Path) -> Result<BTreeMap<Digest, PathBuf>, Failure> {
    let cannot = |error: std::io::Error| {
        let folder = quoted(&folder.to_string_lossy());
        Failure::input(format!("cannot read {folder}: {error}; give a folder of .wasm files"))
    };
    let mut modules = BTreeMap::new();
    for entry in std::fs::read_dir(folder).map_err(cannot)? {
        let path = entry.map_err(cannot)?.path();
        if path.extension().is_some_and(|extension| extension == "wasm")
            && let Ok(bytes) = files::read(&path, MODULE_BYTES as u64)
        {
            modules.insert(Digest::of(&bytes), path);
        }
    }
    Ok(modules)
}

fn download(project: &Project, digest: Digest, user: Option<UserId>) -> Result<Vec<u8>, String> {
    let path = module_path(user, &digest);
    let fetched =
        block_on(async { Ok(retried(|| project.client.download(MODULE_BUCKET, &path, &digest, MODULE_BYTES)).await) });
    match fetched {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(error)) => Err(error.to_string()),
        Err(failure) => Err(failure.message().unwrap_or("interrupted").to_owned()),
    }
}

/// What a row says of a signal.
#[derive(Debug, Deserialize)]
struct Row {
    id: String,
    price_at_signal: Option<Value>,
    indicator_data: Option<Value>,
}

fn compare_rows(project: &Project, proof: &mut Proof) -> Result<(), Failure> {
    let stored = std::mem::take(&mut proof.stored);
    for (table, historical) in [("signals", false), ("historical_signals", true)] {
        let wanted: BTreeMap<&str, &Stored> =
            stored.iter().filter(|it| it.historical == historical).map(|it| (it.id.as_str(), it)).collect();
        let ids: Vec<&str> = wanted.keys().copied().collect();
        let mut found: BTreeMap<String, Row> = BTreeMap::new();
        for ids in ids.chunks(IDS_A_QUERY) {
            let query = Query::new(table, "id,price_at_signal,indicator_data").filter(Filter::any_of("id", ids.iter()));
            let rows: Vec<Row> = block_on(project.tried(|| project.client.select_all(&query)))?;
            found.extend(rows.into_iter().map(|row| (row.id.clone(), row)));
        }
        let mut problems: BTreeMap<TraderId, (u64, String)> = BTreeMap::new();
        for (id, signal) in wanted {
            let problem = match found.get(id) {
                None => Some(format!("signal {id} has no row in {table}")),
                Some(row) => differs(row, signal).map(|what| format!("the row of signal {id} in {table} {what}")),
            };
            if let Some(problem) = problem {
                problems.entry(signal.trader).or_insert((0, problem)).0 += 1;
            }
        }
        for (trader, (count, first)) in problems {
            let name = proof.traders.get(&trader).map(|it| shown(&it.name, 80)).unwrap_or_default();
            proof.faults.push(format!("{name}: {count} rows are not as recorded, the first: {first}"));
        }
    }
    Ok(())
}

/// What a row has that the signal has not.
fn differs(row: &Row, signal: &Stored) -> Option<String> {
    let price = match &row.price_at_signal {
        Some(Value::Number(number)) => number.as_f64(),
        Some(Value::String(text)) => text.parse().ok(),
        _ => None,
    };
    if price != Some(signal.price) {
        return Some(format!("has the price {price:?}, recorded is {}", signal.price));
    }
    let data = row.indicator_data.as_ref();
    for (plot, lines) in signal.plots.as_object()? {
        let point = data.and_then(|data| data.get(plot)?.get(0));
        for (line, value) in ["y", "y2", "y3"].iter().zip(lines.as_array()?) {
            let of_row = point.and_then(|point| point.get(line)).and_then(Value::as_f64);
            if of_row != value.as_f64() {
                return Some(format!("has {of_row:?} as {plot} {line}, recorded is {value}"));
            }
        }
    }
    None
}

fn tell(proofs: &[Proof], notes: &[String], json: bool) -> Result<(), Failure> {
    let traders: usize = proofs.iter().map(|proof| proof.traders.len()).sum();
    let is_proved = traders > 0 && proofs.iter().all(Proof::is_proved);
    if json {
        print_line(json!({ "ok": is_proved, "sessions": proofs, "notes": notes }));
    } else {
        proofs.iter().flat_map(|proof| lines(proof, width())).for_each(print_line);
        notes.iter().for_each(|note| print_line(format!("note: {note}")));
        let equal: u64 = proofs.iter().flat_map(|proof| proof.traders.values()).map(|trader| trader.equal).sum();
        let recorded: u64 = proofs.iter().flat_map(|proof| proof.traders.values()).map(|trader| trader.recorded).sum();
        let word = if is_proved { "proved" } else { "NOT PROVED" };
        print_line("");
        print_line(format!("{word}: {} of {} signals are the same", grouped(equal), grouped(recorded)));
    }
    if is_proved { Ok(()) } else { Err(Failure::told()) }
}

fn lines(proof: &Proof, width: usize) -> Vec<String> {
    let host = &proof.host;
    let mut lines = wrapped(
        &format!(
            "session {} of {}, vyx {} on {}, {} candles",
            proof.session,
            host.started,
            host.version,
            host.feed,
            grouped(proof.candles)
        ),
        width,
        "  ",
    );
    for (id, trader) in &proof.traders {
        lines.extend(wrapped(&line(id, trader), width, "          "));
        if let Some(first) = &trader.first {
            let first = format!(
                "first: {}, {}: recorded {}, replayed {}",
                first.candle,
                first.field,
                shown(&first.recorded, 200),
                shown(&first.replayed, 200)
            );
            lines.extend(wrapped(&format!("          {first}"), width, "          "));
        }
    }
    for fault in &proof.faults {
        lines.extend(wrapped(&format!("  FAIL    {fault}"), width, "          "));
    }
    lines.extend(proof.notes.iter().flat_map(|note| wrapped(&format!("  note    {note}"), width, "          ")));
    lines
}

fn line(id: &TraderId, trader: &TraderProof) -> String {
    let word = if trader.is_proved() { "equal" } else { "FAIL" };
    let mut line = format!("  {word:<7} {} ({id}): {} signals", shown(&trader.name, 80), grouped(trader.recorded));
    for (count, what) in [
        (trader.equal, "equal"),
        (trader.missing, "missing"),
        (trader.extra, "extra"),
        (trader.different, "different"),
        (trader.not_proved, "not proved"),
    ] {
        if count > 0 {
            line += &format!(", {} {what}", grouped(count));
        }
    }
    if trader.cut_off > 0 {
        line += &format!("; cut off {} times for its CPU time, as it was recorded", trader.cut_off);
    }
    if let Some(reason) = &trader.reason {
        line += &format!("; not proved: {}", shown(reason, 300));
    }
    line
}
