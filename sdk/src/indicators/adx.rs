use super::atr::TrueRange;
use super::{check_period, usable_candle};
use crate::Candle;

/// Movement below this is none: what Wilder's smoothing leaves of it after thousands of flat candles has no digits.
const STILL: f64 = f64::MIN_POSITIVE;

/// Wilder's directional indicators +DI and -DI: which share of the movement went up and which down.
///
/// A candle moved up by `high - high'` or down by `low' - low`, whichever is larger and above 0; the other counts as 0, both
/// do if they are equal. The sums of these and of [`TrueRange`] over the first `period - 1` candles are then smoothed:
/// `sum = sum' - sum' / period + newest`. `plus = 100 * up / range`, `minus = 100 * down / range`.
///
/// Range of both: 0 to 100. First value at index `period`. **Flat prices** give 0 and 0; when prices stop after they moved,
/// both keep their values, since all three sums shrink alike. Source: Wilder, New Concepts in Technical Trading Systems,
/// 1978; equals TA-Lib `PLUS_DI` and `MINUS_DI`.
///
/// Candles with a price that is no usable number are ignored, see [the module](super).
///
/// ```
/// use vyx_sdk::indicators::{Di, DiValue};
/// # use vyx_sdk::{Interval, testkit::candles_from_closes};
///
/// let mut di = Di::new(2);
/// let mut last = None;
/// for candle in candles_from_closes(Interval::M1, &[10.0, 11.0, 12.0, 14.0]) {
///     last = di.next(&candle);
/// }
/// assert_eq!(last.unwrap().minus, 0.0); // it only ever rose
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct Di {
    period: usize,
    /// Candles that were taken, up to `period + 1`.
    taken: usize,
    high: f64,
    low: f64,
    true_range: TrueRange,
    up: f64,
    down: f64,
    range: f64,
}

/// Both lines of [`Di`] at one candle.
///
/// ```
/// use vyx_sdk::indicators::DiValue;
///
/// assert_eq!(DiValue { plus: 30.0, minus: 10.0 }.dx(), 50.0);
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[must_use]
pub struct DiValue {
    /// +DI, 0 to 100.
    pub plus: f64,
    /// -DI, 0 to 100.
    pub minus: f64,
}

impl DiValue {
    /// The directional index: `100 * |plus - minus| / (plus + minus)`, 0 to 100; 0 where both are 0.
    #[must_use]
    pub fn dx(&self) -> f64 {
        let sum = self.plus + self.minus;
        if sum > 0.0 { 100.0 * ((self.plus - self.minus).abs() / sum) } else { 0.0 }
    }
}

impl Di {
    /// Indicators over `period` candles; Wilder's own period is 14.
    ///
    /// # Panics
    ///
    /// If `period` is 0.
    pub fn new(period: usize) -> Self {
        check_period("di period", period);
        let true_range = TrueRange::new();
        Self { period, taken: 0, high: 0.0, low: 0.0, true_range, up: 0.0, down: 0.0, range: 0.0 }
    }

    /// Takes the next candle and returns both lines, or `None` before there are `period + 1` candles.
    pub fn next(&mut self, candle: &Candle) -> Option<DiValue> {
        if usable_candle(candle) {
            self.take(candle);
        }
        self.value()
    }

    /// [`next`](Self::next) of a usable candle.
    pub(super) fn take(&mut self, candle: &Candle) -> Option<DiValue> {
        let (rise, fall) = (candle.high - self.high, self.low - candle.low);
        (self.high, self.low) = (candle.high, candle.low);
        let range = self.true_range.take(candle)?;
        self.taken += usize::from(self.taken <= self.period);
        if self.taken >= self.period {
            let period = self.period as f64;
            self.up -= self.up / period;
            self.down -= self.down / period;
            self.range -= self.range / period;
        }
        if fall > 0.0 && rise < fall {
            self.down += fall;
        } else if rise > 0.0 && rise > fall {
            self.up += rise;
        }
        self.range += range;
        self.value()
    }

    /// The last lines, `None` until warm.
    #[must_use]
    pub fn value(&self) -> Option<DiValue> {
        if self.taken < self.period {
            return None;
        }
        if self.range < STILL {
            return Some(DiValue { plus: 0.0, minus: 0.0 });
        }
        Some(DiValue { plus: 100.0 * (self.up / self.range), minus: 100.0 * (self.down / self.range) })
    }

    /// Candles before the first value: `period`. It takes some hundreds until the start no longer shows for period 14, see
    /// [the module](super).
    #[must_use]
    pub fn warm_up(&self) -> usize {
        self.period
    }
}

/// Average directional index: how strong a trend is, whichever way it goes.
///
/// [`DiValue::dx`] smoothed: the first is the mean of the first `period` of them, after that
/// `adx = (adx' * (period - 1) + dx) / period`.
///
/// Range 0 to 100. First value at index `2 * period - 1`: 27 for 14; [`Di`] alone has its first at `period`. **Flat prices**
/// give 0; a candle at which neither +DI nor -DI is above 0 leaves ADX as it was. Source: Wilder 1978; equals TA-Lib `ADX`.
///
/// Candles with a price that is no usable number are ignored, see [the module](super).
///
/// ```
/// use vyx_sdk::indicators::Adx;
/// # use vyx_sdk::{Interval, testkit::candles_from_closes};
///
/// let mut adx = Adx::new(14);
/// assert_eq!(adx.warm_up(), 27);
/// let closes: Vec<f64> = (0..40).map(|i| 100.0 + f64::from(i)).collect();
/// let last = candles_from_closes(Interval::M1, &closes).iter().map(|candle| adx.next(candle)).last().unwrap();
/// assert_eq!(last.unwrap().adx, 100.0); // it only ever rose
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct Adx {
    di: Di,
    /// How many values of DX are in `adx`, until it is the mean of the first.
    seeded: usize,
    adx: f64,
}

/// The three lines of [`Adx`] at one candle, 0 to 100.
///
/// ```
/// use vyx_sdk::indicators::AdxValue;
///
/// let now = AdxValue { adx: 31.0, plus_di: 28.0, minus_di: 12.0 };
/// let rising_trend = now.adx > 25.0 && now.plus_di > now.minus_di;
/// assert!(rising_trend);
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[must_use]
pub struct AdxValue {
    /// The strength of the trend.
    pub adx: f64,
    /// +DI.
    pub plus_di: f64,
    /// -DI.
    pub minus_di: f64,
}

impl Adx {
    /// An index over `period` candles; Wilder's own period is 14.
    ///
    /// # Panics
    ///
    /// If `period` is 0.
    pub fn new(period: usize) -> Self {
        check_period("adx period", period);
        Self { di: Di::new(period), seeded: 0, adx: 0.0 }
    }

    /// Takes the next candle and returns the three lines, or `None` before there are `2 * period` candles.
    pub fn next(&mut self, candle: &Candle) -> Option<AdxValue> {
        if !usable_candle(candle) {
            return self.value();
        }
        let di = self.di.take(candle)?;
        let (dx, period) = (di.dx(), self.di.period as f64);
        if self.seeded == self.di.period {
            if di.plus + di.minus > 0.0 {
                self.adx = (self.adx * (period - 1.0) + dx) / period;
            }
        } else {
            self.adx += dx;
            self.seeded += 1;
            if self.seeded == self.di.period {
                self.adx /= period;
            }
        }
        self.value()
    }

    /// The last lines, `None` until warm.
    #[must_use]
    pub fn value(&self) -> Option<AdxValue> {
        let DiValue { plus, minus } = self.di.value()?;
        (self.seeded == self.di.period).then_some(AdxValue { adx: self.adx, plus_di: plus, minus_di: minus })
    }

    /// Candles before the first value: `2 * period - 1`. It takes several hundreds until the start no longer shows for
    /// period 14, see [the module](super).
    #[must_use]
    pub fn warm_up(&self) -> usize {
        2 * self.di.period - 1
    }
}

#[cfg(test)]
mod tests {
    use super::super::test_candles::{candle, flat};
    use super::*;

    #[test]
    fn flat_prices_are_0() {
        let mut adx = Adx::new(14);
        for i in 0..100 {
            let zero = AdxValue { adx: 0.0, plus_di: 0.0, minus_di: 0.0 };
            assert_eq!(adx.next(&flat(1e-8, 0.0)), (i >= 27).then_some(zero), "candle {i}");
        }
    }

    #[test]
    fn flat_prices_for_ever_after_a_move_stay_in_range() {
        let mut adx = Adx::new(3);
        for i in 0..20 {
            let price = 100.0 + f64::from(i * i % 17);
            adx.next(&candle(price, price + 1.0, price - 1.0, price, 1.0));
        }
        for _ in 0..5_000 {
            let now = adx.next(&flat(100.0, 0.0)).expect("warm");
            assert!([now.adx, now.plus_di, now.minus_di].iter().all(|v| (0.0..=100.0 + 1e-9).contains(v)), "{now:?}");
        }
    }

    #[test]
    fn a_move_to_both_sides_alike_is_none() {
        let mut di = Di::new(1);
        di.next(&candle(10.0, 11.0, 9.0, 10.0, 1.0));
        assert_eq!(di.next(&candle(10.0, 12.0, 8.0, 10.0, 1.0)), Some(DiValue { plus: 0.0, minus: 0.0 }));
    }

    #[test]
    #[should_panic(expected = "adx period is 0")]
    fn period_zero() {
        let _ = Adx::new(0);
    }
}
