use super::extremes::{Both, Range};
use super::{check_period, usable_candle};
use crate::Candle;

/// Donchian channels: the highest high and the lowest low of the last candles, the one just given included.
///
/// `upper = highest high`, `lower = lowest low`, `middle = (upper + lower) / 2` over the last `period` candles. Unit: that of
/// the prices. First value at index `period - 1`. Flat prices give that price for all three. Source: Donchian 1960; the
/// channels are TA-Lib `MAX` of the highs and `MIN` of the lows.
///
/// A close never leaves channels that its own candle is part of. For a breakout take [`value`](Self::value) before
/// [`next`](Self::next).
///
/// Cost per candle: constant on average, whatever the period.
///
/// Candles with a price that is no usable number are ignored, see [the module](super).
///
/// ```
/// use vyx_sdk::indicators::Donchian;
/// # use vyx_sdk::{Interval, testkit::candles_from_closes};
///
/// let mut channels = Donchian::new(3);
/// let mut breakouts = Vec::new();
/// for candle in candles_from_closes(Interval::M1, &[10.0, 12.0, 11.0, 11.5, 13.0]) {
///     breakouts.push(channels.value().is_some_and(|before| candle.close > before.upper));
///     channels.next(&candle);
/// }
/// assert_eq!(breakouts, [false, false, false, false, true]);
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct Donchian {
    range: Range,
}

/// The channels of [`Donchian`] at one candle, in the unit of the prices.
///
/// ```
/// use vyx_sdk::indicators::DonchianValue;
///
/// let now = DonchianValue { upper: 12.0, middle: 11.0, lower: 10.0 };
/// assert_eq!(now.middle, (now.upper + now.lower) / 2.0);
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[must_use]
pub struct DonchianValue {
    /// The highest high.
    pub upper: f64,
    /// Half-way between the channels.
    pub middle: f64,
    /// The lowest low.
    pub lower: f64,
}

impl Donchian {
    /// Channels of `period` candles; the usual period is 20.
    ///
    /// # Panics
    ///
    /// If `period` is 0.
    pub fn new(period: usize) -> Self {
        check_period("donchian period", period);
        Self { range: Range::new(period) }
    }

    /// Takes the next candle and returns the channels, or `None` before there are `period` candles.
    pub fn next(&mut self, candle: &Candle) -> Option<DonchianValue> {
        if usable_candle(candle) {
            self.range.next(candle.high, candle.low);
        }
        self.value()
    }

    /// The last channels, `None` until warm.
    #[must_use]
    pub fn value(&self) -> Option<DonchianValue> {
        let Both { highest, lowest } = self.range.value()?;
        Some(DonchianValue { upper: highest, middle: (highest + lowest) / 2.0, lower: lowest })
    }

    /// Candles before the first value: `period - 1`.
    #[must_use]
    pub fn warm_up(&self) -> usize {
        self.range.period() - 1
    }
}

#[cfg(test)]
mod tests {
    use super::super::test_candles::flat;
    use super::*;

    #[test]
    fn unusable_candles_change_nothing() {
        let mut channels = Donchian::new(2);
        assert_eq!(channels.next(&flat(1.0, 0.0)), None);
        assert_eq!(channels.next(&flat(f64::INFINITY, 0.0)), None);
        let now = Some(DonchianValue { upper: 3.0, middle: 2.0, lower: 1.0 });
        assert_eq!(channels.next(&flat(3.0, 0.0)), now);
        assert_eq!(channels.next(&flat(f64::NAN, 0.0)), now);
    }

    #[test]
    #[should_panic(expected = "donchian period is 0")]
    fn period_zero() {
        let _ = Donchian::new(0);
    }
}
