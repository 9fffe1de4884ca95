use super::{check_period, narrow, usable};

/// The sign of a float.
const SIGN: u64 = 1 << 63;

/// Relative strength index with Wilder's smoothing.
///
/// A change between two values is a gain or a loss. The first averages are the means of the first `period` changes;
/// after that `average = (average' * (period - 1) + newest) / period` for both. `rsi = 100 * gain / (gain + loss)`.
///
/// Range 0 to 100. First value at index `period`, since a change takes two values. Source: Wilder, New Concepts in
/// Technical Trading Systems, 1978; equals TA-Lib `RSI`. Libraries that smooth with an EMA of weight `2 / (period + 1)`
/// or average over a window compute another indicator under the same name.
///
/// **Flat prices**: 0 if no value has ever changed (TA-Lib; others say 50 or 100), so ask for a cross rather than for
/// `rsi < 30` where a symbol may stand still from the start. When prices stop after they moved, RSI keeps its value,
/// since both averages shrink alike; older TA-Lib versions turn it to 0 once they are small. Only gains give 100, only
/// losses 0.
///
/// Values that are no usable number are ignored, see [the module](super); the next change is then counted from the last
/// usable value.
///
/// ```
/// use vyx_sdk::indicators::Rsi;
///
/// let mut rsi = Rsi::new(2);
/// assert_eq!(rsi.next(10.0), None);
/// assert_eq!(rsi.next(11.0), None);
/// assert_eq!(rsi.next(10.0), Some(50.0)); // gains 1 and 0, losses 0 and 1
/// assert_eq!(rsi.next(11.0), Some(75.0)); // average gain (0.5 + 1) / 2, average loss 0.5 / 2
/// assert_eq!(rsi.next(f64::NAN), Some(75.0)); // ignored
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct Rsi {
    period: u32,
    /// Values that were taken, until there is a first index.
    taken: u32,
    last: f64,
    gain: f64,
    loss: f64,
}

impl Rsi {
    /// An index over `period` changes; Wilder's own period is 14.
    ///
    /// # Panics
    ///
    /// If `period` is 0.
    pub fn new(period: usize) -> Self {
        check_period("rsi period", period);
        Self { period: narrow(period), taken: 0, last: 0.0, gain: 0.0, loss: 0.0 }
    }

    /// Takes the next value and returns the index, 0 to 100, or `None` before there are `period` changes.
    #[inline]
    pub fn next(&mut self, value: f64) -> Option<f64> {
        if usable(value) { self.take(value) } else { self.value() }
    }

    /// [`next`](Self::next) of a usable value.
    #[inline]
    pub(super) fn take(&mut self, value: f64) -> Option<f64> {
        let change = (value - self.last).to_bits();
        self.last = value;
        // By the sign and without a branch: which of the two it is, nobody can foretell.
        let falls = ((change as i64) >> 63) as u64;
        let gain = f64::from_bits(change & !falls);
        let loss = f64::from_bits(change & falls & !SIGN);
        let period = f64::from(self.period);
        if self.taken > self.period {
            // In the order in which TA-Lib rounds.
            self.gain = (self.gain * (period - 1.0) + gain) / period;
            self.loss = (self.loss * (period - 1.0) + loss) / period;
        } else {
            self.taken += 1;
            if self.taken == 1 {
                return None;
            }
            self.gain += gain;
            self.loss += loss;
            if self.taken <= self.period {
                return None;
            }
            self.gain /= period;
            self.loss /= period;
        }
        self.value()
    }

    /// The last index, `None` until warm.
    #[inline]
    #[must_use]
    pub fn value(&self) -> Option<f64> {
        if self.taken <= self.period {
            return None;
        }
        let movement = self.gain + self.loss;
        Some(if movement == 0.0 { 0.0 } else { 100.0 * (self.gain / movement) })
    }

    /// Candles before the first value: `period`. It takes about 500 until the start no longer shows for period 14, see
    /// [the module](super).
    #[must_use]
    pub fn warm_up(&self) -> usize {
        self.period as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(period: usize, values: impl IntoIterator<Item = f64>) -> Option<f64> {
        let mut rsi = Rsi::new(period);
        for value in values {
            rsi.next(value);
        }
        rsi.value()
    }

    #[test]
    fn flat_is_0_only_gains_100_only_losses_0() {
        assert_eq!(after(14, [5.0; 50]), Some(0.0));
        assert_eq!(after(14, (0..50).map(f64::from)), Some(100.0));
        assert_eq!(after(14, (0..50).map(|i| f64::from(-i))), Some(0.0));
    }

    #[test]
    fn stays_where_it_was_when_prices_stop() {
        let mut rsi = Rsi::new(14);
        for i in 0..60 {
            rsi.next(f64::from(i) + 3.0 * f64::from(i % 5));
        }
        let moving = rsi.value().expect("warm");
        for _ in 0..100 {
            rsi.next(7.0 * 59.0);
        }
        let first = rsi.value().expect("warm");
        for _ in 0..100 {
            rsi.next(7.0 * 59.0);
        }
        assert!((rsi.value().expect("warm") - first).abs() < 1e-9);
        assert!(moving > 0.0);
    }

    #[test]
    fn a_nan_neither_stays_nor_reads_as_oversold() {
        let mut rsi = Rsi::new(14);
        let mut same = Rsi::new(14);
        for i in 0..100 {
            let value = 10.0 + f64::from(i * i % 17);
            let expected = same.next(value);
            assert_eq!(rsi.next(value), expected);
            assert_eq!(rsi.next(f64::NAN), expected);
            assert_eq!(rsi.next(f64::INFINITY), expected);
        }
    }

    #[test]
    fn period_one_is_100_or_0() {
        let mut rsi = Rsi::new(1);
        assert_eq!(rsi.next(1.0), None);
        assert_eq!(rsi.next(2.0), Some(100.0));
        assert_eq!(rsi.next(1.0), Some(0.0));
    }

    #[test]
    #[should_panic(expected = "rsi period is 0")]
    fn period_zero() {
        let _ = Rsi::new(0);
    }
}
