//! The lengths that candles come in.

use std::fmt;
use std::str::FromStr;

/// The length of a candle.
///
/// ```
/// use vyx_sdk::Interval;
/// assert_eq!(Interval::M5.as_str(), "5m");
/// assert_eq!("4h".parse(), Ok(Interval::H4));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Interval {
    /// One minute.
    M1,
    /// Three minutes.
    M3,
    /// Five minutes.
    M5,
    /// Fifteen minutes.
    M15,
    /// Thirty minutes.
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
    /// Three days.
    D3,
    /// One week, from Monday UTC.
    W1,
}

const NAMES: [(Interval, &str, i64); 14] = [
    (Interval::M1, "1m", 60_000),
    (Interval::M3, "3m", 3 * 60_000),
    (Interval::M5, "5m", 5 * 60_000),
    (Interval::M15, "15m", 15 * 60_000),
    (Interval::M30, "30m", 30 * 60_000),
    (Interval::H1, "1h", 3_600_000),
    (Interval::H2, "2h", 2 * 3_600_000),
    (Interval::H4, "4h", 4 * 3_600_000),
    (Interval::H6, "6h", 6 * 3_600_000),
    (Interval::H8, "8h", 8 * 3_600_000),
    (Interval::H12, "12h", 12 * 3_600_000),
    (Interval::D1, "1d", 86_400_000),
    (Interval::D3, "3d", 3 * 86_400_000),
    (Interval::W1, "1w", 7 * 86_400_000),
];

impl Interval {
    /// Every interval, the shortest first.
    pub const ALL: [Interval; 14] = {
        let mut all = [Interval::M1; 14];
        let mut i = 0;
        while i < all.len() {
            all[i] = NAMES[i].0;
            i += 1;
        }
        all
    };

    /// The name that Binance and the host use, such as `15m`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        NAMES[self as usize].1
    }

    /// The length in milliseconds.
    #[must_use]
    pub const fn as_ms(self) -> i64 {
        NAMES[self as usize].2
    }
}

impl fmt::Display for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A text that names no interval.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownInterval(String);

impl fmt::Display for UnknownInterval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "unknown interval {:?}, use one of", self.0)?;
        for (i, (_, name, _)) in NAMES.iter().enumerate() {
            write!(f, "{}{name}", if i == 0 { " " } else { ", " })?;
        }
        Ok(())
    }
}

impl std::error::Error for UnknownInterval {}

impl FromStr for Interval {
    type Err = UnknownInterval;

    fn from_str(text: &str) -> Result<Self, UnknownInterval> {
        NAMES
            .iter()
            .find(|(_, name, _)| *name == text)
            .map(|(interval, _, _)| *interval)
            .ok_or_else(|| UnknownInterval(text.to_owned()))
    }
}

impl<'de> serde::Deserialize<'de> for Interval {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_lengths_round_trip() {
        for interval in Interval::ALL {
            assert_eq!(interval.as_str().parse(), Ok(interval));
        }
        assert!(Interval::ALL.windows(2).all(|pair| pair[0].as_ms() < pair[1].as_ms()));
    }

    #[test]
    fn a_month_is_not_a_minute() {
        let error = "1M".parse::<Interval>().unwrap_err().to_string();
        assert!(error.starts_with("unknown interval \"1M\", use one of 1m, 3m"), "{error}");
    }
}
