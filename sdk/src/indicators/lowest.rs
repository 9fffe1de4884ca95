use super::extremes::Extremes;
use super::{check_period, usable};

/// Lowest of the last `period` values, the one just given included.
///
/// Unit: that of the values. First value at index `period - 1`. Flat values give that value. Equals TA-Lib `MIN`. Cost
/// and breakouts as with [`Highest`](super::Highest).
///
/// Values that are no usable number are ignored, see [the module](super).
///
/// ```
/// use vyx_sdk::indicators::Lowest;
///
/// let mut lowest = Lowest::new(2);
/// assert_eq!(lowest.next(5.0), None);
/// assert_eq!(lowest.next(9.0), Some(5.0));
/// assert_eq!(lowest.next(7.0), Some(7.0));
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct Lowest {
    window: Extremes,
    value: Option<f64>,
}

impl Lowest {
    /// The lowest of `period` values.
    ///
    /// # Panics
    ///
    /// If `period` is 0.
    pub fn new(period: usize) -> Self {
        check_period("lowest period", period);
        Self { window: Extremes::new(period), value: None }
    }

    /// Takes the next value and returns the lowest of the last `period`, or `None` before there are that many.
    #[inline]
    pub fn next(&mut self, value: f64) -> Option<f64> {
        if usable(value) {
            self.value = self.window.next(value).map(|both| both.lowest);
        }
        self.value
    }

    /// The last lowest value, `None` until warm.
    #[must_use]
    pub fn value(&self) -> Option<f64> {
        self.value
    }

    /// Candles before the first value: `period - 1`.
    #[must_use]
    pub fn warm_up(&self) -> usize {
        self.window.period() - 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unusable_values_change_nothing() {
        let mut lowest = Lowest::new(2);
        assert_eq!(lowest.next(f64::NEG_INFINITY), None);
        assert_eq!(lowest.next(1.0), None);
        assert_eq!(lowest.next(f64::NAN), None);
        assert_eq!(lowest.next(2.0), Some(1.0));
        assert_eq!(lowest.value(), Some(1.0));
    }

    #[test]
    #[should_panic(expected = "lowest period is 0")]
    fn period_zero() {
        let _ = Lowest::new(0);
    }
}
