//! Sums as people do them: in decimals.
//!
//! An amount in a candle file is a decimal number. As an `f64` it stands for the shortest decimal that reads back as it,
//! which is the one that was written as long as that had at most 15 digits. The sum of such decimals is exact here, and only
//! the result is rounded to an `f64`, so it does not depend on the order or on where the sum began.

use std::collections::BTreeMap;

/// What the fast path counts in: the smallest amount on spot exchanges.
const UNITS_PER_ONE: f64 = 1e8;
/// Up to here a count of units has at most 15 digits, so it is the shortest decimal of its `f64`.
const SMALL: f64 = 1e7;
/// Up to here neighbouring counts of units are still different `f64`s, so a count that divides back to the amount is the
/// shortest decimal; but the product may be one off.
const MIDDLE: f64 = 67_108_864.0;
/// Amounts above are counted in hundredths while those have at most 15 digits.
const LARGE: f64 = 1e13;
/// Integers are exact as `f64` up to here.
const EXACT: u128 = 1 << 53;

/// An exact sum of non-negative decimals.
#[derive(Clone, Debug, Default)]
pub(super) struct DecimalSum {
    units: u128,
    /// What does not fit into units: sums of digits by power of ten.
    rest: BTreeMap<i32, u128>,
    absent: bool,
}

impl DecimalSum {
    pub(super) fn clear(&mut self) {
        self.units = 0;
        self.rest.clear();
        self.absent = false;
    }

    /// Adds an amount; with a NaN the sum is absent.
    #[inline]
    pub(super) fn add(&mut self, amount: f64) {
        match fast_units(amount) {
            Some(units) => self.units += u128::from(units),
            None => self.add_slow(amount),
        }
    }

    #[cold]
    fn add_slow(&mut self, amount: f64) {
        if !amount.is_finite() {
            self.absent = true;
            return;
        }
        if let Some(units) = careful_units(amount) {
            self.units += units;
            return;
        }
        // The standard library prints the shortest decimal that reads back, as digits and a power of ten.
        let text = format!("{amount:e}");
        let (digits, power) = text.split_once('e').unwrap_or((&text, "0"));
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let power = power.parse().unwrap_or(0) - fraction.len() as i32;
        let digits: u128 = format!("{whole}{fraction}").parse().unwrap_or(0);
        *self.rest.entry(power).or_default() += digits;
    }

    /// The nearest `f64`; NaN if an amount was absent.
    pub(super) fn value(&self) -> f64 {
        if self.absent {
            return f64::NAN;
        }
        if self.rest.is_empty() && self.units < EXACT {
            // Both are exact, so the quotient is the nearest.
            return self.units as f64 / UNITS_PER_ONE;
        }
        self.value_slow()
    }

    #[cold]
    fn value_slow(&self) -> f64 {
        let lowest = self.rest.keys().next().copied().unwrap_or(-8).min(-8);
        let mut total = Vec::new();
        let parts = self.rest.iter().map(|(power, digits)| (*power, *digits)).chain([(-8, self.units)]);
        for (power, digits) in parts {
            add_digits(&mut total, (power - lowest) as usize, digits);
        }
        let digits: String = total.iter().rev().map(|digit| char::from(b'0' + digit)).collect();
        // The standard library reads decimals of any length to the nearest `f64`.
        format!("0{digits}e{lowest}").parse().unwrap_or(f64::NAN)
    }
}

/// The amount in units, if it is seen at once that they are its shortest decimal.
#[inline]
fn fast_units(amount: f64) -> Option<u64> {
    let units = (amount * UNITS_PER_ONE + 0.5) as u64;
    // Also false for NaN.
    (amount < SMALL && units as f64 / UNITS_PER_ONE == amount).then_some(units)
}

/// The same for larger amounts.
fn careful_units(amount: f64) -> Option<u128> {
    if amount < MIDDLE {
        let near = (amount * UNITS_PER_ONE) as u64;
        return (near.saturating_sub(2)..near + 3)
            .find(|units| amount >= SMALL && *units as f64 / UNITS_PER_ONE == amount)
            .map(u128::from);
    }
    let hundredths = (amount * 100.0 + 0.5) as u64;
    (amount < LARGE && hundredths as f64 / 100.0 == amount).then_some(u128::from(hundredths) * 1_000_000)
}

/// Adds `digits * 10^shift` to a decimal number that is kept lowest digit first.
fn add_digits(total: &mut Vec<u8>, shift: usize, mut digits: u128) {
    let mut carry = 0;
    let mut at = shift;
    while digits > 0 || carry > 0 {
        if total.len() <= at {
            total.resize(at + 1, 0);
        }
        let Some(digit) = total.get_mut(at) else {
            return;
        };
        let sum = *digit + carry + (digits % 10) as u8;
        *digit = sum % 10;
        carry = sum / 10;
        digits /= 10;
        at += 1;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sum(amounts: &[f64]) -> f64 {
        let mut sum = DecimalSum::default();
        amounts.iter().for_each(|amount| sum.add(*amount));
        sum.value()
    }

    /// Adds decimals as text, column by column, as on paper: 340 digits before the point and 360 after it.
    fn oracle(amounts: &[String]) -> f64 {
        let mut columns = vec![0_u32; 700];
        for amount in amounts {
            let (whole, fraction) = amount.split_once('.').unwrap_or((amount, ""));
            for (place, digit) in whole.bytes().rev().enumerate() {
                columns[360 + place] += u32::from(digit - b'0');
            }
            for (place, digit) in fraction.bytes().enumerate() {
                columns[359 - place] += u32::from(digit - b'0');
            }
        }
        for place in 0..699 {
            columns[place + 1] += columns[place] / 10;
            columns[place] %= 10;
        }
        let mut text: String = columns.iter().rev().map(u32::to_string).collect();
        text.insert(340, '.');
        text.parse().unwrap()
    }

    #[test]
    fn sums_as_on_paper() {
        assert_eq!(sum(&[]).to_bits(), 0.0_f64.to_bits());
        assert_eq!(sum(&[0.1, 0.2]), 0.3);
        assert_eq!(sum(&[0.1; 10]), 1.0);
        assert_eq!(sum(&[1e300, 1e-300]), 1e300);
        assert_eq!(sum(&[1e-12; 1000]), 1e-9);
        assert_eq!(sum(&[123_456_789_012.25, 0.000_000_01]), "123456789012.25000001".parse::<f64>().unwrap());
        assert!(sum(&[1.0, f64::NAN, 2.0]).is_nan());
        assert_eq!(sum(&[f64::MAX, f64::MAX]), f64::INFINITY);
    }

    proptest! {
        #[test]
        fn equals_addition_on_paper(
            // Up to 15 digits with the point anywhere, so that every path is taken.
            amounts in prop::collection::vec((0..1_000_000_000_000_000_u64, 0..24_usize), 0..40),
        ) {
            let texts: Vec<String> = amounts
                .iter()
                .map(|(digits, places)| {
                    let text = format!("{digits:025}");
                    let (whole, fraction) = text.split_at(25 - places);
                    format!("{whole}.{fraction}")
                })
                .collect();
            let values: Vec<f64> = texts.iter().map(|text| text.parse().unwrap()).collect();
            prop_assert_eq!(sum(&values), oracle(&texts));
        }

        #[test]
        fn stands_for_the_shortest_decimal(values in prop::collection::vec(0.0..f64::MAX.sqrt(), 0..10), small in prop::collection::vec(0.0..1e9_f64, 0..10)) {
            let all: Vec<f64> = values.into_iter().chain(small).collect();
            let texts: Vec<String> = all.iter().map(|value| format!("{value}")).collect();
            prop_assert_eq!(sum(&all), oracle(&texts));
        }
    }
}
