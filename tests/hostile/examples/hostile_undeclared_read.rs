//! Reads what it may not: a symbol that is not there, beyond its lookback, an interval that it did not subscribe to, or the
//! market before its first candle.
#![cfg(target_arch = "wasm32")]

use std::cell::RefCell;

use hostile::raw::{Column, Description, ParamValue, Raw, Subscription, description, market, subscription, text, ways};

const LOOKBACK: u32 = 10;

thread_local! {
    static WAY: RefCell<String> = const { RefCell::new(String::new()) };
}

struct Reads;

impl Raw for Reads {
    fn describe() -> Description {
        Description { params: vec![ways(&["symbol", "lookback", "interval", "init"])], ..description() }
    }

    fn init(params: Vec<(String, ParamValue)>) -> Result<Subscription, String> {
        let way = text(params);
        if way == "init" {
            market::values(0, 0, Column::Close, 1);
        }
        WAY.set(way);
        Ok(subscription(50, LOOKBACK))
    }

    fn on_close(symbols: &[u32], _: &[f64]) -> Vec<f64> {
        let symbol = symbols.first().copied().unwrap_or_default();
        WAY.with_borrow(|way| match way.as_str() {
            "symbol" => market::values(1_000_000, 0, Column::Close, 1),
            "lookback" => market::values(symbol, 0, Column::Close, LOOKBACK + 1),
            "interval" => market::values(symbol, 1, Column::Close, 1),
            _ => Vec::new(),
        });
        Vec::new()
    }
}

hostile::raw::bindings::export!(Reads with_types_in hostile::raw::bindings);
