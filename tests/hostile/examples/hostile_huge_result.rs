//! Returns far more plot values than it described: by default more than its memory holds, with `values` at 1,000,000 more
//! than a call may carry.
#![cfg(target_arch = "wasm32")]

use std::cell::Cell;

use hostile::raw::{Description, Param, ParamValue, Raw, Subscription, description, subscription};

const DEFAULT: i64 = 10_000_000;

thread_local! {
    static VALUES: Cell<usize> = const { Cell::new(0) };
}

struct Huge;

impl Raw for Huge {
    fn describe() -> Description {
        let values = Param {
            name: "values".into(),
            help: "How many values it returns.".into(),
            default: ParamValue::Integer(DEFAULT),
            minimum: Some(0.0),
            maximum: Some(100_000_000.0),
            choices: Vec::new(),
        };
        Description { params: vec![values], ..description() }
    }

    fn init(params: Vec<(String, ParamValue)>) -> Result<Subscription, String> {
        if let Some((_, ParamValue::Integer(values))) = params.first() {
            VALUES.set(*values as usize);
        }
        Ok(subscription(50, 0))
    }

    fn on_close(_: &[u32], _: &[f64]) -> Vec<f64> {
        vec![1.0; VALUES.get()]
    }
}

hostile::raw::bindings::export!(Huge with_types_in hostile::raw::bindings);
