//! What is remembered of a trader's faults and of its words.

use super::{Failed, FaultReport, Runner};
use crate::market::{Interval, Offer, SymbolId};
use crate::sandbox::{Fault, LogLine, Outcome};

/// Log lines that are kept until somebody takes them.
const LOG_LINES_KEPT: usize = 1_000;

/// Faults of one delivery that are kept; all are counted.
const FAULTS_KEPT: usize = 100;

impl Runner {
    /// Takes the log lines that came since they were last taken.
    pub fn take_lines(&mut self) -> Vec<LogLine> {
        std::mem::take(&mut self.log)
    }

    /// The trader as a whole has faulted.
    pub(super) fn strike(&mut self, failed: &Failed, now_ms: i64, offer: &Offer) {
        self.take_log();
        self.drop_instance();
        if failed.fault.outcome.is_strike() {
            self.backoff.fault(now_ms);
        }
        let (interval, named) = match &failed.at {
            Some((_, interval, of)) => {
                let name = |symbol: &u32| offer.name(SymbolId(*symbol)).map(str::to_owned);
                (Some(*interval), of.iter().filter_map(name).collect())
            }
            None => (None, Vec::new()),
        };
        let close_ms = failed.at.as_ref().map_or(now_ms, |(close_ms, _, _)| *close_ms);
        self.report(&failed.fault, named, interval, close_ms);
    }

    /// The host itself panicked while it ran the trader: nothing of the delivery was kept. It is held against the trader, since it
    /// would happen again and again.
    pub fn host_failed(&mut self, now_ms: i64) {
        self.undo();
        self.backoff.fault(now_ms);
        let fault = Fault::new(Outcome::HostFault, "run", "the host panicked, see its log".to_owned());
        self.report(&fault, Vec::new(), None, now_ms);
    }

    pub(super) fn report(
        &mut self,
        fault: &Fault,
        symbols: Vec<String>,
        interval: Option<Interval>,
        close_time_ms: i64,
    ) {
        *self.counts.faults.entry(fault.outcome).or_default() += 1;
        if fault.outcome == Outcome::Killed {
            return;
        }
        let reason = format!("{}: {}", fault.during, fault.reason);
        let report = FaultReport { outcome: fault.outcome, reason, symbols, interval, close_time_ms };
        if self.faults.len() < FAULTS_KEPT {
            self.faults.push(report.clone());
        }
        self.last_fault = Some(report);
    }

    /// Keeps what the instance has written.
    pub fn take_log(&mut self) {
        if let Some(instance) = &mut self.instance {
            let (lines, dropped) = instance.take_log();
            self.keep_lines(lines, dropped);
        }
    }

    /// Forgets words that were said before.
    pub(super) fn drop_log(&mut self) {
        if let Some(instance) = &mut self.instance {
            drop(instance.take_log());
        }
    }

    pub(super) fn keep_lines(&mut self, lines: Vec<LogLine>, dropped: u64) {
        self.counts.log_lines_dropped += dropped;
        for line in lines {
            if self.log.len() < LOG_LINES_KEPT {
                self.log.push(line);
            } else {
                self.counts.log_lines_dropped += 1;
            }
        }
    }
}
