//! The ABI without the SDK between: for what the SDK does not let an author say.

#[allow(missing_docs, clippy::all)]
pub mod bindings {
    wit_bindgen::generate!({
        path: "../../sdk/wit/v1",
        world: "trader",
        pub_export_macro: true,
        default_bindings_module: "hostile::raw::bindings",
        // The SDK may be linked into the same module; sections of one name would be run together.
        type_section_suffix: "-hostile",
    });
}

pub use bindings::exports::vyx::trader::guest::Guest;
pub use bindings::vyx::trader::types::{
    Column, Description, Hygiene, IntervalNeed, Param, ParamValue, Plot, Subscription, Symbol, Tag,
};
pub use bindings::vyx::trader::{market, signals};

/// A guest that behaves wherever it does not say otherwise: it wants 1m candles and emits nothing.
pub trait Raw {
    /// The answer to `describe`.
    fn describe() -> Description {
        description()
    }

    /// The answer to `init`.
    ///
    /// # Errors
    ///
    /// A value that cannot be used, in words.
    fn init(_params: Vec<(String, ParamValue)>) -> Result<Subscription, String> {
        Ok(subscription(50, 0))
    }

    /// The answer to `on-close`.
    fn on_close(_symbols: &[u32], _candles: &[f64]) -> Vec<f64> {
        Vec::new()
    }
}

impl<T: Raw> Guest for T {
    fn describe() -> Description {
        T::describe()
    }

    fn init(params: Vec<(String, ParamValue)>, _: Vec<Symbol>) -> Result<Subscription, String> {
        T::init(params)
    }

    fn on_close(_: u32, _: i64, _: i64, symbols: Vec<u32>, candles: Vec<f64>) -> Vec<f64> {
        T::on_close(&symbols, &candles)
    }

    fn on_symbols(_: Vec<Symbol>, _: Vec<u32>) {}

    fn on_gap(_: u32, _: u32, _: i64, _: i64) {}
}

/// A plausible description: one tag, nothing else.
#[must_use]
pub fn description() -> Description {
    Description {
        name: "Raw".into(),
        summary: "Speaks the ABI without the SDK.".into(),
        sdk: "none 0.0.0".into(),
        params: Vec::new(),
        tags: vec![Tag { name: "up".into(), help: "the candle closed above its open".into() }],
        plots: Vec::new(),
    }
}

/// Candles of 1m, of every symbol.
#[must_use]
pub fn subscription(warm_up: u32, lookback: u32) -> Subscription {
    Subscription {
        intervals: vec![IntervalNeed { interval: "1m".into(), warm_up, lookback }],
        symbols: Vec::new(),
        other_streams: Vec::new(),
        hygiene: Hygiene { cooldown_candles: 0, cooldown_ms: 0, on_transition: false, max_per_run: 0 },
    }
}

/// A text parameter that says in which of these ways the trader misbehaves; the first one by default.
#[must_use]
pub fn ways(ways: &[&str]) -> Param {
    Param {
        name: "way".into(),
        help: "How it misbehaves.".into(),
        default: ParamValue::Text(ways.first().copied().unwrap_or_default().into()),
        minimum: None,
        maximum: None,
        choices: ways.iter().copied().map(String::from).collect(),
    }
}

/// The text that a trader with one text parameter was given.
#[must_use]
pub fn text(params: Vec<(String, ParamValue)>) -> String {
    match params.into_iter().next() {
        Some((_, ParamValue::Text(text))) => text,
        _ => String::new(),
    }
}
