//! From what a trader found to a signal that somebody receives: hygiene, identity, stamp, sink.

mod chart;
pub mod hygiene;
pub mod identity;
mod jsonl;
pub mod outbox;
mod sink;
mod stamp;

pub use chart::{Kline, klines};
pub use jsonl::JsonLines;
pub use sink::{Burst, Sink, Tee};
pub use stamp::{Origin, Provenance, StampedSignal};

use crate::market::{Interval, SymbolId, Ticker};

/// A signal as the evaluation leaves it, before it has an identity.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// The market.
    pub symbol: SymbolId,
    /// The interval of the candle.
    pub interval: Interval,
    /// When the candle opened.
    pub open_time_ms: i64,
    /// When it closed.
    pub close_time_ms: i64,
    /// The index of the tag in the manifest.
    pub tag: usize,
    /// The close of the candle.
    pub price: f64,
    /// The rolling 24 h figures, where there are any.
    pub ticker: Option<Ticker>,
    /// The plotted values of the candle.
    pub plots: Vec<f64>,
    /// The candles up to this one, for a chart; none where nobody draws one.
    pub chart: Vec<Kline>,
    /// It was found while warm-up was replayed: it says what the trader would have said.
    pub historical: bool,
    /// Whether the stream had had its whole warm-up before this candle.
    pub warm: bool,
    /// Open time of the first candle of this stream that the instance saw.
    pub first_open_ms: i64,
    /// Base candles that the aggregated candle lacks.
    pub missing: u32,
    /// The candle came after its deadline, when later ones had been told.
    pub late: bool,
    /// The candle had to be asked for.
    pub backfilled: bool,
    /// Declared other streams that had no candle at this close.
    pub streams_missing: Vec<String>,
}
