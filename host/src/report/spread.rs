//! How a handful of numbers is spread: mean, quartiles, and a histogram with zero at an edge.

use serde::Serialize;

/// Bins on either side of zero.
const BINS_A_SIDE: usize = 8;
/// The narrowest bin: below it there is nothing to see.
const LEAST_WIDTH: f64 = 0.001;

/// Where numbers lie.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Spread {
    /// The arithmetic mean.
    pub mean: f64,
    /// Half of them lie below it.
    pub median: f64,
    /// Standard deviation, of the numbers as the whole population.
    pub std_dev: f64,
    /// A quarter of them lies below it.
    pub lower_quartile: f64,
    /// A quarter of them lies above it.
    pub upper_quartile: f64,
    /// The least.
    pub least: f64,
    /// The greatest.
    pub greatest: f64,
}

impl Spread {
    /// That of these numbers, which are finite; none of none.
    #[must_use]
    pub fn of(mut values: Vec<f64>) -> Option<Self> {
        values.sort_unstable_by(f64::total_cmp);
        let (least, greatest) = (*values.first()?, *values.last()?);
        let count = values.len() as f64;
        let mean = values.iter().sum::<f64>() / count;
        let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / count;
        Some(Self {
            mean,
            median: quantile(&values, 0.5),
            std_dev: variance.sqrt(),
            lower_quartile: quantile(&values, 0.25),
            upper_quartile: quantile(&values, 0.75),
            least,
            greatest,
        })
    }
}

/// Of ascending numbers, interpolated between the two that lie around it.
fn quantile(ascending: &[f64], share: f64) -> f64 {
    let place = share * ascending.len().saturating_sub(1) as f64;
    let at = |index: f64| ascending.get(index as usize).copied().unwrap_or(f64::NAN);
    let (below, above) = (at(place.floor()), at(place.ceil()));
    (below + (above - below) * place.fract()).min(above)
}

/// Counts in bins of one width, the same number on either side of zero. A bin holds what lies above its lower edge, up to and with
/// its upper one; the two at the ends hold everything beyond as well.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Histogram {
    /// How wide a bin is: 1, 2 or 5 times a power of ten.
    pub width: f64,
    /// From the lowest bin up. Zero lies between the two in the middle.
    pub counts: Vec<usize>,
}

impl Histogram {
    /// That of these numbers, which are finite; none of none. Nineteen of twenty lie within its edges.
    #[must_use]
    pub fn of(values: &[f64]) -> Option<Self> {
        let mut sizes: Vec<f64> = values.iter().map(|value| value.abs()).collect();
        sizes.sort_unstable_by(f64::total_cmp);
        let most = *sizes.get((sizes.len().checked_sub(1)? as f64 * 0.95).ceil() as usize)?;
        let width = nice(most / BINS_A_SIDE as f64);
        let mut counts = vec![0; 2 * BINS_A_SIDE];
        for value in values {
            let steps = (value / width).ceil() + BINS_A_SIDE as f64 - 1.0;
            let bin = steps.clamp(0.0, (counts.len() - 1) as f64) as usize;
            // However small, what rose is right of zero.
            let bin = if *value > 0.0 { bin.max(BINS_A_SIDE) } else { bin.min(BINS_A_SIDE - 1) };
            if let Some(count) = counts.get_mut(bin) {
                *count += 1;
            }
        }
        Some(Self { width, counts })
    }
}

/// The least of 1, 2 and 5 times a power of ten that is not below it.
fn nice(width: f64) -> f64 {
    let width = width.max(LEAST_WIDTH);
    let exponent = width.log10().floor() as i32;
    // A quotient of whole numbers is the decimal fraction that people read; a product with 0.001 is not.
    let power = |exponent: i32| 10.0_f64.powi(exponent.abs());
    let scaled =
        |digit: f64, exponent: i32| if exponent < 0 { digit / power(exponent) } else { digit * power(exponent) };
    let steps = [scaled(1.0, exponent), scaled(2.0, exponent), scaled(5.0, exponent), scaled(1.0, exponent + 1)];
    steps.into_iter().find(|step| *step >= width).unwrap_or(scaled(2.0, exponent + 1))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_spread_has_the_figures_of_a_textbook() {
        let spread = Spread::of(vec![4.0, 1.0, 2.0, 3.0]).unwrap();
        assert_eq!((spread.mean, spread.median), (2.5, 2.5));
        assert_eq!((spread.lower_quartile, spread.upper_quartile), (1.75, 3.25));
        assert_eq!((spread.least, spread.greatest), (1.0, 4.0));
        assert!((spread.std_dev - 1.25_f64.sqrt()).abs() < 1e-12);
        assert_eq!(Spread::of(Vec::new()), None);
        assert_eq!(Spread::of(vec![7.0]).unwrap().median, 7.0);
    }

    #[test]
    fn zero_is_an_edge_and_the_ends_hold_what_lies_beyond() {
        let histogram = Histogram::of(&[-0.8, -0.1, 0.0, 0.05, 0.1, 0.11, 0.8]).unwrap();
        assert_eq!(histogram.width, 0.1);
        assert_eq!(histogram.counts, [1, 0, 0, 0, 0, 0, 1, 1, 2, 1, 0, 0, 0, 0, 0, 1]);
        let mut values = vec![0.01; 99];
        values.push(1_000.0);
        let histogram = Histogram::of(&values).unwrap();
        assert_eq!((histogram.width, histogram.counts[15]), (0.002, 1), "an outlier does not flatten the rest");
        assert_eq!(Histogram::of(&[]), None);
    }

    #[test]
    fn widths_are_those_that_people_read() {
        let widths = [0.0, 0.001, 0.0011, 0.03, 0.1, 0.11, 0.7, 1.0, 3.0, 20.0, 51.0].map(nice);
        assert_eq!(widths, [0.001, 0.001, 0.002, 0.05, 0.1, 0.2, 1.0, 1.0, 5.0, 20.0, 100.0]);
    }

    proptest! {
        #[test]
        fn nothing_is_lost_and_rises_lie_right_of_zero(values in prop::collection::vec(-1e9_f64..1e9, 1..200)) {
            let histogram = Histogram::of(&values).unwrap();
            prop_assert_eq!(histogram.counts.iter().sum::<usize>(), values.len());
            let rises: usize = histogram.counts[BINS_A_SIDE..].iter().sum();
            prop_assert_eq!(rises, values.iter().filter(|value| **value > 0.0).count());
            let within = values.iter().filter(|value| value.abs() <= histogram.width * BINS_A_SIDE as f64).count();
            prop_assert!(within as f64 >= values.len() as f64 * 0.95);
        }

        #[test]
        fn a_spread_is_in_order(values in prop::collection::vec(-1e9_f64..1e9, 1..200)) {
            let spread = Spread::of(values).unwrap();
            let order = [spread.least, spread.lower_quartile, spread.median, spread.upper_quartile, spread.greatest];
            prop_assert!(order.is_sorted(), "{:?}", order);
            prop_assert!(spread.std_dev >= 0.0);
        }
    }
}
