//! The connections of one share of the streams: the one that is heard, the one that replaces it, the one that it replaced.
//! Decides when to open and when to close; knows no socket.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use super::StreamKey;
use super::connection::{End, Ended, Report, Wanted};
use super::limits::{HEALTHY, LINGER, RECONNECT_FIRST, RECONNECT_MOST, SILENT, SILENT_MOST, renew_after};
use crate::supabase::timeouts::Waits;

/// See the module.
#[derive(Debug)]
pub(super) struct Slot {
    wanted: Wanted,
    current: Option<Member>,
    next: Option<Member>,
    /// Heard until then, so that nothing is lost that was on its way.
    old: Vec<(Member, Instant)>,
    /// The current connection will be closed by the exchange.
    is_leaving: bool,
    /// Nothing is opened before.
    not_before: Instant,
    waits: Waits,
    /// Connections in a row that silence ended.
    silences: u32,
}

/// A connection. Dropped, it closes itself.
#[derive(Debug)]
struct Member {
    number: u64,
    wanted: watch::Sender<Wanted>,
    settled: Option<u64>,
    opened: Instant,
    renew_at: Instant,
}

impl Slot {
    pub(super) fn new(streams: BTreeSet<StreamKey>, now: Instant) -> Self {
        Self {
            wanted: Wanted { revision: 1, streams },
            current: None,
            next: None,
            old: Vec::new(),
            is_leaving: false,
            not_before: now,
            waits: Waits::new(RECONNECT_FIRST, RECONNECT_MOST),
            silences: 0,
        }
    }

    pub(super) fn streams(&self) -> &BTreeSet<StreamKey> {
        &self.wanted.streams
    }

    /// What is wanted from now on. Of a connection that is replaced nothing new is asked.
    pub(super) fn want(&mut self, streams: BTreeSet<StreamKey>) {
        if streams == self.wanted.streams {
            return;
        }
        self.wanted = Wanted { revision: self.wanted.revision + 1, streams };
        for member in [&self.current, &self.next].into_iter().flatten() {
            member.wanted.send_replace(self.wanted.clone());
        }
    }

    /// Whether everything that is wanted is subscribed and acknowledged.
    pub(super) fn is_settled(&self) -> bool {
        self.current.as_ref().is_some_and(|current| current.settled == Some(self.wanted.revision))
    }

    /// When a connection is to be opened.
    pub(super) fn opens_at(&self) -> Option<Instant> {
        match (&self.current, &self.next) {
            (_, Some(_)) => None,
            (None, None) => Some(self.not_before),
            (Some(_), None) if self.is_leaving => Some(self.not_before),
            (Some(current), None) => Some(current.renew_at.max(self.not_before)),
        }
    }

    /// Takes the connection that is being opened now: what it is told from here on.
    pub(super) fn open(&mut self, number: u64, now: Instant) -> watch::Receiver<Wanted> {
        let (wanted, orders) = watch::channel(self.wanted.clone());
        let member = Member { number, wanted, settled: None, opened: now, renew_at: now + renew_after() };
        let place = if self.current.is_none() { &mut self.current } else { &mut self.next };
        *place = Some(member);
        orders
    }

    /// How long a connection that is opened now may be silent.
    pub(super) fn patience(&self) -> Duration {
        SILENT.saturating_mul(1_u32.checked_shl(self.silences).unwrap_or(u32::MAX)).min(SILENT_MOST)
    }

    /// When a connection that was replaced is to be closed.
    pub(super) fn closes_at(&self) -> Option<Instant> {
        self.old.iter().map(|(_, until)| *until).min()
    }

    /// Closes what is due.
    pub(super) fn close(&mut self, now: Instant) {
        self.old.retain(|(_, until)| *until > now);
    }

    /// Takes the report of a connection that may be its own.
    pub(super) fn report(&mut self, number: u64, report: Report, now: Instant) {
        match (self.place_of(number), report) {
            (Some(Place::Current), Report::Settled { revision }) => {
                if let Some(current) = &mut self.current {
                    current.settled = Some(revision);
                }
            }
            (Some(Place::Current), Report::Leaving) => {
                self.is_leaving = true;
                match self.current.as_ref().map(|current| now - current.opened) {
                    Some(age) if age < HEALTHY => self.not_before = now + self.waits.next(None),
                    _ => self.not_before = now,
                }
            }
            (Some(Place::Next), Report::Settled { revision }) => {
                if let Some(next) = &mut self.next {
                    next.settled = Some(revision);
                }
                // Of an earlier revision it may still lack what the current one has.
                if revision == self.wanted.revision {
                    self.old.extend(self.current.take().map(|current| (current, now + LINGER)));
                    self.current = self.next.take();
                    self.is_leaving = false;
                }
            }
            (Some(Place::Next), Report::Leaving) => {
                self.next = None;
                self.not_before = now + self.waits.next(None);
            }
            (None, _) => {}
        }
    }

    /// A connection ended that may be its own. Why, if it was the one that is heard.
    pub(super) fn ended(&mut self, number: u64, ended: Ended, now: Instant) -> Option<String> {
        self.old.retain(|(old, _)| old.number != number);
        let place = self.place_of(number)?;
        if ended.was_healthy {
            self.waits.reset();
            self.silences = 0;
        }
        let reason = match ended.end {
            End::Lost(reason) => reason,
            End::Silent(time) => {
                self.silences = self.silences.saturating_add(1);
                format!("no candle for {} s", time.as_secs())
            }
            End::Unwanted => "it was given up".to_owned(),
        };
        match place {
            Place::Current => {
                self.current = self.next.take();
                self.is_leaving = false;
                if self.current.is_none() {
                    self.not_before = now + self.waits.next(None);
                }
                Some(reason)
            }
            Place::Next => {
                self.next = None;
                self.not_before = now + self.waits.next(None);
                None
            }
        }
    }

    fn place_of(&self, number: u64) -> Option<Place> {
        let is_it = |member: &Option<Member>| member.as_ref().is_some_and(|member| member.number == number);
        if is_it(&self.current) {
            Some(Place::Current)
        } else if is_it(&self.next) {
            Some(Place::Next)
        } else {
            None
        }
    }
}

enum Place {
    Current,
    Next,
}

/// Shares what is wanted out to connections of at most `most` streams. A stream that has its place stays there, so that it is not
/// missed while it moves; new ones go where there are fewest. Empty shares come to be where there is nothing left.
pub(super) fn share_out(shares: &mut Vec<BTreeSet<StreamKey>>, wanted: &BTreeSet<StreamKey>, most: usize) {
    let mut missing = wanted.clone();
    for share in &mut *shares {
        share.retain(|stream| missing.remove(stream));
    }
    let needed = wanted.len().div_ceil(most);
    let filled = shares.iter().filter(|share| !share.is_empty()).count();
    // Those that are empty are filled before new ones are made.
    let mut to_begin = needed.saturating_sub(filled);
    for stream in missing {
        let share = if to_begin > 0 {
            to_begin -= 1;
            shares.iter_mut().find(|share| share.is_empty())
        } else {
            shares.iter_mut().filter(|share| !share.is_empty()).min_by_key(|share| share.len())
        };
        match share {
            Some(share) => {
                share.insert(stream);
            }
            None => shares.push(BTreeSet::from([stream])),
        }
    }
}

#[cfg(test)]
#[path = "slot_tests.rs"]
mod tests;
