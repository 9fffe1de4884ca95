use super::{Ema, check_period, usable};

/// Moving average convergence divergence: the distance of two EMAs, and its own EMA.
///
/// `macd = ema(fast) - ema(slow)`, `signal = ema of macd over the signal period`, `histogram = macd - signal`.
///
/// Unit: that of the values, with sign. All three appear together at index `slow + signal - 2`: 33 for (12, 26, 9).
/// Flat prices give 0, 0 and 0 to within rounding. Source: Appel 1979; equals TA-Lib `MACD` from that first value on,
/// which takes its way of seeding: **the fast EMA skips the first `slow - fast` values**, so that both EMAs have their
/// first value at the same candle. Libraries that seed the fast one at its own start agree only 100 candles later.
///
/// Values that are no usable number are ignored, see [the module](super).
///
/// ```
/// use vyx_sdk::indicators::Macd;
///
/// let mut macd = Macd::new(12, 26, 9);
/// assert_eq!(macd.warm_up(), 33);
/// for i in 0..33 {
///     assert_eq!(macd.next(f64::from(i)), None);
/// }
/// let now = macd.next(33.0).unwrap();
/// assert_eq!(now.macd, 7.0); // on a straight line an EMA lags by (period - 1) / 2: 12.5 - 5.5
/// assert_eq!(now.histogram, now.macd - now.signal);
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct Macd {
    /// Values that the fast EMA has still to skip.
    skip: usize,
    fast: Ema,
    slow: Ema,
    signal: Ema,
    value: Option<MacdValue>,
}

/// The three numbers of [`Macd`] at one candle, in the unit of the values.
///
/// ```
/// use vyx_sdk::indicators::{Macd, MacdValue};
///
/// let mut macd = Macd::new(1, 2, 1);
/// assert_eq!(macd.next(2.0), None);
/// let first = MacdValue { macd: 1.0, signal: 1.0, histogram: 0.0 }; // 4 - (2 + 4) / 2
/// assert_eq!(macd.next(4.0), Some(first));
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[must_use]
pub struct MacdValue {
    /// The fast EMA less the slow one.
    pub macd: f64,
    /// The EMA of `macd`.
    pub signal: f64,
    /// `macd - signal`.
    pub histogram: f64,
}

impl Macd {
    /// From three periods in candles; the usual ones are (12, 26, 9).
    ///
    /// # Panics
    ///
    /// If one of them is 0, or if `fast` is not below `slow` (TA-Lib exchanges them without a word).
    pub fn new(fast: usize, slow: usize, signal: usize) -> Self {
        check_period("macd: fast period", fast);
        check_period("macd: slow period", slow);
        check_period("macd: signal period", signal);
        assert!(fast < slow, "macd: fast period is {fast}: it must be below the slow period, {slow}");
        Self { skip: slow - fast, fast: Ema::new(fast), slow: Ema::new(slow), signal: Ema::new(signal), value: None }
    }

    /// Takes the next value and returns all three numbers, or `None` until all are there.
    pub fn next(&mut self, value: f64) -> Option<MacdValue> {
        if !usable(value) {
            return self.value;
        }
        if self.skip > 0 {
            self.skip -= 1;
            self.slow.next(value);
            return None;
        }
        // Both are fed before either may return early.
        let (fast, slow) = (self.fast.next(value), self.slow.next(value));
        let macd = fast? - slow?;
        let signal = self.signal.next(macd)?;
        let histogram = macd - signal;
        self.value = Some(MacdValue { macd, signal, histogram });
        self.value
    }

    /// The last three numbers, `None` until warm.
    #[must_use]
    pub fn value(&self) -> Option<MacdValue> {
        self.value
    }

    /// Candles before the first value: `slow + signal - 2`. It takes several times `slow` until the start no longer
    /// shows, see [the module](super).
    #[must_use]
    pub fn warm_up(&self) -> usize {
        self.slow.warm_up() + self.signal.warm_up()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flat_prices_are_0() {
        let mut macd = Macd::new(12, 26, 9);
        for i in 0..100 {
            if let Some(now) = macd.next(1.1) {
                assert!(now.macd.abs() < 1e-12 && now.signal.abs() < 1e-12, "candle {i}: {now:?}");
            }
        }
    }

    #[test]
    fn unusable_values_change_nothing() {
        let mut with = Macd::new(3, 6, 4);
        let mut without = Macd::new(3, 6, 4);
        for i in 0..50 {
            let value = f64::from(i * i % 17);
            let expected = without.next(value);
            assert_eq!(with.next(value), expected);
            assert_eq!(with.next(f64::NAN), expected);
            assert_eq!(expected.is_some(), i >= 8);
        }
    }

    #[test]
    #[should_panic(expected = "macd: fast period is 26")]
    fn exchanged_periods() {
        let _ = Macd::new(26, 12, 9);
    }

    #[test]
    #[should_panic(expected = "macd: signal period is 0")]
    fn period_zero() {
        let _ = Macd::new(12, 26, 0);
    }
}
