//! The shape of a report's data: what the script of the page reads.

use std::collections::BTreeMap;

use serde::Serialize;

use super::columns::Packed;
use super::forward::{HorizonReturns, TagReturns};
use super::spread::Spread;
use crate::market::Interval;
use crate::module::Digest;
use crate::sandbox::{Hygiene, Need, Outcome, Param, ParamValue, Plot, Tag};
use crate::supervisor::FaultReport;

/// All of a report. Words of strangers in it have been through `text::shown`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    pub(super) trader: Trader,
    pub(super) params: Vec<ParamSet>,
    pub(super) tags: Vec<Tag>,
    pub(super) plots: Vec<Plot>,
    pub(super) subscription: Wanted,
    /// Signals that closed before are warm-up and not shown.
    pub(super) from_ms: Option<i64>,
    /// Signals that closed later are not shown.
    pub(super) to_ms: Option<i64>,
    pub(super) streams: Vec<StreamData>,
    pub(super) signals: Vec<SignalData>,
    pub(super) gaps: Vec<GapData>,
    pub(super) returns: Returns,
    pub(super) cost: Cost,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Trader {
    pub(super) name: String,
    pub(super) summary: String,
    pub(super) sdk: String,
    pub(super) abi: &'static str,
    pub(super) module_sha256: Digest,
    pub(super) module_bytes: usize,
}

/// A parameter as the trader describes it, and what it ran with.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct ParamSet {
    pub(super) value: ParamValue,
    #[serde(flatten)]
    pub(super) described: Param,
}

/// What the trader subscribed to.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Wanted {
    pub(super) needs: Vec<Need>,
    /// Empty means all.
    pub(super) symbols: Vec<String>,
    /// As SYMBOL:INTERVAL.
    pub(super) other_streams: Vec<String>,
    pub(super) hygiene: Hygiene,
}

/// The candles of a stream, as columns.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct StreamData {
    pub(super) symbol: String,
    pub(super) interval: Interval,
    pub(super) interval_ms: i64,
    pub(super) candles: usize,
    /// Candles for which the trader was called, and returned.
    pub(super) evaluated: usize,
    /// Open times: the first of a run without a hole, and how many it has.
    pub(super) runs: Vec<(i64, usize)>,
    pub(super) open: Packed,
    pub(super) high: Packed,
    pub(super) low: Packed,
    pub(super) close: Packed,
    pub(super) volume: Packed,
    /// One for each line of each plot.
    pub(super) lines: Vec<Packed>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct SignalData {
    /// Index into the streams.
    pub(super) stream: usize,
    /// Index of the candle in its stream.
    pub(super) candle: usize,
    pub(super) open_time_ms: i64,
    pub(super) close_time_ms: i64,
    pub(super) tag: String,
    pub(super) price: f64,
    /// Percent, one for each horizon.
    pub(super) after_percent: Vec<Option<f64>>,
    /// Whether the declared warm-up had been seen.
    pub(super) warm: bool,
    /// Found while a warm-up was replayed.
    pub(super) historical: bool,
    /// Base candles that an aggregated candle lacks.
    pub(super) missing_base_candles: u32,
    /// Declared other streams that had no candle.
    pub(super) missing_streams: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct GapData {
    /// Index into the streams.
    pub(super) stream: usize,
    pub(super) from_open_ms: i64,
    pub(super) until_open_ms: i64,
    pub(super) missing: i64,
}

/// What price did after the signals.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Returns {
    pub(super) horizons: Vec<u32>,
    pub(super) tags: Vec<TagReturns>,
    /// After every candle of the streams that have signals, to hold the others against.
    pub(super) every_candle: Vec<HorizonReturns>,
}

/// How the calls ended and what they cost.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Cost {
    /// Candles that were looked at, those of repeated warm-ups included.
    pub(super) evaluations: u64,
    pub(super) held_back: u64,
    pub(super) instances: u64,
    /// Calls by how they ended.
    pub(super) outcomes: BTreeMap<Outcome, u64>,
    pub(super) quarantined: bool,
    pub(super) faults: Vec<FaultReport>,
    /// Held back by the limit of a minute alone.
    pub(super) over_limit: u64,
    pub(super) log_lines_dropped: u64,
    pub(super) longest_call_fuel: u64,
    pub(super) longest_call_symbols: usize,
    /// Fuel of an evaluation.
    pub(super) fuel: Option<Spread>,
    pub(super) fuel_total: u64,
    pub(super) peak_memory_bytes: usize,
    pub(super) memory_budget_bytes: usize,
    pub(super) cpu_budget_ms: u128,
}
