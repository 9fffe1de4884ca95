use super::usable;

/// Differences up to this share of the scale are no difference.
const TOLERANCE: f64 = 1e-9;

/// Detects when one series crosses another, or a level.
///
/// It remembers the side on which `a` was last seen, above or below `b`, and reports a crossing when `a` is first seen
/// on the other. In between, `a` and `b` may be equal for any number of candles:
///
/// - a touch that returns to its side is no crossing;
/// - a crossing that pauses at equality is reported once, at the candle that reaches the other side;
/// - the first side seen is no crossing, so nothing is reported before the second value.
///
/// Equal means `|a - b| <= 1e-9 * max(scale, |a|, |b|)`, with a scale of 1 from [`new`](Self::new). Why not `a == b`: K
/// and D of StochRSI are equal on 2 to 4 % of one-minute candles, and with the usual `a' <= b' && a > b` their last
/// rounding error decides; two correct ways to sum three numbers disagreed on a tenth to a third of all crosses. With
/// this rule they agree on all.
///
/// **For prices below 1** take [`with_scale(0.0)`](Self::with_scale): at a scale of 1, two averages of a coin of
/// 0.0000004 have to be 0.25 % apart to count as different, and crosses come late or not at all.
///
/// An `a` or `b` that is no usable number (see [the module](super)) is ignored, and the side stays.
///
/// ```
/// use vyx_sdk::indicators::{Cross, Crossing};
///
/// let mut cross = Cross::new();
/// assert_eq!(cross.next(25.0, 30.0), None); // the first side: below
/// assert_eq!(cross.next(30.0, 30.0), None); // a touch
/// assert_eq!(cross.next(28.0, 30.0), None); // and back
/// assert_eq!(cross.next(30.0, 30.0), None);
/// assert_eq!(cross.next(31.0, 30.0), Some(Crossing::Over));
/// assert_eq!(cross.next(32.0, 30.0), None);
/// assert_eq!(cross.next(29.0, 30.0), Some(Crossing::Under));
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct Cross {
    scale: f64,
    above: Option<bool>,
}

/// Which way [`Cross`] saw `a` cross `b`.
///
/// ```
/// use vyx_sdk::indicators::{Cross, Crossing};
///
/// let mut cross = Cross::new();
/// cross.next(1.0, 2.0);
/// match cross.next(3.0, 2.0) {
///     Some(Crossing::Over) => {}
///     Some(Crossing::Under) | None => unreachable!(),
/// }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Crossing {
    /// `a` was below `b` and is now above.
    Over,
    /// `a` was above `b` and is now below.
    Under,
}

impl Cross {
    /// A detector with a scale of 1: for indicators with values about 1 and above (RSI, StochRSI) and for their levels.
    pub fn new() -> Self {
        Self::with_scale(1.0)
    }

    /// A detector for series whose values are usually of the size `scale`, in their unit; differences of 1e-9 of that
    /// and less are none. With 0 the tolerance follows `a` and `b` alone, which fits prices and averages of them. It
    /// does not fit series around 0, such as MACD against its signal: take their usual size.
    ///
    /// ```
    /// use vyx_sdk::indicators::Cross;
    ///
    /// let mut scaled = Cross::with_scale(0.0);
    /// let mut unscaled = Cross::new();
    /// for (fast, slow) in [(4.1e-10, 4.2e-10), (4.3e-10, 4.2e-10)] {
    ///     scaled.next(fast, slow);
    ///     unscaled.next(fast, slow);
    /// }
    /// assert!(scaled.next(4.1e-10, 4.2e-10).is_some());
    /// assert!(unscaled.next(4.1e-10, 4.2e-10).is_none());
    /// ```
    ///
    /// # Panics
    ///
    /// If `scale` is negative, NaN or infinite.
    pub fn with_scale(scale: f64) -> Self {
        assert!(scale >= 0.0 && scale.is_finite(), "cross: scale is {scale}: it must be finite and not negative");
        Self { scale: scale.abs(), above: None }
    }

    /// Takes the next pair and returns the crossing that it completes, if it completes one.
    #[inline]
    pub fn next(&mut self, a: f64, b: f64) -> Option<Crossing> {
        if !usable(a) || !usable(b) {
            return None;
        }
        let difference = a - b;
        // Bits of floats that are not negative order as they do: `f64::max` would also look for NaN, which cannot be here.
        let size = self.scale.to_bits().max(a.abs().to_bits()).max(b.abs().to_bits());
        if difference.abs() <= TOLERANCE * f64::from_bits(size) {
            return None;
        }
        let above = difference > 0.0;
        let was_above = self.above.replace(above)?;
        match above {
            _ if above == was_above => None,
            true => Some(Crossing::Over),
            false => Some(Crossing::Under),
        }
    }
}

impl Default for Cross {
    fn default() -> Self {
        Self::new()
    }
}

/// [`Cross`] for the way up only: true at the candle where `a` has crossed over `b`.
///
/// ```
/// use vyx_sdk::indicators::CrossOver;
///
/// let mut over = CrossOver::new();
/// let found: Vec<bool> = [1.0, 2.0, 3.0, 1.0].map(|a| over.next(a, 2.0)).to_vec();
/// assert_eq!(found, [false, false, true, false]);
/// ```
#[derive(Debug, Clone, Default)]
#[must_use]
pub struct CrossOver {
    cross: Cross,
}

impl CrossOver {
    /// A detector with a scale of 1, see [`Cross::new`].
    pub fn new() -> Self {
        Self::default()
    }

    /// A detector with another scale, see [`Cross::with_scale`].
    ///
    /// # Panics
    ///
    /// If `scale` is negative, NaN or infinite.
    pub fn with_scale(scale: f64) -> Self {
        Self { cross: Cross::with_scale(scale) }
    }

    /// Takes the next pair and returns whether `a` has crossed over `b` with it.
    #[inline]
    pub fn next(&mut self, a: f64, b: f64) -> bool {
        self.cross.next(a, b) == Some(Crossing::Over)
    }
}

/// [`Cross`] for the way down only: true at the candle where `a` has crossed under `b`.
///
/// ```
/// use vyx_sdk::indicators::CrossUnder;
///
/// let mut under = CrossUnder::new();
/// let found: Vec<bool> = [3.0, 2.0, 1.0, 3.0].map(|a| under.next(a, 2.0)).to_vec();
/// assert_eq!(found, [false, false, true, false]);
/// ```
#[derive(Debug, Clone, Default)]
#[must_use]
pub struct CrossUnder {
    cross: Cross,
}

impl CrossUnder {
    /// A detector with a scale of 1, see [`Cross::new`].
    pub fn new() -> Self {
        Self::default()
    }

    /// A detector with another scale, see [`Cross::with_scale`].
    ///
    /// # Panics
    ///
    /// If `scale` is negative, NaN or infinite.
    pub fn with_scale(scale: f64) -> Self {
        Self { cross: Cross::with_scale(scale) }
    }

    /// Takes the next pair and returns whether `a` has crossed under `b` with it.
    #[inline]
    pub fn next(&mut self, a: f64, b: f64) -> bool {
        self.cross.next(a, b) == Some(Crossing::Under)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounding_is_no_crossing() {
        let mut cross = Cross::new();
        assert_eq!(cross.next(99.0, 100.0), None);
        for _ in 0..10 {
            assert_eq!(cross.next(100.000_000_05, 100.0), None);
            assert_eq!(cross.next(99.999_999_95, 100.0), None);
        }
        assert_eq!(cross.next(100.000_000_2, 100.0), Some(Crossing::Over));
    }

    #[test]
    fn unusable_values_keep_the_side() {
        let mut cross = Cross::new();
        cross.next(1.0, 2.0);
        assert_eq!(cross.next(f64::NAN, 2.0), None);
        assert_eq!(cross.next(f64::INFINITY, 2.0), None);
        assert_eq!(cross.next(3.0, f64::NEG_INFINITY), None);
        assert_eq!(cross.next(3.0, 2.0), Some(Crossing::Over));
    }

    #[test]
    fn over_and_under_alternate() {
        let mut cross = Cross::new();
        let mut over = CrossOver::new();
        let mut under = CrossUnder::new();
        let mut last = None;
        for i in 0..1000_i32 {
            let a = f64::from(i * i % 23);
            let crossing = cross.next(a, 11.0);
            assert_eq!(over.next(a, 11.0), crossing == Some(Crossing::Over));
            assert_eq!(under.next(a, 11.0), crossing == Some(Crossing::Under));
            if crossing.is_some() {
                assert_ne!(crossing, last);
                last = crossing;
            }
        }
        assert!(last.is_some());
    }

    #[test]
    #[should_panic(expected = "cross: scale is NaN")]
    fn scale_nan() {
        let _ = Cross::with_scale(f64::NAN);
    }
}
