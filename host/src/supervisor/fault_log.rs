//! Faults, kept until somebody takes them.

use std::sync::{Mutex, PoisonError};

use super::runner::FaultReport;
use super::witness::{Evaluation, Witness};
use crate::ids::TraderId;

/// Faults that are kept. Each waits for a backoff, so few come between two looks.
const KEPT: usize = 1_000;

/// See the module.
#[derive(Debug, Default)]
pub struct FaultLog(Mutex<Vec<(TraderId, FaultReport)>>);

impl FaultLog {
    /// Takes those that came since they were last taken, those of each trader in their order.
    pub fn take(&self) -> Vec<(TraderId, FaultReport)> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Witness for FaultLog {
    fn evaluated(&self, _: &Evaluation<'_>) {}

    fn faulted(&self, trader: TraderId, fault: &FaultReport) {
        let mut faults = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if faults.len() < KEPT {
            faults.push((trader, fault.clone()));
        }
    }
}
