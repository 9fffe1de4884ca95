//! Closed candles: what they are, where they come from, and the history of them that all traders share.

mod aggregate;
mod binance;
mod candle;
mod decimal;
mod feed;
mod history;
mod interval;
mod offer;
mod replay;
mod segment;
mod stream;
mod symbol;
mod synthetic;

pub use aggregate::{Aggregator, Bucket};
pub use binance::{
    Bell, BinanceFeed, CATCH_UP_MS, Choice, Exchange, ExchangeError, MarketStatus, MarketView, Start as BinanceStart,
};
pub use candle::{Candle, CandleFault, Column, VALUES_PER_CANDLE, Values};
pub use feed::{Feed, FeedError, SharedFeed};
pub use history::{History, HistorySize};
pub use interval::{Interval, IntervalError};
pub use offer::{CannotJoin, Offer};
pub use replay::{CandleInput, CandleSource, ReplayError, ReplayFeed};
pub use segment::{BatchRef, CloseRef, Gap, Segment, SegmentBuilder, SegmentError, Telling};
pub use stream::{CANDLE_BYTES, Came, Stream, Ticker};
pub use symbol::{SymbolError, SymbolId, Symbols};
pub(crate) use synthetic::Random;
pub use synthetic::SyntheticFeed;
