//! The exports of the component.

use std::cell::RefCell;

use crate::bindings::vyx::trader::{diagnostics, types};
use crate::runtime::Runtime;
use crate::{Trader, Value};

/// The component's one instance of a trader. A module is called by one thread at a time.
pub struct Slot<T: Trader>(RefCell<Option<Runtime<T>>>);

impl<T: Trader> Slot<T> {
    /// A slot without a trader.
    #[must_use]
    pub const fn empty() -> Self {
        Self(RefCell::new(None))
    }

    fn with<R>(&self, call: impl FnOnce(&mut Runtime<T>) -> R) -> R {
        match self.0.borrow_mut().as_mut() {
            Some(runtime) => call(runtime),
            None => panic!("called before init"),
        }
    }
}

pub fn describe<T: Trader>() -> types::Description {
    report_panics();
    types::Description {
        name: T::NAME.to_owned(),
        summary: T::SUMMARY.to_owned(),
        sdk: concat!("vyx-sdk ", env!("CARGO_PKG_VERSION")).to_owned(),
        params: <T::Params as crate::Params>::specs()
            .into_iter()
            .map(|spec| types::Param {
                name: spec.name.to_owned(),
                help: spec.help.to_owned(),
                default: value_out(spec.default),
                minimum: spec.minimum,
                maximum: spec.maximum,
                choices: spec.choices.into_iter().map(str::to_owned).collect(),
            })
            .collect(),
        tags: T::TAGS.iter().map(|tag| types::Tag { name: tag.name.to_owned(), help: tag.help.to_owned() }).collect(),
        plots: T::PLOTS
            .iter()
            .map(|plot| types::Plot {
                id: plot.id.to_owned(),
                title: plot.title.to_owned(),
                panel: plot.panel.to_owned(),
                lines: plot.lines,
            })
            .collect(),
    }
}

pub fn init<T: Trader>(
    slot: &Slot<T>,
    params: Vec<(String, types::ParamValue)>,
    symbols: Vec<types::Symbol>,
) -> Result<types::Subscription, String> {
    report_panics();
    let params = params.into_iter().map(|(name, value)| (name, value_in(value))).collect();
    let (runtime, subscription) = Runtime::<T>::init(params, pairs(symbols))?;
    *slot.0.borrow_mut() = Some(runtime);
    let index_of =
        |interval| subscription.needs.iter().position(|need| need.interval == interval).unwrap_or(usize::MAX) as u32;
    Ok(types::Subscription {
        other_streams: subscription
            .other_streams
            .iter()
            .map(|(symbol, interval)| types::OtherStream { symbol: symbol.clone(), interval: index_of(*interval) })
            .collect(),
        intervals: subscription
            .needs
            .iter()
            .map(|need| types::IntervalNeed {
                interval: need.interval.as_str().to_owned(),
                warm_up: need.warm_up,
                lookback: need.lookback,
            })
            .collect(),
        symbols: subscription.symbols,
        hygiene: types::Hygiene {
            cooldown_candles: subscription.cooldown_candles,
            cooldown_ms: subscription.cooldown_ms,
            on_transition: subscription.on_transition,
            max_per_run: subscription.max_per_run,
        },
    })
}

pub fn on_close<T: Trader>(
    slot: &Slot<T>,
    interval: u32,
    open_time_ms: i64,
    symbols: &[u32],
    candles: &[f64],
) -> Vec<f64> {
    slot.with(|runtime| runtime.on_close(interval, open_time_ms, symbols, candles))
}

pub fn on_symbols<T: Trader>(slot: &Slot<T>, added: Vec<types::Symbol>, gone: &[u32]) {
    slot.with(|runtime| runtime.on_symbols(pairs(added), gone));
}

pub fn on_gap<T: Trader>(slot: &Slot<T>, symbol: u32, interval: u32, from_ms: i64, until_ms: i64) {
    slot.with(|runtime| runtime.on_gap(symbol, interval, from_ms, until_ms));
}

/// Hands message, file and line of a panic to the host, since a trap carries neither.
fn report_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let message = panic.payload_as_str().unwrap_or("panic without a text");
        let line = match panic.location() {
            Some(at) => format!("{}:{}: {message}", at.file(), at.line()),
            None => message.to_owned(),
        };
        diagnostics::log(types::Level::Panic, &line);
    }));
}

fn pairs(symbols: Vec<types::Symbol>) -> Vec<(u32, String)> {
    symbols.into_iter().map(|symbol| (symbol.id, symbol.name)).collect()
}

fn value_in(value: types::ParamValue) -> Value {
    match value {
        types::ParamValue::Boolean(value) => Value::Boolean(value),
        types::ParamValue::Integer(value) => Value::Integer(value),
        types::ParamValue::Number(value) => Value::Number(value),
        types::ParamValue::Text(value) => Value::Text(value),
    }
}

fn value_out(value: Value) -> types::ParamValue {
    match value {
        Value::Boolean(value) => types::ParamValue::Boolean(value),
        Value::Integer(value) => types::ParamValue::Integer(value),
        Value::Number(value) => types::ParamValue::Number(value),
        Value::Text(value) => types::ParamValue::Text(value),
    }
}
