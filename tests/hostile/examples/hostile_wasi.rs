//! A trader that imports a clock of WASI beside the trader's world.
#![cfg(target_arch = "wasm32")]
// Bindings are made here.
#![allow(unsafe_code)]

wit_bindgen::generate!({
    path: ["../../sdk/wit/v1", "wit-wasi"],
    world: "hostile:wasi/trader",
    generate_all,
});

use exports::vyx::trader::guest::{Description, Guest, ParamValue, Subscription, Symbol};
use vyx::trader::types::{Hygiene, IntervalNeed, Tag};
use wasi::clocks::monotonic_clock;

struct Clock;

impl Guest for Clock {
    fn describe() -> Description {
        Description {
            name: "Clock".into(),
            summary: format!("It is {}.", monotonic_clock::now()),
            sdk: "none 0.0.0".into(),
            params: Vec::new(),
            tags: vec![Tag { name: "tick".into(), help: "a candle closed".into() }],
            plots: Vec::new(),
        }
    }

    fn init(_: Vec<(String, ParamValue)>, _: Vec<Symbol>) -> Result<Subscription, String> {
        Ok(Subscription {
            intervals: vec![IntervalNeed { interval: "1m".into(), warm_up: 10, lookback: 0 }],
            symbols: Vec::new(),
            other_streams: Vec::new(),
            hygiene: Hygiene { cooldown_candles: 0, cooldown_ms: 0, on_transition: false, max_per_run: 0 },
        })
    }

    fn on_close(_: u32, _: i64, _: i64, _: Vec<u32>, _: Vec<f64>) -> Vec<f64> {
        Vec::new()
    }

    fn on_symbols(_: Vec<Symbol>, _: Vec<u32>) {}

    fn on_gap(_: u32, _: u32, _: i64, _: i64) {}
}

export!(Clock);
