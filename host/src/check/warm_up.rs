//! After its declared warm-up a trader says what it would say had it run for ever. An instance is started at several moments with the
//! warm-up of the host, and compared with the run that began far earlier; more and less warm-up tells how much it needs.

use super::ground::with_warm_up;
use super::play::{Play, Stumble};
use super::said::{Differences, Said};
use super::{Check, Line, Subject};
use crate::market::{FeedError, Interval, SegmentError, SymbolId};
use crate::sandbox::{Need, limits};
use crate::supervisor::warm_up::{Position, WarmUps};
use crate::text::grouped;

/// Warm-ups that are tried, of the interval that has the longest one.
const LADDER: [u32; 17] =
    [0, 10, 20, 50, 100, 150, 200, 300, 400, 500, 750, 1_000, 1_500, 2_000, 3_000, 4_000, limits::WARM_UP];
/// Instances that are started, spread over the tail.
const STARTS: usize = 4;
/// Plotted values that are as near as this part of their size are the same: what is left is rounding.
const SAME: f64 = 1e-9;
/// Those that are farther apart than this can be told apart on a chart, and by a rule that compares.
const APART: f64 = 1e-6;
/// The run that all are compared with must have begun so many times as early.
const FAR: f64 = 1.4;

/// Why it could not be measured.
enum Ended {
    Stumbled(Stumble),
    Candles(FeedError),
}

impl From<Stumble> for Ended {
    fn from(stumble: Stumble) -> Self {
        Self::Stumbled(stumble)
    }
}

impl From<SegmentError> for Ended {
    fn from(error: SegmentError) -> Self {
        Self::Candles(error.into())
    }
}

pub(super) fn check(subject: &Subject<'_>) -> Result<Line, FeedError> {
    match measured(subject) {
        Ok(line) => Ok(line),
        Err(Ended::Stumbled(stumble)) => {
            Ok(Line::fails(Check::WarmUp, stumble.words(), "mend it: a start must not fault"))
        }
        Err(Ended::Candles(error)) => Err(error),
    }
}

fn measured(subject: &Subject<'_>) -> Result<Line, Ended> {
    let needs = &subject.subscription.needs;
    let declared = needs.iter().map(|need| need.warm_up).max().unwrap_or(0);
    let ladder: Vec<u32> = LADDER.into_iter().filter(|candles| is_far(subject, *candles)).collect();
    if !is_far(subject, declared) || ladder.is_empty() {
        let reason =
            format!("not measured: the candles do not reach {FAR} times as far back as its warm-up, {}", words(needs));
        return Ok(Line::warns(Check::WarmUp, reason, "give more of them"));
    }
    let reference = far_run(subject)?;
    let mut tries = Tries { subject, reference: &reference, made: Vec::new() };
    let own = tries.of(declared)?;
    let settled = tries.least(&ladder, is_settled)?;
    let line = match settled {
        _ if is_settled(&own) => fits(needs, declared, settled, &own),
        Some(enough) => too_short(needs, enough, &own),
        None => {
            let silent = tries.least(&ladder, has_same_signals)?;
            let top = ladder.last().copied().unwrap_or(declared);
            unsettled(needs, silent, top, &own, &tries.of(top)?)
        }
    };
    let line = line
        .measured("candles_compared", own.candles)
        .measured("signals", own.signals)
        .measured("signals_that_differ", own.other_signals)
        .measured("plot_error", own.plot_error);
    Ok(match settled {
        Some(enough) => line.measured("enough", declaration(needs, enough)),
        None => line,
    })
}

fn is_settled(found: &Differences) -> bool {
    has_same_signals(found) && found.plot_error <= SAME
}

fn has_same_signals(found: &Differences) -> bool {
    found.other_signals == 0
}

/// The declared warm-up does.
fn fits(needs: &[Need], declared: u32, settled: Option<u32>, own: &Differences) -> Line {
    let less = settled
        .filter(|enough| *enough * 2 < declared)
        .map_or_else(String::new, |enough| format!("; {} would do", words(&with_warm_up(needs, enough))));
    let reason = format!(
        "{}: the same {} signals as after a far longer one, plots off by {}{less}",
        words(needs),
        grouped(own.signals),
        error_words(own.plot_error)
    );
    Line::ok(Check::WarmUp, reason)
}

/// More would do.
fn too_short(needs: &[Need], enough: u32, own: &Differences) -> Line {
    let first = own.first_words();
    let mut differ = Vec::new();
    if own.other_signals > 0 {
        differ.push(format!("{} of {} signals differ", grouped(own.other_signals), grouped(own.signals)));
    }
    if own.plot_error > 0.0 {
        differ.push(format!("plots are off by up to {}", error_words(own.plot_error)));
    }
    let differ = differ.join(" and ");
    let reason = format!("the warm-up is too short: after {}, {differ} from a far longer one{first}", words(needs));
    let advice = format!("declare {} in the subscription", words(&with_warm_up(needs, enough)));
    let line = if own.other_signals > 0 || own.plot_error > APART { Line::fails } else { Line::warns };
    line(Check::WarmUp, reason, advice).at(own.first.clone())
}

/// No warm-up does.
fn unsettled(needs: &[Need], silent: Option<u32>, top: u32, own: &Differences, at_top: &Differences) -> Line {
    let first = own.first_words();
    let top = words(&with_warm_up(needs, top));
    let plots = format!("plots are off by {} after {top}", error_words(at_top.plot_error));
    if own.other_signals == 0 {
        let reason = format!("its plots depend on when it was started: {plots}; its signals do not");
        let advice = "fine for a level such as OBV that no signal follows; else let it forget";
        return Line::warns(Check::WarmUp, reason, advice).at(own.first.clone());
    }
    let differ =
        format!("after {}, {} of {} signals differ", words(needs), grouped(own.other_signals), grouped(own.signals));
    if let Some(enough) = silent {
        let reason = format!("the warm-up is too short: {differ} from a far longer one, and {plots}{first}");
        let advice = format!("declare {} in the subscription", words(&with_warm_up(needs, enough)));
        return Line::fails(Check::WarmUp, reason, advice).at(own.first.clone());
    }
    let reason = format!(
        "what it says depends on when it was started: {differ} from a far longer warm-up, after {top} still {}{first}",
        grouped(at_top.other_signals)
    );
    let advice =
        "let its state forget: no count, sum or extreme since the start, no candle that is remembered for ever";
    Line::fails(Check::WarmUp, reason, advice).at(own.first.clone())
}

/// What was tried.
struct Tries<'a> {
    subject: &'a Subject<'a>,
    reference: &'a Said,
    made: Vec<(u32, Differences)>,
}

impl Tries<'_> {
    fn of(&mut self, candles: u32) -> Result<Differences, Ended> {
        if let Some((_, made)) = self.made.iter().find(|(tried, _)| *tried == candles) {
            return Ok(made.clone());
        }
        let found = starts(self.subject, candles, self.reference)?;
        self.made.push((candles, found.clone()));
        Ok(found)
    }

    /// The least warm-up of the ladder that is good, given that more of it never makes it worse.
    fn least(&mut self, ladder: &[u32], is_good: impl Fn(&Differences) -> bool) -> Result<Option<u32>, Ended> {
        let (mut low, mut high) = (0, ladder.len());
        while low < high {
            let middle = low + (high - low) / 2;
            let Some(candles) = ladder.get(middle) else { break };
            if is_good(&self.of(*candles)?) {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        Ok(ladder.get(low).copied())
    }
}

/// Whether the candles reach so far back that a run from their beginning can be compared with.
fn is_far(subject: &Subject<'_>, candles: u32) -> bool {
    let first = first_close(subject, 0);
    with_warm_up(&subject.subscription.needs, candles).iter().all(|need| {
        let before = subject.ground.before(need.interval, first);
        before > 0 && before as f64 >= FAR * f64::from(need.warm_up)
    })
}

/// The close at which one of the starts gets its first live candle.
fn first_close(subject: &Subject<'_>, start: usize) -> i64 {
    let ground = subject.ground;
    let at = ground.tail.start + ground.tail.len() * start / STARTS;
    ground.market.closes.close(at).map_or(0, |close| close.close_time_ms())
}

/// What it says of the tail after all that there is before.
fn far_run(subject: &Subject<'_>) -> Result<Said, Stumble> {
    let market = &subject.ground.market;
    let mut play = Play::start(subject.trader, market)?.keep_from(first_close(subject, 0));
    play.closes(&market.closes, 0..market.closes.len())?;
    Ok(play.end())
}

/// Starts an instance at each moment, and compares.
fn starts(subject: &Subject<'_>, candles: u32, reference: &Said) -> Result<Differences, Ended> {
    let (ground, market) = (subject.ground, &subject.ground.market);
    let needs = with_warm_up(&subject.subscription.needs, candles);
    let mut all = Differences::default();
    for start in 0..STARTS {
        let first_ms = first_close(subject, start);
        let warm_up =
            WarmUps::default().get(&market.history, &market.offer, &needs, None, Position::before(first_ms))?;
        let sees_from = |symbol: SymbolId, interval: usize| {
            needs.get(interval).map_or(i64::MIN, |need| ground.first_of(symbol, need, first_ms))
        };
        let from = ground.tail.start + ground.tail.len() * start / STARTS;
        let until = ground.tail.start + ground.tail.len() * (start + 1) / STARTS;
        let mut play = Play::start_from(subject.trader, market, sees_from)?.keep_from(first_ms);
        play.closes(&warm_up, 0..warm_up.len())?;
        play.closes(&market.closes, from..until)?;
        all.add(reference.differences(&play.end(), &market.names, &subject.trader.module.manifest));
    }
    Ok(all)
}

/// `1,000 candles of 1m and 200 of 5m`.
fn words(needs: &[Need]) -> String {
    let each = needs.iter().enumerate().map(|(at, need)| {
        let candles = match (at, need.warm_up) {
            (0, 1) => " candle",
            (0, _) => " candles",
            _ => "",
        };
        format!("{}{candles} of {}", grouped(u64::from(need.warm_up)), need.interval)
    });
    each.collect::<Vec<_>>().join(" and ")
}

fn declaration(needs: &[Need], candles: u32) -> serde_json::Value {
    let each = with_warm_up(needs, candles);
    each.iter()
        .map(|need| (Interval::as_str(need.interval).to_owned(), need.warm_up.into()))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

fn error_words(error: f64) -> String {
    match error {
        0.0 => "nothing".to_owned(),
        error if error < 0.001 => format!("{error:.0e}"),
        error if error < 0.1 => format!("{:.1} %", error * 100.0),
        error => format!("{:.0} %", error * 100.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_told_by_their_size() {
        let words: Vec<String> = [0.0, 3.2e-12, 2e-4, 0.0123, 0.42, 7.0].map(error_words).to_vec();
        assert_eq!(words, ["nothing", "3e-12", "2e-4", "1.2 %", "42 %", "700 %"]);
    }
}
