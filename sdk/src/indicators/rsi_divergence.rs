use super::roc::Past;
use super::swings::Peaks;
use super::{Rsi, check_period, usable_candle};
use crate::Candle;

/// Differences of RSI below this, in points, are rounding: when prices stop it moves by 1e-14. No real change is that small.
const NO_CHANGE: f64 = 1e-9;

/// Divergence of price and RSI: one makes a new extreme and the other does not. Confirmed swings only.
///
/// The swings are those of RSI, found as [`SwingLow`](super::SwingLow) and [`SwingHigh`](super::SwingHigh) find them, where
/// differences up to 1e-9 points are none. When one is confirmed, `right` candles after it, it is compared with the one
/// confirmed before it of the same kind, if they are 5 to 60 candles apart ([`within`](Self::within) changes that): RSI at the
/// one with RSI at the other, and the low (at swing highs: the high) of the one candle with that of the other.
///
/// | at swing | price | RSI | |
/// |---|---|---|---|
/// | lows | lower | higher | [`Divergence::Bullish`]: a fall loses strength |
/// | lows | higher | lower | [`Divergence::HiddenBullish`]: a rise goes on |
/// | highs | higher | lower | [`Divergence::Bearish`]: a rise loses strength |
/// | highs | lower | higher | [`Divergence::HiddenBearish`]: a fall goes on |
///
/// It is told at the candle that confirms the second swing, `right` candles after it, and at no other; nothing looks ahead
/// and nothing is taken back. The first can come at index `period + left + right` and later. Flat prices, and prices that only
/// rise or only fall, have none. The rule is that of TradingView's RSI divergence indicator; TA-Lib has none.
///
/// Candles with a price that is no usable number are ignored, see [the module](super).
///
/// ```
/// use vyx_sdk::indicators::{Divergence, RsiDivergence};
/// # use vyx_sdk::{Interval, testkit::candles_from_closes};
///
/// // Calm, a steep fall, a rebound, and a slower fall to a new low.
/// let changes = [[1.0, -1.0].repeat(10), vec![-4.0; 10], vec![2.0; 8], [-4.0, 1.0].repeat(12), vec![3.0; 6]].concat();
/// let mut close = 200.0;
/// let closes: Vec<f64> = changes.iter().map(|change| { close += change; close }).collect();
///
/// let mut divergence = RsiDivergence::new(14, 5, 5);
/// let found: Vec<_> = candles_from_closes(Interval::M1, &closes).iter().filter_map(|c| divergence.next(c)).collect();
/// assert!(found.contains(&Divergence::Bullish));
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct RsiDivergence {
    rsi: Rsi,
    warm_up: usize,
    least: u64,
    most: u64,
    /// Of RSI with its sign changed, so that its lows are peaks.
    lows: Side,
    highs: Side,
    /// Candles that had an RSI.
    taken: u64,
}

/// What [`RsiDivergence`] found.
///
/// ```
/// use vyx_sdk::indicators::Divergence;
///
/// assert!(Divergence::HiddenBullish.is_bullish());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Divergence {
    /// The price made a lower low, RSI a higher one.
    Bullish,
    /// The price made a higher low, RSI a lower one.
    HiddenBullish,
    /// The price made a higher high, RSI a lower one.
    Bearish,
    /// The price made a lower high, RSI a higher one.
    HiddenBearish,
}

impl Divergence {
    /// Whether it speaks for rising prices.
    #[must_use]
    pub fn is_bullish(self) -> bool {
        matches!(self, Self::Bullish | Self::HiddenBullish)
    }
}

/// The swings of one kind, as peaks: of lows, everything has its sign changed.
#[derive(Debug, Clone)]
struct Side {
    peaks: Peaks,
    prices: Past,
    last: Option<Swing>,
}

#[derive(Debug, Clone, Copy)]
struct Swing {
    at: u64,
    rsi: f64,
    price: f64,
}

impl RsiDivergence {
    /// From the period of RSI, and over how many values to each side a swing must hold; charts use (14, 5, 5).
    ///
    /// # Panics
    ///
    /// If one of them is 0.
    pub fn new(period: usize, left: usize, right: usize) -> Self {
        check_period("rsi divergence: period of rsi", period);
        check_period("rsi divergence: left", left);
        check_period("rsi divergence: right", right);
        let side = Side { peaks: Peaks::new(left, right, NO_CHANGE), prices: Past::new(right), last: None };
        let warm_up = period + left + right;
        Self { rsi: Rsi::new(period), warm_up, least: 5, most: 60, lows: side.clone(), highs: side, taken: 0 }
    }

    /// Compares swings that are `least` to `most` candles apart.
    ///
    /// # Panics
    ///
    /// If `least` is above `most`.
    pub fn within(mut self, least: usize, most: usize) -> Self {
        assert!(least <= most, "rsi divergence: least distance is {least}: it must not be above the most, {most}");
        (self.least, self.most) = (least as u64, most as u64);
        self
    }

    /// Takes the next candle and returns the divergence that it confirms, if it confirms one.
    pub fn next(&mut self, candle: &Candle) -> Option<Divergence> {
        if !usable_candle(candle) {
            return None;
        }
        let rsi = self.rsi.take(candle.close)?;
        self.taken += 1;
        let (at, distances) = (self.taken, self.least..=self.most);
        let low = self.lows.take(at, -rsi, -candle.low).filter(|pair| distances.contains(&pair.apart));
        let high = self.highs.take(at, rsi, candle.high).filter(|pair| distances.contains(&pair.apart));
        // A value cannot be a low and a high at once.
        if let Some(pair) = low {
            return pair.judge(Divergence::Bullish, Divergence::HiddenBullish);
        }
        high?.judge(Divergence::Bearish, Divergence::HiddenBearish)
    }

    /// Candles before the first value at the earliest: `period + left + right`. RSI takes about 500 until the start no longer
    /// shows for period 14.
    #[must_use]
    pub fn warm_up(&self) -> usize {
        self.warm_up
    }
}

/// How a peak stands to the one before it.
#[derive(Debug, Clone, Copy)]
struct Pair {
    apart: u64,
    price: f64,
    rsi: f64,
}

impl Pair {
    fn judge(self, regular: Divergence, hidden: Divergence) -> Option<Divergence> {
        if self.price > 0.0 && self.rsi < -NO_CHANGE {
            Some(regular)
        } else if self.price < 0.0 && self.rsi > NO_CHANGE {
            Some(hidden)
        } else {
            None
        }
    }
}

impl Side {
    fn take(&mut self, at: u64, rsi: f64, price: f64) -> Option<Pair> {
        // The price of `right` candles ago, where the peak is.
        let past = self.prices.exchange(price);
        let found = self.peaks.take(rsi)?;
        let swing = Swing { at, rsi: found, price: past? };
        let last = self.last.replace(swing)?;
        Some(Pair { apart: swing.at - last.at, price: swing.price - last.price, rsi: swing.rsi - last.rsi })
    }
}

#[cfg(test)]
mod tests {
    use super::super::test_candles::flat;
    use super::*;

    #[test]
    fn flat_rising_and_falling_prices_have_none() {
        for slope in [0.0, 1.0, -1.0] {
            let mut divergence = RsiDivergence::new(14, 2, 2);
            for i in 0..200 {
                assert_eq!(divergence.next(&flat(500.0 + slope * f64::from(i), 0.0)), None);
            }
        }
    }

    #[test]
    fn prices_that_stop_have_none_but_those_of_before() {
        let mut divergence = RsiDivergence::new(14, 2, 2).within(1, 1000);
        for i in 0..60 {
            divergence.next(&flat(100.0 + 0.1 * f64::from(i * i % 17), 1.0));
        }
        for i in 0..300 {
            let now = divergence.next(&flat(100.3, 0.0));
            assert!(i < 3 || now.is_none(), "candle {i}: {now:?}");
        }
    }

    #[test]
    #[should_panic(expected = "rsi divergence: least distance is 9")]
    fn distances_exchanged() {
        let _ = RsiDivergence::new(14, 5, 5).within(9, 5);
    }
}
