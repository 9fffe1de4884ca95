//! Candles that are rare and allowed: a trader neither faults on them nor plots what is no number.

use super::market::{Market, scaled};
use super::play::{Play, alone};
use super::said::{Difference, Said, line_name};
use super::{Check, Line, Subject};
use crate::market::{Column, FeedError, Values};

const INFINITE: &str = "plot nothing where there is no number: look at what is divided by";
/// Of so many symbols.
const SYMBOLS: usize = 2;
/// Closes between two jumps, and between the beginnings of two gaps.
const EVERY: usize = 97;
const GAP: usize = 13;

/// A way to change the candles; told the place of a close and how many there are. None drops them.
type Change = fn(usize, usize, &Values) -> Option<Values>;

const SCENARIOS: [(&str, Change); 9] = [
    ("prices that never move", |_, _, values| Some(flat(values))),
    ("prices that stop moving", |at, closes, values| Some(if at > closes * 2 / 3 { flat(values) } else { *values })),
    ("zero volume", |_, _, values| Some(without_volume(values))),
    ("prices that never move, and zero volume", |_, _, values| Some(without_volume(&flat(values)))),
    ("tiny prices", |_, _, values| Some(scaled(values, 1e-12, 1e12))),
    ("huge prices and amounts", |_, _, values| Some(scaled(values, 1e12, 1e12))),
    ("jumps to a thousandfold and back", |at, _, values| {
        Some(if at / EVERY % 2 == 1 { scaled(values, 1_000.0, 1.0) } else { *values })
    }),
    ("gaps", |at, _, values| (at % EVERY >= GAP).then_some(*values)),
    ("candles without quote volume, taker volume and trades", |_, _, values| {
        let mut values = *values;
        set(&mut values, &[Column::QuoteVolume, Column::TakerVolume, Column::Trades], f64::NAN);
        Some(values)
    }),
];

pub(super) fn check(subject: &Subject<'_>) -> Result<Line, FeedError> {
    let ground = subject.ground;
    if let Some(found) = infinite(subject, &ground.market, &subject.said) {
        return Ok(
            Line::fails(Check::Hostile, format!("a plot is infinite; {}", found.words()), INFINITE).at(Some(found))
        );
    }
    for (name, change) in SCENARIOS {
        let closes = ground.plain.len();
        let market =
            ground.market.changed(ground.plain.clone(), SYMBOLS, |at, _, values| change(at, closes, values))?;
        let played = Play::start(subject.trader, &market).and_then(|mut play| {
            play.closes(&market.closes, 0..market.closes.len())?;
            Ok(play.end())
        });
        let said = match played {
            Ok(said) => said,
            Err(stumble) => {
                let stumble = alone(subject.trader, &market, 0..market.closes.len(), stumble);
                let advice = "mend it: the host drops the instance, and sets the symbol aside";
                return Ok(Line::fails(Check::Hostile, format!("on {name}: {}", stumble.words()), advice));
            }
        };
        if let Some(found) = infinite(subject, &market, &said) {
            let reason = format!("on {name} a plot is infinite; {}", found.words());
            return Ok(Line::fails(Check::Hostile, reason, INFINITE).at(Some(found)));
        }
    }
    let reason = "no fault, and plots finite or absent, on flat, huge, tiny and jumping prices, zero volume, gaps, absent columns";
    Ok(Line::ok(Check::Hostile, reason))
}

/// The first value that is neither a number nor absent.
fn infinite(subject: &Subject<'_>, market: &Market, said: &Said) -> Option<Difference> {
    let mut first: Option<Difference> = None;
    for (interval, place, lane) in said.with_names() {
        let Some(at) = lane.plots.iter().position(|value| value.is_infinite()) else { continue };
        let width = said.width.max(1);
        let Some(open_ms) = lane.opens_ms.get(at / width) else { continue };
        let close_time_ms = interval.close_of(*open_ms);
        if first.as_ref().is_none_or(|first| close_time_ms < first.close_time_ms) {
            first = Some(Difference {
                symbol: market.names.get(place).cloned().unwrap_or_default(),
                interval,
                close_time_ms,
                what: format!("{} is infinite", line_name(&subject.trader.module.manifest, at % width)),
            });
        }
    }
    first
}

fn set(values: &mut Values, columns: &[Column], to: f64) {
    for column in columns {
        if let Some(value) = values.get_mut(column.ordinal()) {
            *value = to;
        }
    }
}

fn flat(values: &Values) -> Values {
    let mut values = *values;
    set(&mut values, &[Column::Open, Column::High, Column::Low, Column::Close], 100.0);
    values
}

fn without_volume(values: &Values) -> Values {
    let mut values = *values;
    set(&mut values, &[Column::Volume, Column::QuoteVolume, Column::TakerVolume, Column::Trades], 0.0);
    values
}
