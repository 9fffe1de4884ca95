//! What all WebSockets share.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::sync::mpsc;

use super::stream::Stream;
use crate::faults::Effect;
use crate::setup::Limits;

/// Connections are counted over five minutes.
const CONNECTIONS_S: f64 = 300.0;

/// An event of a stream.
#[derive(Debug)]
pub(crate) struct Event {
    pub(crate) stream: Stream,
    pub(crate) open_ms: i64,
    /// Its payload, as it stands in the `data` of a combined stream.
    pub(crate) data: String,
    pub(crate) is_close: bool,
}

/// What a WebSocket is told.
#[derive(Clone, Debug)]
pub(crate) enum Told {
    Event(Arc<Event>),
    Strike(Effect),
}

#[derive(Default)]
pub(crate) struct Hub(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    next: u64,
    open: BTreeMap<u64, Member>,
    attempts: VecDeque<Instant>,
}

struct Member {
    sender: mpsc::UnboundedSender<Told>,
    streams: BTreeSet<Stream>,
}

impl Hub {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts an attempt to connect; whether it is within the limit.
    pub(crate) fn may_connect(&self, limits: &Limits) -> bool {
        let mut inner = self.inner();
        let is_over = |at: &Instant| at.elapsed().as_secs_f64() * limits.factor >= CONNECTIONS_S;
        while inner.attempts.front().is_some_and(is_over) {
            inner.attempts.pop_front();
        }
        inner.attempts.push_back(Instant::now());
        inner.attempts.len() <= limits.connections
    }

    pub(crate) fn enter(&self) -> (u64, mpsc::UnboundedReceiver<Told>) {
        let (sender, receiver) = mpsc::unbounded_channel();
        let mut inner = self.inner();
        inner.next += 1;
        let id = inner.next;
        inner.open.insert(id, Member { sender, streams: BTreeSet::new() });
        (id, receiver)
    }

    pub(crate) fn leave(&self, id: u64) {
        self.inner().open.remove(&id);
    }

    /// Sets what a WebSocket is subscribed to.
    pub(crate) fn subscribe(&self, id: u64, streams: BTreeSet<Stream>) {
        if let Some(member) = self.inner().open.get_mut(&id) {
            member.streams = streams;
        }
    }

    /// Everything that somebody is subscribed to.
    pub(crate) fn streams(&self) -> BTreeSet<Stream> {
        self.inner().open.values().flat_map(|member| member.streams.iter().cloned()).collect()
    }

    pub(crate) fn publish(&self, event: Event) {
        let event = Arc::new(event);
        for member in self.inner().open.values().filter(|member| member.streams.contains(&event.stream)) {
            // One that ended meanwhile leaves by itself.
            let _ = member.sender.send(Told::Event(Arc::clone(&event)));
        }
    }

    /// Does this to every WebSocket; how many there are.
    pub(crate) fn strike(&self, effect: &Effect) -> usize {
        let inner = self.inner();
        inner.open.values().filter(|member| member.sender.send(Told::Strike(effect.clone())).is_ok()).count()
    }
}
