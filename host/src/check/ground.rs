//! Where a trader is checked: a market that is long enough for it, and which part of it each check plays on.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::market::Market;
use crate::market::{Feed, FeedError, Interval, SymbolId, Symbols, SyntheticFeed};
use crate::sandbox::{Need, Subscription, limits};
use crate::supervisor::close_moment;
use crate::text::grouped;

/// Closes at the end, which all checks look at; before them lies what warms up.
const TAIL_CLOSES: usize = 2_000;
/// How many times the longest warm-up that is tried the run has that all are compared with.
const FAR: i64 = 2;
/// Candles of the base interval, over all symbols, beyond which only as many are made as the declared warm-up takes: a second of work.
const STEPS: i64 = 1_500_000;
/// A trader that declares no warm-up might need one of this many candles.
const UNDECLARED: u32 = 2_000;
/// 2020-01-06, a Monday.
const START_MS: i64 = 1_578_268_800_000;
const SEED: u64 = 20_200_106;
/// Dear and cheap ones.
const MARKETS: [&str; 5] = ["BTCUSDT", "ETHUSDT", "SOLUSDT", "DOGEUSDT", "PEPEUSDT"];
/// Of a trader that names its symbols so many are made.
const NAMED: usize = 8;

/// See the module.
pub(super) struct Ground {
    pub(super) market: Market,
    /// The closes at the end.
    pub(super) tail: Range<usize>,
    /// The tail, and what the declared warm-up takes before it.
    pub(super) plain: Range<usize>,
}

impl Ground {
    /// The built-in market: made up, the same on every machine, with every interval and symbol that the trader wants.
    pub(super) fn built_in(subscription: &Subscription) -> Result<Self, FeedError> {
        let plan = Plan::of(subscription);
        let mut feed = SyntheticFeed::named(SEED, &plan.names, plan.base, plan.start_ms, Some(plan.steps))?;
        let intervals: Vec<Interval> = subscription.needs.iter().map(|need| need.interval).collect();
        feed.want(&intervals)?;
        let market = Market::of(&mut feed, &plan.from_ms, "the built-in market".into())?;
        Ok(Self::on(market, subscription))
    }

    /// Candles that were given; the feed has been asked for the intervals.
    pub(super) fn given(feed: &mut dyn Feed, subscription: &Subscription) -> Result<Self, FeedError> {
        let market = Market::of(feed, &BTreeMap::new(), "the candles given".into())?;
        Ok(Self::on(market, subscription))
    }

    fn on(market: Market, subscription: &Subscription) -> Self {
        let closes = market.closes.len();
        // Candles that were given may be few; some must be left to warm up on.
        let tail = closes - TAIL_CLOSES.min(closes * 2 / 5)..closes;
        let tail_ms = market.closes.close(tail.start).map_or(0, |close| close.close_time_ms());
        let warm_ms = subscription.needs.iter().map(|need| i64::from(need.warm_up) * need.interval.as_ms()).max();
        let start = market.close_after(tail_ms - warm_ms.unwrap_or(0) - 1).min(tail.start);
        Self { plain: start..closes, tail, market }
    }

    /// What it is, in words.
    pub(super) fn words(&self) -> String {
        let Market { words, names, closes, .. } = &self.market;
        let symbols = match names.as_slice() {
            [name] => name.clone(),
            names => format!("{} symbols", names.len()),
        };
        let intervals: BTreeSet<Interval> =
            closes.closes().flat_map(|close| close.batches().map(|batch| batch.interval)).collect();
        let intervals: Vec<&str> = intervals.into_iter().map(Interval::as_str).collect();
        let from = closes.first_close_ms().map_or_else(|| "never".to_owned(), close_moment);
        let until = closes.last_close_ms().map_or_else(|| "never".to_owned(), close_moment);
        let candles = grouped(closes.candles() as u64);
        format!("{words}: {candles} candles of {symbols}, {}, {from} to {until}", intervals.join(" "))
    }

    /// How many candles there are of an interval before a close, of the symbol that has the most.
    pub(super) fn before(&self, interval: Interval, close_ms: i64) -> usize {
        let streams = self.market.history.streams(interval);
        streams.map(|(_, stream)| stream.len_at(close_ms - 1)).max().unwrap_or(0)
    }

    /// The first open time that an instance sees of a stream, if so many candles of it are told before a close.
    pub(super) fn first_of(&self, symbol: SymbolId, need: &Need, close_ms: i64) -> i64 {
        let stream = self.market.history.stream(symbol, need.interval);
        let first = stream.and_then(|stream| {
            let end = stream.len_at(close_ms - 1);
            stream.open_times().get(end.saturating_sub(need.warm_up as usize)).copied()
        });
        first.unwrap_or(i64::MIN)
    }
}

/// The needs of a subscription with another warm-up: `candles` of the longest one, and the others in proportion.
pub(super) fn with_warm_up(needs: &[Need], candles: u32) -> Vec<Need> {
    let longest = needs.iter().map(|need| need.warm_up).max().unwrap_or(0);
    needs
        .iter()
        .map(|need| {
            let share = match longest {
                0 => candles,
                _ => (u64::from(need.warm_up) * u64::from(candles)).div_ceil(u64::from(longest)) as u32,
            };
            Need { warm_up: share.clamp(need.lookback, limits::WARM_UP), ..need.clone() }
        })
        .collect()
}

/// What the built-in market is made of.
struct Plan {
    names: Vec<String>,
    base: Interval,
    start_ms: i64,
    steps: u64,
    from_ms: BTreeMap<Interval, i64>,
}

impl Plan {
    fn of(subscription: &Subscription) -> Self {
        let needs = &subscription.needs;
        let base = base_of(needs);
        let longest = needs.iter().map(|need| need.warm_up).max().unwrap_or(0);
        let mut names = names_of(subscription);
        let fewest = 2.min(names.len()).max(subscription.other_streams.len() + 1);
        let lead = |candles: u32| {
            let spans = with_warm_up(needs, candles);
            let spans = spans.iter().map(|need| FAR * i64::from(need.warm_up + 1) * need.interval.as_ms());
            spans.max().unwrap_or(0) / base.as_ms() + 1
        };
        // As far as it can be had cheaply, up to the longest warm-up that a host grants.
        let mut candles = limits::WARM_UP;
        while lead(candles) * names.len() as i64 > STEPS {
            if names.len() > fewest {
                names.pop();
            } else if candles / 2 >= longest.max(1) {
                candles /= 2;
            } else {
                candles = if longest == 0 { candles.min(UNDECLARED) } else { longest };
                break;
            }
        }
        let start_ms = base.open_of(START_MS);
        let tail_ms = start_ms + lead(candles) * base.as_ms();
        let from_ms = with_warm_up(needs, candles)
            .into_iter()
            .map(|need| (need.interval, tail_ms - FAR * i64::from(need.warm_up + 1) * need.interval.as_ms()));
        let steps = u64::try_from(lead(candles)).unwrap_or(0) + TAIL_CLOSES as u64;
        Self { from_ms: from_ms.collect(), names, base, start_ms, steps }
    }
}

/// The longest interval that all of them can be made of.
fn base_of(needs: &[Need]) -> Interval {
    let fits = |base: &Interval| needs.iter().all(|need| need.interval == *base || base.divides(need.interval));
    Interval::ALL.into_iter().rev().find(fits).unwrap_or(Interval::M1)
}

/// The symbols that the trader names, those that it reads beside them, and others; the last can be done without.
fn names_of(subscription: &Subscription) -> Vec<String> {
    let others = subscription.other_streams.iter().map(|(symbol, _)| symbol);
    let named = subscription.symbols.iter().take(NAMED);
    let mut names: Vec<String> = Vec::new();
    for name in others.chain(named).filter_map(|name| Symbols::valid_name(name).ok()) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    // A stranger beside the named ones: nothing of it may reach the trader.
    let most = if subscription.symbols.is_empty() { MARKETS.len().max(names.len() + 2) } else { names.len() + 1 };
    for name in MARKETS.map(str::to_owned) {
        if names.len() < most && !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    fn need(interval: Interval, warm_up: u32) -> Need {
        Need { interval, warm_up, lookback: 0 }
    }

    #[test]
    fn the_base_makes_every_interval() {
        let base =
            |intervals: &[Interval]| base_of(&intervals.iter().map(|interval| need(*interval, 1)).collect::<Vec<_>>());
        assert_eq!(base(&[Interval::M5]), Interval::M5);
        assert_eq!(base(&[Interval::M5, Interval::H1]), Interval::M5);
        assert_eq!(base(&[Interval::M3, Interval::M5]), Interval::M1);
        assert_eq!(base(&[Interval::D3, Interval::W1]), Interval::D1);
    }

    #[test]
    fn another_warm_up_keeps_the_proportions() {
        let needs =
            [need(Interval::M1, 1_000), need(Interval::H1, 200), Need { lookback: 30, ..need(Interval::D1, 30) }];
        let warm_ups = |candles| with_warm_up(&needs, candles).iter().map(|need| need.warm_up).collect::<Vec<_>>();
        assert_eq!(warm_ups(1_000), [1_000, 200, 30]);
        assert_eq!(warm_ups(500), [500, 100, 30]);
        assert_eq!(warm_ups(5_000), [5_000, 1_000, 150]);
    }
}
