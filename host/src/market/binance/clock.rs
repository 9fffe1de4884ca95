//! The exchange's clock, as far as it was heard. It stands still when nobody says the time: it is asked for then, never guessed by the
//! host's own clock, which may run at another speed.

use std::time::{Duration, Instant};

/// Messages follow each other closer than this. One that is further ahead is believed when the next one says the same, so that no
/// single mistake makes a forming candle look closed.
const SURE_MS: i64 = 5_000;
/// Messages that are further ahead than this are believed when the exchange was asked for the time.
const LEAP_MS: i64 = 600_000;
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
    /// What a message said that is not believed yet.
    doubted_ms: Option<i64>,
    offset_ms: Option<i64>,
}

impl Clock {
    pub(super) fn new(now_ms: i64) -> Self {
        let now = Instant::now();
        Self { now_ms, moved: now, asked: now, measured: None, doubted_ms: None, offset_ms: None }
    }

    /// A message bears this time. The reading that counts, if it does.
    pub(super) fn event(&mut self, ms: i64) -> Option<i64> {
        let ahead_ms = ms.saturating_sub(self.now_ms);
        let is_confirmed = self.doubted_ms.is_some_and(|doubted_ms| ms.abs_diff(doubted_ms) <= SURE_MS as u64);
        if ahead_ms > LEAP_MS || (ahead_ms > SURE_MS && !is_confirmed) {
            self.doubted_ms = Some(ms);
            return None;
        }
        if ahead_ms > 0 {
            self.doubted_ms = None;
        }
        self.move_to(ms);
        Some(self.now_ms)
    }

    /// The exchange was asked, and answered this.
    pub(super) fn answer(&mut self, ms: i64, asked: Instant, host_ms: i64) -> i64 {
        self.move_to(ms);
        self.doubted_ms = None;
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
    /// Every answer says how much weight is left, which somebody may wait for.
    pub(super) fn asks(&mut self, is_idle: bool, waits_for_weight: bool) -> bool {
        let quiet = if is_idle { QUIET_WHEN_IDLE } else { QUIET };
        let age = if waits_for_weight { QUIET } else { OFFSET_AGE };
        let is_due = self.doubted_ms.is_some()
            || self.moved.elapsed() >= quiet
            || self.measured.is_none_or(|measured| measured.elapsed() >= age);
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
        assert_eq!(clock.event(9_999_999_999), None);
        assert_eq!(clock.event(1_001_000), Some(1_001_000));
        assert_eq!(clock.event(1_050_000), None, "it may be a mistake");
        assert_eq!(clock.event(1_030_000), None, "and so may this");
        assert_eq!(clock.event(1_030_500), Some(1_030_500));
        assert_eq!(clock.answer(2_000_000, Instant::now(), 1_999_000), 2_000_000);
        assert_eq!(clock.offset_ms(), Some(1_000));
        assert_eq!(clock.event(2_000_001), Some(2_000_001));
    }
}
