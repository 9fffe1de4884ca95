//! StochRSI Overbought Short: momentum was stretched upwards and turns.
//!
//! Watches StochRSI(14, 14, 3, 3) of the closes on one interval. It signals at the candle where K has crossed under D, if K
//! stood above the overbought line (80) at that candle or at the one before. Prices that stand still for the whole range of
//! StochRSI are no signal, although K falls to 0 then.

use vyx_sdk::prelude::*;

const SHORT: Tag = Tag::new("short", "StochRSI K crossed under D, coming from above the overbought line");
const STOCH_RSI: Plot = Plot::new("stoch-rsi", "StochRSI K, D").panel("stoch-rsi").lines(2);

params! {
    /// What can be tuned.
    pub struct Params {
        /// Interval of the candles.
        interval: Interval = Interval::M1;
        /// Candles that the RSI looks back.
        rsi_period: u32 = 14, in 2..=50;
        /// RSI values whose range is the scale of K.
        stoch_period: u32 = 14, in 2..=200;
        /// K is the mean of that many values.
        k_smoothing: u32 = 3, in 1..=50;
        /// D is the mean of that many values of K.
        d_smoothing: u32 = 3, in 1..=50;
        /// K above this line is overbought.
        overbought: f64 = 80.0, in 0.0..=100.0;
        /// Candles after a signal in which no further one is kept.
        cooldown: u32 = 30, in 0..=1000;
    }
}

/// What is known of one symbol.
pub struct StochRsiOverboughtShort {
    params: Params,
    stoch_rsi: StochRsi,
    turn: CrossUnder,
    last_k: f64,
    last_close: f64,
    /// How often in a row the close was that of the candle before.
    still: u32,
}

impl Trader for StochRsiOverboughtShort {
    type Params = Params;
    const NAME: &'static str = "StochRSI Overbought Short";
    const SUMMARY: &'static str = "Signals a short when StochRSI K crosses under D from above the overbought line.";
    const TAGS: &'static [Tag] = &[SHORT];
    const PLOTS: &'static [Plot] = &[STOCH_RSI];

    fn subscription(params: &Params) -> Subscription {
        // RSI never quite forgets its start; after 1,000 candles what is left of it is rounding.
        Subscription::to(params.interval, 1_000).cooldown_candles(params.cooldown)
    }

    fn new(params: &Params, _symbol: &str) -> Self {
        let [rsi, stoch, k, d] = [params.rsi_period, params.stoch_period, params.k_smoothing, params.d_smoothing];
        Self {
            params: params.clone(),
            stoch_rsi: StochRsi::new(rsi as usize, stoch as usize, k as usize, d as usize),
            turn: CrossUnder::new(),
            last_k: 0.0,
            last_close: f64::NAN,
            still: 0,
        }
    }

    fn on_close(&mut self, candle: &Candle, cx: &mut Context<'_>) {
        self.still = if candle.close == self.last_close { self.still + 1 } else { 0 };
        self.last_close = candle.close;
        let Some(now) = self.stoch_rsi.next(candle.close) else { return };
        cx.plot(STOCH_RSI, [now.k, now.d]);

        let was_overbought = now.k.max(self.last_k) > self.params.overbought;
        self.last_k = now.k;
        if self.still + 1 >= self.params.stoch_period {
            // RSI has no range and K is 0 by convention: forget the side, so that neither this nor the next move is a turn.
            self.turn = CrossUnder::new();
            return;
        }
        // The detector sees every candle: behind an `&&` it would miss those on which the line was not reached.
        let turned_down = self.turn.next(now.k, now.d);
        if turned_down && was_overbought {
            cx.signal(SHORT);
        }
    }
}

register!(StochRsiOverboughtShort);

#[cfg(test)]
mod tests {
    use super::*;
    use vyx_sdk::testkit::{Bench, candles_from_closes, random_walk};

    /// With a range of two RSI values K is 100 where RSI rose and 0 where it fell, and RSI goes where the price goes.
    fn small(k_smoothing: u32) -> Bench<StochRsiOverboughtShort> {
        let bench = Bench::new().param("rsi_period", 2_u32).param("stoch_period", 2_u32);
        bench.param("k_smoothing", k_smoothing).param("d_smoothing", 2_u32)
    }

    fn signals(bench: &mut Bench<StochRsiOverboughtShort>, closes: &[f64]) -> Vec<usize> {
        let signals = bench.feed("BTCUSDT", &candles_from_closes(Interval::M1, closes));
        signals.iter().map(|signal| signal.index).collect()
    }

    #[test]
    fn signals_where_k_turns_down_from_the_top() {
        // Candles 5 and 6 rise: K 100, 100, D 50, 100. Candle 7 falls: K 0 under D 50. From candle 4 on both are there.
        assert_eq!(signals(&mut small(1), &[100.0, 99.0, 100.0, 99.0, 98.0, 99.0, 100.0, 99.0, 98.0]), [7]);
    }

    #[test]
    fn a_turn_below_the_line_is_none() {
        // Only candle 6 rises. K, now the mean of two, is 50, 50, 0 from there on and D 25, 50, 25: a turn from 50.
        let closes = [100.0, 99.0, 100.0, 99.0, 98.0, 97.0, 98.0, 97.0, 96.0];
        assert_eq!(signals(&mut small(2), &closes), []);
        assert_eq!(signals(&mut small(2).param("overbought", 40.0), &closes), [8]);
    }

    #[test]
    fn prices_that_stand_still_are_no_turn() {
        assert_eq!(signals(&mut Bench::new(), &[100.0; 200]), []);
        // A rise takes K and D to 100. Then nothing moves, and after 14 candles both are 0.
        let mut closes: Vec<f64> = (0..60).map(|at| 100.0 + f64::from(at % 2)).collect();
        closes.extend((0..20).map(|at| 102.0 + f64::from(at)));
        closes.extend([121.0; 40]);
        let mut bench = Bench::new();
        assert_eq!(signals(&mut bench, &closes).iter().filter(|at| **at >= 60).count(), 0);
        assert_eq!((&bench.plots()[79][..], &bench.plots()[119][..]), (&[100.0, 100.0][..], &[0.0, 0.0][..]));
    }

    #[test]
    fn nothing_is_said_before_the_indicator_is_warm() {
        let mut bench = Bench::<StochRsiOverboughtShort>::new();
        let signals = bench.feed("BTCUSDT", &random_walk(Interval::M1, 1, 2_000));
        assert!(signals.len() > 10 && signals[0].index > 31, "{} signals", signals.len());
        assert!(bench.plots()[..31].iter().flatten().all(|value| value.is_nan()));
        assert!(bench.plots()[31..].iter().flatten().all(|value| value.is_finite()));
    }
}
