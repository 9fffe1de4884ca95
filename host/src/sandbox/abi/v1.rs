//! `vyx:trader@1`: the bindings of `sdk/wit/v1`, and what its imports do.

use wasmtime::component::{HasSelf, Linker};
use wasmtime::{Result, Store};

use crate::market::Column;
use crate::sandbox::cell::{Cell, LogLevel};
use crate::sandbox::manifest::{Described, Hygiene, Plot, Subscribed, Tag};
use crate::sandbox::param::{Param, ParamValue};

wasmtime::component::bindgen!({
    path: "../sdk/wit/v1",
    world: "trader",
    imports: { default: trappable },
});

use exports::vyx::trader::guest;
use vyx::trader::{diagnostics, market, signals, types};

pub(super) use TraderPre as Bound;

/// Interfaces that a component may import.
pub(super) const IMPORTS: &[&str] =
    &["vyx:trader/types@1.0.0", "vyx:trader/market@1.0.0", "vyx:trader/signals@1.0.0", "vyx:trader/diagnostics@1.0.0"];

/// See [`super::Linked`].
#[derive(Clone)]
pub struct Linked(Bound<Cell>);

impl Linked {
    pub(super) fn new(pre: wasmtime::component::InstancePre<Cell>) -> Result<Self> {
        Ok(Self(Bound::new(pre)?))
    }

    pub(super) fn instantiate(&self, store: &mut Store<Cell>) -> Result<Guest> {
        self.0.instantiate(store)
    }
}

/// See [`super::Guest`].
pub(in crate::sandbox) type Guest = Trader;

pub(super) fn link(linker: &mut Linker<Cell>) -> Result<()> {
    Trader::add_to_linker::<_, HasSelf<_>>(linker, |cell| cell)
}

pub(super) fn describe(guest: &Guest, store: &mut Store<Cell>) -> Result<Described> {
    let described = guest.vyx_trader_guest().call_describe(store)?;
    Ok(Described {
        name: described.name,
        summary: described.summary,
        sdk: described.sdk,
        params: described
            .params
            .into_iter()
            .map(|param| Param {
                name: param.name,
                help: param.help,
                default: value_out(param.default),
                minimum: param.minimum,
                maximum: param.maximum,
                choices: param.choices,
            })
            .collect(),
        tags: described.tags.into_iter().map(|tag| Tag { name: tag.name, help: tag.help }).collect(),
        plots: described
            .plots
            .into_iter()
            .map(|plot| Plot { id: plot.id, title: plot.title, panel: plot.panel, lines: plot.lines })
            .collect(),
    })
}

pub(super) fn init(
    guest: &Guest,
    store: &mut Store<Cell>,
    params: &[(String, ParamValue)],
    symbols: &[(u32, String)],
) -> Result<Result<Subscribed, String>> {
    let params: Vec<(String, guest::ParamValue)> =
        params.iter().map(|(name, value)| (name.clone(), value_in(value))).collect();
    let answer = guest.vyx_trader_guest().call_init(store, &params, &named(symbols))?;
    Ok(answer.map(|subscription| Subscribed {
        needs: subscription.intervals.into_iter().map(|need| (need.interval, need.warm_up, need.lookback)).collect(),
        symbols: subscription.symbols,
        other_streams: subscription.other_streams.into_iter().map(|other| (other.symbol, other.interval)).collect(),
        hygiene: Hygiene {
            cooldown_candles: subscription.hygiene.cooldown_candles,
            cooldown_ms: subscription.hygiene.cooldown_ms,
            on_transition: subscription.hygiene.on_transition,
            max_per_run: subscription.hygiene.max_per_run,
        },
    }))
}

#[inline]
pub(super) fn on_close(
    guest: &Guest,
    store: &mut Store<Cell>,
    interval: u32,
    open_time_ms: i64,
    close_time_ms: i64,
    symbols: &[u32],
    values: &[f64],
) -> Result<Vec<f64>> {
    guest.vyx_trader_guest().call_on_close(store, interval, open_time_ms, close_time_ms, symbols, values)
}

pub(super) fn on_symbols(guest: &Guest, store: &mut Store<Cell>, added: &[(u32, String)], gone: &[u32]) -> Result<()> {
    guest.vyx_trader_guest().call_on_symbols(store, &named(added), gone)
}

pub(super) fn on_gap(
    guest: &Guest,
    store: &mut Store<Cell>,
    symbol: u32,
    interval: u32,
    first_ms: i64,
    until_ms: i64,
) -> Result<()> {
    guest.vyx_trader_guest().call_on_gap(store, symbol, interval, first_ms, until_ms)
}

fn named(symbols: &[(u32, String)]) -> Vec<types::Symbol> {
    symbols.iter().map(|(id, name)| types::Symbol { id: *id, name: name.clone() }).collect()
}

fn value_in(value: &ParamValue) -> types::ParamValue {
    match value {
        ParamValue::Boolean(value) => types::ParamValue::Boolean(*value),
        ParamValue::Integer(value) => types::ParamValue::Integer(*value),
        ParamValue::Number(value) => types::ParamValue::Number(*value),
        ParamValue::Text(value) => types::ParamValue::Text(value.clone()),
    }
}

fn value_out(value: types::ParamValue) -> ParamValue {
    match value {
        types::ParamValue::Boolean(value) => ParamValue::Boolean(value),
        types::ParamValue::Integer(value) => ParamValue::Integer(value),
        types::ParamValue::Number(value) => ParamValue::Number(value),
        types::ParamValue::Text(value) => ParamValue::Text(value),
    }
}

impl types::Host for Cell {}

impl market::Host for Cell {
    fn values(&mut self, symbol: u32, interval: u32, column: types::Column, count: u32) -> Result<Vec<f64>> {
        let column = match column {
            types::Column::Open => Column::Open,
            types::Column::High => Column::High,
            types::Column::Low => Column::Low,
            types::Column::Close => Column::Close,
            types::Column::Volume => Column::Volume,
            types::Column::QuoteVolume => Column::QuoteVolume,
            types::Column::TakerVolume => Column::TakerVolume,
            types::Column::Trades => Column::Trades,
        };
        self.read(symbol, interval, count, |stream, range| {
            stream.column(column).get(range).map(<[f64]>::to_vec).unwrap_or_default()
        })
    }

    fn open_times(&mut self, symbol: u32, interval: u32, count: u32) -> Result<Vec<i64>> {
        self.read(symbol, interval, count, |stream, range| {
            stream.open_times().get(range).map(<[i64]>::to_vec).unwrap_or_default()
        })
    }

    fn ticker(&mut self, symbol: u32, interval: u32) -> Result<Option<types::TickerFigures>> {
        let ticker = self.rolling(symbol, interval)?;
        Ok(ticker.map(|ticker| types::TickerFigures {
            change_percent: ticker.change_percent,
            quote_volume: ticker.quote_volume,
        }))
    }
}

impl signals::Host for Cell {
    fn emit(&mut self, index: u32, tag: u32) -> Result<()> {
        self.emit(index, tag)
    }
}

impl diagnostics::Host for Cell {
    fn log(&mut self, level: types::Level, message: String) -> Result<()> {
        let level = match level {
            types::Level::Debug => LogLevel::Debug,
            types::Level::Info => LogLevel::Info,
            types::Level::Warn => LogLevel::Warn,
            types::Level::Error => LogLevel::Error,
            types::Level::Panic => LogLevel::Panic,
        };
        self.log(level, &message);
        Ok(())
    }
}
