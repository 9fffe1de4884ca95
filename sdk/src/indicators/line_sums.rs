//! The sums behind a straight line through a window.

use std::mem;

use super::sum::{Sum, halves, two_sum};

/// The last `period` values with their sum and their tilt, the sum of `(2 i - (period - 1)) * value`, where `i` counts from
/// 0 at the oldest. A weighted average and a regression line are both made of these two.
///
/// When the window moves on, each weight falls by 2, so the tilt loses twice the sum. Both sums are exact
/// to about 106 bits (see [`Sum`]) and built anew at each turn of the window, so that they depend on the window alone.
#[derive(Debug, Clone)]
pub(super) struct LineSums {
    values: Box<[f64]>,
    /// Of the oldest value, which the next one replaces.
    position: usize,
    warm: bool,
    sum: Sum,
    tilt: Sum,
}

/// Both sums of one window.
#[derive(Debug, Clone, Copy)]
pub(super) struct Line {
    pub(super) period: f64,
    pub(super) sum: f64,
    pub(super) tilt: f64,
}

impl LineSums {
    pub(super) fn new(period: usize) -> Self {
        let values = vec![0.0; period].into_boxed_slice();
        Self { values, position: 0, warm: false, sum: Sum::default(), tilt: Sum::default() }
    }

    pub(super) fn period(&self) -> usize {
        self.values.len()
    }

    /// Takes the next value; `None` before there are `period` of them.
    pub(super) fn take(&mut self, newest: f64) -> Option<Line> {
        let oldest = mem::replace(&mut self.values[self.position], newest);
        self.position += 1;
        if self.position == self.values.len() {
            self.position = 0;
            self.warm = true;
            self.sum_anew();
        } else if self.warm {
            self.slide(oldest, newest);
        }
        self.value()
    }

    /// `tilt += (period + 1) * oldest + (period - 1) * newest - 2 * sum`, in one step and so that each sum waits for its own last
    /// value alone: this is most of the cost.
    fn slide(&mut self, oldest: f64, newest: f64) {
        let period = self.values.len() as f64;
        let ([old, old_rest], [new, new_rest]) = (halves(oldest), halves(newest));
        let [sum, sum_rest] = self.sum.parts();
        let (change, lost) = two_sum((period + 1.0) * old, (period - 1.0) * new);
        let (change, lost_too) = two_sum(change, -2.0 * sum);
        let rest = (period + 1.0) * old_rest + (period - 1.0) * new_rest - 2.0 * sum_rest;
        self.tilt.add_both(change, lost + lost_too + rest);
        let (change, lost) = two_sum(newest, -oldest);
        self.sum.add_both(change, lost);
    }

    pub(super) fn value(&self) -> Option<Line> {
        self.warm.then(|| Line { period: self.values.len() as f64, sum: self.sum.get(), tilt: self.tilt.get() })
    }

    /// At the end of a turn, when the oldest value is at position 0.
    fn sum_anew(&mut self) {
        (self.sum, self.tilt) = (Sum::default(), Sum::default());
        let mut weight = 1.0 - self.values.len() as f64;
        for &value in &self.values {
            self.sum.add(value);
            self.tilt.add_times(weight, value);
            weight += 2.0;
        }
    }
}

impl Line {
    /// The average with the weights 1 for the oldest to `period` for the newest.
    pub(super) fn weighted_average(self) -> f64 {
        self.sum / self.period + self.tilt / (self.period * (self.period + 1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spike_that_has_left_the_window_leaves_no_trace() {
        let (mut with, mut without) = (LineSums::new(7), LineSums::new(7));
        with.take(1e9);
        with.take(-1e8);
        for i in 0..30 {
            let value = 0.1 + f64::from(i * i % 17);
            let (a, b) = (with.take(value), without.take(value));
            if i >= 6 {
                let (a, b) = (a.expect("warm"), b.expect("warm"));
                assert_eq!((a.sum, a.tilt), (b.sum, b.tilt), "value {i}");
            }
        }
    }

    #[test]
    fn flat_values_have_no_tilt() {
        let mut sums = LineSums::new(13);
        for i in 0..100 {
            assert!(sums.take(0.1).is_none_or(|line| line.tilt == 0.0), "value {i}");
        }
    }
}
