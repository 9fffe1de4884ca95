//! Incremental StochRSI with its two plotted lines.
#![cfg(target_arch = "wasm32")]

use bench_traders::Turns;
use vyx_sdk::prelude::*;

const SHORT: Tag = Tag::new("short", "StochRSI K crossed under D, coming from above the overbought line");
const STOCH_RSI: Plot = Plot::new("stoch-rsi", "StochRSI K, D").panel("stoch-rsi").lines(2);

params! {
    /// What can be tuned.
    pub struct Params {
        /// K above this line is overbought. Above 100 nothing is, and the trader never speaks.
        overbought: f64 = 80.0, in 0.0..=1000.0;
    }
}

struct Incremental(Turns);

impl Trader for Incremental {
    type Params = Params;
    const NAME: &'static str = "Incremental";
    const SUMMARY: &'static str = "Incremental StochRSI.";
    const TAGS: &'static [Tag] = &[SHORT];
    const PLOTS: &'static [Plot] = &[STOCH_RSI];

    fn subscription(_: &Params) -> Subscription {
        Subscription::to(Interval::M1, 100)
    }

    fn new(params: &Params, _: &str) -> Self {
        Self(Turns::new(params.overbought))
    }

    fn on_close(&mut self, candle: &Candle, cx: &mut Context<'_>) {
        let Some((now, is_turn)) = self.0.next(candle.close) else { return };
        cx.plot(STOCH_RSI, [now.k, now.d]);
        if is_turn {
            cx.signal(SHORT);
        }
    }
}

vyx_sdk::register!(Incremental);
