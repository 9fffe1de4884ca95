//! The weight that the exchange allows an address in a minute: what it says was used, and what is on its way.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Weight a minute, if the exchange does not say.
const DEFAULT_LIMIT: u32 = 6_000;

/// What was used is forgotten after this.
const PERIOD: Duration = Duration::from_secs(60);

/// What a question is for, which decides how much of the weight it may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Loading history, which can wait for the next minute: other hosts may share the address.
    History,
    /// Candles that somebody waits for.
    Live,
    /// The time, whose answer tells how much is left.
    Time,
}

impl Purpose {
    const fn percent(self) -> u64 {
        match self {
            Self::History => 80,
            Self::Live => 95,
            Self::Time => 99,
        }
    }
}

#[derive(Debug)]
struct State {
    limit: u32,
    used: u32,
    heard: Instant,
    on_the_way: u32,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Weight(Mutex<State>);

impl Weight {
    pub(super) fn new() -> Self {
        Self(Mutex::new(State { limit: DEFAULT_LIMIT, used: 0, heard: Instant::now(), on_the_way: 0 }))
    }

    /// Whether so much may be used now.
    pub(super) fn has_room(&self, weight: u32, purpose: Purpose) -> bool {
        self.lock().has_room(weight, purpose)
    }

    /// Uses so much until the answer has come, which says what it came to.
    pub(super) fn take(&self, weight: u32, purpose: Purpose) -> Option<Taken<'_>> {
        let mut state = self.lock();
        state.has_room(weight, purpose).then(|| {
            state.on_the_way += weight;
            Taken { all: self, weight }
        })
    }

    pub(super) fn limit(&self, limit: u32) {
        self.lock().limit = limit;
    }

    /// What the exchange says of this minute, in an answer that is still on its way.
    pub(super) fn used(&self, used: u32) {
        let mut state = self.lock();
        // Answers overtake each other; it is another minute when the difference is greater than what is on its way.
        if used >= state.used || state.used - used > 2 * state.on_the_way {
            state.used = used;
        }
        state.heard = Instant::now();
    }

    pub(super) fn used_now(&self) -> u32 {
        let state = self.lock();
        state.used_lately().saturating_add(state.on_the_way)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn used_lately(&self) -> u32 {
        if self.heard.elapsed() >= PERIOD { 0 } else { self.used }
    }

    fn has_room(&self, weight: u32, purpose: Purpose) -> bool {
        let needed = u64::from(self.used_lately()) + u64::from(self.on_the_way) + u64::from(weight);
        needed * 100 <= u64::from(self.limit) * purpose.percent()
    }
}

/// Weight of a question that is on its way.
pub(super) struct Taken<'a> {
    all: &'a Weight,
    weight: u32,
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        let mut state = self.all.lock();
        state.on_the_way = state.on_the_way.saturating_sub(self.weight);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_on_its_way_counts_and_history_leaves_room_for_candles() {
        let weight = Weight::new();
        weight.limit(100);
        weight.used(70);
        let taken = weight.take(10, Purpose::History).unwrap();
        assert!(weight.take(1, Purpose::History).is_none());
        assert!(weight.has_room(15, Purpose::Live) && !weight.has_room(16, Purpose::Live));
        drop(taken);
        assert!(weight.has_room(10, Purpose::History));
        weight.used(100);
        assert!(!weight.has_room(1, Purpose::Time));
        let taken = weight.take(0, Purpose::Time);
        weight.used(1);
        assert!(weight.has_room(79, Purpose::History), "another minute");
        drop(taken);
    }

    #[test]
    fn answers_that_overtake_each_other_do_not_make_it_less() {
        let weight = Weight::new();
        let taken = weight.take(4, Purpose::Live).unwrap();
        weight.used(50);
        weight.used(46);
        drop(taken);
        assert_eq!(weight.used_now(), 50);
    }
}
