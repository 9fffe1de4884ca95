//! Makes one canonical order of what comes late, twice, mixed up or not at all. Pure: it does no IO and has no clock but the readings of
//! the exchange's clock that it is given.
//!
//! Candles come from the socket, and from answers to the questions that it asks where the socket did not bring what has closed. Each
//! stream is read in order (`reader`). The *position* is the close up to which everything was told. The next close is told once every
//! symbol has answered for it, with a candle or with a proof that there is none; at the deadline without those that have not. They
//! *lag*: what they lack is told late, in their own order, until they are where the others are.
//!
//! The deadline counts from when the exchange could first be asked: after an outage everybody is behind, which is no reason to leave
//! anybody behind. Where nobody has answered, all wait.

mod ask;
mod live;
mod member;
mod reader;
mod stream;
mod tell;

use std::collections::BTreeMap;

pub(super) use ask::Ask;
use member::{Member, Stage};
use stream::Stream;

use crate::market::candle::Values;
use crate::market::interval::Interval;
use crate::market::symbol::SymbolId;

/// By the exchange's clock, after a close: nobody waits longer for one symbol.
const DEADLINE_MS: i64 = 10_000;
/// The same where most symbols have not answered: then it is the line, or the exchange, and not they.
const LONG_DEADLINE_MS: i64 = 30_000;
/// A clock that jumps further was not heard meanwhile, so candles were not either.
const JUMP_MS: i64 = 10_000;
/// By the exchange's clock, after a close: what has not come by then has to be asked for.
const WAITED_MS: i64 = 5_000;
/// Least history of an interval: the chart that each signal carries.
const CHART_CANDLES: u32 = 150;

/// The streams of one interval.
#[derive(Debug)]
struct Lane {
    interval: Interval,
    /// Candles of history that are wanted before what is told.
    depth: u32,
    /// Up to this depth it was told that they are there.
    filled: u32,
    streams: BTreeMap<SymbolId, Stream>,
}

/// What it did so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    /// Candles told late.
    pub(super) late: u64,
    /// Candles that had to be asked for, told live or late.
    pub(super) backfilled: u64,
    /// Gaps told, live or late.
    pub(super) gaps: u64,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Sequencer {
    now_ms: i64,
    /// Since when the exchange is heard without a break.
    steady_ms: i64,
    position_ms: i64,
    has_begun: bool,
    /// Whether the first history is there; until then nothing is told live.
    is_open: bool,
    /// Whether questions cannot be asked at present.
    is_mute: bool,
    /// Longest interval first.
    lanes: Vec<Lane>,
    members: BTreeMap<SymbolId, Member>,
    asked: u64,
    counts: Counts,
}

impl Sequencer {
    /// Up to the anchor candles are history.
    pub(super) fn new(anchor_ms: i64, now_ms: i64) -> Self {
        Self {
            now_ms,
            steady_ms: now_ms,
            position_ms: anchor_ms,
            has_begun: false,
            is_open: false,
            is_mute: false,
            lanes: Vec::new(),
            members: BTreeMap::new(),
            asked: 0,
            counts: Counts::default(),
        }
    }

    /// What was wanted first is there: candles may be told.
    pub(super) fn begin(&mut self) {
        if !std::mem::replace(&mut self.has_begun, true) {
            self.steady_ms = self.now_ms;
        }
    }

    // The clock and the lines.

    /// A reading of the exchange's clock.
    pub(super) fn clock(&mut self, ms: i64) {
        if ms > self.now_ms.saturating_add(JUMP_MS) {
            self.steady_ms = ms;
        }
        self.now_ms = self.now_ms.max(ms);
    }

    /// The socket was lost, or is there again.
    pub(super) fn line_changed(&mut self) {
        self.steady_ms = self.now_ms;
    }

    /// Whether questions cannot be asked at present: then nobody waits for their answers.
    pub(super) fn mute(&mut self, is_mute: bool) {
        self.is_mute = is_mute;
    }

    /// What the socket says of a candle: whether it is closed, and when that was said. It counts where it is said to be closed, after its
    /// close. True if it is news.
    pub(super) fn candle(
        &mut self,
        symbol: SymbolId,
        interval: Interval,
        open_ms: i64,
        values: Values,
        said: (bool, i64),
    ) -> bool {
        let (is_closed, event_ms) = said;
        let close_ms = interval.close_of(open_ms);
        // What lies ahead of the clock is a mistake, whatever time it claims to be.
        if !is_closed || event_ms <= close_ms || close_ms >= self.now_ms {
            return false;
        }
        let is_told = self.members.get(&symbol).is_some_and(|member| !member.has_left(close_ms));
        is_told && self.stream_mut(symbol, interval).is_some_and(|stream| stream.hear(open_ms, values))
    }

    // What is wanted.

    /// Wants an interval, from the next close on, and at least so many candles before it.
    pub(super) fn want(&mut self, interval: Interval, candles: u32) {
        let depth = candles.max(least_candles(interval));
        self.restart_if_idle();
        match self.lanes.iter_mut().find(|lane| lane.interval == interval) {
            Some(lane) if lane.depth >= depth => {}
            Some(lane) => {
                for (symbol, stream) in &mut lane.streams {
                    if let Some(member) = self.members.get(symbol) {
                        stream.keeps(member.told_ms, lane.filled);
                    }
                }
                lane.depth = depth;
            }
            None => {
                let stream = |(id, member): (&SymbolId, &Member)| (*id, Stream::new(interval, member.told_ms));
                let streams = self.members.iter().map(stream).collect();
                self.lanes.push(Lane { interval, depth, filled: 0, streams });
                self.lanes.sort_unstable_by_key(|lane| std::cmp::Reverse(lane.interval));
            }
        }
        self.load_history();
    }

    /// Lets go of all other intervals, and of more candles than these before what is told.
    pub(super) fn keep_only(&mut self, needs: &BTreeMap<Interval, u32>) {
        self.lanes.retain(|lane| needs.contains_key(&lane.interval));
        for lane in &mut self.lanes {
            let candles = needs.get(&lane.interval).copied().unwrap_or(0);
            lane.depth = lane.depth.min(candles.max(least_candles(lane.interval)));
            lane.filled = lane.filled.min(lane.depth);
        }
    }

    /// While nothing was wanted nothing was told, and nobody missed it.
    fn restart_if_idle(&mut self) {
        if self.lanes.is_empty() && self.is_open {
            self.position_ms = self.position_ms.max(self.now_ms);
            for member in self.members.values_mut() {
                member.told_ms = self.position_ms;
            }
        }
    }

    /// A symbol of the beginning.
    pub(super) fn with(&mut self, symbol: SymbolId, name: &str) {
        self.add(symbol, name, Stage::Here(true));
    }

    /// A symbol that is new: it is told once its history is there.
    pub(super) fn join(&mut self, symbol: SymbolId, name: &str) {
        self.add(symbol, name, Stage::Joining);
    }

    fn add(&mut self, symbol: SymbolId, name: &str, stage: Stage) {
        if self.members.is_empty() && self.is_open {
            self.position_ms = self.position_ms.max(self.now_ms);
        }
        let told_ms = self.position_ms;
        self.members.insert(symbol, Member { name: name.to_owned(), stage, told_ms, leaves_ms: None });
        for lane in &mut self.lanes {
            lane.streams.insert(symbol, Stream::new(lane.interval, told_ms));
        }
        self.load_history();
    }

    /// A symbol is not on offer any more. What has closed is told.
    pub(super) fn leave(&mut self, symbol: SymbolId) {
        let now_ms = self.now_ms;
        match self.members.get_mut(&symbol) {
            Some(member) => member.leaves_ms = member.leaves_ms.or(Some(now_ms - 1)),
            None => return,
        }
        // Ids are told without a gap, so it joins and goes at once.
        if self.members.get(&symbol).is_some_and(|member| member.stage == Stage::Joining) {
            self.end(symbol);
        }
    }

    /// Nothing more comes of a symbol, and nobody waits for it.
    fn end(&mut self, symbol: SymbolId) {
        for lane in &mut self.lanes {
            if let Some(stream) = lane.streams.get_mut(&symbol) {
                stream.end();
            }
        }
    }

    fn remove(&mut self, symbol: SymbolId) {
        self.members.remove(&symbol);
        for lane in &mut self.lanes {
            lane.streams.remove(&symbol);
        }
    }

    fn load_history(&mut self) {
        for lane in &mut self.lanes {
            for (symbol, stream) in &mut lane.streams {
                if let Some(member) = self.members.get(symbol)
                    && !stream.is_filled(member.told_ms, lane.depth)
                {
                    // The chart and the 24 h figures of the first of them need what is before it.
                    stream.reach_back(member.told_ms, lane.depth.saturating_add(least_candles(lane.interval)));
                }
            }
        }
    }

    fn stream_mut(&mut self, symbol: SymbolId, interval: Interval) -> Option<&mut Stream> {
        self.lanes.iter_mut().find(|lane| lane.interval == interval)?.streams.get_mut(&symbol)
    }

    // What can be seen.

    pub(super) fn now_ms(&self) -> i64 {
        self.now_ms
    }

    pub(super) fn counts(&self) -> Counts {
        self.counts
    }

    /// What the socket should bring, by the names of the symbols.
    pub(super) fn streams(&self) -> impl Iterator<Item = (&str, Interval)> {
        self.lanes.iter().flat_map(|lane| {
            let members = lane.streams.keys().filter_map(|symbol| self.members.get(symbol));
            let stay = members.filter(|member| !member.has_left(self.now_ms));
            stay.map(|member| (member.name.as_str(), lane.interval))
        })
    }

    /// Whether nothing is wanted.
    pub(super) fn is_idle(&self) -> bool {
        self.lanes.is_empty()
    }

    /// Whether everything that was wanted in the beginning is there.
    pub(super) fn is_open(&self) -> bool {
        self.is_open
    }

    /// Whether something is wanted that only an answer brings: history of what is told, or candles that the socket did not bring.
    pub(super) fn waits_for_answers(&self) -> bool {
        let is_here = |symbol: &SymbolId| self.members.get(symbol).is_some_and(Member::is_here);
        let is_loading =
            |lane: &Lane| lane.streams.iter().any(|(symbol, stream)| is_here(symbol) && stream.is_loading());
        let is_late = || self.overdue_ms().is_some_and(|overdue_ms| overdue_ms > WAITED_MS);
        !self.is_open || self.lanes.iter().any(is_loading) || self.lagging() > 0 || is_late()
    }

    /// Whether candles are wanted and there is no symbol to be heard.
    pub(super) fn has_nobody(&self) -> bool {
        !self.is_idle() && !self.members.values().any(Member::is_here)
    }

    /// How many symbols lag.
    pub(super) fn lagging(&self) -> usize {
        self.members.values().filter(|member| self.lags(member)).count()
    }

    fn lags(&self, member: &Member) -> bool {
        member.is_here() && member.told_ms < self.position_ms
    }

    /// The shortest interval that is wanted.
    pub(super) fn shortest(&self) -> Option<Interval> {
        self.lanes.last().map(|lane| lane.interval)
    }

    /// By how much the next close is overdue, not counting the time before the exchange was heard again.
    pub(super) fn overdue_ms(&self) -> Option<i64> {
        let close_ms = self.next_close_ms()?;
        Some(self.now_ms.saturating_sub(close_ms.max(self.steady_ms))).filter(|overdue_ms| *overdue_ms > 0)
    }
}

/// Candles of history that charts and 24 h figures need.
fn least_candles(interval: Interval) -> u32 {
    let day = if interval <= Interval::D1 { Interval::D1.as_ms() / interval.as_ms() } else { 0 };
    u32::try_from(day).unwrap_or(0).max(CHART_CANDLES)
}

#[cfg(test)]
#[path = "market_tests.rs"]
mod market_tests;
#[cfg(test)]
#[path = "tests.rs"]
mod tests;
