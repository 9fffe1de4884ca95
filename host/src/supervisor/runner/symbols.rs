//! Symbols that come and go while an instance lives.

use super::{Failed, Runner, Surroundings};
use crate::market::{Segment, SymbolId, Telling};
use crate::supervisor::warm_up::Position;

impl Runner {
    /// Tells the instance who came and went, and warms up those that came, each alone. Where that cannot be done it is made anew: with
    /// the next close, or at once if the segment has none.
    pub(super) fn symbols_changed(&mut self, segment: &Segment, now_ms: i64, around: Surroundings<'_>) {
        for symbol in segment.gone() {
            self.masks.remove(&symbol.0);
            self.judged.forget(symbol.0);
            self.newcomers.remove(&symbol.0);
        }
        // Of one that goes as it comes nobody hears.
        let stays = |(symbol, _): &&(SymbolId, String)| !segment.gone().contains(symbol);
        let mut added: Vec<(u32, String)> =
            segment.joined().iter().filter(stays).map(|(symbol, name)| (symbol.0, name.clone())).collect();
        let was_here = |symbol: &&SymbolId| !segment.joined().iter().any(|(joined, _)| joined == *symbol);
        let mut gone: Vec<u32> = segment.gone().iter().filter(was_here).map(|symbol| symbol.0).collect();
        self.newcomers.extend(added.iter().map(|(symbol, _)| *symbol));
        let Some(wants) = self.wants.as_mut() else { return };
        let has_come = !added.is_empty();
        // Also where the instance is made anew below: who is wanted may lag from its first close on.
        if let Some(wanted) = &mut wants.symbols {
            let is_listed =
                |name: &str| wants.subscription.symbols.iter().any(|listed| listed.eq_ignore_ascii_case(name));
            added.retain(|(_, name)| is_listed(name));
            gone.retain(|symbol| wanted.binary_search(symbol).is_ok());
            wanted.retain(|symbol| !gone.contains(symbol));
            wanted.extend(added.iter().map(|(symbol, _)| *symbol));
            wanted.sort_unstable();
        }
        // Symbols that look at each other cannot be warmed up one by one; late candles of one that just came lie in its warm-up.
        let is_other_gone = wants.others.iter().any(|(other, _)| segment.gone().contains(other));
        let has_come_with_ties =
            has_come && (!wants.subscription.other_streams.is_empty() || segment.telling() == Telling::Late);
        if is_other_gone || has_come_with_ties {
            return self.drop_instance();
        }
        let Some(instance) = self.instance.as_mut() else { return };
        self.newcomers
            .retain(|symbol| added.iter().any(|(added, _)| added == symbol) || self.masks.contains_key(symbol));
        if added.is_empty() && gone.is_empty() {
            return;
        }
        let first_ms = segment.first_close_ms().filter(|_| segment.telling() == Telling::Live);
        let (at_ms, position) = match first_ms {
            Some(first_ms) => (first_ms, Position::before(first_ms)),
            None => (now_ms, Position::before(now_ms.saturating_add(1))),
        };
        if let Err(fault) = instance.on_symbols(&added, &gone) {
            return self.strike(&Failed { fault, at: None }, at_ms, around.offer);
        }
        for (symbol, _) in added {
            // A fault of the one before has brought all the others here already.
            let is_here = !self.newcomers.contains(&symbol) || self.masks.contains_key(&symbol);
            if !is_here && !self.warm_up_alone(symbol, position, at_ms, around) {
                return;
            }
        }
    }
}
