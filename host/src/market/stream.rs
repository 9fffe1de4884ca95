//! The kept candles of one symbol and interval, as columns.

use std::mem::size_of;
use std::ops::Range;

use super::candle::{Column, VALUES_PER_CANDLE, Values};
use super::interval::Interval;

const DAY_MS: i64 = Interval::D1.as_ms();
/// A stream is cut when this many candles more than needed have gathered, or as many as needed if that is more: so that each
/// candle is moved about once in its life.
const SLACK_CANDLES: usize = 1024;
/// What a kept candle takes: its open time, its values, and how it came.
pub const CANDLE_BYTES: usize = size_of::<i64>() + VALUES_PER_CANDLE * size_of::<f64>() + size_of::<u32>();

// The lower bits count base candles that are missing.
const LATE: u32 = 1 << 31;
const BACKFILLED: u32 = 1 << 30;
const MISSING: u32 = BACKFILLED - 1;

/// A candle on its way in: its open time, its values, and how it came.
pub(super) type Row<'a> = (i64, &'a Values, Came);

/// How a candle came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Came {
    /// Base candles that an aggregated candle lacks; 0 for a complete or native one.
    pub missing: u32,
    /// After its deadline, when later candles had been told.
    pub late: bool,
    /// It had to be asked for.
    pub backfilled: bool,
}

impl Came {
    #[inline]
    fn pack(self) -> u32 {
        self.missing.min(MISSING) | if self.late { LATE } else { 0 } | if self.backfilled { BACKFILLED } else { 0 }
    }

    fn unpack(packed: u32) -> Self {
        Self { missing: packed & MISSING, late: packed & LATE != 0, backfilled: packed & BACKFILLED != 0 }
    }
}

/// The kept candles of one symbol and interval.
#[derive(Clone, Debug)]
pub struct Stream {
    interval: Interval,
    open_times: Vec<i64>,
    columns: [Vec<f64>; VALUES_PER_CANDLE],
    /// How each came, packed.
    came: Vec<u32>,
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
    pub(super) fn new(interval: Interval) -> Self {
        Self { interval, open_times: Vec::new(), columns: Default::default(), came: Vec::new() }
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

    /// How a candle came.
    pub fn came(&self, index: usize) -> Came {
        Came::unpack(self.came.get(index).copied().unwrap_or(0))
    }

    /// How the candle that closed at that time came; none if there is none.
    pub fn came_at(&self, close_ms: i64) -> Option<Came> {
        let index = self.len_at(close_ms).checked_sub(1)?;
        let open_ms = self.open_times.get(index)?;
        (self.interval.close_of(*open_ms) == close_ms).then(|| self.came(index))
    }

    /// What it takes, room for what comes next included.
    pub fn bytes(&self) -> usize {
        self.open_times.capacity() * CANDLE_BYTES
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

    /// Makes room for so many more, in steps that let no candle be moved often, and never far beyond what `keep` will need.
    #[inline]
    pub(super) fn make_room(&mut self, more: usize, keep: usize) {
        let needed = self.open_times.len() + more;
        if needed > self.open_times.capacity() {
            let roomy = (2 * self.open_times.len()).min(bound(keep)).max(needed);
            self.reserve(roomy - self.open_times.len());
        }
    }

    // Exactly, so that what is held can be told beforehand.
    fn reserve(&mut self, more: usize) {
        self.open_times.reserve_exact(more);
        self.came.reserve_exact(more);
        for column in &mut self.columns {
            column.reserve_exact(more);
        }
    }

    #[inline]
    pub(super) fn push(&mut self, open_time_ms: i64, values: &Values, came: Came) {
        // What is there already stays: a feed may tell a candle again after a reconnect.
        if self.open_times.last().is_some_and(|last| *last >= open_time_ms) {
            return;
        }
        self.open_times.push(open_time_ms);
        self.came.push(came.pack());
        for (column, value) in self.columns.iter_mut().zip(values) {
            column.push(*value);
        }
    }

    /// Takes in candles that are not there yet, given in order; what is there stays as it is.
    pub(super) fn fill(&mut self, rows: &[Row<'_>]) {
        let held = std::mem::replace(self, Self::new(self.interval));
        self.reserve(held.len() + rows.len());
        let mut rows = rows.iter().peekable();
        for (index, held_open_ms) in held.open_times.iter().enumerate() {
            while let Some((open_ms, values, came)) = rows.next_if(|(open_ms, ..)| open_ms < held_open_ms) {
                self.push(*open_ms, values, *came);
            }
            let values = held.columns.each_ref().map(|column| column.get(index).copied().unwrap_or(f64::NAN));
            self.push(*held_open_ms, &values, held.came(index));
        }
        for (open_ms, values, came) in rows {
            self.push(*open_ms, values, *came);
        }
    }

    /// Lets go of the oldest if more than enough have gathered. Whether it did.
    pub(super) fn trim(&mut self, keep: usize) -> bool {
        let surplus = self.open_times.len().saturating_sub(keep);
        let is_cut = surplus > slack(keep);
        if is_cut {
            self.cut(0..surplus);
        }
        // After a long segment, or since somebody left who needed more.
        if self.open_times.capacity() > bound(keep) + SLACK_CANDLES {
            let least = bound(keep);
            self.open_times.shrink_to(least);
            self.came.shrink_to(least);
            for column in &mut self.columns {
                column.shrink_to(least);
            }
        }
        is_cut
    }

    fn cut(&mut self, range: Range<usize>) {
        self.open_times.drain(range.clone());
        self.came.drain(range.clone());
        for column in &mut self.columns {
            column.drain(range.clone());
        }
    }
}

const fn slack(keep: usize) -> usize {
    if keep > SLACK_CANDLES { keep } else { SLACK_CANDLES }
}

/// The most candles that a stream holds between two deliveries.
pub(super) const fn bound(keep: usize) -> usize {
    keep + slack(keep)
}

/// How many candles make up 24 h; none above a day.
pub(super) fn ticker_candles(interval: Interval) -> Option<usize> {
    (interval <= Interval::D1).then_some((DAY_MS / interval.as_ms()) as usize)
}
