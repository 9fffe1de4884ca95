//! Who is to blame where questions about candles fail: the exchange as a whole, or one stream whose history holds up others.
//!
//! That is found by trial: after each failure the same is asked about a symbol that was answered before. If that is answered time after
//! time, it is the stream, and nobody waits for its history any more.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::market::binance::sequencer::Ask;
use crate::market::interval::Interval;
use crate::market::symbol::SymbolId;

/// Wait after a failed question, and the most that it grows to.
const RETRY: Duration = Duration::from_millis(500);
const RETRY_MOST: Duration = Duration::from_secs(10);
/// A stream that nothing was asked about for so long fails no more, as far as anybody knows.
const STALE: Duration = Duration::from_secs(60);
/// Failures in a row after which a stream is suspected.
const SUSPECT: u32 = 3;
/// Trials that it must lose in a row: with the waits between its questions some fifteen seconds.
const TRIALS: u32 = 4;
/// Symbols that were answered last and are remembered: among them is one that does not fail itself.
const GOOD: usize = 8;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Blame {
    /// Streams whose question failed.
    failing: BTreeMap<(SymbolId, Interval), Failing>,
    /// Trials that a stream has lost since it was answered, or another one was not.
    lost: BTreeMap<(SymbolId, Interval), u32>,
    /// Symbols that were answered, the last one first.
    good: Vec<(SymbolId, String)>,
    is_trying: bool,
}

#[derive(Debug)]
struct Failing {
    name: String,
    failures: u32,
    until: Instant,
    error: String,
}

impl Blame {
    pub(super) fn may_ask(&self, symbol: SymbolId, interval: Interval, now: Instant) -> bool {
        self.failing.get(&(symbol, interval)).is_none_or(|failing| failing.until <= now)
    }

    pub(super) fn answered(&mut self, ask: &Ask) {
        self.failing.remove(&(ask.symbol, ask.interval));
        self.lost.remove(&(ask.symbol, ask.interval));
        self.good.retain(|(symbol, _)| *symbol != ask.symbol);
        self.good.insert(0, (ask.symbol, ask.name.clone()));
        self.good.truncate(GOOD);
    }

    pub(super) fn failed(&mut self, ask: &Ask, error: String, now: Instant) {
        self.failing.retain(|_, failing| !failing.is_stale(now));
        let key = (ask.symbol, ask.interval);
        let failures = self.failing.get(&key).map_or(0, |failing| failing.failures).saturating_add(1);
        self.failing.insert(key, Failing { name: ask.name.clone(), failures, until: now + grown(failures), error });
    }

    /// Whom to ask the same about, once the stream is suspected.
    pub(super) fn trial(&mut self, ask: &Ask) -> Option<(SymbolId, String)> {
        let failing = self.failing.get(&(ask.symbol, ask.interval))?;
        let fails = |symbol| self.failing.keys().any(|(failing, _)| *failing == symbol);
        let good = self.good.iter().find(|(symbol, _)| !fails(*symbol))?;
        if self.is_trying || failing.failures < SUSPECT {
            return None;
        }
        self.is_trying = true;
        Some(good.clone())
    }

    /// What the trial came to. True if nobody is to wait for the stream any more.
    pub(super) fn tried(&mut self, ask: &Ask, is_answered: bool) -> bool {
        self.is_trying = false;
        if !is_answered {
            self.lost.clear();
            return false;
        }
        if !self.failing.contains_key(&(ask.symbol, ask.interval)) {
            return false;
        }
        let lost = self.lost.entry((ask.symbol, ask.interval)).or_default();
        *lost += 1;
        *lost >= TRIALS
    }

    /// The symbol is not watched any more.
    pub(super) fn forget(&mut self, symbol: SymbolId) {
        self.failing.retain(|(failing, _), _| *failing != symbol);
        self.lost.retain(|(lost, _), _| *lost != symbol);
        self.good.retain(|(good, _)| *good != symbol);
    }

    /// Symbols about which nothing can be learnt, in words.
    pub(super) fn warning(&self, now: Instant) -> Option<String> {
        let is_suspect = |failing: &&Failing| failing.failures > SUSPECT && !failing.is_stale(now);
        let mut suspects: Vec<&Failing> = self.failing.values().filter(is_suspect).collect();
        suspects.dedup_by(|a, b| a.name == b.name);
        let first = suspects.first()?;
        let more = if suspects.len() > 1 { format!(" and {} more", suspects.len() - 1) } else { String::new() };
        Some(format!("candles of {}{more} cannot be asked for: {}", first.name, first.error))
    }
}

impl Failing {
    fn is_stale(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.until) > STALE
    }
}

/// Waits double, up to a most.
pub(super) fn grown(failures: u32) -> Duration {
    RETRY.saturating_mul(1 << failures.saturating_sub(1).min(8)).min(RETRY_MOST)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::market::binance::sequencer::Sequencer;

    const START_MS: i64 = 1_735_689_600_000;

    /// Questions about two symbols.
    fn asks() -> [Ask; 2] {
        let mut sequencer = Sequencer::new(START_MS, START_MS);
        sequencer.with(SymbolId(0), "BTCUSDT");
        sequencer.with(SymbolId(1), "JUPUSDT");
        sequencer.want(Interval::M1, 10);
        [0, 1].map(|symbol| sequencer.ask_history(|other, _| other == SymbolId(symbol)).unwrap())
    }

    /// How many failures it takes, if trials end like this.
    fn passed_over_after(is_answered: impl Fn(u32) -> bool) -> Option<u32> {
        let [good, bad] = asks();
        let mut blame = Blame::default();
        blame.answered(&good);
        (1..=20).find(|failure| {
            blame.failed(&bad, "status 500".to_owned(), Instant::now());
            blame.trial(&bad).is_some_and(|trial| {
                assert_eq!((trial, blame.trial(&bad)), ((good.symbol, good.name.clone()), None), "one at a time");
                blame.tried(&bad, is_answered(*failure))
            })
        })
    }

    #[test]
    fn a_symbol_is_to_blame_where_others_are_answered_time_after_time() {
        assert_eq!(passed_over_after(|_| true), Some(SUSPECT + TRIALS - 1));
        assert_eq!(passed_over_after(|_| false), None, "the exchange fails");
        assert_eq!(passed_over_after(|failure| failure % TRIALS > 0), None, "it fails now and then");
    }

    #[test]
    fn a_symbol_that_is_answered_is_not_suspected() {
        let [good, bad] = asks();
        let mut blame = Blame::default();
        for _ in 0..SUSPECT + 1 {
            blame.failed(&bad, "status 500".to_owned(), Instant::now());
        }
        assert_eq!(blame.trial(&bad), None, "nobody was answered yet");
        assert_eq!(
            blame.warning(Instant::now()).as_deref(),
            Some("candles of JUPUSDT cannot be asked for: status 500")
        );
        assert!(!blame.may_ask(SymbolId(1), Interval::M1, Instant::now()));
        assert_eq!(blame.warning(Instant::now() + 2 * STALE), None, "nobody asked again");
        blame.answered(&good);
        assert!(blame.trial(&bad).is_some());
        blame.answered(&bad);
        assert!(!blame.tried(&bad, true) && blame.lost.is_empty());
        assert_eq!(blame.warning(Instant::now()), None);
        assert!(blame.may_ask(SymbolId(1), Interval::M1, Instant::now()));
        blame.forget(SymbolId(1));
        assert!(
            blame.good.iter().all(|(symbol, _)| *symbol == good.symbol),
            "nothing is asked any more about one that is gone"
        );
    }

    #[test]
    fn waits_grow_to_a_most() {
        let waits: Vec<u128> = [1, 2, 3, 5, 6, 99].map(|failures| grown(failures).as_millis()).to_vec();
        assert_eq!(waits, [500, 1_000, 2_000, 8_000, 10_000, 10_000]);
    }
}
