//! What the sender does next with the rows of one table: how many it sends, and when. No clock, no request: only the rules.

use std::hash::{BuildHasher as _, RandomState};
use std::time::Duration;

use tokio::time::Instant;

use super::{BATCH_BYTES, BATCH_ROWS, DeliverError, Refusal};

/// The first wait after a failure is drawn between nothing and this.
const FIRST_WAIT: Duration = Duration::from_millis(500);
/// No wait is longer, unless the server asks for it.
const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// A server that asks for more is taken for confused: signals must not wait for an hour because of a slip in a proxy.
const LONGEST_ASKED: Duration = Duration::from_secs(600);
/// How long to wait for somebody to mend something: at least half of it, since asking sooner changes nothing.
const MENDING_WAIT: Duration = Duration::from_secs(60);
/// Failures in a row after which a single row is sent, to find out whether it works again.
const PROBE_AFTER: u32 = 5;

/// What to do with the rows that were sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// The database has them.
    Settle,
    /// The one row is poison.
    Bury,
    /// Nothing: they are sent again, at once or later, in another number.
    Again,
}

/// The rules for one table.
#[derive(Debug)]
pub(super) struct Lane {
    /// Failures since the last answer that says something of the rows.
    pub(super) failures: u32,
    /// Nothing is sent before.
    pub(super) not_before: Instant,
    max_rows: usize,
    max_bytes: usize,
    /// So many rows at the head of the queue are known to hold a poisonous one.
    suspects: usize,
}

impl Lane {
    pub(super) fn new(now: Instant) -> Self {
        Self { failures: 0, not_before: now, max_rows: BATCH_ROWS, max_bytes: BATCH_BYTES, suspects: 0 }
    }

    /// Rows of the next request.
    pub(super) fn rows(&self) -> usize {
        if self.failures >= PROBE_AFTER { 1 } else { self.max_rows }
    }

    /// Bytes of the next request.
    pub(super) fn bytes(&self) -> usize {
        self.max_bytes
    }

    /// After a request of so many rows and bytes. `drawn` is a random number from 0 to 1.
    pub(super) fn after(
        &mut self,
        rows: usize,
        bytes: usize,
        outcome: Result<(), &DeliverError>,
        now: Instant,
        drawn: f64,
    ) -> Next {
        let Err(error) = outcome else {
            self.failures = 0;
            self.succeeded(rows);
            return Next::Settle;
        };
        match error.refusal {
            Refusal::Reject | Refusal::TooLarge if rows <= 1 => {
                self.failures = 0;
                self.suspects = 0;
                // Poison often comes in a row: the next request is small, and grows again if it gets through.
                self.max_rows = 1;
                Next::Bury
            }
            Refusal::Reject => {
                self.failures = 0;
                self.suspects = rows;
                self.max_rows = rows / 2;
                Next::Again
            }
            Refusal::TooLarge => {
                self.failures = 0;
                self.max_rows = rows / 2;
                self.max_bytes = bytes / 2;
                Next::Again
            }
            Refusal::Halve => {
                self.max_rows = (rows / 2).max(1);
                self.wait(error, now, drawn);
                Next::Again
            }
            Refusal::Retry | Refusal::NeedsMending => {
                self.wait(error, now, drawn);
                Next::Again
            }
        }
    }

    /// The outbox itself failed.
    pub(super) fn stumbled(&mut self, now: Instant, drawn: f64) {
        self.failures = self.failures.saturating_add(1);
        self.not_before = now + self.jitter(drawn);
    }

    fn succeeded(&mut self, rows: usize) {
        self.suspects = self.suspects.saturating_sub(rows);
        // What was too large may have been so by mistake; growing slowly costs few refusals if it was not.
        self.max_bytes = (self.max_bytes + self.max_bytes / 8 + 1).min(BATCH_BYTES);
        // What is left of the suspects is halved; without any the request doubles up to its full size.
        self.max_rows = match self.suspects {
            0 => self.max_rows.saturating_mul(2).min(BATCH_ROWS),
            suspects => suspects.div_ceil(2),
        };
    }

    fn wait(&mut self, error: &DeliverError, now: Instant, drawn: f64) {
        self.failures = self.failures.saturating_add(1);
        let own = match error.refusal {
            Refusal::NeedsMending => MENDING_WAIT.mul_f64(f64::midpoint(1.0, drawn)),
            _ => self.jitter(drawn),
        };
        self.not_before = now + error.after.map_or(own, |asked| asked.min(LONGEST_ASKED).max(own));
    }

    /// Drawn from the whole of a range that doubles with each failure, so that many hosts do not come back at one moment.
    fn jitter(&self, drawn: f64) -> Duration {
        let doublings = self.failures.saturating_sub(1).min(16);
        FIRST_WAIT.saturating_mul(1 << doublings).min(LONGEST_WAIT).mul_f64(drawn)
    }
}

/// A random number from 0 to 1, for waits only.
pub(super) fn draw() -> f64 {
    // Every RandomState has a key of its own.
    let bits = RandomState::new().hash_one(()) >> 32;
    f64::from(u32::try_from(bits).unwrap_or_default()) / f64::from(u32::MAX)
}

#[cfg(test)]
#[path = "lane_tests.rs"]
mod tests;
