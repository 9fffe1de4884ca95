//! The thread that brings candles to traders: catches up to where the host stopped, then keeps in step with the feed. It stops
//! where nothing may be evaluated or nothing more can be kept, and the feed waits with it, so nothing is lost.

use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use super::control::Nudges;
use super::health::{FeedState, Health};
use super::latency::Latencies;
use super::wake::{Wake, Woken};
use crate::config::Speed;
use crate::market::{FeedError, Segment, SharedFeed, Telling};
use crate::sandbox::LogLevel;
use crate::signal::outbox::Outbox;
use crate::supabase::timeouts::NO_GOOD_READ;
use crate::supervisor::{FaultLog, Fleet};

/// Closes in a segment when nobody waits for a clock: enough to forget the cost of a transaction, few enough to stop soon.
const CLOSES_A_SEGMENT: usize = 256;
/// How often what is in the way is looked at again.
const LOOK_AGAIN: Duration = Duration::from_millis(250);

/// See the module.
pub(super) struct Evaluation {
    pub(super) fleet: Arc<Fleet>,
    pub(super) feed: SharedFeed,
    pub(super) speed: Speed,
    pub(super) outbox: Outbox,
    pub(super) health: Arc<Health>,
    pub(super) wake: Wake,
    pub(super) nudges: Nudges,
    pub(super) latencies: Arc<Latencies>,
    pub(super) faults: Arc<FaultLog>,
    /// Where a feed begins with what the market did before.
    pub(super) history: Before,
}

/// What a feed tells before its first live candle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Before {
    /// It says itself of each candle whether it is history.
    Told,
    /// Its candles are history up to this close time, if to any; and up to where every trader has been judged.
    Until(Option<i64>),
}

/// Where candle time was when the clock was looked at.
struct Pace {
    speed: Speed,
    began: Option<(Instant, i64)>,
}

impl Evaluation {
    /// Runs until the end, or until the feed has no more candles.
    pub(super) fn run(mut self) {
        // Before the first read of the registry nobody knows which candles are wanted.
        if !self.wait_until_allowed() {
            return;
        }
        self.health.feed(FeedState::CatchingUp);
        let first = match self.catch_up() {
            Ok(first) => first,
            Err(error) => return self.fail(&error),
        };
        self.health.feed(FeedState::Running);
        if !self.deliver(&Segment::new()) {
            return;
        }
        let mut pace = Pace { speed: self.speed, began: None };
        let mut next = first;
        while !self.wake.has_ended() {
            let segment = match next.take() {
                Some(segment) => segment,
                None => match self.next(if pace.speed == Speed::Max { CLOSES_A_SEGMENT } else { 1 }) {
                    Ok(Some(segment)) => segment,
                    Ok(None) => return self.finish(),
                    Err(error) => return self.fail(&error),
                },
            };
            if segment.says_nothing() {
                // Nothing has closed; traders that are new start meanwhile.
                match self.wake.wait(LOOK_AGAIN) {
                    Woken::End => return,
                    Woken::Time | Woken::Candles => continue,
                    Woken::Bell => {}
                }
            }
            if !self.wait_for_clock(&mut pace, &segment) || !self.deliver(&segment) {
                return;
            }
        }
    }

    /// Takes in what lies before the first candle that is news to some trader, and returns the segment that has it.
    fn catch_up(&self) -> Result<Option<Segment>, FeedError> {
        // The first read of the registry is done: traders that must not run any more hold nobody back.
        let Before::Until(history_until_ms) = self.history else { return Ok(None) };
        let Some(until_ms) = self.outbox.earliest_cursor().max(history_until_ms) else { return Ok(None) };
        let mut candles = 0;
        while !self.wake.has_ended() {
            let Some(segment) = self.next(1)? else { break };
            if segment.is_empty() {
                let _ = self.wake.wait(LOOK_AGAIN);
                continue;
            }
            if segment.first_close_ms().is_some_and(|close_ms| close_ms > until_ms) {
                tracing::info!(candles, "caught up with the feed");
                return Ok(Some(segment));
            }
            candles += segment.candles();
            self.fleet.bootstrap(&segment);
        }
        Ok(None)
    }

    fn next(&self, most: usize) -> Result<Option<Segment>, FeedError> {
        let mut segment = Segment::new();
        let mut feed = self.feed.lock().unwrap_or_else(PoisonError::into_inner);
        let more = feed.next(most, &mut segment)?;
        self.health.feed_trouble(feed.trouble());
        self.health.feed_warning(feed.warning());
        Ok(more.then_some(segment))
    }

    /// Delivers a segment once it may be evaluated and there is room for what comes of it. False at the end.
    fn deliver(&mut self, segment: &Segment) -> bool {
        let mut told = false;
        loop {
            if !self.wait_until_allowed() || !self.wait_for_room() {
                return false;
            }
            match self.fleet.deliver(segment, &mut self.outbox) {
                Ok(delivered) => {
                    if let Some(close_ms) = segment.last_close_ms()
                        && segment.telling() != Telling::History
                    {
                        self.health.delivered(close_ms);
                    }
                    if let Some((first, last)) = segment.heard() {
                        self.latencies.kept(first, last);
                    }
                    if delivered.quarantined {
                        self.nudges.quarantined();
                    }
                    for (trader, line) in self.fleet.take_lines() {
                        let (level, text) = (line.level.as_str(), line.text);
                        match line.level {
                            LogLevel::Debug => tracing::debug!(trader, level, "{text}"),
                            LogLevel::Info => tracing::info!(trader, level, "{text}"),
                            LogLevel::Warn | LogLevel::Error | LogLevel::Panic => {
                                tracing::warn!(trader, level, "{text}")
                            }
                        }
                    }
                    self.tell_faults();
                    return true;
                }
                // The traders went back to where they were; the segment is told once more.
                Err(error) => {
                    // So do their faults, which are told once they count.
                    drop(self.faults.take());
                    let problem = format!("signals cannot be kept on disk: {error}; make room in DATA_DIR");
                    if !std::mem::replace(&mut told, true) {
                        tracing::error!("{problem}");
                    }
                    self.health.not_kept(problem);
                    if self.wake.wait(LOOK_AGAIN) == Woken::End {
                        return false;
                    }
                }
            }
        }
    }

    /// Each fault is a line of the log, with the command that shows it again.
    fn tell_faults(&self) {
        let faults = self.faults.take();
        if faults.is_empty() {
            return;
        }
        let statuses = self.fleet.status();
        for (id, fault) in faults {
            let status = statuses.iter().find(|status| status.id == id);
            let again = status.map(|status| self.fleet.reproduce(status, &fault));
            let trader = status.map(|status| status.name.as_str());
            tracing::warn!(trader, trader_id = %id, again, "fault: {fault}");
        }
    }

    fn wait_until_allowed(&self) -> bool {
        let mut told = false;
        while !self.health.may_evaluate() {
            if self.health.blind_for() >= NO_GOOD_READ && !std::mem::replace(&mut told, true) {
                tracing::error!("evaluation is suspended: the registry could not be read for too long");
            }
            if self.wake.wait(LOOK_AGAIN) == Woken::End {
                return false;
            }
        }
        if told {
            tracing::info!("evaluation goes on");
        }
        !self.wake.has_ended()
    }

    fn wait_for_room(&self) -> bool {
        let mut told = false;
        while !self.outbox.has_room() {
            if !std::mem::replace(&mut told, true) {
                let problem = "the outbox is full, evaluation waits until signals leave";
                tracing::error!("{problem}");
                self.health.not_kept(problem.to_owned());
            }
            if self.wake.wait(LOOK_AGAIN) == Woken::End {
                return false;
            }
        }
        true
    }

    /// Waits until the candles are due. Meanwhile traders that are new are started, so that nobody waits a candle to see them.
    fn wait_for_clock(&mut self, pace: &mut Pace, segment: &Segment) -> bool {
        loop {
            let wait = pace.until(segment);
            match self.wake.wait(wait) {
                Woken::End => return false,
                Woken::Time => return true,
                Woken::Candles => {}
                Woken::Bell => {
                    if !self.deliver(&Segment::new()) {
                        return false;
                    }
                }
            }
        }
    }

    /// The candles have ended; traders that come later are still started, and say what they would have said.
    fn finish(&mut self) {
        tracing::info!("the feed has no more candles");
        self.health.feed(FeedState::Ended);
        loop {
            match self.wake.wait(Duration::from_secs(3600)) {
                Woken::End => return,
                Woken::Time | Woken::Candles => {}
                Woken::Bell => {
                    if !self.deliver(&Segment::new()) {
                        return;
                    }
                }
            }
        }
    }

    fn fail(&self, error: &FeedError) {
        tracing::error!(%error, "the feed cannot go on");
        self.health.feed_failed(format!("the feed cannot go on: {error}"));
    }
}

impl Pace {
    fn until(&mut self, segment: &Segment) -> Duration {
        let (Speed::Times(factor), Some(close_ms)) = (self.speed, segment.first_close_ms()) else {
            return Duration::ZERO;
        };
        let (began, began_ms) = *self.began.get_or_insert((Instant::now(), close_ms));
        let due = Duration::try_from_secs_f64((close_ms - began_ms) as f64 / 1_000.0 / factor).unwrap_or_default();
        due.saturating_sub(began.elapsed())
    }
}

#[cfg(test)]
#[path = "evaluation_tests.rs"]
mod tests;
