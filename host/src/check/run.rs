//! It takes the candles without a fault, and says something.

use std::time::Duration;

use super::ground::Ground;
use super::play::{Play, Stumble, Trader, alone};
use super::said::Said;
use super::{Check, Line};
use crate::sandbox::thread_cpu;
use crate::text::grouped;

/// Proves nothing but that it runs; what it said is what the other checks compare with.
pub(super) fn check(trader: Trader<'_>, ground: &Ground, patience: Duration) -> (Line, Option<Said>) {
    let said = match first(trader, ground, patience) {
        Ok(Ok(said)) => said,
        Ok(Err(closes)) => {
            let reason = format!(
                "not checked: {} of {} closes took {} s of CPU time",
                grouped(closes as u64),
                grouped(ground.plain.len() as u64),
                patience.as_secs()
            );
            let advice = "make it cheaper, give fewer candles (--candles) or more time (--cpu-seconds)";
            return (Line::warns(Check::Run, reason, advice), None);
        }
        Err(stumble) => {
            let stumble = alone(trader, &ground.market, ground.plain.clone(), stumble);
            let advice = "mend it; nothing else can be checked before";
            return (Line::fails(Check::Run, stumble.words(), advice), None);
        }
    };
    let (candles, signals, plotted) = (said.candles(), said.signals(), said.plotted());
    let fuel = said.fuel.checked_div(candles).unwrap_or(0);
    let what = format!(
        "{} candles: {} signals, {} plotted values, {} fuel a candle",
        grouped(candles),
        grouped(signals),
        grouped(plotted),
        grouped(fuel)
    );
    let line = match signals {
        0 if candles == 0 => Line::warns(
            Check::Run,
            "no candle was for it, so nothing below proves anything",
            "give candles of the symbols that it names: --candles",
        ),
        0 => Line::warns(
            Check::Run,
            format!("{what}; what it signals was not seen"),
            "give candles on which it signals (--candles) or looser parameters (--params)",
        ),
        _ => Line::ok(Check::Run, what),
    };
    let line = line
        .measured("candles", candles)
        .measured("signals", signals)
        .measured("plotted_values", plotted)
        .measured("fuel_per_candle", fuel);
    (line, Some(said))
}

/// What a first run comes to. An error where it was stopped for its time: after so many closes.
fn first(trader: Trader<'_>, ground: &Ground, patience: Duration) -> Result<Result<Said, usize>, Stumble> {
    let mut play = Play::start(trader, &ground.market)?;
    let began = thread_cpu();
    for at in ground.plain.clone() {
        play.closes(&ground.market.closes, at..at + 1)?;
        if thread_cpu().saturating_sub(began) >= patience {
            return Ok(Err(at + 1 - ground.plain.start));
        }
    }
    Ok(Ok(play.end()))
}

/// Plays the plain part of the ground as the host would.
pub(super) fn play(trader: Trader<'_>, ground: &Ground) -> Result<Said, Stumble> {
    let mut play = Play::start(trader, &ground.market)?;
    play.closes(&ground.market.closes, ground.plain.clone())?;
    Ok(play.end())
}
