//! A made-up market for demonstrations and tests: endless, seeded, and the same on every machine.

mod random;
mod walk;

pub(crate) use random::Random;

use super::aggregate::Aggregator;
use super::candle::Values;
use super::feed::{Feed, FeedError};
use super::interval::Interval;
use super::segment::Segment;
use super::symbol::{SymbolId, Symbols};
use walk::{Nature, Walk};

/// More markets than any exchange has.
const MAX_SYMBOLS: usize = 5_000;
/// Starts from 1970 to 2100, so that no later time can overflow.
const START_MS: std::ops::Range<i64> = 0..4_102_444_800_000;

/// Name, price, decimals of the price, quote volume of an average minute.
const MARKETS: [(&str, f64, i32, f64); 44] = [
    ("BTCUSDT", 60_000.0, 2, 900_000.0),
    ("ETHUSDT", 3_000.0, 2, 600_000.0),
    ("SOLUSDT", 150.0, 2, 300_000.0),
    ("BNBUSDT", 550.0, 1, 150_000.0),
    ("XRPUSDT", 0.6, 4, 150_000.0),
    ("DOGEUSDT", 0.15, 5, 120_000.0),
    ("ADAUSDT", 0.45, 4, 60_000.0),
    ("TRXUSDT", 0.13, 5, 40_000.0),
    ("AVAXUSDT", 30.0, 2, 60_000.0),
    ("LINKUSDT", 14.0, 2, 50_000.0),
    ("DOTUSDT", 6.5, 3, 40_000.0),
    ("LTCUSDT", 75.0, 2, 50_000.0),
    ("BCHUSDT", 400.0, 1, 40_000.0),
    ("UNIUSDT", 8.0, 3, 30_000.0),
    ("ATOMUSDT", 7.0, 3, 25_000.0),
    ("ETCUSDT", 25.0, 2, 20_000.0),
    ("XLMUSDT", 0.11, 4, 20_000.0),
    ("NEARUSDT", 5.0, 3, 40_000.0),
    ("APTUSDT", 9.0, 3, 30_000.0),
    ("FILUSDT", 5.0, 3, 25_000.0),
    ("ARBUSDT", 0.9, 4, 30_000.0),
    ("OPUSDT", 2.0, 3, 25_000.0),
    ("INJUSDT", 25.0, 2, 25_000.0),
    ("SUIUSDT", 1.2, 4, 60_000.0),
    ("SEIUSDT", 0.5, 4, 25_000.0),
    ("TIAUSDT", 8.0, 3, 25_000.0),
    ("AAVEUSDT", 100.0, 2, 25_000.0),
    ("ICPUSDT", 11.0, 3, 15_000.0),
    ("HBARUSDT", 0.08, 5, 20_000.0),
    ("VETUSDT", 0.03, 5, 12_000.0),
    ("ALGOUSDT", 0.18, 4, 12_000.0),
    ("GRTUSDT", 0.2, 4, 12_000.0),
    ("SANDUSDT", 0.4, 4, 12_000.0),
    ("MANAUSDT", 0.4, 4, 10_000.0),
    ("AXSUSDT", 6.5, 2, 10_000.0),
    ("RUNEUSDT", 4.5, 3, 15_000.0),
    ("LDOUSDT", 2.0, 3, 15_000.0),
    ("STXUSDT", 2.0, 3, 12_000.0),
    ("IMXUSDT", 1.8, 3, 10_000.0),
    ("JUPUSDT", 0.9, 4, 20_000.0),
    ("SUPERUSDT", 0.9, 4, 8_000.0),
    ("PEPEUSDT", 0.000_01, 8, 120_000.0),
    ("SHIBUSDT", 0.000_02, 8, 50_000.0),
    ("1000SATSUSDT", 0.000_3, 7, 10_000.0),
];

/// A seeded market of one-minute candles without gaps, and all longer intervals built from them. What a close holds does not
/// depend on when an interval was asked for. A start in the past gives history that is simply consumed first.
#[derive(Debug)]
pub struct SyntheticFeed {
    /// The interval that everything is made of.
    base: Interval,
    symbols: Symbols,
    walks: Vec<Walk>,
    /// This step of every symbol.
    rows: Vec<Values>,
    next_open_ms: i64,
    /// Steps that are still to come.
    steps_left: Option<u64>,
    /// Longest interval first.
    lanes: Vec<Lane>,
    /// The markets as they were when the running week began, and when the running three days did: every longer candle began
    /// at one of them, so that one that is asked for late can be built from its beginning.
    week: (i64, Vec<Walk>),
    three_days: (i64, Vec<Walk>),
}

/// What a market of this name is like; one that is not listed has a nature of its place.
fn nature(name: &str, number: usize) -> Nature {
    match MARKETS.iter().find(|(listed, ..)| *listed == name) {
        Some((_, price, decimals, turnover)) => Nature { price: *price, decimals: *decimals, turnover: *turnover },
        None => Nature { price: 1.0 + (number % 97) as f64, decimals: 3, turnover: 10_000.0 },
    }
}

#[derive(Debug)]
struct Lane {
    interval: Interval,
    /// By symbol id; empty for the base interval.
    aggregators: Vec<Aggregator>,
}

impl SyntheticFeed {
    /// Where hosts let its live candles begin: a Monday, so that no interval is cut.
    pub const FIRST_LIVE_MS: i64 = 1_767_571_200_000;
    /// History before that: the warm-up of 1,000 candles of a quarter of an hour, and a little.
    pub const HISTORY_MINUTES: i64 = 15_500;

    /// The interval that everything is made of, unless another one is named.
    pub const BASE: Interval = Interval::M1;

    /// The first `symbols` markets, from the candle that opens at `start_open_ms` on, and at most `limit` minutes of them.
    pub fn new(seed: u64, symbols: usize, start_open_ms: i64, limit: Option<u64>) -> Result<Self, FeedError> {
        if !(1..=MAX_SYMBOLS).contains(&symbols) {
            let problem = format!("{symbols} synthetic symbols; ask for 1 to {MAX_SYMBOLS}");
            return Err(FeedError::Setup(problem));
        }
        let listed = MARKETS.iter().map(|(name, ..)| (*name).to_owned());
        let others = (MARKETS.len()..).map(|number| format!("COIN{number}USDT"));
        let names: Vec<String> = listed.chain(others).take(symbols).collect();
        Self::named(seed, &names, Self::BASE, start_open_ms, limit)
    }

    /// These markets, made of candles of `base` from the one that opens at `start_open_ms` on, and at most `limit` of them. Only
    /// intervals that `base` divides can be had.
    pub fn named(
        seed: u64,
        markets: &[String],
        base: Interval,
        start_open_ms: i64,
        limit: Option<u64>,
    ) -> Result<Self, FeedError> {
        if base.open_of(start_open_ms) != start_open_ms || !START_MS.contains(&start_open_ms) {
            let what =
                if base == Interval::M1 { "whole minute".to_owned() } else { format!("start of a {base} candle") };
            let problem = format!(
                "a synthetic market cannot start at {start_open_ms}; give a {what} between 1970 and 2100 in \
                 milliseconds, such as {}",
                base.open_of(start_open_ms.clamp(START_MS.start, START_MS.end - 1)),
            );
            return Err(FeedError::Setup(problem));
        }
        let mut names = Symbols::new();
        let mut walks = Vec::with_capacity(markets.len());
        for (number, name) in markets.iter().enumerate() {
            names.intern(name)?;
            walks.push(Walk::new(seed, name, nature(name, number), base));
        }
        Ok(Self {
            base,
            symbols: names,
            rows: Vec::with_capacity(markets.len()),
            next_open_ms: start_open_ms,
            steps_left: limit,
            lanes: Vec::new(),
            week: (start_open_ms, walks.clone()),
            three_days: (start_open_ms, walks.clone()),
            walks,
        })
    }

    fn lane(&self, interval: Interval) -> Lane {
        let (open_ms, walks) = if interval == Interval::D3 { &self.three_days } else { &self.week };
        let aggregators = walks.iter().filter_map(|walk| {
            let mut walk = walk.clone();
            let mut aggregator = Aggregator::new(self.base, interval)?;
            let mut step_ms = *open_ms;
            while step_ms < self.next_open_ms {
                aggregator.push(step_ms, &walk.step(), |_| {});
                step_ms += self.base.as_ms();
            }
            Some(aggregator)
        });
        Lane { interval, aggregators: aggregators.collect() }
    }

    /// Makes the next step of every symbol.
    fn step(&mut self) -> i64 {
        let open_ms = self.next_open_ms;
        if Interval::W1.open_of(open_ms) == open_ms {
            self.week = (open_ms, self.walks.clone());
        }
        if Interval::D3.open_of(open_ms) == open_ms {
            self.three_days = (open_ms, self.walks.clone());
        }
        self.rows.clear();
        self.rows.extend(self.walks.iter_mut().map(Walk::step));
        self.next_open_ms += self.base.as_ms();
        open_ms
    }
}

impl Feed for SyntheticFeed {
    fn symbols(&self) -> &Symbols {
        &self.symbols
    }

    fn want(&mut self, intervals: &[Interval]) -> Result<(), FeedError> {
        if let Some(wanted) = intervals.iter().find(|wanted| **wanted != self.base && !self.base.divides(**wanted)) {
            let symbol = self.symbols.iter().next().map(|(_, name)| name.to_owned()).unwrap_or_default();
            return Err(FeedError::Interval { wanted: *wanted, symbol, base: self.base });
        }
        for interval in intervals {
            if self.lanes.iter().all(|lane| lane.interval != *interval) {
                self.lanes.push(self.lane(*interval));
            }
        }
        self.lanes.sort_by_key(|lane| std::cmp::Reverse(lane.interval));
        Ok(())
    }

    fn next(&mut self, max_closes: usize, into: &mut Segment) -> Result<bool, FeedError> {
        if self.lanes.is_empty() {
            return Err(FeedError::NothingWanted);
        }
        let mut builder = into.builder();
        while builder.closes() < max_closes.max(1) {
            if let Some(left) = &mut self.steps_left {
                let Some(fewer) = left.checked_sub(1) else {
                    break;
                };
                *left = fewer;
            }
            let open_ms = self.step();
            for lane in &mut self.lanes {
                if lane.interval == self.base {
                    builder.batch(lane.interval, open_ms)?;
                    for (symbol, values) in (0..).map(SymbolId).zip(&self.rows) {
                        builder.row(symbol, values, 0)?;
                    }
                    continue;
                }
                let mut first = true;
                for ((symbol, values), aggregator) in (0..).map(SymbolId).zip(&self.rows).zip(&mut lane.aggregators) {
                    // Without gaps a step finishes at most the bucket that it is the last of.
                    let mut finished = None;
                    aggregator.push(open_ms, values, |bucket| finished = Some(bucket));
                    let Some(bucket) = finished else { continue };
                    if std::mem::take(&mut first) {
                        builder.batch(lane.interval, bucket.open_time_ms)?;
                    }
                    builder.row(symbol, &bucket.values, bucket.missing)?;
                }
            }
        }
        let any = builder.closes() > 0;
        builder.finish()?;
        Ok(any)
    }
}

#[cfg(test)]
mod tests;
