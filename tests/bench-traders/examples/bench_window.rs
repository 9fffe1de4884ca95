//! StochRSI over 250 closes, pulled as a column and computed anew for every candle.
#![cfg(target_arch = "wasm32")]

use bench_traders::{WINDOW, full_window};
use vyx_sdk::prelude::*;

const STOCH_RSI: Plot = Plot::new("stoch-rsi", "StochRSI K, D").panel("stoch-rsi").lines(2);

struct Window;

impl Trader for Window {
    type Params = ();
    const NAME: &'static str = "Window";
    const SUMMARY: &'static str = "StochRSI over 250 closes.";
    const TAGS: &'static [Tag] = &[Tag::new("none", "never")];
    const PLOTS: &'static [Plot] = &[STOCH_RSI];

    fn subscription((): &()) -> Subscription {
        Subscription::to(Interval::M1, WINDOW).lookback(Interval::M1, WINDOW)
    }

    fn new((): &(), _: &str) -> Self {
        Self
    }

    fn on_close(&mut self, _: &Candle, cx: &mut Context<'_>) {
        if let Some(now) = full_window(&cx.closes(Interval::M1, WINDOW)) {
            cx.plot(STOCH_RSI, [now.k, now.d]);
        }
    }
}

vyx_sdk::register!(Window);
