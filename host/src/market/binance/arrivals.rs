//! When the closes were heard that are told: what latency is measured from.

use std::collections::BTreeMap;
use std::time::Instant;

/// When the first and the last candle of each close time was heard, until the close is told.
#[derive(Debug, Default)]
pub(super) struct Arrivals {
    by_close_ms: BTreeMap<i64, (Instant, Instant)>,
    /// What is heard before the first live close waits for history to load, which is no latency.
    is_live: bool,
}

impl Arrivals {
    /// A candle was heard that closed then.
    pub(super) fn heard(&mut self, close_ms: i64, now: Instant) {
        if self.is_live {
            self.by_close_ms.entry(close_ms).and_modify(|(_, last)| *last = now).or_insert((now, now));
        }
    }

    /// The closes from the first to the last of these times are told: when they were heard. Earlier ones are forgotten: what is
    /// told late has no part in this.
    pub(super) fn told(&mut self, first_close_ms: i64, last_close_ms: i64) -> Option<(Instant, Instant)> {
        self.is_live = true;
        let later = self.by_close_ms.split_off(&last_close_ms.saturating_add(1));
        let told = std::mem::replace(&mut self.by_close_ms, later).split_off(&first_close_ms);
        let first = told.values().map(|(first, _)| *first).min()?;
        let last = told.values().map(|(_, last)| *last).max()?;
        Some((first, last))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_close_is_measured_from_its_own_candles() {
        let mut arrivals = Arrivals::default();
        let began = Instant::now();
        let at = |seconds| began + Duration::from_secs(seconds);
        arrivals.heard(1_000, at(0));
        assert_eq!(arrivals.told(1_000, 1_000), None, "it waited for history");
        arrivals.heard(2_000, at(1));
        arrivals.heard(2_000, at(2));
        arrivals.heard(3_000, at(3));
        assert_eq!(arrivals.told(2_000, 2_000), Some((at(1), at(2))));
        arrivals.heard(2_000, at(4));
        arrivals.heard(4_000, at(5));
        assert_eq!(arrivals.told(3_000, 4_000), Some((at(3), at(5))), "the late one of an earlier close has no part");
        assert_eq!(arrivals.told(5_000, 5_000), None);
    }
}
