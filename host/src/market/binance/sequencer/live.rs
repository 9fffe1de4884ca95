//! Whether a close can be told, and without whom.

use super::member::Member;
use super::{DEADLINE_MS, LONG_DEADLINE_MS, Sequencer};
use crate::market::symbol::SymbolId;

/// By the exchange's clock: how long an answer may take before it is not waited for.
const ANSWER_MS: i64 = 5_000;

impl Sequencer {
    /// The close that is told next to those that do not lag.
    pub(super) fn next_close_ms(&self) -> Option<i64> {
        let abreast = self.members.iter().filter(|(_, member)| member.is_here() && !self.lags(member));
        let next = |(symbol, member): (&SymbolId, &Member)| {
            self.close_after(*symbol, self.position_ms).filter(|close_ms| !member.has_left(*close_ms))
        };
        abreast.filter_map(next).min()
    }

    /// The first close of a symbol after this.
    pub(super) fn close_after(&self, symbol: SymbolId, told_ms: i64) -> Option<i64> {
        let streams = self.lanes.iter().filter_map(|lane| lane.streams.get(&symbol));
        streams.filter_map(|stream| stream.next_close_ms(told_ms)).min()
    }

    /// Whether it is known of every stream of the symbol what there is at that close.
    pub(super) fn has_answered(&self, symbol: SymbolId, member: &Member, close_ms: i64) -> bool {
        let mut streams = self.lanes.iter().filter_map(|lane| lane.streams.get(&symbol));
        member.has_left(close_ms) || streams.all(|stream| stream.has_answered(close_ms))
    }

    fn has_candle(&self, symbol: SymbolId, close_ms: i64) -> bool {
        let mut streams = self.lanes.iter().filter_map(|lane| lane.streams.get(&symbol));
        streams.any(|stream| stream.has_candle(close_ms))
    }

    /// The symbols without which this close is told now; none if it has to wait.
    pub(super) fn told_without(&self, close_ms: i64) -> Option<Vec<SymbolId>> {
        let (mut answered, mut missing, mut halted) = (0_usize, Vec::new(), Vec::new());
        let mut has_candles = false;
        for (symbol, member) in &self.members {
            if !member.is_here() || self.lags(member) || self.close_after(*symbol, close_ms - 1) != Some(close_ms) {
                continue;
            }
            if self.has_answered(*symbol, member, close_ms) {
                answered += 1;
                has_candles |= self.has_candle(*symbol, close_ms);
            } else if self.is_halted(*symbol, close_ms) {
                halted.push(*symbol);
            } else {
                missing.push(*symbol);
            }
        }
        if missing.is_empty() && halted.is_empty() {
            return Some(Vec::new());
        }
        // Nobody is told anything by going on alone.
        if !has_candles {
            return None;
        }
        let most_answered = answered >= missing.len();
        let deadline_ms = if most_answered { DEADLINE_MS } else { LONG_DEADLINE_MS };
        let is_over = self.now_ms >= close_ms.max(self.steady_ms).saturating_add(deadline_ms);
        if !missing.iter().all(|symbol| is_over && self.was_asked(*symbol, close_ms)) {
            return None;
        }
        missing.append(&mut halted);
        missing.sort_unstable();
        Some(missing)
    }

    /// Whether all that is missing at that close is of markets that do not trade.
    fn is_halted(&self, symbol: SymbolId, close_ms: i64) -> bool {
        let mut streams = self.lanes.iter().filter_map(|lane| lane.streams.get(&symbol));
        streams.all(|stream| stream.has_answered(close_ms) || stream.is_halted())
    }

    /// Whether what is missing at that close was asked for, and long enough ago for an answer; or cannot be asked for.
    fn was_asked(&self, symbol: SymbolId, close_ms: i64) -> bool {
        let streams = self.lanes.iter().filter_map(|lane| lane.streams.get(&symbol));
        let mut missing = streams.filter(|stream| !stream.has_answered(close_ms));
        let long_ago = |since_ms: i64| self.now_ms >= since_ms.saturating_add(ANSWER_MS);
        self.is_mute || missing.all(|stream| stream.asked_since_ms().is_some_and(long_ago))
    }
}
