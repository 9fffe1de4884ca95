//! Which session a candle belongs to.

use crate::Interval;

const DAY_MS: i64 = 86_400_000;

/// Sessions as long as an interval, counted in UTC as candles of that interval are: days from midnight, weeks from Monday.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sessions {
    length_ms: i64,
    /// When the first one began.
    origin_ms: i64,
}

impl Sessions {
    pub(super) fn new(length: Interval) -> Self {
        // 1970 began on a Thursday.
        let origin_ms = if length == Interval::W1 { 4 * DAY_MS } else { 0 };
        Self { length_ms: length.as_ms(), origin_ms }
    }

    pub(super) fn of(self, time_ms: i64) -> i64 {
        time_ms.saturating_sub(self.origin_ms).div_euclid(self.length_ms)
    }

    pub(super) fn begins_at(self, time_ms: i64) -> bool {
        time_ms.saturating_sub(self.origin_ms).rem_euclid(self.length_ms) == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weeks_begin_on_monday() {
        let weeks = Sessions::new(Interval::W1);
        let monday = 1_704_067_200_000;
        assert!(weeks.begins_at(monday));
        assert_eq!(weeks.of(monday - 1) + 1, weeks.of(monday));
        assert_eq!(weeks.of(monday), weeks.of(monday + 7 * DAY_MS - 1));
    }
}
