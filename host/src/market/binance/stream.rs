//! One symbol and interval: where it is, and what is known ahead of that.

use std::collections::VecDeque;

use super::HISTORY_CANDLES;
use super::wire::Kline;
use crate::market::candle::{Candle, Values};
use crate::market::interval::Interval;
use crate::market::symbol::SymbolId;

/// See the module.
#[derive(Debug)]
pub(super) struct Stream {
    symbol: SymbolId,
    name: String,
    /// Candles that open before this have been asked for and answered.
    known_until_ms: i64,
    /// Candles that wait to be delivered, oldest first.
    ahead: VecDeque<(i64, Values)>,
    /// Open time that the next candle has unless there is a gap; none before the first one.
    expected_ms: Option<i64>,
    /// Holes since the last candle that came.
    holes: i64,
    /// The last close that was asked for, while nothing comes.
    asked_ms: i64,
    ended: bool,
}

/// After so many holes in a row a market is taken for halted: it is still asked for each candle, but nobody waits for the answer.
const HALTED_HOLES: i64 = 3;

impl Stream {
    pub(super) fn new(symbol: SymbolId, name: &str, first_open_ms: i64) -> Self {
        let name = name.to_owned();
        Self {
            symbol,
            name,
            known_until_ms: first_open_ms,
            ahead: VecDeque::new(),
            expected_ms: None,
            holes: 0,
            asked_ms: i64::MIN,
            ended: false,
        }
    }

    pub(super) fn symbol(&self) -> SymbolId {
        self.symbol
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// From which open time on the exchange has to be asked.
    pub(super) fn asks_from_ms(&self) -> i64 {
        self.known_until_ms
    }

    /// Whether nothing is known yet of the candle that opens then.
    pub(super) fn wants(&self, open_ms: i64) -> bool {
        let is_open = !self.ended && self.known_until_ms <= open_ms;
        is_open && (self.holes < HALTED_HOLES || self.asked_ms < open_ms)
    }

    /// The candle that opens then has been asked for.
    pub(super) fn asked(&mut self, open_ms: i64) {
        self.asked_ms = open_ms;
    }

    /// The symbol is gone: it has no candles any more, and nobody waits for them.
    pub(super) fn end(&mut self) {
        self.ended = true;
    }

    /// An answer to a question from [`asks_from_ms`](Self::asks_from_ms) on. What is not closed is passed over; what is not there is a hole
    /// only when it is long overdue, or a later candle is there.
    pub(super) fn take(&mut self, interval: Interval, rows: Vec<Kline>, now_ms: i64, settle_ms: i64, hole_ms: i64) {
        // As many as one answer holds: what follows is in the next one.
        let is_whole = rows.len() < HISTORY_CANDLES as usize;
        for Kline { open_ms, values } in rows {
            let is_closed = interval.close_of(open_ms) + settle_ms <= now_ms;
            if !is_closed || open_ms < self.known_until_ms {
                continue;
            }
            self.known_until_ms = open_ms + interval.as_ms();
            self.holes = 0;
            match Candle::from_values(open_ms, values).check(interval) {
                Ok(()) => self.ahead.push_back((open_ms, values)),
                Err(fault) => tracing::warn!(symbol = self.name, %interval, open_ms, "a candle is left out: {fault}"),
            }
        }
        if !is_whole {
            return;
        }
        // The last open time that would be overdue by now.
        let overdue_ms = interval.open_of(now_ms - hole_ms - interval.as_ms() + 1);
        let until_ms = overdue_ms + interval.as_ms();
        if until_ms > self.known_until_ms {
            self.holes += (until_ms - self.known_until_ms) / interval.as_ms();
            self.known_until_ms = until_ms;
        }
    }

    /// Whether there is a candle that opens then.
    pub(super) fn has(&self, open_ms: i64) -> bool {
        self.ahead.front().is_some_and(|(ahead_ms, _)| *ahead_ms == open_ms)
    }

    /// Takes the candle that opens then, and where the gap before it begins if there is one.
    pub(super) fn give(&mut self, interval: Interval, open_ms: i64) -> Option<(Option<i64>, Values)> {
        // What came too late for its close, or does not fit the interval, is part of the gap.
        while self.ahead.front().is_some_and(|(ahead_ms, _)| *ahead_ms < open_ms) {
            self.ahead.pop_front();
        }
        if !self.has(open_ms) {
            return None;
        }
        let (_, values) = self.ahead.pop_front()?;
        let gap_from_ms = self.expected_ms.filter(|expected_ms| *expected_ms < open_ms);
        self.expected_ms = Some(open_ms + interval.as_ms());
        Some((gap_from_ms, values))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: i64 = 60_000;
    const VALUES: Values = [2.0, 3.0, 1.0, 2.5, 1.0, 2.0, 1.0, 5.0];

    fn rows(minutes: &[i64]) -> Vec<Kline> {
        minutes.iter().map(|minute| Kline { open_ms: minute * MINUTE, values: VALUES }).collect()
    }

    fn stream() -> Stream {
        Stream::new(SymbolId(0), "BTCUSDT", 0)
    }

    fn given(stream: &mut Stream, minutes: std::ops::Range<i64>) -> Vec<(i64, Option<i64>)> {
        let give = |minute| {
            stream.give(Interval::M1, minute * MINUTE).map(|(gap, _)| (minute, gap.map(|from_ms| from_ms / MINUTE)))
        };
        minutes.filter_map(give).collect()
    }

    #[test]
    fn the_forming_candle_is_never_taken_as_closed() {
        let mut stream = stream();
        // Minute 2 closes at 179,999 and settles a second later.
        stream.take(Interval::M1, rows(&[0, 1, 2]), 180_500, 1_000, 30_000);
        assert!(!stream.wants(MINUTE) && stream.wants(2 * MINUTE));
        stream.take(Interval::M1, rows(&[2, 3]), 181_000, 1_000, 30_000);
        assert!(!stream.wants(2 * MINUTE) && stream.wants(3 * MINUTE));
        assert_eq!(given(&mut stream, 0..4), [(0, None), (1, None), (2, None)]);
    }

    #[test]
    fn a_late_candle_is_waited_for_and_a_hole_is_told_as_a_gap() {
        let mut stream = stream();
        stream.take(Interval::M1, rows(&[0]), 2 * MINUTE + 5_000, 1_000, 30_000);
        assert!(stream.wants(MINUTE), "it may only be late");
        stream.take(Interval::M1, rows(&[]), 2 * MINUTE + 29_999, 1_000, 30_000);
        assert!(!stream.wants(MINUTE), "half a minute after its close it is a hole");
        stream.take(Interval::M1, rows(&[2]), 3 * MINUTE + 5_000, 1_000, 30_000);
        assert_eq!(given(&mut stream, 0..3), [(0, None), (2, Some(1))]);
    }

    #[test]
    fn a_hole_before_a_later_candle_is_known_at_once() {
        let mut stream = stream();
        stream.take(Interval::M1, rows(&[0, 3]), 4 * MINUTE + 2_000, 1_000, 30_000);
        assert!(!stream.wants(3 * MINUTE));
        assert_eq!(given(&mut stream, 0..5), [(0, None), (3, Some(1))]);
    }

    #[test]
    fn a_full_answer_says_nothing_of_what_follows_it() {
        let mut stream = stream();
        let minutes: Vec<i64> = (0..HISTORY_CANDLES).collect();
        let now_ms = 2 * HISTORY_CANDLES * MINUTE;
        stream.take(Interval::M1, rows(&minutes), now_ms, 1_000, 30_000);
        assert!(stream.wants(HISTORY_CANDLES * MINUTE), "the candles after a full answer have not been asked for");
        assert_eq!(stream.asks_from_ms(), HISTORY_CANDLES * MINUTE);
        let minutes: Vec<i64> = (HISTORY_CANDLES..2 * HISTORY_CANDLES - 1).collect();
        stream.take(Interval::M1, rows(&minutes), now_ms, 1_000, 30_000);
        assert_eq!(given(&mut stream, 0..2 * HISTORY_CANDLES).len() as i64, 2 * HISTORY_CANDLES - 1);
    }

    #[test]
    fn nobody_waits_for_a_halted_market_and_it_comes_back() {
        let mut stream = stream();
        stream.take(Interval::M1, rows(&[0]), 4 * MINUTE + 35_000, 1_000, 30_000);
        let open_ms = 4 * MINUTE;
        assert!(stream.wants(open_ms), "it is asked once");
        stream.asked(open_ms);
        assert!(!stream.wants(open_ms), "and not waited for");
        // The answer that came too late for its own close is part of the gap.
        stream.take(Interval::M1, rows(&[4, 5]), 6 * MINUTE + 2_000, 1_000, 30_000);
        assert_eq!(given(&mut stream, 0..1), [(0, None)]);
        assert_eq!(given(&mut stream, 5..6), [(5, Some(1))]);
        assert!(stream.wants(6 * MINUTE));
        stream.asked(6 * MINUTE);
        assert!(stream.wants(6 * MINUTE), "it trades again, so it is waited for");
    }

    #[test]
    fn what_was_answered_before_is_passed_over() {
        let mut stream = stream();
        stream.take(Interval::M1, rows(&[0, 1]), 3 * MINUTE, 1_000, 30_000);
        stream.take(Interval::M1, rows(&[0, 1, 2]), 4 * MINUTE, 1_000, 30_000);
        assert_eq!(given(&mut stream, 0..5), [(0, None), (1, None), (2, None)]);
    }

    #[test]
    fn a_candle_that_no_trader_may_see_is_a_gap() {
        let mut stream = stream();
        let mut bad = rows(&[0, 1, 2]);
        bad[1].values[1] = f64::NAN;
        stream.take(Interval::M1, bad, 4 * MINUTE, 1_000, 30_000);
        assert_eq!(given(&mut stream, 0..3), [(0, None), (2, Some(1))]);
    }
}
