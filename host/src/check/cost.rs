//! What a start and an hour of a hundred symbols take, beside the budgets of production.

use std::time::Duration;

use super::market::{Market, history};
use super::play::{Play, Stumble};
use super::said::Said;
use super::{Check, Grade, Line, Subject};
use crate::market::{FeedError, Interval, Segment, SymbolId, Symbols};
use crate::sandbox::{limits, thread_cpu};
use crate::signal::hygiene::{Asking, Keeper};
use crate::supervisor::warm_up::{Position, WarmUps};

/// As many symbols as a host watches, unless it is told otherwise.
const SYMBOLS: usize = 100;
/// Live closes after the start.
const LIVE: usize = 60;
/// From this part of a budget on an author is warned: another market may take twice as much.
const NEAR: f64 = 0.5;

/// A budget and what was used of it.
struct Use {
    name: &'static str,
    /// Its name with the unit, for programs.
    key: &'static str,
    used: f64,
    budget: f64,
    /// Both in words.
    words: String,
}

impl Use {
    fn part(&self) -> f64 {
        self.used / self.budget
    }

    fn percent(&self) -> String {
        match self.part() * 100.0 {
            percent if percent > 0.0 && percent < 1.0 => "below 1 %".to_owned(),
            percent => format!("{percent:.0} %"),
        }
    }
}

/// What was measured.
#[derive(Default)]
struct Measured {
    /// Of so many that closed at once.
    symbols: usize,
    warm_up: Duration,
    /// The greatest part of its budget that a call took, with that call's time and budget.
    call: (f64, Duration, Duration),
    memory_bytes: usize,
    log_bytes: usize,
    log_dropped: u64,
    signals_a_candle: u32,
    signals_a_minute: u32,
}

pub(super) fn check(subject: &Subject<'_>) -> Result<Line, FeedError> {
    let crowd = crowd(subject)?;
    let measured = match play(subject, &crowd) {
        Ok(measured) => measured,
        Err(stumble) => {
            let advice = format!("it does not bear {SYMBOLS} symbols: mend it, or name the symbols that it wants");
            return Ok(Line::fails(Check::Cost, stumble.words(), advice));
        }
    };
    let uses = uses(subject, &measured);
    let all: Vec<String> = uses.iter().map(|each| format!("{} {}", each.name, each.percent())).collect();
    let reason = format!("with {} symbols, of the budgets: {}", measured.symbols, all.join(", "));
    let near: Vec<&Use> = uses.iter().filter(|each| each.part() >= NEAR).collect();
    let mut line = match near.as_slice() {
        [] => Line::ok(Check::Cost, reason),
        near => {
            let words: Vec<&str> = near.iter().map(|each| each.words.as_str()).collect();
            let advice = format!("{}: stay below half of it, a wilder market takes more", words.join("; "));
            Line { grade: Grade::Warns, advice: Some(advice), ..Line::ok(Check::Cost, reason) }
        }
    };
    for each in &uses {
        line = line.measured(each.key, serde_json::json!({ "used": each.used, "budget": each.budget }));
    }
    Ok(line)
}

fn uses(subject: &Subject<'_>, measured: &Measured) -> Vec<Use> {
    let (_, call, budget) = measured.call;
    let ms = |time: Duration| time.as_secs_f64() * 1_000.0;
    let kib = |bytes: usize| bytes / 1_024;
    vec![
        Use {
            name: "cpu",
            key: "cpu_ms_a_call",
            used: ms(call),
            budget: ms(budget),
            words: format!("a call took {:.1} of {:.0} ms", ms(call), ms(budget)),
        },
        Use {
            name: "warm-up cpu",
            key: "warm_up_cpu_ms",
            used: ms(measured.warm_up),
            budget: ms(limits::CPU_WARM_UP),
            words: format!("the warm-up took {:.1} of {:.0} ms", ms(measured.warm_up), ms(limits::CPU_WARM_UP)),
        },
        Use {
            name: "memory",
            key: "memory_bytes",
            used: measured.memory_bytes as f64,
            budget: limits::MEMORY_BYTES as f64,
            words: format!("it holds {} of {} KiB", kib(measured.memory_bytes), kib(limits::MEMORY_BYTES)),
        },
        Use {
            name: "module",
            key: "module_bytes",
            used: subject.trader.module.size_bytes as f64,
            budget: limits::MODULE_BYTES as f64,
            words: format!(
                "the module has {} of {} KiB",
                kib(subject.trader.module.size_bytes),
                kib(limits::MODULE_BYTES)
            ),
        },
        Use {
            name: "signals a candle",
            key: "signals_a_candle",
            used: f64::from(measured.signals_a_candle),
            budget: limits::SIGNALS_PER_CANDLE as f64,
            words: format!("a candle has {} of {} signals", measured.signals_a_candle, limits::SIGNALS_PER_CANDLE),
        },
        Use {
            name: "signals a minute",
            key: "signals_a_minute",
            used: f64::from(measured.signals_a_minute),
            budget: f64::from(limits::SIGNALS_PER_MINUTE),
            words: format!("a minute has {} of {} signals", measured.signals_a_minute, limits::SIGNALS_PER_MINUTE),
        },
        Use {
            name: "log",
            key: "log_bytes_a_minute",
            used: measured.log_bytes as f64,
            budget: limits::LOG_BYTES_PER_MINUTE as f64,
            words: format!(
                "a minute has {} of {} bytes of log, {} lines were dropped",
                measured.log_bytes,
                limits::LOG_BYTES_PER_MINUTE,
                measured.log_dropped
            ),
        },
    ]
}

/// The end of the ground, its candles told of a hundred symbols in turn.
struct Crowd {
    market: Market,
    /// Closes of the warm-up.
    warm_up: usize,
}

fn crowd(subject: &Subject<'_>) -> Result<Crowd, FeedError> {
    let market = &subject.ground.market;
    let from = market.closes.len().saturating_sub(LIVE);
    let first_ms = market.closes.close(from).map_or(0, |close| close.close_time_ms());
    let warm_up = WarmUps::default().get(
        &market.history,
        &market.offer,
        &subject.subscription.needs,
        None,
        Position::before(first_ms),
    )?;
    let mut names = Symbols::new();
    for name in &market.names {
        names.intern(name)?;
    }
    for number in market.names.len()..SYMBOLS {
        names.intern(&format!("CROWD{number}USDT"))?;
    }
    let live = (from..market.closes.len()).filter_map(|at| market.closes.close(at));
    let mut closes = Segment::new();
    let mut builder = closes.builder();
    for batch in warm_up.closes().chain(live).flat_map(|close| close.batches()) {
        builder.batch(batch.interval, batch.open_time_ms)?;
        let rows: Vec<_> = batch.rows().collect();
        for id in 0..names.len() {
            // As many as closed in truth, and their candles again.
            let row = if id < market.names.len() {
                rows.iter().find(|(symbol, ..)| symbol.index() == id)
            } else {
                rows.get(id % rows.len().max(1))
            };
            if let Some((_, values, missing)) = row {
                builder.row(SymbolId(id as u32), values, *missing)?;
            }
        }
    }
    builder.finish()?;
    let history = history(&closes).into();
    let places = (0..names.len()).map(Some).collect();
    let all = names.iter().map(|(_, name)| name.to_owned()).collect();
    let market = Market { closes, history, offer: names.into(), names: all, places, words: String::new() };
    Ok(Crowd { market, warm_up: warm_up.len() })
}

fn play(subject: &Subject<'_>, crowd: &Crowd) -> Result<Measured, Stumble> {
    let market = &crowd.market;
    let mut play = Play::start(subject.trader, market)?;
    let mut measured = Measured::default();
    let began = thread_cpu();
    for (at, close) in market.closes.closes().enumerate() {
        for batch in close.batches() {
            let before = thread_cpu();
            play.part(batch, |_| true)?;
            let took = thread_cpu().saturating_sub(before);
            let symbols = batch.symbols.iter().filter(|symbol| play.wants(**symbol)).count();
            measured.symbols = measured.symbols.max(symbols);
            let budget = limits::cpu_of_batch(symbols);
            let part = took.as_secs_f64() / budget.as_secs_f64();
            if part > measured.call.0 {
                measured.call = (part, took, budget);
            }
        }
        if at + 1 == crowd.warm_up {
            measured.warm_up = thread_cpu().saturating_sub(began);
        }
    }
    measured.memory_bytes = play.instance().peak_memory_bytes();
    (measured.log_bytes, measured.log_dropped) = (play.log.most_bytes, play.log.dropped);
    let said = play.end();
    measured.signals_a_candle =
        said.lanes.iter().flat_map(|lane| &lane.tags).map(|tags| tags.count_ones()).max().unwrap_or(0);
    measured.signals_a_minute = most_kept(subject, &said);
    Ok(measured)
}

/// The most signals of a minute, of those that the trader's own hygiene lets through.
fn most_kept(subject: &Subject<'_>, said: &Said) -> u32 {
    let mut asked: Vec<(i64, std::cmp::Reverse<Interval>, Asking)> = Vec::new();
    for (interval, place, lane) in said.with_names() {
        for (open_time_ms, tags) in lane.opens_ms.iter().zip(&lane.tags).filter(|(_, tags)| **tags != 0) {
            for tag in (0..32).filter(|tag| tags & (1 << tag) != 0) {
                let asking = Asking { symbol: place as u32, interval, tag, open_time_ms: *open_time_ms };
                asked.push((interval.close_of(*open_time_ms), std::cmp::Reverse(interval), asking));
            }
        }
    }
    asked.sort_unstable_by_key(|(close_ms, interval, asking)| (*close_ms, *interval, asking.symbol, asking.tag));
    let mut keeper = Keeper::default();
    let (mut minute, mut kept, mut most) = (i64::MIN, 0, 0);
    for (close_ms, _, asking) in asked {
        if close_ms.div_euclid(60_000) != minute {
            (minute, kept) = (close_ms.div_euclid(60_000), 0);
            keeper.begin();
        }
        kept += u32::from(keeper.keep(&subject.subscription.hygiene, asking, true));
        most = most.max(kept);
    }
    most
}
