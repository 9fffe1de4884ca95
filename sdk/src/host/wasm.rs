//! The imports of the component.

use super::Level;
use crate::bindings::vyx::trader::{diagnostics, market, signals, types};
use crate::{Column, Ticker};

pub(crate) fn emit(index: u32, tag: u32) {
    signals::emit(index, tag);
}

pub(crate) fn values(symbol: u32, interval: u32, column: Column, count: u32) -> Vec<f64> {
    let column = match column {
        Column::Open => types::Column::Open,
        Column::High => types::Column::High,
        Column::Low => types::Column::Low,
        Column::Close => types::Column::Close,
        Column::Volume => types::Column::Volume,
        Column::QuoteVolume => types::Column::QuoteVolume,
        Column::TakerVolume => types::Column::TakerVolume,
        Column::Trades => types::Column::Trades,
    };
    market::values(symbol, interval, column, count)
}

pub(crate) fn open_times(symbol: u32, interval: u32, count: u32) -> Vec<i64> {
    market::open_times(symbol, interval, count)
}

pub(crate) fn ticker(symbol: u32, interval: u32) -> Option<Ticker> {
    market::ticker(symbol, interval)
        .map(|ticker| Ticker { change_percent: ticker.change_percent, quote_volume: ticker.quote_volume })
}

pub(crate) fn log(level: Level, message: &str) {
    let level = match level {
        Level::Debug => types::Level::Debug,
        Level::Info => types::Level::Info,
        Level::Warn => types::Level::Warn,
        Level::Error => types::Level::Error,
    };
    diagnostics::log(level, message);
}
