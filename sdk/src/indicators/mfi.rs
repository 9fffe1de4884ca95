use std::mem;

use super::extremes::higher;
use super::sum::Sum;
use super::{check_period, typical_price, usable_candle, usable_volume, vanishes};
use crate::Candle;

/// Money flow index: which share of the money went into candles that rose.
///
/// The flow of a candle is `typical * volume` with `typical = (high + low + close) / 3`. It counts as positive where the
/// typical price rose, as negative where it fell, and not at all where it stayed. `mfi = 100 * positive / (positive +
/// negative)` over the last `period` candles.
///
/// Range 0 to 100. First value at index `period`, since a change takes two candles. **Flat prices and zero volume**: 0, as
/// TA-Lib says where no money flowed; that reads as oversold. Source: Quong and Soudack 1989; equals TA-Lib `MFI`.
///
/// Cost per candle: constant. The sums do not drift: they depend on the window alone.
///
/// Candles with a price or volume that is no usable number, or a volume below 0, are ignored, see [the module](super).
///
/// ```
/// use vyx_sdk::indicators::Mfi;
/// # use vyx_sdk::{Interval, testkit::candles_from_closes};
///
/// let mut mfi = Mfi::new(2);
/// let mut last = None;
/// for candle in candles_from_closes(Interval::M1, &[10.0, 11.0, 12.0]) {
///     last = mfi.next(&candle);
/// }
/// assert_eq!(last, Some(100.0)); // all money went into candles that rose
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct Mfi {
    typical: Option<f64>,
    /// Negative flows with their sign.
    flows: Box<[f64]>,
    /// Of the oldest flow, which the next one replaces.
    position: usize,
    warm: bool,
    sums: Sums,
}

/// Of the positive flows and of the negative ones: picked by the sign of a flow, since nobody can foretell that.
type Sums = [Sum; 2];

fn add(sums: &mut Sums, flow: f64, direction: f64) {
    sums[usize::from(flow.is_sign_negative())].add(flow * direction);
}

impl Mfi {
    /// An index over `period` changes; the usual period is 14.
    ///
    /// # Panics
    ///
    /// If `period` is 0.
    pub fn new(period: usize) -> Self {
        check_period("mfi period", period);
        let flows = vec![0.0; period].into_boxed_slice();
        Self { typical: None, flows, position: 0, warm: false, sums: Sums::default() }
    }

    /// Takes the next candle and returns the index, or `None` before there are `period` changes.
    pub fn next(&mut self, candle: &Candle) -> Option<f64> {
        if usable_candle(candle) && usable_volume(candle.volume) {
            let typical = typical_price(candle);
            let before = self.typical.replace(typical)?;
            let change = typical - before;
            let flow = if vanishes(change, typical.abs() + before.abs()) { 0.0 } else { typical * candle.volume };
            self.take(flow.copysign(change));
        }
        self.value()
    }

    fn take(&mut self, flow: f64) {
        let oldest = mem::replace(&mut self.flows[self.position], flow);
        self.position += 1;
        if self.position == self.flows.len() {
            // Anew at each turn: what a sum could not hold exactly is gone then.
            self.position = 0;
            self.warm = true;
            self.sums = Sums::default();
            self.flows.iter().for_each(|flow| add(&mut self.sums, *flow, 1.0));
        } else {
            add(&mut self.sums, flow, 1.0);
            add(&mut self.sums, oldest, -1.0);
        }
    }

    /// The last index, `None` until warm.
    #[must_use]
    pub fn value(&self) -> Option<f64> {
        if !self.warm {
            return None;
        }
        // After a flow of quite another size a sum may have less than nothing left.
        let [positive, negative] = self.sums.map(Sum::get);
        let (positive, negative) = (higher(positive, 0.0), higher(-negative, 0.0));
        let flow = positive + negative;
        Some(if flow > 0.0 { 100.0 * (positive / flow) } else { 0.0 })
    }

    /// Candles before the first value: `period`.
    #[must_use]
    pub fn warm_up(&self) -> usize {
        self.flows.len()
    }
}

#[cfg(test)]
mod tests {
    use super::super::test_candles::flat;
    use super::*;

    #[test]
    fn no_flow_is_0() {
        let (mut still, mut silent) = (Mfi::new(14), Mfi::new(14));
        for i in 0..50 {
            assert_eq!(still.next(&flat(0.1, 5.0)), (i >= 14).then_some(0.0));
            assert_eq!(silent.next(&flat(f64::from(i % 7), 0.0)), (i >= 14).then_some(0.0));
        }
    }

    #[test]
    fn silence_after_trades_leaves_nothing_of_them() {
        let mut mfi = Mfi::new(14);
        for i in 0..50 {
            mfi.next(&flat(0.1 + 0.1 * f64::from(i % 7), 0.3 + f64::from(i % 3)));
        }
        for i in 0..50 {
            let now = mfi.next(&flat(0.1 + 0.1 * f64::from(i % 7), 0.0)).expect("warm");
            assert!((0.0..=100.0).contains(&now) && (i < 13 || now == 0.0), "candle {i}: {now}");
        }
    }

    #[test]
    fn a_volume_below_zero_is_ignored() {
        let mut mfi = Mfi::new(1);
        mfi.next(&flat(1.0, 1.0));
        assert_eq!(mfi.next(&flat(2.0, 1.0)), Some(100.0));
        assert_eq!(mfi.next(&flat(1.0, -1.0)), Some(100.0));
        assert_eq!(mfi.next(&flat(1.0, f64::NAN)), Some(100.0));
        assert_eq!(mfi.next(&flat(1.0, 1.0)), Some(0.0));
    }

    #[test]
    #[should_panic(expected = "mfi period is 0")]
    fn period_zero() {
        let _ = Mfi::new(0);
    }
}
