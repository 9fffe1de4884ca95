//! Keeps a list of the symbols that it was told of, and says in its log who came and went. It traps when it is given a candle of
//! anybody else, or one that is not later than the last of its stream; so whoever runs it through a market that changes learns whether
//! the host told the truth. Its signals depend on the candle before.
#![cfg(target_arch = "wasm32")]

use std::cell::RefCell;
use std::collections::BTreeMap;

use hostile::raw::bindings::exports::vyx::trader::guest::Guest;
use hostile::raw::bindings::vyx::trader::diagnostics::log;
use hostile::raw::bindings::vyx::trader::types::{Level, OtherStream};
use hostile::raw::{
    Description, Hygiene, IntervalNeed, Param, ParamValue, Subscription, Symbol, Tag, description, signals,
};

#[derive(Default)]
struct State {
    names: BTreeMap<u32, String>,
    /// By interval and symbol: open time and close.
    last: BTreeMap<(u32, u32), (i64, f64)>,
    calls: i64,
    trap_at_call: i64,
    trap_on: String,
    poison: String,
}

thread_local! {
    static STATE: RefCell<State> = RefCell::default();
}

struct RollCall;

impl Guest for RollCall {
    fn describe() -> Description {
        let text = |name: &str, help: &str| Param {
            name: name.into(),
            help: help.into(),
            default: ParamValue::Text(String::new()),
            minimum: None,
            maximum: None,
            choices: Vec::new(),
        };
        let number = |name: &str, help: &str, default| Param {
            default: ParamValue::Integer(default),
            minimum: Some(0.0),
            maximum: Some(5_000.0),
            ..text(name, help)
        };
        Description {
            name: "Roll call".into(),
            summary: "Knows who is there.".into(),
            params: vec![
                text("only", "the symbols that it wants, with commas between; none for all"),
                text("other", "a symbol whose 1m candles it reads beside each"),
                text("trap_on", "a symbol at whose coming it traps"),
                text("poison", "1m candles at which it traps, as in S01USDT@1767571200000, with commas between"),
                number("trap_at_call", "the call with candles at which each instance traps; 0 for none", 0),
                number("warm_up", "candles of warm-up", 10),
                number("number", "makes another version of it", 0),
                number("cooldown_candles", "candles after a signal in which no further one is kept", 0),
                number("cooldown_minutes", "minutes after a signal in which no further one is kept", 0),
                number("on_transition", "1 to keep a signal only after a candle without one", 0),
                number("max_per_run", "signals kept at one close of one interval", 0),
            ],
            tags: vec![Tag { name: "up".into(), help: "the candle closed above the one before".into() }],
            ..description()
        }
    }

    fn init(params: Vec<(String, ParamValue)>, symbols: Vec<Symbol>) -> Result<Subscription, String> {
        std::panic::set_hook(Box::new(|panic| {
            let words = panic.payload_as_str().unwrap_or("no words");
            log(Level::Panic, words);
        }));
        let text = |wanted: &str| match params.iter().find(|(name, _)| name == wanted) {
            Some((_, ParamValue::Text(value))) => value.clone(),
            _ => String::new(),
        };
        let number = |wanted: &str| match params.iter().find(|(name, _)| name == wanted) {
            Some((_, ParamValue::Integer(value))) => *value,
            _ => 0,
        };
        let names = symbols.into_iter().map(|symbol| (symbol.id, symbol.name)).collect::<BTreeMap<_, _>>();
        log(Level::Info, &format!("init {}", names.values().cloned().collect::<Vec<_>>().join(" ")));
        STATE.replace(State {
            names,
            trap_at_call: number("trap_at_call"),
            trap_on: text("trap_on"),
            poison: text("poison"),
            ..State::default()
        });
        let warm_up = number("warm_up") as u32;
        let need = |interval: &str| IntervalNeed { interval: interval.into(), warm_up, lookback: 1 };
        let some = |symbol: String| (!symbol.is_empty()).then_some(symbol);
        Ok(Subscription {
            intervals: vec![need("1m"), need("5m")],
            symbols: text("only").split(',').filter_map(|symbol| some(symbol.to_owned())).collect(),
            other_streams: some(text("other")).map(|symbol| OtherStream { symbol, interval: 0 }).into_iter().collect(),
            hygiene: Hygiene {
                cooldown_candles: number("cooldown_candles") as u32,
                cooldown_ms: number("cooldown_minutes") as u64 * 60_000,
                on_transition: number("on_transition") > 0,
                max_per_run: number("max_per_run") as u32,
            },
        })
    }

    fn on_close(interval: u32, open_time: i64, _: i64, symbols: Vec<u32>, candles: Vec<f64>) -> Vec<f64> {
        STATE.with_borrow_mut(|state| {
            state.calls += 1;
            assert!(state.calls != state.trap_at_call, "call {}", state.calls);
            for (row, symbol) in symbols.iter().enumerate() {
                let name = state.names.get(symbol).unwrap_or_else(|| panic!("symbol {symbol} was not told"));
                let is_poison = |candle: &str| interval == 0 && candle == format!("{name}@{open_time}");
                assert!(!state.poison.split(',').any(is_poison), "{name} at {open_time}");
                let close = candles[row * 8 + 3];
                let last = state.last.insert((interval, *symbol), (open_time, close));
                if let Some((last_open, last_close)) = last {
                    assert!(last_open < open_time, "symbol {symbol}: {open_time} after {last_open}");
                    if close > last_close {
                        signals::emit(row as u32, 0);
                    }
                }
            }
        });
        Vec::new()
    }

    fn on_symbols(added: Vec<Symbol>, gone: Vec<u32>) {
        STATE.with_borrow_mut(|state| {
            for id in gone {
                let name = state.names.remove(&id).expect("somebody left who was not there");
                log(Level::Info, &format!("gone {id} {name}"));
            }
            for Symbol { id, name } in added {
                assert!(name != state.trap_on, "{name} came");
                log(Level::Info, &format!("came {id} {name}"));
                assert!(state.names.insert(id, name).is_none(), "symbol {id} came twice");
            }
        });
    }

    fn on_gap(_: u32, _: u32, _: i64, _: i64) {}
}

hostile::raw::bindings::export!(RollCall with_types_in hostile::raw::bindings);
