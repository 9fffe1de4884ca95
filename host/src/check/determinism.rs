//! The same candles give the same: twice here, and on another host, where symbols have other ids in another order and others are on
//! offer. A guest has neither clock nor randomness, so what can differ between two hosts is what they number, and what a guest
//! makes of where its memory lies.

use super::play::{Play, Stumble};
use super::said::Said;
use super::{Check, Line, Subject, run};
use crate::market::FeedError;
use crate::sandbox::{Fresh, StopFlag};
use crate::text::grouped;

const ADVICE: &str = "let it follow from the candles of the symbol alone: no ids, no order of symbols, no HashMap that is walked \
                      through, no RandomState, no address";

pub(super) fn check(subject: &Subject<'_>) -> Result<Line, FeedError> {
    let (trader, ground, said) = (subject.trader, subject.ground, &subject.said);
    let stumbled = |stumble: Stumble| Line::fails(Check::Determinism, stumble.words(), ADVICE);
    if let Some(line) = describes_itself_twice(subject) {
        return Ok(line);
    }
    let again = match run::play(trader, ground) {
        Ok(again) => again,
        Err(stumble) => return Ok(stumbled(stumble)),
    };
    if let Some(line) = differs(subject, &again, "a second run over the same candles") {
        return Ok(line);
    }
    if again.fuel != said.fuel {
        let reason = format!("two runs over the same candles burn {} and {} fuel", said.fuel, again.fuel);
        return Ok(Line::fails(Check::Determinism, reason, ADVICE));
    }
    let market = ground.market.elsewhere()?;
    let elsewhere = Play::start(trader, &market).and_then(|mut play| {
        let is_same = play.subscription() == subject.subscription;
        play.closes(&market.closes, ground.plain.clone())?;
        Ok((is_same, play.end()))
    });
    let (is_same, elsewhere) = match elsewhere {
        Ok(elsewhere) => elsewhere,
        Err(stumble) => return Ok(stumbled(stumble)),
    };
    if !is_same {
        let reason = "its subscription changes with the symbols on offer";
        return Ok(Line::fails(Check::Determinism, reason, "let the subscription follow from the parameters alone"));
    }
    if let Some(line) = differs(subject, &elsewhere, "on a host that numbers its symbols otherwise and offers others") {
        return Ok(line);
    }
    let reason = format!(
        "the same {} signals and {} plotted values twice, fuel as well, and on a host that numbers its symbols otherwise",
        grouped(said.signals()),
        grouped(said.plotted())
    );
    Ok(Line::ok(Check::Determinism, reason))
}

fn differs(subject: &Subject<'_>, other: &Said, how: &str) -> Option<Line> {
    subject.differs(Check::Determinism, &subject.said, other, &format!("not deterministic: {how}, "), ADVICE)
}

/// The host asks at every start, and believes the first answer.
fn describes_itself_twice(subject: &Subject<'_>) -> Option<Line> {
    let modules = subject.trader.modules;
    let linked = &subject.trader.module.linked;
    let fresh = Fresh::instantiate(modules.engine(), linked, modules.metering(), &StopFlag::new());
    let described = fresh.and_then(|mut fresh| Ok([fresh.describe()?, fresh.describe()?]));
    match described {
        Ok(described) if described.iter().all(|manifest| *manifest == subject.trader.module.manifest) => None,
        Ok(_) => {
            let reason = "describe answers otherwise when it is asked again";
            Some(Line::fails(Check::Determinism, reason, "let describe return constants"))
        }
        Err(fault) => Some(Line::fails(Check::Determinism, fault.to_string(), "let describe return constants")),
    }
}
