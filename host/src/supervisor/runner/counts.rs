//! What is counted of a trader, and its faults.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use serde::Serialize;

use crate::market::Interval;
use crate::sandbox::Outcome;

/// A fault, with the candle that caused it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FaultReport {
    /// How the call ended.
    pub outcome: Outcome,
    /// What the guest or the host said, with the export that was called.
    pub reason: String,
    /// The symbols in hand: none before a first candle, one where it is known which.
    pub symbols: Vec<String>,
    /// The interval in hand.
    pub interval: Option<Interval>,
    /// The close in hand, UTC milliseconds.
    pub close_time_ms: i64,
}

impl fmt::Display for FaultReport {
    /// One line: how it ended, on which candle, and what was said, with file and line where the guest told them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.outcome)?;
        match (self.symbols.as_slice(), self.interval) {
            ([symbol], Some(interval)) => write!(f, " on {symbol} {interval}")?,
            (symbols, Some(interval)) => write!(f, " on {} symbols {interval}", symbols.len())?,
            (_, None) => {}
        }
        match Timestamp::from_millisecond(self.close_time_ms.saturating_add(1)) {
            Ok(close) => write!(f, ", candle closing {}", close.strftime("%Y-%m-%d %H:%M"))?,
            Err(_) => write!(f, ", candle closing at {} ms", self.close_time_ms)?,
        }
        write!(f, ": {}", self.reason)
    }
}

/// Counts of a trader.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Counts {
    /// Calls with closed candles, warm-up included.
    pub calls: u64,
    /// Candles that were looked at, warm-up included.
    pub evaluations: u64,
    /// Live signals that were found and kept.
    pub signals: u64,
    /// Signals of warm-ups.
    pub historical_signals: u64,
    /// Signals that its own rules or the limits held back.
    pub held_back: u64,
    /// Those of them that only the limit of a minute held back.
    pub over_limit: u64,
    /// Instances made.
    pub instances: u64,
    /// Calls by how they ended; what returned is not counted here.
    pub faults: BTreeMap<Outcome, u64>,
    /// Log lines above the limit.
    pub log_lines_dropped: u64,
    /// The most memory that an instance held.
    pub peak_memory_bytes: usize,
    /// Fuel burnt, where it is counted.
    pub fuel: u64,
    /// The most fuel of one call with candles, where it is counted.
    pub most_fuel: u64,
    /// How many symbols that call carried.
    pub most_fuel_symbols: usize,
}

impl Counts {
    /// Takes in those of another instance of the same trader.
    pub fn add(&mut self, other: &Self) {
        self.calls += other.calls;
        self.evaluations += other.evaluations;
        self.signals += other.signals;
        self.historical_signals += other.historical_signals;
        self.held_back += other.held_back;
        self.over_limit += other.over_limit;
        self.instances += other.instances;
        for (outcome, count) in &other.faults {
            *self.faults.entry(*outcome).or_default() += count;
        }
        self.log_lines_dropped += other.log_lines_dropped;
        self.peak_memory_bytes = self.peak_memory_bytes.max(other.peak_memory_bytes);
        self.fuel += other.fuel;
        self.longest(other.most_fuel, other.most_fuel_symbols);
    }

    /// Takes in the cost of a call.
    pub(super) fn longest(&mut self, fuel: u64, symbols: usize) {
        if fuel > self.most_fuel {
            (self.most_fuel, self.most_fuel_symbols) = (fuel, symbols);
        }
    }

    /// Calls that went wrong, whoever is to blame. A call that the host stopped, as its trader was disabled, deleted or replaced, did
    /// not.
    #[must_use]
    pub fn errors(&self) -> u64 {
        let wrong = |outcome: &Outcome| !matches!(outcome, Outcome::Ok | Outcome::Killed);
        self.faults.iter().filter(|(outcome, _)| wrong(outcome)).map(|(_, count)| count).sum()
    }

    /// What was counted after an earlier look. What is a maximum stays one of the whole time.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        let mut counts = self.clone();
        counts.calls = self.calls.saturating_sub(earlier.calls);
        counts.evaluations = self.evaluations.saturating_sub(earlier.evaluations);
        counts.signals = self.signals.saturating_sub(earlier.signals);
        counts.historical_signals = self.historical_signals.saturating_sub(earlier.historical_signals);
        counts.held_back = self.held_back.saturating_sub(earlier.held_back);
        counts.over_limit = self.over_limit.saturating_sub(earlier.over_limit);
        counts.instances = self.instances.saturating_sub(earlier.instances);
        for (outcome, count) in &mut counts.faults {
            *count = count.saturating_sub(earlier.faults.get(outcome).copied().unwrap_or(0));
        }
        counts.faults.retain(|_, count| *count > 0);
        counts.log_lines_dropped = self.log_lines_dropped.saturating_sub(earlier.log_lines_dropped);
        counts.fuel = self.fuel.saturating_sub(earlier.fuel);
        counts
    }
}

impl super::Runner {
    /// How many calls ended so.
    #[must_use]
    pub fn faults(&self, outcome: Outcome) -> u64 {
        self.counts.faults.get(&outcome).copied().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trader_that_is_stopped_in_a_call_made_no_error() {
        let mut counts = Counts::default();
        counts.faults.extend([(Outcome::Killed, 3), (Outcome::Trap, 2), (Outcome::HostFault, 1)]);
        assert_eq!(counts.errors(), 3);
    }
}
