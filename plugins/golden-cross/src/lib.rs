//! Golden Cross: the long trend turns.
//!
//! Watches SMA(50) and SMA(200) of the closes on one interval. It signals at the candle where the short average has crossed
//! over the long one (golden-cross) or under it (death-cross). A touch without a crossing is no signal.

use vyx_sdk::prelude::*;

const GOLDEN: Tag = Tag::new("golden-cross", "the short average crossed over the long one");
const DEATH: Tag = Tag::new("death-cross", "the short average crossed under the long one");
const AVERAGES: Plot = Plot::new("averages", "Short SMA, long SMA").lines(2);

params! {
    /// What can be tuned.
    pub struct Params {
        /// Interval of the candles.
        interval: Interval = Interval::M15;
        /// Candles of the short average; must be below long_period.
        short_period: u32 = 50, in 2..=999;
        /// Candles of the long average.
        long_period: u32 = 200, in 3..=1000;
        /// Candles after a signal in which no further one of its kind is kept.
        cooldown: u32 = 10, in 0..=1000;
    }
}

/// What is known of one symbol.
pub struct GoldenCross {
    short: Sma,
    long: Sma,
    cross: Cross,
}

impl Trader for GoldenCross {
    type Params = Params;
    const NAME: &'static str = "Golden Cross";
    const SUMMARY: &'static str = "Signals when the short and the long moving average cross, either way.";
    const TAGS: &'static [Tag] = &[GOLDEN, DEATH];
    const PLOTS: &'static [Plot] = &[AVERAGES];

    fn check(params: &Params) -> Result<(), String> {
        // Bounds hold for one parameter. What holds between two is checked here.
        let Params { short_period: short, long_period: long, .. } = *params;
        if short < long {
            return Ok(());
        }
        Err(format!("short_period is {short}, long_period is {long}: make short_period the smaller one"))
    }

    fn subscription(params: &Params) -> Subscription {
        // The long window, and some candles on which the detector learns which average is above.
        Subscription::to(params.interval, params.long_period + 100).cooldown_candles(params.cooldown)
    }

    fn new(params: &Params, _symbol: &str) -> Self {
        Self {
            short: Sma::new(params.short_period as usize),
            long: Sma::new(params.long_period as usize),
            // Prices: what counts as equal has to follow them, or the averages of a coin of 0.0000004 would never differ.
            cross: Cross::with_scale(0.0),
        }
    }

    fn on_close(&mut self, candle: &Candle, cx: &mut Context<'_>) {
        // Both are fed before either may return early.
        let (short, long) = (self.short.next(candle.close), self.long.next(candle.close));
        cx.plot(AVERAGES, [short, long]);
        let (Some(short), Some(long)) = (short, long) else { return };
        match self.cross.next(short, long) {
            Some(Crossing::Over) => cx.signal(GOLDEN),
            Some(Crossing::Under) => cx.signal(DEATH),
            None => {}
        }
    }
}

register!(GoldenCross);

#[cfg(test)]
mod tests {
    use super::*;
    use vyx_sdk::testkit::{Bench, candles_from_closes, random_walk};

    fn signals(mut bench: Bench<GoldenCross>, closes: &[f64]) -> Vec<(&'static str, usize)> {
        let signals = bench.feed("BTCUSDT", &candles_from_closes(Interval::M15, closes));
        signals.iter().map(|signal| (signal.tag, signal.index)).collect()
    }

    fn small() -> Bench<GoldenCross> {
        Bench::new().param("short_period", 2_u32).param("long_period", 4_u32)
    }

    // candle    4      5      6      7       8
    // short   9.5    8.5   10.0   12.0    8.5
    // long    9.75   9.25   9.75  10.25   9.25
    const CLOSES: [f64; 9] = [10.0, 10.0, 10.0, 10.0, 9.0, 8.0, 12.0, 12.0, 5.0];

    #[test]
    fn signals_both_crosses() {
        assert_eq!(signals(small(), &CLOSES), [("golden-cross", 6), ("death-cross", 8)]);
    }

    #[test]
    fn cheap_coins_signal_as_others_do() {
        assert_eq!(signals(small(), &CLOSES.map(|close| close * 1e-9)), [("golden-cross", 6), ("death-cross", 8)]);
    }

    #[test]
    fn signals_with_the_default_periods() {
        // A candle that is off by x moves the short average by x / 50 and the long one by x / 200: the sign of x decides.
        let mut closes = vec![100.0; 200];
        closes.extend([99.0, 110.0, 100.0, 50.0]);
        assert_eq!(signals(Bench::new(), &closes), [("golden-cross", 201), ("death-cross", 203)]);
        assert_eq!(signals(Bench::new().param("short_period", 199_u32), &closes[..201]), []);
    }

    #[test]
    fn flat_prices_are_silent() {
        assert_eq!(signals(Bench::new(), &[0.1; 500]), []);
    }

    #[test]
    fn nothing_is_said_before_the_long_average_is_there() {
        // The averages would cross at candles 101 and 151, when only the short one is there.
        let mut closes = vec![100.0; 199];
        (closes[100], closes[101]) = (99.0, 110.0);
        assert_eq!(signals(Bench::new(), &closes), []);

        let mut bench = Bench::<GoldenCross>::new();
        let signals = bench.feed("BTCUSDT", &random_walk(Interval::M15, 1, 5_000));
        assert!(signals.len() > 5 && signals[0].index > 199, "{} signals", signals.len());
        assert!(bench.plots()[198][1].is_nan() && bench.plots()[199][1].is_finite());
    }

    #[test]
    #[should_panic(expected = "short_period is 300, long_period is 200")]
    fn the_short_period_must_be_the_smaller_one() {
        signals(Bench::new().param("short_period", 300_u32), &[1.0]);
    }
}
