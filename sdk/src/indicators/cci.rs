use super::{check_at_least, typical_price, usable_candle, vanishes};
use crate::Candle;

/// Commodity channel index: how far the typical price lies from its mean, in usual distances.
///
/// `cci = (typical - mean) / (0.015 * mean distance)`, where `typical = (high + low + close) / 3`, `mean` is that of the last
/// `period` of them and `mean distance` the mean of `|typical - mean|` over the same candles. No unit and no limits: three
/// quarters of all values lie between -100 and 100. First value at index `period - 1`. **Flat prices**: 0. Source: Lambert
/// 1980; equals TA-Lib `CCI`.
///
/// Cost per candle: two passes over the window, since every distance changes with the mean. It depends on the window alone.
///
/// Candles with a price that is no usable number are ignored, see [the module](super).
///
/// ```
/// use vyx_sdk::indicators::Cci;
/// # use vyx_sdk::{Interval, testkit::candles_from_closes};
///
/// let mut cci = Cci::new(20);
/// let closes: Vec<f64> = (0..20).map(f64::from).collect();
/// let last = candles_from_closes(Interval::M1, &closes).iter().map(|candle| cci.next(candle)).last().unwrap();
/// assert!(last.unwrap() > 100.0); // a straight rise
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct Cci {
    prices: Box<[f64]>,
    /// Of the oldest price, which the next one replaces.
    position: usize,
    warm: bool,
    value: f64,
}

impl Cci {
    /// An index over `period` candles; the usual period is 20.
    ///
    /// # Panics
    ///
    /// If `period` is below 2: a price does not lie off its own mean.
    pub fn new(period: usize) -> Self {
        check_at_least("cci period", period, 2);
        Self { prices: vec![0.0; period].into_boxed_slice(), position: 0, warm: false, value: 0.0 }
    }

    /// Takes the next candle and returns the index, or `None` before there are `period` candles.
    pub fn next(&mut self, candle: &Candle) -> Option<f64> {
        if !usable_candle(candle) {
            return self.value();
        }
        let newest = typical_price(candle);
        self.prices[self.position] = newest;
        self.position += 1;
        if self.position == self.prices.len() {
            self.position = 0;
            self.warm = true;
        }
        if self.warm {
            let period = self.prices.len() as f64;
            let mean = sum(&self.prices, |price| price) / period;
            let distance = sum(&self.prices, |price| (price - mean).abs()) / period;
            let off = newest - mean;
            let still = vanishes(off, mean.abs()) || vanishes(distance, mean.abs());
            self.value = if still { 0.0 } else { off / (0.015 * distance) };
        }
        self.value()
    }

    /// The last index, `None` until warm.
    #[must_use]
    pub fn value(&self) -> Option<f64> {
        self.warm.then_some(self.value)
    }

    /// Candles before the first value: `period - 1`.
    #[must_use]
    pub fn warm_up(&self) -> usize {
        self.prices.len() - 1
    }
}

/// In four lanes, so that an addition need not wait for the one before.
fn sum(prices: &[f64], of: impl Fn(f64) -> f64) -> f64 {
    let (fours, rest) = prices.as_chunks::<4>();
    let mut lanes = [0.0; 4];
    for [a, b, c, d] in fours {
        lanes = [lanes[0] + of(*a), lanes[1] + of(*b), lanes[2] + of(*c), lanes[3] + of(*d)];
    }
    rest.iter().fold((lanes[0] + lanes[1]) + (lanes[2] + lanes[3]), |sum, price| sum + of(*price))
}

#[cfg(test)]
mod tests {
    use super::super::test_candles::flat;
    use super::*;

    #[test]
    fn flat_prices_are_0_and_not_rounding_noise() {
        let mut cci = Cci::new(20);
        for i in 0..40 {
            cci.next(&flat(100.0 + 0.1 * f64::from(i * i % 17), 1.0));
        }
        for i in 0..100 {
            let now = cci.next(&flat(100.1, 0.0));
            assert!(i < 19 || now == Some(0.0), "candle {i}: {now:?}");
        }
    }

    #[test]
    #[should_panic(expected = "cci period is 1: it must be at least 2")]
    fn period_one() {
        let _ = Cci::new(1);
    }
}
