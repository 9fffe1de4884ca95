//! The clock of the exchange.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::watch;

/// The longest sleep: the clock is looked at again after it.
const LOOK_AGAIN: Duration = Duration::from_secs(3_600);

/// The time of the market, and how far what the exchange says of it is off.
pub(crate) struct Clock {
    state: Mutex<State>,
    changed: watch::Sender<()>,
}

#[derive(Clone, Copy)]
struct State {
    since: Instant,
    since_ms: i64,
    factor: f64,
    rest_skew_ms: i64,
    event_skew_ms: i64,
}

impl State {
    fn now_ms(&self) -> i64 {
        self.since_ms + (self.since.elapsed().as_secs_f64() * 1_000.0 * self.factor) as i64
    }
}

impl Clock {
    pub(crate) fn new(now_ms: i64, factor: f64) -> Self {
        let state = State { since: Instant::now(), since_ms: now_ms, factor, rest_skew_ms: 0, event_skew_ms: 0 };
        Self { state: Mutex::new(state), changed: watch::Sender::default() }
    }

    fn state(&self) -> State {
        *self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner));
        self.changed.send_replace(());
    }

    /// The true time of the market.
    pub(crate) fn now_ms(&self) -> i64 {
        self.state().now_ms()
    }

    /// What REST says.
    pub(crate) fn said_ms(&self) -> i64 {
        let state = self.state();
        state.now_ms() + state.rest_skew_ms
    }

    /// How far off the times of events are.
    pub(crate) fn event_skew_ms(&self) -> i64 {
        self.state().event_skew_ms
    }

    pub(crate) fn set_now_ms(&self, now_ms: i64) {
        self.change(|state| (state.since, state.since_ms) = (Instant::now(), now_ms));
    }

    pub(crate) fn advance(&self, by_ms: i64) {
        self.change(|state| state.since_ms += by_ms);
    }

    pub(crate) fn set_factor(&self, factor: f64) {
        self.change(|state| {
            state.since_ms = state.now_ms();
            state.since = Instant::now();
            state.factor = factor;
        });
    }

    pub(crate) fn set_skew_ms(&self, rest_ms: i64, events_ms: i64) {
        self.change(|state| (state.rest_skew_ms, state.event_skew_ms) = (rest_ms, events_ms));
    }

    /// Returns when it is this time.
    pub(crate) async fn until(&self, at_ms: i64) {
        let mut changed = self.changed.subscribe();
        loop {
            changed.mark_unchanged();
            let state = self.state();
            let left_ms = at_ms.saturating_sub(state.now_ms());
            if left_ms <= 0 {
                return;
            }
            let wait = if state.factor > 0.0 {
                Duration::try_from_secs_f64(left_ms as f64 / 1_000.0 / state.factor).unwrap_or(LOOK_AGAIN)
            } else {
                LOOK_AGAIN
            };
            tokio::select! {
                () = tokio::time::sleep(wait.min(LOOK_AGAIN)) => {}
                _ = changed.changed() => {}
            }
        }
    }
}
