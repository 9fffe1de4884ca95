//! My Trader: a sell-off ends.
//!
//! The rule: RSI(14) of the closes comes back over its oversold line, having been below it.
//!
//! A host calls `on_close` for every closed candle of every symbol, oldest first. What the trader
//! has to remember is in a value of its own type, and the SDK keeps one value for each symbol. Before
//! the first live candle the host replays the declared warm-up, so the state is always that of the
//! candles: no clock, no randomness, no files.

use vyx_sdk::prelude::*;

// What it can say. A tag is a kind of signal; its name and help are shown to those who watch it.
const BOUNCE: Tag = Tag::new("bounce", "RSI came back over the oversold line");

// What it draws: RSI in a panel of its own, and the line that it has to cross.
const RSI: Plot = Plot::new("rsi", "RSI, oversold line").panel("rsi").lines(2);

params! {
    /// What can be tuned without a new build. Hosts refuse what is out of bounds.
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
pub struct Bounce {
    oversold: f64,
    rsi: Rsi,
    back_over: CrossOver,
}

impl Trader for Bounce {
    type Params = Params;
    const NAME: &'static str = "My Trader";
    const SUMMARY: &'static str = "Signals when RSI comes back over its oversold line.";
    const TAGS: &'static [Tag] = &[BOUNCE];
    const PLOTS: &'static [Plot] = &[RSI];

    fn subscription(params: &Params) -> Subscription {
        // RSI forgets its start slowly: after 300 candles what is left of it changes no signal.
        // The cooldown is the host's, the same live and in tests.
        Subscription::to(params.interval, 300).cooldown_candles(params.cooldown)
    }

    fn new(params: &Params, _symbol: &str) -> Self {
        Self {
            oversold: params.oversold,
            rsi: Rsi::new(params.rsi_period as usize),
            back_over: CrossOver::new(),
        }
    }

    fn on_close(&mut self, candle: &Candle, cx: &mut Context<'_>) {
        // Indicators take one candle at a time, and say nothing until they are warm.
        let Some(rsi) = self.rsi.next(candle.close) else {
            return;
        };
        cx.plot(RSI, [rsi, self.oversold]);
        // True at the candle of the crossing only: a touch of the line is no crossing.
        if self.back_over.next(rsi, self.oversold) {
            cx.signal(BOUNCE);
        }
    }
}

// Makes the component's exports. One trader for each crate.
register!(Bounce);

#[cfg(test)]
mod tests {
    use super::*;
    use vyx_sdk::testkit::{Bench, candles_from_closes, candles_from_csv};

    /// Falls by 1 for fourteen candles, so that RSI is 0, and then rises by `rise`: RSI is
    /// `100 * rise / (rise + 13)`.
    fn fall_and_rise(rise: f64) -> Vec<f64> {
        let mut closes: Vec<f64> = (0..15).map(|at| 100.0 - f64::from(at)).collect();
        closes.push(86.0 + rise);
        closes
    }

    /// The candles that signal.
    fn signals(bench: Bench<Bounce>, closes: &[f64]) -> Vec<usize> {
        let mut bench = bench.param("oversold", 30.0);
        let signals = bench.feed("BTCUSDT", &candles_from_closes(Interval::M5, closes));
        signals.iter().map(|signal| signal.index).collect()
    }

    #[test]
    fn signals_where_rsi_is_back_over_the_line() {
        assert_eq!(signals(Bench::new(), &fall_and_rise(6.0)), [15], "RSI 31.6");
        assert_eq!(signals(Bench::new(), &fall_and_rise(5.0)), [], "RSI 27.8");
    }

    #[test]
    fn speaks_on_recorded_candles() {
        let candles = candles_from_csv(Interval::M5, include_str!("../candles/BTCUSDT-5m.csv"));
        let signals = Bench::<Bounce>::new().feed("BTCUSDT", &candles);
        assert!(!signals.is_empty());
        assert!(
            signals.iter().all(|signal| signal.index > 14),
            "not before RSI is warm"
        );
    }
}
