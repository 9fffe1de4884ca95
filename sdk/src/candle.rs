//! What a trader looks at.

use crate::Interval;

/// How many values a candle takes in the flat list that crosses the boundary.
pub(crate) const VALUES_PER_CANDLE: usize = 8;

/// A closed candle. Prices are finite and in the quote currency.
///
/// ```
/// use vyx_sdk::{Interval, testkit::candles_from_closes};
///
/// let candle = candles_from_closes(Interval::M5, &[100.0, 101.0])[1];
/// assert_eq!((candle.open, candle.close), (100.0, 101.0));
/// assert_eq!(candle.close_time_ms() - candle.open_time_ms, 5 * 60_000 - 1);
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Candle {
    /// Its length.
    pub interval: Interval,
    /// When it opened, UTC milliseconds since 1970.
    pub open_time_ms: i64,
    /// The first price.
    pub open: f64,
    /// The highest price.
    pub high: f64,
    /// The lowest price.
    pub low: f64,
    /// The last price.
    pub close: f64,
    /// Traded amount in the base currency, zero or more.
    pub volume: f64,
    /// Traded amount in the quote currency; NaN where the candles carry none.
    pub quote_volume: f64,
    /// Part of `volume` that takers bought; NaN where the candles carry none.
    pub taker_volume: f64,
    /// Number of trades; NaN where the candles carry none.
    pub trades: f64,
}

impl Candle {
    /// When it closed: the last millisecond that belongs to it.
    #[must_use]
    pub const fn close_time_ms(&self) -> i64 {
        self.open_time_ms + self.interval.as_ms() - 1
    }

    #[inline]
    pub(crate) fn unpack(interval: Interval, open_time_ms: i64, values: &[f64; VALUES_PER_CANDLE]) -> Self {
        let [open, high, low, close, volume, quote_volume, taker_volume, trades] = *values;
        Self { interval, open_time_ms, open, high, low, close, volume, quote_volume, taker_volume, trades }
    }
}

/// A column of the candles that the host keeps.
///
/// ```
/// use vyx_sdk::prelude::*;
///
/// /// The range of the last hour, of a trader that declared `.lookback(Interval::M5, 12)`.
/// fn range(cx: &Context<'_>) -> f64 {
///     let highs = cx.column(Interval::M5, Column::High, 12);
///     let lows = cx.column(Interval::M5, Column::Low, 12);
///     highs.into_iter().fold(f64::MIN, f64::max) - lows.into_iter().fold(f64::MAX, f64::min)
/// }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Column {
    /// Open prices.
    Open,
    /// High prices.
    High,
    /// Low prices.
    Low,
    /// Close prices.
    Close,
    /// Volumes in the base currency.
    Volume,
    /// Volumes in the quote currency; NaN where the candles carry none.
    QuoteVolume,
    /// Volumes that takers bought; NaN where the candles carry none.
    TakerVolume,
    /// Numbers of trades; NaN where the candles carry none.
    Trades,
}

/// The rolling 24 h figures at the close of a candle.
///
/// ```
/// use vyx_sdk::prelude::*;
///
/// /// Whether enough is traded to care. Nothing is said of a market of which less than a day is known.
/// fn is_liquid(cx: &Context<'_>) -> bool {
///     cx.ticker().is_some_and(|ticker| ticker.quote_volume > 1e6)
/// }
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ticker {
    /// Change over 24 h, percent.
    pub change_percent: f64,
    /// Traded amount of 24 h in the quote currency; NaN where the candles carry none.
    pub quote_volume: f64,
}

/// Candles that do not exist: the market was closed, or nobody traded.
///
/// ```
/// use vyx_sdk::{Gap, Interval};
///
/// let gap = Gap { interval: Interval::M5, from_ms: 1_704_067_200_000, until_ms: 1_704_068_100_000 };
/// assert_eq!(gap.candles(), 3);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gap {
    /// The interval whose candles are missing.
    pub interval: Interval,
    /// Open time of the first missing candle, UTC milliseconds.
    pub from_ms: i64,
    /// Open time of the candle after the gap, UTC milliseconds.
    pub until_ms: i64,
}

impl Gap {
    /// How many candles are missing, at least 1.
    #[must_use]
    pub const fn candles(&self) -> i64 {
        (self.until_ms - self.from_ms) / self.interval.as_ms()
    }
}
