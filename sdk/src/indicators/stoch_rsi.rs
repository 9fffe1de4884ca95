use super::extremes::{Both, Extremes};
use super::{Rsi, Sma, check_period, usable};

/// A range of RSI below this, in points, is rounding and counts as none.
///
/// When prices stop, RSI is constant in theory and moves by 1e-14 in floats; divided by its own range that becomes any
/// number from 0 to 100. No real change is that small: one tick moves RSI by more than 1e-6 points. TA-Lib 0.8 has a
/// limit with the same effect (1e-14 of the sum of both ends); older versions divide.
const NO_RANGE: f64 = 1e-9;

/// Stochastic RSI: where RSI stands within its own range of the last candles.
///
/// `raw = 100 * (rsi - lowest) / (highest - lowest)` with both over the last `stoch` values of RSI, the newest
/// included. `K` is the mean of the last `k` raw values, `D` the mean of the last `d` values of K.
///
/// Range of K and D: 0 to 100. Both appear at index `rsi + stoch + k + d - 3`: 31 for (14, 14, 3, 3). Source: Chande
/// and Kroll, The New Technical Trader, 1994. `StochRsi::new(14, 14, 1, 3)` equals TA-Lib `STOCHRSI(14, 14, 3)` (its
/// FASTK and FASTD); with `k` = 3, K is TA-Lib's FASTD and D the SMA of it, as charts show it.
///
/// **Flat prices**: 0, as TA-Lib says where RSI has no range. So do prices that only rise or only fall, and prices that
/// have stood still for `stoch + k + d` candles, because their RSI does not move. A range below 1e-9 points counts as
/// none.
///
/// K and D are equal on 2 to 4 % of one-minute candles, both at 0 or both at 100: compare them with
/// [`Cross`](super::Cross), which does not take that for a cross.
///
/// Values that are no usable number are ignored, see [the module](super).
///
/// ```
/// use vyx_sdk::indicators::{CrossOver, StochRsi};
///
/// let mut stoch_rsi = StochRsi::new(14, 14, 3, 3);
/// assert_eq!(stoch_rsi.warm_up(), 31);
/// let mut turned_up = CrossOver::new();
/// for minute in 0..200 {
///     let close = 100.0 + (f64::from(minute) * 0.7).sin() + (f64::from(minute) * 0.11).cos();
///     let Some(now) = stoch_rsi.next(close) else { continue };
///     assert!((0.0..=100.0).contains(&now.k));
///     if turned_up.next(now.k, now.d) && now.k < 20.0 {
///         // emit a signal
///     }
/// }
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct StochRsi {
    rsi: Rsi,
    range: Extremes,
    k: Sma,
    d: Sma,
}

/// Both lines of [`StochRsi`] at one candle.
///
/// ```
/// use vyx_sdk::indicators::{StochRsi, StochRsiValue};
///
/// let mut stoch_rsi = StochRsi::new(2, 2, 1, 1);
/// for close in [1.0, 2.0, 1.0] {
///     assert_eq!(stoch_rsi.next(close), None);
/// }
/// assert_eq!(stoch_rsi.next(2.0), Some(StochRsiValue { k: 100.0, d: 100.0 }));
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[must_use]
pub struct StochRsiValue {
    /// The faster line, 0 to 100.
    pub k: f64,
    /// The slower line, the mean of the last values of `k`, 0 to 100.
    pub d: f64,
}

impl StochRsi {
    /// From the period of RSI, the candles of its range (`stoch`), and the smoothing of K and of D, all in candles.
    /// Charts use (14, 14, 3, 3). A smoothing of 1 is none.
    ///
    /// # Panics
    ///
    /// If one of them is 0.
    pub fn new(rsi: usize, stoch: usize, k: usize, d: usize) -> Self {
        check_period("stoch rsi: period of rsi", rsi);
        check_period("stoch rsi: period of its range", stoch);
        check_period("stoch rsi: smoothing of k", k);
        check_period("stoch rsi: smoothing of d", d);
        Self { rsi: Rsi::new(rsi), range: Extremes::new(stoch), k: Sma::new(k), d: Sma::new(d) }
    }

    /// Takes the next value and returns K and D, or `None` until both are there.
    #[inline]
    pub fn next(&mut self, value: f64) -> Option<StochRsiValue> {
        if !usable(value) {
            return self.value();
        }
        // What comes out of one is usable to the next.
        let rsi = self.rsi.take(value)?;
        let Both { highest, lowest } = self.range.next(rsi)?;
        let range = highest - lowest;
        // The quotient first: it is exactly 1 at the top, where 100 * x / x need not be 100.
        let raw = if range < NO_RANGE { 0.0 } else { (rsi - lowest) / range * 100.0 };
        let k = self.k.take(raw)?;
        let d = self.d.take(k)?;
        Some(StochRsiValue { k, d })
    }

    /// The last K and D, `None` until warm.
    #[must_use]
    pub fn value(&self) -> Option<StochRsiValue> {
        Some(StochRsiValue { k: self.k.value()?, d: self.d.value()? })
    }

    /// Candles before the first value: `rsi + stoch + k + d - 3`. Like [`Rsi`] it takes some hundreds until the start
    /// no longer shows, see [the module](super).
    #[must_use]
    pub fn warm_up(&self) -> usize {
        self.rsi.warm_up() + self.range.period() - 1 + self.k.warm_up() + self.d.warm_up()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ZERO: Option<StochRsiValue> = Some(StochRsiValue { k: 0.0, d: 0.0 });

    #[test]
    fn flat_rising_and_falling_prices_are_0() {
        for slope in [0.0, 1.0, -1.0] {
            let mut stoch_rsi = StochRsi::new(14, 14, 3, 3);
            for i in 0..100 {
                let expected = if i < 31 { None } else { ZERO };
                assert_eq!(stoch_rsi.next(5.0 + slope * f64::from(i)), expected, "slope {slope}, candle {i}");
            }
        }
    }

    #[test]
    fn prices_that_stop_are_0_and_not_rounding_noise() {
        let mut stoch_rsi = StochRsi::new(14, 14, 3, 3);
        let mut rsi = Rsi::new(14);
        for i in 0..60 {
            let close = 100.0 + 0.1 * f64::from(i * i % 17);
            stoch_rsi.next(close);
            rsi.next(close);
        }
        let mut distinct = Vec::new();
        for i in 0..300 {
            let now = stoch_rsi.next(100.3);
            distinct.push(rsi.next(100.3).expect("warm").to_bits());
            if i >= 18 {
                assert_eq!(now, ZERO, "candle {i}");
            }
        }
        distinct.dedup();
        assert!(distinct.len() > 2, "rsi itself does move by rounding, or this proves nothing");
    }

    #[test]
    fn unusable_values_change_nothing() {
        let mut with = StochRsi::new(5, 5, 3, 3);
        let mut without = StochRsi::new(5, 5, 3, 3);
        for i in 0..100 {
            let value = f64::from(i * i % 17);
            let expected = without.next(value);
            assert_eq!(with.next(value), expected);
            assert_eq!(with.next(f64::NAN), expected);
        }
    }

    #[test]
    #[should_panic(expected = "stoch rsi: smoothing of d is 0")]
    fn smoothing_zero() {
        let _ = StochRsi::new(14, 14, 3, 0);
    }
}
