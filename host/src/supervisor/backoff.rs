//! When to try again after a fault. Counted in market time (close times of candles, UTC ms), never by the wall clock, so
//! that a replay takes the same decisions as the live host did.

/// Wait after the first fault; it doubles with each further one.
pub const FIRST_DELAY_MS: i64 = 1_000;

/// Longest wait: shorter than any candle but those of a second, so a trader misses no more closes than it must.
pub const LONGEST_DELAY_MS: i64 = 30_000;

/// Wait of a masked symbol after its first fault: to try it again costs a new instance and its warm-up, for all symbols.
pub const FIRST_SYMBOL_DELAY_MS: i64 = 60_000;

/// Longest wait of a masked symbol. What made it fault may stay in its warm-up for a thousand candles.
pub const LONGEST_SYMBOL_DELAY_MS: i64 = 86_400_000;

/// Strikes that lead to quarantine: enough to ride out one bad candle and its retries, few enough that a trader which
/// always faults costs five warm-ups and no more.
pub const STRIKES_TO_QUARANTINE: u32 = 5;

/// How long a trader must run clean before its strikes are forgotten: some ten closes of the fastest interval, so that one
/// that faults on every few candles cannot start over each time.
pub const HEALTHY_MS: i64 = 600_000;

/// And how many clean calls that must be: on long intervals, time alone passes between two faults in a row.
pub const HEALTHY_CALLS: u32 = 10;

/// What follows a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AfterFault {
    /// Try again, not before this market time.
    Retry {
        /// In UTC milliseconds.
        at_ms: i64,
    },
    /// Do not try again until the digest or the parameters change.
    Quarantine,
}

/// The faults of one trader, or of one symbol that is masked for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backoff {
    limit: Option<u32>,
    first_delay_ms: i64,
    longest_delay_ms: i64,
    strikes: u32,
    clean_calls: u32,
    last_fault_ms: i64,
    retry_at_ms: Option<i64>,
}

impl Backoff {
    /// For a trader: ends in quarantine.
    pub const fn of_trader() -> Self {
        Self::new(Some(STRIKES_TO_QUARANTINE), FIRST_DELAY_MS, LONGEST_DELAY_MS)
    }

    /// For a masked symbol: waits longer and longer, and never gives the symbol up.
    pub const fn of_symbol() -> Self {
        Self::new(None, FIRST_SYMBOL_DELAY_MS, LONGEST_SYMBOL_DELAY_MS)
    }

    const fn new(limit: Option<u32>, first_delay_ms: i64, longest_delay_ms: i64) -> Self {
        Self {
            limit,
            first_delay_ms,
            longest_delay_ms,
            strikes: 0,
            clean_calls: 0,
            last_fault_ms: i64::MIN,
            retry_at_ms: None,
        }
    }

    /// Counts a fault at this market time.
    pub fn fault(&mut self, at_ms: i64) -> AfterFault {
        self.strikes = self.strikes.saturating_add(1);
        self.clean_calls = 0;
        // Two intervals may close out of order; the wait must not shrink by that.
        self.last_fault_ms = self.last_fault_ms.max(at_ms);
        if self.is_quarantined() {
            self.retry_at_ms = None;
            return AfterFault::Quarantine;
        }
        let at_ms = self.last_fault_ms.saturating_add(self.delay_ms());
        self.retry_at_ms = Some(at_ms);
        AfterFault::Retry { at_ms }
    }

    fn delay_ms(&self) -> i64 {
        // Sixteen doublings are far past the longest delay and far from an overflow.
        let doublings = self.strikes.saturating_sub(1).min(16);
        (self.first_delay_ms << doublings).min(self.longest_delay_ms)
    }

    /// Counts a live call without fault. Calls of a warm-up are not reported here: they prove nothing new.
    pub fn clean_call(&mut self, at_ms: i64) {
        if self.strikes == 0 || self.is_quarantined() {
            return;
        }
        self.clean_calls = self.clean_calls.saturating_add(1);
        let healthy_ms = at_ms.saturating_sub(self.last_fault_ms);
        if self.clean_calls >= HEALTHY_CALLS && healthy_ms >= HEALTHY_MS {
            *self = Self::new(self.limit, self.first_delay_ms, self.longest_delay_ms);
        }
    }

    /// Whether a call may be made at this market time.
    pub fn may_run(&self, at_ms: i64) -> bool {
        !self.is_quarantined() && self.retry_at_ms.is_none_or(|retry_at_ms| at_ms >= retry_at_ms)
    }

    /// Whether the strikes have reached their limit.
    pub fn is_quarantined(&self) -> bool {
        self.limit.is_some_and(|limit| self.strikes >= limit)
    }

    /// Faults since the last healthy time.
    pub const fn strikes(&self) -> u32 {
        self.strikes
    }

    /// The market time before which no call is made; `None` before a first fault and in quarantine.
    pub const fn retry_at_ms(&self) -> Option<i64> {
        self.retry_at_ms
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MINUTE_MS: i64 = 60_000;

    fn waits(backoff: &mut Backoff, faults: usize) -> Vec<Option<i64>> {
        let wait = |_| match backoff.fault(0) {
            AfterFault::Retry { at_ms } => Some(at_ms),
            AfterFault::Quarantine => None,
        };
        (0..faults).map(wait).collect()
    }

    #[test]
    fn a_trader_waits_longer_and_is_quarantined_at_the_fifth_strike() {
        let mut backoff = Backoff::of_trader();
        assert_eq!(waits(&mut backoff, 6), [Some(1_000), Some(2_000), Some(4_000), Some(8_000), None, None]);
        assert!(!backoff.may_run(i64::MAX));
        assert_eq!(backoff.retry_at_ms(), None);
    }

    #[test]
    fn a_symbol_waits_up_to_a_day_and_is_never_given_up() {
        let mut backoff = Backoff::of_symbol();
        let minutes = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 1440, 1440].map(|m| Some(m * MINUTE_MS));
        assert_eq!(waits(&mut backoff, 13), minutes);
        for _ in 0..100 {
            assert_eq!(backoff.fault(0), AfterFault::Retry { at_ms: LONGEST_SYMBOL_DELAY_MS });
        }
    }

    #[test]
    fn no_call_before_the_wait_is_over() {
        let mut backoff = Backoff::of_trader();
        assert!(backoff.may_run(i64::MIN));
        backoff.fault(5_000);
        assert!(!backoff.may_run(5_999));
        assert!(backoff.may_run(6_000));
    }

    #[test]
    fn a_healthy_time_forgets_the_strikes() {
        let mut backoff = Backoff::of_trader();
        backoff.fault(0);
        for minute in 1..10 {
            backoff.clean_call(minute * MINUTE_MS);
            assert_eq!(backoff.strikes(), 1);
        }
        backoff.clean_call(10 * MINUTE_MS);
        assert_eq!(backoff, Backoff::of_trader());
    }

    #[test]
    fn a_day_between_two_faults_is_no_healthy_time() {
        let mut backoff = Backoff::of_trader();
        let faults: Vec<_> = (0..5).map(|day| backoff.fault(day * 86_400_000)).collect();
        assert_eq!(faults.last(), Some(&AfterFault::Quarantine));
    }

    #[test]
    fn a_clean_day_between_two_faults_is_no_healthy_time() {
        let mut backoff = Backoff::of_trader();
        for day in 0..4 {
            backoff.fault(2 * day * 86_400_000);
            backoff.clean_call((2 * day + 1) * 86_400_000);
        }
        assert_eq!(backoff.strikes(), 4);
    }

    #[test]
    fn many_calls_within_a_minute_are_no_healthy_time() {
        let mut backoff = Backoff::of_trader();
        backoff.fault(0);
        (0..1_000).for_each(|_| backoff.clean_call(MINUTE_MS));
        assert_eq!(backoff.strikes(), 1);
    }

    fn any_events() -> impl Strategy<Value = Vec<(i64, bool)>> {
        let time = prop_oneof![0..2_000_000i64, any::<i64>()];
        proptest::collection::vec((time, any::<bool>()), 0..60)
    }

    proptest! {
        #[test]
        fn waits_stay_in_bounds_and_quarantine_is_final(events in any_events(), trader: bool) {
            let (mut backoff, first_ms, longest_ms) = if trader {
                (Backoff::of_trader(), FIRST_DELAY_MS, LONGEST_DELAY_MS)
            } else {
                (Backoff::of_symbol(), FIRST_SYMBOL_DELAY_MS, LONGEST_SYMBOL_DELAY_MS)
            };
            let mut latest = i64::MIN;
            let mut quarantined = false;
            for (at_ms, is_fault) in events {
                if !is_fault {
                    backoff.clean_call(at_ms);
                    prop_assert!(!quarantined || backoff.is_quarantined());
                    if backoff.strikes() == 0 {
                        latest = i64::MIN;
                    }
                    continue;
                }
                latest = latest.max(at_ms);
                match backoff.fault(at_ms) {
                    AfterFault::Retry { at_ms } => {
                        prop_assert!(!quarantined);
                        prop_assert!(at_ms >= latest.saturating_add(first_ms));
                        prop_assert!(at_ms <= latest.saturating_add(longest_ms));
                        prop_assert!(backoff.may_run(at_ms));
                        prop_assert!(at_ms == i64::MAX || !backoff.may_run(at_ms - 1));
                    }
                    AfterFault::Quarantine => {
                        prop_assert!(trader && backoff.strikes() >= STRIKES_TO_QUARANTINE);
                        quarantined = true;
                    }
                }
            }
        }

        #[test]
        fn the_same_events_give_the_same_state(events in any_events()) {
            let run = || {
                let mut backoff = Backoff::of_trader();
                for (at_ms, is_fault) in &events {
                    if *is_fault { backoff.fault(*at_ms); } else { backoff.clean_call(*at_ms); }
                }
                backoff
            };
            prop_assert_eq!(run(), run());
        }
    }
}
