use super::extremes::{higher, lower};
use super::session::Sessions;
use super::usable_candle;
use crate::{Candle, Interval};

/// Classic pivot points: levels from high, low and close of the session before.
///
/// `pivot = (high + low + close) / 3`, `r1 = 2 * pivot - low`, `s1 = 2 * pivot - high`, `r2 = pivot + (high - low)`,
/// `s2 = pivot - (high - low)`, `r3 = high + 2 * (pivot - low)`, `s3 = low - 2 * (high - pivot)`. A session is a UTC day
/// ([`new`](Self::new)) or another interval; a candle belongs to the one in which it opened.
///
/// Unit: that of the prices; the lowest levels may be below 0. First value at the first candle after a session that was seen
/// from its beginning: a session that began before the first candle does not count. It knows nothing of the session in hand.
/// Flat prices give that price for all. Source: the floor traders' method; TA-Lib has none.
///
/// Candles with a price that is no usable number are ignored, see [the module](super).
///
/// ```
/// use vyx_sdk::indicators::PivotPoints;
/// # use vyx_sdk::{Interval, testkit::candles_from_closes};
///
/// let mut points = PivotPoints::new();
/// let candles = candles_from_closes(Interval::H12, &[10.0, 13.0, 11.0]);
/// assert_eq!(points.next(&candles[0]), None); // the first half of the day
/// assert_eq!(points.next(&candles[1]), None);
/// let now = points.next(&candles[2]).unwrap();
/// assert_eq!((now.s1, now.pivot, now.r1), (11.0, 12.0, 14.0));
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct PivotPoints {
    sessions: Sessions,
    /// The session in hand; none before the first candle.
    session: Option<Session>,
    value: Option<PivotPointsValue>,
}

#[derive(Debug, Clone, Copy)]
struct Session {
    number: i64,
    whole: bool,
    high: f64,
    low: f64,
    close: f64,
}

/// The levels of [`PivotPoints`], in the unit of the prices.
///
/// ```
/// use vyx_sdk::indicators::PivotPointsValue;
///
/// # let levels = PivotPointsValue { pivot: 12.0, r1: 14.0, s1: 11.0, r2: 15.0, s2: 9.0, r3: 17.0, s3: 8.0 };
/// let above = |close: f64, levels: &PivotPointsValue| close > levels.r1;
/// assert!(above(14.5, &levels));
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[must_use]
pub struct PivotPointsValue {
    /// The pivot itself.
    pub pivot: f64,
    /// The first resistance.
    pub r1: f64,
    /// The first support.
    pub s1: f64,
    /// The second resistance.
    pub r2: f64,
    /// The second support.
    pub s2: f64,
    /// The third resistance.
    pub r3: f64,
    /// The third support.
    pub s3: f64,
}

impl PivotPoints {
    /// Levels from the UTC day before.
    pub fn new() -> Self {
        Self::of_session(Interval::D1)
    }

    /// Levels from the session before, which is as long as a candle of the interval `session`; weeks begin on Monday.
    pub fn of_session(session: Interval) -> Self {
        Self { sessions: Sessions::new(session), session: None, value: None }
    }

    /// Takes the next candle and returns the levels for it, or `None` until a whole session is over.
    pub fn next(&mut self, candle: &Candle) -> Option<PivotPointsValue> {
        if usable_candle(candle) {
            self.take(candle);
        }
        self.value
    }

    fn take(&mut self, candle: &Candle) {
        let number = self.sessions.of(candle.open_time_ms);
        if let Some(session) = &mut self.session {
            if session.number == number {
                session.high = higher(session.high, candle.high);
                session.low = lower(session.low, candle.low);
                session.close = candle.close;
                return;
            }
            if session.whole {
                self.value = Some(levels(session));
            }
        }
        // One that follows another was seen from its first candle, wherever that lies.
        let whole = self.session.is_some() || self.sessions.begins_at(candle.open_time_ms);
        self.session = Some(Session { number, whole, high: candle.high, low: candle.low, close: candle.close });
    }

    /// The last levels, `None` until a whole session is over.
    #[must_use]
    pub fn value(&self) -> Option<PivotPointsValue> {
        self.value
    }
}

impl Default for PivotPoints {
    fn default() -> Self {
        Self::new()
    }
}

fn levels(session: &Session) -> PivotPointsValue {
    let Session { high, low, close, .. } = *session;
    let pivot = (high + low + close) / 3.0;
    PivotPointsValue {
        pivot,
        r1: 2.0 * pivot - low,
        s1: 2.0 * pivot - high,
        r2: pivot + (high - low),
        s2: pivot - (high - low),
        r3: high + 2.0 * (pivot - low),
        s3: low - 2.0 * (high - pivot),
    }
}

#[cfg(test)]
mod tests {
    use super::super::test_candles::flat;
    use super::*;

    #[test]
    fn a_session_seen_in_part_does_not_count() {
        let mut points = PivotPoints::of_session(Interval::H1);
        for minute in 30..180_i64 {
            let mut candle = flat(minute as f64, 1.0);
            candle.open_time_ms += minute * 60_000;
            let now = points.next(&candle);
            let pivot = now.map(|now| now.pivot);
            let expected = match minute {
                0..120 => None,
                _ => Some((119.0 + 60.0 + 119.0) / 3.0),
            };
            assert_eq!(pivot, expected, "minute {minute}");
            assert_eq!(points.next(&flat(f64::NAN, 1.0)), now);
        }
    }
}
