//! Who is to blame where questions about candles fail: the exchange as a whole, or one symbol that holds up the others.
//!
//! A symbol is given up only while others wait for it, and only by trial: after each of its failures the same is asked about a symbol that
//! was answered before. If that is answered time after time, it is the symbol.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::market::binance::sequencer::Ask;
use crate::market::interval::Interval;
use crate::market::symbol::SymbolId;

/// Wait after a failed question, and the most that it grows to.
const RETRY: Duration = Duration::from_millis(500);
const RETRY_MOST: Duration = Duration::from_secs(10);
/// Failures in a row after which a symbol is suspected.
const SUSPECT: u32 = 3;
/// Trials that it must lose in a row: with the waits between its questions some fifteen seconds.
const TRIALS: u32 = 4;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Blame {
    /// Streams whose question failed.
    failing: BTreeMap<(SymbolId, Interval), Failing>,
    /// Trials that a symbol has lost since it, or any other, was last found otherwise.
    lost: BTreeMap<SymbolId, u32>,
    /// The last question that was answered.
    good: Option<Ask>,
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
        self.lost.remove(&ask.symbol);
        self.good = Some(ask.clone());
    }

    pub(super) fn failed(&mut self, ask: &Ask, error: String, now: Instant) {
        let key = (ask.symbol, ask.interval);
        let failures = self.failing.get(&key).map_or(0, |failing| failing.failures).saturating_add(1);
        self.failing.insert(key, Failing { name: ask.name.clone(), failures, until: now + grown(failures), error });
    }

    /// The question that shows whether this symbol is to blame, once it is suspected.
    pub(super) fn trial(&mut self, ask: &Ask) -> Option<Ask> {
        let failing = self.failing.get(&(ask.symbol, ask.interval))?;
        let good = self.good.as_ref().filter(|good| good.symbol != ask.symbol)?;
        if self.is_trying || failing.failures < SUSPECT {
            return None;
        }
        self.is_trying = true;
        Some(good.clone())
    }

    /// What the trial came to. True if the symbol is to be given up.
    pub(super) fn tried(&mut self, ask: &Ask, is_answered: bool) -> bool {
        self.is_trying = false;
        if !is_answered {
            self.lost.clear();
            return false;
        }
        if !self.failing.contains_key(&(ask.symbol, ask.interval)) {
            return false;
        }
        let lost = self.lost.entry(ask.symbol).or_default();
        *lost += 1;
        *lost >= TRIALS
    }

    /// The symbol is not watched any more.
    pub(super) fn forget(&mut self, symbol: SymbolId) {
        self.failing.retain(|(failing, _), _| *failing != symbol);
        self.lost.remove(&symbol);
        self.good = self.good.take().filter(|good| good.symbol != symbol);
    }

    /// Symbols about which nothing can be learnt, in words.
    pub(super) fn warning(&self) -> Option<String> {
        let mut suspects: Vec<&Failing> = self.failing.values().filter(|failing| failing.failures > SUSPECT).collect();
        suspects.dedup_by(|a, b| a.name == b.name);
        let first = suspects.first()?;
        let more = if suspects.len() > 1 { format!(" and {} more", suspects.len() - 1) } else { String::new() };
        Some(format!("candles of {}{more} cannot be asked for: {}", first.name, first.error))
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
    fn given_up_after(is_answered: impl Fn(u32) -> bool) -> Option<u32> {
        let [good, bad] = asks();
        let mut blame = Blame::default();
        blame.answered(&good);
        (1..=20).find(|failure| {
            blame.failed(&bad, "status 500".to_owned(), Instant::now());
            blame.trial(&bad).is_some_and(|trial| {
                assert_eq!((trial, blame.trial(&bad)), (good.clone(), None), "one at a time");
                blame.tried(&bad, is_answered(*failure))
            })
        })
    }

    #[test]
    fn a_symbol_is_to_blame_where_others_are_answered_time_after_time() {
        assert_eq!(given_up_after(|_| true), Some(SUSPECT + TRIALS - 1));
        assert_eq!(given_up_after(|_| false), None, "the exchange fails");
        assert_eq!(given_up_after(|failure| failure % TRIALS > 0), None, "it fails now and then");
    }

    #[test]
    fn a_symbol_that_is_answered_is_not_suspected() {
        let [good, bad] = asks();
        let mut blame = Blame::default();
        for _ in 0..SUSPECT + 1 {
            blame.failed(&bad, "status 500".to_owned(), Instant::now());
        }
        assert_eq!(blame.trial(&bad), None, "nobody was answered yet");
        assert_eq!(blame.warning().as_deref(), Some("candles of JUPUSDT cannot be asked for: status 500"));
        assert!(!blame.may_ask(SymbolId(1), Interval::M1, Instant::now()));
        blame.answered(&good);
        assert!(blame.trial(&bad).is_some());
        blame.answered(&bad);
        assert!(!blame.tried(&bad, true) && blame.lost.is_empty());
        assert_eq!(blame.warning(), None);
        assert!(blame.may_ask(SymbolId(1), Interval::M1, Instant::now()));
        blame.forget(SymbolId(1));
        assert_eq!(blame.good, None, "nothing is asked any more about one that is gone");
    }

    #[test]
    fn waits_grow_to_a_most() {
        let waits: Vec<u128> = [1, 2, 3, 5, 6, 99].map(|failures| grown(failures).as_millis()).to_vec();
        assert_eq!(waits, [500, 1_000, 2_000, 8_000, 10_000, 10_000]);
    }
}
