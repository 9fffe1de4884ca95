//! What is handed to the fleet, and what keeps it from starting what was stopped meanwhile.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::ids::TraderId;
use crate::module::Module;
use crate::ownership::OwnedTrader;
use crate::sandbox::{ParamValue, Subscription};
use crate::supervisor::plan::Version;
use crate::supervisor::runner::Resume;

/// A trader that shall run: owned, admitted, its parameters checked.
pub struct Ready {
    /// Whose it is.
    pub owned: OwnedTrader,
    /// What runs.
    pub version: Version,
    /// Its module.
    pub module: Arc<Module>,
    /// Its parameters.
    pub params: Vec<(String, ParamValue)>,
    /// What it wants with them.
    pub subscription: Subscription,
    /// Where it begins.
    pub begin: Begin,
}

/// Where a trader begins that does not take another one's place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Begin {
    /// It has said nothing yet. What it says of candles that are there already is historical, and so is what closes up to this time:
    /// when it was enabled, where the feed follows the clock.
    Anew(Option<i64>),
    /// It was judged up to this close time, as a recording says.
    At(i64),
    /// It ran when this host last stopped.
    Resume(Resume),
}

/// When a read of the registry began. What was stopped later than that, the read cannot start again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reading(pub(super) u64);

/// Traders that were stopped without a read of the registry.
#[derive(Debug, Default)]
pub(super) struct Bars {
    /// Stops so far.
    pub(super) count: u64,
    /// The number of the last stop of a trader.
    pub(super) stops: BTreeMap<TraderId, u64>,
}
