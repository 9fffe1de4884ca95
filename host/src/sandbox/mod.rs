//! Runs a guest: engine, budgets, ABI, instance. Knows nothing of traders' identity, of networks or of keys.

mod abi;
mod cell;
mod engine;
mod instance;
mod leash;
pub mod limits;
mod manifest;
mod outcome;
mod param;
mod schema;

pub use abi::{AbiVersion, GUEST_INTERFACE, Linked};
pub(crate) use cell::thread_cpu;
pub use cell::{Emission, LogLevel, LogLine};
pub use engine::{Metering, Ticker, engine};
pub use instance::{Evaluated, Fresh, Instance, StopFlag};
pub use leash::Cut;
#[cfg(test)]
pub(crate) use manifest::Described;
#[cfg(test)]
pub(crate) use manifest::tests::believed;
pub use manifest::{Hygiene, Manifest, Need, Plot, Subscription, Tag};
pub use outcome::{Fault, Outcome};
pub use param::{Param, ParamValue};
