//! Keeps the right traders running: compares what should run with what does, evaluates, recovers, gives up with a reason.

pub mod backoff;
mod fault_log;
mod fit;
mod fleet;
mod last_good;
pub mod plan;
mod reconcile;
mod reproduce;
mod runner;
pub(crate) mod warm_up;
mod watchdog;
mod witness;

pub use fault_log::FaultLog;
pub use fit::{Mismatch, fit, fitting};
pub use fleet::{Begin, Delivered, Fleet, Reading, Ready, Status, Tally, observe, room};
pub use last_good::LastGood;
pub use reconcile::{Change, Cursors, Fit, Fitted, Means, Reconciler, State, Verdict};
pub(crate) use reproduce::close_moment;
pub use reproduce::{Reproduce, Rerun};
pub use runner::{Counts, FaultReport, Resume};
pub use witness::{Evaluation, Witness, Witnesses};
