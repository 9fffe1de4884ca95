//! What a trader costs, beside what production gives it.

use std::time::Duration;

use console::style;

use crate::cli::terminal::grouped;
use crate::sandbox::{Outcome, limits};
use crate::supervisor::Counts;

/// See the module.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Costs {
    /// Fuel for each candle that was looked at.
    pub(super) fuel_per_evaluation: Option<f64>,
    /// The most fuel of one call, how many symbols it carried, and how long that takes at the speed of this replay.
    longest_call: Option<(u64, usize, Duration)>,
    pub(super) memory_bytes: usize,
    /// What production would not let pass, in words.
    pub(super) over: Vec<String>,
    /// Which of the figures that concerns.
    pub(super) is_over: Over,
}

/// Figures that are above a limit of production.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Over {
    pub(super) time: bool,
    pub(super) memory: bool,
}

impl Costs {
    /// Those of a replay, or of a part of it. `all` is the fuel of the whole replay, and what its calls took together.
    pub(super) fn of(counts: &Counts, all: (u64, Duration)) -> Self {
        let faults = |outcome: Outcome| counts.faults.get(&outcome).copied().unwrap_or(0);
        // Fuel is the same on every machine, time is not: so the longest call is found by its fuel, and timed by the average.
        let (fuel, cpu) = all;
        let seconds_per_fuel = cpu.as_secs_f64() / fuel.max(1) as f64;
        let longest_call = (counts.most_fuel > 0 && fuel > 0).then(|| {
            let time = Duration::from_secs_f64(counts.most_fuel as f64 * seconds_per_fuel);
            (counts.most_fuel, counts.most_fuel_symbols, time)
        });
        let mut over = Vec::new();
        let mut is_over = Over::default();
        let (cut, denied) = (faults(Outcome::CpuDeadline), faults(Outcome::MemoryLimit));
        let slow = longest_call.filter(|(_, symbols, time)| *time > limits::cpu_of_batch(*symbols));
        if cut > 0 {
            over.push(format!("{cut} calls or warm-ups ran out of CPU time and were cut off"));
        } else if let Some((_, symbols, time)) = slow {
            let budget = limits::cpu_of_batch(symbols).as_millis();
            over.push(format!("the longest call takes about {} ms, production gives it {budget} ms", time.as_millis()));
        }
        is_over.time = cut > 0 || slow.is_some();
        if denied > 0 {
            let budget = limits::MEMORY_BYTES / 1024;
            over.push(format!("{denied} calls asked for more than the {} KiB of memory", grouped(budget as u64)));
            is_over.memory = true;
        }
        if counts.log_lines_dropped > 0 {
            let budget = limits::LOG_BYTES_PER_MINUTE / 1024;
            over.push(format!(
                "{} log lines were dropped, above {budget} KiB a minute",
                grouped(counts.log_lines_dropped)
            ));
        }
        if counts.over_limit > 0 {
            let budget = grouped(u64::from(limits::SIGNALS_PER_MINUTE));
            over.push(format!("{} signals were held back, above {budget} a minute", grouped(counts.over_limit)));
        }
        Self {
            fuel_per_evaluation: (counts.evaluations > 0).then(|| counts.fuel as f64 / counts.evaluations as f64),
            longest_call,
            memory_bytes: counts.peak_memory_bytes,
            over,
            is_over,
        }
    }

    /// Lines for people. Red is what production would not let pass; the words say it as well.
    pub(super) fn lines(&self, has_colours: bool) -> Vec<String> {
        let red = |text: String, is_over: bool| {
            if is_over { style(text).red().force_styling(has_colours).to_string() } else { text }
        };
        let fuel = self.fuel_per_evaluation.map_or_else(|| "-".into(), |fuel| grouped(fuel.round() as u64));
        let mut lines = vec![format!("cost         {fuel} fuel an evaluation")];
        if let Some((fuel, symbols, time)) = self.longest_call {
            let budget = limits::cpu_of_batch(symbols).as_millis();
            let text = format!("longest call {} fuel, about {} of {budget} ms", grouped(fuel), millis(time));
            lines.push(red(text, self.is_over.time));
        }
        let (used, budget) = (grouped(self.memory_bytes as u64 / 1024), grouped(limits::MEMORY_BYTES as u64 / 1024));
        lines.push(red(format!("memory       {used} of {budget} KiB"), self.is_over.memory));
        lines.extend(self.over.iter().map(|words| red(format!("above limit  {words}"), true)));
        lines
    }
}

fn millis(time: Duration) -> String {
    let ms = time.as_secs_f64() * 1_000.0;
    if ms < 0.01 {
        "0.01 ms".into()
    } else if ms < 10.0 {
        format!("{ms:.2} ms")
    } else {
        format!("{ms:.0} ms")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn counts() -> Counts {
        Counts {
            evaluations: 1_000,
            fuel: 1_200_000,
            most_fuel: 24_000,
            most_fuel_symbols: 20,
            peak_memory_bytes: 1_114_112,
            ..Counts::default()
        }
    }

    #[test]
    fn costs_stand_beside_what_production_gives() {
        let costs = Costs::of(&counts(), (counts().fuel, Duration::from_millis(12)));
        assert!(costs.over.is_empty());
        insta::assert_snapshot!(costs.lines(true).join("\n"), @r"
        cost         1,200 fuel an evaluation
        longest call 24,000 fuel, about 0.24 ms of 120 ms
        memory       1,088 of 16,384 KiB
        ");
    }

    #[test]
    fn what_production_would_not_let_pass_is_red_and_said() {
        let counts = Counts {
            faults: BTreeMap::from([(Outcome::MemoryLimit, 2)]),
            log_lines_dropped: 1_500,
            over_limit: 7,
            ..counts()
        };
        let costs = Costs::of(&counts, (counts.fuel, Duration::from_secs(60)));
        insta::assert_snapshot!(costs.lines(false).join("\n"), @r"
        cost         1,200 fuel an evaluation
        longest call 24,000 fuel, about 1200 ms of 120 ms
        memory       1,088 of 16,384 KiB
        above limit  the longest call takes about 1200 ms, production gives it 120 ms
        above limit  2 calls asked for more than the 16,384 KiB of memory
        above limit  1,500 log lines were dropped, above 16 KiB a minute
        above limit  7 signals were held back, above 2,000 a minute
        ");
        let coloured = costs.lines(true);
        assert!(coloured.iter().skip(1).all(|line| line.starts_with("\u{1b}[31m")), "{coloured:?}");
        assert!(!coloured[0].contains('\u{1b}'));
    }

    #[test]
    fn nothing_that_was_looked_at_costs_nothing() {
        assert_eq!(
            Costs::of(&Counts::default(), (0, Duration::ZERO)).lines(false)[0],
            "cost         - fuel an evaluation"
        );
    }
}
