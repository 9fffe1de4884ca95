//! Emits what it may not: for a candle behind the batch, a tag that it did not describe, or before its first candle.
#![cfg(target_arch = "wasm32")]

use std::cell::RefCell;

use hostile::raw::{Description, ParamValue, Raw, Subscription, description, signals, subscription, text, ways};

thread_local! {
    static WAY: RefCell<String> = const { RefCell::new(String::new()) };
}

struct Emits;

impl Raw for Emits {
    fn describe() -> Description {
        Description { params: vec![ways(&["index", "tag", "init"])], ..description() }
    }

    fn init(params: Vec<(String, ParamValue)>) -> Result<Subscription, String> {
        let way = text(params);
        if way == "init" {
            signals::emit(0, 0);
        }
        WAY.set(way);
        Ok(subscription(50, 0))
    }

    fn on_close(symbols: &[u32], _: &[f64]) -> Vec<f64> {
        // What was right before goes with the call.
        signals::emit(0, 0);
        WAY.with_borrow(|way| match way.as_str() {
            "index" => signals::emit(symbols.len() as u32, 0),
            _ => signals::emit(0, 1),
        });
        Vec::new()
    }
}

hostile::raw::bindings::export!(Emits with_types_in hostile::raw::bindings);
