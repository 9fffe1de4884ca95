use super::line_sums::{Line, LineSums};
use super::{check_at_least, usable};

/// Hull moving average: a weighted average with most of its lag taken out.
///
/// `hma = wma(2 * wma(values, period / 2) - wma(values, period), square root of period)`; half the period and its root are
/// rounded down. Unit: that of the values; it may leave their range (it overshoots after a jump). First value at index
/// `period + root - 2`: 18 for 16. Flat values give that value to within rounding. Source: Hull 2005; TA-Lib has none.
///
/// Cost per value: constant on average, whatever the period. It depends on the last `period + root - 1` values alone.
///
/// Values that are no usable number are ignored, see [the module](super).
///
/// ```
/// use vyx_sdk::indicators::Hma;
///
/// let mut hma = Hma::new(9);
/// assert_eq!(hma.warm_up(), 10);
/// for i in 0..10 {
///     assert_eq!(hma.next(f64::from(i)), None);
/// }
/// let straight = hma.next(10.0).unwrap(); // on a straight line it does not lag
/// assert!((straight - 10.0).abs() < 1e-12);
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct Hma {
    half: LineSums,
    whole: LineSums,
    root: LineSums,
}

impl Hma {
    /// An average over `period` values.
    ///
    /// # Panics
    ///
    /// If `period` is below 2: half of it has to be a period too.
    pub fn new(period: usize) -> Self {
        check_at_least("hma period", period, 2);
        let root = period.isqrt();
        Self { half: LineSums::new(period / 2), whole: LineSums::new(period), root: LineSums::new(root) }
    }

    /// Takes the next value and returns the average, or `None` until it is warm.
    pub fn next(&mut self, value: f64) -> Option<f64> {
        if !usable(value) {
            return self.value();
        }
        let (half, whole) = (self.half.take(value), self.whole.take(value));
        let ahead = 2.0 * half?.weighted_average() - whole?.weighted_average();
        self.root.take(ahead).map(Line::weighted_average)
    }

    /// The last average, `None` until warm.
    #[must_use]
    pub fn value(&self) -> Option<f64> {
        self.root.value().map(Line::weighted_average)
    }

    /// Candles before the first value: `period + root - 2`, with the root of the period rounded down.
    #[must_use]
    pub fn warm_up(&self) -> usize {
        self.whole.period() + self.root.period() - 2
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unusable_values_change_nothing() {
        let (mut with, mut without) = (Hma::new(4), Hma::new(4));
        for i in 0..30 {
            let expected = without.next(f64::from(i * i % 17));
            assert_eq!(with.next(f64::from(i * i % 17)), expected);
            assert_eq!(with.next(f64::NAN), expected);
            assert_eq!(expected.is_some(), i >= 4);
        }
    }

    #[test]
    #[should_panic(expected = "hma period is 1: it must be at least 2")]
    fn period_one() {
        let _ = Hma::new(1);
    }
}
