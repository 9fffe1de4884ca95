//! Candles that come after later ones of other symbols have been judged.

use super::deliver::is_given;
use super::{Failed, Runner, Surroundings};
use crate::market::{CloseRef, Segment};
use crate::supervisor::warm_up::Position;

impl Runner {
    /// Delivers late candles. What other symbols have seen since stays: an instance that has to be made is brought to `now_ms`, and has
    /// then seen all of the segment, since it is in the history.
    pub(super) fn late(&mut self, segment: &Segment, now_ms: i64, around: Surroundings<'_>) {
        let now_ms = segment.last_close_ms().map_or(now_ms, |last_ms| last_ms.max(now_ms));
        let here = Position::before(now_ms.saturating_add(1));
        // A wait counts from now, not from the time of the candle.
        self.faults_from_ms = now_ms;
        if self.instance.is_none() {
            if self.backoff.may_run(now_ms) && !self.stop.is_set() && self.start_or_strike(here, now_ms, around) {
                segment.closes().for_each(|close| self.caught_up(close));
            }
            return;
        }
        let tell = self.tell();
        for close in segment.closes() {
            if self.stop.is_set() || self.backoff.is_quarantined() {
                return;
            }
            for gap in close.gaps() {
                if let Err(fault) = self.gap(gap) {
                    return self.strike(&Failed { fault, at: None }, now_ms, around.offer);
                }
            }
            for batch in close.batches() {
                let Err(fault) = self.batch(batch, tell, around) else {
                    for symbol in self.wanted_of(batch) {
                        self.judged.batch_of(symbol, batch.close_time_ms, batch.interval);
                    }
                    continue;
                };
                self.take_log();
                let failed = Failed { fault, at: Some((batch.close_time_ms, batch.interval, self.wanted_of(batch))) };
                if !failed.fault.outcome.is_strike() || !self.isolate(&failed, around) {
                    return self.strike(&failed, now_ms, around.offer);
                }
                if self.start_or_strike(here, now_ms, around) {
                    segment.closes().for_each(|close| self.caught_up(close));
                }
                return;
            }
            self.caught_up(close);
        }
    }

    /// The candles of this close have been judged, of all symbols that are given.
    fn caught_up(&mut self, close: CloseRef<'_>) {
        let Some(wants) = &self.wants else { return };
        for batch in close.batches() {
            for symbol in batch.symbols.iter().filter(|symbol| is_given(wants, &self.masks, **symbol)) {
                self.judged.close_of(*symbol, batch.close_time_ms);
            }
        }
    }
}
