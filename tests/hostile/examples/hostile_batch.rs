//! Looks at what a batch is and not at its candles, by `way`: the `place` of a symbol in it, its `size`, the number of `calls` so
//! far, or the `id` of a symbol.
#![cfg(target_arch = "wasm32")]

use std::cell::{Cell, RefCell};

use hostile::raw::{Description, ParamValue, Raw, Subscription, description, signals, subscription, text, ways};

thread_local! {
    static WAY: RefCell<String> = const { RefCell::new(String::new()) };
    static CALLS: Cell<u32> = const { Cell::new(0) };
}

struct Batch;

impl Raw for Batch {
    fn describe() -> Description {
        Description { params: vec![ways(&["place", "size", "calls", "id"])], ..description() }
    }

    fn init(params: Vec<(String, ParamValue)>) -> Result<Subscription, String> {
        WAY.set(text(params));
        Ok(subscription(50, 0))
    }

    fn on_close(symbols: &[u32], _: &[f64]) -> Vec<f64> {
        CALLS.set(CALLS.get() + 1);
        let signal = |is_due: bool, index: u32| {
            if is_due {
                signals::emit(index, 0);
            }
        };
        WAY.with_borrow(|way| {
            for (index, symbol) in (0..).zip(symbols) {
                match way.as_str() {
                    "place" => signal(index == 0, index),
                    "size" => signal(symbols.len() > 1, index),
                    "calls" => signal(CALLS.get().is_multiple_of(7), index),
                    _ => signal(symbol.is_multiple_of(2), index),
                }
            }
        });
        Vec::new()
    }
}

hostile::raw::bindings::export!(Batch with_types_in hostile::raw::bindings);
