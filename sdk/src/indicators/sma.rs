use std::mem;

use super::sum::Sum;
use super::{check_period, usable};

/// Up to this period the window is summed anew for each value, from the oldest to the newest: that is no slower than
/// keeping a [`Sum`] and depends on nothing but the window.
const SHORT: usize = 8;

/// Simple moving average: the mean of the last `period` values.
///
/// Unit: that of the values. First value at index `period - 1`. Equals TA-Lib `SMA`.
///
/// The usual running sum (add the newest, subtract the oldest) rounds twice per value and keeps every error. Two
/// averages that should be equal then differ in the last digits, and crosses between them flip: on one-minute candles
/// of four coins a tenth to a third of all StochRSI crosses did. So windows of up to 8 values are summed anew, and
/// longer ones keep a sum in two floats that is rebuilt at each turn of the window. In both cases the average depends
/// on the values in the window, not on those before it.
///
/// Values that are no usable number are ignored, see [the module](super).
///
/// ```
/// use vyx_sdk::indicators::Sma;
///
/// let mut sma = Sma::new(3);
/// assert_eq!(sma.next(1.0), None);
/// assert_eq!(sma.next(2.0), None);
/// assert_eq!(sma.next(6.0), Some(3.0));
/// assert_eq!(sma.next(7.0), Some(5.0));
/// assert_eq!(sma.next(f64::NAN), Some(5.0)); // ignored
/// assert_eq!(sma.value(), Some(5.0));
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct Sma {
    /// The last values as a ring; `position` is the oldest and the next to be replaced.
    window: Box<[f64]>,
    position: usize,
    warm: bool,
    /// Sum of the window; unused by short windows.
    sum: Sum,
    /// Sum of the values since position 0. After a whole turn that is the window, and it replaces `sum`: what `sum`
    /// could not hold exactly is gone after one turn.
    turn: Sum,
    value: Option<f64>,
}

impl Sma {
    /// An average over `period` values.
    ///
    /// # Panics
    ///
    /// If `period` is 0.
    pub fn new(period: usize) -> Self {
        check_period("sma period", period);
        Self {
            window: vec![0.0; period].into_boxed_slice(),
            position: 0,
            warm: false,
            sum: Sum::default(),
            turn: Sum::default(),
            value: None,
        }
    }

    /// Takes the next value and returns the average of the last `period`, or `None` before there are that many.
    pub fn next(&mut self, value: f64) -> Option<f64> {
        if !usable(value) {
            return self.value;
        }
        let oldest = mem::replace(&mut self.window[self.position], value);
        self.position += 1;
        if self.position == self.window.len() {
            self.position = 0;
            self.warm = true;
        }
        let sum = if self.window.len() <= SHORT { self.short_sum() } else { self.long_sum(value, oldest) };
        if self.warm {
            self.value = Some(sum / self.window.len() as f64);
        }
        self.value
    }

    fn short_sum(&self) -> f64 {
        let (newer, older) = self.window.split_at(self.position);
        let mut sum = 0.0;
        for value in older {
            sum += value;
        }
        for value in newer {
            sum += value;
        }
        sum
    }

    fn long_sum(&mut self, newest: f64, oldest: f64) -> f64 {
        self.sum.add(newest);
        self.sum.add(-oldest);
        self.turn.add(newest);
        if self.position == 0 {
            self.sum = mem::take(&mut self.turn);
        }
        self.sum.get()
    }

    /// The last average, `None` until warm.
    #[must_use]
    pub fn value(&self) -> Option<f64> {
        self.value
    }

    /// Candles before the first value: `period - 1`.
    #[must_use]
    pub fn warm_up(&self) -> usize {
        self.window.len() - 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spike_that_has_left_the_window_leaves_no_trace() {
        for period in [3, 50] {
            let mut with = Sma::new(period);
            let mut without = Sma::new(period);
            with.next(1e90);
            with.next(-1e70);
            for i in 0..3 * period {
                let value = 0.1 + i as f64;
                with.next(value);
                without.next(value);
            }
            assert_eq!(with.value(), without.value(), "period {period}");
        }
    }

    #[test]
    fn does_not_drift_over_a_million_values() {
        for period in [3, 20, 200] {
            let mut sma = Sma::new(period);
            let value = |i: usize| 0.1 * ((i * 7919) % 1000) as f64;
            for i in 0..1_000_000 {
                sma.next(value(i));
            }
            let mut fresh = Sma::new(period);
            for i in 1_000_000 - period..1_000_000 {
                fresh.next(value(i));
            }
            assert_eq!(sma.value(), fresh.value(), "period {period}");
        }
    }

    #[test]
    fn period_one_is_the_value() {
        let mut sma = Sma::new(1);
        assert_eq!(sma.warm_up(), 0);
        assert_eq!(sma.next(0.1), Some(0.1));
        assert_eq!(sma.next(0.3), Some(0.3));
    }

    #[test]
    fn unusable_values_before_warm_up_do_not_count() {
        let mut sma = Sma::new(2);
        assert_eq!(sma.next(f64::NAN), None);
        assert_eq!(sma.next(1.0), None);
        assert_eq!(sma.next(f64::INFINITY), None);
        assert_eq!(sma.next(f64::MAX), None);
        assert_eq!(sma.next(2.0), Some(1.5));
    }

    #[test]
    #[should_panic(expected = "sma period is 0")]
    fn period_zero() {
        let _ = Sma::new(0);
    }
}
