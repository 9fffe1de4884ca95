//! Runs a guest: engine, budgets, ABI, instance. Knows nothing of traders' identity, of networks or of keys.

mod abi;
mod cell;
mod engine;
mod instance;
mod leash;
pub mod limits;
mod manifest;
mod outcome;

pub use abi::{AbiVersion, GUEST_INTERFACE, Linked};
pub(crate) use cell::thread_cpu;
pub use cell::{Emission, LogLevel, LogLine};
pub use engine::{Metering, Ticker, engine};
pub use instance::{Evaluated, Fresh, Instance, StopFlag};
pub use leash::Cut;
pub use manifest::{Hygiene, Manifest, Need, Param, ParamValue, Plot, Subscription, Tag};
pub use outcome::{Fault, Outcome};
