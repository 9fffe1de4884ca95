use std::mem;

use super::sum::Sum;
use super::{check_period, usable};

/// Standard deviation: how far the last `period` values lie from their mean.
///
/// `square root of (sum of (value - mean)^2 / period)`, of the population as TA-Lib has it: not over `period - 1`. Unit: that
/// of the values, never below 0. First value at index `period - 1`. Flat values give exactly 0. Equals TA-Lib `STDDEV`.
///
/// The usual way, mean of the squares less square of the mean, subtracts two large numbers that are nearly equal: of a price
/// of 100,000 that moves by a cent it leaves nothing (TA-Lib up to 0.6 does that). Here the sums are of the distances to a
/// value of the window, in two floats, and are built anew at each turn of the window or when that value lies too far off.
///
/// Cost per value: constant on average, whatever the period.
///
/// Values that are no usable number are ignored, see [the module](super).
///
/// ```
/// use vyx_sdk::indicators::StdDev;
///
/// let mut deviation = StdDev::new(2);
/// assert_eq!(deviation.next(1.0), None);
/// assert_eq!(deviation.next(3.0), Some(1.0));
/// assert_eq!(deviation.next(3.0), Some(0.0));
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct StdDev {
    moments: Moments,
}

impl StdDev {
    /// A deviation over `period` values.
    ///
    /// # Panics
    ///
    /// If `period` is 0.
    pub fn new(period: usize) -> Self {
        check_period("std dev period", period);
        Self { moments: Moments::new(period) }
    }

    /// Takes the next value and returns the deviation of the last `period`, or `None` before there are that many.
    pub fn next(&mut self, value: f64) -> Option<f64> {
        if usable(value) {
            self.moments.take(value);
        }
        self.value()
    }

    /// The last deviation, `None` until warm.
    #[must_use]
    pub fn value(&self) -> Option<f64> {
        self.moments.value().map(|both| both.deviation)
    }

    /// Candles before the first value: `period - 1`.
    #[must_use]
    pub fn warm_up(&self) -> usize {
        self.moments.period() - 1
    }
}

/// When the square of the mean distance to the reference is that many times the variance, six bits of it are lost.
const TOO_FAR: f64 = 64.0;

/// The last `period` values with the sums of their distances to one of them.
#[derive(Debug, Clone)]
pub(super) struct Moments {
    values: Box<[f64]>,
    /// Of the oldest value, which the next one replaces.
    position: usize,
    warm: bool,
    reference: f64,
    distances: Sum,
    squares: Sum,
    last: Spread,
}

/// Mean and standard deviation of a window.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Spread {
    pub(super) mean: f64,
    pub(super) deviation: f64,
}

impl Moments {
    pub(super) fn new(period: usize) -> Self {
        Self {
            values: vec![0.0; period].into_boxed_slice(),
            position: 0,
            warm: false,
            reference: 0.0,
            distances: Sum::default(),
            squares: Sum::default(),
            last: Spread::default(),
        }
    }

    pub(super) fn period(&self) -> usize {
        self.values.len()
    }

    pub(super) fn value(&self) -> Option<Spread> {
        self.warm.then_some(self.last)
    }

    /// Takes the next value; `None` before there are `period` of them.
    pub(super) fn take(&mut self, newest: f64) -> Option<Spread> {
        let oldest = mem::replace(&mut self.values[self.position], newest);
        self.position += 1;
        if self.position == self.values.len() {
            self.position = 0;
            self.warm = true;
            self.sum_anew(newest);
        } else if self.warm {
            let (new, old) = (newest - self.reference, oldest - self.reference);
            self.distances.add(new);
            self.distances.add(-old);
            self.squares.add(new * new);
            self.squares.add(-(old * old));
        } else {
            return None;
        }
        let (mut mean, mut variance) = self.of_distances();
        if mean * mean > TOO_FAR * variance {
            self.sum_anew(newest);
            (mean, variance) = self.of_distances();
        }
        // Rounding may leave less than nothing.
        let deviation = if variance > 0.0 { variance.sqrt() } else { 0.0 };
        self.last = Spread { mean: self.reference + mean, deviation };
        self.value()
    }

    fn of_distances(&self) -> (f64, f64) {
        let period = self.values.len() as f64;
        let mean = self.distances.get() / period;
        (mean, self.squares.get() / period - mean * mean)
    }

    fn sum_anew(&mut self, reference: f64) {
        self.reference = reference;
        (self.distances, self.squares) = (Sum::default(), Sum::default());
        for &value in &self.values {
            let distance = value - reference;
            self.distances.add(distance);
            self.squares.add(distance * distance);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cent_at_a_high_price_is_seen() {
        let mut deviation = StdDev::new(20);
        for i in 0..200 {
            deviation.next(1e9 + 0.25 * f64::from(i % 2));
        }
        assert_eq!(deviation.value(), Some(0.125));
    }

    #[test]
    fn a_spike_that_has_left_the_window_leaves_no_trace() {
        for at in 0..7 {
            let (mut with, mut without) = (StdDev::new(5), StdDev::new(5));
            for i in 0..40 {
                let value = 0.1 + 0.3 * f64::from(i * i % 17);
                let a = with.next(if i == at { 1e30 } else { value });
                let b = without.next(value);
                if i > at + 5 {
                    let (a, b) = (a.expect("warm"), b.expect("warm"));
                    assert!((a - b).abs() < 1e-14 * b, "spike at {at}, value {i}: {a}, {b}");
                }
            }
        }
    }

    #[test]
    fn prices_that_stop_have_no_deviation() {
        let mut deviation = StdDev::new(20);
        for i in 0..50 {
            deviation.next(100.0 + 0.1 * f64::from(i * i % 17));
        }
        for i in 0..100 {
            let now = deviation.next(97.3);
            assert!(i < 19 || now == Some(0.0), "value {i}: {now:?}");
        }
    }

    #[test]
    #[should_panic(expected = "std dev period is 0")]
    fn period_zero() {
        let _ = StdDev::new(0);
    }
}
