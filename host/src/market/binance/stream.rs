//! One symbol and interval: where it is, and what is known ahead of that.

use std::collections::VecDeque;

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
    ended: bool,
}

impl Stream {
    pub(super) fn new(symbol: SymbolId, name: &str, first_open_ms: i64) -> Self {
        let name = name.to_owned();
        Self { symbol, name, known_until_ms: first_open_ms, ahead: VecDeque::new(), expected_ms: None, ended: false }
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
        !self.ended && self.known_until_ms <= open_ms
    }

    /// The symbol is gone: it has no candles any more, and nobody waits for them.
    pub(super) fn end(&mut self) {
        self.ended = true;
    }

    /// An answer to a question from [`asks_from_ms`](Self::asks_from_ms) on. What is not closed is passed over; what is not there is a hole
    /// only when it is long overdue, or a later candle is there.
    pub(super) fn take(&mut self, interval: Interval, rows: Vec<Kline>, now_ms: i64, settle_ms: i64, hole_ms: i64) {
        for Kline { open_ms, values } in rows {
            let is_closed = interval.close_of(open_ms) + settle_ms <= now_ms;
            if !is_closed || open_ms < self.known_until_ms {
                continue;
            }
            self.known_until_ms = open_ms + interval.as_ms();
            match Candle::from_values(open_ms, values).check(interval) {
                Ok(()) => self.ahead.push_back((open_ms, values)),
                Err(fault) => tracing::warn!(symbol = self.name, %interval, open_ms, "a candle is left out: {fault}"),
            }
        }
        // The last open time that would be overdue by now.
        let overdue_ms = interval.open_of(now_ms - hole_ms - interval.as_ms() + 1);
        self.known_until_ms = self.known_until_ms.max(overdue_ms + interval.as_ms());
    }

    /// Whether there is a candle that opens then.
    pub(super) fn has(&self, open_ms: i64) -> bool {
        self.ahead.front().is_some_and(|(ahead_ms, _)| *ahead_ms == open_ms)
    }

    /// Takes the candle that opens then, and where the gap before it begins if there is one.
    pub(super) fn give(&mut self, interval: Interval, open_ms: i64) -> Option<(Option<i64>, Values)> {
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
