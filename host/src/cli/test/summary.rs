//! What `vyx test` says of a whole run.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::costs::Costs;
use super::outlook;
use crate::cli::drive::Totals;
use crate::cli::project::wrapped;
use crate::cli::terminal::{grouped, minute, seconds};
use crate::module::Module;
use crate::report::forward::{HorizonReturns, TagReturns};
use crate::supervisor::{Counts, Status};
use crate::text::shown;

/// A run, of which a range is shown.
pub(super) struct Summary<'a> {
    pub(super) module: &'a Module,
    /// How the trader does in the end.
    pub(super) status: &'a Status,
    /// What is counted of the range.
    pub(super) counts: Counts,
    pub(super) totals: Totals,
    /// What price did after the signals of each tag.
    pub(super) tags: Vec<TagReturns>,
    /// What it did after every candle of the same streams.
    pub(super) any: Vec<HorizonReturns>,
    /// How to see the last fault again.
    pub(super) reproduce: Option<String>,
}

impl Summary<'_> {
    fn costs(&self) -> Costs {
        Costs::of(&self.counts, (self.status.counts.fuel, self.status.total.cpu))
    }

    fn candles_per_second(&self) -> f64 {
        self.totals.candles as f64 / self.totals.elapsed.as_secs_f64().max(1e-9)
    }

    /// The last line of `--json`.
    pub(super) fn json(&self) -> Value {
        let Self { module, status, counts, totals, .. } = self;
        let costs = self.costs();
        let faults: BTreeMap<&str, u64> =
            counts.faults.iter().map(|(outcome, count)| (outcome.as_str(), *count)).collect();
        json!({
            "summary": true,
            "trader": status.name,
            "trader_id": status.id,
            "module_sha256": module.digest,
            "candles": totals.candles,
            "evaluations": counts.evaluations,
            "signals": totals.signals,
            "historical_signals": totals.historical,
            "held_back": counts.held_back,
            "gaps": totals.gaps,
            "missing_candles": totals.missing,
            "faults": faults,
            "last_fault": status.last_fault.as_ref().filter(|_| !counts.faults.is_empty()),
            "reproduce": self.reproduce,
            "quarantined": status.quarantined,
            "elapsed_seconds": totals.elapsed.as_secs_f64(),
            "candles_per_second": self.candles_per_second().round(),
            "fuel_per_evaluation": costs.fuel_per_evaluation.map(|fuel| (fuel * 10.0).round() / 10.0),
            "fuel_of_longest_call": counts.most_fuel,
            "peak_memory_bytes": counts.peak_memory_bytes,
            "over_limits": costs.over,
            "tags": outlook::tags_to_json(&self.tags),
            "any_candle": outlook::to_json(&self.any),
        })
    }

    /// Lines for people.
    pub(super) fn lines(&self, width: usize, has_colours: bool) -> Vec<String> {
        let Self { status, counts, totals, .. } = self;
        let span = match (totals.first_close_ms, totals.last_close_ms) {
            (Some(first), Some(last)) => format!("{} to {}", minute(first), minute(last)),
            _ => "none".into(),
        };
        let mut lines = outlook::table(&self.tags, &self.any, width);
        if !lines.is_empty() {
            lines.extend(wrapped(outlook::LEGEND, width, ""));
            lines.push(String::new());
        }
        lines.extend([
            format!("trader       {}", shown(&status.name, 80)),
            format!("candles      {}", grouped(totals.candles)),
            format!("closed       {span}"),
            format!("gaps         {}, {} candles missing", grouped(totals.gaps), grouped(totals.missing)),
            format!("evaluations  {}", grouped(counts.evaluations)),
            format!("signals      {}, {} held back", grouped(totals.signals), grouped(counts.held_back)),
        ]);
        lines.extend(self.costs().lines(has_colours));
        let speed = grouped(self.candles_per_second() as u64);
        lines.push(format!("time         {}, {speed} candles/s", seconds(totals.elapsed)));
        lines
    }
}
