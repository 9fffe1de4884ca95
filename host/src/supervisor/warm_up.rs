//! The candles that a new instance is fed before its first live one, taken from the history in the order of delivery.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::market::{Column, History, Interval, Offer, Segment, SegmentError, Stream, SymbolId};
use crate::sandbox::Need;

/// A place in the order of delivery: before the batch of this interval at this close. What comes earlier has been delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Position {
    close_ms: i64,
    interval: Option<Interval>,
}

impl Position {
    /// Before anything of this close.
    #[must_use]
    pub const fn before(close_ms: i64) -> Self {
        Self { close_ms, interval: None }
    }

    /// Within this close, before the batch of this interval; longer ones have been delivered.
    #[must_use]
    pub const fn at(close_ms: i64, interval: Interval) -> Self {
        Self { close_ms, interval: Some(interval) }
    }

    /// The close that is not whole yet.
    pub(super) const fn close_ms(self) -> i64 {
        self.close_ms
    }

    /// Close time of the newest candle of this interval that may have been delivered.
    pub(super) fn last_close_ms(self, interval: Interval) -> i64 {
        if self.interval.is_some_and(|next| interval > next) { self.close_ms } else { self.close_ms - 1 }
    }
}

/// Warm-ups that are kept at once: a trader that faults at every close must not fill the memory.
const KEPT: usize = 8;

/// Warm-ups that were asked for at one moment: traders that want the same share one.
#[derive(Debug, Default)]
pub struct WarmUps(Mutex<HashMap<Asked, Arc<Segment>>>);

/// Intervals with their warm-ups, up to which close they were judged, and where they end.
type Asked = (Vec<(Interval, u32)>, Option<i64>, Position);

impl WarmUps {
    /// The last `warm_up` candles of every need, of all symbols on offer, before the position. Where the candles after `judged_ms` are
    /// still to be judged, they and `warm_up` candles before them, as far as they are kept.
    ///
    /// # Errors
    ///
    /// If the history is out of order: a mistake of the host.
    pub fn get(
        &self,
        history: &History,
        offer: &Offer,
        needs: &[Need],
        judged_ms: Option<i64>,
        position: Position,
    ) -> Result<Arc<Segment>, SegmentError> {
        let key = (needs.iter().map(|need| (need.interval, need.warm_up)).collect(), judged_ms, position);
        let mut made = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(segment) = made.get(&key) {
            return Ok(segment.clone());
        }
        if made.len() >= KEPT {
            made.clear();
        }
        let segment = Arc::new(warm_up(history, offer, needs, judged_ms, position)?);
        made.insert(key, segment.clone());
        Ok(segment)
    }

    /// Forgets them.
    pub fn clear(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

/// A candle by its place in the order of delivery.
type Place = (i64, Reverse<Interval>, SymbolId, usize);

/// Index of the first candle of a warm-up in the history of its stream.
pub(super) fn first_of(stream: &Stream, need: &Need, judged_ms: Option<i64>, end: usize) -> usize {
    let judged = judged_ms.map_or(end, |judged_ms| stream.len_at(judged_ms).min(end));
    judged.saturating_sub(need.warm_up as usize)
}

fn warm_up(
    history: &History,
    offer: &Offer,
    needs: &[Need],
    judged_ms: Option<i64>,
    position: Position,
) -> Result<Segment, SegmentError> {
    let mut places: Vec<Place> = Vec::new();
    for need in needs {
        for (symbol, stream) in history.streams(need.interval).filter(|(symbol, _)| offer.is_on(*symbol)) {
            let end = stream.len_at(position.last_close_ms(need.interval));
            let start = first_of(stream, need, judged_ms, end);
            let opens = stream.open_times().get(start..end).unwrap_or_default();
            places.extend(
                opens.iter().enumerate().map(|(offset, open)| {
                    (need.interval.close_of(*open), Reverse(need.interval), symbol, start + offset)
                }),
            );
        }
    }
    places.sort_unstable();
    let mut segment = Segment::new();
    let mut builder = segment.builder();
    let mut batch = None;
    // A gap is told before the candle after it; the first candle of a stream has none.
    let mut last_opens: HashMap<(SymbolId, Interval), i64> = HashMap::new();
    for (close_ms, Reverse(interval), symbol, index) in places {
        let open_ms = close_ms + 1 - interval.as_ms();
        if batch != Some((close_ms, interval)) {
            builder.batch(interval, open_ms)?;
            batch = Some((close_ms, interval));
        }
        if let Some(last) = last_opens.insert((symbol, interval), open_ms)
            && last + interval.as_ms() < open_ms
        {
            builder.gap(symbol, last + interval.as_ms())?;
        }
        let Some(stream) = history.stream(symbol, interval) else { continue };
        let values = Column::ALL.map(|column| stream.column(column).get(index).copied().unwrap_or(f64::NAN));
        builder.row(symbol, &values, stream.came(index).missing)?;
    }
    builder.finish()?;
    Ok(segment)
}
