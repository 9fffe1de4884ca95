//! Lengths of candles.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 60 * MINUTE_MS;
const DAY_MS: i64 = 24 * HOUR_MS;
/// 1970-01-05, the first Monday: 1970 began on a Thursday.
const FIRST_MONDAY_MS: i64 = 4 * DAY_MS;
/// 1970-01-02. Binance counts the three-day candles of a symbol from the day of its listing, so there is no one right
/// start; this is that of BTCUSDT and ETHUSDT (2017-08-17).
const FIRST_D3_MS: i64 = DAY_MS;

/// The length of a candle. Ordered by length.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "&'static str", try_from = "String")]
pub enum Interval {
    /// One minute.
    M1,
    /// Three minutes.
    M3,
    /// Five minutes.
    M5,
    /// A quarter of an hour.
    M15,
    /// Half an hour.
    M30,
    /// One hour.
    H1,
    /// Two hours.
    H2,
    /// Four hours.
    H4,
    /// Six hours.
    H6,
    /// Eight hours.
    H8,
    /// Twelve hours.
    H12,
    /// One day, from midnight UTC.
    D1,
    /// Three days, aligned as those of BTCUSDT on Binance; see [`Interval::may_open_at`].
    D3,
    /// One week, from Monday midnight UTC.
    W1,
}

/// A text that names no interval of a trader.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not an interval{hint}; use one of 1m, 3m, 5m, 15m, 30m, 1h, 2h, 4h, 6h, 8h, 12h, 1d, 3d, 1w")]
pub struct IntervalError {
    text: String,
    hint: &'static str,
}

impl Interval {
    /// Every interval, shortest first.
    pub const ALL: [Self; 14] = [
        Self::M1,
        Self::M3,
        Self::M5,
        Self::M15,
        Self::M30,
        Self::H1,
        Self::H2,
        Self::H4,
        Self::H6,
        Self::H8,
        Self::H12,
        Self::D1,
        Self::D3,
        Self::W1,
    ];

    /// Its length.
    pub const fn as_ms(self) -> i64 {
        match self {
            Self::M1 => MINUTE_MS,
            Self::M3 => 3 * MINUTE_MS,
            Self::M5 => 5 * MINUTE_MS,
            Self::M15 => 15 * MINUTE_MS,
            Self::M30 => 30 * MINUTE_MS,
            Self::H1 => HOUR_MS,
            Self::H2 => 2 * HOUR_MS,
            Self::H4 => 4 * HOUR_MS,
            Self::H6 => 6 * HOUR_MS,
            Self::H8 => 8 * HOUR_MS,
            Self::H12 => 12 * HOUR_MS,
            Self::D1 => DAY_MS,
            Self::D3 => 3 * DAY_MS,
            Self::W1 => 7 * DAY_MS,
        }
    }

    /// The name that traders, files and Binance know it by.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::M1 => "1m",
            Self::M3 => "3m",
            Self::M5 => "5m",
            Self::M15 => "15m",
            Self::M30 => "30m",
            Self::H1 => "1h",
            Self::H2 => "2h",
            Self::H4 => "4h",
            Self::H6 => "6h",
            Self::H8 => "8h",
            Self::H12 => "12h",
            Self::D1 => "1d",
            Self::D3 => "3d",
            Self::W1 => "1w",
        }
    }

    /// Its place in [`Interval::ALL`].
    pub const fn ordinal(self) -> usize {
        self as usize
    }

    /// The open time of the candle that `time_ms` falls into.
    pub const fn open_of(self, time_ms: i64) -> i64 {
        let length_ms = self.as_ms();
        let origin_ms = match self {
            Self::W1 => FIRST_MONDAY_MS,
            Self::D3 => FIRST_D3_MS,
            _ => 0,
        };
        // The remainder is taken twice so that no time, however far off, overflows.
        let into_ms = (time_ms.rem_euclid(length_ms) - origin_ms).rem_euclid(length_ms);
        time_ms.saturating_sub(into_ms)
    }

    /// Whether a candle from an exchange may open then. Three-day candles may open on any day, each symbol having its own
    /// alignment; all others open where [`Interval::open_of`] says.
    pub const fn may_open_at(self, time_ms: i64) -> bool {
        match self {
            Self::D3 => Self::D1.open_of(time_ms) == time_ms,
            _ => self.open_of(time_ms) == time_ms,
        }
    }

    /// The close time of the candle that opens at `open_ms`.
    pub const fn close_of(self, open_ms: i64) -> i64 {
        open_ms.saturating_add(self.as_ms() - 1)
    }

    /// Whether candles of the `longer` interval can be built from whole candles of this one.
    pub const fn divides(self, longer: Self) -> bool {
        self.as_ms() < longer.as_ms() && longer.as_ms() % self.as_ms() == 0
    }
}

impl FromStr for Interval {
    type Err = IntervalError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|interval| interval.as_str() == text).ok_or_else(|| IntervalError {
            text: text.chars().take(20).flat_map(char::escape_debug).collect(),
            hint: match text {
                "1M" | "1mo" => " (months differ in length; 1m is a minute)",
                "1s" => " (seconds are finer than traders get)",
                _ if text.bytes().any(|byte| byte.is_ascii_uppercase()) => " (case matters)",
                _ => "",
            },
        })
    }
}

impl fmt::Display for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl From<Interval> for &'static str {
    fn from(interval: Interval) -> Self {
        interval.as_str()
    }
}

impl TryFrom<String> for Interval {
    type Error = IntervalError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2025-01-01 00:00 UTC, a Wednesday.
    const NEW_YEAR_2025_MS: i64 = 1_735_689_600_000;

    #[test]
    fn names_read_back() {
        for (ordinal, interval) in Interval::ALL.into_iter().enumerate() {
            assert_eq!(interval.as_str().parse(), Ok(interval));
            assert_eq!(interval.ordinal(), ordinal);
            assert_eq!(serde_json::to_string(&interval).unwrap(), format!("\"{interval}\""));
            assert_eq!(serde_json::from_str::<Interval>(&format!("\"{interval}\"")).unwrap(), interval);
        }
        assert!(Interval::ALL.windows(2).all(|pair| pair[0] < pair[1] && pair[0].as_ms() < pair[1].as_ms()));
    }

    #[test]
    fn months_seconds_and_case_have_their_own_hint() {
        let message = |text: &str| text.parse::<Interval>().unwrap_err().to_string();
        let allowed = "use one of 1m, 3m, 5m, 15m, 30m, 1h, 2h, 4h, 6h, 8h, 12h, 1d, 3d, 1w";
        assert_eq!(
            message("1M"),
            format!("`1M` is not an interval (months differ in length; 1m is a minute); {allowed}")
        );
        assert_eq!(message("1s"), format!("`1s` is not an interval (seconds are finer than traders get); {allowed}"));
        assert_eq!(message("1H"), format!("`1H` is not an interval (case matters); {allowed}"));
        assert_eq!(message("7m\u{1b}"), format!("`7m\\u{{1b}}` is not an interval; {allowed}"));
    }

    #[test]
    fn weeks_open_on_monday() {
        let monday_ms = NEW_YEAR_2025_MS - 2 * DAY_MS;
        assert_eq!(Interval::W1.open_of(NEW_YEAR_2025_MS), monday_ms);
        assert_eq!(Interval::W1.open_of(monday_ms), monday_ms);
        assert_eq!(Interval::W1.open_of(monday_ms - 1), monday_ms - 7 * DAY_MS);
        assert_eq!(Interval::W1.close_of(monday_ms), monday_ms + 7 * DAY_MS - 1);
    }

    #[test]
    fn three_days_are_aligned_as_binance_does_it() {
        // BTCUSDT was listed on 2017-08-17, NEOBTC on 2017-07-14, and both have 3d candles from that day on.
        let (btcusdt_ms, neobtc_ms) = (17_395 * DAY_MS, 17_361 * DAY_MS);
        assert_eq!(Interval::D3.open_of(btcusdt_ms + 3 * DAY_MS - 1), btcusdt_ms);
        assert!(Interval::D3.may_open_at(btcusdt_ms) && Interval::D3.may_open_at(neobtc_ms));
        assert!(!Interval::D3.may_open_at(neobtc_ms + HOUR_MS));
        assert!(!Interval::W1.may_open_at(neobtc_ms));
    }

    #[test]
    fn opens_hold_their_time() {
        for interval in Interval::ALL {
            for time_ms in [-1, 0, 1, NEW_YEAR_2025_MS, NEW_YEAR_2025_MS + 123_456_789, -98_765_432_101] {
                let open_ms = interval.open_of(time_ms);
                assert!(open_ms <= time_ms && time_ms <= interval.close_of(open_ms), "{interval} {time_ms}");
                assert_eq!(interval.open_of(open_ms), open_ms);
            }
            // Far off times are wrong, not fatal.
            interval.open_of(i64::MIN);
            interval.close_of(i64::MAX);
        }
    }

    #[test]
    fn divides_only_what_it_fills() {
        assert!(Interval::M1.divides(Interval::W1));
        assert!(Interval::D1.divides(Interval::D3));
        assert!(!Interval::D3.divides(Interval::W1));
        assert!(!Interval::H4.divides(Interval::H6));
        assert!(!Interval::H1.divides(Interval::H1));
        assert!(!Interval::H1.divides(Interval::M1));
    }
}
