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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::market::{History, Interval, Segment, SymbolId};

    #[test]
    fn a_chart_ends_at_the_close_in_hand() {
        let mut segment = Segment::new();
        let mut builder = segment.builder();
        for minute in [0, 1, 3, 4] {
            let price = 10.0 + f64::from(minute);
            builder.batch(Interval::M1, i64::from(minute) * 60_000).unwrap();
            let values = [price, price + 2.0, price - 2.0, price + 1.0, 5.0, f64::NAN, f64::NAN, f64::NAN];
            builder.row(SymbolId(0), &values, 0).unwrap();
        }
        builder.finish().unwrap();
        let mut history = History::new();
        history.require(Interval::M1, 10);
        history.append(&segment);
        let stream = history.stream(SymbolId(0), Interval::M1).unwrap();
        let closes = |close_ms, candles| -> Vec<i64> {
            klines(stream, close_ms, candles).iter().map(|kline| kline.close_ms / 60_000).collect()
        };
        assert_eq!(closes(239_999, 150), [0, 1, 3]);
        assert_eq!(closes(239_999, 2), [1, 3]);
        assert_eq!(closes(299_999, 0), [] as [i64; 0]);
        assert_eq!(closes(-1, 5), [] as [i64; 0]);
        let expected = Kline { close_ms: 299_999, open: 14.0, high: 16.0, low: 12.0, close: 15.0, volume: 5.0 };
        assert_eq!(klines(stream, 299_999, 1), [expected]);
    }
}
