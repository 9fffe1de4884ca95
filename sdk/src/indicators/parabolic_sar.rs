use super::extremes::{higher, lower};
use super::{check_factor, usable_candle};
use crate::Candle;

/// Parabolic SAR (stop and reverse): a stop that trails a trend faster and faster, and turns it where it is hit.
///
/// In a rise the stop moves by `sar = sar' + speed * (highest high - sar')`, but never above the lows of this candle and the
/// one before. `speed` begins at `step`, grows by it at each new high and ends at `maximum`. When a low reaches the stop, the
/// trend turns: the stop is set to the highest high of the rise (or to the highs of the last two candles, if they are above
/// it), and a fall begins, in which everything is the other way round.
///
/// The first trend falls if the second candle moved down more than up, as [`Di`](super::Di) counts it, and rises otherwise;
/// its stop is the high, or low, of the first candle. Unit: that of the prices. First value at index 1. **Flat prices** give
/// that price. Source: Wilder, New Concepts in Technical Trading Systems, 1978; equals TA-Lib `SAR`, the start included.
///
/// Candles with a price that is no usable number are ignored, see [the module](super).
///
/// ```
/// use vyx_sdk::indicators::ParabolicSar;
/// # use vyx_sdk::{Interval, testkit::candles_from_closes};
///
/// let mut sar = ParabolicSar::new(0.02, 0.2);
/// let mut last = None;
/// for candle in candles_from_closes(Interval::M1, &[10.0, 11.0, 12.0, 13.0, 14.0]) {
///     last = sar.next(&candle);
/// }
/// assert!(last.is_some_and(|now| now.rising && now.sar < 13.0));
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct ParabolicSar {
    step: f64,
    maximum: f64,
    /// The candle before.
    high: f64,
    low: f64,
    taken: u8,
    rising: bool,
    /// The highest high of a rise, the lowest low of a fall.
    extreme: f64,
    speed: f64,
    /// The stop of the next candle.
    next: f64,
    value: Option<ParabolicSarValue>,
}

/// The stop of [`ParabolicSar`] at one candle.
///
/// ```
/// use vyx_sdk::indicators::ParabolicSarValue;
///
/// let now = ParabolicSarValue { sar: 98.5, rising: true };
/// assert!(now.rising);
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[must_use]
pub struct ParabolicSarValue {
    /// The stop, in the unit of the prices.
    pub sar: f64,
    /// Whether the trend rises, after this candle: the stop is then below the prices.
    pub rising: bool,
}

impl ParabolicSar {
    /// From the step of the speed and its maximum; Wilder's own are (0.02, 0.2). A step above the maximum counts as that.
    ///
    /// # Panics
    ///
    /// If one of them is negative, NaN or infinite.
    pub fn new(step: f64, maximum: f64) -> Self {
        check_factor("parabolic sar: step", step);
        check_factor("parabolic sar: maximum", maximum);
        Self {
            step: lower(step, maximum),
            maximum,
            high: 0.0,
            low: 0.0,
            taken: 0,
            rising: true,
            extreme: 0.0,
            speed: 0.0,
            next: 0.0,
            value: None,
        }
    }

    /// Takes the next candle and returns its stop, or `None` for the first.
    pub fn next(&mut self, candle: &Candle) -> Option<ParabolicSarValue> {
        if usable_candle(candle) {
            self.take(candle.high, candle.low);
            (self.high, self.low) = (candle.high, candle.low);
        }
        self.value
    }

    fn take(&mut self, high: f64, low: f64) {
        if self.taken < 2 {
            self.taken += 1;
            if self.taken == 1 {
                return;
            }
            let (rise, fall) = (high - self.high, self.low - low);
            self.rising = !(fall > 0.0 && fall > rise);
            (self.extreme, self.next) = if self.rising { (high, self.low) } else { (low, self.high) };
            self.speed = self.step;
            // The stop of the second candle is held within that candle alone.
            (self.high, self.low) = (high, low);
        }
        let hit = if self.rising { low <= self.next } else { high >= self.next };
        let mut sar = self.next;
        if hit {
            sar = self.beyond(self.extreme, high, low, !self.rising);
            self.rising = !self.rising;
            self.speed = self.step;
            self.extreme = if self.rising { high } else { low };
        } else if if self.rising { high > self.extreme } else { low < self.extreme } {
            self.extreme = if self.rising { high } else { low };
            self.speed = lower(self.speed + self.step, self.maximum);
        }
        self.next = self.beyond(sar + self.speed * (self.extreme - sar), high, low, self.rising);
        self.value = Some(ParabolicSarValue { sar, rising: self.rising });
    }

    /// A stop moved out of the range of the last two candles.
    fn beyond(&self, stop: f64, high: f64, low: f64, rising: bool) -> f64 {
        if rising { lower(stop, lower(self.low, low)) } else { higher(stop, higher(self.high, high)) }
    }

    /// The last stop, `None` until warm.
    #[must_use]
    pub fn value(&self) -> Option<ParabolicSarValue> {
        self.value
    }

    /// Candles before the first value: 1. It takes until the second turn of the trend that the start no longer shows.
    #[must_use]
    pub fn warm_up(&self) -> usize {
        1
    }
}

#[cfg(test)]
mod tests {
    use super::super::test_candles::{candle, flat};
    use super::*;

    #[test]
    fn flat_prices_are_the_stop() {
        let mut sar = ParabolicSar::new(0.02, 0.2);
        for i in 0..50 {
            assert_eq!(sar.next(&flat(0.1, 0.0)).map(|now| now.sar), (i > 0).then_some(0.1));
        }
    }

    #[test]
    fn a_stop_that_is_hit_turns_the_trend() {
        let mut sar = ParabolicSar::new(0.02, 0.2);
        for i in 0..10 {
            let price = 100.0 + f64::from(i);
            sar.next(&candle(price, price + 1.0, price - 1.0, price, 1.0));
        }
        let turned = sar.next(&candle(90.0, 91.0, 89.0, 90.0, 1.0));
        assert_eq!(turned, Some(ParabolicSarValue { sar: 110.0, rising: false }));
    }

    #[test]
    #[should_panic(expected = "parabolic sar: step is -1")]
    fn step_negative() {
        let _ = ParabolicSar::new(-1.0, 0.2);
    }
}
