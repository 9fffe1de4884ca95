use super::{Atr, Ema, check_factor, check_period, usable_candle};
use crate::Candle;

/// Keltner channels: a moving average of the closes with a band of some average true ranges on both sides.
///
/// `middle = ema of the closes over period`, `upper = middle + factor * atr`, `lower = middle - factor * atr`, with [`Ema`]
/// and [`Atr`] as they are here. Unit: that of the prices. First value at the later of index `period - 1` and `atr_period`:
/// 19 for (20, 10, 2.0). Flat prices give that price for all three. Source: Keltner 1960 in the form of Raschke (EMA and
/// ATR, which charts use); TA-Lib has none.
///
/// Candles with a price that is no usable number are ignored, see [the module](super).
///
/// ```
/// use vyx_sdk::indicators::Keltner;
/// # use vyx_sdk::{Interval, testkit::candles_from_closes};
///
/// let mut channels = Keltner::new(2, 1, 2.0);
/// let mut last = None;
/// for candle in candles_from_closes(Interval::M1, &[10.0, 12.0]) {
///     last = channels.next(&candle);
/// }
/// let now = last.unwrap();
/// assert_eq!((now.lower, now.middle, now.upper), (7.0, 11.0, 15.0));
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct Keltner {
    factor: f64,
    middle: Ema,
    atr: Atr,
}

/// The channels of [`Keltner`] at one candle, in the unit of the prices.
///
/// ```
/// use vyx_sdk::indicators::KeltnerValue;
///
/// let now = KeltnerValue { upper: 110.0, middle: 100.0, lower: 90.0 };
/// assert!(111.0 > now.upper);
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[must_use]
pub struct KeltnerValue {
    /// The upper channel.
    pub upper: f64,
    /// The moving average.
    pub middle: f64,
    /// The lower channel.
    pub lower: f64,
}

impl Keltner {
    /// From the periods of the average and of the true range, and how many ranges the channels lie off; charts use
    /// (20, 10, 2.0).
    ///
    /// # Panics
    ///
    /// If a period is 0, or `factor` is negative, NaN or infinite.
    pub fn new(period: usize, atr_period: usize, factor: f64) -> Self {
        check_period("keltner period", period);
        check_period("keltner: period of atr", atr_period);
        check_factor("keltner: factor", factor);
        Self { factor, middle: Ema::new(period), atr: Atr::new(atr_period) }
    }

    /// Takes the next candle and returns the channels, or `None` until they are there.
    pub fn next(&mut self, candle: &Candle) -> Option<KeltnerValue> {
        if usable_candle(candle) {
            self.middle.next(candle.close);
            self.atr.take(candle);
        }
        self.value()
    }

    /// The last channels, `None` until warm.
    #[must_use]
    pub fn value(&self) -> Option<KeltnerValue> {
        let (middle, width) = (self.middle.value()?, self.factor * self.atr.value()?);
        Some(KeltnerValue { upper: middle + width, middle, lower: middle - width })
    }

    /// Candles before the first value: the larger of `period - 1` and `atr_period`. It takes several times that until the
    /// start no longer shows, see [the module](super).
    #[must_use]
    pub fn warm_up(&self) -> usize {
        self.middle.warm_up().max(self.atr.warm_up())
    }
}

#[cfg(test)]
mod tests {
    use super::super::test_candles::flat;
    use super::*;

    #[test]
    fn flat_prices_are_the_channels() {
        let mut channels = Keltner::new(20, 10, 2.0);
        for i in 0..50 {
            let price = KeltnerValue { upper: 0.5, middle: 0.5, lower: 0.5 };
            assert_eq!(channels.next(&flat(0.5, 0.0)), (i >= 19).then_some(price));
            assert_eq!(channels.next(&flat(f64::NAN, 0.0)), (i >= 19).then_some(price));
        }
    }

    #[test]
    #[should_panic(expected = "keltner: period of atr is 0")]
    fn period_zero() {
        let _ = Keltner::new(20, 0, 2.0);
    }
}
