//! 1m MACD Cross Below 40: momentum turns up while the market is still weak.
//!
//! Watches MACD(12, 26, 9) and RSI(14) of the closes on one interval, 1m unless changed. It signals at the candle where the
//! MACD line has crossed over its signal line, if RSI is below 40 there. (The 40 of the name is this line of RSI: MACD has no
//! scale of its own on which 40 would mean the same for two coins.)

use vyx_sdk::prelude::*;

const CROSS: Tag = Tag::new("macd-cross", "MACD crossed over its signal line while RSI was below the line");
const MACD: Plot = Plot::new("macd", "MACD, signal, histogram").panel("macd").lines(3);
const RSI: Plot = Plot::new("rsi", "RSI").panel("rsi");

params! {
    /// What can be tuned.
    pub struct Params {
        /// Interval of the candles.
        interval: Interval = Interval::M1;
        /// Candles of the fast average of MACD; must be below slow_period.
        fast_period: u32 = 12, in 1..=100;
        /// Candles of the slow average of MACD.
        slow_period: u32 = 26, in 2..=200;
        /// Candles of the average that is the signal line.
        signal_period: u32 = 9, in 2..=100;
        /// Candles that the RSI looks back.
        rsi_period: u32 = 14, in 2..=50;
        /// RSI has to be below this line.
        rsi_line: f64 = 40.0, in 0.0..=100.0;
        /// Candles after a signal in which no further one is kept.
        cooldown: u32 = 15, in 0..=1000;
    }
}

/// What is known of one symbol.
pub struct MacdCrossBelow40 {
    rsi_line: f64,
    macd: Macd,
    rsi: Rsi,
    turn: CrossOver,
}

impl Trader for MacdCrossBelow40 {
    type Params = Params;
    const NAME: &'static str = "1m MACD Cross Below 40";
    const SUMMARY: &'static str = "Signals when MACD crosses over its signal line while RSI is below 40.";
    const TAGS: &'static [Tag] = &[CROSS];
    const PLOTS: &'static [Plot] = &[MACD, RSI];

    fn check(params: &Params) -> Result<(), String> {
        // Bounds hold for one parameter. What holds between two is checked here.
        let Params { fast_period: fast, slow_period: slow, .. } = *params;
        if fast < slow {
            return Ok(());
        }
        Err(format!("fast_period is {fast}, slow_period is {slow}: make fast_period the smaller one"))
    }

    fn subscription(params: &Params) -> Subscription {
        Subscription::to(params.interval, 1_000).cooldown_candles(params.cooldown)
    }

    fn new(params: &Params, _symbol: &str) -> Self {
        let [fast, slow, signal] = [params.fast_period, params.slow_period, params.signal_period];
        Self {
            rsi_line: params.rsi_line,
            macd: Macd::new(fast as usize, slow as usize, signal as usize),
            rsi: Rsi::new(params.rsi_period as usize),
            turn: CrossOver::new(),
        }
    }

    fn on_close(&mut self, candle: &Candle, cx: &mut Context<'_>) {
        // Both are fed before either may return early.
        let (macd, rsi) = (self.macd.next(candle.close), self.rsi.next(candle.close));
        cx.plot(RSI, rsi);
        let Some(now) = macd else { return };
        cx.plot(MACD, [now.macd, now.signal, now.histogram]);

        // MACD is a small difference of prices. As a share of the price it has the same size for every coin, and what the
        // detector takes for rounding (1e-9) fits a coin of 0.0000004 as well as one of 60,000.
        let turned_up = self.turn.next(now.macd / candle.close, now.signal / candle.close);
        if turned_up && rsi.is_some_and(|rsi| rsi < self.rsi_line) {
            cx.signal(CROSS);
        }
    }
}

register!(MacdCrossBelow40);

#[cfg(test)]
mod tests {
    use super::*;
    use vyx_sdk::testkit::{Bench, candles_from_closes, random_walk};

    /// EMA(1) is the close, EMA(3) goes half of the way: with (1, 3, 3) everything can be done by hand.
    fn small() -> Bench<MacdCrossBelow40> {
        let bench = Bench::new().param("fast_period", 1_u32).param("slow_period", 3_u32);
        bench.param("signal_period", 3_u32).param("rsi_period", 2_u32)
    }

    fn signals(mut bench: Bench<MacdCrossBelow40>, closes: &[f64]) -> Vec<usize> {
        let signals = bench.feed("BTCUSDT", &candles_from_closes(Interval::M1, closes));
        signals.iter().map(|signal| signal.index).collect()
    }

    // candle   5    6    7 slows down   7 jumps
    // close   92   84   83              100
    // EMA(3)  96   90   86.5             95
    // MACD    -4   -6   -3.5              5
    // signal  -2   -4   -3.75             0.5
    const SLOWER: [f64; 8] = [100.0, 100.0, 100.0, 100.0, 100.0, 92.0, 84.0, 83.0];
    const JUMP: [f64; 8] = [100.0, 100.0, 100.0, 100.0, 100.0, 92.0, 84.0, 100.0];

    #[test]
    fn signals_where_a_fall_slows_down() {
        assert_eq!(signals(small(), &SLOWER), [7]); // only losses: RSI is 0
    }

    #[test]
    fn a_cross_above_the_line_of_rsi_is_none() {
        assert_eq!(signals(small(), &JUMP), []); // average gain 8, average loss 3: RSI is 72.7
        assert_eq!(signals(small().param("rsi_line", 80.0), &JUMP), [7]);
        assert_eq!(signals(small().param("rsi_line", 72.0), &JUMP), []);
    }

    #[test]
    fn cheap_coins_signal_as_others_do() {
        assert_eq!(signals(small(), &SLOWER.map(|close| close * 1e-9)), [7]);
    }

    #[test]
    fn flat_prices_and_a_steady_fall_are_silent() {
        assert_eq!(signals(Bench::new(), &[1.1; 300]), []);
        // On a straight line MACD and its signal are equal but for rounding: a plain `>` sees a cross.
        let closes: Vec<f64> = (0..1_000).map(|at| 1_000.0 - 0.1 * f64::from(at)).collect();
        assert_eq!(signals(Bench::new(), &closes), []);
    }

    #[test]
    fn nothing_is_said_before_the_indicators_are_warm() {
        let mut bench = Bench::<MacdCrossBelow40>::new();
        let signals = bench.feed("BTCUSDT", &random_walk(Interval::M1, 3, 3_000));
        assert!(signals.len() > 5 && signals[0].index > 33, "{} signals", signals.len());
        assert!(bench.plots()[..33].iter().all(|plots| plots[0].is_nan()));
        assert!(bench.plots()[33..].iter().flatten().all(|value| value.is_finite()));
    }

    #[test]
    #[should_panic(expected = "fast_period is 26, slow_period is 26")]
    fn the_fast_period_must_be_the_smaller_one() {
        signals(Bench::new().param("fast_period", 26_u32), &[1.0]);
    }
}
