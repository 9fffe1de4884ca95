use super::std_dev::{Moments, Spread};
use super::{check_factor, check_period, usable};

/// Bollinger bands: a moving average with a band of some standard deviations on both sides.
///
/// `middle = mean of the last period values`, `upper = middle + factor * deviation`, `lower = middle - factor * deviation`,
/// with the deviation of [`StdDev`](super::StdDev) (of the population). Unit: that of the values. First value at index
/// `period - 1`. Flat values give that value for all three. Source: Bollinger, Bollinger on Bollinger Bands, 2001; equals
/// TA-Lib `BBANDS` with SMA and the same factor on both sides.
///
/// Cost per value: constant on average, whatever the period.
///
/// Values that are no usable number are ignored, see [the module](super).
///
/// ```
/// use vyx_sdk::indicators::Bollinger;
///
/// let mut bands = Bollinger::new(2, 2.0);
/// assert_eq!(bands.next(1.0), None);
/// let now = bands.next(3.0).unwrap();
/// assert_eq!((now.lower, now.middle, now.upper), (0.0, 2.0, 4.0));
/// assert_eq!(now.percent_b(3.0), 0.75);
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct Bollinger {
    factor: f64,
    moments: Moments,
}

/// The bands of [`Bollinger`] at one candle, in the unit of the values.
///
/// ```
/// use vyx_sdk::indicators::BollingerValue;
///
/// let bands = BollingerValue { upper: 110.0, middle: 100.0, lower: 90.0 };
/// assert_eq!(bands.bandwidth(), 0.2);
/// assert_eq!(bands.percent_b(90.0), 0.0);
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[must_use]
pub struct BollingerValue {
    /// The upper band.
    pub upper: f64,
    /// The moving average.
    pub middle: f64,
    /// The lower band.
    pub lower: f64,
}

impl BollingerValue {
    /// Where a price stands: 0 at the lower band, 1 at the upper one, 0.5 where the bands have no width.
    #[must_use]
    pub fn percent_b(&self, price: f64) -> f64 {
        let width = self.upper - self.lower;
        if width > 0.0 { (price - self.lower) / width } else { 0.5 }
    }

    /// The width of the bands as a share of the middle; 0 where that is 0.
    #[must_use]
    pub fn bandwidth(&self) -> f64 {
        if self.middle == 0.0 { 0.0 } else { (self.upper - self.lower) / self.middle }
    }
}

impl Bollinger {
    /// Bands of `factor` deviations around the average of `period` values; the usual ones are (20, 2.0).
    ///
    /// # Panics
    ///
    /// If `period` is 0, or `factor` is negative, NaN or infinite.
    pub fn new(period: usize, factor: f64) -> Self {
        check_period("bollinger period", period);
        check_factor("bollinger: factor", factor);
        Self { factor, moments: Moments::new(period) }
    }

    /// Takes the next value and returns the bands, or `None` before there are `period` values.
    pub fn next(&mut self, value: f64) -> Option<BollingerValue> {
        if usable(value) {
            self.moments.take(value);
        }
        self.value()
    }

    /// The last bands, `None` until warm.
    #[must_use]
    pub fn value(&self) -> Option<BollingerValue> {
        let Spread { mean, deviation } = self.moments.value()?;
        let width = self.factor * deviation;
        Some(BollingerValue { upper: mean + width, middle: mean, lower: mean - width })
    }

    /// Candles before the first value: `period - 1`.
    #[must_use]
    pub fn warm_up(&self) -> usize {
        self.moments.period() - 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flat_prices_are_the_bands() {
        let mut bands = Bollinger::new(20, 2.0);
        for _ in 0..100 {
            bands.next(0.1);
        }
        let flat = BollingerValue { upper: 0.1, middle: 0.1, lower: 0.1 };
        assert_eq!(bands.next(f64::NAN), Some(flat));
        assert_eq!((flat.percent_b(0.1), flat.bandwidth()), (0.5, 0.0));
    }

    #[test]
    #[should_panic(expected = "bollinger: factor is NaN")]
    fn factor_nan() {
        let _ = Bollinger::new(20, f64::NAN);
    }
}
