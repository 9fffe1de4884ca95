//! Fills segments: history, then what is late, then what is live.

use super::member::{Member, Stage};
use super::stream::Stream;
use super::{Counts, Sequencer};
use crate::market::segment::{Segment, SegmentBuilder, SegmentError, Telling};
use crate::market::symbol::SymbolId;

impl Sequencer {
    /// Fills the segment with what can be told now; live candles of at most so many closes, history of one stream as it comes. False if
    /// there is nothing.
    pub(crate) fn next(&mut self, most_closes: usize, into: &mut Segment) -> Result<bool, SegmentError> {
        self.take_joined();
        let mut builder = into.builder();
        let told = self.tell_history(&mut builder)?
            || self.tell_filled(&mut builder)
            || (self.opens() && (self.tell_late(&mut builder)? || self.tell_live(most_closes.max(1), &mut builder)?));
        builder.finish()?;
        Ok(told)
    }

    /// Nothing is told live before the history of what was wanted first.
    fn opens(&mut self) -> bool {
        self.is_open = self.is_open || (self.has_begun && self.lanes.iter().all(|lane| lane.filled > 0));
        self.is_open
    }

    /// Symbols whose history has come are told from this position on.
    fn take_joined(&mut self) {
        for (symbol, member) in &mut self.members {
            if member.stage != Stage::Joining {
                continue;
            }
            let position_ms = self.position_ms;
            let streams = self.lanes.iter_mut().filter_map(|lane| lane.streams.get_mut(symbol));
            // Each of them is told how far it must be loaded.
            if streams.filter_map(|stream| (!stream.is_loaded_until(position_ms)).then_some(())).count() == 0 {
                member.stage = Stage::Here(false);
                member.told_ms = position_ms;
                for lane in &mut self.lanes {
                    if let Some(stream) = lane.streams.get_mut(symbol) {
                        stream.begin_after(position_ms);
                    }
                }
            } else {
                // Ids are told in order.
                break;
            }
        }
    }

    fn tell_history(&mut self, builder: &mut SegmentBuilder<'_>) -> Result<bool, SegmentError> {
        let members = &self.members;
        let loaded = self.lanes.iter_mut().find_map(|lane| {
            let is_told = |symbol| members.get(symbol).is_some_and(|member| member.is_here());
            let mut streams = lane.streams.iter_mut();
            let (symbol, stream) = streams.find(|(symbol, stream)| is_told(symbol) && stream.is_loaded())?;
            stream.take_history().map(|rows| (*symbol, lane.interval, rows))
        });
        let Some((symbol, interval, rows)) = loaded else { return Ok(false) };
        builder.telling(Telling::History);
        if let Some(member) = members.get(&symbol).filter(|member| member.stage == Stage::Here(false)) {
            builder.named(symbol, &member.name);
        }
        for (gap_from_ms, row) in rows {
            builder.batch(interval, row.open_ms)?;
            if let Some(from_ms) = gap_from_ms {
                builder.gap(symbol, from_ms)?;
            }
            builder.row(symbol, &row.values, 0)?;
        }
        // More may have been asked for meanwhile.
        self.load_history();
        Ok(true)
    }

    fn tell_filled(&mut self, builder: &mut SegmentBuilder<'_>) -> bool {
        let members = &self.members;
        let mut told = false;
        for lane in self.lanes.iter_mut().filter(|lane| lane.filled < lane.depth) {
            let depth = lane.depth;
            let is_filled = |(symbol, stream): (&SymbolId, &Stream)| {
                members.get(symbol).is_none_or(|member| !member.is_here() || stream.is_filled(member.told_ms, depth))
            };
            if lane.streams.iter().all(is_filled) {
                lane.filled = depth;
                builder.telling(Telling::History);
                builder.filled(lane.interval, depth);
                told = true;
            }
        }
        told
    }

    /// The oldest close for which symbols that lag have answered.
    fn tell_late(&mut self, builder: &mut SegmentBuilder<'_>) -> Result<bool, SegmentError> {
        loop {
            let mut oldest: Option<(i64, Vec<SymbolId>)> = None;
            let mut abreast = Vec::new();
            for (symbol, member) in self.members.iter().filter(|(_, member)| self.lags(member)) {
                let close_ms = self.close_after(*symbol, member.told_ms);
                match close_ms.filter(|close_ms| *close_ms <= self.position_ms && !member.has_left(*close_ms)) {
                    None => abreast.push(*symbol),
                    Some(close_ms) if self.has_answered(*symbol, member, close_ms) => match &mut oldest {
                        Some((oldest_ms, symbols)) if *oldest_ms == close_ms => symbols.push(*symbol),
                        Some((oldest_ms, _)) if *oldest_ms < close_ms => {}
                        _ => oldest = Some((close_ms, vec![*symbol])),
                    },
                    Some(_) => {}
                }
            }
            for symbol in abreast {
                self.told(symbol, self.position_ms);
            }
            let Some((close_ms, symbols)) = oldest else { return Ok(false) };
            let candles = self.tell_close(close_ms, |symbol| symbols.contains(&symbol), builder)?;
            for symbol in symbols {
                self.told(symbol, close_ms);
            }
            // A close of nothing but holes is passed over.
            if candles > 0 {
                builder.telling(Telling::Late);
                self.counts.late += candles;
                return Ok(true);
            }
        }
    }

    fn told(&mut self, symbol: SymbolId, close_ms: i64) {
        if let Some(member) = self.members.get_mut(&symbol) {
            member.told_ms = close_ms;
        }
    }

    fn tell_live(&mut self, most_closes: usize, builder: &mut SegmentBuilder<'_>) -> Result<bool, SegmentError> {
        let mut told = false;
        while builder.closes() < most_closes {
            let Some(close_ms) = self.next_close_ms() else {
                // Nothing of anybody is wanted any more, or all that are left lag. Who goes has been told its last close before.
                if !told {
                    told = self.tell_comers(builder, self.now_ms);
                }
                break;
            };
            let Some(without) = self.told_without(close_ms) else { break };
            // Who lags, comes or goes is said of a whole segment.
            if told && (!without.is_empty() || self.has_comers(close_ms)) {
                break;
            }
            let lagging: Vec<SymbolId> =
                self.members.iter().filter(|(_, member)| self.lags(member)).map(|(symbol, _)| *symbol).collect();
            let has_left = self.members.iter().filter(|(_, member)| member.has_left(close_ms));
            let left: Vec<SymbolId> = has_left.map(|(symbol, _)| *symbol).collect();
            // What is heard of one that joins becomes its history.
            let joining = self.members.iter().filter(|(_, member)| member.stage == Stage::Joining);
            let joining: Vec<SymbolId> = joining.map(|(symbol, _)| *symbol).collect();
            let is_abreast =
                |symbol| [&lagging, &without, &left, &joining].iter().all(|others| !others.contains(&symbol));
            told |= self.tell_close(close_ms, is_abreast, builder)? > 0;
            let (members, position_ms) = (&mut self.members, self.position_ms);
            for (symbol, member) in members.iter_mut().filter(|(_, member)| member.told_ms == position_ms) {
                if member.is_here() && !without.contains(symbol) {
                    member.told_ms = close_ms;
                }
            }
            self.position_ms = close_ms;
            told |= self.tell_comers(builder, close_ms);
        }
        if told {
            let lagging = self.members.iter().filter(|(_, member)| self.lags(member));
            lagging.for_each(|(symbol, _)| builder.lagging(*symbol));
        }
        Ok(told)
    }

    /// Whether nothing more is told of it. One that joins is told to be there first, since ids are told without a gap.
    fn goes(&self, member: &Member, close_ms: i64) -> bool {
        member.is_here() && member.has_left(close_ms) && !self.lags(member)
    }

    fn has_comers(&self, close_ms: i64) -> bool {
        let mut members = self.members.values();
        members.any(|member| member.stage == Stage::Here(false) || self.goes(member, close_ms))
    }

    /// Names the symbols that come and go with this close.
    fn tell_comers(&mut self, builder: &mut SegmentBuilder<'_>, close_ms: i64) -> bool {
        let mut told = false;
        for (symbol, member) in &mut self.members {
            if member.stage == Stage::Here(false) {
                member.stage = Stage::Here(true);
                builder.joined(*symbol, &member.name);
                told = true;
            }
        }
        let gone = self.members.iter().filter(|(_, member)| self.goes(member, close_ms));
        let gone: Vec<SymbolId> = gone.map(|(symbol, _)| *symbol).collect();
        for symbol in gone {
            builder.gone(symbol);
            self.remove(symbol);
            told = true;
        }
        told
    }

    /// Adds what closes then, of the symbols that are meant. How many candles that is.
    fn tell_close(
        &mut self,
        close_ms: i64,
        is_meant: impl Fn(SymbolId) -> bool,
        builder: &mut SegmentBuilder<'_>,
    ) -> Result<u64, SegmentError> {
        let Counts { backfilled, gaps, .. } = &mut self.counts;
        let mut candles = 0;
        for lane in &mut self.lanes {
            let has = |(symbol, stream): (&SymbolId, &mut Stream)| is_meant(*symbol) && stream.has_candle(close_ms);
            if !lane.streams.iter_mut().any(has) {
                continue;
            }
            let open_ms = close_ms.saturating_add(1).saturating_sub(lane.interval.as_ms());
            builder.batch(lane.interval, open_ms)?;
            for (symbol, stream) in lane.streams.iter_mut().filter(|(symbol, _)| is_meant(**symbol)) {
                let Some((gap_from_ms, row)) = stream.give(close_ms) else { continue };
                if let Some(from_ms) = gap_from_ms {
                    builder.gap(*symbol, from_ms)?;
                    *gaps += 1;
                }
                builder.row_from(*symbol, &row.values, 0, row.asked)?;
                *backfilled += u64::from(row.asked);
                candles += 1;
            }
        }
        Ok(candles)
    }
}
