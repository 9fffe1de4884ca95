//! Moments of the command line, and the part of a replay that is shown.

use std::str::FromStr;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use crate::cli::failure::Failure;
use crate::cli::terminal::minute;
use crate::text::shown;

/// Times before this, in milliseconds, are meant as something else: 1973.
const EARLIEST_MS: i64 = 100_000_000_000;

/// A moment, UTC milliseconds. A candle that closes at 10:00 is written with its last millisecond, 09:59:59.999, in data, and as 10:00 by
/// people; both mean the same here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Moment(i64);

impl Moment {
    /// The close time of candles that close at this moment.
    pub(super) const fn close_ms(self) -> i64 {
        self.0 - 1
    }
}

impl FromStr for Moment {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let wrong = |why: &str| {
            let text = shown(text, 40);
            format!("{text:?} {why}; write 2026-01-05, 2026-01-05T10:00Z or UTC milliseconds")
        };
        let ms = if text.trim_start_matches('-').bytes().all(|byte| byte.is_ascii_digit()) && !text.is_empty() {
            let ms: i64 = text.parse().map_err(|_| wrong("is no number of milliseconds"))?;
            if ms < EARLIEST_MS {
                return Err(wrong("is too early for milliseconds since 1970"));
            }
            ms
        } else if let Ok(time) = text.parse::<Timestamp>() {
            time.as_millisecond()
        } else {
            let plain = text.strip_suffix(['Z', 'z']).unwrap_or(text);
            let time: DateTime = plain.parse().map_err(|_| wrong("is not a time"))?;
            TimeZone::UTC.to_timestamp(time).map_err(|_| wrong("is not a time"))?.as_millisecond()
        };
        if Timestamp::from_millisecond(ms).is_err() || ms < 0 {
            return Err(wrong("is out of range"));
        }
        Ok(Self(ms + i64::from(ms % 1_000 == 999)))
    }
}

/// What is shown of a replay: candles that close after `from`, up to and with those that close at `to`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Range {
    from: Option<Moment>,
    to: Option<Moment>,
}

impl Range {
    /// Between two moments.
    ///
    /// # Errors
    ///
    /// If there is nothing between them.
    pub(super) fn new(from: Option<Moment>, to: Option<Moment>) -> Result<Self, Failure> {
        if let (Some(from), Some(to)) = (from, to)
            && from >= to
        {
            let (from, to) = (minute(from.close_ms()), minute(to.close_ms()));
            return Err(Failure::input(format!("--from {from} is not before --to {to}; swap them")));
        }
        Ok(Self { from, to })
    }

    /// The last close time that is not shown yet; none where all is shown from the first candle on.
    pub(super) fn warm_up_ms(self) -> Option<i64> {
        self.from.map(Moment::close_ms)
    }

    /// The last close time that is shown.
    pub(super) fn last_ms(self) -> i64 {
        self.to.map_or(i64::MAX, Moment::close_ms)
    }

    /// Whether a candle that closes then is shown.
    pub(super) fn holds(self, close_ms: i64) -> bool {
        self.warm_up_ms().is_none_or(|warm_up_ms| close_ms > warm_up_ms) && close_ms <= self.last_ms()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ms(text: &str) -> Result<i64, String> {
        text.parse::<Moment>().map(|moment| moment.0)
    }

    #[test]
    fn a_moment_has_three_forms() {
        let ten = 1_767_607_200_000;
        for text in [
            "2026-01-05T10:00Z",
            "2026-01-05T10:00:00Z",
            "2026-01-05 10:00",
            "2026-01-05T10:00",
            "2026-01-05T11:00+01:00",
            "1767607200000",
            "1767607199999",
            "2026-01-05T09:59:59.999Z",
        ] {
            assert_eq!(ms(text), Ok(ten), "{text}");
        }
        assert_eq!(ms("2026-01-05"), Ok(ten - 10 * 3_600_000));
        assert_eq!("2026-01-05T10:00Z".parse::<Moment>().unwrap().close_ms(), ten - 1);
    }

    #[test]
    fn what_is_no_moment_is_refused_with_what_is() {
        for text in [
            "",
            "yesterday",
            "2026",
            "2026-13-01",
            "1767607200",
            "99999999999999999999",
            "-5",
            "2026-01-05T25:00Z",
            "\u{1b}[2J",
        ] {
            let error = ms(text).unwrap_err();
            assert!(error.ends_with("write 2026-01-05, 2026-01-05T10:00Z or UTC milliseconds"), "{error}");
            assert!(!error.contains('\u{1b}'));
        }
        let moment = |text: &str| Some(text.parse::<Moment>().unwrap());
        let refused = Range::new(moment("2026-01-06"), moment("2026-01-05")).unwrap_err();
        assert_eq!(refused.message(), Some("--from 2026-01-06 00:00 is not before --to 2026-01-05 00:00; swap them"));
    }

    proptest! {
        #[test]
        fn no_text_panics(text in ".{0,30}") {
            let _ = ms(&text);
        }

        /// Two ranges that meet hold every close once.
        #[test]
        fn ranges_that_meet_share_no_close(from in 0..50_i64, first in 1..50_i64, second in 1..50_i64, close in 0..160_i64) {
            let at = |minute: i64| Some(Moment(EARLIEST_MS + minute * 60_000));
            let (middle, to) = (from + first, from + first + second);
            let close_ms = EARLIEST_MS + close * 60_000 - 1;
            let [first, second, whole] =
                [(from, middle), (middle, to), (from, to)].map(|(a, b)| Range::new(at(a), at(b)).unwrap());
            prop_assert_eq!(first.holds(close_ms) ^ second.holds(close_ms), whole.holds(close_ms));
            prop_assert_eq!(whole.holds(close_ms), from < close && close <= to);
        }
    }
}
