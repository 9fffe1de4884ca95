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
    /// Questions so far, and how many it were when it was said what was used.
    asked: u64,
    asked_when_heard: u64,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Weight(Mutex<State>);

impl Weight {
    pub(super) fn new() -> Self {
        Self(Mutex::new(State {
            limit: DEFAULT_LIMIT,
            used: 0,
            heard: Instant::now(),
            on_the_way: 0,
            asked: 0,
            asked_when_heard: 0,
        }))
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
            state.asked += 1;
            Taken { all: self, weight, number: state.asked }
        })
    }

    pub(super) fn limit(&self, limit: u32) {
        self.lock().limit = limit;
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
    number: u64,
}

impl Taken<'_> {
    /// The answer says what was used of this minute. Answers overtake each other, so it may only be less where the question was asked
    /// after the last one was answered: then it is another minute.
    pub(super) fn says(&self, used: u32) {
        let mut state = self.all.lock();
        if used >= state.used || self.number > state.asked_when_heard {
            state.used = used;
            state.asked_when_heard = state.asked;
        }
        state.heard = Instant::now();
    }
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
        weight.take(1, Purpose::Live).unwrap().says(70);
        let taken = weight.take(10, Purpose::History).unwrap();
        assert!(weight.take(1, Purpose::History).is_none());
        assert!(weight.has_room(15, Purpose::Live) && !weight.has_room(16, Purpose::Live));
        drop(taken);
        assert!(weight.has_room(10, Purpose::History));
        let time = weight.take(1, Purpose::Time).unwrap();
        time.says(100);
        assert!(!weight.has_room(0, Purpose::Time));
    }

    #[test]
    fn answers_that_overtake_each_other_do_not_make_it_less_and_another_minute_does() {
        let weight = Weight::new();
        let (first, second) = (weight.take(20, Purpose::Live).unwrap(), weight.take(2, Purpose::Live).unwrap());
        second.says(50);
        first.says(28);
        drop((first, second));
        assert_eq!(weight.used_now(), 50);
        weight.take(1, Purpose::Live).unwrap().says(1);
        assert_eq!(weight.used_now(), 1);
    }
}
