//! Realtime: the protocol of Phoenix channels over a WebSocket, and the changes of tables in the publication.

mod capture;
mod control;
mod delivery;
mod filter;
mod hub;
mod join;
mod protocol;
mod session;

pub(crate) use capture::{SCHEMA, run as run_capture};
pub use control::{Realtime, RealtimeFault, RealtimeFaultId, RealtimeState};
pub(crate) use hub::Hub;

/// Tells every socket to close without a word.
pub(crate) const CUT: hub::Told = hub::Told::Cut;
pub(crate) use session::Handshake;
