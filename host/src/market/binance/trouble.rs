//! Why nothing comes from the market, in words.

use std::time::{Duration, Instant};

use super::exchange::ExchangeError;
use super::sequencer::Sequencer;

/// By the exchange's clock: a close that is overdue for longer was neither told nor proved not to exist.
const OVERDUE_MS: i64 = 40_000;
/// Connections may be lost for so long before anybody is told: they are replaced in seconds.
const RECONNECT: Duration = Duration::from_secs(10);
/// Failed questions in a row that may be chance.
const CHANCE: u32 = 1;

/// What is seen of the lines.
#[derive(Debug, Default)]
pub(super) struct Lines {
    /// Why the streams are not all heard, and since when.
    lost: Option<(Instant, String)>,
    /// The last failed question, if none was answered since, and how many failed.
    failed: Option<(String, u32)>,
}

impl Lines {
    pub(super) fn up(&mut self) {
        self.lost = None;
    }

    pub(super) fn down(&mut self, why: &str) {
        let since = self.lost.take().map_or_else(Instant::now, |(since, _)| since);
        self.lost = Some((since, why.to_owned()));
    }

    pub(super) fn answered(&mut self) {
        self.failed = None;
    }

    pub(super) fn failed(&mut self, error: &ExchangeError) {
        let count = self.failed.take().map_or(0, |(_, count)| count);
        // Whoever is sent away knows that it is not chance.
        let more = if matches!(error, ExchangeError::Limited(_)) { CHANCE + 1 } else { 1 };
        self.failed = Some((error.to_string(), count.saturating_add(more)));
    }

    /// How many questions failed in a row.
    pub(super) fn failures(&self) -> u32 {
        self.failed.as_ref().map_or(0, |(_, count)| *count)
    }

    /// Why questions are not answered, while all that is wanted comes without them.
    pub(super) fn warning(&self, sequencer: &Sequencer, is_still: bool) -> Option<String> {
        let unasked = self.unanswered().filter(|_| !self.needs_answers(sequencer, is_still));
        unasked.map(|error| format!("the streams bring what is wanted, and nothing can be asked: {error}"))
    }

    /// Whether nothing but answers helps: the streams do not bring what is wanted, or nothing is wanted of them.
    fn needs_answers(&self, sequencer: &Sequencer, is_still: bool) -> bool {
        self.lost.is_some() || is_still || sequencer.is_idle() || sequencer.waits_for_answers()
    }

    fn unanswered(&self) -> Option<&str> {
        self.failed.as_ref().filter(|(_, count)| *count > CHANCE).map(|(error, _)| error.as_str())
    }

    /// Why nothing comes at present, if it should.
    pub(super) fn trouble(&self, sequencer: &Sequencer, is_still: bool, last_close_ms: Option<i64>) -> Option<String> {
        if let Some(error) = self.unanswered().filter(|_| self.needs_answers(sequencer, is_still)) {
            return Some(error.to_owned());
        }
        if is_still {
            return Some("the exchange is silent: nobody has heard its clock for a while".to_owned());
        }
        if let Some((since, why)) = &self.lost
            && !sequencer.is_idle()
            && since.elapsed() >= RECONNECT
        {
            return Some(format!("the streams of the exchange are not heard: {why}; candles are asked for one by one"));
        }
        let silent = "the market is silent: the next candles are overdue by the exchange's clock";
        let overdue = sequencer.overdue_ms().is_some_and(|overdue_ms| overdue_ms > OVERDUE_MS);
        // Markets that do not trade answer, but with nothing.
        let has_ended = sequencer.shortest().zip(last_close_ms).is_some_and(|(shortest, last_ms)| {
            sequencer.now_ms().saturating_sub(last_ms) > 2 * shortest.as_ms() + OVERDUE_MS
        });
        (sequencer.is_open() && (overdue || has_ended)).then(|| silent.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::market::interval::Interval;
    use crate::market::symbol::SymbolId;

    const START_MS: i64 = 1_735_689_600_000;

    #[test]
    fn questions_without_an_answer_are_the_trouble_where_nothing_else_brings_candles() {
        let mut lines = Lines::default();
        let told = |lines: &Lines, sequencer: &Sequencer, is_still| {
            let told = (lines.trouble(sequencer, is_still, None), lines.warning(sequencer, is_still));
            (told.0.is_some_and(|words| words.contains("banned")), told.1.is_some())
        };
        let mut sequencer = Sequencer::new(START_MS, START_MS);
        for _ in 0..=CHANCE {
            lines.failed(&ExchangeError::NoAnswer("banned".to_owned()));
        }
        assert_eq!(told(&lines, &sequencer, false), (true, false), "nothing is wanted of the streams");
        sequencer.with(SymbolId(0), "BTCUSDT");
        sequencer.want(Interval::M1, 1);
        assert_eq!(told(&lines, &sequencer, false), (true, false), "history is wanted");
        lines.down("cut");
        assert_eq!(told(&lines, &sequencer, false), (true, false), "the streams are gone as well");
        lines.up();
        assert_eq!(told(&lines, &sequencer, true), (true, false), "nobody says the time");
        lines.answered();
        assert_eq!(told(&lines, &sequencer, false), (false, false));
    }
}
