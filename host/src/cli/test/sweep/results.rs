//! What came of a sweep, in one order whatever the threads did: for people, as JSON lines and as CSV.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::grid::Axis;
use super::swept;
use crate::cli::terminal::print_line;
use crate::cli::test::costs::Costs;
use crate::cli::test::outlook;
use crate::module::Module;
use crate::report::forward::{HORIZONS, HorizonReturns, TagReturns};
use crate::supervisor::{Counts, FaultReport};
use crate::text::shown;

/// Candles after a signal whose mean return the sets are sorted by.
pub(super) const SORTED_BY: u32 = 20;
/// Bytes of a reason.
const REASON_BYTES: usize = 400;

/// A set of parameters.
#[derive(Debug)]
pub(super) struct Set {
    pub(super) params: Map<String, Value>,
    pub(super) outcome: Outcome,
}

/// What came of a set.
#[derive(Debug)]
pub(super) enum Outcome {
    /// It was not run to the end.
    Waiting,
    /// The trader or the candles do not go with it.
    Refused(String),
    Done(Box<Did>),
}

/// What a set did.
#[derive(Debug)]
pub(super) struct Did {
    pub(super) signals: usize,
    /// What price did after all of its signals.
    pub(super) all: Vec<HorizonReturns>,
    pub(super) tags: Vec<TagReturns>,
    pub(super) costs: Costs,
    pub(super) counts: Counts,
    pub(super) faults: Vec<FaultReport>,
    pub(super) fault_count: u64,
    pub(super) quarantined: bool,
}

impl Did {
    pub(super) fn after(&self, candles: u32) -> Option<&HorizonReturns> {
        self.all.iter().find(|after| after.candles == candles)
    }

    fn mean(&self) -> Option<f64> {
        Some(self.after(SORTED_BY)?.percent.as_ref()?.mean)
    }
}

impl Set {
    pub(super) fn done(&self) -> Option<&Did> {
        if let Outcome::Done(did) = &self.outcome { Some(did) } else { None }
    }
}

/// The highest mean first; then those without a return, refused ones, and those that were not run. What is equal stays in the order of
/// the parameters.
pub(super) fn sorted(mut sets: Vec<Set>) -> Vec<Set> {
    let rank = |set: &Set| match &set.outcome {
        Outcome::Done(did) if did.mean().is_some() => 0,
        Outcome::Done(_) => 1,
        Outcome::Refused(_) => 2,
        Outcome::Waiting => 3,
    };
    let mean = |set: &Set| set.done().and_then(Did::mean).unwrap_or(0.0);
    let order = |a: &Set, b: &Set| -> Ordering { rank(a).cmp(&rank(b)).then(mean(b).total_cmp(&mean(a))) };
    sets.sort_by(order);
    sets
}

/// See the module.
pub(super) struct Results<'a> {
    pub(super) axes: &'a [Axis],
    pub(super) sets: Vec<Set>,
    pub(super) elapsed: Duration,
}

impl Results<'_> {
    /// Sets that were run to the end.
    pub(super) fn done(&self) -> usize {
        self.sets.iter().filter(|set| set.done().is_some()).count()
    }

    /// Candles that all sets looked at.
    pub(super) fn evaluations(&self) -> u64 {
        self.sets.iter().filter_map(Set::done).map(|did| did.counts.evaluations).sum()
    }

    /// For people.
    pub(super) fn lines(&self, width: usize, has_colours: bool) -> Vec<String> {
        super::table::lines(self, width, has_colours)
    }

    /// A line for each set, and a summary as the last one.
    pub(super) fn print_json(&self, module: &Module) {
        for set in &self.sets {
            print_line(self.set_to_json(set));
        }
        print_line(json!({
            "summary": true,
            "trader": module.manifest.name,
            "module_sha256": module.digest,
            "sets": self.sets.len(),
            "done": self.done(),
            "refused": self.sets.iter().filter(|set| matches!(set.outcome, Outcome::Refused(_))).count(),
            "evaluations": self.evaluations(),
            "sorted_by": format!("mean_percent {SORTED_BY} candles after a signal"),
            "elapsed_seconds": self.elapsed.as_secs_f64(),
        }));
    }

    fn set_to_json(&self, set: &Set) -> Value {
        match &set.outcome {
            Outcome::Waiting => json!({ "params": set.params, "outcome": "not-run" }),
            Outcome::Refused(reason) => {
                json!({ "params": set.params, "outcome": "refused", "reason": shown(reason, REASON_BYTES) })
            }
            Outcome::Done(did) => {
                let faults: BTreeMap<&str, u64> =
                    did.counts.faults.iter().map(|(outcome, count)| (outcome.as_str(), *count)).collect();
                json!({
                    "params": set.params,
                    "outcome": "done",
                    "signals": did.signals,
                    "held_back": did.counts.held_back,
                    "evaluations": did.counts.evaluations,
                    "after": outlook::to_json(&did.all),
                    "tags": outlook::tags_to_json(&did.tags),
                    "fuel_per_evaluation": did.costs.fuel_per_evaluation.map(|fuel| (fuel * 10.0).round() / 10.0),
                    "fuel_of_longest_call": did.counts.most_fuel,
                    "peak_memory_bytes": did.costs.memory_bytes,
                    "faults": faults,
                    "first_fault": did.faults.first(),
                    "quarantined": did.quarantined,
                })
            }
        }
    }

    /// A row for each set.
    pub(super) fn print_csv(&self) -> io::Result<()> {
        self.write_csv(io::stdout())
    }

    fn write_csv(&self, to: impl io::Write) -> io::Result<()> {
        let mut to = csv::Writer::from_writer(to);
        let mut header: Vec<String> = self.axes.iter().map(|axis| axis.name.clone()).collect();
        header.extend(["outcome", "signals", "held_back", "evaluations"].map(str::to_owned));
        for candles in HORIZONS {
            header.extend(
                ["count", "hit_rate", "mean_percent", "median_percent"].map(|name| format!("{name}_{candles}")),
            );
        }
        header.extend(["fuel_per_evaluation", "peak_memory_bytes", "faults", "reason"].map(str::to_owned));
        to.write_record(&header)?;
        let number = |value: Option<f64>| value.map(|value| value.to_string()).unwrap_or_default();
        for set in &self.sets {
            let mut row = swept(self.axes, &set.params);
            let Some(did) = set.done() else {
                let (outcome, reason) = match &set.outcome {
                    Outcome::Refused(reason) => ("refused", shown(reason, REASON_BYTES)),
                    _ => ("not-run", String::new()),
                };
                row.push(outcome.to_owned());
                row.resize(header.len() - 1, String::new());
                row.push(reason);
                to.write_record(&row)?;
                continue;
            };
            row.push("done".to_owned());
            row.extend(
                [did.signals as u64, did.counts.held_back, did.counts.evaluations].map(|count| count.to_string()),
            );
            for candles in HORIZONS {
                let after = did.after(candles);
                let percent = after.and_then(|after| after.percent.as_ref());
                row.push(after.map_or(0, |after| after.count).to_string());
                row.push(number(after.and_then(|after| after.hit_rate)));
                row.push(number(percent.map(|percent| percent.mean)));
                row.push(number(percent.map(|percent| percent.median)));
            }
            row.push(number(did.costs.fuel_per_evaluation.map(|fuel| (fuel * 10.0).round() / 10.0)));
            row.push(did.costs.memory_bytes.to_string());
            row.push(did.fault_count.to_string());
            row.push(did.faults.first().map(|fault| fault.reason.clone()).unwrap_or_default());
            to.write_record(&row)?;
        }
        to.flush()
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::market::{Interval, SymbolId};
    use crate::report::forward::{Closes, Fired};

    /// Sets over a price that rises by a percent or two at every candle, each with its signals.
    pub(in super::super) fn sets() -> (Vec<Axis>, Vec<Set>) {
        let mut closes = Closes::default();
        let mut price = 100.0;
        for minute in 0..100_i64 {
            price *= 1.0 + f64::from(minute as u8 % 7) / 1_000.0 - 0.002;
            closes.insert(SymbolId(0), Interval::M1, minute * 60_000, price);
        }
        let fired = |minute: i64| Fired {
            symbol: SymbolId(0),
            interval: Interval::M1,
            open_time_ms: minute * 60_000,
            tag: "up".to_owned(),
        };
        let done = |minutes: &[i64], fault: bool| {
            let fired: Vec<Fired> = minutes.iter().copied().map(fired).collect();
            let tags = closes.after(&fired);
            let mut counts = Counts {
                evaluations: 200_000,
                fuel: 240_000_000,
                most_fuel: 1_300,
                most_fuel_symbols: 1,
                ..Counts::default()
            };
            if fault {
                counts.faults.insert(crate::sandbox::Outcome::MemoryLimit, 3);
            }
            counts.peak_memory_bytes = 1_114_112;
            Outcome::Done(Box::new(Did {
                signals: fired.len(),
                all: tags.first().map(|tag| tag.horizons.clone()).unwrap_or_default(),
                tags,
                costs: Costs::of(&counts, (counts.fuel, Duration::from_millis(240))),
                fault_count: 3 * u64::from(fault),
                counts,
                faults: Vec::new(),
                quarantined: false,
            }))
        };
        let axes = vec![
            Axis { name: "period".into(), values: [7, 9, 11].map(Value::from).to_vec() },
            Axis { name: "line".into(), values: vec![Value::from(0.5), Value::from(1.0)] },
        ];
        let mut outcomes = vec![
            done(&[1, 2, 3], false),
            done(&[5, 50, 60, 79], false),
            done(&[], false),
            Outcome::Refused("init: \"period\" must be above 9 with that line\u{1b}[2J".into()),
            done(&[4, 11, 18], true),
            Outcome::Waiting,
        ]
        .into_iter();
        let params = super::super::grid::sets(&axes, &Map::new());
        let sets = params.into_iter().zip(&mut outcomes).map(|(params, outcome)| Set { params, outcome }).collect();
        (axes, sets)
    }

    #[test]
    fn the_best_mean_comes_first_and_what_was_not_run_last() {
        let (axes, sets) = sets();
        let sets = sorted(sets);
        let order: Vec<String> = sets.iter().map(|set| swept(&axes, &set.params).join(" ")).collect();
        let means: Vec<f64> = sets.iter().filter_map(|set| set.done()?.mean()).collect();
        assert!(means.len() == 3 && means.is_sorted_by(|a, b| a >= b), "{means:?}");
        assert_eq!(order[3..], ["9 0.5", "9 1.0", "11 1.0"]);
    }

    #[test]
    fn csv_has_a_row_for_each_set() {
        let (axes, sets) = sets();
        let results = Results { axes: &axes, sets: sorted(sets), elapsed: Duration::ZERO };
        let mut text = Vec::new();
        results.write_csv(&mut text).unwrap();
        insta::assert_snapshot!("sweep_csv", String::from_utf8(text).unwrap());
    }
}
