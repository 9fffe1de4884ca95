//! The thread that keeps the running set what the registry says. Whatever wakes it, it reads all rows and compares all of both.

use std::collections::BTreeMap;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::health::Health;
use super::latency::Latencies;
use super::realtime::since;
use super::wake::Wake;
use crate::ids::TraderId;
use crate::market::SharedFeed;
use crate::registry::{Registry, TraderRow};
use crate::supabase::{RealtimeState, timeouts};
use crate::supervisor::{Change, Cursors, Fleet, Means, Mismatch, Reconciler, State, Verdict, fitting};

/// Wakes the control thread.
#[derive(Debug, Clone)]
pub struct Nudges(Sender<Nudge>);

#[derive(Debug)]
enum Nudge {
    Look,
    End,
}

impl Nudges {
    /// And the end at which it listens.
    pub(super) fn new() -> (Self, Listening) {
        let (send, receive) = mpsc::channel();
        (Self(send), Listening(receive))
    }

    /// Rows may have changed.
    pub fn changed(&self) {
        // A control thread that is gone needs no waking.
        let _ = self.0.send(Nudge::Look);
    }

    /// A trader has used up its strikes.
    pub(super) fn quarantined(&self) {
        self.changed();
    }

    pub(super) fn end(&self) {
        let _ = self.0.send(Nudge::End);
    }
}

/// Where nudges arrive.
pub(super) struct Listening(Receiver<Nudge>);

/// What the reconciler knows of each trader, for those who report it.
#[derive(Debug, Clone, Default)]
pub struct Verdicts(Arc<Mutex<BTreeMap<TraderId, Verdict>>>);

impl Verdicts {
    /// All of them.
    #[must_use]
    pub fn get(&self) -> BTreeMap<TraderId, Verdict> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, verdicts: &BTreeMap<TraderId, Verdict>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone_from(verdicts);
    }
}

/// See the module.
pub(super) struct Control {
    pub(super) registry: Box<dyn Registry>,
    pub(super) reconciler: Reconciler,
    pub(super) cursors: Box<dyn Cursors + Send>,
    pub(super) fleet: Arc<Fleet>,
    pub(super) feed: SharedFeed,
    pub(super) health: Arc<Health>,
    pub(super) verdicts: Verdicts,
    pub(super) latencies: Arc<Latencies>,
    /// The evaluation, to be told of traders that are new.
    pub(super) evaluation: Wake,
    /// Told after each pass.
    pub(super) passed: watch::Sender<u64>,
    /// Whether changes are heard at once, so that looking without a nudge may be rare.
    pub(super) realtime: watch::Receiver<RealtimeState>,
}

impl Control {
    /// Runs until it is told to end.
    pub(super) fn run(mut self, nudges: &Listening) {
        let mut problem = None;
        loop {
            self.pass(&mut problem);
            if !self.wait(nudges) {
                return;
            }
        }
    }

    fn wait(&mut self, Listening(nudges): &Listening) -> bool {
        match nudges.recv_timeout(self.poll()) {
            Ok(Nudge::Look) => {}
            Err(RecvTimeoutError::Timeout) => return true,
            Ok(Nudge::End) | Err(RecvTimeoutError::Disconnected) => return false,
        }
        let until = Instant::now() + timeouts::BELL_SETTLES;
        loop {
            match nudges.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(Nudge::Look) => {}
                Err(RecvTimeoutError::Timeout) => return true,
                Ok(Nudge::End) | Err(RecvTimeoutError::Disconnected) => return false,
            }
        }
    }

    fn poll(&self) -> Duration {
        let is_live = self.realtime.borrow().is_live();
        timeouts::spread(if is_live { timeouts::POLL_WITH_REALTIME } else { timeouts::POLL_WITHOUT_REALTIME })
    }

    fn pass(&mut self, problem: &mut Option<String>) {
        let read = self.fleet.begin_read();
        let snapshot = match self.registry.snapshot() {
            Ok(snapshot) => snapshot,
            // The last good set runs on; the same words are told once.
            Err(error) => {
                let text = error.to_string();
                if problem.as_ref() != Some(&text) {
                    tracing::warn!("{text}; the traders run on as they were");
                }
                self.health.bad_read(text.clone());
                *problem = Some(text);
                return;
            }
        };
        if problem.take().is_some() {
            tracing::info!("the registry can be read again");
        }
        // The evaluation waits for the first pass: what it delivered before that, no trader would see. Later ones tell at once that
        // the registry answers, however long the pass takes.
        let is_first = *self.passed.borrow() == 0;
        if !is_first {
            self.health.good_read();
        }
        let ran: Vec<TraderId> =
            self.reconciler.verdicts().keys().copied().filter(|id| self.fleet.holds(*id)).collect();
        let began = Instant::now();
        // What must stop waits neither for a module that is slow to come, nor for a trader that is slow to warm up.
        let rows: Vec<TraderRow> = snapshot.traders.iter().filter_map(|row| row.clone().ok()).collect();
        let mut changes = self.reconciler.stop_disallowed(&rows, &self.fleet, Some(&mut *self.cursors));
        let stopping = began.elapsed();
        let fit = &mut fitting(&self.feed, Mismatch::Refuse);
        let cursors: Option<&mut dyn Cursors> = Some(&mut *self.cursors);
        let mut means = Means {
            registry: &mut *self.registry,
            fleet: &self.fleet,
            fit,
            read,
            enabled_at: &snapshot.enabled_at,
            cursors,
        };
        changes.extend(self.reconciler.reconcile(&snapshot, &mut means));
        self.verdicts.set(self.reconciler.verdicts());
        self.keep_what_is_needed();
        // A trader that was quarantined is gone as well, but nobody disabled it.
        let is_at_fault = |id: &TraderId| self.reconciler.verdicts().get(id).is_some_and(|it| it.state == State::Error);
        for id in ran.into_iter().filter(|id| !self.fleet.holds(*id) && !is_at_fault(id)) {
            self.latencies.stopped(stopping, snapshot.disabled_at.get(&id).copied().and_then(since));
        }
        if is_first {
            self.health.good_read();
        }
        for change in &changes {
            match change {
                Change::Rejected(..) | Change::Problem(_) => tracing::warn!("{change}"),
                _ => tracing::info!("{change}"),
            }
        }
        if changes.iter().any(|change| matches!(change, Change::Started(_) | Change::Reloaded(_))) {
            self.evaluation.ring();
        }
        self.passed.send_modify(|passes| *passes += 1);
    }

    /// Between two passes no trader is on its way in, so what is needed is known.
    fn keep_what_is_needed(&self) {
        let needs = self.fleet.settle();
        self.feed.lock().unwrap_or_else(PoisonError::into_inner).keep_only(&needs);
    }
}
