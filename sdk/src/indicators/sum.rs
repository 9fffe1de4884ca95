//! A sum that does not drift.

/// The unevaluated sum of two floats: `high` is the sum rounded, `low` what the rounding left over.
///
/// About 106 bits are kept. Adding and later subtracting the values of a window is exact as long as the values in the
/// sum span fewer bits than that (prices of six digits and a jump by a factor of 1e9 do), so that the sum of a window
/// is the same whatever came before it. Source: Knuth, The Art of Computer Programming 2, 4.2.2, theorem B; Dekker
/// 1971.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Sum {
    high: f64,
    low: f64,
}

impl Sum {
    pub(super) fn add(&mut self, value: f64) {
        let (high, lost) = two_sum(self.high, value);
        (self.high, self.low) = two_sum(high, self.low + lost);
    }

    /// Adds an unevaluated sum of two floats, of which the second is far smaller.
    pub(super) fn add_both(&mut self, value: f64, rest: f64) {
        let (high, lost) = two_sum(self.high, value);
        (self.high, self.low) = two_sum(high, self.low + lost + rest);
    }

    /// Adds `count * value` without a rounding error of the product, for a whole `count` below 2^26.
    pub(super) fn add_times(&mut self, count: f64, value: f64) {
        let [upper, lower] = halves(value);
        self.add_both(count * upper, count * lower);
    }

    /// Both floats.
    pub(super) fn parts(self) -> [f64; 2] {
        [self.high, self.low]
    }

    /// The sum rounded once to a float.
    pub(super) fn get(self) -> f64 {
        self.high
    }
}

/// A value in two halves of 26 and 27 bits: each times a whole number below 2^26 is exact.
pub(super) fn halves(value: f64) -> [f64; 2] {
    let upper = f64::from_bits(value.to_bits() & !0x7ff_ffff);
    [upper, value - upper]
}

/// `a + b` as the rounded sum and the exact rounding error.
pub(super) fn two_sum(a: f64, b: f64) -> (f64, f64) {
    let sum = a + b;
    let b_in_sum = sum - a;
    let a_in_sum = sum - b_in_sum;
    (sum, (a - a_in_sum) + (b - b_in_sum))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_added_and_subtracted_leaves_no_trace() {
        let mut sum = Sum::default();
        for value in [0.1, 1e15, 0.2, -1e15, 0.3, -0.2, -0.3] {
            sum.add(value);
        }
        assert_eq!(sum.get(), 0.1);
        assert_ne!(0.1 + 1e15 - 1e15, 0.1, "plain floats do leave one");
    }

    #[test]
    fn products_are_not_rounded() {
        let mut sum = Sum::default();
        sum.add_times(13.0, 0.1);
        for _ in 0..13 {
            sum.add(-0.1);
        }
        assert_eq!(sum.get(), 0.0);
        assert_ne!((0..13).fold(13.0 * 0.1, |sum, _| sum - 0.1), 0.0, "plain floats round it");
    }
}
