//! The candles that a trader is checked on: a run of closes that is there as a whole, and may be cut, renumbered or made hostile.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::market::{
    BatchRef, CloseRef, Column, Feed, FeedError, Gap, History, Interval, Offer, Segment, SegmentBuilder, SegmentError,
    SymbolId, Symbols, Values,
};

/// See the module.
pub(super) struct Market {
    /// Every close, in order of delivery.
    pub(super) closes: Segment,
    /// All of it: a trader may read no further than the close in hand.
    pub(super) history: Arc<History>,
    pub(super) offer: Offer,
    /// Names of the symbols that have candles, in an order that no renumbering changes.
    pub(super) names: Vec<String>,
    /// By id the place of a symbol among the names; none for one without candles.
    pub(super) places: Vec<Option<usize>>,
    /// What its candles are, in words.
    pub(super) words: String,
}

/// Names that have no candles: others that a host may have on offer.
const STRANGERS: [&str; 4] = ["CHECKAUSDT", "CHECKBUSDT", "CHECKCUSDT", "CHECKDUSDT"];

impl Market {
    /// All that a feed has of what it was asked for. Of each interval only candles that open at or after the given time are kept.
    pub(super) fn of(feed: &mut dyn Feed, from_ms: &BTreeMap<Interval, i64>, words: String) -> Result<Self, FeedError> {
        let symbols = feed.symbols().clone();
        let mut closes = Segment::new();
        let mut builder = closes.builder();
        let mut next = Segment::new();
        while feed.next(1_024, &mut next)? {
            for close in next.closes() {
                copy(close, &mut builder, |batch, _| {
                    from_ms.get(&batch.interval).is_none_or(|from_ms| batch.open_time_ms >= *from_ms)
                })?;
            }
        }
        builder.finish()?;
        let names: Vec<String> = symbols.iter().map(|(_, name)| name.to_owned()).collect();
        let places = (0..names.len()).map(Some).collect();
        Ok(Self { history: Arc::new(history(&closes)), offer: Offer::from(symbols), closes, names, places, words })
    }

    /// The same candles with their values changed, and without those that are dropped.
    pub(super) fn changed(
        &self,
        closes: std::ops::Range<usize>,
        symbols: usize,
        mut change: impl FnMut(usize, SymbolId, &Values) -> Option<Values>,
    ) -> Result<Self, SegmentError> {
        let mut made = Segment::new();
        let mut builder = made.builder();
        let mut last_opens: BTreeMap<(u32, Interval), i64> = BTreeMap::new();
        for (at, close) in closes.clone().filter_map(|at| Some((at - closes.start, self.closes.close(at)?))) {
            for batch in close.batches() {
                let rows: Vec<(SymbolId, Values)> = batch
                    .rows()
                    .take(symbols)
                    .filter_map(|(symbol, values, _)| Some((symbol, change(at, symbol, values)?)))
                    .collect();
                if rows.is_empty() {
                    continue;
                }
                builder.batch(batch.interval, batch.open_time_ms)?;
                for (symbol, values) in rows {
                    let last = last_opens.insert((symbol.0, batch.interval), batch.open_time_ms);
                    let next = last.map(|last| last + batch.interval.as_ms());
                    if let Some(missing) = next.filter(|next| *next < batch.open_time_ms) {
                        builder.gap(symbol, missing)?;
                    }
                    builder.row(symbol, &values, 0)?;
                }
            }
        }
        builder.finish()?;
        Ok(Self {
            history: Arc::new(history(&made)),
            closes: made,
            offer: self.offer.clone(),
            names: self.names.clone(),
            places: self.places.clone(),
            words: self.words.clone(),
        })
    }

    /// What is known when the close at this place has just come.
    pub(super) fn history_until(&self, close: usize) -> Result<Arc<History>, SegmentError> {
        let mut cut = Segment::new();
        let mut builder = cut.builder();
        for close in self.closes.closes().take(close) {
            copy(close, &mut builder, |_, _| true)?;
        }
        builder.finish()?;
        Ok(Arc::new(history(&cut)))
    }

    /// The same candles on another host: symbols have other ids in another order, some that were there are gone, others without
    /// candles are on offer.
    pub(super) fn elsewhere(&self) -> Result<Self, FeedError> {
        let [gone, first, second, last] = STRANGERS;
        let order: Vec<usize> = (0..self.names.len()).rev().collect();
        let named = order.iter().filter_map(|place| Some((self.names.get(*place)?.as_str(), Some(*place))));
        // So many before them that each even id becomes an odd one.
        let before = [gone, first, second].into_iter().take(2 + self.names.len() % 2);
        let strangers = |name| (name, None);
        let all: Vec<(&str, Option<usize>)> = before.map(strangers).chain(named).chain([(last, None)]).collect();
        let mut symbols = Symbols::new();
        let mut places = Vec::new();
        for (name, place) in all {
            symbols.intern(name)?;
            places.push(place);
        }
        let gone = symbols.id(gone);
        let new_ids: Vec<u32> = self
            .places
            .iter()
            .map(|old| places.iter().position(|place| place == old).map_or(u32::MAX, |id| id as u32))
            .collect();
        let mut closes = Segment::new();
        let mut builder = closes.builder();
        for close in self.closes.closes() {
            for batch in close.batches() {
                builder.batch(batch.interval, batch.open_time_ms)?;
                let mut rows: Vec<(u32, SymbolId, &Values, u32)> = batch
                    .rows()
                    .filter_map(|(old, values, missing)| Some((*new_ids.get(old.index())?, old, values, missing)))
                    .collect();
                rows.sort_unstable_by_key(|(new, ..)| *new);
                for (new, old, values, missing) in rows {
                    if let Some(gap) = gap_of(close, batch, old) {
                        builder.gap(SymbolId(new), gap.from_open_ms)?;
                    }
                    builder.row(SymbolId(new), values, missing)?;
                }
            }
        }
        builder.finish()?;
        let mut offer = Offer::from(symbols);
        if let Some(gone) = gone {
            offer.leave(gone);
        }
        let (names, words) = (self.names.clone(), self.words.clone());
        Ok(Self { history: Arc::new(history(&closes)), closes, offer, names, places, words })
    }

    /// The name behind an id.
    pub(super) fn name(&self, id: u32) -> &str {
        self.offer.name(SymbolId(id)).unwrap_or_default()
    }

    /// The place of the first close that comes after this time.
    pub(super) fn close_after(&self, ms: i64) -> usize {
        let (mut low, mut high) = (0, self.closes.len());
        while low < high {
            let middle = low + (high - low) / 2;
            match self.closes.close(middle) {
                Some(close) if close.close_time_ms() <= ms => low = middle + 1,
                _ => high = middle,
            }
        }
        low
    }
}

fn gap_of<'a>(close: CloseRef<'a>, batch: BatchRef<'_>, symbol: SymbolId) -> Option<&'a Gap> {
    close.gaps().iter().find(|gap| gap.symbol == symbol && gap.interval == batch.interval)
}

/// Adds the rows of a close that are wanted.
fn copy(
    close: CloseRef<'_>,
    builder: &mut SegmentBuilder<'_>,
    is_wanted: impl Fn(BatchRef<'_>, SymbolId) -> bool,
) -> Result<(), SegmentError> {
    for batch in close.batches() {
        let mut has_begun = false;
        for (symbol, values, missing) in batch.rows().filter(|(symbol, ..)| is_wanted(batch, *symbol)) {
            if !std::mem::replace(&mut has_begun, true) {
                builder.batch(batch.interval, batch.open_time_ms)?;
            }
            if let Some(gap) = gap_of(close, batch, symbol) {
                builder.gap(symbol, gap.from_open_ms)?;
            }
            builder.row(symbol, values, missing)?;
        }
    }
    Ok(())
}

/// All of a segment, and as much as it holds.
pub(super) fn history(closes: &Segment) -> History {
    let mut history = History::new();
    let intervals: BTreeSet<Interval> =
        closes.closes().flat_map(|close| close.batches().map(|batch| batch.interval)).collect();
    for interval in intervals {
        history.require(interval, closes.candles());
    }
    history.append(closes);
    history
}

/// A candle of another course: what rose falls, with twice the amount.
pub(super) fn mirrored(values: &Values, around: f64) -> Values {
    let [open, high, low, close, ..] = *values;
    let mut mirrored = scaled(values, 1.0, 2.0);
    for (value, price) in mirrored.iter_mut().zip([open, low, high, close]) {
        *value = around / price * around;
    }
    mirrored
}

/// A candle whose prices and amounts are multiplied.
pub(super) fn scaled(values: &Values, price: f64, amount: f64) -> Values {
    let mut scaled = *values;
    for (column, value) in Column::ALL.into_iter().zip(&mut scaled) {
        *value *= match column {
            Column::Open | Column::High | Column::Low | Column::Close => price,
            Column::Volume | Column::TakerVolume => amount,
            Column::QuoteVolume => price * amount,
            Column::Trades => 1.0,
        };
    }
    scaled
}
