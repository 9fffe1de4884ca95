use super::{check_period, usable};

/// Exponential moving average.
///
/// `ema = ema' + (value - ema') * 2 / (period + 1)`, where `ema'` is the one before. The first is the mean of the first
/// `period` values, at index `period - 1`. Unit: that of the values; it stays between the lowest and highest value
/// seen, to within rounding. Equals TA-Lib `EMA`, seed included; libraries that start from the first value agree only
/// later.
///
/// Rounding errors do not pile up: each step shrinks what is left of the earlier ones by `1 - 2 / (period + 1)`.
///
/// Values that are no usable number are ignored, see [the module](super).
///
/// ```
/// use vyx_sdk::indicators::Ema;
///
/// let mut ema = Ema::new(3);
/// assert_eq!(ema.next(1.0), None);
/// assert_eq!(ema.next(2.0), None);
/// assert_eq!(ema.next(3.0), Some(2.0)); // the mean of the first three
/// assert_eq!(ema.next(4.0), Some(3.0)); // 2 + (4 - 2) * 2 / 4
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct Ema {
    period: usize,
    weight: f64,
    /// How many values are in `seed`, until it is complete.
    seeded: usize,
    seed: f64,
    value: Option<f64>,
}

impl Ema {
    /// An average with the weight `2 / (period + 1)` for the newest value. Period 1 returns the value itself.
    ///
    /// # Panics
    ///
    /// If `period` is 0.
    pub fn new(period: usize) -> Self {
        check_period("ema period", period);
        Self { period, weight: 2.0 / (period as f64 + 1.0), seeded: 0, seed: 0.0, value: None }
    }

    /// Takes the next value and returns the average, or `None` before there are `period` values.
    pub fn next(&mut self, value: f64) -> Option<f64> {
        if !usable(value) {
            return self.value;
        }
        if let Some(last) = self.value {
            // Weight 1 is not left to the formula: it would round the difference to the value before.
            let ema = if self.weight < 1.0 { (value - last) * self.weight + last } else { value };
            self.value = Some(ema);
        } else {
            self.seed += value;
            self.seeded += 1;
            if self.seeded == self.period {
                self.value = Some(self.seed / self.period as f64);
            }
        }
        self.value
    }

    /// The last average, `None` until warm.
    #[must_use]
    pub fn value(&self) -> Option<f64> {
        self.value
    }

    /// Candles before the first value: `period - 1`. It takes several times `period` until the seed no longer shows,
    /// see [the module](super).
    #[must_use]
    pub fn warm_up(&self) -> usize {
        self.period - 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flat_values_give_that_value_exactly() {
        let mut ema = Ema::new(7);
        for _ in 0..100 {
            ema.next(0.5);
        }
        assert_eq!(ema.value(), Some(0.5));
    }

    #[test]
    fn period_one_is_the_value() {
        let mut ema = Ema::new(1);
        assert_eq!(ema.next(1e16), Some(1e16));
        assert_eq!(ema.next(0.1), Some(0.1));
    }

    #[test]
    fn unusable_values_change_nothing() {
        let mut ema = Ema::new(2);
        assert_eq!(ema.next(1.0), None);
        assert_eq!(ema.next(f64::NAN), None);
        assert_eq!(ema.next(3.0), Some(2.0));
        assert_eq!(ema.next(f64::NEG_INFINITY), Some(2.0));
        assert_eq!(ema.next(5.0), Some(4.0));
    }

    #[test]
    #[should_panic(expected = "ema period is 0")]
    fn period_zero() {
        let _ = Ema::new(0);
    }
}
