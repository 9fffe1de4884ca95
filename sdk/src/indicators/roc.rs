use super::{check_period, usable};

/// Rate of change: by how many percent the value differs from that of `period` candles ago.
///
/// `roc = (value / value' - 1) * 100`. Unit: percent. First value at index `period`. Flat values give 0. Where the value
/// then is 0, or so small that the quotient is no number, it is 0. Equals TA-Lib `ROC`.
///
/// Values that are no usable number are ignored, see [the module](super).
///
/// ```
/// use vyx_sdk::indicators::Roc;
///
/// let mut roc = Roc::new(2);
/// assert_eq!(roc.next(100.0), None);
/// assert_eq!(roc.next(120.0), None);
/// assert_eq!(roc.next(150.0), Some(50.0));
/// assert_eq!(roc.next(90.0), Some(-25.0));
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct Roc {
    past: Past,
    value: Option<f64>,
}

impl Roc {
    /// Against the value of `period` candles ago.
    ///
    /// # Panics
    ///
    /// If `period` is 0.
    pub fn new(period: usize) -> Self {
        check_period("roc period", period);
        Self { past: Past::new(period), value: None }
    }

    /// Takes the next value and returns the rate, or `None` before there are `period + 1` values.
    pub fn next(&mut self, value: f64) -> Option<f64> {
        if usable(value) {
            let past = self.past.exchange(value)?;
            let rate = (value / past - 1.0) * 100.0;
            self.value = Some(if rate.is_finite() { rate } else { 0.0 });
        }
        self.value
    }

    /// The last rate, `None` until warm.
    #[must_use]
    pub fn value(&self) -> Option<f64> {
        self.value
    }

    /// Candles before the first value: `period`.
    #[must_use]
    pub fn warm_up(&self) -> usize {
        self.past.values.len()
    }
}

/// Momentum: by how much the value differs from that of `period` candles ago.
///
/// `momentum = value - value'`. Unit: that of the values, with sign. First value at index `period`. Flat values give 0.
/// Equals TA-Lib `MOM`.
///
/// Values that are no usable number are ignored, see [the module](super).
///
/// ```
/// use vyx_sdk::indicators::Momentum;
///
/// let mut momentum = Momentum::new(1);
/// assert_eq!(momentum.next(100.0), None);
/// assert_eq!(momentum.next(120.0), Some(20.0));
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct Momentum {
    past: Past,
    value: Option<f64>,
}

impl Momentum {
    /// Against the value of `period` candles ago.
    ///
    /// # Panics
    ///
    /// If `period` is 0.
    pub fn new(period: usize) -> Self {
        check_period("momentum period", period);
        Self { past: Past::new(period), value: None }
    }

    /// Takes the next value and returns the difference, or `None` before there are `period + 1` values.
    pub fn next(&mut self, value: f64) -> Option<f64> {
        if usable(value) {
            self.value = Some(value - self.past.exchange(value)?);
        }
        self.value
    }

    /// The last difference, `None` until warm.
    #[must_use]
    pub fn value(&self) -> Option<f64> {
        self.value
    }

    /// Candles before the first value: `period`.
    #[must_use]
    pub fn warm_up(&self) -> usize {
        self.past.values.len()
    }
}

/// The last `period` values.
#[derive(Debug, Clone)]
pub(super) struct Past {
    values: Box<[f64]>,
    position: usize,
    full: bool,
}

impl Past {
    pub(super) fn new(period: usize) -> Self {
        Self { values: vec![0.0; period].into_boxed_slice(), position: 0, full: false }
    }

    /// Takes the newest value and gives that of `period` candles ago, if there is one.
    pub(super) fn exchange(&mut self, newest: f64) -> Option<f64> {
        let oldest = std::mem::replace(&mut self.values[self.position], newest);
        let found = self.full.then_some(oldest);
        self.position += 1;
        if self.position == self.values.len() {
            self.position = 0;
            self.full = true;
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn from_nothing_is_0() {
        let mut roc = Roc::new(1);
        roc.next(0.0);
        assert_eq!(roc.next(5.0), Some(0.0));
        assert_eq!(roc.next(0.0), Some(-100.0));
        assert_eq!(roc.next(1e-300), Some(0.0));
        assert_eq!(roc.next(1e50), Some(0.0));
    }

    #[test]
    fn unusable_values_change_nothing() {
        let (mut roc, mut momentum) = (Roc::new(1), Momentum::new(1));
        assert_eq!((roc.next(f64::NAN), momentum.next(f64::INFINITY)), (None, None));
        assert_eq!((roc.next(1.0), momentum.next(1.0)), (None, None));
        assert_eq!((roc.next(2.0), momentum.next(2.0)), (Some(100.0), Some(1.0)));
        assert_eq!((roc.next(f64::NAN), momentum.next(f64::NAN)), (Some(100.0), Some(1.0)));
    }

    #[test]
    #[should_panic(expected = "roc period is 0")]
    fn roc_period_zero() {
        let _ = Roc::new(0);
    }

    #[test]
    #[should_panic(expected = "momentum period is 0")]
    fn momentum_period_zero() {
        let _ = Momentum::new(0);
    }
}
