//! Reads one stream in order, from two sources that both leave out, repeat and mix up: the socket, and answers to questions.
//!
//! It is *known* up to a time: every candle that opens before it is there, or is proved not to exist. What lies ahead of that waits
//! until the exchange was asked for what is between.

use std::collections::{BTreeMap, VecDeque};

use crate::market::binance::wire::Kline;
use crate::market::candle::{Candle, Values};
use crate::market::interval::Interval;

/// By the exchange's clock, after a close: until then its own servers may not agree on the candle.
pub(super) const SETTLE_MS: i64 = 1_000;
/// By the exchange's clock, after a close: a candle that it does not know by then does not exist. Closes come up to so late in fast
/// markets.
pub(super) const HOLE_MS: i64 = 30_000;
/// Candles that wait to be told, from the socket: more of them are asked for when there is room again.
const READY: usize = 2_048;
/// Nothing is asked for while so many wait: an answer brings up to a thousand.
const READY_WHEN_ASKING: usize = 512;
/// Candles ahead of the position that are kept from the socket. The newest are dropped, since an answer brings them anyway.
const BEYOND: usize = 128;

/// When the candles of a stream open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Grid {
    pub(super) interval: Interval,
    /// Three-day candles are counted from the listing of each symbol.
    phase_ms: i64,
}

impl Grid {
    pub(super) const fn new(interval: Interval) -> Self {
        Self { interval, phase_ms: 0 }
    }

    /// The grid on which a candle opens then.
    pub(super) fn through(interval: Interval, open_ms: i64) -> Self {
        Self { interval, phase_ms: open_ms.saturating_sub(interval.open_of(open_ms)) }
    }

    pub(super) const fn length_ms(self) -> i64 {
        self.interval.as_ms()
    }

    pub(super) const fn open_of(self, time_ms: i64) -> i64 {
        self.interval.open_of(time_ms.saturating_sub(self.phase_ms)).saturating_add(self.phase_ms)
    }

    pub(super) const fn close_of(self, open_ms: i64) -> i64 {
        self.interval.close_of(open_ms)
    }

    /// Open time of the first candle that closes after this.
    pub(super) const fn first_after(self, close_ms: i64) -> i64 {
        self.open_of(close_ms.saturating_add(1))
    }

    /// Open time of the candle that closes then, if one does.
    pub(super) fn open_at_close(self, close_ms: i64) -> Option<i64> {
        let open_ms = close_ms.saturating_add(1).saturating_sub(self.length_ms());
        (self.open_of(open_ms) == open_ms).then_some(open_ms)
    }

    fn has(self, open_ms: i64) -> bool {
        self.open_of(open_ms) == open_ms
    }
}

/// A candle that waits to be told.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Row {
    pub(super) open_ms: i64,
    pub(super) values: Values,
    /// Whether it had to be asked for.
    pub(super) asked: bool,
}

/// See the module.
#[derive(Clone, Debug)]
pub(super) struct Reader {
    grid: Grid,
    known_until_ms: i64,
    /// Known, oldest first.
    ready: VecDeque<Row>,
    /// Ahead of what is known.
    beyond: BTreeMap<i64, Row>,
    /// Holes since the last candle.
    holes: i64,
}

impl Reader {
    pub(super) fn new(grid: Grid, first_open_ms: i64) -> Self {
        Self { grid, known_until_ms: first_open_ms, ready: VecDeque::new(), beyond: BTreeMap::new(), holes: 0 }
    }

    pub(super) fn known_until_ms(&self) -> i64 {
        self.known_until_ms
    }

    /// Close time of the first candle that nothing is known of.
    pub(super) fn unknown_close_ms(&self) -> i64 {
        self.grid.close_of(self.known_until_ms)
    }

    /// Whether it is known what there is of the candle that opens then.
    pub(super) fn knows(&self, open_ms: i64) -> bool {
        self.known_until_ms > open_ms
    }

    pub(super) fn holes(&self) -> i64 {
        self.holes
    }

    /// Whether the exchange should be asked: a candle is overdue, or one is there and those before it are not.
    pub(super) fn wants(&self, now_ms: i64, ask_ms: i64) -> bool {
        let is_late = self.unknown_close_ms().saturating_add(ask_ms) <= now_ms || !self.beyond.is_empty();
        is_late && self.ready.len() < READY_WHEN_ASKING
    }

    /// A closed candle of the socket. False if it is nothing new, cannot be right or finds no room.
    pub(super) fn hear(&mut self, open_ms: i64, values: Values) -> bool {
        let is_news = open_ms >= self.known_until_ms && !self.beyond.contains_key(&open_ms);
        if !is_news || !self.is_good(open_ms, &values) {
            return false;
        }
        let row = Row { open_ms, values, asked: false };
        if open_ms == self.known_until_ms {
            if self.ready.len() >= READY {
                return false;
            }
            self.beyond.insert(open_ms, row);
            self.follow();
            return true;
        }
        self.beyond.insert(open_ms, row);
        if self.beyond.len() > BEYOND
            && let Some((dropped_ms, _)) = self.beyond.pop_last()
        {
            return dropped_ms != open_ms;
        }
        true
    }

    /// An answer to a question from [`Self::known_until_ms`] on, asked at this time: what had not settled by then may have been forming
    /// and is passed over. What is not in it is a hole if a later candle is, or if it is long overdue; unless the answer is full, and
    /// says nothing of what follows it.
    pub(super) fn answer(&mut self, rows: &[Kline], asked_ms: i64, is_full: bool) {
        let mut until_ms = self.known_until_ms;
        for Kline { open_ms, values } in rows {
            let is_closed = self.grid.close_of(*open_ms).saturating_add(SETTLE_MS) <= asked_ms;
            if !is_closed || *open_ms < self.known_until_ms || !self.grid.has(*open_ms) {
                continue;
            }
            until_ms = until_ms.max(open_ms.saturating_add(self.grid.length_ms()));
            if self.is_good(*open_ms, values) {
                self.beyond.entry(*open_ms).or_insert(Row { open_ms: *open_ms, values: *values, asked: true });
            }
        }
        if !is_full {
            let length_ms = self.grid.length_ms();
            let overdue_ms = self.grid.open_of(asked_ms.saturating_sub(HOLE_MS + length_ms - 1));
            until_ms = until_ms.max(overdue_ms.saturating_add(length_ms));
        }
        self.know_until(until_ms);
    }

    /// Whatever comes, nothing is known before this and nothing is told of it.
    pub(super) fn skip_to(&mut self, open_ms: i64) {
        self.know_until(open_ms);
        self.holes = 0;
        while self.ready.front().is_some_and(|row| row.open_ms < open_ms) {
            self.ready.pop_front();
        }
    }

    /// The next candle to be told, if it opens then.
    pub(super) fn peek(&self, open_ms: i64) -> Option<&Row> {
        self.ready.front().filter(|row| row.open_ms == open_ms)
    }

    pub(super) fn pop(&mut self) -> Option<Row> {
        self.ready.pop_front()
    }

    fn know_until(&mut self, until_ms: i64) {
        if until_ms <= self.known_until_ms {
            return;
        }
        let mut since_ms = self.known_until_ms;
        while let Some(first) = self.beyond.first_entry()
            && *first.key() < until_ms
        {
            let row = first.remove();
            since_ms = row.open_ms.saturating_add(self.grid.length_ms());
            self.holes = 0;
            self.ready.push_back(row);
        }
        self.holes += (until_ms - since_ms) / self.grid.length_ms();
        self.known_until_ms = until_ms;
        self.follow();
    }

    /// Takes what follows without a gap.
    fn follow(&mut self) {
        while let Some(first) = self.beyond.first_entry()
            && *first.key() == self.known_until_ms
        {
            self.ready.push_back(first.remove());
            self.known_until_ms = self.known_until_ms.saturating_add(self.grid.length_ms());
            self.holes = 0;
        }
    }

    fn is_good(&self, open_ms: i64, values: &Values) -> bool {
        if !self.grid.has(open_ms) {
            return false;
        }
        match Candle::from_values(open_ms, *values).check(self.grid.interval) {
            Ok(()) => true,
            Err(fault) => {
                tracing::warn!(interval = %self.grid.interval, open_ms, "a candle is left out: {fault}");
                false
            }
        }
    }
}

#[cfg(test)]
#[path = "reader_tests.rs"]
mod tests;
