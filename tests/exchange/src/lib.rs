//! A stand-in for Binance spot: the real messages over REST and WebSocket, on a fast clock, with the faults of the real one.
//!
//! The market is a function of a seed, so that any candle of any time is known: [`Exchange::archive`] is the truth that a
//! host is held against.

mod amount;
mod archive;
mod clock;
mod exchange;
mod faults;
mod garble;
mod journal;
mod kline;
mod listen;
mod market;
mod random;
mod rest;
mod setup;
mod socket;
mod symbol;
mod walk;

pub use amount::Amount;
pub use exchange::Exchange;
pub(crate) use exchange::Shared;
pub use faults::{Answer, Effect, Fault, FaultId, Garbage, Match, Storm};
pub use journal::{Asked, Connection, Journal};
pub use kline::{FORMING_HIGH, Kline};
pub use setup::{Limits, Listing, Setup};
pub use symbol::Gone;
