//! Who is told what traders make of each candle, beside their signals: for reports.

use std::sync::Arc;

use super::runner::FaultReport;
use crate::ids::TraderId;
use crate::market::Interval;

/// What a trader made of the candles of one call that returned.
#[derive(Debug, Clone, Copy)]
pub struct Evaluation<'a> {
    /// The trader.
    pub trader: TraderId,
    /// The interval of the candles.
    pub interval: Interval,
    /// When they opened, UTC milliseconds.
    pub open_time_ms: i64,
    /// Ids of their symbols, ascending.
    pub symbols: &'a [u32],
    /// The plotted values, symbol by symbol; NaN for none.
    pub plots: &'a [f64],
    /// Fuel that the call burnt, where it is counted.
    pub fuel: Option<u64>,
}

/// Told of every evaluation and of every fault. A candle is told again when a new instance is warmed up after a fault; what was told
/// first is what its signals came from. It must not call the fleet, and it holds its trader up.
pub trait Witness: Send + Sync {
    /// A call returned.
    fn evaluated(&self, evaluation: &Evaluation<'_>);

    /// A call did not return.
    fn faulted(&self, trader: TraderId, fault: &FaultReport);
}

/// Tells several.
pub struct Witnesses(pub Vec<Arc<dyn Witness>>);

impl Witness for Witnesses {
    fn evaluated(&self, evaluation: &Evaluation<'_>) {
        self.0.iter().for_each(|witness| witness.evaluated(evaluation));
    }

    fn faulted(&self, trader: TraderId, fault: &FaultReport) {
        self.0.iter().for_each(|witness| witness.faulted(trader, fault));
    }
}
