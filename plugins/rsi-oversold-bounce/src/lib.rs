//! RSI Oversold Bounce: a sell-off ends.
//!
//! Watches RSI(14) of the closes on one interval. It signals at the candle where RSI has come back over the oversold line
//! (30), having been below it; a touch of the line is no signal. A symbol whose price has never changed has an RSI of 0, which
//! is no sell-off: its first move is no signal either.

use vyx_sdk::prelude::*;

const BOUNCE: Tag = Tag::new("bounce", "RSI came back over the oversold line");
const RSI: Plot = Plot::new("rsi", "RSI").panel("rsi");

params! {
    /// What can be tuned.
    pub struct Params {
        /// Interval of the candles.
        interval: Interval = Interval::M5;
        /// Candles that the RSI looks back.
        rsi_period: u32 = 14, in 2..=50;
        /// RSI below this line is oversold.
        oversold: f64 = 30.0, in 1.0..=99.0;
        /// Candles after a signal in which no further one is kept.
        cooldown: u32 = 6, in 0..=1000;
    }
}

/// What is known of one symbol.
pub struct RsiOversoldBounce {
    oversold: f64,
    rsi: Rsi,
    bounce: CrossOver,
    first_close: Option<f64>,
    moved: bool,
}

impl Trader for RsiOversoldBounce {
    type Params = Params;
    const NAME: &'static str = "RSI Oversold Bounce";
    const SUMMARY: &'static str = "Signals when RSI comes back over its oversold line.";
    const TAGS: &'static [Tag] = &[BOUNCE];
    const PLOTS: &'static [Plot] = &[RSI];

    fn subscription(params: &Params) -> Subscription {
        // RSI never quite forgets its start; after 1,000 candles what is left of it is rounding.
        Subscription::to(params.interval, 1_000).cooldown_candles(params.cooldown)
    }

    fn new(params: &Params, _symbol: &str) -> Self {
        Self {
            oversold: params.oversold,
            rsi: Rsi::new(params.rsi_period as usize),
            bounce: CrossOver::new(),
            first_close: None,
            moved: false,
        }
    }

    fn on_close(&mut self, candle: &Candle, cx: &mut Context<'_>) {
        self.moved |= candle.close != *self.first_close.get_or_insert(candle.close);
        let Some(rsi) = self.rsi.next(candle.close) else { return };
        cx.plot(RSI, rsi);
        // The detector remembers the last side, so it must not see the RSI of a price that has not moved yet.
        if self.moved && self.bounce.next(rsi, self.oversold) {
            cx.signal(BOUNCE);
        }
    }
}

register!(RsiOversoldBounce);

#[cfg(test)]
mod tests {
    use super::*;
    use vyx_sdk::testkit::{Bench, candles_from_closes, random_walk};

    fn signals(mut bench: Bench<RsiOversoldBounce>, closes: &[f64]) -> Vec<usize> {
        let signals = bench.feed("BTCUSDT", &candles_from_closes(Interval::M5, closes));
        signals.iter().map(|signal| signal.index).collect()
    }

    /// Falls by 1 up to candle 14: average gain 0, average loss 1, RSI 0. Then rises by `rise`: average gain `rise / 14`,
    /// average loss 13 / 14, RSI `100 * rise / (rise + 13)`, which is 27.8 for 5 and 31.6 for 6.
    fn fall_and_rise(rise: f64) -> Vec<f64> {
        let mut closes: Vec<f64> = (0..15).map(|at| 100.0 - f64::from(at)).collect();
        closes.extend([86.0 + rise, 85.0 + rise]);
        closes
    }

    #[test]
    fn signals_where_rsi_is_back_over_the_line() {
        assert_eq!(signals(Bench::new(), &fall_and_rise(6.0)), [15]);
        assert_eq!(signals(Bench::new(), &fall_and_rise(5.0)), []);
    }

    #[test]
    fn the_line_can_be_moved() {
        assert_eq!(signals(Bench::new().param("oversold", 25.0), &fall_and_rise(5.0)), [15]);
        assert_eq!(signals(Bench::new().param("oversold", 35.0), &fall_and_rise(6.0)), []);
    }

    #[test]
    fn the_first_move_of_a_flat_price_is_no_bounce() {
        let mut closes = vec![100.0; 50];
        assert_eq!(signals(Bench::new(), &closes), []);
        closes.extend([101.0, 102.0]); // RSI goes from 0 to 100
        assert_eq!(signals(Bench::new(), &closes), []);
    }

    #[test]
    fn nothing_is_said_before_the_indicator_is_warm() {
        // The rise comes at candle 8, the first RSI at 14, and it is above the line.
        let closes: Vec<f64> = (0..20).map(|at| if at < 8 { 100.0 - f64::from(at) } else { 110.0 }).collect();
        assert_eq!(signals(Bench::new(), &closes), []);

        let mut bench = Bench::<RsiOversoldBounce>::new();
        let signals = bench.feed("BTCUSDT", &random_walk(Interval::M5, 1, 2_000));
        assert!(signals.len() > 5 && signals[0].index > 14, "{} signals", signals.len());
        assert!(bench.plots()[..14].iter().flatten().all(|value| value.is_nan()));
        assert!(bench.plots()[14..].iter().flatten().all(|value| value.is_finite()));
    }
}
