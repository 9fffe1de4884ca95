//! How the traders do.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::{Fleet, Slot, lock};
use crate::ids::TraderId;
use crate::sandbox::{LogLine, Subscription};
use crate::supervisor::plan::Version;
use crate::supervisor::reproduce::Rerun;
use crate::supervisor::runner::{Counts, FaultReport};

/// What a trader did in all of its versions since the host started.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    /// Its counts.
    pub counts: Counts,
    /// CPU time of its evaluations, where it is counted.
    pub cpu: Duration,
}

impl Tally {
    pub(super) fn add(&mut self, other: &Self) {
        self.counts.add(&other.counts);
        self.cpu += other.cpu;
    }
}

/// How a trader does.
#[derive(Debug, Clone)]
pub struct Status {
    /// Its id.
    pub id: TraderId,
    /// Its name.
    pub name: String,
    /// What runs.
    pub version: Version,
    /// Where its module is, in the words of its registry.
    pub place: String,
    /// Whether an instance is there.
    pub live: bool,
    /// Whether it has used up its strikes.
    pub quarantined: bool,
    /// Faults since it last ran well for long enough.
    pub strikes: u32,
    /// The counts of this version.
    pub counts: Counts,
    /// Those of all its versions.
    pub total: Tally,
    /// Its last fault.
    pub last_fault: Option<FaultReport>,
    /// What it subscribes to, once it has started.
    pub subscription: Option<Subscription>,
}

impl Fleet {
    /// Log lines that traders wrote since this was last asked, with the trader's name.
    pub fn take_lines(&self) -> Vec<(String, LogLine)> {
        let slots: Vec<Arc<Slot>> = self.slots().values().cloned().collect();
        let mut lines = std::mem::take(&mut *lock(&self.last_words));
        for slot in slots {
            let name = slot.owned.name();
            lines.extend(lock(&slot.runner).take_lines().into_iter().map(|line| (name.to_owned(), line)));
        }
        lines
    }

    /// Says how faults are seen again: by default as those of a host that runs elsewhere.
    #[must_use]
    pub fn rerun_by(mut self, rerun: Rerun) -> Self {
        self.rerun = rerun;
        self
    }

    /// The command that shows a fault of a trader again, on the machine of its author.
    #[must_use]
    pub fn reproduce(&self, status: &Status, fault: &FaultReport) -> String {
        self.rerun.command(&status.version, &status.place, status.subscription.as_ref(), fault)
    }

    /// How every trader does.
    #[must_use]
    pub fn status(&self) -> Vec<Status> {
        let slots: Vec<Arc<Slot>> = self.slots().values().cloned().collect();
        slots
            .iter()
            .map(|slot| {
                let runner = lock(&slot.runner);
                let own = slot.tally(&runner);
                let mut total = lock(&self.past).get(&slot.owned.id()).cloned().unwrap_or_default();
                if !slot.is_past.load(Ordering::Acquire) {
                    total.add(&own);
                }
                Status {
                    id: slot.owned.id(),
                    name: slot.owned.name().to_owned(),
                    version: slot.version.clone(),
                    place: slot.owned.module().place.clone(),
                    live: runner.is_live(),
                    quarantined: runner.is_quarantined(),
                    strikes: runner.strikes(),
                    counts: own.counts,
                    total,
                    last_fault: runner.last_fault().cloned(),
                    subscription: runner.subscription().cloned(),
                }
            })
            .collect()
    }

    /// What a trader did in versions that do not run any more.
    #[must_use]
    pub fn past(&self, id: TraderId) -> Tally {
        lock(&self.past).get(&id).cloned().unwrap_or_default()
    }

    /// Whether a trader runs, or waits for its backoff.
    #[must_use]
    pub fn holds(&self, id: TraderId) -> bool {
        self.slots().contains_key(&id)
    }

    /// Close time of the newest candle that was delivered or taken in.
    #[must_use]
    pub fn now_ms(&self) -> i64 {
        *lock(&self.now_ms)
    }

    /// Whether a trader is being evaluated at this moment.
    #[must_use]
    pub fn is_evaluating(&self, id: TraderId) -> bool {
        let slot = self.slots().get(&id).cloned();
        slot.is_some_and(|slot| matches!(slot.runner.try_lock(), Err(std::sync::TryLockError::WouldBlock)))
    }

    /// How often a worker was held up by one trader.
    #[must_use]
    pub fn overdue(&self) -> u64 {
        self.watchdog.overdue()
    }
}
