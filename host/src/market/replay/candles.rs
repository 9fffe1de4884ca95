//! The candles of one stream in memory: 72 bytes each.

use crate::market::candle::Values;

/// Candles in order of time.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Candles {
    pub(super) open_times: Vec<i64>,
    /// Whole rows, since that is how they are delivered.
    pub(super) rows: Vec<Values>,
    /// Base candles missing in each; empty where none is.
    pub(super) missing: Vec<u32>,
}

impl Candles {
    pub(super) fn first_open_ms(&self) -> Option<i64> {
        self.open_times.first().copied()
    }

    pub(super) fn last_open_ms(&self) -> Option<i64> {
        self.open_times.last().copied()
    }

    pub(super) fn push(&mut self, open_time_ms: i64, values: Values) {
        self.open_times.push(open_time_ms);
        self.rows.push(values);
    }

    /// Adds later candles.
    pub(super) fn extend(&mut self, later: &Self) {
        if !self.missing.is_empty() || !later.missing.is_empty() {
            self.missing.resize(self.open_times.len(), 0);
            self.missing.extend_from_slice(&later.missing);
            self.missing.resize(self.open_times.len() + later.open_times.len(), 0);
        }
        self.open_times.extend_from_slice(&later.open_times);
        self.rows.extend_from_slice(&later.rows);
    }

    pub(super) fn shrink(&mut self) {
        self.open_times.shrink_to_fit();
        self.rows.shrink_to_fit();
        self.missing.shrink_to_fit();
    }
}
