//! One market: when it trades, and its candles.

use std::collections::HashMap;
use std::ops::Range;

use vyx_host::market::Interval;

use crate::kline::Kline;
use crate::random;
use crate::setup::Listing;
use crate::walk::Walk;

pub(crate) const TRADING: &str = "TRADING";

const MINUTE_MS: i64 = Interval::M1.as_ms();

/// What `/api/v3/klines` says of a market that is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gone {
    /// Error -1121.
    Unknown,
    /// The candles that there were, for ever.
    Stale,
}

enum Source {
    Walk(Box<Walk>),
    Given { interval: Interval, rows: Vec<Kline> },
}

/// Minutes that a seed, one of each market, draws to have no candle.
#[derive(Clone, Debug)]
pub(crate) struct Holes {
    pub(crate) seed: u64,
    pub(crate) chance: f64,
    /// How many minutes a hole lasts.
    pub(crate) minutes: i64,
    pub(crate) range_ms: Range<i64>,
}

pub(crate) struct Symbol {
    pub(crate) listing: Listing,
    source: Source,
    /// From when on; the first one from ever.
    statuses: Vec<(i64, String)>,
    gone: Option<(i64, Gone)>,
    gaps: Vec<Range<i64>>,
    holes: Vec<Holes>,
    /// Whole hours and days, by length and open time.
    blocks: HashMap<(Interval, i64), Option<Kline>>,
}

impl Symbol {
    pub(crate) fn new(mut listing: Listing, rank: usize, seed: u64, now_ms: i64) -> Self {
        let source = match listing.candles.take() {
            Some((interval, rows)) => Source::Given { interval, rows },
            None => {
                let volume = listing.quote_volume.unwrap_or(2e9 / (rank as f64 + 2.0));
                Source::Walk(Box::new(Walk::new(random::with_text(seed, &listing.symbol), rank, volume)))
            }
        };
        let mut statuses = vec![(i64::MIN, TRADING.to_owned())];
        if listing.status != TRADING {
            statuses.push((now_ms, listing.status.clone()));
        }
        Self { listing, source, statuses, gone: None, gaps: Vec::new(), holes: Vec::new(), blocks: HashMap::new() }
    }

    pub(crate) fn status(&self, at_ms: i64) -> &str {
        self.statuses.iter().rev().find(|(from_ms, _)| *from_ms <= at_ms).map_or(TRADING, |(_, status)| status)
    }

    /// From this time on, also a future one, it has this status; what was said of later times is forgotten.
    pub(crate) fn set_status(&mut self, at_ms: i64, status: &str) {
        self.statuses.retain(|(from_ms, _)| *from_ms < at_ms);
        self.statuses.push((at_ms, status.to_owned()));
        self.blocks.clear();
    }

    pub(crate) fn end(&mut self, at_ms: i64, gone: Gone) {
        self.gone = Some((at_ms, gone));
        self.blocks.clear();
    }

    pub(crate) fn add_gap(&mut self, gap: Range<i64>) {
        self.gaps.push(gap);
        self.blocks.clear();
    }

    pub(crate) fn add_holes(&mut self, holes: Holes) {
        self.holes.push(holes);
        self.blocks.clear();
    }

    /// Whether it is among the markets of the exchange.
    pub(crate) fn is_listed(&self, at_ms: i64) -> bool {
        self.listing.listed_ms <= at_ms && self.gone.is_none_or(|(gone_ms, _)| at_ms < gone_ms)
    }

    /// Whether its candles may be asked for.
    pub(crate) fn has_candles(&self, at_ms: i64) -> bool {
        let is_stale = self.gone.is_some_and(|(_, gone)| gone == Gone::Stale);
        self.listing.listed_ms <= at_ms && (is_stale || self.is_listed(at_ms))
    }

    fn trades(&self, open_ms: i64) -> bool {
        self.is_listed(open_ms)
            && self.status(open_ms) == TRADING
            && !self.gaps.iter().any(|gap| gap.contains(&open_ms))
            && !self.holes.iter().any(|holes| holes.hit(open_ms))
    }

    /// The length of the candles that the others are made of.
    fn base(&self) -> Interval {
        match &self.source {
            Source::Walk(_) => Interval::M1,
            Source::Given { interval, .. } => *interval,
        }
    }

    fn base_candle(&mut self, open_ms: i64) -> Option<Kline> {
        if !self.trades(open_ms) {
            return None;
        }
        match &mut self.source {
            Source::Walk(walk) => Some(walk.minute(open_ms)),
            Source::Given { rows, .. } => {
                rows.binary_search_by_key(&open_ms, |row| row.open_ms).ok().map(|place| rows[place])
            }
        }
    }

    /// The true candle, whatever time it is; none where there is a hole.
    pub(crate) fn candle(&mut self, interval: Interval, open_ms: i64) -> Option<Kline> {
        if interval < self.base() {
            return None;
        }
        Some(Kline { open_ms, ..self.span(open_ms, open_ms + interval.as_ms())? })
    }

    /// The candle around this time as it is seen then, if anything was traded.
    pub(crate) fn forming(&mut self, interval: Interval, now_ms: i64) -> Option<Kline> {
        let base = self.base();
        if interval < base {
            return None;
        }
        let (open_ms, last_ms) = (interval.open_of(now_ms), base.open_of(now_ms));
        let before = self.span(open_ms, last_ms);
        let last = self.base_candle(last_ms).map(|kline| kline.begun(now_ms - last_ms, base.as_ms()));
        let kline = match (before, last) {
            (Some(mut kline), Some(last)) => {
                kline.extend(&last);
                kline
            }
            (before, last) => before.or(last)?,
        };
        Some(Kline { open_ms, ..kline }.forming())
    }

    /// What was traded in this time, both ends at whole base candles.
    fn span(&mut self, from_ms: i64, until_ms: i64) -> Option<Kline> {
        let base = self.base();
        let mut whole: Option<Kline> = None;
        let mut at_ms = from_ms;
        while at_ms < until_ms {
            let fits = |block: Interval| {
                base.divides(block) && block.open_of(at_ms) == at_ms && at_ms + block.as_ms() <= until_ms
            };
            let block = [Interval::D1, Interval::H1].into_iter().find(|block| fits(*block));
            let (part, length_ms) = match block {
                Some(block) => (self.block(block, at_ms), block.as_ms()),
                None => (self.base_candle(at_ms), base.as_ms()),
            };
            join(&mut whole, part);
            at_ms += length_ms;
        }
        whole
    }

    fn block(&mut self, block: Interval, open_ms: i64) -> Option<Kline> {
        if let Some(known) = self.blocks.get(&(block, open_ms)) {
            return *known;
        }
        // Of minutes: the hours of a long past would fill the memory.
        let step = self.base().as_ms() as usize;
        let mut kline: Option<Kline> = None;
        for minute_ms in (open_ms..open_ms + block.as_ms()).step_by(step) {
            join(&mut kline, self.base_candle(minute_ms));
        }
        self.blocks.insert((block, open_ms), kline);
        kline
    }

    /// Open times of the candles that may be there at this time, oldest first.
    pub(crate) fn opens(&self, interval: Interval, from_ms: i64, now_ms: i64) -> Opens {
        let first_ms = match &self.source {
            Source::Walk(_) => self.listing.listed_ms,
            Source::Given { rows, .. } => rows.first().map_or(i64::MAX, |row| row.open_ms),
        };
        let last_ms = match &self.source {
            Source::Walk(_) => now_ms,
            Source::Given { rows, .. } => rows.last().map_or(i64::MIN, |row| row.open_ms).min(now_ms),
        };
        let step_ms = interval.as_ms();
        let up = |at_ms: i64| interval.open_of(at_ms.saturating_add(step_ms - 1));
        let from_ms = up(from_ms.max(0)).max(interval.open_of(first_ms.min(now_ms)));
        Opens { next_ms: from_ms, until_ms: interval.open_of(last_ms).saturating_add(step_ms), step_ms }
    }
}

/// Adds a later part, if there is one.
fn join(whole: &mut Option<Kline>, part: Option<Kline>) {
    match (whole, part) {
        (Some(whole), Some(part)) => whole.extend(&part),
        (whole @ None, part) => *whole = part,
        (Some(_), None) => {}
    }
}

/// See [`Symbol::opens`].
pub(crate) struct Opens {
    next_ms: i64,
    until_ms: i64,
    step_ms: i64,
}

impl Iterator for Opens {
    type Item = i64;

    fn next(&mut self) -> Option<i64> {
        let open_ms = self.next_ms;
        (open_ms < self.until_ms).then(|| {
            self.next_ms += self.step_ms;
            open_ms
        })
    }
}

impl DoubleEndedIterator for Opens {
    fn next_back(&mut self) -> Option<i64> {
        let open_ms = self.until_ms - self.step_ms;
        (open_ms >= self.next_ms).then(|| {
            self.until_ms = open_ms;
            open_ms
        })
    }
}

impl Holes {
    fn hit(&self, open_ms: i64) -> bool {
        let begins = |minute_ms: i64| {
            self.range_ms.contains(&minute_ms) && random::hits(random::with(self.seed, minute_ms as u64), self.chance)
        };
        (0..self.minutes).any(|back| begins(open_ms - back * MINUTE_MS))
    }
}
