//! What a test can do to Realtime and see of it.

use std::sync::{Mutex, PoisonError};

use super::hub::{Hub, Told};
use crate::log::HANG_GUARD;

/// What goes wrong. The handshake is an HTTP request: refuse it by a [`crate::Fault`] on `/realtime/v1/websocket`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RealtimeFault {
    /// `phx_join` gets no answer.
    DropJoin,
    /// `phx_join` is answered with `error` and this reason: `InitializingProjectConnection: …`.
    RefuseJoin(String),
    /// The join is answered, but neither the `system` message nor any change follows.
    NoSystem,
    /// The join is answered, then comes a `system` message with `status: "error"` and this message.
    SystemError(String),
    /// Heartbeats get no answer.
    NoHeartbeat,
    /// Changes are not delivered.
    DropChanges,
}

/// Names a fault that is in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RealtimeFaultId(u64);

/// Numbers of now, and since the start where that is said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RealtimeState {
    /// Open WebSockets.
    pub sockets: usize,
    /// Sockets that were told to go dead and are still open.
    pub frozen: usize,
    /// Channels that were joined.
    pub channels: usize,
    /// Channels that were told that they are subscribed to changes.
    pub live: usize,
    /// `phx_join` messages since the start.
    pub joins: u64,
    /// Heartbeats since the start, answered or not.
    pub heartbeats: u64,
    /// Messages with a change sent since the start.
    pub changes: u64,
    /// Changes held back by [`RealtimeFault::DropChanges`] since the start, one for each channel.
    pub dropped: u64,
}

#[derive(Default)]
pub(crate) struct Faults(Mutex<FaultList>);

#[derive(Default)]
struct FaultList {
    next: u64,
    list: Vec<(RealtimeFaultId, RealtimeFault, Option<u64>)>,
}

impl Faults {
    /// The first fault in force that fits, if there is one.
    pub(crate) fn take(&self, fits: impl Fn(&RealtimeFault) -> bool) -> Option<RealtimeFault> {
        let mut faults = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (_, fault, times) = faults.list.iter_mut().find(|(_, fault, times)| *times != Some(0) && fits(fault))?;
        *times = times.map(|times| times - 1);
        Some(fault.clone())
    }
}

/// The controls of Realtime, by [`crate::Standin::realtime`].
pub struct Realtime<'s>(pub(crate) &'s Hub);

impl Realtime<'_> {
    /// Injects a fault until it is removed.
    pub fn inject(&self, fault: RealtimeFault) -> RealtimeFaultId {
        self.add(fault, None)
    }

    /// Injects a fault that happens this many times.
    pub fn inject_times(&self, fault: RealtimeFault, times: u64) -> RealtimeFaultId {
        self.add(fault, Some(times))
    }

    fn add(&self, fault: RealtimeFault, times: Option<u64>) -> RealtimeFaultId {
        let mut faults = self.0.faults.0.lock().unwrap_or_else(PoisonError::into_inner);
        faults.next += 1;
        let id = RealtimeFaultId(faults.next);
        faults.list.push((id, fault, times));
        id
    }

    /// Ends a fault.
    pub fn remove(&self, id: RealtimeFaultId) {
        let mut faults = self.0.faults.0.lock().unwrap_or_else(PoisonError::into_inner);
        faults.list.retain(|(other, ..)| *other != id);
    }

    /// Ends all faults. Sockets that are dead stay so.
    pub fn clear(&self) {
        self.0.faults.0.lock().unwrap_or_else(PoisonError::into_inner).list.clear();
    }

    /// Closes all connections without a word; how many there were.
    pub fn cut(&self) -> usize {
        self.0.tell(&Told::Cut)
    }

    /// Lets all connections go dead: they stay open, but nothing is read or written any more. How many there were.
    pub fn freeze(&self) -> usize {
        self.0.tell(&Told::Freeze)
    }

    /// Ends all channels as a server that shuts them: `system` with `status: "error"`, then `phx_close`.
    pub fn close_channels(&self) -> usize {
        self.0.tell(&Told::CloseChannels)
    }

    /// Ends all channels as a server on which they crashed: `phx_error`.
    pub fn crash_channels(&self) -> usize {
        self.0.tell(&Told::CrashChannels)
    }

    /// The numbers of now.
    pub fn state(&self) -> RealtimeState {
        *self.0.state.borrow()
    }

    /// Waits until the numbers are as wanted and returns them.
    ///
    /// # Panics
    ///
    /// After a minute, with `what` in the message.
    pub async fn wait_until(&self, what: &str, wanted: impl FnMut(&RealtimeState) -> bool) -> RealtimeState {
        let mut state = self.0.state.subscribe();
        match tokio::time::timeout(HANG_GUARD, state.wait_for(wanted)).await {
            Ok(Ok(state)) => *state,
            _ => panic!("waited {HANG_GUARD:?} in vain for {what}; now: {:?}", self.state()),
        }
    }
}
