//! One trader with one set of parameters: its signals as they come, and a summary.

use std::io;
use std::sync::Arc;

use super::Prepared;
use super::faults::Run;
use super::golden::Golden;
use super::play::play;
use super::report::Reporting;
use super::summary::Summary;
use super::told::{CsvRows, Told};
use crate::cli::drive::Ending;
use crate::cli::failure::Failure;
use crate::cli::terminal::{Rows, print_line};
use crate::report::forward::Closes;
use crate::signal::{JsonLines, Sink};
use crate::supervisor::FaultLog;

pub(super) fn run(mut prepared: Prepared<'_>) -> Result<(), Failure> {
    let (args, terminal) = (prepared.args, prepared.terminal.clone());
    let ready = prepared.ready(prepared.given.clone(), 0).map_err(Failure::input)?;
    if let Some(note) = &ready.note {
        terminal.note(&format!("note: {note}"));
    }
    let golden = args.golden.as_ref().map(|path| Golden::open(path, args.update)).transpose()?;
    let seen = Arc::new(FaultLog::default());
    let report = prepared.report.take().map(|file| Reporting::new(file, &ready.ready));
    let fleet = prepared.fleet(prepared.config.workers.get())?.counting_cpu();
    let fleet = match &report {
        Some(report) => report.told_by(fleet, seen.clone()),
        None => fleet.witnessed_by(Some(seen.clone())),
    };
    fleet.insert(ready.ready, fleet.begin_read());

    let cannot = |error: io::Error| Failure::fault(format!("cannot write signals: {error}"));
    let out: Box<dyn Sink> = if args.json {
        Box::new(JsonLines::new(io::stdout()))
    } else if args.csv {
        Box::new(CsvRows::new(io::stdout(), &prepared.module.manifest).map_err(cannot)?)
    } else {
        Box::new(Rows::new(terminal.clone(), true))
    };
    let mut told = Told::new(&fleet.symbols().names().clone(), Some(out), golden.is_some());
    let mut closes = Closes::default();
    let mut found = Vec::new();
    let ending = Ending::on_signals()?;
    let played = play(&fleet, &mut prepared.feed, prepared.range, &ending, &mut told, &mut |segment, totals| {
        closes.take_in(segment);
        found.extend(seen.take().into_iter().map(|(_, fault)| fault));
        terminal.lines(fleet.take_lines());
        terminal.status(totals);
    })?;
    terminal.clear();

    let status = fleet.status().into_iter().next().ok_or_else(|| Failure::fault("the trader is gone"))?;
    let before = played.before.into_iter().next().map(|before| before.counts).unwrap_or_default();
    let counts = status.counts.since(&before);
    found.retain(|fault| prepared.range.holds(fault.close_time_ms));
    let module = args.module.display().to_string();
    let run = Run { module: &module, candles: &args.candles, params: &prepared.given };
    let range = prepared.range;
    let summary = Summary {
        module: &prepared.module,
        status: &status,
        totals: played.totals,
        tags: closes.after(&told.fired),
        any: closes.after_any(&told.fired, |interval, open_ms| range.holds(interval.close_of(open_ms))),
        reproduce: found.last().map(|fault| run.reproduce(fault)),
        counts,
    };
    if args.json {
        print_line(summary.json());
    } else {
        terminal.say("");
        summary.lines(terminal.width(), terminal.has_colours()).iter().for_each(|line| terminal.say(line));
    }

    if let Some(report) = report {
        let (symbols, counts) = (fleet.symbols(), &summary.counts);
        let path = report.write(&prepared.module, symbols.names(), range, counts, status.quarantined)?;
        terminal.note(&format!("report: {path}"));
    }
    let faults = summary.counts.errors();
    run.tell(&found, faults).iter().for_each(|line| terminal.note(line));
    let earlier = before.errors();
    if earlier > 0 {
        terminal.note(&format!("{earlier} faults before --from are not counted"));
    }
    if status.quarantined {
        terminal.note("the trader was quarantined: it faulted too often");
    }
    let is_well = faults == 0 && !status.quarantined;
    let mut holds = true;
    if let (Some(golden), Some(now)) = (golden, &told.golden) {
        if played.was_stopped || (args.update && !is_well) {
            let why = if played.was_stopped { "the replay was stopped" } else { "the trader faulted" };
            terminal.note(&format!("{why}, so {} is left as it is", golden.path().display()));
            holds = false;
        } else {
            holds = golden.compare(now, range, &mut |line| terminal.note(line))?;
        }
    }
    if is_well && holds { Ok(()) } else { Err(Failure::told()) }
}
