use std::mem;

use super::sum::Sum;
use super::{check_period, narrow, usable};

/// Up to this period the window is summed anew for each value, from the oldest to the newest: that is no slower than
/// keeping a [`Sum`] and depends on nothing but the window.
const SHORT: usize = 8;
/// Up to this period the window lies in the indicator itself.
const INLINE: usize = 4;

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
    period: u32,
    /// Values that are missing until warm.
    missing: u32,
    window: Window,
}

#[derive(Debug, Clone)]
enum Window {
    /// In the indicator itself, the newest last: the usual smoothing is over 3. Places before the window hold older values.
    Inline([f64; INLINE]),
    Ring(Box<Ring>),
}

#[derive(Debug, Clone)]
struct Ring {
    /// The last values; `position` is the oldest and the next to be replaced.
    values: Box<[f64]>,
    position: usize,
    /// Sum of the window; unused by short windows.
    sum: Sum,
    /// Sum of the values since position 0. After a whole turn that is the window, and it replaces `sum`: what `sum`
    /// could not hold exactly is gone after one turn.
    turn: Sum,
}

impl Sma {
    /// An average over `period` values.
    ///
    /// # Panics
    ///
    /// If `period` is 0.
    pub fn new(period: usize) -> Self {
        check_period("sma period", period);
        let window = if period <= INLINE {
            Window::Inline([0.0; INLINE])
        } else {
            let values = vec![0.0; period].into_boxed_slice();
            Window::Ring(Box::new(Ring { values, position: 0, sum: Sum::default(), turn: Sum::default() }))
        };
        Self { period: narrow(period), missing: narrow(period), window }
    }

    /// Takes the next value and returns the average of the last `period`, or `None` before there are that many.
    #[inline]
    pub fn next(&mut self, value: f64) -> Option<f64> {
        if usable(value) { self.take(value) } else { self.value() }
    }

    /// [`next`](Self::next) of a usable value.
    #[inline]
    pub(super) fn take(&mut self, value: f64) -> Option<f64> {
        let sum = match &mut self.window {
            Window::Inline(values) => {
                let [_, a, b, c] = *values;
                *values = [a, b, c, value];
                sum_of_last(values, self.period as usize)
            }
            Window::Ring(ring) => ring.take(value),
        };
        self.missing = self.missing.saturating_sub(1);
        self.average(sum)
    }

    /// The last average, `None` until warm.
    #[must_use]
    pub fn value(&self) -> Option<f64> {
        self.average(match &self.window {
            Window::Inline(values) => sum_of_last(values, self.period as usize),
            Window::Ring(ring) => ring.sum(),
        })
    }

    #[inline]
    fn average(&self, sum: f64) -> Option<f64> {
        (self.missing == 0).then_some(sum / f64::from(self.period))
    }

    /// Candles before the first value: `period - 1`.
    #[must_use]
    pub fn warm_up(&self) -> usize {
        self.period as usize - 1
    }
}

/// Of the last values, from the oldest to the newest, and without a loop: a trader's loops look at the clock at each turn.
#[inline]
fn sum_of_last(values: &[f64; INLINE], count: usize) -> f64 {
    let mut sum = 0.0;
    for (at, value) in values.iter().enumerate() {
        if at + count >= INLINE {
            sum += value;
        }
    }
    sum
}

impl Ring {
    #[inline(never)]
    fn take(&mut self, newest: f64) -> f64 {
        let oldest = mem::replace(&mut self.values[self.position], newest);
        self.position += 1;
        if self.position == self.values.len() {
            self.position = 0;
        }
        if self.values.len() > SHORT {
            self.sum.add(newest);
            self.sum.add(-oldest);
            self.turn.add(newest);
            if self.position == 0 {
                self.sum = mem::take(&mut self.turn);
            }
        }
        self.sum()
    }

    fn sum(&self) -> f64 {
        if self.values.len() > SHORT {
            return self.sum.get();
        }
        let (newer, older) = self.values.split_at(self.position);
        older.iter().chain(newer).fold(0.0, |sum, value| sum + value)
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
