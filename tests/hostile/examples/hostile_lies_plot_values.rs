//! Describes a plot of one line and returns one value too many.
#![cfg(target_arch = "wasm32")]

use hostile::raw::{Description, Plot, Raw, description};

struct Lies;

impl Raw for Lies {
    fn describe() -> Description {
        let plot = Plot { id: "close".into(), title: "Close".into(), panel: "price".into(), lines: 1 };
        Description { plots: vec![plot], ..description() }
    }

    fn on_close(symbols: &[u32], _: &[f64]) -> Vec<f64> {
        vec![1.0; symbols.len() + 1]
    }
}

hostile::raw::bindings::export!(Lies with_types_in hostile::raw::bindings);
