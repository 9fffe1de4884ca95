//! What comes later changes nothing that was said: neither later candles of the market, which are cut away, nor later candles of
//! other symbols, which are told before, once as they are and once otherwise. The host tells them before where a symbol joins, was
//! set aside, or is late, so state that symbols share sees the future there.

use std::collections::BTreeMap;
use std::ops::Range;

use super::market::{Market, mirrored};
use super::play::{Play, Stumble};
use super::said::Said;
use super::{Check, Line, Subject};
use crate::market::{Column, FeedError, SymbolId};
use crate::supervisor::close_moment;
use crate::text::grouped;

const ADVICE: &str = "keep no state that symbols share, such as a static: read another symbol through a declared other_stream, \
                      which ends at the candle in hand";
/// Where the market is cut, in parts of the tail.
const CUTS: [usize; 4] = [1, 3, 5, 7];
const PARTS: usize = 8;

pub(super) fn check(subject: &Subject<'_>) -> Result<Line, FeedError> {
    for part in CUTS {
        if let Some(line) = cut(subject, part)? {
            return Ok(line);
        }
    }
    for is_even in [true, false] {
        if let Some(line) = ahead(subject, is_even)? {
            return Ok(line);
        }
    }
    let reason = format!(
        "the same {} signals with the market cut at {} points, and with another future of other symbols told ahead",
        grouped(subject.said.signals()),
        CUTS.len()
    );
    Ok(Line::ok(Check::LookAhead, reason))
}

/// The past stays as it is where the market ends earlier.
fn cut(subject: &Subject<'_>, part: usize) -> Result<Option<Line>, FeedError> {
    let ground = subject.ground;
    let until = ground.tail.start + ground.tail.len() * part / PARTS;
    let known = ground.market.history_until(until)?;
    let played = Play::start(subject.trader, &ground.market).map(|play| play.knowing(known)).and_then(|mut play| {
        play.closes(&ground.market.closes, ground.plain.start..until)?;
        Ok(play.end())
    });
    let when = ground.market.closes.close(until).map_or_else(String::new, |close| close_moment(close.close_time_ms()));
    Ok(judged(
        subject,
        &subject.said,
        played,
        &format!("peeks ahead: with nothing known from {when} on, its past changes"),
    ))
}

/// Every other symbol is told to its end before the rest: once as it is, once with another future. What is said of the rest until
/// then is the same, unless something of the future reached it.
fn ahead(subject: &Subject<'_>, is_even: bool) -> Result<Option<Line>, FeedError> {
    let (ground, market) = (subject.ground, &subject.ground.market);
    let is_first = |id: u32| id.is_multiple_of(2) == is_even;
    let middle = ground.plain.start + ground.plain.len() / 2;
    let turn = middle - ground.plain.start;
    let mut around: BTreeMap<SymbolId, f64> = BTreeMap::new();
    let other = market.changed(ground.plain.clone(), usize::MAX, |at, symbol, values| {
        let close = values.get(Column::Close.ordinal()).copied().unwrap_or(1.0);
        if at < turn {
            around.insert(symbol, close);
            return Some(*values);
        }
        let around = around.get(&symbol).copied().unwrap_or(close);
        Some(if is_first(symbol.0) { mirrored(values, around) } else { *values })
    })?;
    let play = |market: &Market, closes: Range<usize>| {
        let mut play = Play::start(subject.trader, market)?;
        for at in closes.clone() {
            if let Some(close) = market.closes.close(at) {
                play.close(close, is_first)?;
            }
        }
        play.forget();
        for close in closes.take(turn).filter_map(|at| market.closes.close(at)) {
            play.close(close, |id| !is_first(id))?;
        }
        Ok::<_, Stumble>(play.end())
    };
    let as_it_is = match play(market, ground.plain.clone()) {
        Ok(said) => said,
        Err(stumble) => return Ok(Some(Line::fails(Check::LookAhead, stumble.words(), ADVICE))),
    };
    let how = "peeks ahead: what it says of a symbol changes with later candles of other symbols, which the host may tell before";
    Ok(judged(subject, &as_it_is, play(&other, 0..other.closes.len()), how))
}

fn judged(subject: &Subject<'_>, was: &Said, played: Result<Said, Stumble>, how: &str) -> Option<Line> {
    let said = match played {
        Ok(said) => said,
        Err(stumble) => return Some(Line::fails(Check::LookAhead, stumble.words(), ADVICE)),
    };
    subject.differs(Check::LookAhead, was, &said, &format!("{how}: "), ADVICE)
}
