//! Faults that tests inject: rules that say what they hit, how often, and what happens to it.

mod effect;
mod rule;
mod storm;

use std::collections::{BTreeMap, HashSet};
use std::ops::RangeInclusive;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

pub(crate) use effect::Kind;
pub use effect::{Answer, Effect, Garbage};
pub(crate) use rule::Subject;
pub use rule::{Fault, Match};
pub use storm::Storm;
pub(crate) use storm::weather;

use crate::random;
use crate::socket::Stream;

/// Names a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FaultId(u64);

/// A hit, with random bits of its own.
pub(crate) struct Hit {
    pub(crate) id: FaultId,
    pub(crate) effect: Effect,
    pub(crate) bits: u64,
}

impl Hit {
    /// A number from a range of the effect.
    pub(crate) fn drawn(&self, range: &RangeInclusive<i64>) -> i64 {
        range.start() + random::below(self.bits, range.end() - range.start() + 1)
    }
}

#[derive(Default)]
pub(crate) struct Faults {
    rules: Mutex<Rules>,
    changed: watch::Sender<()>,
}

#[derive(Default)]
struct Rules {
    next: u64,
    list: Vec<Rule>,
    /// How often each rule has hit, those that are gone included.
    hits: Vec<(FaultId, &'static str, u64)>,
}

struct Rule {
    id: FaultId,
    fault: Fault,
    /// How many it was asked about, of those that have no time.
    draws: u64,
    /// Candles that it has hit: one that is asked for again is hit again, and counts once.
    candles: HashSet<(Kind, Stream, i64)>,
}

impl Faults {
    fn rules(&self) -> MutexGuard<'_, Rules> {
        self.rules.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn add(&self, fault: Fault) -> FaultId {
        let mut rules = self.rules();
        rules.next += 1;
        let id = FaultId(rules.next);
        rules.hits.push((id, fault.effect.name(), 0));
        rules.list.push(Rule { id, fault, draws: 0, candles: HashSet::new() });
        id
    }

    pub(crate) fn remove(&self, id: FaultId) {
        self.rules().list.retain(|rule| rule.id != id);
        self.changed.send_replace(());
    }

    pub(crate) fn clear(&self) {
        self.rules().list.clear();
        self.changed.send_replace(());
    }

    pub(crate) fn hits(&self, id: FaultId) -> u64 {
        self.rules().hits.iter().find(|(other, ..)| *other == id).map_or(0, |(.., hits)| *hits)
    }

    pub(crate) fn hits_by_name(&self) -> BTreeMap<&'static str, u64> {
        let mut by_name = BTreeMap::new();
        for (_, name, hits) in &self.rules().hits {
            *by_name.entry(*name).or_default() += hits;
        }
        by_name
    }

    /// The longest time that a rule holds back a candle of REST.
    pub(crate) fn latest_row_ms(&self) -> i64 {
        let late = |rule: &Rule| match &rule.fault.effect {
            Effect::LateRow(range) => *range.end(),
            _ => 0,
        };
        self.rules().list.iter().map(late).max().unwrap_or(0)
    }

    /// All rules that hit.
    pub(crate) fn all(&self, subject: &Subject<'_>) -> Vec<Hit> {
        self.take(subject, usize::MAX)
    }

    /// The first rule that hits.
    pub(crate) fn first(&self, subject: &Subject<'_>) -> Option<Hit> {
        self.take(subject, 1).pop()
    }

    fn take(&self, subject: &Subject<'_>, most: usize) -> Vec<Hit> {
        let mut rules = self.rules();
        let Rules { list, hits, .. } = &mut *rules;
        let mut found = Vec::new();
        for rule in list {
            if found.len() >= most {
                break;
            }
            let Some((bits, is_new)) = rule.draw(subject) else { continue };
            if is_new && let Some((.., hits)) = hits.iter_mut().find(|(id, ..)| *id == rule.id) {
                *hits += 1;
            }
            found.push(Hit { id: rule.id, effect: rule.fault.effect.clone(), bits });
        }
        found
    }

    /// Returns when the rule is no longer in force.
    pub(crate) async fn removed(&self, id: FaultId) {
        let mut changed = self.changed.subscribe();
        while self.rules().list.iter().any(|rule| rule.id == id) {
            if changed.changed().await.is_err() {
                return;
            }
        }
    }
}

impl Rule {
    /// Random bits, if it hits, and whether it did not hit the same before.
    fn draw(&mut self, subject: &Subject<'_>) -> Option<(u64, bool)> {
        let fault = &mut self.fault;
        if !fault.effect.is(subject.kind) || !fault.matching.fits(subject) {
            return None;
        }
        let seed = random::with(fault.seed, self.id.0);
        // A candle is hit or not whoever asks; a connection is asked about at every close, so there the number counts.
        let candle = subject
            .candle
            .filter(|_| matches!(subject.kind, Kind::Close | Kind::EarlyClose | Kind::LateRow | Kind::BadRow));
        let bits = match candle {
            Some((stream, open_ms)) => random::with(random::with_text(seed, &stream.name()), open_ms as u64),
            None => {
                self.draws += 1;
                random::with(seed, self.draws)
            }
        };
        if !random::hits(bits, fault.chance) {
            return None;
        }
        let key = candle.map(|(stream, open_ms)| (subject.kind, stream.clone(), open_ms));
        let is_known = key.as_ref().is_some_and(|key| self.candles.contains(key));
        if !is_known {
            if fault.times == Some(0) {
                return None;
            }
            fault.times = fault.times.map(|times| times - 1);
            self.candles.extend(key);
        }
        Some((random::mix(bits), !is_known))
    }
}
