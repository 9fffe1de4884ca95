use super::extremes::higher;
use super::{check_period, usable_candle};
use crate::Candle;

/// True range: how far a candle reaches, counted from the close before it where that lies outside.
///
/// `the highest of high - low, |high - close'| and |low - close'|`, where `close'` is that of the candle before. Unit: that of
/// the prices, never below 0. First value at index 1. Flat prices give 0. Source: Wilder, New Concepts in Technical Trading
/// Systems, 1978; equals TA-Lib `TRANGE`.
///
/// Candles with a price that is no usable number are ignored, see [the module](super).
///
/// ```
/// use vyx_sdk::indicators::TrueRange;
/// # use vyx_sdk::{Interval, testkit::candles_from_closes};
///
/// let mut range = TrueRange::new();
/// let candles = candles_from_closes(Interval::M1, &[100.0, 103.0]);
/// assert_eq!(range.next(&candles[0]), None);
/// assert_eq!(range.next(&candles[1]), Some(3.0));
/// ```
#[derive(Debug, Clone, Default)]
#[must_use]
pub struct TrueRange {
    close: Option<f64>,
    value: Option<f64>,
}

impl TrueRange {
    /// A range that has seen no candle.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next candle and returns its true range, or `None` for the first.
    pub fn next(&mut self, candle: &Candle) -> Option<f64> {
        if usable_candle(candle) {
            self.take(candle);
        }
        self.value
    }

    /// [`next`](Self::next) of a usable candle.
    #[inline]
    pub(super) fn take(&mut self, candle: &Candle) -> Option<f64> {
        let before = self.close.replace(candle.close)?;
        let gap = higher((candle.high - before).abs(), (candle.low - before).abs());
        self.value = Some(higher(candle.high - candle.low, gap));
        self.value
    }

    /// The last range, `None` until warm.
    #[must_use]
    pub fn value(&self) -> Option<f64> {
        self.value
    }

    /// Candles before the first value: 1.
    #[must_use]
    pub fn warm_up(&self) -> usize {
        1
    }
}

/// Average true range with Wilder's smoothing: how far prices usually move in a candle.
///
/// The first is the mean of the first `period` values of [`TrueRange`], after that
/// `atr = (atr' * (period - 1) + range) / period`. Unit: that of the prices, never below 0. First value at index `period`,
/// since the first candle has no true range. Flat prices give 0; when prices stop after they moved, it falls towards 0.
/// Source: Wilder 1978; equals TA-Lib `ATR`. Charts that count `high - low` of the first candle differ at first.
///
/// Candles with a price that is no usable number are ignored, see [the module](super).
///
/// ```
/// use vyx_sdk::indicators::Atr;
/// # use vyx_sdk::{Interval, testkit::candles_from_closes};
///
/// let mut atr = Atr::new(2);
/// let found: Vec<_> = candles_from_closes(Interval::M1, &[10.0, 11.0, 13.0, 13.0]).iter().map(|c| atr.next(c)).collect();
/// assert_eq!(found, [None, None, Some(1.5), Some(0.75)]);
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct Atr {
    period: usize,
    range: TrueRange,
    /// How many ranges are in `value`, until it is the mean of the first.
    seeded: usize,
    value: f64,
}

impl Atr {
    /// An average over `period` ranges; Wilder's own period is 14.
    ///
    /// # Panics
    ///
    /// If `period` is 0.
    pub fn new(period: usize) -> Self {
        check_period("atr period", period);
        Self { period, range: TrueRange::new(), seeded: 0, value: 0.0 }
    }

    /// Takes the next candle and returns the average, or `None` before there are `period` ranges.
    pub fn next(&mut self, candle: &Candle) -> Option<f64> {
        if usable_candle(candle) { self.take(candle) } else { self.value() }
    }

    /// [`next`](Self::next) of a usable candle.
    #[inline]
    pub(super) fn take(&mut self, candle: &Candle) -> Option<f64> {
        let range = self.range.take(candle)?;
        let period = self.period as f64;
        if self.seeded == self.period {
            self.value = (self.value * (period - 1.0) + range) / period;
        } else {
            self.value += range;
            self.seeded += 1;
            if self.seeded == self.period {
                self.value /= period;
            }
        }
        self.value()
    }

    /// The last average, `None` until warm.
    #[must_use]
    pub fn value(&self) -> Option<f64> {
        (self.seeded == self.period).then_some(self.value)
    }

    /// Candles before the first value: `period`. It takes some hundreds until the start no longer shows for period 14, see
    /// [the module](super).
    #[must_use]
    pub fn warm_up(&self) -> usize {
        self.period
    }
}

#[cfg(test)]
mod tests {
    use super::super::test_candles::{candle, flat};
    use super::*;

    #[test]
    fn a_gap_counts() {
        let mut range = TrueRange::new();
        range.next(&candle(10.0, 11.0, 9.0, 10.0, 1.0));
        assert_eq!(range.next(&candle(15.0, 16.0, 14.0, 15.0, 1.0)), Some(6.0));
        assert_eq!(range.next(&candle(5.0, 6.0, 4.0, 5.0, 1.0)), Some(11.0));
        assert_eq!(range.next(&candle(5.0, 7.0, 3.0, 5.0, 1.0)), Some(4.0));
    }

    #[test]
    fn flat_prices_are_0() {
        let mut atr = Atr::new(14);
        for i in 0..50 {
            assert_eq!(atr.next(&flat(3.3, 0.0)), (i >= 14).then_some(0.0));
        }
    }

    #[test]
    fn unusable_candles_change_nothing() {
        let mut atr = Atr::new(1);
        atr.next(&flat(1.0, 1.0));
        assert_eq!(atr.next(&flat(3.0, 1.0)), Some(2.0));
        assert_eq!(atr.next(&flat(f64::NAN, 1.0)), Some(2.0));
        assert_eq!(atr.next(&flat(f64::INFINITY, 1.0)), Some(2.0));
        assert_eq!(atr.next(&flat(4.0, 1.0)), Some(1.0));
    }

    #[test]
    #[should_panic(expected = "atr period is 0")]
    fn period_zero() {
        let _ = Atr::new(0);
    }
}
