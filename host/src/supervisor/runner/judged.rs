//! How far a trader has been judged: up to one close time, but for the symbols that stand behind it.

use std::collections::BTreeMap;

use crate::market::{Interval, SymbolId};

/// Close times up to which candles have been judged: at or before it a warm-up finds history, after it news.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judged {
    all: Cursor,
    /// Symbols that are set aside, whose candles come late, or that were brought further than the others.
    apart: BTreeMap<u32, Apart>,
}

/// A place in the order of delivery: every candle up to a close, and of one later close those of the longer intervals, where a fault
/// came between two batches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Cursor {
    close_ms: i64,
    /// That close, and the shortest interval of it.
    partly: Option<(i64, Interval)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Apart {
    cursor: Cursor,
    /// Its candles are still to come: it is not judged by the closes that pass meanwhile.
    lagging: bool,
}

impl Cursor {
    const fn up_to(close_ms: i64) -> Self {
        Self { close_ms, partly: None }
    }

    fn has(self, close_ms: i64, interval: Interval) -> bool {
        close_ms <= self.close_ms || self.partly.is_some_and(|(at_ms, least)| at_ms == close_ms && interval >= least)
    }

    fn raise(&mut self, close_ms: i64) {
        self.close_ms = self.close_ms.max(close_ms);
        self.partly = self.partly.filter(|(at_ms, _)| *at_ms > self.close_ms);
    }

    fn batch(&mut self, close_ms: i64, interval: Interval) {
        if !self.has(close_ms, interval) {
            self.partly = Some((close_ms, interval));
        }
    }
}

impl Judged {
    /// Every symbol up to this close time.
    #[must_use]
    pub const fn up_to(all_ms: i64) -> Self {
        Self { all: Cursor::up_to(all_ms), apart: BTreeMap::new() }
    }

    /// Up to which everything has been judged but the symbols that stand behind.
    #[must_use]
    pub const fn all_ms(&self) -> i64 {
        self.all.close_ms
    }

    /// Whether the candle of this symbol has been judged.
    #[must_use]
    pub fn has(&self, symbol: u32, close_ms: i64, interval: Interval) -> bool {
        self.apart.get(&symbol).map_or(self.all, |apart| apart.cursor).has(close_ms, interval)
    }

    /// Up to which every symbol has been judged.
    #[must_use]
    pub fn least_ms(&self) -> i64 {
        self.least_of(|_| true)
    }

    /// The same, of the symbols that count.
    #[must_use]
    pub fn least_of(&self, counts: impl Fn(u32) -> bool) -> i64 {
        let behind = self.apart.iter().filter(|(symbol, _)| counts(**symbol)).map(|(_, apart)| apart.cursor.close_ms);
        behind.fold(self.all_ms(), i64::min)
    }

    /// Moves the cursor of all.
    pub(super) fn raise(&mut self, close_ms: i64) {
        self.all.raise(close_ms);
    }

    /// Gives a symbol a cursor of its own, until a close after which it neither lags nor is set aside.
    pub(super) fn set_apart(&mut self, symbol: u32) {
        let cursor = self.all;
        self.apart.entry(symbol).or_insert(Apart { cursor, lagging: false });
    }

    /// These symbols will not have their candles of the closes to come, and no others.
    pub(super) fn lag(&mut self, lagging: &[SymbolId], is_wanted: impl Fn(u32) -> bool) {
        for (symbol, apart) in &mut self.apart {
            apart.lagging = lagging.contains(&SymbolId(*symbol));
        }
        let cursor = self.all;
        for SymbolId(symbol) in lagging.iter().filter(|symbol| is_wanted(symbol.0)) {
            self.apart.entry(*symbol).or_insert(Apart { cursor, lagging: true });
        }
    }

    /// Whether any symbol stands behind.
    #[must_use]
    pub fn has_apart(&self) -> bool {
        !self.apart.is_empty()
    }

    /// A batch of this close has been judged, of all symbols but those that are set aside or lag.
    pub(super) fn batch(&mut self, close_ms: i64, interval: Interval, is_aside: impl Fn(u32) -> bool) {
        self.all.batch(close_ms, interval);
        for (symbol, apart) in &mut self.apart {
            if !apart.lagging && !is_aside(*symbol) {
                apart.cursor.batch(close_ms, interval);
            }
        }
    }

    /// Everything of this close has been judged, and before it, but the symbols that are set aside or lag.
    pub(super) fn close(&mut self, close_ms: i64, is_aside: impl Fn(u32) -> bool) {
        self.raise(close_ms);
        if !self.apart.is_empty() {
            self.apart.retain(|symbol, apart| apart.lagging || is_aside(*symbol));
        }
    }

    /// A candle of this symbol alone has been judged, but not the shorter intervals of its close.
    pub(super) fn batch_of(&mut self, symbol: u32, close_ms: i64, interval: Interval) {
        if !self.has(symbol, close_ms, interval) {
            self.set_apart(symbol);
            self.apart.entry(symbol).and_modify(|apart| apart.cursor.batch(close_ms, interval));
        }
    }

    /// Everything of this symbol alone has been judged up to this close.
    pub(super) fn close_of(&mut self, symbol: u32, close_ms: i64) {
        if self.apart.get(&symbol).map_or(self.all, |apart| apart.cursor).close_ms < close_ms {
            self.set_apart(symbol);
            self.apart.entry(symbol).and_modify(|apart| apart.cursor.raise(close_ms));
        }
    }

    /// Nobody but these symbols, in ascending order, is judged.
    pub(super) fn keep_only(&mut self, wanted: &[u32]) {
        self.apart.retain(|symbol, _| wanted.binary_search(symbol).is_ok());
    }

    /// The symbol is gone.
    pub(super) fn forget(&mut self, symbol: u32) {
        self.apart.remove(&symbol);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const M1: Interval = Interval::M1;
    const M5: Interval = Interval::M5;

    /// Up to which close, of closes at the tens, this symbol was judged whole.
    fn up_to(judged: &Judged, symbol: u32) -> i64 {
        (0..=10).map(|ten| ten * 10).take_while(|close_ms| judged.has(symbol, *close_ms, M1)).last().unwrap_or(-1)
    }

    #[test]
    fn a_symbol_that_lags_is_judged_by_its_own_candles() {
        let mut judged = Judged::up_to(10);
        judged.lag(&[SymbolId(3), SymbolId(4)], |symbol| symbol != 4);
        judged.close(30, |_| false);
        assert_eq!((up_to(&judged, 3), up_to(&judged, 4), judged.least_ms()), (10, 30, 10));
        judged.close_of(3, 20);
        judged.close_of(4, 20);
        assert_eq!((up_to(&judged, 3), up_to(&judged, 4)), (20, 30));
        // Caught up; but until a close is judged, what came meanwhile may not have been.
        judged.lag(&[], |_| true);
        assert_eq!(up_to(&judged, 3), 20);
        judged.close(40, |_| false);
        assert_eq!((up_to(&judged, 3), judged.has_apart()), (40, false));
    }

    #[test]
    fn a_symbol_that_is_set_aside_stays_where_it_was() {
        let mut judged = Judged::up_to(10);
        judged.set_apart(3);
        judged.batch(20, M5, |symbol| symbol == 3);
        judged.close(20, |symbol| symbol == 3);
        judged.lag(&[SymbolId(3)], |_| true);
        judged.close(30, |_| false);
        assert_eq!((up_to(&judged, 3), judged.least_of(|symbol| symbol != 3)), (10, 30));
        judged.set_apart(5);
        judged.keep_only(&[1, 3, 7]);
        assert_eq!((judged.has(5, 30, M1), judged.least_ms()), (true, 10));
        judged.forget(3);
        assert_eq!(judged.least_ms(), 30);
    }

    /// What a warm-up has brought further than the last close stays so, and the next close brings all there.
    #[test]
    fn a_symbol_that_is_ahead_is_not_judged_again() {
        let mut judged = Judged::up_to(10);
        judged.close_of(3, 30);
        assert_eq!((up_to(&judged, 3), up_to(&judged, 4), judged.least_ms()), (30, 10, 10));
        judged.lag(&[SymbolId(3)], |_| true);
        judged.close(20, |_| false);
        assert_eq!((up_to(&judged, 3), up_to(&judged, 4)), (30, 20));
        judged.lag(&[], |_| true);
        judged.close(40, |_| false);
        assert_eq!((up_to(&judged, 3), judged.has_apart()), (40, false));
    }

    /// A fault between two batches of a close: the first one counts.
    #[test]
    fn a_close_is_judged_batch_by_batch() {
        let mut judged = Judged::up_to(10);
        judged.lag(&[SymbolId(3)], |_| true);
        judged.set_apart(4);
        judged.batch(20, M5, |symbol| symbol == 4);
        let has = |judged: &Judged, symbol| (judged.has(symbol, 20, M5), judged.has(symbol, 20, M1));
        assert_eq!([2, 3, 4].map(|symbol| has(&judged, symbol)), [(true, false), (false, false), (false, false)]);
        assert!(!judged.has(2, 30, M5));
        judged.batch_of(3, 20, M5);
        assert_eq!(has(&judged, 3), (true, false));
        // One that faults now was judged in the first batch.
        judged.set_apart(5);
        judged.close(20, |symbol| symbol > 3);
        assert_eq!([2, 3, 5].map(|symbol| has(&judged, symbol)), [(true, true), (true, false), (true, false)]);
        judged.close_of(3, 20);
        assert_eq!(has(&judged, 3), (true, true));
        assert_eq!(judged.least_ms(), 10);
    }
}
