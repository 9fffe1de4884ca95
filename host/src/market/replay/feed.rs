//! Candle files as a feed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::candles::Candles;
use super::error::{ReplayError, shown_path};
use super::lane::{Lane, NEVER_MS};
use super::load::load;
use super::source::CandleSource;
use super::streams::{CandleInput, load_streams};
use crate::market::aggregate::Aggregator;
use crate::market::feed::{Feed, FeedError};
use crate::market::interval::Interval;
use crate::market::segment::Segment;
use crate::market::symbol::{SymbolId, Symbols};

/// Candles of files, merged into closes. Intervals that no file of a symbol has are built from the shortest one that it has
/// and that fills them evenly. The order of the files means nothing: symbols are numbered by name.
#[derive(Debug)]
pub struct ReplayFeed {
    symbols: Symbols,
    native: BTreeMap<(SymbolId, Interval), Arc<Candles>>,
    /// Those that were made of shorter ones.
    made: BTreeMap<(SymbolId, Interval), Arc<Candles>>,
    /// Longest interval first.
    lanes: Vec<Lane>,
    delivered_ms: i64,
    /// What closes later waits.
    until_ms: i64,
}

impl ReplayFeed {
    /// Reads the files, all of them into memory: 72 bytes a candle.
    pub fn new<S: Into<CandleInput>>(sources: impl IntoIterator<Item = S>) -> Result<Self, FeedError> {
        let mut streams = BTreeMap::<_, Vec<(CandleSource, Candles)>>::new();
        let mut of_many = Vec::new();
        let mut loaded = Vec::new();
        for source in sources {
            match source.into() {
                CandleInput::File(source) => loaded.push((load(&source)?, source)),
                CandleInput::Streams(path) => of_many.push(path),
            }
        }
        if !of_many.is_empty() {
            loaded.extend(load_streams(&of_many)?.into_iter().map(|(source, candles)| (candles, source)));
        }
        for (candles, source) in loaded {
            streams.entry((source.symbol.clone(), source.interval)).or_default().push((source, candles));
        }
        if streams.is_empty() {
            return Err(ReplayError::NoFiles.into());
        }
        let mut symbols = Symbols::new();
        let mut native = BTreeMap::new();
        for ((symbol, interval), files) in streams {
            let id = symbols.intern(&symbol)?;
            native.insert((id, interval), Arc::new(join(files)?));
        }
        Ok(Self {
            symbols,
            native,
            made: BTreeMap::new(),
            lanes: Vec::new(),
            delivered_ms: i64::MIN,
            until_ms: i64::MAX,
        })
    }

    /// The streams that there are files for, with the first and the last open time of each and the number of candles.
    pub fn streams(&self) -> impl Iterator<Item = (SymbolId, Interval, i64, i64, usize)> {
        self.native.iter().filter_map(|((symbol, interval), candles)| {
            let (first_ms, last_ms) = (candles.first_open_ms()?, candles.last_open_ms()?);
            Some((*symbol, *interval, first_ms, last_ms, candles.rows.len()))
        })
    }

    /// The same candles from the beginning, for somebody who wants intervals of their own. They are neither read nor copied.
    #[must_use]
    pub fn again(&self) -> Self {
        Self {
            symbols: self.symbols.clone(),
            native: self.native.clone(),
            made: self.made.clone(),
            lanes: Vec::new(),
            delivered_ms: i64::MIN,
            until_ms: i64::MAX,
        }
    }

    /// The same candles and intervals from the beginning.
    #[must_use]
    pub fn restarted(&self) -> Self {
        let mut again = self.again();
        again.lanes = self.lanes.iter().map(Lane::restarted).collect();
        again
    }

    /// Delivers nothing that closes later than this, until it is told otherwise: what is left then comes as if nothing had been.
    pub fn until(&mut self, close_ms: i64) {
        self.until_ms = close_ms;
    }

    /// When the next candles close of those that are wanted.
    #[must_use]
    pub fn next_close_ms(&self) -> Option<i64> {
        self.lanes.iter().map(Lane::next_close_ms).min().filter(|close_ms| *close_ms != NEVER_MS)
    }

    /// The first and the last close of all files.
    #[must_use]
    pub fn span_ms(&self) -> Option<(i64, i64)> {
        let closes =
            self.streams().map(|(_, interval, first, last, _)| (interval.close_of(first), interval.close_of(last)));
        closes.reduce(|(first, last), (a, b)| (first.min(a), last.max(b)))
    }

    fn lane(&mut self, interval: Interval) -> Result<Lane, FeedError> {
        let mut streams = Vec::new();
        let mut made = Vec::new();
        for (symbol, name) in self.symbols.iter() {
            let key = (symbol, interval);
            let candles = match self.native.get(&key).or_else(|| self.made.get(&key)) {
                Some(candles) => Arc::clone(candles),
                None => {
                    let candles = Arc::new(self.aggregated(symbol, name, interval)?);
                    made.push((key, Arc::clone(&candles)));
                    candles
                }
            };
            streams.push((symbol, candles));
        }
        self.made.extend(made);
        Ok(Lane::new(interval, streams, self.delivered_ms))
    }

    fn aggregated(&self, symbol: SymbolId, name: &str, interval: Interval) -> Result<Candles, FeedError> {
        let mut bases = self.native.range((symbol, Interval::M1)..=(symbol, Interval::W1));
        let shortest = bases.clone().next().map_or(Interval::M1, |((_, base), _)| *base);
        let found = bases.find_map(|((_, base), candles)| Some((Aggregator::new(*base, interval)?, candles)));
        let Some((mut aggregator, base)) = found else {
            return Err(FeedError::Interval { wanted: interval, symbol: name.to_owned(), base: shortest });
        };
        let mut candles = Candles::default();
        for (open_ms, values) in base.open_times.iter().zip(&base.rows) {
            aggregator.push(*open_ms, values, |bucket| {
                candles.push(bucket.open_time_ms, bucket.values);
                candles.missing.push(bucket.missing);
            });
        }
        candles.shrink();
        Ok(candles)
    }
}

impl Feed for ReplayFeed {
    fn symbols(&self) -> &Symbols {
        &self.symbols
    }

    fn want(&mut self, intervals: &[Interval]) -> Result<(), FeedError> {
        let there: BTreeSet<Interval> = self.lanes.iter().map(|lane| lane.interval).collect();
        let wanted: BTreeSet<Interval> = intervals.iter().copied().collect();
        let new: Vec<Interval> = wanted.difference(&there).copied().collect();
        let new = new.into_iter().map(|interval| self.lane(interval)).collect::<Result<Vec<_>, _>>()?;
        self.lanes.extend(new);
        self.lanes.sort_by_key(|lane| std::cmp::Reverse(lane.interval));
        Ok(())
    }

    fn next(&mut self, max_closes: usize, into: &mut Segment) -> Result<bool, FeedError> {
        if self.lanes.is_empty() {
            return Err(FeedError::NothingWanted);
        }
        let mut builder = into.builder();
        let mut close_ms = NEVER_MS;
        for _ in 0..max_closes.max(1) {
            close_ms = self.next_close_ms().filter(|close_ms| *close_ms <= self.until_ms).unwrap_or(NEVER_MS);
            if close_ms == NEVER_MS {
                break;
            }
            for lane in &mut self.lanes {
                if lane.next_close_ms() == close_ms {
                    lane.deliver(&mut builder)?;
                }
            }
            self.delivered_ms = close_ms;
        }
        let any = builder.closes() > 0;
        builder.finish()?;
        Ok(any || close_ms != NEVER_MS)
    }
}

/// Puts the files of one stream one after the other.
fn join(mut files: Vec<(CandleSource, Candles)>) -> Result<Candles, ReplayError> {
    files.sort_by_key(|(_, candles)| candles.first_open_ms());
    for pair in files.windows(2) {
        let [(before, earlier), (after, later)] = pair else {
            continue;
        };
        if let Some(open_ms) = later.first_open_ms()
            && earlier.last_open_ms().is_some_and(|last_ms| after.interval.close_of(last_ms) >= open_ms)
        {
            return Err(ReplayError::Overlap {
                file: shown_path(&before.path),
                other: shown_path(&after.path),
                symbol: after.symbol.clone(),
                interval: after.interval,
                open_ms,
            });
        }
    }
    let total = files.iter().map(|(_, candles)| candles.rows.len()).sum::<usize>();
    let mut files = files.into_iter().map(|(_, candles)| candles);
    let mut all = files.next().unwrap_or_default();
    all.open_times.reserve_exact(total - all.open_times.len());
    all.rows.reserve_exact(total - all.rows.len());
    files.for_each(|candles| all.extend(&candles));
    Ok(all)
}

#[cfg(test)]
#[path = "feed_tests.rs"]
mod tests;
