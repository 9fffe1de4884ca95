//! How far a trader has been judged: up to one close time, but for the symbols that stand behind it.

use std::collections::BTreeMap;

use crate::market::SymbolId;

/// Close times up to which candles have been judged: at or before it a warm-up finds history, after it news.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judged {
    all_ms: i64,
    /// Symbols that are set aside, or whose candles come late.
    apart: BTreeMap<u32, Apart>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Apart {
    cursor_ms: i64,
    /// Its candles are still to come: it is not judged by the closes that pass meanwhile.
    lagging: bool,
}

impl Judged {
    /// Every symbol up to this close time.
    #[must_use]
    pub const fn up_to(all_ms: i64) -> Self {
        Self { all_ms, apart: BTreeMap::new() }
    }

    /// Up to which everything has been judged but the symbols that stand behind.
    #[must_use]
    pub const fn all_ms(&self) -> i64 {
        self.all_ms
    }

    /// Up to which this symbol has been judged.
    #[must_use]
    pub fn of(&self, symbol: u32) -> i64 {
        self.apart.get(&symbol).map_or(self.all_ms, |apart| apart.cursor_ms)
    }

    /// Up to which every symbol has been judged.
    #[must_use]
    pub fn least_ms(&self) -> i64 {
        self.least_of(|_| true)
    }

    /// The same, of the symbols that count.
    #[must_use]
    pub fn least_of(&self, counts: impl Fn(u32) -> bool) -> i64 {
        let behind = self.apart.iter().filter(|(symbol, _)| counts(**symbol)).map(|(_, apart)| apart.cursor_ms);
        behind.fold(self.all_ms, i64::min)
    }

    /// Moves the cursor of all.
    pub(super) fn raise(&mut self, close_ms: i64) {
        self.all_ms = self.all_ms.max(close_ms);
    }

    /// Lets a symbol stay where it is until a close after which it is not set aside any more.
    pub(super) fn set_apart(&mut self, symbol: u32) {
        let cursor_ms = self.all_ms;
        self.apart.entry(symbol).or_insert(Apart { cursor_ms, lagging: false });
    }

    /// These symbols will not have their candles of the closes to come, and no others.
    pub(super) fn lag(&mut self, lagging: &[SymbolId], is_wanted: impl Fn(u32) -> bool) {
        for (symbol, apart) in &mut self.apart {
            apart.lagging = lagging.contains(&SymbolId(*symbol));
        }
        let cursor_ms = self.all_ms;
        for SymbolId(symbol) in lagging.iter().filter(|symbol| is_wanted(symbol.0)) {
            self.apart.entry(*symbol).or_insert(Apart { cursor_ms, lagging: true });
        }
    }

    /// Whether any symbol stands behind.
    #[must_use]
    pub fn has_apart(&self) -> bool {
        !self.apart.is_empty()
    }

    /// Everything of this close has been judged, and before it, but the symbols that are set aside or lag.
    pub(super) fn close(&mut self, close_ms: i64, is_aside: impl Fn(u32) -> bool) {
        self.raise(close_ms);
        if !self.apart.is_empty() {
            self.apart.retain(|symbol, apart| apart.lagging || is_aside(*symbol));
        }
    }

    /// A late candle of this symbol has been judged.
    pub(super) fn late(&mut self, symbol: u32, close_ms: i64) {
        if let Some(apart) = self.apart.get_mut(&symbol) {
            apart.cursor_ms = apart.cursor_ms.max(close_ms);
        }
    }

    /// The symbol is gone.
    pub(super) fn forget(&mut self, symbol: u32) {
        self.apart.remove(&symbol);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_symbol_that_lags_is_judged_by_its_own_candles() {
        let mut judged = Judged::up_to(10);
        judged.lag(&[SymbolId(3), SymbolId(4)], |symbol| symbol != 4);
        judged.close(20, |_| false);
        assert_eq!((judged.of(3), judged.of(4), judged.least_ms()), (10, 20, 10));
        judged.late(3, 15);
        judged.late(4, 15);
        assert_eq!((judged.of(3), judged.of(4)), (15, 20));
        // Caught up; but until a close is judged, what came meanwhile may not have been.
        judged.lag(&[], |_| true);
        assert_eq!(judged.of(3), 15);
        judged.close(30, |_| false);
        assert_eq!((judged.of(3), judged.has_apart()), (30, false));
    }

    #[test]
    fn a_symbol_that_is_set_aside_stays_where_it_was() {
        let mut judged = Judged::up_to(10);
        judged.set_apart(3);
        judged.close(20, |symbol| symbol == 3);
        judged.lag(&[SymbolId(3)], |_| true);
        judged.close(30, |_| false);
        assert_eq!((judged.of(3), judged.least_of(|symbol| symbol != 3)), (10, 30));
        judged.forget(3);
        assert_eq!(judged.least_ms(), 30);
    }
}
