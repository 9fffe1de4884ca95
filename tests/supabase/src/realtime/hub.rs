//! What all sockets share.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{mpsc, watch};

use super::capture::Change;
use super::control::{Faults, RealtimeState};

/// What a socket is told.
#[derive(Clone, Debug)]
pub(crate) enum Told {
    Change(Arc<Change>),
    /// The connection to the database was lost and is there again.
    SubscribedAgain,
    /// Close the connection without a word.
    Cut,
    /// Neither read nor write any more, and keep the connection.
    Freeze,
    /// End every channel with `phx_close`, after a `system` message that says why.
    CloseChannels,
    /// End every channel with `phx_error`.
    CrashChannels,
}

#[derive(Default)]
pub(crate) struct Hub {
    sockets: Mutex<Sockets>,
    pub(crate) faults: Faults,
    pub(crate) state: watch::Sender<RealtimeState>,
    /// Held while triggers are made.
    pub(crate) installing: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Sockets {
    next: u64,
    open: BTreeMap<u64, mpsc::UnboundedSender<Told>>,
}

impl Hub {
    pub(crate) fn enter(&self) -> (u64, mpsc::UnboundedReceiver<Told>) {
        let (sender, receiver) = mpsc::unbounded_channel();
        let mut sockets = self.sockets();
        sockets.next += 1;
        let id = sockets.next;
        sockets.open.insert(id, sender);
        drop(sockets);
        self.state.send_modify(|state| state.sockets += 1);
        (id, receiver)
    }

    pub(crate) fn leave(&self, id: u64) {
        self.sockets().open.remove(&id);
        self.state.send_modify(|state| state.sockets -= 1);
    }

    pub(crate) fn publish(&self, change: Change) {
        self.tell(&Told::Change(Arc::new(change)));
    }

    pub(crate) fn subscribed_again(&self) {
        self.tell(&Told::SubscribedAgain);
    }

    /// Tells every socket that is open now; how many there are.
    pub(crate) fn tell(&self, told: &Told) -> usize {
        self.sockets().open.values().filter(|socket| socket.send(told.clone()).is_ok()).count()
    }

    fn sockets(&self) -> std::sync::MutexGuard<'_, Sockets> {
        self.sockets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
