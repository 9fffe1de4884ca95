//! What the task asks the exchange, and what it makes of the answers.

use std::time::{Duration, Instant};

use super::Task;
use super::blame::grown;
use crate::market::binance::exchange::{ExchangeError, KLINES_WEIGHT, PAGE, SYMBOLS_WEIGHT};
use crate::market::binance::sequencer::Ask;
use crate::market::binance::symbols::Choice;
use crate::market::binance::weight::Purpose;
use crate::market::binance::wire::{ExchangeInfo, Kline};
use crate::market::symbol::SymbolId;

/// Questions at once.
const PARALLEL: usize = 8;
/// Of these, so many at most are for history, so that a candle that is missed is asked for at once.
const PARALLEL_HISTORY: usize = 6;
/// After so many failures in a row, not of a few symbols alone, it is the exchange that fails: nothing is asked for a while.
const ALL_FAIL: u32 = 3;
/// By the exchange's clock, between two looks at which symbols trade.
const STATUSES_MS: i64 = 60_000;
/// By the exchange's clock, between two rankings.
const RANKING_MS: i64 = 3_600_000;
/// By the host's clock, between two looks at the symbols: the answer is large.
const SYMBOLS_SPACING: Duration = Duration::from_secs(1);

/// What a question came to.
pub(super) enum Answer {
    Klines(Ask, Purpose, Result<Vec<Kline>, ExchangeError>),
    /// Of another symbol, after this question failed.
    Trial(Ask, SymbolId, Result<(), ExchangeError>),
    Time(Instant, i64, Result<i64, ExchangeError>),
    Statuses(Result<ExchangeInfo, ExchangeError>),
    Ranking(Result<Vec<String>, ExchangeError>),
}

impl Task {
    pub(super) fn ask(&mut self) {
        let is_blocked =
            self.exchange.blocked_for().is_some() || self.not_before.is_some_and(|until| until > Instant::now());
        let has_room = |purpose| self.exchange.weight().has_room(KLINES_WEIGHT, purpose);
        self.sequencer.mute(is_blocked || !has_room(Purpose::Live));
        if is_blocked {
            return;
        }
        if !self.is_asking_time && self.clock.asks(self.sequencer.is_idle(), !has_room(Purpose::History)) {
            self.is_asking_time = true;
            let exchange = self.exchange.clone();
            let (asked, host_ms) = (Instant::now(), jiff::Timestamp::now().as_millisecond());
            self.answers.spawn(async move { Answer::Time(asked, host_ms, exchange.time_ms().await) });
        }
        self.ask_for_symbols();
        let now = Instant::now();
        while self.asked.iter().sum::<usize>() < PARALLEL {
            let blame = &self.blame;
            let may_ask = |symbol, interval| blame.may_ask(symbol, interval, now);
            let has_room = |purpose| self.exchange.weight().has_room(KLINES_WEIGHT, purpose);
            let live = if has_room(Purpose::Live) { self.sequencer.ask_live(may_ask) } else { None };
            let [live_asked, history_asked] = &mut self.asked;
            let (ask, purpose) = match live {
                Some(ask) => {
                    *live_asked += 1;
                    (ask, Purpose::Live)
                }
                None => {
                    if *history_asked >= PARALLEL_HISTORY || !has_room(Purpose::History) {
                        return;
                    }
                    let Some(ask) = self.sequencer.ask_history(may_ask) else { return };
                    *history_asked += 1;
                    (ask, Purpose::History)
                }
            };
            let exchange = self.exchange.clone();
            self.answers.spawn(async move {
                let rows = exchange.klines(&ask.name, ask.interval, ask.from_ms, purpose).await;
                Answer::Klines(ask, purpose, rows)
            });
        }
    }

    fn ask_for_symbols(&mut self) {
        let now_ms = self.sequencer.now_ms();
        if self.is_asking_symbols || self.symbols_asked.elapsed() < SYMBOLS_SPACING {
            return;
        }
        let is_ranked = matches!(self.choice, Choice::Top { .. });
        if !self.exchange.weight().has_room(SYMBOLS_WEIGHT, Purpose::Live) {
            return;
        }
        let exchange = self.exchange.clone();
        if is_ranked && now_ms.saturating_sub(self.ranked_ms) >= RANKING_MS {
            (self.ranked_ms, self.statuses_ms) = (now_ms, now_ms);
            let (choice, names, without) = (self.choice.clone(), self.staying(), self.given_up());
            self.answers.spawn(async move { Answer::Ranking(exchange.choose_again(&choice, &names, &without).await) });
        } else if now_ms.saturating_sub(self.statuses_ms) >= STATUSES_MS {
            self.statuses_ms = now_ms;
            self.answers.spawn(async move { Answer::Statuses(exchange.info().await) });
        } else {
            return;
        }
        (self.is_asking_symbols, self.symbols_asked) = (true, Instant::now());
    }

    pub(super) fn take(&mut self, answer: Answer) {
        match answer {
            Answer::Klines(ask, purpose, answer) => {
                let [live, history] = &mut self.asked;
                *(if purpose == Purpose::Live { live } else { history }) -= 1;
                self.take_klines(&ask, purpose, answer);
            }
            Answer::Trial(ask, good, answer) => self.take_trial(&ask, good, answer),
            Answer::Time(asked, host_ms, answer) => {
                self.is_asking_time = false;
                if let Some(ms) = self.heed(answer, None) {
                    let now_ms = self.clock.answer(ms, asked, host_ms);
                    self.sequencer.clock(now_ms);
                }
            }
            Answer::Statuses(answer) => {
                self.is_asking_symbols = false;
                if let Some(mut info) = self.heed(answer, None) {
                    info.leave_out(&self.given_up());
                    let chosen = self.choice.after(&info, &self.staying());
                    self.watch(chosen);
                }
            }
            Answer::Ranking(answer) => {
                self.is_asking_symbols = false;
                if let Some(mut chosen) = self.heed(answer, None) {
                    let given_up = self.given_up();
                    chosen.retain(|name| !given_up.contains(name));
                    self.watch(chosen);
                }
            }
        }
    }

    fn take_klines(&mut self, ask: &Ask, purpose: Purpose, answer: Result<Vec<Kline>, ExchangeError>) {
        match answer {
            Ok(rows) => {
                self.heed(Ok(()), None);
                self.blame.answered(ask);
                self.sequencer.answered(ask, &rows, rows.len() >= PAGE);
            }
            Err(ExchangeError::NoSuchSymbol) => {
                self.heed(Ok(()), None);
                if self.ids.get(&ask.name) == Some(&ask.symbol) {
                    tracing::warn!(symbol = ask.name, "the exchange does not list the symbol any more");
                }
                self.give_up(ask);
            }
            Err(error) => {
                self.sequencer.failed(ask);
                self.blame.failed(ask, error.to_string(), Instant::now());
                self.heed::<()>(Err(error), Some(&ask.name));
                if purpose == Purpose::History {
                    self.try_another(ask);
                }
            }
        }
    }

    /// Where others wait for the history of a stream whose questions fail: asks the same about a symbol that was answered before.
    fn try_another(&mut self, ask: &Ask) {
        let is_free =
            self.exchange.blocked_for().is_none() && self.exchange.weight().has_room(KLINES_WEIGHT, Purpose::History);
        if !is_free || !self.sequencer.holds_up(ask.symbol, ask.interval) {
            return;
        }
        let Some((good, name)) = self.blame.trial(ask) else { return };
        let (exchange, ask) = (self.exchange.clone(), ask.clone());
        self.answers.spawn(async move {
            let rows = exchange.klines(&name, ask.interval, ask.from_ms, Purpose::History).await;
            Answer::Trial(ask, good, rows.map(drop))
        });
    }

    fn take_trial(&mut self, ask: &Ask, good: SymbolId, answer: Result<(), ExchangeError>) {
        let is_unknown = answer == Err(ExchangeError::NoSuchSymbol);
        if is_unknown {
            // It shows nothing, and is nobody to ask about.
            self.blame.forget(good);
        }
        let is_answered = self.heed(if is_unknown { Ok(()) } else { answer }, None).is_some() && !is_unknown;
        if self.blame.tried(ask, is_answered) && self.sequencer.holds_up(ask.symbol, ask.interval) {
            let (symbol, interval) = (&ask.name, ask.interval.as_str());
            tracing::warn!(symbol, interval, "history comes for others and not for this symbol: nobody waits for it");
            self.sequencer.pass_over(ask.symbol, ask.interval);
        }
    }

    /// Remembers whether the exchange answers, or for which symbol it does not.
    fn heed<T>(&mut self, answer: Result<T, ExchangeError>, symbol: Option<&str>) -> Option<T> {
        match answer {
            Ok(answer) => {
                self.lines.answered();
                self.not_before = None;
                Some(answer)
            }
            Err(error) => {
                self.lines.failed(&error, symbol, self.watched.names().len());
                if self.lines.failures() >= ALL_FAIL {
                    self.not_before = Some(Instant::now() + grown(self.lines.failures() - ALL_FAIL + 1));
                }
                None
            }
        }
    }
}
