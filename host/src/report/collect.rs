//! Told by the fleet while it replays: candles, what the trader made of each, what was kept, what is missing.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::forward::Closes;
use crate::ids::TraderId;
use crate::market::{Column, Gap, Interval, Segment, SymbolId};
use crate::signal::StampedSignal;
use crate::supervisor::observe::{Effect, Observer};
use crate::supervisor::{Evaluation, FaultReport, Witness};

/// Faults that are kept with their words; all are counted by the fleet.
const FAULTS_KEPT: usize = 200;

/// Keeps everything of a replay of one trader. In memory: a hundred bytes a candle, and eight for each line that is plotted.
#[derive(Debug)]
pub struct Collector {
    width: usize,
    seen: Mutex<Seen>,
}

/// What a replay saw.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub(super) streams: BTreeMap<(SymbolId, Interval), Stream>,
    pub(super) closes: Closes,
    pub(super) gaps: Vec<Gap>,
    pub(super) signals: Vec<StampedSignal>,
    pub(super) calls: Vec<Call>,
    pub(super) faults: Vec<FaultReport>,
}

/// A call that returned.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Call {
    /// When its candles closed.
    pub(super) close_time_ms: i64,
    /// Fuel for each of its candles, where it is counted.
    pub(super) fuel: Option<f64>,
}

/// The candles of a stream, oldest first.
#[derive(Debug, Default)]
pub(super) struct Stream {
    pub(super) open_times_ms: Vec<i64>,
    /// Open, high, low, close, volume.
    pub(super) values: [Vec<f64>; 5],
    /// The plotted values, candle by candle; NaN for none.
    pub(super) plots: Vec<f64>,
    /// Whether the trader was called for the candle, and returned.
    pub(super) evaluated: Vec<bool>,
}

impl Collector {
    /// One for a trader that plots so many values a candle.
    #[must_use]
    pub fn new(plot_width: usize) -> Self {
        Self { width: plot_width, seen: Mutex::default() }
    }

    /// What was seen; the collector begins anew.
    pub(super) fn take(&self) -> Seen {
        std::mem::take(&mut *self.lock())
    }

    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn candles(&self, segment: &Segment) {
        let mut seen = self.lock();
        seen.closes.take_in(segment);
        for close in segment.closes() {
            seen.gaps.extend_from_slice(close.gaps());
            for batch in close.batches() {
                for (symbol, values, _) in batch.rows() {
                    let stream = seen.streams.entry((symbol, batch.interval)).or_default();
                    // A feed of files brings each candle once and in order; any other would need a place in the middle.
                    if stream.open_times_ms.last().is_some_and(|last_ms| *last_ms >= batch.open_time_ms) {
                        continue;
                    }
                    stream.open_times_ms.push(batch.open_time_ms);
                    let shown = [Column::Open, Column::High, Column::Low, Column::Close, Column::Volume];
                    for (column, kept) in shown.iter().zip(&mut stream.values) {
                        kept.push(values.get(column.ordinal()).copied().unwrap_or(f64::NAN));
                    }
                    stream.plots.resize(stream.open_times_ms.len() * self.width, f64::NAN);
                    stream.evaluated.push(false);
                }
            }
        }
    }
}

impl Observer for Collector {
    fn make_room(&self) {}

    fn observe(&self, effect: Effect<'_>) {
        match effect {
            Effect::TakenIn(segment) | Effect::Delivering(segment) => self.candles(segment),
            Effect::Kept(signals) => self.lock().signals.extend_from_slice(signals),
            _ => {}
        }
    }
}

impl Witness for Collector {
    fn evaluated(&self, evaluation: &Evaluation<'_>) {
        let mut seen = self.lock();
        let fuel = evaluation.fuel.map(|fuel| fuel as f64 / evaluation.symbols.len() as f64);
        let close_time_ms = evaluation.interval.close_of(evaluation.open_time_ms);
        seen.calls.push(Call { close_time_ms, fuel });
        for (row, symbol) in evaluation.symbols.iter().enumerate() {
            let plots = evaluation.plots.get(row * self.width..(row + 1) * self.width).unwrap_or_default();
            if let Some(stream) = seen.streams.get_mut(&(SymbolId(*symbol), evaluation.interval)) {
                stream.plotted(evaluation.open_time_ms, plots);
            }
        }
    }

    fn faulted(&self, _: TraderId, fault: &FaultReport) {
        let mut seen = self.lock();
        if seen.faults.len() < FAULTS_KEPT {
            seen.faults.push(fault.clone());
        }
    }
}

impl Stream {
    /// What was plotted at a candle. A second time, when a new instance is warmed up, changes nothing.
    fn plotted(&mut self, open_time_ms: i64, plots: &[f64]) {
        let Ok(at) = self.open_times_ms.binary_search(&open_time_ms) else { return };
        let Some(evaluated) = self.evaluated.get_mut(at) else { return };
        if std::mem::replace(evaluated, true) {
            return;
        }
        if let Some(kept) = self.plots.get_mut(at * plots.len()..(at + 1) * plots.len()) {
            kept.copy_from_slice(plots);
        }
    }

    /// The place of the candle that opened then.
    pub(super) fn place(&self, open_time_ms: i64) -> Option<usize> {
        self.open_times_ms.binary_search(&open_time_ms).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segment(minutes: &[i64]) -> Segment {
        let mut segment = Segment::new();
        let mut builder = segment.builder();
        for minute in minutes {
            builder.batch(Interval::M1, minute * 60_000).unwrap();
            for symbol in 0..2 {
                let price = 10.0 + *minute as f64 + f64::from(symbol) * 100.0;
                let values = [price, price + 2.0, price - 2.0, price + 1.0, 5.0, f64::NAN, f64::NAN, f64::NAN];
                builder.row(SymbolId(symbol), &values, 0).unwrap();
            }
        }
        builder.finish().unwrap();
        segment
    }

    fn evaluated(collector: &Collector, minute: i64, symbols: &[u32], plots: &[f64], fuel: u64) {
        collector.evaluated(&Evaluation {
            trader: TraderId::new(uuid::Uuid::from_u128(1)),
            interval: Interval::M1,
            open_time_ms: minute * 60_000,
            symbols,
            plots,
            fuel: Some(fuel),
        });
    }

    #[test]
    fn a_stream_has_its_candles_and_the_plots_of_each() {
        let collector = Collector::new(2);
        collector.observe(Effect::Delivering(&segment(&[0, 1, 3])));
        evaluated(&collector, 0, &[0, 1], &[1.0, 2.0, 3.0, 4.0], 40);
        evaluated(&collector, 3, &[1], &[7.0, 8.0], 9);
        let seen = collector.take();
        let first = &seen.streams[&(SymbolId(0), Interval::M1)];
        assert_eq!(first.open_times_ms, [0, 60_000, 180_000]);
        assert_eq!(first.values[3], [11.0, 12.0, 14.0]);
        assert_eq!((&first.plots[..2], first.evaluated.as_slice()), (&[1.0, 2.0][..], &[true, false, false][..]));
        assert!(first.plots[2..].iter().all(|value| value.is_nan()));
        let second = &seen.streams[&(SymbolId(1), Interval::M1)];
        assert_eq!((second.plots[0], second.plots[5], second.place(180_000)), (3.0, 8.0, Some(2)));
        let calls: Vec<_> = seen.calls.iter().map(|call| (call.close_time_ms, call.fuel.unwrap())).collect();
        assert_eq!(calls, [(59_999, 20.0), (239_999, 9.0)]);
        assert_eq!(seen.closes.at(SymbolId(1), Interval::M1, 60_000), Some(112.0));
    }

    #[test]
    fn what_is_told_again_changes_nothing() {
        let collector = Collector::new(1);
        collector.observe(Effect::Delivering(&segment(&[0])));
        evaluated(&collector, 0, &[0], &[1.0], 10);
        evaluated(&collector, 0, &[0], &[99.0], 10);
        evaluated(&collector, 5, &[0], &[99.0], 10);
        collector.observe(Effect::Delivering(&segment(&[0])));
        let seen = collector.take();
        assert_eq!(seen.streams[&(SymbolId(0), Interval::M1)].plots, [1.0]);
        assert_eq!(seen.calls.len(), 3, "each is a call that cost something");
    }
}
