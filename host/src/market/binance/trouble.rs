//! Why nothing comes from the market, in words.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use super::exchange::ExchangeError;
use super::sequencer::Sequencer;

/// By the exchange's clock: a close that is overdue for longer was neither told nor proved not to exist.
const OVERDUE_MS: i64 = 40_000;
/// Connections may be lost for so long before anybody is told: they are replaced in seconds.
const RECONNECT: Duration = Duration::from_secs(10);
/// Failed questions in a row that may be chance.
const CHANCE: u32 = 1;
/// Symbols whose questions fail, and nobody else's is answered: then it is the exchange.
const MANY: usize = 3;

/// What is seen of the lines.
#[derive(Debug, Default)]
pub(super) struct Lines {
    /// Why the streams are not all heard, and since when.
    lost: Option<(Instant, String)>,
    /// The questions that failed since one was answered.
    failed: Option<Failed>,
}

#[derive(Debug)]
struct Failed {
    error: String,
    count: u32,
    /// Whom they were about, as long as they were about few enough that it may be they.
    few: Option<BTreeSet<String>>,
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

    /// A question failed, about this symbol if it was about one of so many that are watched.
    pub(super) fn failed(&mut self, error: &ExchangeError, symbol: Option<&str>, watched: usize) {
        // Whoever is sent away knows that it is neither chance nor the symbol.
        let is_limited = matches!(error, ExchangeError::Limited(_));
        let more = if is_limited { CHANCE + 1 } else { 1 };
        let (count, few) = match self.failed.take() {
            Some(failed) => (failed.count, failed.few),
            None => (0, Some(BTreeSet::new())),
        };
        let few = few.zip(symbol).filter(|_| !is_limited).map(|(mut few, symbol)| {
            few.insert(symbol.to_owned());
            few
        });
        let few = few.filter(|few| few.len() < watched.min(MANY));
        self.failed = Some(Failed { error: error.to_string(), count: count.saturating_add(more), few });
    }

    /// How many questions failed in a row, if it is not a few symbols that fail.
    pub(super) fn failures(&self) -> u32 {
        self.failed.as_ref().filter(|failed| failed.few.is_none()).map_or(0, |failed| failed.count)
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
        self.failed.as_ref().filter(|_| self.failures() > CHANCE).map(|failed| failed.error.as_str())
    }

    /// Why nothing comes at present, if it should.
    pub(super) fn trouble(&self, sequencer: &Sequencer, is_still: bool, last_close_ms: Option<i64>) -> Option<String> {
        if let Some(error) = self.unanswered().filter(|_| self.needs_answers(sequencer, is_still)) {
            return Some(error.to_owned());
        }
        if sequencer.has_nobody() {
            return Some(
                "there is no symbol to be heard: the exchange refuses them, or they are still joining".to_owned(),
            );
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
    use crate::market::binance::exchange::PAGE;
    use crate::market::binance::wire::Kline;
    use crate::market::interval::Interval;
    use crate::market::segment::Segment;
    use crate::market::symbol::SymbolId;

    const START_MS: i64 = 1_735_689_600_000;

    fn no_answer() -> ExchangeError {
        ExchangeError::NoAnswer("banned".to_owned())
    }

    /// Whether questions without an answer are told as the trouble, and as a warning.
    fn told(lines: &Lines, sequencer: &Sequencer, is_still: bool) -> (bool, bool) {
        let told = (lines.trouble(sequencer, is_still, None), lines.warning(sequencer, is_still));
        (told.0.is_some_and(|words| words.contains("banned")), told.1.is_some())
    }

    /// A market of one symbol, whose history is there and which is told.
    fn open() -> Sequencer {
        let mut sequencer = wanting();
        sequencer.begin();
        loop {
            if let Some(ask) = sequencer.ask_history(|_, _| true) {
                let opens = (ask.from_ms..START_MS).step_by(60_000).take(PAGE);
                let rows: Vec<Kline> = opens.map(|open_ms| Kline { open_ms, values: [1.0; 8] }).collect();
                sequencer.answered(&ask, &rows, rows.len() == PAGE);
            } else if !sequencer.next(1, &mut Segment::new()).unwrap() {
                break;
            }
        }
        assert!(sequencer.is_open());
        sequencer
    }

    fn wanting() -> Sequencer {
        let mut sequencer = Sequencer::new(START_MS - 1, START_MS + 1);
        sequencer.with(SymbolId(0), "BTCUSDT");
        sequencer.want(Interval::M1, 1);
        sequencer.clock(START_MS + 1_500);
        sequencer
    }

    #[test]
    fn questions_without_an_answer_are_the_trouble_where_nothing_else_brings_candles() {
        let mut lines = Lines::default();
        for _ in 0..=CHANCE {
            lines.failed(&no_answer(), None, 1);
        }
        assert_eq!(told(&lines, &Sequencer::new(START_MS, START_MS), false), (true, false), "nothing is wanted");
        let sequencer = wanting();
        assert_eq!(told(&lines, &sequencer, false), (true, false), "history is wanted");
        let sequencer = open();
        assert_eq!(told(&lines, &sequencer, false), (false, true), "the streams bring all");
        assert_eq!(told(&lines, &sequencer, true), (true, false), "nobody says the time");
        lines.down("cut");
        assert_eq!(told(&lines, &sequencer, false), (true, false), "the streams are gone as well");
        lines.up();
        lines.answered();
        assert_eq!(told(&lines, &sequencer, false), (false, false));
    }

    /// History of a symbol that joins is wanted by nobody yet.
    #[test]
    fn a_symbol_that_joins_needs_no_answers() {
        let (mut lines, mut sequencer) = (Lines::default(), open());
        lines.failed(&ExchangeError::Limited(Duration::from_secs(60)), None, 2);
        lines.failed(&no_answer(), None, 2);
        sequencer.join(SymbolId(1), "JUPUSDT");
        assert_eq!(told(&lines, &sequencer, false), (false, true));
    }

    #[test]
    fn a_few_symbols_that_fail_are_not_the_exchange() {
        let mut lines = Lines::default();
        for symbol in ["JUPUSDT", "JUPUSDT", "SUPERUSDT", "JUPUSDT"] {
            lines.failed(&no_answer(), Some(symbol), 100);
        }
        assert_eq!((lines.failures(), told(&lines, &wanting(), false)), (0, (false, false)));
        lines.failed(&no_answer(), Some("BTCUSDT"), 100);
        assert_eq!((lines.failures(), told(&lines, &wanting(), false)), (5, (true, false)));
        lines.failed(&no_answer(), Some("BTCUSDT"), 100);
        assert_eq!(lines.failures(), 6, "it is not forgotten that others failed");
        lines.answered();
        lines.failed(&ExchangeError::Limited(Duration::from_secs(60)), Some("JUPUSDT"), 100);
        assert_eq!(lines.failures(), CHANCE + 1, "who is limited is limited whatever is asked");
        lines.answered();
        lines.failed(&no_answer(), Some("JUPUSDT"), 1);
        assert_eq!(lines.failures(), 1, "where there is one alone, nobody else shows whether the exchange answers");
    }

    #[test]
    fn a_market_without_symbols_is_in_trouble() {
        let mut sequencer = open();
        assert_eq!(Lines::default().trouble(&sequencer, false, None), None);
        sequencer.give_up(SymbolId(0));
        sequencer.clock(START_MS + 120_000);
        while sequencer.next(1, &mut Segment::new()).unwrap() {}
        let trouble = Lines::default().trouble(&sequencer, false, None);
        assert!(trouble.is_some_and(|why| why.contains("no symbol")));
    }
}
