//! All streams of one interval, merged by time.

use std::sync::Arc;

use super::candles::Candles;
use crate::market::interval::Interval;
use crate::market::segment::{SegmentBuilder, SegmentError};
use crate::market::symbol::SymbolId;

/// A close time that never comes.
pub(super) const NEVER_MS: i64 = i64::MAX;

/// So many rows of a stream are brought near at once.
const READ_AHEAD_ROWS: usize = 32;

/// The streams of one interval, by symbol id.
#[derive(Debug)]
pub(super) struct Lane {
    pub(super) interval: Interval,
    /// The earliest next close of its streams.
    next_close_ms: i64,
    cursors: Vec<Cursor>,
}

#[derive(Debug)]
struct Cursor {
    /// Close time of the next candle. First, so that looking for it touches nothing else.
    next_close_ms: i64,
    /// Open time that the next candle has unless there is a gap.
    expected_ms: i64,
    next: usize,
    symbol: SymbolId,
    candles: Arc<Candles>,
}

impl Lane {
    /// Starts with the first candles that close after `after_ms`. `streams` come by symbol id.
    pub(super) fn new(interval: Interval, streams: Vec<(SymbolId, Arc<Candles>)>, after_ms: i64) -> Self {
        let cursors: Vec<Cursor> = streams
            .into_iter()
            .map(|(symbol, candles)| {
                let next = candles.open_times.partition_point(|open_ms| interval.close_of(*open_ms) <= after_ms);
                let open_ms = candles.open_times.get(next).copied();
                // The gap before the first candle is told as if the candles before had been delivered: what a close tells
                // must not depend on when somebody began to listen.
                let before_ms = next.checked_sub(1).and_then(|last| candles.open_times.get(last));
                let expected_ms = before_ms.map_or(open_ms.unwrap_or(NEVER_MS), |open_ms| open_ms + interval.as_ms());
                let next_close_ms = open_ms.map_or(NEVER_MS, |open_ms| interval.close_of(open_ms));
                Cursor { next_close_ms, expected_ms, next, symbol, candles }
            })
            .collect();
        let next_close_ms = cursors.iter().map(|cursor| cursor.next_close_ms).min().unwrap_or(NEVER_MS);
        Self { interval, next_close_ms, cursors }
    }

    /// The same streams from their first candles on.
    pub(super) fn restarted(&self) -> Self {
        let streams = self.cursors.iter().map(|cursor| (cursor.symbol, Arc::clone(&cursor.candles))).collect();
        Self::new(self.interval, streams, i64::MIN)
    }

    pub(super) fn next_close_ms(&self) -> i64 {
        self.next_close_ms
    }

    /// Delivers the candles of its next close.
    pub(super) fn deliver(&mut self, builder: &mut SegmentBuilder<'_>) -> Result<(), SegmentError> {
        let close_ms = self.next_close_ms;
        let length_ms = self.interval.as_ms();
        let open_ms = close_ms + 1 - length_ms;
        builder.batch(self.interval, open_ms)?;
        let mut next_close_ms = NEVER_MS;
        for cursor in &mut self.cursors {
            if cursor.next_close_ms == close_ms {
                let candles = &*cursor.candles;
                if cursor.expected_ms != open_ms {
                    builder.gap(cursor.symbol, cursor.expected_ms)?;
                }
                if cursor.next.is_multiple_of(READ_AHEAD_ROWS) {
                    read_ahead(candles, cursor.next);
                }
                if let Some(values) = candles.rows.get(cursor.next) {
                    let missing = candles.missing.get(cursor.next).copied().unwrap_or(0);
                    builder.row(cursor.symbol, values, missing)?;
                }
                cursor.next += 1;
                cursor.expected_ms = open_ms + length_ms;
                cursor.next_close_ms =
                    candles.open_times.get(cursor.next).map_or(NEVER_MS, |open_ms| open_ms + (length_ms - 1));
            }
            next_close_ms = next_close_ms.min(cursor.next_close_ms);
        }
        self.next_close_ms = next_close_ms;
        Ok(())
    }
}

/// Touches the next rows of a stream. With many symbols every row comes from another place and would be waited for alone; read
/// one after the other they arrive together.
#[inline(never)]
fn read_ahead(candles: &Candles, next: usize) {
    let end = candles.rows.len().min(next + READ_AHEAD_ROWS);
    let rows = candles.rows.get(next..end).unwrap_or_default();
    std::hint::black_box(rows.iter().fold(0.0, |sum, [open, ..]| sum + open));
}
