//! Candles for unit tests.

use crate::{Candle, Interval};

pub(super) fn candle(open: f64, high: f64, low: f64, close: f64, volume: f64) -> Candle {
    Candle {
        interval: Interval::M1,
        open_time_ms: 1_735_689_600_000,
        open,
        high,
        low,
        close,
        volume,
        quote_volume: f64::NAN,
        taker_volume: f64::NAN,
        trades: f64::NAN,
    }
}

pub(super) fn flat(price: f64, volume: f64) -> Candle {
    candle(price, price, price, price, volume)
}
