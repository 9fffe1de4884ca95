use super::{Ema, check_period, usable};

/// Double exponential moving average: an EMA with its lag taken out once.
///
/// `dema = 2 * ema - ema of ema`. Unit: that of the values; it may leave their range. First value at index
/// `2 * (period - 1)`: 38 for 20. Flat values give that value. Source: Mulloy 1994; equals TA-Lib `DEMA`, whose EMAs are
/// seeded as [`Ema`] is.
///
/// Values that are no usable number are ignored, see [the module](super).
///
/// ```
/// use vyx_sdk::indicators::Dema;
///
/// let mut dema = Dema::new(2);
/// assert_eq!(dema.next(1.0), None);
/// assert_eq!(dema.next(2.0), None);
/// assert_eq!(dema.next(3.0), Some(3.0)); // on a straight line it does not lag
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct Dema {
    first: Ema,
    second: Ema,
}

impl Dema {
    /// From EMAs with the weight `2 / (period + 1)` for the newest value.
    ///
    /// # Panics
    ///
    /// If `period` is 0.
    pub fn new(period: usize) -> Self {
        check_period("dema period", period);
        Self { first: Ema::new(period), second: Ema::new(period) }
    }

    /// Takes the next value and returns the average, or `None` until it is warm.
    pub fn next(&mut self, value: f64) -> Option<f64> {
        if usable(value) {
            self.second.next(self.first.next(value)?);
        }
        self.value()
    }

    /// The last average, `None` until warm.
    #[must_use]
    pub fn value(&self) -> Option<f64> {
        Some(2.0 * self.first.value()? - self.second.value()?)
    }

    /// Candles before the first value: `2 * (period - 1)`. It takes several times `period` until the start no longer shows,
    /// see [the module](super).
    #[must_use]
    pub fn warm_up(&self) -> usize {
        2 * self.first.warm_up()
    }
}

/// Triple exponential moving average: an EMA with its lag taken out twice.
///
/// `tema = 3 * ema - 3 * ema of ema + ema of ema of ema`. Unit: that of the values; it may leave their range. First value
/// at index `3 * (period - 1)`: 57 for 20. Flat values give that value to within rounding. Source: Mulloy 1994; equals
/// TA-Lib `TEMA`.
///
/// Values that are no usable number are ignored, see [the module](super).
///
/// ```
/// use vyx_sdk::indicators::Tema;
///
/// let mut tema = Tema::new(2);
/// for close in [1.0, 2.0, 3.0] {
///     assert_eq!(tema.next(close), None);
/// }
/// assert!((tema.next(4.0).unwrap() - 4.0).abs() < 1e-12); // on a straight line it does not lag
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct Tema {
    first: Ema,
    second: Ema,
    third: Ema,
}

impl Tema {
    /// From EMAs with the weight `2 / (period + 1)` for the newest value.
    ///
    /// # Panics
    ///
    /// If `period` is 0.
    pub fn new(period: usize) -> Self {
        check_period("tema period", period);
        Self { first: Ema::new(period), second: Ema::new(period), third: Ema::new(period) }
    }

    /// Takes the next value and returns the average, or `None` until it is warm.
    pub fn next(&mut self, value: f64) -> Option<f64> {
        if usable(value) {
            self.third.next(self.second.next(self.first.next(value)?)?);
        }
        self.value()
    }

    /// The last average, `None` until warm.
    #[must_use]
    pub fn value(&self) -> Option<f64> {
        Some(3.0 * self.first.value()? - 3.0 * self.second.value()? + self.third.value()?)
    }

    /// Candles before the first value: `3 * (period - 1)`. It takes several times `period` until the start no longer shows,
    /// see [the module](super).
    #[must_use]
    pub fn warm_up(&self) -> usize {
        3 * self.first.warm_up()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flat_values_give_that_value() {
        let (mut dema, mut tema) = (Dema::new(5), Tema::new(5));
        for _ in 0..100 {
            dema.next(0.7);
            tema.next(0.7);
        }
        assert!((dema.value().expect("warm") - 0.7).abs() < 1e-15);
        assert!((tema.value().expect("warm") - 0.7).abs() < 1e-15);
    }

    #[test]
    fn unusable_values_change_nothing() {
        let (mut dema, mut tema) = (Dema::new(2), Tema::new(2));
        for value in [1.0, 3.0, 2.0, 5.0, 4.0] {
            let (a, b) = (dema.next(value), tema.next(value));
            assert_eq!((dema.next(f64::NAN), tema.next(f64::INFINITY)), (a, b));
        }
    }

    #[test]
    #[should_panic(expected = "dema period is 0")]
    fn dema_period_zero() {
        let _ = Dema::new(0);
    }

    #[test]
    #[should_panic(expected = "tema period is 0")]
    fn tema_period_zero() {
        let _ = Tema::new(0);
    }
}
