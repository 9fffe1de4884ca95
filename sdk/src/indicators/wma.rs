use super::line_sums::{Line, LineSums};
use super::{check_period, usable};

/// Weighted moving average: the newest value counts `period` times, the oldest once.
///
/// `wma = sum of (i * value) / (period * (period + 1) / 2)`, where `i` is 1 at the oldest value of the window and `period` at
/// the newest. Unit: that of the values; it stays between the lowest and the highest of the window, to within rounding.
/// First value at index `period - 1`. Flat values give that value. Source: Kaufman, Trading Systems and Methods; equals
/// TA-Lib `WMA`.
///
/// Cost per value: constant on average, whatever the period. The sums do not drift: they depend on the window alone.
///
/// Values that are no usable number are ignored, see [the module](super).
///
/// ```
/// use vyx_sdk::indicators::Wma;
///
/// let mut wma = Wma::new(3);
/// assert_eq!(wma.next(1.0), None);
/// assert_eq!(wma.next(2.0), None);
/// assert_eq!(wma.next(6.0), Some(23.0 / 6.0)); // (1 * 1 + 2 * 2 + 3 * 6) / 6
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct Wma {
    sums: LineSums,
}

impl Wma {
    /// An average over `period` values.
    ///
    /// # Panics
    ///
    /// If `period` is 0.
    pub fn new(period: usize) -> Self {
        check_period("wma period", period);
        Self { sums: LineSums::new(period) }
    }

    /// Takes the next value and returns the average of the last `period`, or `None` before there are that many.
    pub fn next(&mut self, value: f64) -> Option<f64> {
        if usable(value) { self.take(value) } else { self.value() }
    }

    /// [`next`](Self::next) of a usable value.
    pub(super) fn take(&mut self, value: f64) -> Option<f64> {
        self.sums.take(value).map(Line::weighted_average)
    }

    /// The last average, `None` until warm.
    #[must_use]
    pub fn value(&self) -> Option<f64> {
        self.sums.value().map(Line::weighted_average)
    }

    /// Candles before the first value: `period - 1`.
    #[must_use]
    pub fn warm_up(&self) -> usize {
        self.sums.period() - 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn period_one_is_the_value() {
        let mut wma = Wma::new(1);
        assert_eq!(wma.next(0.1), Some(0.1));
        assert_eq!(wma.next(0.3), Some(0.3));
    }

    #[test]
    fn unusable_values_change_nothing() {
        let mut wma = Wma::new(2);
        assert_eq!(wma.next(1.0), None);
        assert_eq!(wma.next(f64::NAN), None);
        assert_eq!(wma.next(4.0), Some(3.0));
        assert_eq!(wma.next(f64::INFINITY), Some(3.0));
    }

    #[test]
    #[should_panic(expected = "wma period is 0")]
    fn period_zero() {
        let _ = Wma::new(0);
    }
}
