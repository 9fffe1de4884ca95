use super::{Sma, check_period};

/// Average volume: the mean volume of the last `period` candles, the one just given included.
///
/// Unit: that of the volumes, base asset or quote asset. Range: from 0 on. First value at index `period - 1`. Candles
/// with zero volume count. Formula and source: [`Sma`], so TA-Lib `SMA` of the volume column.
///
/// To compare a candle with the average of those before it, take [`value`](Self::value) before [`next`](Self::next): a
/// spike that is part of its own average hides itself.
///
/// Values that are no usable number are ignored, see [the module](super).
///
/// ```
/// use vyx_sdk::indicators::VolumeAverage;
///
/// let mut average = VolumeAverage::new(3);
/// let mut spikes = Vec::new();
/// for volume in [10.0, 12.0, 8.0, 9.0, 40.0, 10.0] {
///     spikes.push(average.value().is_some_and(|usual| volume > 3.0 * usual));
///     average.next(volume);
/// }
/// assert_eq!(spikes, [false, false, false, false, true, false]);
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct VolumeAverage {
    sma: Sma,
}

impl VolumeAverage {
    /// An average over `period` candles.
    ///
    /// # Panics
    ///
    /// If `period` is 0.
    pub fn new(period: usize) -> Self {
        check_period("volume average period", period);
        Self { sma: Sma::new(period) }
    }

    /// Takes the volume of the next candle and returns the average, or `None` before there are `period` candles.
    pub fn next(&mut self, volume: f64) -> Option<f64> {
        self.sma.next(volume)
    }

    /// The last average, `None` until warm.
    #[must_use]
    pub fn value(&self) -> Option<f64> {
        self.sma.value()
    }

    /// Candles before the first value: `period - 1`.
    #[must_use]
    pub fn warm_up(&self) -> usize {
        self.sma.warm_up()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zero_volume_is_a_value() {
        let mut average = VolumeAverage::new(2);
        assert_eq!(average.next(0.0), None);
        assert_eq!(average.next(0.0), Some(0.0));
        assert_eq!(average.next(3.0), Some(1.5));
    }

    #[test]
    #[should_panic(expected = "volume average period is 0")]
    fn period_zero() {
        let _ = VolumeAverage::new(0);
    }
}
