//! A run of closes in delivery order, as flat arrays that are filled again and again.

use std::time::Instant;

use super::candle::{VALUES_PER_CANDLE, Values};
use super::interval::Interval;
use super::symbol::SymbolId;

/// Open times of a stream for which no candle exists, told before the candle that follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    /// The symbol.
    pub symbol: SymbolId,
    /// The interval.
    pub interval: Interval,
    /// The first open time without a candle.
    pub from_open_ms: i64,
    /// The open time of the candle that follows.
    pub until_open_ms: i64,
}

/// How the candles of a segment are told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Telling {
    /// After everything that was told before: their close times lie behind all earlier ones.
    #[default]
    Live,
    /// Of symbols that lagged behind: later candles of other symbols were told first, since nobody waits longer than the deadline.
    /// In order for each symbol.
    Late,
    /// To nobody: they fill the history before what has been told of their streams.
    History,
}

// Only the starts are kept: an end is the start of the next one, or the end of the array.
#[derive(Clone, Copy, Debug)]
struct Close {
    close_time_ms: i64,
    first_batch: usize,
    first_gap: usize,
}

#[derive(Clone, Copy, Debug)]
struct Batch {
    interval: Interval,
    open_time_ms: i64,
    close_time_ms: i64,
    first_row: usize,
}

/// A run of closes in canonical order: by close time, at one close time the longer interval first, in a batch by symbol id.
#[derive(Clone, Debug, Default)]
pub struct Segment {
    closes: Vec<Close>,
    batches: Vec<Batch>,
    row_symbols: Vec<u32>,
    row_values: Vec<f64>,
    row_missing: Vec<u32>,
    row_backfilled: Vec<bool>,
    gaps: Vec<Gap>,
    telling: Telling,
    lagging: Vec<SymbolId>,
    named: Vec<(SymbolId, String)>,
    joined: Vec<(SymbolId, String)>,
    gone: Vec<SymbolId>,
    filled: Vec<(Interval, u32)>,
    heard: Option<(Instant, Instant)>,
}

/// Candles of one interval that closed at one time.
#[derive(Clone, Copy, Debug)]
pub struct BatchRef<'a> {
    /// The interval.
    pub interval: Interval,
    /// Open time of every candle in it.
    pub open_time_ms: i64,
    /// Close time of every candle in it.
    pub close_time_ms: i64,
    /// Ids of the symbols, ascending.
    pub symbols: &'a [u32],
    /// [`VALUES_PER_CANDLE`] values a symbol.
    pub values: &'a [f64],
    /// For each symbol how many base candles its aggregated candle lacks; 0 for a complete or native one.
    pub missing: &'a [u32],
    /// For each symbol whether its candle had to be asked for after the exchange had not told it by itself.
    pub backfilled: &'a [bool],
}

impl<'a> BatchRef<'a> {
    /// Symbol, values and missing base candles of each candle.
    pub fn rows(&self) -> impl Iterator<Item = (SymbolId, &'a Values, u32)> + use<'a> {
        let (values, _) = self.values.as_chunks::<VALUES_PER_CANDLE>();
        self.symbols
            .iter()
            .zip(values)
            .zip(self.missing)
            .map(|((symbol, values), missing)| (SymbolId(*symbol), values, *missing))
    }
}

/// Everything that closed at one time.
#[derive(Clone, Copy, Debug)]
pub struct CloseRef<'a> {
    segment: &'a Segment,
    close: Close,
    last_batch: usize,
    last_gap: usize,
}

impl<'a> CloseRef<'a> {
    /// The close time.
    pub fn close_time_ms(&self) -> i64 {
        self.close.close_time_ms
    }

    /// What is missing before the candles of this close, in the order of those candles.
    pub fn gaps(&self) -> &'a [Gap] {
        self.segment.gaps.get(self.close.first_gap..self.last_gap).unwrap_or_default()
    }

    /// The batches, longest interval first.
    pub fn batches(&self) -> impl Iterator<Item = BatchRef<'a>> + use<'a> {
        let segment = self.segment;
        let mut rest = segment.batches.get(self.close.first_batch..).unwrap_or_default();
        (self.close.first_batch..self.last_batch).filter_map(move |_| {
            let (batch, others) = rest.split_first()?;
            rest = others;
            let rows = batch.first_row..others.first().map_or(segment.row_symbols.len(), |next| next.first_row);
            let values = rows.start * VALUES_PER_CANDLE..rows.end * VALUES_PER_CANDLE;
            Some(BatchRef {
                interval: batch.interval,
                open_time_ms: batch.open_time_ms,
                close_time_ms: batch.close_time_ms,
                symbols: segment.row_symbols.get(rows.clone())?,
                values: segment.row_values.get(values)?,
                missing: segment.row_missing.get(rows.clone())?,
                backfilled: segment.row_backfilled.get(rows)?,
            })
        })
    }
}

impl Segment {
    /// An empty one.
    pub fn new() -> Self {
        Self::default()
    }

    /// Forgets the content, not the memory.
    pub fn clear(&mut self) {
        self.closes.clear();
        self.batches.clear();
        self.row_symbols.clear();
        self.row_values.clear();
        self.row_missing.clear();
        self.row_backfilled.clear();
        self.gaps.clear();
        self.telling = Telling::Live;
        self.lagging.clear();
        self.named.clear();
        self.joined.clear();
        self.gone.clear();
        self.filled.clear();
        self.heard = None;
    }

    /// Clears it and fills it anew.
    pub fn builder(&mut self) -> SegmentBuilder<'_> {
        self.clear();
        SegmentBuilder { segment: self, last_symbol: None }
    }

    /// The closes in order.
    pub fn closes(&self) -> impl ExactSizeIterator<Item = CloseRef<'_>> {
        (0..self.closes.len()).map(|index| self.close_at(index))
    }

    /// The close at a place in the order.
    pub fn close(&self, index: usize) -> Option<CloseRef<'_>> {
        (index < self.closes.len()).then(|| self.close_at(index))
    }

    fn close_at(&self, index: usize) -> CloseRef<'_> {
        let end = Close { close_time_ms: 0, first_batch: self.batches.len(), first_gap: self.gaps.len() };
        let close = self.closes.get(index).copied().unwrap_or(end);
        let next = self.closes.get(index + 1).copied().unwrap_or(end);
        CloseRef { segment: self, close, last_batch: next.first_batch, last_gap: next.first_gap }
    }

    /// How many closes there are.
    pub fn len(&self) -> usize {
        self.closes.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.closes.is_empty()
    }

    /// Whether there is nothing at all to be told.
    pub fn says_nothing(&self) -> bool {
        self.closes.is_empty() && self.joined.is_empty() && self.gone.is_empty() && self.filled.is_empty()
    }

    /// How its candles are told.
    pub fn telling(&self) -> Telling {
        self.telling
    }

    /// Symbols whose candles of these closes are still to come, ascending. They follow in a segment that is [`Telling::Late`]; once a
    /// live segment does not name a symbol any more, it has caught up.
    pub fn lagging(&self) -> &[SymbolId] {
        &self.lagging
    }

    /// Symbols whose history is told here before they are on offer, with their names.
    pub fn named(&self) -> &[(SymbolId, String)] {
        &self.named
    }

    /// Symbols that are on offer from these closes on, with their names. Their ids are new and follow those that are there.
    pub fn joined(&self) -> &[(SymbolId, String)] {
        &self.joined
    }

    /// Symbols that are not on offer any more from these closes on.
    pub fn gone(&self) -> &[SymbolId] {
        &self.gone
    }

    /// Intervals of which now so many candles of history are there, of every symbol, as far as they exist.
    pub fn filled(&self) -> &[(Interval, u32)] {
        &self.filled
    }

    /// When the first and when the last of its candles was heard, for a feed that hears them.
    pub fn heard(&self) -> Option<(Instant, Instant)> {
        self.heard
    }

    /// Says when its candles were heard.
    pub fn set_heard(&mut self, first: Instant, last: Instant) {
        self.heard = Some((first, last));
    }

    /// How many candles there are.
    pub fn candles(&self) -> usize {
        self.row_symbols.len()
    }

    /// The time of the first close.
    pub fn first_close_ms(&self) -> Option<i64> {
        self.closes.first().map(|close| close.close_time_ms)
    }

    /// The time of the last close.
    pub fn last_close_ms(&self) -> Option<i64> {
        self.closes.last().map(|close| close.close_time_ms)
    }
}

/// Something was put into a segment out of order: a mistake in a feed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SegmentError {
    /// A batch out of order.
    #[error("feed out of order: a {interval} batch closing at {close_ms} after {last_interval} at {last_close_ms}")]
    Batch {
        /// Interval of the batch.
        interval: Interval,
        /// Close time of the batch.
        close_ms: i64,
        /// Interval of the batch before it.
        last_interval: Interval,
        /// Close time of the batch before it.
        last_close_ms: i64,
    },
    /// A row or a gap out of order.
    #[error("feed out of order: symbol {symbol} after {last:?} in one batch")]
    Row {
        /// Symbol of the row.
        symbol: u32,
        /// Symbol of the row before it.
        last: Option<u32>,
    },
    /// A gap that does not end where its candle opens.
    #[error("feed out of order: a gap of symbol {symbol} from {from_open_ms} before a candle that opens at {open_ms}")]
    Gap {
        /// Symbol of the gap.
        symbol: u32,
        /// Start of the gap.
        from_open_ms: i64,
        /// Open time of the batch.
        open_ms: i64,
    },
    /// A row or a gap before any batch, or a batch without rows.
    #[error("feed out of order: a row or a gap without a batch, or a batch without rows")]
    Empty,
}

/// Fills a segment and refuses what is out of order. Closes come about by themselves, from the batches.
#[derive(Debug)]
pub struct SegmentBuilder<'a> {
    segment: &'a mut Segment,
    last_symbol: Option<u32>,
}

impl SegmentBuilder<'_> {
    /// Starts a batch; with it a close, if none of its time has begun.
    pub fn batch(&mut self, interval: Interval, open_time_ms: i64) -> Result<(), SegmentError> {
        let close_time_ms = interval.close_of(open_time_ms);
        let first_row = self.segment.row_symbols.len();
        let mut same_close = false;
        if let Some(last) = self.segment.batches.last() {
            if last.first_row == first_row {
                return Err(SegmentError::Empty);
            }
            same_close = close_time_ms == last.close_time_ms;
            let in_order = if same_close { interval < last.interval } else { close_time_ms > last.close_time_ms };
            if !in_order {
                return Err(SegmentError::Batch {
                    interval,
                    close_ms: close_time_ms,
                    last_interval: last.interval,
                    last_close_ms: last.close_time_ms,
                });
            }
        }
        if !same_close {
            let (first_batch, first_gap) = (self.segment.batches.len(), self.segment.gaps.len());
            self.segment.closes.push(Close { close_time_ms, first_batch, first_gap });
        }
        self.segment.batches.push(Batch { interval, open_time_ms, close_time_ms, first_row });
        self.last_symbol = None;
        Ok(())
    }

    /// Says what is missing before the next row of this batch, which is of the same symbol.
    pub fn gap(&mut self, symbol: SymbolId, from_open_ms: i64) -> Result<(), SegmentError> {
        let batch = self.segment.batches.last().ok_or(SegmentError::Empty)?;
        if self.last_symbol.is_some_and(|last| last >= symbol.0) {
            return Err(SegmentError::Row { symbol: symbol.0, last: self.last_symbol });
        }
        let open_ms = batch.open_time_ms;
        if from_open_ms >= open_ms {
            return Err(SegmentError::Gap { symbol: symbol.0, from_open_ms, open_ms });
        }
        self.segment.gaps.push(Gap { symbol, interval: batch.interval, from_open_ms, until_open_ms: open_ms });
        Ok(())
    }

    /// Says how the candles are told.
    pub fn telling(&mut self, telling: Telling) {
        self.segment.telling = telling;
    }

    /// Names a symbol whose candles of these closes are still to come. In ascending order.
    pub fn lagging(&mut self, symbol: SymbolId) {
        self.segment.lagging.push(symbol);
    }

    /// Names a symbol whose history is told before it is on offer.
    pub fn named(&mut self, symbol: SymbolId, name: &str) {
        self.segment.named.push((symbol, name.to_owned()));
    }

    /// Names a symbol that is on offer from here on.
    pub fn joined(&mut self, symbol: SymbolId, name: &str) {
        self.segment.joined.push((symbol, name.to_owned()));
    }

    /// Names a symbol that is not on offer any more.
    pub fn gone(&mut self, symbol: SymbolId) {
        self.segment.gone.push(symbol);
    }

    /// Says that so many candles of history of an interval are there.
    pub fn filled(&mut self, interval: Interval, candles: u32) {
        self.segment.filled.push((interval, candles));
    }

    /// Adds a candle to the batch.
    #[inline]
    pub fn row(&mut self, symbol: SymbolId, values: &Values, missing: u32) -> Result<(), SegmentError> {
        self.row_from(symbol, values, missing, false)
    }

    /// Adds a candle to the batch, and whether it had to be asked for.
    #[inline]
    pub fn row_from(
        &mut self,
        symbol: SymbolId,
        values: &Values,
        missing: u32,
        backfilled: bool,
    ) -> Result<(), SegmentError> {
        if self.last_symbol.is_some_and(|last| last >= symbol.0) {
            return Err(SegmentError::Row { symbol: symbol.0, last: self.last_symbol });
        }
        if self.segment.batches.is_empty() {
            return Err(SegmentError::Empty);
        }
        self.last_symbol = Some(symbol.0);
        self.segment.row_symbols.push(symbol.0);
        self.segment.row_values.extend_from_slice(values);
        self.segment.row_missing.push(missing);
        self.segment.row_backfilled.push(backfilled);
        Ok(())
    }

    /// How many closes have begun.
    pub fn closes(&self) -> usize {
        self.segment.closes.len()
    }

    /// Ends the filling.
    pub fn finish(self) -> Result<(), SegmentError> {
        match self.segment.batches.last() {
            Some(last) if last.first_row == self.segment.row_symbols.len() => Err(SegmentError::Empty),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
#[path = "segment_tests.rs"]
mod tests;
