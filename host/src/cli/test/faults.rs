//! A fault in words: what was said and where, on which candle, and the one command that shows it again.

use serde_json::{Map, Value};

use crate::supervisor::{FaultReport, Reproduce};

/// What was run, for the command that shows a fault again.
pub(super) struct Run<'a> {
    pub(super) module: &'a str,
    pub(super) candles: &'a [String],
    pub(super) params: &'a Map<String, Value>,
}

impl Run<'_> {
    /// The command.
    pub(super) fn reproduce(&self, fault: &FaultReport) -> String {
        let Self { module, candles, params } = self;
        Reproduce { module, candles, params, fault }.to_string()
    }

    /// Lines for people.
    pub(super) fn tell(&self, faults: &[FaultReport], count: u64) -> Vec<String> {
        let Some(first) = faults.first() else { return Vec::new() };
        let what = if count == 1 { "fault".to_owned() } else { format!("{count} faults, the first one") };
        let mut lines = vec![format!("{what}: {first}"), format!("see it again: {}", self.reproduce(first))];
        if let Some(last) = faults.last().filter(|last| last.reason != first.reason) {
            lines.push(format!("the last one: {last}"));
        }
        lines
    }
}
