//! A stand-in for Supabase over a real PostgreSQL: gateway, PostgREST, Storage and Realtime, as far as the host uses them.
//!
//! Grants, policies, constraints and triggers are real, because the statements run in PostgreSQL with the role and the
//! claims of the caller; what the services add to it is rebuilt here and checked by the official client (`js/`).

pub mod cluster;
mod connection;
mod faults;
mod gateway;
mod keys;
mod log;
pub mod people;
mod pool;
mod postgres;
mod realtime;
mod response;
mod rest;
mod serve;
pub mod sql;
mod standin;
mod storage;
mod template;

pub use faults::{Answer, Effect, Fault, FaultId, Match};
pub use log::Entry;
pub use realtime::{Realtime, RealtimeFault, RealtimeFaultId, RealtimeState};
pub(crate) use standin::Shared;
pub use standin::Standin;
