//! Prices and amounts: whole units of 1e-8, since sums of them must be exact.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign};
use std::str::FromStr;

use anyhow::{Context as _, Error, ensure};

/// Units of one.
const ONE: i128 = 100_000_000;

/// A decimal number with eight places.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Amount(pub(crate) i128);

impl Amount {
    /// What a reader of its text gets.
    pub fn as_f64(self) -> f64 {
        // By way of the text, so that it is rounded once, as the reader rounds it.
        self.to_string().parse().unwrap_or(f64::NAN)
    }

    /// The product, cut to whole units.
    pub(crate) fn times(self, other: Self) -> Self {
        Self(self.0 * other.0 / ONE)
    }

    /// A part of it, cut to whole units.
    pub(crate) fn part(self, of: i64, whole: i64) -> Self {
        Self(self.0 * i128::from(of) / i128::from(whole.max(1)))
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let units = self.0.unsigned_abs();
        write!(f, "{sign}{}.{:08}", units / ONE.unsigned_abs(), units % ONE.unsigned_abs())
    }
}

impl FromStr for Amount {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let fraction = fraction.trim_end_matches('0');
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        ensure!(!whole.is_empty() && digits(whole) && digits(fraction), "`{text}` is not a decimal number");
        ensure!(fraction.len() <= 8, "`{text}` has more than eight decimal places");
        let whole: i128 = whole.parse().with_context(|| format!("`{text}` is too large"))?;
        let fraction: i128 = format!("{fraction:0<8}").parse()?;
        Ok(Self(whole.checked_mul(ONE).and_then(|units| units.checked_add(fraction)).context("too large")?))
    }
}

impl Add for Amount {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }
}

impl AddAssign for Amount {
    fn add_assign(&mut self, other: Self) {
        self.0 += other.0;
    }
}

impl Sum for Amount {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::default(), Add::add)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_those_of_the_real_one() {
        for (given, text) in [("0.0163479", "0.01634790"), ("148976.11427815", "148976.11427815"), ("5", "5.00000000")]
        {
            let amount: Amount = given.parse().unwrap();
            assert_eq!(amount.to_string(), text);
            assert_eq!(amount.as_f64().to_bits(), given.parse::<f64>().unwrap().to_bits());
        }
        for text in ["", ".5", "-1", "1e5", "NaN", "0.123456789"] {
            assert!(text.parse::<Amount>().is_err(), "{text}");
        }
    }
}
