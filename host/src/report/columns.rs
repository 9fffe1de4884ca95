//! Columns of numbers in few characters of JSON: prices are whole steps of a decimal place, so a column is the differences of whole
//! numbers. What does not fit that form is written as it is.

use serde::Serialize;

/// The most decimal places that a column may have.
const MOST_DECIMALS: u32 = 12;
/// Whole numbers up to here are exact in a script.
const MOST_STEPS: f64 = 9_007_199_254_740_991.0;
/// Digits that a plotted value keeps, counted from the greatest of its line.
const PLOT_DIGITS: i32 = 8;

/// A column. A value that is none, or not finite, is null.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Packed {
    /// Of each value the difference to the one before it, the first to 0, in steps of so many decimal places.
    Steps { decimals: u32, steps: Vec<Option<i64>> },
    /// The values.
    Plain { values: Vec<Option<f64>> },
}

/// Packs a column so that every value reads back as it was, to the last bit.
pub(super) fn exact(values: &[f64]) -> Packed {
    let fits = |decimals: &u32| {
        let scale = 10.0_f64.powi(*decimals as i32);
        values.iter().filter(|value| value.is_finite()).all(|value| {
            let steps = (value * scale).round();
            // A quotient of two exact numbers is what the decimal text reads as.
            steps.abs() <= MOST_STEPS && steps / scale == *value
        })
    };
    match (0..=MOST_DECIMALS).find(fits) {
        Some(decimals) => steps(values, decimals),
        None => Packed::Plain { values: values.iter().map(|value| value.is_finite().then_some(*value)).collect() },
    }
}

/// Packs a line of a chart, rounded to eight digits of its greatest value.
pub(super) fn line(values: &[f64]) -> Packed {
    let greatest = values.iter().filter(|value| value.is_finite()).fold(0.0_f64, |most, value| most.max(value.abs()));
    let whole_digits = if greatest > 0.0 { greatest.log10().floor() as i32 + 1 } else { 0 };
    let decimals = PLOT_DIGITS - whole_digits;
    if decimals > MOST_DECIMALS as i32 || greatest > MOST_STEPS {
        return exact(values);
    }
    steps(values, u32::try_from(decimals).unwrap_or(0))
}

fn steps(values: &[f64], decimals: u32) -> Packed {
    let scale = 10.0_f64.powi(decimals as i32);
    let mut before = 0;
    let step = |value: &f64| {
        value.is_finite().then(|| {
            let now = (value * scale).round() as i64;
            let step = now - before;
            before = now;
            step
        })
    };
    Packed::Steps { decimals, steps: values.iter().map(step).collect() }
}

/// Open times as runs without a hole: the first one and how many.
pub(super) fn runs(open_times_ms: &[i64], interval_ms: i64) -> Vec<(i64, usize)> {
    let follows = |a: &i64, b: &i64| b - a == interval_ms;
    open_times_ms.chunk_by(follows).filter_map(|run| Some((*run.first()?, run.len()))).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn unpacked(packed: &Packed) -> Vec<Option<f64>> {
        match packed {
            Packed::Plain { values } => values.clone(),
            Packed::Steps { decimals, steps } => {
                let (mut now, scale) = (0, 10.0_f64.powi(*decimals as i32));
                steps
                    .iter()
                    .map(|step| {
                        step.map(|step| {
                            now += step;
                            now as f64 / scale
                        })
                    })
                    .collect()
            }
        }
    }

    #[test]
    fn prices_are_differences_of_whole_steps() {
        let packed = exact(&[94_231.12, 94_231.1, f64::NAN, 94_240.0]);
        assert_eq!(packed, Packed::Steps { decimals: 2, steps: vec![Some(9_423_112), Some(-2), None, Some(890)] });
    }

    #[test]
    fn what_has_no_decimal_form_stays_as_it_is() {
        let values = [1.0 / 3.0, 1e300, f64::INFINITY];
        assert_eq!(exact(&values), Packed::Plain { values: vec![Some(1.0 / 3.0), Some(1e300), None] });
        assert_eq!(unpacked(&line(&values)), [Some(1.0 / 3.0), Some(1e300), None]);
    }

    #[test]
    fn a_line_keeps_eight_digits_of_its_greatest() {
        assert_eq!(line(&[100.0 / 3.0, f64::NAN]), Packed::Steps { decimals: 6, steps: vec![Some(33_333_333), None] });
        assert_eq!(line(&[f64::NAN]), Packed::Steps { decimals: 8, steps: vec![None] });
        assert_eq!(unpacked(&line(&[0.0, 1e9])), [Some(0.0), Some(1e9)]);
    }

    #[test]
    fn a_hole_ends_a_run() {
        assert_eq!(runs(&[0, 60, 120, 240, 300], 60), [(0, 3), (240, 2)]);
        assert_eq!(runs(&[], 60), []);
    }

    proptest! {
        #[test]
        fn every_price_reads_back_to_the_last_bit(steps in prop::collection::vec(0_i64..10_000_000_000, 1..50), decimals in 0..10) {
            let values: Vec<f64> = steps.iter().map(|step| format!("{step}e-{decimals}").parse().unwrap()).collect();
            let packed = exact(&values);
            let is_packed = matches!(packed, Packed::Steps { .. });
            prop_assert!(is_packed);
            prop_assert_eq!(unpacked(&packed), values.into_iter().map(Some).collect::<Vec<_>>());
        }

        #[test]
        fn any_number_reads_back(values in prop::collection::vec(any::<f64>(), 0..50)) {
            let expected: Vec<Option<f64>> = values.iter().map(|value| value.is_finite().then_some(*value)).collect();
            // The sign of a zero is not kept.
            prop_assert_eq!(unpacked(&exact(&values)), expected.clone());
            let greatest = expected.iter().flatten().fold(0.0_f64, |most, value| most.max(value.abs()));
            for (found, value) in unpacked(&line(&values)).iter().zip(&expected) {
                prop_assert_eq!(found.is_some(), value.is_some());
                if let (Some(found), Some(value)) = (found, value) {
                    prop_assert!((found - value).abs() <= greatest * 1e-7);
                }
            }
        }
    }
}
