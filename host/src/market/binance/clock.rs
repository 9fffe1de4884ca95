//! The exchange's clock, as far as it was heard. It stands still when nobody says the time: it is asked for then, never guessed by the
//! host's own clock, which may run at another speed.

use std::time::{Duration, Instant};

/// A message that is further ahead than this is believed when the exchange was asked for the time.
const LEAP_MS: i64 = 60_000;
/// A clock that has not moved for this long is asked for.
const QUIET: Duration = Duration::from_secs(2);
/// The same where nobody waits for candles.
const QUIET_WHEN_IDLE: Duration = Duration::from_secs(10);
/// The offset to the host's clock is measured anew after this.
const OFFSET_AGE: Duration = Duration::from_secs(60);
/// Least time between two questions.
const SPACING: Duration = Duration::from_millis(100);
/// A clock that has not moved for this long, although it is asked for, is trouble.
const STILL: Duration = Duration::from_secs(15);

/// See the module.
#[derive(Debug)]
pub(super) struct Clock {
    now_ms: i64,
    moved: Instant,
    asked: Instant,
    measured: Option<Instant>,
    is_doubtful: bool,
    offset_ms: Option<i64>,
}

impl Clock {
    pub(super) fn new(now_ms: i64) -> Self {
        let now = Instant::now();
        Self { now_ms, moved: now, asked: now, measured: None, is_doubtful: false, offset_ms: None }
    }

    /// A message bears this time. The reading that counts, if it does.
    pub(super) fn event(&mut self, ms: i64) -> Option<i64> {
        if ms > self.now_ms.saturating_add(LEAP_MS) {
            self.is_doubtful = true;
            return None;
        }
        self.move_to(ms);
        Some(self.now_ms)
    }

    /// The exchange was asked, and answered this.
    pub(super) fn answer(&mut self, ms: i64, asked: Instant, host_ms: i64) -> i64 {
        self.move_to(ms);
        self.is_doubtful = false;
        self.measured = Some(Instant::now());
        // Half of the way is that of the question.
        let way_ms = i64::try_from(asked.elapsed().as_millis()).unwrap_or(0) / 2;
        self.offset_ms = Some(ms.saturating_sub(host_ms.saturating_sub(way_ms)));
        self.now_ms
    }

    fn move_to(&mut self, ms: i64) {
        if ms > self.now_ms {
            self.now_ms = ms;
            self.moved = Instant::now();
        }
    }

    /// Whether it has to be asked now. True once for each question.
    pub(super) fn asks(&mut self, is_idle: bool) -> bool {
        let quiet = if is_idle { QUIET_WHEN_IDLE } else { QUIET };
        let is_due = self.is_doubtful
            || self.moved.elapsed() >= quiet
            || self.measured.is_none_or(|measured| measured.elapsed() >= OFFSET_AGE);
        let asks = is_due && self.asked.elapsed() >= SPACING;
        if asks {
            self.asked = Instant::now();
        }
        asks
    }

    /// Whether nobody says the time any more.
    pub(super) fn is_still(&self) -> bool {
        self.moved.elapsed() >= STILL
    }

    /// By how much the exchange's clock is ahead of the host's.
    pub(super) fn offset_ms(&self) -> Option<i64> {
        self.offset_ms
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_only_goes_forward_and_a_leap_has_to_be_confirmed() {
        let mut clock = Clock::new(1_000_000);
        assert_eq!(clock.event(1_000_500), Some(1_000_500));
        assert_eq!(clock.event(900_000), Some(1_000_500));
        assert_eq!(clock.event(9_999_999_999), None, "garbage does not end the world");
        assert!(clock.is_doubtful);
        assert_eq!(clock.event(1_001_000), Some(1_001_000));
        assert_eq!(clock.answer(2_000_000, Instant::now(), 1_999_000), 2_000_000);
        assert_eq!(clock.offset_ms(), Some(1_000));
        assert_eq!(clock.event(2_000_001), Some(2_000_001));
    }
}
