//! One close in detail: the candles, what the trader plotted and said, its log lines, and its fault.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Map, Value, json};

use super::Prepared;
use super::faults::Run;
use super::play::{Nowhere, run as play_on};
use super::range::Moment;
use crate::cli::drive::Ending;
use crate::cli::failure::Failure;
use crate::cli::terminal::{grouped, minute, print_line};
use crate::ids::TraderId;
use crate::market::{Column, Feed as _, Interval, Segment};
use crate::sandbox::{LogLine, Manifest, Subscription};
use crate::signal::{Burst, Sink};
use crate::supervisor::{Evaluation, FaultReport, Fleet, Witness};
use crate::text::shown;

/// A stream: the longer interval first, then by symbol.
type Stream = (Reverse<Interval>, u32);

pub(super) fn run(mut prepared: Prepared<'_>, at: Moment) -> Result<(), Failure> {
    let (args, terminal, close_ms) = (prepared.args, prepared.terminal.clone(), at.close_ms());
    let ready = prepared.ready(prepared.given.clone(), 0).map_err(Failure::input)?;
    if let Some(note) = &ready.note {
        terminal.note(&format!("note: {note}"));
    }
    let subscription = ready.ready.subscription.clone();
    let looker = Arc::new(Looker { close_ms, seen: Mutex::default() });
    let fleet = prepared.fleet(1)?.witnessed_by(Some(looker.clone()));
    fleet.insert(ready.ready, fleet.begin_read());

    let ending = Ending::on_signals()?;
    prepared.feed.until(close_ms - 1);
    let before = play_on(&fleet, &mut prepared.feed, &ending, &mut Nowhere, &mut |_, totals| {
        drop(fleet.take_lines());
        terminal.status(totals);
    })?;
    if ending.has_come() {
        return Err(Failure::interrupted("stopped before that close was reached"));
    }
    terminal.clear();
    let next_ms = prepared.feed.next_close_ms();
    if next_ms != Some(close_ms) {
        return Err(Failure::input(nothing_closes(close_ms, before.last_close_ms, next_ms, &subscription)));
    }
    looker.take();
    prepared.feed.until(close_ms);
    let mut segment = Segment::new();
    prepared.feed.next(1, &mut segment).map_err(Failure::input)?;
    let mut said = Said::default();
    let held_before = held_back(&fleet);
    fleet.deliver(&segment, &mut said).map_err(|error| Failure::fault(error.to_string()))?;

    let lines = fleet.take_lines().into_iter().map(|(_, line)| line).collect();
    let seen = looker.take();
    let module = args.module.display().to_string();
    let run = Run { module: &module, candles: &args.candles, params: &prepared.given };
    let streams = streams(&segment, &fleet, &subscription, seen.plots, said.0);
    let is_waiting = seen.faults.is_empty() && streams.iter().any(|looked| looked.plots.is_none());
    let earlier = fleet.status().into_iter().next().and_then(|status| status.last_fault);
    let close = Close {
        close_ms,
        before: before.candles,
        manifest: &prepared.module.manifest,
        earlier: earlier.filter(|_| is_waiting),
        streams,
        lines,
        held_back: held_back(&fleet) - held_before,
        reproduce: seen.faults.first().map(|fault| run.reproduce(fault)),
        faults: seen.faults,
    };
    if args.json {
        print_line(close.json());
    } else {
        close.lines().iter().for_each(|line| terminal.say(line));
    }
    if close.faults.is_empty() && close.earlier.is_none() { Ok(()) } else { Err(Failure::told()) }
}

fn held_back(fleet: &Fleet) -> u64 {
    fleet.status().iter().map(|status| status.counts.held_back).sum()
}

fn nothing_closes(close_ms: i64, last_ms: Option<i64>, next_ms: Option<i64>, subscription: &Subscription) -> String {
    let intervals: Vec<&str> = subscription.needs.iter().map(|need| need.interval.as_str()).collect();
    let around: Vec<String> = last_ms.into_iter().chain(next_ms).map(minute).collect();
    let at = minute(close_ms);
    format!("no candle of {} closes at {at}; the nearest closes are {}", intervals.join(", "), around.join(" and "))
}

/// Looks at one close.
struct Looker {
    close_ms: i64,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    plots: BTreeMap<Stream, Vec<f64>>,
    faults: Vec<FaultReport>,
}

impl Looker {
    fn take(&self) -> Seen {
        std::mem::take(&mut *self.seen.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Witness for Looker {
    fn evaluated(&self, evaluation: &Evaluation<'_>) {
        let Evaluation { interval, open_time_ms, symbols, plots, .. } = evaluation;
        if interval.close_of(*open_time_ms) != self.close_ms || symbols.is_empty() {
            return;
        }
        let width = plots.len() / symbols.len();
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        for (row, symbol) in symbols.iter().enumerate() {
            let values = plots.get(row * width..(row + 1) * width).unwrap_or_default();
            // What was told first is what its signals came from.
            seen.plots.entry((Reverse(*interval), *symbol)).or_insert_with(|| values.to_vec());
        }
    }

    fn faulted(&self, _: TraderId, fault: &FaultReport) {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).faults.push(fault.clone());
    }
}

/// The signals of one delivery: symbol, interval and tag.
#[derive(Default)]
struct Said(Vec<(String, &'static str, String)>);

impl Sink for Said {
    fn accept(&mut self, burst: &Burst<'_>) -> io::Result<()> {
        let said = burst.signals.iter();
        self.0.extend(said.map(|signal| (signal.symbol().to_owned(), signal.interval(), signal.tag().to_owned())));
        Ok(())
    }
}

/// What is told of a close.
struct Close<'a> {
    close_ms: i64,
    /// Candles that were replayed before it.
    before: u64,
    manifest: &'a Manifest,
    streams: Vec<Looked>,
    lines: Vec<LogLine>,
    held_back: u64,
    faults: Vec<FaultReport>,
    reproduce: Option<String>,
    /// The fault for which something was not looked at.
    earlier: Option<FaultReport>,
}

/// A candle of the close.
struct Looked {
    symbol: String,
    interval: Interval,
    values: [f64; 8],
    missing: u32,
    /// None where the trader was not given the candle, or did not return.
    plots: Option<Vec<f64>>,
    signals: Vec<String>,
}

fn streams(
    segment: &Segment,
    fleet: &Fleet,
    subscription: &Subscription,
    plots: BTreeMap<Stream, Vec<f64>>,
    said: Vec<(String, &'static str, String)>,
) -> Vec<Looked> {
    let offer = fleet.symbols();
    let wants = |name: &str| {
        let listed = &subscription.symbols;
        listed.is_empty() || listed.iter().any(|listed| listed.eq_ignore_ascii_case(name))
    };
    let mut streams = Vec::new();
    for batch in segment.closes().flat_map(|close| close.batches()) {
        for (symbol, values, missing) in batch.rows() {
            let name = offer.name(symbol).unwrap_or_default();
            if !wants(name) {
                continue;
            }
            let is_its =
                |(of, interval, _): &&(String, &str, String)| of == name && *interval == batch.interval.as_str();
            streams.push(Looked {
                symbol: name.to_owned(),
                interval: batch.interval,
                values: *values,
                missing,
                plots: plots.get(&(Reverse(batch.interval), symbol.0)).cloned(),
                signals: said.iter().filter(is_its).map(|(_, _, tag)| tag.clone()).collect(),
            });
        }
    }
    streams
}

impl Close<'_> {
    fn lines(&self) -> Vec<String> {
        let mut lines = vec![format!("close        {}", minute(self.close_ms))];
        lines.push(format!("before it    {} candles", grouped(self.before)));
        for looked in &self.streams {
            lines.push(String::new());
            lines.push(format!("{} {}", looked.symbol, looked.interval));
            let values = Column::ALL.iter().zip(looked.values).filter(|(_, value)| !value.is_nan());
            lines.extend(values.map(|(column, value)| pair(column.as_str(), &value.to_string())));
            if looked.missing > 0 {
                lines.push(pair("missing", &format!("{} shorter candles", looked.missing)));
            }
            let Some(plots) = &looked.plots else {
                lines.push("  the trader returned nothing for it".to_owned());
                continue;
            };
            for (plot, values) in self.plotted(plots) {
                let values: Vec<String> =
                    values.iter().map(|value| value.map_or("-".into(), |value| value.to_string())).collect();
                lines.push(pair(&plot, &values.join("  ")));
            }
            let signals = if looked.signals.is_empty() { "none".to_owned() } else { looked.signals.join(", ") };
            lines.push(pair("signals", &signals));
        }
        if self.held_back > 0 {
            lines.push(String::new());
            lines.push(format!("held back    {} signals, by the rules that the trader declares", self.held_back));
        }
        if !self.lines.is_empty() {
            lines.push(String::new());
            lines.extend(self.lines.iter().map(|line| format!("{:<12} {}", line.level.as_str(), line.text)));
        }
        if let Some(earlier) = &self.earlier {
            lines.push(String::new());
            lines.push(format!("the trader or a symbol waits for its backoff, or was quarantined, after {earlier}"));
        }
        for fault in &self.faults {
            lines.push(String::new());
            lines.push(format!("fault        {fault}"));
        }
        lines
    }

    fn json(&self) -> Value {
        let streams = self.streams.iter().map(|looked| {
            let candle: Map<String, Value> = Column::ALL
                .iter()
                .zip(looked.values)
                .map(|(column, value)| (column.as_str().into(), value.into()))
                .collect();
            let plots = looked.plots.as_ref().map(|plots| -> Map<String, Value> {
                self.plotted(plots).into_iter().map(|(plot, values)| (plot, values.into())).collect()
            });
            json!({
                "symbol": looked.symbol,
                "interval": looked.interval,
                "candle": candle,
                "missing_base_candles": looked.missing,
                "plots": plots,
                "signals": looked.signals,
            })
        });
        let lines = self.lines.iter().map(|line| json!({ "level": line.level, "text": line.text }));
        json!({
            "close_time_ms": self.close_ms,
            "candles_before": self.before,
            "streams": streams.collect::<Vec<_>>(),
            "held_back": self.held_back,
            "log": lines.collect::<Vec<_>>(),
            "faults": self.faults,
            "reproduce": self.reproduce,
            "earlier_fault": self.earlier,
        })
    }

    /// The values by the id of their plot; a hole is none.
    fn plotted(&self, values: &[f64]) -> Vec<(String, Vec<Option<f64>>)> {
        let mut rest = values.iter().map(|value| value.is_finite().then_some(*value));
        let plots = self.manifest.plots.iter();
        plots.map(|plot| (plot.id.clone(), rest.by_ref().take(plot.lines as usize).collect())).collect()
    }
}

fn pair(name: &str, value: &str) -> String {
    format!("  {:<12} {value}", shown(name, 40))
}
