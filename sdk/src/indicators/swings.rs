use super::{check_period, usable};

/// Swing highs, told once they are confirmed: a high that none of its neighbours reaches.
///
/// A value is a swing high if it is higher than each of the `left` values before it and not lower than any of the `right`
/// values after it; of equal values next to each other the first counts. It can only be told `right` candles later, and is:
/// `next` returns it at that candle and `None` at all others, so nothing looks ahead. Flat values have no swings, nor have
/// values that only rise or only fall. The first can come at index `left + right`. Unit: that of the values. TA-Lib has none;
/// equals `ta.pivothigh` of TradingView but for equal values.
///
/// Give it the highs of candles, or the values of an indicator. Cost per value: a few comparisons on average.
///
/// Values that are no usable number are ignored, see [the module](super): they are not counted as candles either.
///
/// ```
/// use vyx_sdk::indicators::SwingHigh;
///
/// let mut swings = SwingHigh::new(2, 1);
/// let found = [1.0, 2.0, 5.0, 4.0, 3.0].map(|high| swings.next(high));
/// assert_eq!(found, [None, None, None, Some(5.0), None]);
/// assert_eq!(swings.value(), Some(5.0)); // the last one that is known
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct SwingHigh {
    peaks: Peaks,
    value: Option<f64>,
}

impl SwingHigh {
    /// Swings that are higher than `left` values before them and not lower than `right` values after them.
    ///
    /// # Panics
    ///
    /// If one of them is 0.
    pub fn new(left: usize, right: usize) -> Self {
        check_period("swing high: left", left);
        check_period("swing high: right", right);
        Self { peaks: Peaks::new(left, right, 0.0), value: None }
    }

    /// Takes the next value and returns the swing high of `right` candles ago, if this value confirms one.
    pub fn next(&mut self, value: f64) -> Option<f64> {
        if !usable(value) {
            return None;
        }
        let found = self.peaks.take(value);
        self.value = found.or(self.value);
        found
    }

    /// The last swing high that is confirmed, `None` before the first.
    #[must_use]
    pub fn value(&self) -> Option<f64> {
        self.value
    }

    /// Candles before the first value at the earliest: `left + right`.
    #[must_use]
    pub fn warm_up(&self) -> usize {
        self.peaks.window() - 1
    }
}

/// Swing lows, told once they are confirmed: a low that none of its neighbours reaches.
///
/// As [`SwingHigh`], the other way round: lower than each of the `left` values before it and not higher than any of the
/// `right` values after it.
///
/// ```
/// use vyx_sdk::indicators::SwingLow;
///
/// let mut swings = SwingLow::new(1, 2);
/// let found = [5.0, 2.0, 3.0, 2.0, 1.0].map(|low| swings.next(low));
/// assert_eq!(found, [None, None, None, Some(2.0), None]);
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct SwingLow {
    peaks: Peaks,
    value: Option<f64>,
}

impl SwingLow {
    /// Swings that are lower than `left` values before them and not higher than `right` values after them.
    ///
    /// # Panics
    ///
    /// If one of them is 0.
    pub fn new(left: usize, right: usize) -> Self {
        check_period("swing low: left", left);
        check_period("swing low: right", right);
        Self { peaks: Peaks::new(left, right, 0.0), value: None }
    }

    /// Takes the next value and returns the swing low of `right` candles ago, if this value confirms one.
    pub fn next(&mut self, value: f64) -> Option<f64> {
        if !usable(value) {
            return None;
        }
        let found = self.peaks.take(-value).map(|peak| -peak);
        self.value = found.or(self.value);
        found
    }

    /// The last swing low that is confirmed, `None` before the first.
    #[must_use]
    pub fn value(&self) -> Option<f64> {
        self.value
    }

    /// Candles before the first value at the earliest: `left + right`.
    #[must_use]
    pub fn warm_up(&self) -> usize {
        self.peaks.window() - 1
    }
}

/// The rule of both.
#[derive(Debug, Clone)]
pub(super) struct Peaks {
    left: usize,
    right: usize,
    /// Differences up to this are none.
    slack: f64,
    values: Box<[f64]>,
    /// Of the oldest value, which the next one replaces.
    position: usize,
    full: bool,
}

impl Peaks {
    pub(super) fn new(left: usize, right: usize, slack: f64) -> Self {
        let values = vec![0.0; left + right + 1].into_boxed_slice();
        Self { left, right, slack, values, position: 0, full: false }
    }

    pub(super) fn take(&mut self, newest: f64) -> Option<f64> {
        self.values[self.position] = newest;
        self.position += 1;
        if self.position == self.values.len() {
            self.position = 0;
            self.full = true;
        }
        if !self.full {
            return None;
        }
        let peak = self.at(self.left);
        // The neighbours first: nearly always one of them decides. A value that reaches far to both sides keeps others from
        // reaching far, so that the comparisons are few on average whatever the values are.
        for step in 1..=self.left.max(self.right) {
            let passed = step <= self.left && peak <= self.at(self.left - step) + self.slack;
            if passed || step <= self.right && peak < self.at(self.left + step) - self.slack {
                return None;
            }
        }
        Some(peak)
    }

    /// A value of the window by its age, 0 at the oldest.
    fn at(&self, index: usize) -> f64 {
        let at = self.position + index;
        self.values[if at < self.values.len() { at } else { at - self.values.len() }]
    }

    fn window(&self) -> usize {
        self.values.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flat_rising_and_falling_values_have_no_swings() {
        for slope in [0.0, 1.0, -1.0] {
            let (mut highs, mut lows) = (SwingHigh::new(3, 2), SwingLow::new(3, 2));
            for i in 0..50 {
                let value = 5.0 + slope * f64::from(i);
                assert_eq!((highs.next(value), lows.next(value)), (None, None), "slope {slope}, value {i}");
            }
        }
    }

    #[test]
    fn of_equal_values_the_first_counts() {
        let mut swings = SwingHigh::new(2, 2);
        let found: Vec<_> = [1.0, 2.0, 5.0, 5.0, 5.0, 1.0, 1.0].iter().map(|&v| swings.next(v)).collect();
        assert_eq!(found.iter().filter(|found| found.is_some()).count(), 1);
        assert_eq!(found[4], Some(5.0));
    }

    #[test]
    fn unusable_values_are_no_candles() {
        let mut swings = SwingLow::new(1, 1);
        let found = [3.0, f64::NAN, 1.0, f64::INFINITY, 2.0].map(|v| swings.next(v));
        assert_eq!(found, [None, None, None, None, Some(1.0)]);
        assert_eq!(swings.value(), Some(1.0));
    }

    #[test]
    #[should_panic(expected = "swing high: right is 0")]
    fn right_zero() {
        let _ = SwingHigh::new(1, 0);
    }
}
