//! Candles from files: CSV, data.binance.vision archives, and recorded REST answers.

mod candles;
mod columns;
mod error;
mod feed;
mod json;
mod lane;
mod load;
mod number;
mod rows;
mod source;
mod streams;

pub use error::ReplayError;
pub use feed::ReplayFeed;
pub use source::CandleSource;
pub use streams::CandleInput;
