//! The candles that the host keeps once for all traders, as columns.

use super::candle::{Column, VALUES_PER_CANDLE, Values};
use super::interval::Interval;
use super::segment::{BatchRef, Segment};
use super::symbol::SymbolId;

const DAY_MS: i64 = Interval::D1.as_ms();
/// A stream is cut when this many candles more than needed have gathered, or as many as needed if that is more: so that each
/// candle is moved about once in its life.
const SLACK_CANDLES: usize = 1024;
/// Batches of at least so many symbols are gathered before they are taken in.
const WIDE_SYMBOLS: usize = 8;

/// The kept candles of one symbol and interval.
#[derive(Clone, Debug)]
pub struct Stream {
    interval: Interval,
    open_times: Vec<i64>,
    columns: [Vec<f64>; VALUES_PER_CANDLE],
    /// Base candles that each aggregated candle lacks.
    missing: Vec<u32>,
}

/// The rolling 24 h figures at a close.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ticker {
    /// Percent between the open 24 h ago and the close.
    pub change_percent: f64,
    /// Sum of the quote volume; NaN if a candle has none.
    pub quote_volume: f64,
}

impl Stream {
    fn new(interval: Interval) -> Self {
        Self { interval, open_times: Vec::new(), columns: Default::default(), missing: Vec::new() }
    }

    /// Its interval.
    pub fn interval(&self) -> Interval {
        self.interval
    }

    /// How many candles are kept.
    pub fn len(&self) -> usize {
        self.open_times.len()
    }

    /// Whether none is kept.
    pub fn is_empty(&self) -> bool {
        self.open_times.is_empty()
    }

    /// Open times, oldest first.
    pub fn open_times(&self) -> &[i64] {
        &self.open_times
    }

    /// Base candles that an aggregated candle lacks; 0 for a complete or native one.
    pub fn missing_at(&self, index: usize) -> u32 {
        self.missing.get(index).copied().unwrap_or(0)
    }

    /// The values of one column, oldest first.
    pub fn column(&self, column: Column) -> &[f64] {
        let [open, high, low, close, volume, quote_volume, taker_volume, trades] = &self.columns;
        match column {
            Column::Open => open,
            Column::High => high,
            Column::Low => low,
            Column::Close => close,
            Column::Volume => volume,
            Column::QuoteVolume => quote_volume,
            Column::TakerVolume => taker_volume,
            Column::Trades => trades,
        }
    }

    /// How many of the kept candles had closed by `close_ms`. Nobody called at that close may look further.
    pub fn len_at(&self, close_ms: i64) -> usize {
        // A candle had closed by then if it opened at or before this.
        let last_open_ms = close_ms.saturating_sub(self.interval.as_ms() - 1);
        let Some(newest_ms) = self.open_times.last() else {
            return 0;
        };
        // Without gaps the answer follows from the newest candle; it is checked, since there may be gaps.
        let ahead = (newest_ms.saturating_sub(last_open_ms)).max(0) as u64;
        let ahead = ahead.div_ceil(self.interval.as_ms() as u64) as usize;
        if let Some(guess) = self.open_times.len().checked_sub(ahead) {
            let before = guess.checked_sub(1).and_then(|index| self.open_times.get(index));
            let after = self.open_times.get(guess);
            if before.is_none_or(|ms| *ms <= last_open_ms) && after.is_none_or(|ms| *ms > last_open_ms) {
                return guess;
            }
        }
        self.open_times.partition_point(|ms| *ms <= last_open_ms)
    }

    /// The rolling 24 h figures at that close: none unless every candle of the 24 h before the last boundary of the interval
    /// is there, and none above 1d. The sum is plain, oldest first, so that it is the same wherever the history begins.
    pub fn ticker_at(&self, close_ms: i64) -> Option<Ticker> {
        let candles = ticker_candles(self.interval)?;
        let length_ms = self.interval.as_ms();
        let last_open_ms = self.interval.open_of(close_ms.saturating_add(1)).saturating_sub(length_ms);
        let end = self.len_at(close_ms);
        let window = end.checked_sub(candles)?..end;
        let times = self.open_times.get(window.clone())?;
        // Open times rise by whole intervals, so the ends tell whether anything is missing between them.
        if times.last() != Some(&last_open_ms) || times.first() != Some(&(last_open_ms - DAY_MS + length_ms)) {
            return None;
        }
        let open = self.column(Column::Open).get(window.start)?;
        let close = self.column(Column::Close).get(window.end - 1)?;
        let change_percent = (close - open) / open * 100.0;
        let volumes = self.column(Column::QuoteVolume).get(window)?;
        let sum = volumes.iter().fold(0.0, |sum, volume| sum + volume);
        let quote_volume = if sum.is_finite() { sum } else { f64::NAN };
        change_percent.is_finite().then_some(Ticker { change_percent, quote_volume })
    }

    #[inline]
    fn push(&mut self, open_time_ms: i64, values: &Values, missing: u32) {
        // What is there already stays: a feed may tell a candle again after a reconnect.
        if self.open_times.last().is_some_and(|last| *last >= open_time_ms) {
            return;
        }
        self.open_times.push(open_time_ms);
        self.missing.push(missing);
        for (column, value) in self.columns.iter_mut().zip(values) {
            column.push(*value);
        }
    }

    fn trim(&mut self, keep: usize) {
        let surplus = self.open_times.len().saturating_sub(keep);
        if surplus > keep.max(SLACK_CANDLES) {
            self.open_times.drain(..surplus);
            self.missing.drain(..surplus);
            for column in &mut self.columns {
                column.drain(..surplus);
            }
        }
    }
}

/// How many candles make up 24 h; none above a day.
fn ticker_candles(interval: Interval) -> Option<usize> {
    (interval <= Interval::D1).then_some((DAY_MS / interval.as_ms()) as usize)
}

#[derive(Clone, Debug, Default)]
struct Shelf {
    /// Zero: nobody needs this interval and nothing of it is kept.
    keep: usize,
    /// By symbol id.
    streams: Vec<Stream>,
}

impl Shelf {
    /// Takes in batches of the same symbols, symbol by symbol: writing to one stream at a time stays in the nearest cache,
    /// where going through all symbols close by close does not.
    fn take(&mut self, batches: &[BatchRef<'_>]) {
        let symbols = batches.first().map_or(&[][..], |first| first.symbols);
        for (row, symbol) in symbols.iter().enumerate() {
            let Some(stream) = self.streams.get_mut(*symbol as usize) else {
                continue;
            };
            for batch in batches {
                let (rows, _) = batch.values.as_chunks();
                if let Some(values) = rows.get(row) {
                    let missing = batch.missing.get(row).copied().unwrap_or(0);
                    stream.push(batch.open_time_ms, values, missing);
                }
            }
        }
    }
}

/// The candle history of every symbol and interval that somebody needs.
#[derive(Clone, Debug, Default)]
pub struct History {
    /// By ordinal of the interval.
    shelves: [Shelf; Interval::ALL.len()],
}

impl History {
    /// An empty one that keeps nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Keeps at least so many candles of this interval from now on, and never less than the 24 h figures need. The greatest
    /// of all calls counts.
    pub fn require(&mut self, interval: Interval, candles: usize) {
        let least = ticker_candles(interval).unwrap_or(1);
        if let Some(shelf) = self.shelves.get_mut(interval.ordinal()) {
            shelf.keep = shelf.keep.max(candles).max(least);
        }
    }

    /// Takes in the candles of the intervals that are kept. Those that are not newer than what is there are passed over.
    pub fn append(&mut self, segment: &Segment) {
        let mut wide: [Vec<BatchRef<'_>>; Interval::ALL.len()] = Default::default();
        for batch in segment.closes().flat_map(|close| close.batches()) {
            let Some(shelf) = self.shelves.get_mut(batch.interval.ordinal()) else {
                continue;
            };
            if shelf.keep == 0 {
                continue;
            }
            let needed = batch.symbols.last().map_or(0, |last| *last as usize + 1);
            if shelf.streams.len() < needed {
                shelf.streams.resize_with(needed, || Stream::new(batch.interval));
            }
            let Some(waiting) = wide.get_mut(batch.interval.ordinal()) else {
                continue;
            };
            if waiting.first().is_some_and(|first| first.symbols != batch.symbols) {
                shelf.take(waiting);
                waiting.clear();
            }
            if batch.symbols.len() >= WIDE_SYMBOLS {
                waiting.push(batch);
            } else {
                shelf.take(&[batch]);
            }
        }
        for (shelf, waiting) in self.shelves.iter_mut().zip(&wide) {
            shelf.take(waiting);
        }
    }

    /// Lets go of candles that nobody needs; cheap when there are few. To be called between segments, not within one: its
    /// first close may still need the oldest candle that was kept before it.
    pub fn trim(&mut self) {
        for shelf in &mut self.shelves {
            for stream in &mut shelf.streams {
                stream.trim(shelf.keep);
            }
        }
    }

    /// The streams of an interval that have candles.
    pub fn streams(&self, interval: Interval) -> impl Iterator<Item = (SymbolId, &Stream)> {
        let streams = self.shelves.get(interval.ordinal()).map(|shelf| shelf.streams.as_slice()).unwrap_or_default();
        (0..).map(SymbolId).zip(streams).filter(|(_, stream)| !stream.is_empty())
    }

    /// The kept candles of a stream; none if it has had no candle, or its interval is not kept.
    pub fn stream(&self, symbol: SymbolId, interval: Interval) -> Option<&Stream> {
        let stream = self.shelves.get(interval.ordinal())?.streams.get(symbol.index())?;
        (!stream.is_empty()).then_some(stream)
    }
}

#[cfg(test)]
#[path = "history_tests.rs"]
mod tests;
