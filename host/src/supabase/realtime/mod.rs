//! The doorbell: says that traders changed, as soon as it is known. It loses changes by design, so it only ever makes a
//! read come sooner, or stops a trader.

mod link;
mod protocol;

use std::fmt;
use std::time::Duration;

use secrecy::SecretString;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, sleep_until};

use super::Supabase;
use super::timeouts::{BELLS, RECYCLE, REJOIN_HEALTHY, Waits, spread};
use link::{Connect, Dial, LinkEvent};
use protocol::Channel;

pub use protocol::Bell;

/// Events of a link that wait for the keeper, which never waits itself.
const LINK_EVENTS: usize = 64;

/// Where the subscription stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RealtimeState {
    /// A socket is being opened.
    Connecting,
    /// The channel is being joined; nothing is delivered yet.
    Joining,
    /// Changes are delivered.
    Live {
        /// Since when.
        since: Instant,
    },
    /// Nothing is delivered.
    Down {
        /// Why, in words that may be shown.
        reason: String,
        /// When it is tried again.
        retry: Instant,
    },
}

impl RealtimeState {
    /// Whether changes are delivered.
    pub fn is_live(&self) -> bool {
        matches!(self, Self::Live { .. })
    }
}

/// A subscription to all changes of `public.traders`, which keeps itself up. Ends when it is dropped.
pub struct Realtime {
    state: watch::Receiver<RealtimeState>,
    bells: mpsc::Receiver<Bell>,
    task: JoinHandle<()>,
}

impl Supabase {
    /// Subscribes to the changes of all traders. Must be called within a tokio runtime.
    pub fn realtime(&self) -> Realtime {
        let token = self.credentials().channel_token().cloned();
        Realtime::start(Dial::new(self.url(), self.credentials()), token)
    }
}

impl Realtime {
    fn start(connect: impl Connect, token: Option<SecretString>) -> Self {
        let (state, watched) = watch::channel(RealtimeState::Connecting);
        let (ring, bells) = mpsc::channel(BELLS);
        let keeper = Keeper { connect, token, state, ring, owes_resync: false };
        Self { state: watched, bells, task: tokio::spawn(keeper.run()) }
    }

    /// The state, and its changes.
    pub fn state(&self) -> watch::Receiver<RealtimeState> {
        self.state.clone()
    }

    /// The next bell. May be dropped while it waits; no bell is lost by that.
    pub async fn next(&mut self) -> Bell {
        match self.bells.recv().await {
            Some(bell) => bell,
            // The task only ends with this value, or in a runtime that shuts down.
            None => std::future::pending().await,
        }
    }
}

impl Drop for Realtime {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl fmt::Debug for Realtime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Realtime").field("state", &*self.state.borrow()).finish_non_exhaustive()
    }
}

/// Keeps one link up, and a second one while the first is replaced.
struct Keeper<C> {
    connect: C,
    token: Option<SecretString>,
    state: watch::Sender<RealtimeState>,
    ring: mpsc::Sender<Bell>,
    /// Bells were dropped since nobody took them; one resync makes good for all.
    owes_resync: bool,
}

impl<C: Connect> Keeper<C> {
    async fn run(mut self) {
        let mut waits = Waits::of_realtime();
        loop {
            self.state.send_replace(RealtimeState::Connecting);
            let (reason, live_for) = self.keep().await;
            if live_for >= REJOIN_HEALTHY {
                waits.reset();
            }
            let wait = waits.next(None);
            self.down(reason, wait);
            sleep(wait).await;
        }
    }

    /// Serves a link, and those that replace it, until one ends: why, and for how long it had been live.
    async fn keep(&mut self) -> (String, Duration) {
        let mut current = self.open();
        let mut next: Option<mpsc::Receiver<LinkEvent>> = None;
        let mut recycle = Instant::now() + spread(RECYCLE);
        let mut live_since: Option<Instant> = None;
        loop {
            tokio::select! {
                event = current.recv() => match event {
                    Some(LinkEvent::Live) => self.live(&mut live_since),
                    Some(LinkEvent::Rang(bell)) => self.ring(bell),
                    Some(LinkEvent::Joining) => {
                        self.state.send_replace(RealtimeState::Joining);
                    }
                    Some(LinkEvent::Broken { reason, wait }) => {
                        live_since = None;
                        self.down(reason, wait);
                    }
                    Some(LinkEvent::Ended { reason }) => {
                        return (reason, live_since.map(|since| since.elapsed()).unwrap_or_default());
                    }
                    None => return ("the task of the socket ended".to_owned(), Duration::ZERO),
                },
                event = heard(&mut next) => match event {
                    Some(LinkEvent::Live) => {
                        // Only now the old socket may go: it closes itself when nobody listens.
                        if let Some(successor) = next.take() {
                            current = successor;
                        }
                        recycle = Instant::now() + spread(RECYCLE);
                        self.live(&mut live_since);
                    }
                    Some(LinkEvent::Rang(bell)) => self.ring(bell),
                    Some(LinkEvent::Joining | LinkEvent::Broken { .. }) => {}
                    Some(LinkEvent::Ended { .. }) | None => {
                        next = None;
                        recycle = Instant::now() + spread(REJOIN_HEALTHY);
                    }
                },
                () = sleep_until(recycle), if next.is_none() => next = Some(self.open()),
                () = resync(&self.ring), if self.owes_resync => self.owes_resync = false,
            }
        }
    }

    /// A link in a task of its own, which ends when the receiver is dropped.
    fn open(&self) -> mpsc::Receiver<LinkEvent> {
        let (events, heard) = mpsc::channel(LINK_EVENTS);
        tokio::spawn(link::run(self.connect.clone(), Channel::new(self.token.clone()), events));
        heard
    }

    fn live(&mut self, live_since: &mut Option<Instant>) {
        let since = *live_since.get_or_insert_with(Instant::now);
        self.state.send_replace(RealtimeState::Live { since });
        self.ring(Bell::Resync);
    }

    fn down(&self, reason: String, wait: Duration) {
        self.state.send_replace(RealtimeState::Down { reason, retry: Instant::now() + wait });
    }

    fn ring(&mut self, bell: Bell) {
        if let Err(TrySendError::Full(_)) = self.ring.try_send(bell) {
            self.owes_resync = true;
        }
    }
}

/// Rings for a resync as soon as there is room.
async fn resync(ring: &mpsc::Sender<Bell>) {
    if let Ok(permit) = ring.reserve().await {
        permit.send(Bell::Resync);
    }
}

async fn heard(next: &mut Option<mpsc::Receiver<LinkEvent>>) -> Option<LinkEvent> {
    match next {
        Some(next) => next.recv().await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests;
