use super::session::Sessions;
use super::sum::Sum;
use super::{typical_price, usable_candle, usable_volume};
use crate::{Candle, Interval};

/// Volume-weighted average price of the session, with the deviation for bands around it.
///
/// `vwap = sum of (typical * volume) / sum of volume` since the session began, where `typical = (high + low + close) / 3`.
/// `deviation` is the standard deviation of the typical prices around it, each weighted by its volume. A session is a UTC day
/// ([`new`](Self::new)) or another interval; a candle belongs to the one in which it opened.
///
/// Unit: that of the prices. First value at index 0; if that is not the beginning of its session, the first session is only
/// part of one. **Zero volume**: until something is traded in a session, its price is the typical price of the candle and the
/// deviation 0; after that, silent candles change nothing. Flat prices give that price and no deviation. Source: Berkowitz,
/// Logue and Noser 1988; TA-Lib has none. Where the volume is made of trades, as here of candles, the price is not that of
/// single trades.
///
/// The sums are kept in two floats and do not drift, the deviation is free of the difference of large squares.
///
/// Candles with a price or volume that is no usable number, or a volume below 0, are ignored, see [the module](super).
///
/// ```
/// use vyx_sdk::indicators::Vwap;
/// # use vyx_sdk::{Interval, testkit::candles_from_closes};
///
/// let mut vwap = Vwap::new();
/// let mut candles = candles_from_closes(Interval::M1, &[10.0, 10.0, 10.0]);
/// candles[1].volume = 0.0;
/// for candle in &candles {
///     let now = vwap.next(candle).unwrap();
///     assert_eq!((now.vwap, now.deviation, now.upper(2.0)), (10.0, 0.0, 10.0));
/// }
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct Vwap {
    sessions: Sessions,
    session: i64,
    average: Weighted,
    value: Option<VwapValue>,
}

/// The average price and its deviation, in the unit of the prices.
///
/// ```
/// use vyx_sdk::indicators::VwapValue;
///
/// let now = VwapValue { vwap: 100.0, deviation: 1.5 };
/// assert_eq!((now.lower(2.0), now.upper(2.0)), (97.0, 103.0));
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[must_use]
pub struct VwapValue {
    /// The average price.
    pub vwap: f64,
    /// The standard deviation of the prices around it, weighted by volume.
    pub deviation: f64,
}

impl VwapValue {
    /// The band `factor` deviations above.
    #[must_use]
    pub fn upper(&self, factor: f64) -> f64 {
        self.vwap + factor * self.deviation
    }

    /// The band `factor` deviations below.
    #[must_use]
    pub fn lower(&self, factor: f64) -> f64 {
        self.vwap - factor * self.deviation
    }
}

impl Vwap {
    /// An average that begins anew at each midnight UTC.
    pub fn new() -> Self {
        Self::of_session(Interval::D1)
    }

    /// An average that begins anew where a candle of the interval `session` does; weeks begin on Monday.
    pub fn of_session(session: Interval) -> Self {
        Self { sessions: Sessions::new(session), session: 0, average: Weighted::default(), value: None }
    }

    /// Takes the next candle and returns the average; `None` only where no candle has been usable yet.
    pub fn next(&mut self, candle: &Candle) -> Option<VwapValue> {
        if usable_candle(candle) && usable_volume(candle.volume) {
            let session = self.sessions.of(candle.open_time_ms);
            if session != self.session {
                self.session = session;
                self.average = Weighted::default();
            }
            self.value = Some(self.average.take(typical_price(candle), candle.volume));
        }
        self.value
    }

    /// The last average, `None` before the first candle.
    #[must_use]
    pub fn value(&self) -> Option<VwapValue> {
        self.value
    }

    /// Candles before the first value: 0. Whole sessions begin with the second one.
    #[must_use]
    pub fn warm_up(&self) -> usize {
        0
    }
}

impl Default for Vwap {
    fn default() -> Self {
        Self::new()
    }
}

/// Volume-weighted average price since an anchor: a candle that the trader chooses, such as a breakout or a swing.
///
/// As [`Vwap`], but it begins anew only where [`anchor`](Self::anchor) says so; before the first anchor it counts from its
/// first candle.
///
/// ```
/// use vyx_sdk::indicators::AnchoredVwap;
/// # use vyx_sdk::{Interval, testkit::candles_from_closes};
///
/// let mut vwap = AnchoredVwap::new();
/// let candles = candles_from_closes(Interval::M1, &[10.0, 30.0, 30.0]);
/// vwap.next(&candles[0]);
/// vwap.next(&candles[1]);
/// vwap.anchor(); // the next candle is the first that counts
/// assert_eq!(vwap.next(&candles[2]).unwrap().vwap, 30.0);
/// ```
#[derive(Debug, Clone, Default)]
#[must_use]
pub struct AnchoredVwap {
    average: Weighted,
    value: Option<VwapValue>,
}

impl AnchoredVwap {
    /// An average that counts from its first candle.
    pub fn new() -> Self {
        Self::default()
    }

    /// Begins anew: the next candle is the first that counts. [`value`](Self::value) is none until then.
    pub fn anchor(&mut self) {
        *self = Self::default();
    }

    /// Takes the next candle and returns the average; `None` only where no candle has been usable since the anchor.
    pub fn next(&mut self, candle: &Candle) -> Option<VwapValue> {
        if usable_candle(candle) && usable_volume(candle.volume) {
            self.value = Some(self.average.take(typical_price(candle), candle.volume));
        }
        self.value
    }

    /// The last average, `None` before the first candle.
    #[must_use]
    pub fn value(&self) -> Option<VwapValue> {
        self.value
    }

    /// Candles before the first value: 0.
    #[must_use]
    pub fn warm_up(&self) -> usize {
        0
    }
}

/// A weighted mean and what is needed for the deviation around it.
#[derive(Debug, Clone, Default)]
struct Weighted {
    volume: Sum,
    /// Of price times volume.
    money: Sum,
    mean: f64,
    /// Sum of volume times the square of the distance to the mean.
    squares: f64,
}

impl Weighted {
    fn take(&mut self, price: f64, volume: f64) -> VwapValue {
        self.volume.add(volume);
        self.money.add(price * volume);
        let total = self.volume.get();
        // Volumes so small that nothing can be divided by them are none; no more so once others have come.
        if total < f64::MIN_POSITIVE {
            return VwapValue { vwap: price, deviation: 0.0 };
        }
        let before = if total > volume { self.mean } else { price };
        self.mean = self.money.get() / total;
        // Each price adds its distance to the mean before it times that to the mean after it (West 1979).
        self.squares += volume * ((price - before) * (price - self.mean));
        let variance = self.squares / total;
        VwapValue { vwap: self.mean, deviation: if variance > 0.0 { variance.sqrt() } else { 0.0 } }
    }
}

#[cfg(test)]
mod tests {
    use super::super::test_candles::flat;
    use super::*;

    #[test]
    fn a_silent_start_is_the_price() {
        let mut vwap = Vwap::new();
        assert_eq!(vwap.next(&flat(10.0, 0.0)), Some(VwapValue { vwap: 10.0, deviation: 0.0 }));
        assert_eq!(vwap.next(&flat(20.0, 0.0)), Some(VwapValue { vwap: 20.0, deviation: 0.0 }));
        assert_eq!(vwap.next(&flat(30.0, 1.0)), Some(VwapValue { vwap: 30.0, deviation: 0.0 }));
        assert_eq!(vwap.next(&flat(40.0, 0.0)), Some(VwapValue { vwap: 30.0, deviation: 0.0 }));
        assert_eq!(vwap.next(&flat(40.0, 1.0)), Some(VwapValue { vwap: 35.0, deviation: 5.0 }));
        assert_eq!(vwap.next(&flat(f64::NAN, 1.0)), Some(VwapValue { vwap: 35.0, deviation: 5.0 }));
        assert_eq!(vwap.next(&flat(1.0, -1.0)), Some(VwapValue { vwap: 35.0, deviation: 5.0 }));
    }

    #[test]
    fn a_session_forgets_the_one_before() {
        let mut vwap = Vwap::of_session(Interval::H1);
        let mut candle = flat(10.0, 1.0);
        vwap.next(&candle);
        candle = flat(20.0, 1.0);
        candle.open_time_ms += 59 * 60_000;
        assert_eq!(vwap.next(&candle).expect("a value").vwap, 15.0);
        candle.open_time_ms += 60_000;
        assert_eq!(vwap.next(&candle), Some(VwapValue { vwap: 20.0, deviation: 0.0 }));
    }

    #[test]
    fn volumes_of_any_size_give_numbers() {
        for volume in [1e-320, 1e-300, 1e-8, 1e100] {
            let mut vwap = Vwap::new();
            for price in [1e-8, 1.0, 1e12, 1e100] {
                let now = vwap.next(&flat(price, volume)).expect("a value");
                assert!(now.vwap.is_finite() && now.deviation.is_finite(), "price {price}, volume {volume}: {now:?}");
            }
        }
    }
}
