//! What was asked of the exchange, so that a test can see whether its client is polite.

use std::collections::BTreeSet;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Longer than anything takes; what has not come by then never will.
const HANG: Duration = Duration::from_secs(90);

/// A request for REST.
#[derive(Clone, Debug)]
pub struct Asked {
    /// When, by the true time of the market.
    pub at_ms: i64,
    /// The path.
    pub path: String,
    /// The query as it was sent.
    pub query: String,
    /// The weight that it counted.
    pub weight: u32,
    /// The status of the answer, once there is one.
    pub status: Option<u16>,
    /// The fault that hit it.
    pub fault: Option<&'static str>,
}

/// A WebSocket.
#[derive(Clone, Debug, Default)]
pub struct Connection {
    /// Its path.
    pub path: String,
    /// When it was opened, by the true time of the market.
    pub opened_ms: i64,
    /// When it ended.
    pub closed_ms: Option<i64>,
    /// Why it ended.
    pub ending: Option<String>,
    /// What it is subscribed to.
    pub streams: BTreeSet<String>,
    /// What it ever was subscribed to.
    pub streams_ever: BTreeSet<String>,
    /// How many streams each SUBSCRIBE named.
    pub subscribes: Vec<usize>,
    /// Messages that came, pongs included.
    pub messages: u64,
    /// The most of them within any second.
    pub most_in_a_second: usize,
    /// Right answers to pings.
    pub pongs: u64,
    /// Kline events that were sent to it.
    pub events: u64,
    /// Those of them with `x` true.
    pub closes: u64,
    /// The faults that hit it.
    pub faults: Vec<&'static str>,
}

impl Connection {
    /// Whether it has not ended.
    pub fn is_open(&self) -> bool {
        self.closed_ms.is_none()
    }
}

/// Everything so far.
#[derive(Clone, Debug, Default)]
pub struct Journal {
    /// The requests, in the order in which they came.
    pub requests: Vec<Asked>,
    /// The WebSockets, in the order in which they came.
    pub connections: Vec<Connection>,
    /// WebSockets that were refused.
    pub refused: u64,
    /// The most weight that was used in any minute.
    pub most_weight: u32,
}

impl Journal {
    /// The requests for a path.
    pub fn asked(&self, path: &str) -> impl Iterator<Item = &Asked> {
        self.requests.iter().filter(move |asked| asked.path == path)
    }

    /// The WebSockets that are open.
    pub fn open(&self) -> impl Iterator<Item = &Connection> {
        self.connections.iter().filter(|connection| connection.is_open())
    }

    /// Everything that some WebSocket is subscribed to now.
    pub fn streams(&self) -> BTreeSet<String> {
        self.open().flat_map(|connection| connection.streams.iter().cloned()).collect()
    }

    /// The most messages that any WebSocket sent within a second.
    pub fn most_in_a_second(&self) -> usize {
        self.connections.iter().map(|connection| connection.most_in_a_second).max().unwrap_or(0)
    }

    /// The closes that were sent, over all WebSockets.
    pub fn closes(&self) -> u64 {
        self.connections.iter().map(|connection| connection.closes).sum()
    }
}

#[derive(Default)]
pub(crate) struct Book {
    journal: Mutex<Journal>,
    changed: Condvar,
}

impl Book {
    fn journal(&self) -> MutexGuard<'_, Journal> {
        self.journal.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn read(&self) -> Journal {
        self.journal().clone()
    }

    pub(crate) fn change<T>(&self, change: impl FnOnce(&mut Journal) -> T) -> T {
        let changed = change(&mut self.journal());
        self.changed.notify_all();
        changed
    }

    /// Changes the entry of a WebSocket.
    pub(crate) fn connection(&self, place: usize, change: impl FnOnce(&mut Connection)) {
        self.change(|journal| journal.connections.get_mut(place).map(change));
    }

    /// Changes the entry of a request.
    pub(crate) fn request(&self, place: usize, change: impl FnOnce(&mut Asked)) {
        self.change(|journal| journal.requests.get_mut(place).map(change));
    }

    pub(crate) fn wait_until(&self, what: &str, mut wanted: impl FnMut(&Journal) -> bool) {
        let deadline = Instant::now() + HANG;
        let mut journal = self.journal();
        while !wanted(&journal) {
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "waited in vain for {what}: {journal:#?}");
            journal = self.changed.wait_timeout(journal, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}
