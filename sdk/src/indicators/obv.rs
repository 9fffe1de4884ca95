use super::sum::Sum;
use super::{usable, usable_volume};
use crate::Candle;

/// On-balance volume: the volume of the candles that closed higher, less that of those that closed lower.
///
/// The first value is the volume of the first candle; after that the volume is added where the close is above that of the
/// candle before, subtracted where it is below, and neither where both are equal. Unit: that of the volume, with sign. First
/// value at index 0. Flat prices and zero volume leave it as it is. Source: Granville 1963; equals TA-Lib `OBV`.
///
/// Its height depends on where it began, so compare it with its own past only. The sum is kept in two floats and does not
/// drift.
///
/// Candles with a close or volume that is no usable number, or a volume below 0, are ignored, see [the module](super).
///
/// ```
/// use vyx_sdk::indicators::Obv;
/// # use vyx_sdk::{Interval, testkit::candles_from_closes};
///
/// let mut obv = Obv::new();
/// let mut candles = candles_from_closes(Interval::M1, &[10.0, 11.0, 10.5, 10.5]);
/// candles.iter_mut().for_each(|candle| candle.volume = 5.0);
/// let found: Vec<_> = candles.iter().map(|candle| obv.next(candle).unwrap()).collect();
/// assert_eq!(found, [5.0, 10.0, 5.0, 5.0]);
/// ```
#[derive(Debug, Clone, Default)]
#[must_use]
pub struct Obv {
    close: Option<f64>,
    sum: Sum,
}

impl Obv {
    /// A sum that has seen no candle.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next candle and returns the sum; `None` only where no candle has been usable yet.
    pub fn next(&mut self, candle: &Candle) -> Option<f64> {
        if usable(candle.close) && usable_volume(candle.volume) {
            match self.close.replace(candle.close) {
                Some(before) if candle.close == before => {}
                Some(before) if candle.close < before => self.sum.add(-candle.volume),
                _ => self.sum.add(candle.volume),
            }
        }
        self.value()
    }

    /// The last sum, `None` before the first candle.
    #[must_use]
    pub fn value(&self) -> Option<f64> {
        self.close.map(|_| self.sum.get())
    }

    /// Candles before the first value: 0.
    #[must_use]
    pub fn warm_up(&self) -> usize {
        0
    }
}

#[cfg(test)]
mod tests {
    use super::super::test_candles::flat;
    use super::*;

    #[test]
    fn what_went_in_comes_out() {
        let mut obv = Obv::new();
        assert_eq!(obv.next(&flat(f64::NAN, 1.0)), None);
        obv.next(&flat(1.0, 0.1));
        for _ in 0..1000 {
            obv.next(&flat(2.0, 1e15));
            obv.next(&flat(1.0, 1e15));
        }
        assert_eq!(obv.value(), Some(0.1));
    }
}
