//! The neighbour of all the others: its signals must stay the same whatever they do.
#![cfg(target_arch = "wasm32")]

use vyx_sdk::prelude::*;

const UP: Tag = Tag::new("up", "the candle closed above its open");
const CLOSE: Plot = Plot::new("close", "Close");
const RSI: Plot = Plot::new("rsi", "RSI").panel("rsi");

struct Healthy {
    rsi: Rsi,
}

impl Trader for Healthy {
    type Params = ();
    const NAME: &'static str = "Healthy";
    const SUMMARY: &'static str = "Says when a candle closes above its open.";
    const TAGS: &'static [Tag] = &[UP];
    const PLOTS: &'static [Plot] = &[CLOSE, RSI];

    fn subscription((): &()) -> Subscription {
        Subscription::to(Interval::M1, 50)
    }

    fn new((): &(), _: &str) -> Self {
        Self { rsi: Rsi::new(14) }
    }

    fn on_close(&mut self, candle: &Candle, cx: &mut Context<'_>) {
        let rsi = self.rsi.next(candle.close);
        cx.plot(CLOSE, candle.close);
        cx.plot(RSI, rsi);
        if candle.close > candle.open {
            cx.signal(UP);
        }
    }
}

vyx_sdk::register!(Healthy);
