use super::extremes::{Both, Range};
use super::{Sma, check_period, usable_candle, vanishes};
use crate::Candle;

/// Stochastic oscillator: where the close stands within the range of the last candles.
///
/// `raw = 100 * (close - lowest low) / (highest high - lowest low)` over the last `period` candles. `K` is the mean of the
/// last `k` raw values, `D` the mean of the last `d` values of K. The slow stochastic smooths K (14, 3, 3), the
/// [fast](Self::fast) one does not (14, 1, 3).
///
/// Range of both: 0 to 100. First value at index `period + k + d - 3`: 17 for (14, 3, 3). **Flat prices**: 0, as TA-Lib
/// says where there is no range. Source: Lane 1957; equals TA-Lib `STOCH` and, with `k` = 1, `STOCHF`, smoothed with SMA.
///
/// K and D are equal where both are 0 or 100: compare them with [`Cross`](super::Cross), which does not take that for a cross.
///
/// Candles with a price that is no usable number are ignored, see [the module](super).
///
/// ```
/// use vyx_sdk::indicators::Stochastic;
/// # use vyx_sdk::{Interval, testkit::candles_from_closes};
///
/// let mut stochastic = Stochastic::new(3, 1, 1);
/// let closes = [10.0, 14.0, 12.0, 13.0];
/// let found: Vec<_> =
///     candles_from_closes(Interval::M1, &closes).iter().map(|c| stochastic.next(c).map(|now| now.k)).collect();
/// assert_eq!(found, [None, None, Some(50.0), Some(75.0)]);
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct Stochastic {
    range: Range,
    k: Sma,
    d: Sma,
}

/// Both lines of [`Stochastic`] at one candle.
///
/// ```
/// use vyx_sdk::indicators::StochasticValue;
///
/// let now = StochasticValue { k: 12.0, d: 18.0 };
/// assert!(now.k < 20.0);
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[must_use]
pub struct StochasticValue {
    /// The faster line, 0 to 100.
    pub k: f64,
    /// The slower line, the mean of the last values of `k`, 0 to 100.
    pub d: f64,
}

impl Stochastic {
    /// From the candles of the range and the smoothing of K and of D, all in candles. Charts use (14, 3, 3). A smoothing
    /// of 1 is none.
    ///
    /// # Panics
    ///
    /// If one of them is 0.
    pub fn new(period: usize, k: usize, d: usize) -> Self {
        check_period("stochastic period", period);
        check_period("stochastic: smoothing of k", k);
        check_period("stochastic: smoothing of d", d);
        Self { range: Range::new(period), k: Sma::new(k), d: Sma::new(d) }
    }

    /// The fast stochastic, whose K is not smoothed: `new(period, 1, d)`.
    ///
    /// # Panics
    ///
    /// If one of them is 0.
    pub fn fast(period: usize, d: usize) -> Self {
        Self::new(period, 1, d)
    }

    /// Takes the next candle and returns K and D, or `None` until both are there.
    pub fn next(&mut self, candle: &Candle) -> Option<StochasticValue> {
        if !usable_candle(candle) {
            return self.value();
        }
        let Both { highest, lowest } = self.range.next(candle.high, candle.low)?;
        let range = highest - lowest;
        let still = vanishes(range, highest.abs() + lowest.abs());
        let raw = if still { 0.0 } else { (candle.close - lowest) / range * 100.0 };
        let k = self.k.take(raw)?;
        let d = self.d.take(k)?;
        Some(StochasticValue { k, d })
    }

    /// The last K and D, `None` until warm.
    #[must_use]
    pub fn value(&self) -> Option<StochasticValue> {
        Some(StochasticValue { k: self.k.value()?, d: self.d.value()? })
    }

    /// Candles before the first value: `period + k + d - 3`.
    #[must_use]
    pub fn warm_up(&self) -> usize {
        self.range.period() - 1 + self.k.warm_up() + self.d.warm_up()
    }
}

/// Williams %R: how far the close lies below the highest high, as a share of the range of the last candles.
///
/// `-100 * (highest high - close) / (highest high - lowest low)` over the last `period` candles: -100 at the bottom of the
/// range, 0 at its top. It is the raw value of [`Stochastic`] less 100. First value at index `period - 1`. **Flat prices**:
/// 0, as TA-Lib says where there is no range; that reads as overbought. Source: Williams 1973; equals TA-Lib `WILLR`.
///
/// Candles with a price that is no usable number are ignored, see [the module](super).
///
/// ```
/// use vyx_sdk::indicators::WilliamsR;
/// # use vyx_sdk::{Interval, testkit::candles_from_closes};
///
/// let mut williams_r = WilliamsR::new(3);
/// let closes = [10.0, 14.0, 12.0, 13.0];
/// let found: Vec<_> = candles_from_closes(Interval::M1, &closes).iter().map(|c| williams_r.next(c)).collect();
/// assert_eq!(found, [None, None, Some(-50.0), Some(-25.0)]);
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct WilliamsR {
    range: Range,
    value: Option<f64>,
}

impl WilliamsR {
    /// Over the range of `period` candles; the usual period is 14.
    ///
    /// # Panics
    ///
    /// If `period` is 0.
    pub fn new(period: usize) -> Self {
        check_period("williams r period", period);
        Self { range: Range::new(period), value: None }
    }

    /// Takes the next candle and returns %R, -100 to 0, or `None` before there are `period` candles.
    pub fn next(&mut self, candle: &Candle) -> Option<f64> {
        if usable_candle(candle) {
            let Both { highest, lowest } = self.range.next(candle.high, candle.low)?;
            let range = highest - lowest;
            let still = vanishes(range, highest.abs() + lowest.abs());
            self.value = Some(if still { 0.0 } else { (highest - candle.close) / range * -100.0 });
        }
        self.value
    }

    /// The last %R, `None` until warm.
    #[must_use]
    pub fn value(&self) -> Option<f64> {
        self.value
    }

    /// Candles before the first value: `period - 1`.
    #[must_use]
    pub fn warm_up(&self) -> usize {
        self.range.period() - 1
    }
}

#[cfg(test)]
mod tests {
    use super::super::test_candles::{candle, flat};
    use super::*;

    #[test]
    fn flat_prices_are_0() {
        let (mut stochastic, mut williams_r) = (Stochastic::new(14, 3, 3), WilliamsR::new(14));
        for i in 0..50 {
            let zero = StochasticValue { k: 0.0, d: 0.0 };
            assert_eq!(stochastic.next(&flat(0.1, 0.0)), (i >= 17).then_some(zero));
            assert_eq!(williams_r.next(&flat(0.1, 0.0)), (i >= 13).then_some(0.0));
        }
    }

    #[test]
    fn the_top_of_the_range_is_exactly_100() {
        let mut stochastic = Stochastic::fast(5, 1);
        for i in 0..50 {
            let price = 0.1 * f64::from(i);
            let now = stochastic.next(&candle(price, price + 0.7, price, price + 0.7, 1.0));
            assert!(now.is_none_or(|now| now.k == 100.0));
        }
    }

    #[test]
    fn unusable_candles_change_nothing() {
        let (mut with, mut without) = (Stochastic::new(3, 2, 2), Stochastic::new(3, 2, 2));
        for i in 0..30 {
            let candle = flat(f64::from(i * i % 17), 1.0);
            let expected = without.next(&candle);
            assert_eq!(with.next(&candle), expected);
            assert_eq!(with.next(&flat(f64::NAN, 1.0)), expected);
        }
    }

    #[test]
    #[should_panic(expected = "stochastic: smoothing of k is 0")]
    fn smoothing_zero() {
        let _ = Stochastic::new(14, 0, 3);
    }
}
