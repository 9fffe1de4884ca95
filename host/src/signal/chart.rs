//! The candles that a chart of a signal shows.

use crate::market::{Column, Stream};

/// A candle of a chart.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Kline {
    /// When it closed, UTC milliseconds.
    pub close_ms: i64,
    /// First price.
    pub open: f64,
    /// Highest price.
    pub high: f64,
    /// Lowest price.
    pub low: f64,
    /// Last price.
    pub close: f64,
    /// Traded amount, in the base asset.
    pub volume: f64,
}

/// The last candles of a stream that had closed by `close_ms`, oldest first: as many as there are, at most `candles`.
#[must_use]
pub fn klines(stream: &Stream, close_ms: i64, candles: usize) -> Vec<Kline> {
    let end = stream.len_at(close_ms);
    let range = end.saturating_sub(candles)..end;
    let of = |column| stream.column(column).get(range.clone()).unwrap_or_default();
    let times = stream.open_times().get(range.clone()).unwrap_or_default();
    let prices = of(Column::Open).iter().zip(of(Column::High)).zip(of(Column::Low)).zip(of(Column::Close));
    times
        .iter()
        .zip(prices.zip(of(Column::Volume)))
        .map(|(open_ms, ((((open, high), low), close), volume))| Kline {
            close_ms: stream.interval().close_of(*open_ms),
            open: *open,
            high: *high,
            low: *low,
            close: *close,
            volume: *volume,
        })
        .collect()
}
