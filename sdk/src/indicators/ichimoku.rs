use super::extremes::{Both, Range};
use super::roc::Past;
use super::{check_period, usable_candle};
use crate::Candle;

/// Ichimoku Kinko Hyo: two averages, a cloud that was drawn ahead, and the close against that of then.
///
/// All averages are the middle of a range, `(highest high + lowest low) / 2`: `conversion` (Tenkan) and `base` (Kijun) over
/// their periods, `future_b` (Senkou B) over its own; `future_a` (Senkou A) is half-way between conversion and base. Both
/// are drawn `displacement` candles ahead, so the cloud at this candle, `span_a` and `span_b`, is what they were that many
/// candles ago. Chikou is the close drawn that many candles back: it compares `close` with `past_close`.
///
/// Nothing of it looks ahead. Charts that count the candle itself draw the cloud `displacement - 1` candles ahead: give 25
/// for their 26. Unit: that of the prices. First value, of all lines together, at index `span - 1 + displacement`: 77 for
/// (9, 26, 52, 26). Flat prices give that price for all. Source: Hosoda 1969; TA-Lib has none.
///
/// Cost per candle: constant on average, whatever the periods.
///
/// Candles with a price that is no usable number are ignored, see [the module](super).
///
/// ```
/// use vyx_sdk::indicators::Ichimoku;
/// # use vyx_sdk::{Interval, testkit::candles_from_closes};
///
/// let mut ichimoku = Ichimoku::new(9, 26, 52, 26);
/// let closes: Vec<f64> = (0..78).map(|i| 100.0 + f64::from(i)).collect();
/// let last = candles_from_closes(Interval::M1, &closes).iter().map(|candle| ichimoku.next(candle)).last().unwrap();
/// let now = last.unwrap();
/// assert!(now.conversion > now.base && now.span_a > now.span_b && now.past_close == 151.0);
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct Ichimoku {
    conversion: Range,
    base: Range,
    span: Range,
    displacement: usize,
    past_a: Past,
    past_b: Past,
    past_close: Past,
    value: Option<IchimokuValue>,
}

/// The lines of [`Ichimoku`] at one candle, in the unit of the prices.
///
/// ```
/// use vyx_sdk::indicators::IchimokuValue;
///
/// let above_the_cloud = |close: f64, now: &IchimokuValue| close > now.span_a.max(now.span_b);
/// # let now = IchimokuValue { conversion: 1.0, base: 1.0, span_a: 1.0, span_b: 2.0, future_a: 1.0, future_b: 1.0, past_close: 1.0 };
/// # assert!(above_the_cloud(3.0, &now));
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[must_use]
pub struct IchimokuValue {
    /// Tenkan-sen, the faster average.
    pub conversion: f64,
    /// Kijun-sen, the slower one.
    pub base: f64,
    /// One edge of the cloud at this candle: `future_a` of `displacement` candles ago.
    pub span_a: f64,
    /// The other edge: `future_b` of `displacement` candles ago.
    pub span_b: f64,
    /// Senkou span A as of this candle, which is drawn ahead.
    pub future_a: f64,
    /// Senkou span B as of this candle, which is drawn ahead.
    pub future_b: f64,
    /// The close of `displacement` candles ago, where Chikou puts that of this candle.
    pub past_close: f64,
}

impl Ichimoku {
    /// From the periods of conversion, base and span B, and the candles that the cloud is drawn ahead; charts use
    /// (9, 26, 52, 26).
    ///
    /// # Panics
    ///
    /// If one of them is 0, or if `conversion` or `base` is above `span`.
    pub fn new(conversion: usize, base: usize, span: usize, displacement: usize) -> Self {
        check_period("ichimoku: period of conversion", conversion);
        check_period("ichimoku: period of base", base);
        check_period("ichimoku: period of span b", span);
        check_period("ichimoku displacement", displacement);
        let longest = conversion.max(base);
        assert!(longest <= span, "ichimoku: period of span b is {span}: it must not be below the others, {longest}");
        Self {
            conversion: Range::new(conversion),
            base: Range::new(base),
            span: Range::new(span),
            displacement,
            past_a: Past::new(displacement),
            past_b: Past::new(displacement),
            past_close: Past::new(displacement),
            value: None,
        }
    }

    /// Takes the next candle and returns all lines, or `None` until all are there.
    pub fn next(&mut self, candle: &Candle) -> Option<IchimokuValue> {
        if usable_candle(candle) {
            self.take(candle);
        }
        self.value
    }

    fn take(&mut self, candle: &Candle) -> Option<()> {
        let middle = |Both { highest, lowest }| (highest + lowest) / 2.0;
        let conversion = self.conversion.next(candle.high, candle.low).map(middle);
        let base = self.base.next(candle.high, candle.low).map(middle);
        let future_b = self.span.next(candle.high, candle.low).map(middle);
        let past_close = self.past_close.exchange(candle.close);
        // Span B is the last to be warm, so from here on all are.
        let (conversion, base, future_b) = (conversion?, base?, future_b?);
        let future_a = (conversion + base) / 2.0;
        let (span_a, span_b) = (self.past_a.exchange(future_a), self.past_b.exchange(future_b));
        self.value = Some(IchimokuValue {
            conversion,
            base,
            span_a: span_a?,
            span_b: span_b?,
            future_a,
            future_b,
            past_close: past_close?,
        });
        Some(())
    }

    /// The last lines, `None` until warm.
    #[must_use]
    pub fn value(&self) -> Option<IchimokuValue> {
        self.value
    }

    /// Candles before the first value: `span - 1 + displacement`.
    #[must_use]
    pub fn warm_up(&self) -> usize {
        self.span.period() - 1 + self.displacement
    }
}

#[cfg(test)]
mod tests {
    use super::super::test_candles::flat;
    use super::*;

    #[test]
    fn the_cloud_is_that_of_then() {
        let mut ichimoku = Ichimoku::new(2, 3, 4, 5);
        let mut past = Vec::new();
        for i in 0..40 {
            let now = ichimoku.next(&flat(f64::from(i * i % 17), 1.0));
            assert_eq!(ichimoku.next(&flat(f64::NAN, 1.0)), now);
            assert_eq!(now.is_some(), i >= 8);
            let Some(now) = now else { continue };
            past.push((now.future_a, now.future_b, f64::from(i * i % 17)));
            if past.len() > 5 {
                assert_eq!((now.span_a, now.span_b, now.past_close), past[past.len() - 6]);
            }
        }
    }

    #[test]
    #[should_panic(expected = "ichimoku: period of span b is 5")]
    fn span_too_short() {
        let _ = Ichimoku::new(9, 26, 5, 26);
    }
}
