use super::{Atr, check_factor, check_period, usable_candle};
use crate::Candle;

/// Supertrend: a stop that follows the trend at some average true ranges, and turns where a close crosses it.
///
/// Around the middle of the candle, `(high + low) / 2`, lie two bands, `factor * atr` above and below. The upper one only
/// falls and the lower one only rises, unless the close before was already beyond it: then it begins anew. In a rise the line
/// is the lower band, in a fall the upper one. A fall ends with a close above the upper band, a rise with one below the
/// lower band. It begins with a fall.
///
/// Unit: that of the prices. First value at index `period`, that of [`Atr`]. **Flat prices** give that price, in a fall.
/// Source: Seban; bands, turns and start are those of `ta.supertrend` of TradingView, [`Atr`] is that of TA-Lib, which has no
/// Supertrend: charts whose ATR counts the first candle differ at first.
///
/// Candles with a price that is no usable number are ignored, see [the module](super).
///
/// ```
/// use vyx_sdk::indicators::Supertrend;
/// # use vyx_sdk::{Interval, testkit::candles_from_closes};
///
/// let mut supertrend = Supertrend::new(2, 1.0);
/// let mut rises = Vec::new();
/// for candle in candles_from_closes(Interval::M1, &[10.0, 11.0, 12.0, 16.0, 17.0]) {
///     rises.push(supertrend.next(&candle).map(|now| now.rising));
/// }
/// assert_eq!(rises, [None, None, Some(false), Some(true), Some(true)]);
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct Supertrend {
    factor: f64,
    atr: Atr,
    /// Of the candle before.
    close: f64,
    upper: f64,
    lower: f64,
    value: Option<SupertrendValue>,
}

/// The line of [`Supertrend`] at one candle.
///
/// ```
/// use vyx_sdk::indicators::SupertrendValue;
///
/// let now = SupertrendValue { line: 98.0, rising: true };
/// assert!(now.rising);
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[must_use]
pub struct SupertrendValue {
    /// The stop, in the unit of the prices: below them in a rise, above them in a fall.
    pub line: f64,
    /// Whether the trend rises.
    pub rising: bool,
}

impl Supertrend {
    /// From the period of the true range, and how many ranges the bands lie off; charts use (10, 3.0).
    ///
    /// # Panics
    ///
    /// If `period` is 0, or `factor` is negative, NaN or infinite.
    pub fn new(period: usize, factor: f64) -> Self {
        check_period("supertrend period", period);
        check_factor("supertrend: factor", factor);
        Self { factor, atr: Atr::new(period), close: 0.0, upper: 0.0, lower: 0.0, value: None }
    }

    /// Takes the next candle and returns the line, or `None` before there is an average true range.
    pub fn next(&mut self, candle: &Candle) -> Option<SupertrendValue> {
        if !usable_candle(candle) {
            return self.value;
        }
        let before = std::mem::replace(&mut self.close, candle.close);
        let width = self.factor * self.atr.take(candle)?;
        let middle = (candle.high + candle.low) / 2.0;
        let (mut upper, mut lower) = (middle + width, middle - width);
        let mut rising = false;
        if let Some(last) = self.value {
            upper = if upper < self.upper || before > self.upper { upper } else { self.upper };
            lower = if lower > self.lower || before < self.lower { lower } else { self.lower };
            rising = if last.rising { candle.close >= lower } else { candle.close > upper };
        }
        (self.upper, self.lower) = (upper, lower);
        self.value = Some(SupertrendValue { line: if rising { lower } else { upper }, rising });
        self.value
    }

    /// The last line, `None` until warm.
    #[must_use]
    pub fn value(&self) -> Option<SupertrendValue> {
        self.value
    }

    /// Candles before the first value: `period`. It takes until the second turn of the trend that the start no longer shows.
    #[must_use]
    pub fn warm_up(&self) -> usize {
        self.atr.warm_up()
    }
}

#[cfg(test)]
mod tests {
    use super::super::test_candles::flat;
    use super::*;

    #[test]
    fn flat_prices_are_the_line() {
        let mut supertrend = Supertrend::new(10, 3.0);
        for i in 0..50 {
            let price = SupertrendValue { line: 0.1, rising: false };
            assert_eq!(supertrend.next(&flat(0.1, 0.0)), (i >= 10).then_some(price));
            assert_eq!(supertrend.next(&flat(f64::NAN, 0.0)), (i >= 10).then_some(price));
        }
    }

    #[test]
    #[should_panic(expected = "supertrend: factor is -3")]
    fn factor_negative() {
        let _ = Supertrend::new(10, -3.0);
    }
}
