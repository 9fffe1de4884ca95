//! All faults at once, drawn from a seed.

use std::ops::Range;
use std::sync::Arc;

use super::{Effect, Fault, Garbage, Match};
use crate::Shared;
use crate::random;
use crate::symbol::{Holes, TRADING};

/// Statuses of a market that does not trade; the last one is newer than its client.
const STATUSES: [&str; 4] = ["BREAK", "HALT", "CANCEL_ONLY", "SOMETHING_NEW"];

/// What a storm is made of. Every part can be left out.
#[derive(Clone, Debug)]
pub struct Storm {
    /// The same seed draws the same faults.
    pub seed: u64,
    /// When it rages, by the clock of the exchange.
    pub between: Range<i64>,
    /// Multiplies all probabilities.
    pub rate: f64,
    /// The most that a close, or a candle of REST, is late.
    pub late_most_ms: i64,
    /// Whether closes are late, missing, doubled, reordered, wrong.
    pub closes: bool,
    /// Whether connections fall silent, break, shut down, carry garbage, and SUBSCRIBEs get lost.
    pub connections: bool,
    /// Whether requests are refused, cut, not answered, and candles of REST are late.
    pub requests: bool,
    /// What `Retry-After` says; real time.
    pub retry_after_s: u64,
    /// Whether minutes have no candle at all.
    pub holes: bool,
    /// Whether markets stop for some minutes, with all kinds of statuses.
    pub statuses: bool,
    /// The most that `serverTime` and the times of events are off.
    pub skew_most_ms: i64,
}

impl Storm {
    /// Everything, within delays of 20 s and a skew of half a second.
    pub fn new(seed: u64, between: Range<i64>) -> Self {
        Self {
            seed,
            between,
            rate: 1.0,
            late_most_ms: 20_000,
            closes: true,
            connections: true,
            requests: true,
            retry_after_s: 1,
            holes: true,
            statuses: true,
            skew_most_ms: 500,
        }
    }

    /// Its rules.
    pub(crate) fn faults(&self) -> Vec<Fault> {
        let late = 1..=self.late_most_ms.max(1);
        // Early by the clock that the events tell as well: what bears a time after its close nobody can doubt.
        let early = self.skew_most_ms + 2..=30_000;
        let parts = [
            (self.closes, Effect::LateClose(late.clone()), 0.05),
            (self.closes, Effect::MissingClose, 0.03),
            (self.closes, Effect::DuplicateClose(0..=self.late_most_ms), 0.05),
            (self.closes, Effect::ReorderedClose, 0.01),
            (self.closes, Effect::EarlyClose(early), 0.02),
            (self.closes, Effect::UnclosedClose, 0.02),
            (self.closes, Effect::BadNumber, 0.01),
            (self.closes, Effect::OldCloses { back: 30, count: 5 }, 0.01),
            (self.connections, Effect::Cut, 0.003),
            (self.connections, Effect::Close(1001), 0.002),
            (self.connections, Effect::Silent, 0.001),
            (self.connections, Effect::HalfOpen, 0.001),
            (self.connections, Effect::Shutdown(1..=60_000), 0.002),
            (self.connections, Effect::RefuseSubscribe, 0.05),
            (self.connections, Effect::IgnoreSubscribe, 0.05),
            (self.connections, Effect::LoseSubscribe, 0.03),
            (self.requests, Effect::too_many(self.retry_after_s), 0.01),
            (self.requests, Effect::banned(self.retry_after_s, self.between.end), 0.003),
            (self.requests, Effect::html(403), 0.003),
            (self.requests, Effect::html(502), 0.01),
            (self.requests, Effect::busy(), 0.01),
            (self.requests, Effect::Hang, 0.002),
            (self.requests, Effect::CutRequest, 0.005),
            (self.requests, Effect::LateRow(late), 0.03),
        ];
        let garbage = (0..5).map(|bits| (self.connections, Effect::Garbage(Garbage::drawn(bits)), 0.002));
        let matching = Match::any().between(self.between.clone());
        let rule = |(_, effect, chance): (bool, Effect, f64)| {
            Fault::new(matching.clone(), effect).probability(chance * self.rate, self.seed)
        };
        parts.into_iter().chain(garbage).filter(|(wanted, ..)| *wanted).map(rule).collect()
    }

    /// What the markets themselves go through: holes, and times without trading.
    pub(crate) fn strike(&self, shared: &Shared) {
        const MINUTE_MS: i64 = 60_000;
        let mut market = shared.market();
        for symbol in market.symbols() {
            let seed = random::with_text(self.seed, &symbol.listing.symbol);
            if self.holes {
                for (chance, minutes) in [(0.004, 1_i64), (0.000_5, 7)] {
                    let seed = random::with(seed, minutes.unsigned_abs());
                    let range_ms = self.between.clone();
                    symbol.add_holes(Holes { seed, chance: chance * self.rate, minutes, range_ms });
                }
            }
            let mut at_ms = self.between.start;
            for number in 0.. {
                if !self.statuses || self.rate <= 0.0 {
                    break;
                }
                let bits = random::with(seed, number);
                // Every four hours or so, for some minutes.
                at_ms += (random::below(bits, 480 * MINUTE_MS) as f64 / self.rate) as i64 + MINUTE_MS;
                let until_ms = at_ms + MINUTE_MS + random::below(random::mix(bits), 15 * MINUTE_MS);
                if until_ms >= self.between.end {
                    break;
                }
                symbol.set_status(at_ms, STATUSES[(bits % 4) as usize]);
                symbol.set_status(until_ms, TRADING);
                at_ms = until_ms;
            }
        }
    }
}

/// Lets the clocks that the exchange tells of run apart, until the storm is over.
pub(crate) async fn weather(shared: Arc<Shared>, storm: Storm) {
    for number in 0.. {
        let bits = random::with(storm.seed, number);
        let at_ms = shared.clock.now_ms().max(storm.between.start) + random::below(bits, 20 * 60_000);
        shared.clock.until(at_ms.min(storm.between.end)).await;
        if at_ms >= storm.between.end {
            shared.clock.set_skew_ms(0, 0);
            return;
        }
        let skew = |bits: u64| random::below(bits, 2 * storm.skew_most_ms + 1) - storm.skew_most_ms;
        shared.clock.set_skew_ms(skew(random::mix(bits)), skew(random::mix(bits ^ 1)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_storm_has_every_fault_and_its_parts_can_be_left_out() {
        let names = |storm: &Storm| -> Vec<&'static str> {
            let mut names: Vec<_> = storm.faults().iter().map(|fault| fault.effect.name()).collect();
            names.dedup();
            names
        };
        let all = Storm::new(1, 0..1);
        assert_eq!(names(&all).len(), 24, "{:?}", names(&all));
        let closes = Storm { connections: false, requests: false, ..all };
        assert_eq!(names(&closes).len(), 8);
    }
}
