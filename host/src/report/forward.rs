//! What price did after signals: returns 1, 5, 20 and 60 candles later, of each tag, and of every candle to hold them against.
//!
//! A return is from the close of the signal's candle to the close of the candle that opened so many intervals later, in percent.
//! Candles are found by their open time: where there is a gap, or the data ends, that return is absent and no neighbour stands in
//! for it. A signal has no side, so what is counted is plainly the share of them after which price was higher.

use std::collections::BTreeMap;

use serde::Serialize;

use super::spread::{Histogram, Spread};
use crate::market::{Column, Interval, Segment, SymbolId};

/// How many candles after a signal price is looked at.
pub const HORIZONS: [u32; 4] = [1, 5, 20, 60];

/// The closes of every stream, by open time.
#[derive(Debug, Clone, Default)]
pub struct Closes {
    streams: BTreeMap<(SymbolId, Interval), Vec<(i64, f64)>>,
}

/// A candle at which something was signalled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fired {
    /// The market.
    pub symbol: SymbolId,
    /// The interval of the candle, which is also what its horizons count in.
    pub interval: Interval,
    /// When the candle opened, UTC milliseconds.
    pub open_time_ms: i64,
    /// What was signalled.
    pub tag: String,
}

/// What price did after the signals of one tag.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TagReturns {
    /// The tag.
    pub tag: String,
    /// Its signals.
    pub signals: usize,
    /// One for each of [`HORIZONS`].
    pub horizons: Vec<HorizonReturns>,
}

/// What price did so many candles later.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct HorizonReturns {
    /// Candles after the signal's own.
    pub candles: u32,
    /// Returns that are known.
    pub count: usize,
    /// Signals without one: a gap lies there, or the data ends before.
    pub absent: usize,
    /// After how many price was higher.
    pub rose: usize,
    /// `rose` of `count`, 0 to 1; none without a return.
    pub hit_rate: Option<f64>,
    /// Mean, median and their like, percent; none without a return.
    pub percent: Option<Spread>,
    /// How the returns are distributed, percent; none without a return.
    pub histogram: Option<Histogram>,
}

impl Closes {
    /// Takes in the candles of a segment. One that is there already is replaced.
    pub fn take_in(&mut self, segment: &Segment) {
        for batch in segment.closes().flat_map(|close| close.batches()) {
            for (symbol, values, _) in batch.rows() {
                let close = values.get(Column::Close.ordinal()).copied().unwrap_or(f64::NAN);
                self.insert(symbol, batch.interval, batch.open_time_ms, close);
            }
        }
    }

    /// Takes in one close.
    pub fn insert(&mut self, symbol: SymbolId, interval: Interval, open_time_ms: i64, close: f64) {
        let stream = self.streams.entry((symbol, interval)).or_default();
        if stream.last().is_none_or(|(last_ms, _)| *last_ms < open_time_ms) {
            stream.push((open_time_ms, close));
            return;
        }
        match stream.binary_search_by_key(&open_time_ms, |(open_ms, _)| *open_ms) {
            Ok(at) => {
                if let Some(candle) = stream.get_mut(at) {
                    candle.1 = close;
                }
            }
            Err(at) => stream.insert(at, (open_time_ms, close)),
        }
    }

    /// The close of the candle that opened then.
    #[must_use]
    pub fn at(&self, symbol: SymbolId, interval: Interval, open_time_ms: i64) -> Option<f64> {
        let stream = self.streams.get(&(symbol, interval))?;
        let at = stream.binary_search_by_key(&open_time_ms, |(open_ms, _)| *open_ms).ok()?;
        stream.get(at).map(|(_, close)| *close)
    }

    /// The return over so many candles from the close of the one that opened then, percent. None where either is missing or is
    /// no price.
    #[must_use]
    pub fn return_percent(&self, symbol: SymbolId, interval: Interval, open_time_ms: i64, candles: u32) -> Option<f64> {
        let later_ms = interval.as_ms().checked_mul(i64::from(candles))?.checked_add(open_time_ms)?;
        let from = self.at(symbol, interval, open_time_ms)?;
        let to = self.at(symbol, interval, later_ms)?;
        percent(from, to)
    }

    /// What price did after each of these signals, by tag, in the order of the tags' names.
    #[must_use]
    pub fn after<'a>(&self, signals: impl IntoIterator<Item = &'a Fired>) -> Vec<TagReturns> {
        let mut tags: BTreeMap<&str, Vec<&Fired>> = BTreeMap::new();
        for signal in signals {
            tags.entry(&signal.tag).or_default().push(signal);
        }
        let of = |candles: u32, signals: &[&Fired]| {
            let returns = signals
                .iter()
                .map(|fired| self.return_percent(fired.symbol, fired.interval, fired.open_time_ms, candles));
            HorizonReturns::of(candles, returns)
        };
        tags.into_iter()
            .map(|(tag, signals)| TagReturns {
                tag: tag.to_owned(),
                signals: signals.len(),
                horizons: HORIZONS.iter().map(|candles| of(*candles, &signals)).collect(),
            })
            .collect()
    }

    /// What price did after every candle of the streams on which these signals were given, each stream counted once: what a
    /// signal at any candle would have shown. Only candles that `counts` says yes to, by open time.
    #[must_use]
    pub fn after_any<'a>(
        &self,
        signals: impl IntoIterator<Item = &'a Fired>,
        counts: impl Fn(Interval, i64) -> bool,
    ) -> Vec<HorizonReturns> {
        let mut streams: Vec<(SymbolId, Interval)> =
            signals.into_iter().map(|fired| (fired.symbol, fired.interval)).collect();
        streams.sort_unstable();
        streams.dedup();
        let after = |candles: u32| {
            let mut returns = Vec::new();
            for (symbol, interval) in &streams {
                let Some(stream) = self.streams.get(&(*symbol, *interval)) else { continue };
                let ahead_ms = interval.as_ms().saturating_mul(i64::from(candles));
                // Both ends only move forward, so that a long stream is gone through once.
                let mut later = stream.iter().peekable();
                for (open_ms, from) in stream.iter().filter(|(open_ms, _)| counts(*interval, *open_ms)) {
                    let due_ms = open_ms.saturating_add(ahead_ms);
                    while later.next_if(|(later_ms, _)| *later_ms < due_ms).is_some() {}
                    let to = later.peek().filter(|(later_ms, _)| *later_ms == due_ms);
                    returns.push(to.and_then(|(_, to)| percent(*from, *to)));
                }
            }
            HorizonReturns::of(candles, returns)
        };
        HORIZONS.iter().map(|candles| after(*candles)).collect()
    }
}

impl HorizonReturns {
    fn of(candles: u32, returns: impl IntoIterator<Item = Option<f64>>) -> Self {
        let mut absent = 0;
        let mut known: Vec<f64> = Vec::new();
        for value in returns {
            match value {
                Some(value) => known.push(value),
                None => absent += 1,
            }
        }
        let rose = known.iter().filter(|value| **value > 0.0).count();
        let count = known.len();
        Self {
            candles,
            count,
            absent,
            rose,
            hit_rate: (count > 0).then(|| rose as f64 / count as f64),
            histogram: Histogram::of(&known),
            percent: Spread::of(known),
        }
    }
}

fn percent(from: f64, to: f64) -> Option<f64> {
    let value = (to / from - 1.0) * 100.0;
    (from > 0.0 && to > 0.0 && from.is_finite() && value.is_finite()).then_some(value)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const BTC: SymbolId = SymbolId(0);
    const MINUTE_MS: i64 = 60_000;

    fn closes(minutes: impl IntoIterator<Item = (i64, f64)>) -> Closes {
        let mut closes = Closes::default();
        for (minute, close) in minutes {
            closes.insert(BTC, Interval::M1, minute * MINUTE_MS, close);
        }
        closes
    }

    fn fired(minute: i64, tag: &str) -> Fired {
        Fired { symbol: BTC, interval: Interval::M1, open_time_ms: minute * MINUTE_MS, tag: tag.into() }
    }

    fn over(closes: &Closes, minute: i64, candles: u32) -> Option<f64> {
        closes.return_percent(BTC, Interval::M1, minute * MINUTE_MS, candles)
    }

    #[test]
    fn a_return_is_from_close_to_close() {
        let closes = closes([(0, 100.0), (1, 101.0), (2, 103.0), (3, 90.0), (4, 95.0), (5, 110.0)]);
        assert!((over(&closes, 0, 1).unwrap() - 1.0).abs() < 1e-9);
        assert!((over(&closes, 0, 5).unwrap() - 10.0).abs() < 1e-9);
        assert!((over(&closes, 2, 1).unwrap() + 1_300.0 / 103.0).abs() < 1e-9);
    }

    #[test]
    fn a_gap_has_no_return_and_no_neighbour_stands_in() {
        let closes = closes([(0, 100.0), (2, 103.0), (5, 110.0), (6, 111.0)]);
        assert_eq!(over(&closes, 0, 1), None);
        assert!(over(&closes, 0, 5).is_some(), "a gap on the way does not matter");
        assert_eq!(over(&closes, 5, 5), None, "the data ends");
        assert_eq!(over(&closes, 1, 1), None, "no candle to start from");
    }

    #[test]
    fn what_is_no_price_has_no_return() {
        let closes = closes([(0, 0.0), (1, 100.0), (2, f64::NAN), (3, f64::INFINITY), (4, 5.0), (5, 0.0)]);
        for minute in 0..6 {
            assert_eq!(over(&closes, minute, 1), None, "{minute}");
        }
    }

    #[test]
    fn figures_are_by_tag_and_horizon() {
        let closes = closes((0..10).map(|minute| (minute, [100.0, 110.0][minute as usize % 2])));
        let signals = [fired(0, "up"), fired(2, "up"), fired(1, "down"), fired(9, "up")];
        let tags = closes.after(&signals);
        let named: Vec<(&str, usize)> = tags.iter().map(|tag| (tag.tag.as_str(), tag.signals)).collect();
        assert_eq!(named, [("down", 1), ("up", 3)]);
        let up = &tags[1].horizons[0];
        assert_eq!((up.candles, up.count, up.absent, up.rose, up.hit_rate), (1, 2, 1, 2, Some(1.0)));
        assert!((up.percent.as_ref().unwrap().mean - 10.0).abs() < 1e-9);
        let far = &tags[1].horizons[2];
        assert_eq!((far.candles, far.count, far.absent, far.hit_rate), (20, 0, 3, None));
        assert_eq!((&far.percent, &far.histogram), (&None, &None));
    }

    #[test]
    fn a_price_that_stood_still_did_not_rise() {
        let tags = closes([(0, 5.0), (1, 5.0)]).after(&[fired(0, "still")]);
        assert_eq!((tags[0].horizons[0].count, tags[0].horizons[0].rose), (1, 0));
    }

    #[test]
    fn every_candle_is_what_signals_are_held_against() {
        let mut closes = closes([(0, 100.0), (1, 110.0), (2, 99.0), (4, 99.0), (5, 120.0)]);
        closes.insert(SymbolId(1), Interval::M1, 0, 1.0);
        closes.insert(SymbolId(1), Interval::M1, MINUTE_MS, 2.0);
        let any = closes.after_any(&[fired(0, "a"), fired(1, "b")], |_, _| true);
        assert_eq!((any[0].count, any[0].rose, any[0].absent), (3, 2, 2), "of the signals' stream alone");
        let late = closes.after_any(&[fired(0, "a")], |_, open_ms| open_ms >= 4 * MINUTE_MS);
        assert_eq!((late[0].count, late[0].rose, late[0].absent), (1, 1, 1));
    }

    #[test]
    fn a_candle_that_comes_again_or_late_takes_its_place() {
        let closes = closes([(0, 100.0), (2, 120.0), (1, 110.0), (2, 121.0)]);
        assert!((over(&closes, 0, 1).unwrap() - 10.0).abs() < 1e-9);
        assert!((over(&closes, 1, 1).unwrap() - 10.0).abs() < 1e-9);
    }

    proptest! {
        /// Any walk with holes: the figures agree with those computed candle by candle in the plainest way.
        #[test]
        fn the_figures_are_those_of_the_plainest_way(
            walk in prop::collection::vec((any::<bool>(), 1.0_f64..1_000.0), 1..150),
            picks in prop::collection::vec(0_i64..160, 0..40),
        ) {
            let there: BTreeMap<i64, f64> = (0..).zip(&walk).filter(|(_, (there, _))| *there)
                .map(|(minute, (_, close))| (minute, *close)).collect();
            let closes = closes(there.iter().map(|(minute, close)| (*minute, *close)));
            let signals: Vec<Fired> = picks.iter().map(|minute| fired(*minute, "t")).collect();
            let plain = |minutes: &mut dyn Iterator<Item = i64>, ahead: u32| -> Vec<Option<f64>> {
                minutes.map(|minute| {
                    let (from, to) = (there.get(&minute)?, there.get(&(minute + i64::from(ahead)))?);
                    Some((to / from - 1.0) * 100.0)
                }).collect()
            };
            let check = |found: &HorizonReturns, expected: &[Option<f64>]| {
                let known: Vec<f64> = expected.iter().flatten().copied().collect();
                prop_assert_eq!(found.count, known.len());
                prop_assert_eq!(found.absent, expected.len() - known.len());
                prop_assert_eq!(found.rose, known.iter().filter(|value| **value > 0.0).count());
                prop_assert_eq!(found.percent.is_some(), !known.is_empty());
                if let (Some(spread), Some(histogram)) = (&found.percent, &found.histogram) {
                    let mean = known.iter().sum::<f64>() / known.len() as f64;
                    prop_assert!((spread.mean - mean).abs() <= 1e-9 * (1.0 + mean.abs()));
                    prop_assert_eq!(histogram.counts.iter().sum::<usize>(), known.len());
                    let rises: usize = histogram.counts.iter().skip(histogram.counts.len() / 2).sum();
                    prop_assert_eq!(rises, found.rose);
                }
                Ok(())
            };
            if let Some(tag) = closes.after(&signals).first() {
                for (found, ahead) in tag.horizons.iter().zip(HORIZONS) {
                    check(found, &plain(&mut picks.iter().copied(), ahead))?;
                }
            }
            let any = closes.after_any(&[fired(0, "t")], |_, _| true);
            for (found, ahead) in any.iter().zip(HORIZONS) {
                check(found, &plain(&mut there.keys().copied(), ahead))?;
            }
        }
    }
}
