//! What is counted of a trader, and its faults.

use std::collections::BTreeMap;

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
}

impl Counts {
    /// Takes in those of another instance of the same trader.
    pub fn add(&mut self, other: &Self) {
        self.calls += other.calls;
        self.evaluations += other.evaluations;
        self.signals += other.signals;
        self.historical_signals += other.historical_signals;
        self.held_back += other.held_back;
        self.instances += other.instances;
        for (outcome, count) in &other.faults {
            *self.faults.entry(*outcome).or_default() += count;
        }
        self.log_lines_dropped += other.log_lines_dropped;
        self.peak_memory_bytes = self.peak_memory_bytes.max(other.peak_memory_bytes);
        self.fuel += other.fuel;
    }
}

impl super::Runner {
    /// How many calls ended so.
    #[must_use]
    pub fn faults(&self, outcome: Outcome) -> u64 {
        self.counts.faults.get(&outcome).copied().unwrap_or(0)
    }
}
