//! What a trader looks at.

use crate::Interval;

/// How many values a candle takes in the flat list that crosses the boundary.
pub(crate) const VALUES_PER_CANDLE: usize = 8;

/// A closed candle. Prices are finite and in the quote currency.
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
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ticker {
    /// Change over 24 h, percent.
    pub change_percent: f64,
    /// Traded amount of 24 h in the quote currency; NaN where the candles carry none.
    pub quote_volume: f64,
}

/// Candles that do not exist: the market was closed, or nobody traded.
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
