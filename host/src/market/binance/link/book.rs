//! What is wanted of one connection, what was asked for, and what was granted. Knows no socket.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tokio::time::Instant;

use super::StreamKey;
use super::limits::{ANSWER, REQUEST_BYTES, REQUEST_STREAMS};
use super::message::{Method, Request};

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Book {
    wanted: BTreeSet<StreamKey>,
    /// What the exchange holds once it has granted everything that was asked: it answers requests in their order.
    asked: BTreeSet<StreamKey>,
    /// Until when the answers to these requests must be there.
    unanswered: BTreeMap<u64, Instant>,
    last_id: u64,
    /// Whether `wanted` and `asked` differ.
    is_behind: bool,
    /// Whether anything was.
    was_granted: bool,
}

impl Book {
    /// What is wanted from now on.
    pub(super) fn want(&mut self, wanted: BTreeSet<StreamKey>) {
        self.wanted = wanted;
        self.is_behind = self.wanted != self.asked;
    }

    /// Whether there is something to ask for.
    pub(super) fn is_behind(&self) -> bool {
        self.is_behind
    }

    /// Whether everything that is wanted was granted, and nothing else.
    pub(super) fn is_settled(&self) -> bool {
        self.unanswered.is_empty() && !self.is_behind()
    }

    /// Whether anything was granted, so that news are due.
    pub(super) fn expects_news(&self) -> bool {
        self.was_granted && !self.asked.is_empty()
    }

    /// The next request, which is sent now. What is not wanted any more goes first: it makes room at the exchange.
    pub(super) fn ask(&mut self, now: Instant) -> Option<String> {
        if !self.is_behind {
            return None;
        }
        let id = self.last_id + 1;
        let (method, mut streams) = match self.asked.difference(&self.wanted).next() {
            Some(_) => (Method::Unsubscribe, self.asked.difference(&self.wanted)),
            None => (Method::Subscribe, self.wanted.difference(&self.asked)),
        };
        let mut request = Request::new(method, id, REQUEST_STREAMS, REQUEST_BYTES);
        let taken: Vec<StreamKey> = streams.by_ref().take_while(|stream| request.add(stream)).cloned().collect();
        if request.is_empty() {
            return None;
        }
        for stream in taken {
            match method {
                Method::Subscribe => self.asked.insert(stream),
                Method::Unsubscribe => self.asked.remove(&stream),
            };
        }
        self.is_behind = self.wanted != self.asked;
        self.last_id = id;
        self.unanswered.insert(id, now + ANSWER);
        Some(request.into_text())
    }

    /// A request was granted; whether it was one of ours.
    pub(super) fn granted(&mut self, id: u64) -> bool {
        let was_asked = self.unanswered.remove(&id).is_some();
        self.was_granted |= was_asked;
        was_asked
    }

    /// When the next answer must be there.
    pub(super) fn answer_due(&self) -> Option<Instant> {
        self.unanswered.values().min().copied()
    }

    /// Nothing was read for this long, so no answer could be seen.
    pub(super) fn excuse(&mut self, time: Duration) {
        for due in self.unanswered.values_mut() {
            *due += time;
        }
    }
}

#[cfg(test)]
#[path = "book_tests.rs"]
mod tests;
