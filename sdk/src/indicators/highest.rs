use super::extremes::Extremes;
use super::{check_period, usable};

/// Highest of the last `period` values, the one just given included.
///
/// Unit: that of the values. First value at index `period - 1`. Flat values give that value. Equals TA-Lib `MAX`.
///
/// For a breakout above the candles before this one, take [`value`](Self::value) before [`next`](Self::next).
///
/// Cost per value: constant on average, whatever the period.
///
/// Values that are no usable number are ignored, see [the module](super).
///
/// ```
/// use vyx_sdk::indicators::Highest;
///
/// let mut highest = Highest::new(3);
/// assert_eq!(highest.next(5.0), None);
/// assert_eq!(highest.next(9.0), None);
/// assert_eq!(highest.next(4.0), Some(9.0));
/// assert_eq!(highest.next(3.0), Some(9.0));
/// assert_eq!(highest.next(2.0), Some(4.0)); // the 9 has left the window
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct Highest {
    window: Extremes,
    value: Option<f64>,
}

impl Highest {
    /// The highest of `period` values.
    ///
    /// # Panics
    ///
    /// If `period` is 0.
    pub fn new(period: usize) -> Self {
        check_period("highest period", period);
        Self { window: Extremes::new(period), value: None }
    }

    /// Takes the next value and returns the highest of the last `period`, or `None` before there are that many.
    #[inline]
    pub fn next(&mut self, value: f64) -> Option<f64> {
        if usable(value) {
            self.value = self.window.next(value).map(|both| both.highest);
        }
        self.value
    }

    /// The last highest value, `None` until warm.
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
    fn period_one_is_the_value() {
        let mut highest = Highest::new(1);
        assert_eq!(highest.next(2.0), Some(2.0));
        assert_eq!(highest.next(-1.0), Some(-1.0));
    }

    #[test]
    fn unusable_values_change_nothing() {
        let mut highest = Highest::new(2);
        assert_eq!(highest.next(f64::INFINITY), None);
        assert_eq!(highest.next(1.0), None);
        assert_eq!(highest.next(f64::NAN), None);
        assert_eq!(highest.next(0.0), Some(1.0));
        assert_eq!(highest.next(f64::INFINITY), Some(1.0));
        assert_eq!(highest.next(0.5), Some(0.5));
    }

    #[test]
    #[should_panic(expected = "highest period is 0")]
    fn period_zero() {
        let _ = Highest::new(0);
    }
}
