//! What has to be asked, one question at a time for each stream and for its history.

use super::{Sequencer, Stream};
use crate::market::binance::wire::Kline;
use crate::market::interval::Interval;
use crate::market::symbol::SymbolId;

/// A question: the candles of a stream that open at or after a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ask {
    id: u64,
    pub(crate) symbol: SymbolId,
    pub(crate) name: String,
    pub(crate) interval: Interval,
    pub(crate) from_ms: i64,
    /// By the exchange's clock. What is not closed by then may be forming in the answer.
    pub(crate) asked_ms: i64,
}

impl Sequencer {
    /// The next question about what closes now: the oldest close first, since all others wait for it.
    pub(crate) fn ask_live(&mut self, may_ask: impl Fn(SymbolId, Interval) -> bool) -> Option<Ask> {
        let mut oldest: Option<(i64, SymbolId, Interval)> = None;
        for lane in &self.lanes {
            for (symbol, stream) in &lane.streams {
                let Some(close_ms) = stream.wants_close_ms(self.now_ms) else { continue };
                let member = self.members.get(symbol);
                let is_told = member.is_some_and(|member| member.is_here() && !member.has_left(close_ms));
                if is_told
                    && oldest.is_none_or(|(oldest_ms, ..)| close_ms < oldest_ms)
                    && may_ask(*symbol, lane.interval)
                {
                    oldest = Some((close_ms, *symbol, lane.interval));
                }
            }
        }
        let (_, symbol, interval) = oldest?;
        self.ask(symbol, interval, |stream, id, now_ms| Some(stream.ask(id, now_ms)))
    }

    /// The next question about history.
    pub(crate) fn ask_history(&mut self, may_ask: impl Fn(SymbolId, Interval) -> bool) -> Option<Ask> {
        let now_ms = self.now_ms;
        let (symbol, interval) = self.lanes.iter().find_map(|lane| {
            let mut streams = lane.streams.iter();
            let wants =
                streams.find(|(symbol, stream)| stream.wants_history(now_ms) && may_ask(**symbol, lane.interval));
            wants.map(|(symbol, _)| (*symbol, lane.interval))
        })?;
        self.ask(symbol, interval, |stream, id, now_ms| stream.ask_history(id, now_ms))
    }

    fn ask(
        &mut self,
        symbol: SymbolId,
        interval: Interval,
        from_ms: impl FnOnce(&mut Stream, u64, i64) -> Option<i64>,
    ) -> Option<Ask> {
        let (id, asked_ms) = (self.asked, self.now_ms);
        let from_ms = from_ms(self.stream_mut(symbol, interval)?, id, asked_ms)?;
        self.asked += 1;
        let name = self.members.get(&symbol)?.name.clone();
        Some(Ask { id, symbol, name, interval, from_ms, asked_ms })
    }

    /// An answer: candles, oldest first. It is full where it holds as many as it can, and more may follow.
    pub(crate) fn answered(&mut self, ask: &Ask, rows: &[Kline], is_full: bool) {
        let Some(told_ms) = self.members.get(&ask.symbol).map(|member| member.told_ms) else { return };
        let Some(stream) = self.stream_mut(ask.symbol, ask.interval) else { return };
        if let Some(realigned) = stream.realigned(rows, told_ms) {
            *stream = realigned;
            self.load_history();
        } else {
            stream.answer(ask.id, rows, ask.asked_ms, is_full);
        }
    }

    /// There was no answer.
    pub(crate) fn failed(&mut self, ask: &Ask) {
        let now_ms = self.now_ms;
        if let Some(stream) = self.stream_mut(ask.symbol, ask.interval) {
            stream.failed(ask.id, now_ms);
        }
    }

    /// Whether others wait until the history of this stream is there: at the start, who joins later, and whoever wants as much.
    pub(crate) fn holds_up(&self, symbol: SymbolId, interval: Interval) -> bool {
        let mut lanes = self.lanes.iter().filter(|lane| lane.interval == interval);
        lanes.any(|lane| lane.streams.get(&symbol).is_some_and(Stream::is_loading))
    }

    /// Nobody waits for the history of this stream any more.
    pub(crate) fn pass_over(&mut self, symbol: SymbolId, interval: Interval) {
        if let Some(stream) = self.stream_mut(symbol, interval) {
            stream.pass_over();
        }
    }

    /// Nothing more is to be had of a symbol.
    pub(crate) fn give_up(&mut self, symbol: SymbolId) {
        self.end(symbol);
        self.leave(symbol);
    }
}
