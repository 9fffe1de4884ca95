//! The candles that the host keeps once for all traders, as columns.

use std::collections::BTreeMap;

use super::interval::Interval;
use super::segment::{BatchRef, Segment, Telling};
use super::stream::{Came, Row, Stream, bound, ticker_candles};
use super::symbol::SymbolId;

/// Batches of at least so many symbols are gathered before they are taken in.
const WIDE_SYMBOLS: usize = 8;

#[derive(Clone, Debug, Default)]
struct Shelf {
    /// Zero: nobody needs this interval.
    keep: usize,
    /// What was filled in and nobody asks for yet: it is there before the trader that it was loaded for.
    hold: usize,
    /// Candles of history that are there, as far as they exist, where a feed said so.
    filled: usize,
    /// By symbol id.
    streams: Vec<Stream>,
}

impl Shelf {
    /// Takes in batches of the same symbols, symbol by symbol: writing to one stream at a time stays in the nearest cache,
    /// where going through all symbols close by close does not.
    fn take(&mut self, batches: &[BatchRef<'_>], late: bool) {
        let symbols = batches.first().map_or(&[][..], |first| first.symbols);
        let keep = self.keeps();
        for (row, symbol) in symbols.iter().enumerate() {
            let Some(stream) = self.streams.get_mut(*symbol as usize) else {
                continue;
            };
            stream.make_room(batches.len(), keep);
            for batch in batches {
                let (rows, _) = batch.values.as_chunks();
                if let Some(values) = rows.get(row) {
                    let missing = batch.missing.get(row).copied().unwrap_or(0);
                    let backfilled = batch.backfilled.get(row).copied().unwrap_or(false);
                    stream.push(batch.open_time_ms, values, Came { missing, late, backfilled });
                }
            }
        }
    }

    fn keeps(&self) -> usize {
        self.keep.max(self.hold)
    }

    fn make_streams(&mut self, interval: Interval, symbols: &[u32]) {
        let needed = symbols.last().map_or(0, |last| *last as usize + 1);
        if self.streams.len() < needed {
            self.streams.resize_with(needed, || Stream::new(interval));
        }
    }
}

/// How much history is held.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HistorySize {
    /// Symbols and intervals that have candles.
    pub streams: usize,
    /// Their candles.
    pub candles: usize,
    /// What they take, room for the next ones included.
    pub bytes: usize,
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

    /// Candles that are kept of an interval for somebody who needs so many: never less than the 24 h figures need.
    #[must_use]
    pub fn least(interval: Interval, candles: usize) -> usize {
        candles.max(ticker_candles(interval).unwrap_or(1))
    }

    /// Keeps at least so many candles of this interval from now on, and never less than the 24 h figures need. The greatest
    /// of all calls counts.
    pub fn require(&mut self, interval: Interval, candles: usize) {
        if let Some(shelf) = self.shelves.get_mut(interval.ordinal()) {
            shelf.keep = shelf.keep.max(Self::least(interval, candles));
        }
    }

    /// Nobody needs more than these any more: what is beyond them goes with the next [`trim`](Self::trim).
    pub fn keep_only(&mut self, needs: &BTreeMap<Interval, u32>) {
        for interval in Interval::ALL {
            let Some(shelf) = self.shelves.get_mut(interval.ordinal()) else { continue };
            shelf.hold = 0;
            match needs.get(&interval) {
                Some(candles) => shelf.keep = Self::least(interval, *candles as usize),
                None => *shelf = Shelf::default(),
            }
        }
    }

    /// Takes in the candles of the intervals that are kept. Those that are not newer than what is there are passed over, but for
    /// those of a segment that is [`Telling::History`].
    pub fn append(&mut self, segment: &Segment) {
        if segment.telling() == Telling::History {
            return self.fill(segment);
        }
        let late = segment.telling() == Telling::Late;
        let mut wide: [Vec<BatchRef<'_>>; Interval::ALL.len()] = Default::default();
        for batch in segment.closes().flat_map(|close| close.batches()) {
            let Some(shelf) = self.shelves.get_mut(batch.interval.ordinal()) else {
                continue;
            };
            if shelf.keeps() == 0 {
                continue;
            }
            shelf.make_streams(batch.interval, batch.symbols);
            let Some(waiting) = wide.get_mut(batch.interval.ordinal()) else {
                continue;
            };
            if waiting.first().is_some_and(|first| first.symbols != batch.symbols) {
                shelf.take(waiting, late);
                waiting.clear();
            }
            if batch.symbols.len() >= WIDE_SYMBOLS {
                waiting.push(batch);
            } else {
                shelf.take(&[batch], late);
            }
        }
        for (shelf, waiting) in self.shelves.iter_mut().zip(&wide) {
            shelf.take(waiting, late);
        }
    }

    /// Takes in what was before, also of intervals that nobody asks for yet.
    fn fill(&mut self, segment: &Segment) {
        let mut of_streams: BTreeMap<(Interval, SymbolId), Vec<Row<'_>>> = BTreeMap::new();
        for batch in segment.closes().flat_map(|close| close.batches()) {
            for ((symbol, values, missing), backfilled) in batch.rows().zip(batch.backfilled) {
                let came = Came { missing, late: false, backfilled: *backfilled };
                of_streams.entry((batch.interval, symbol)).or_default().push((batch.open_time_ms, values, came));
            }
        }
        for ((interval, symbol), rows) in of_streams {
            let Some(shelf) = self.shelves.get_mut(interval.ordinal()) else { continue };
            shelf.make_streams(interval, &[symbol.0]);
            let Some(stream) = shelf.streams.get_mut(symbol.index()) else { continue };
            stream.fill(&rows);
            shelf.hold = shelf.hold.max(stream.len());
        }
        for (interval, candles) in segment.filled() {
            if let Some(shelf) = self.shelves.get_mut(interval.ordinal()) {
                shelf.filled = shelf.filled.max(*candles as usize);
                shelf.hold = shelf.hold.max(*candles as usize);
            }
        }
    }

    /// Of how many candles of an interval a feed said that they are there and still are, as far as they exist.
    #[must_use]
    pub fn filled(&self, interval: Interval) -> usize {
        self.shelves.get(interval.ordinal()).map_or(0, |shelf| shelf.filled)
    }

    /// Lets go of a symbol that is gone.
    pub fn forget(&mut self, symbol: SymbolId) {
        for interval in Interval::ALL {
            let shelf = self.shelves.get_mut(interval.ordinal());
            if let Some(stream) = shelf.and_then(|shelf| shelf.streams.get_mut(symbol.index())) {
                *stream = Stream::new(interval);
            }
        }
    }

    /// Lets go of candles that nobody needs; cheap when there are few. To be called between segments, not within one: its
    /// first close may still need the oldest candle that was kept before it.
    pub fn trim(&mut self) {
        for shelf in &mut self.shelves {
            let keep = shelf.keeps();
            let mut is_cut = false;
            for stream in &mut shelf.streams {
                is_cut |= stream.trim(keep);
            }
            if is_cut {
                shelf.filled = shelf.filled.min(keep);
            }
        }
    }

    /// How much is held.
    #[must_use]
    pub fn size(&self) -> HistorySize {
        let mut size = HistorySize::default();
        for stream in self.shelves.iter().flat_map(|shelf| &shelf.streams) {
            size.streams += usize::from(!stream.is_empty());
            size.candles += stream.len();
            size.bytes += stream.bytes();
        }
        size
    }

    /// The most candles that a stream holds between two deliveries, where so many are needed of its interval.
    #[must_use]
    pub fn most(interval: Interval, candles: usize) -> usize {
        bound(Self::least(interval, candles))
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
