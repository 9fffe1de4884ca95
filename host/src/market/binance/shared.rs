//! What the feed and its task share: what is wanted, and what is ready to be told.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::Bell;
use crate::market::interval::Interval;
use crate::market::segment::{Segment, SegmentError};

/// Segments that wait to be taken: enough to keep the evaluation busy, few enough to hold little memory.
const SEGMENTS: usize = 16;

/// What traders want.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Command {
    /// An interval, and so many candles before the next one.
    Want(Interval, u32),
    /// No other intervals any more, and no more candles of them.
    KeepOnly(BTreeMap<Interval, u32>),
}

/// See the module.
pub(super) struct Shared {
    commands: Mutex<Vec<Command>>,
    ready: Mutex<VecDeque<Segment>>,
    /// A mistake in the feed, which ends it.
    mistake: Mutex<Option<SegmentError>>,
    /// Whether somebody takes what is ready: what was wanted first is known by then.
    has_begun: AtomicBool,
    task: Notify,
    bell: Bell,
}

impl Shared {
    pub(super) fn new(bell: Bell) -> Self {
        Self {
            commands: Mutex::default(),
            ready: Mutex::default(),
            mistake: Mutex::default(),
            has_begun: AtomicBool::new(false),
            task: Notify::new(),
            bell,
        }
    }

    // The feed.

    pub(super) fn command(&self, commands: impl IntoIterator<Item = Command>) {
        lock(&self.commands).extend(commands);
    }

    pub(super) fn wake(&self) {
        self.task.notify_one();
    }

    /// The next segment, if one is ready.
    pub(super) fn take(&self) -> Result<Option<Segment>, SegmentError> {
        let has_begun = self.has_begun.swap(true, Ordering::AcqRel);
        let (segment, was_full) = {
            let mut ready = lock(&self.ready);
            let was_full = ready.len() >= SEGMENTS;
            (ready.pop_front(), was_full)
        };
        if !has_begun || was_full || !lock(&self.commands).is_empty() {
            self.wake();
        }
        match (segment, lock(&self.mistake).clone()) {
            (None, Some(mistake)) => Err(mistake),
            (segment, _) => Ok(segment),
        }
    }

    // The task.

    pub(super) async fn woken(&self) {
        self.task.notified().await;
    }

    pub(super) fn has_begun(&self) -> bool {
        self.has_begun.load(Ordering::Acquire)
    }

    pub(super) fn commands(&self) -> Vec<Command> {
        std::mem::take(&mut *lock(&self.commands))
    }

    pub(super) fn has_room(&self) -> bool {
        lock(&self.ready).len() < SEGMENTS
    }

    pub(super) fn put(&self, segment: Segment) {
        lock(&self.ready).push_back(segment);
    }

    pub(super) fn ring(&self) {
        (self.bell)();
    }

    pub(super) fn fail(&self, mistake: SegmentError) {
        lock(&self.mistake).get_or_insert(mistake);
        self.ring();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
