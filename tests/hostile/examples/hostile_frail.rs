//! Does not bear rare candles, by `way`: plots `infinite` values where a price stands still, or a `panic` where nothing is traded.
#![cfg(target_arch = "wasm32")]

use vyx_sdk::prelude::*;

const UP: Tag = Tag::new("up", "the candle closed above its open");
const PLACE: Plot = Plot::new("place", "Distance, in ranges of the candle").panel("place");

vyx_sdk::params! {
    struct Params {
        /// What it does not bear.
        way: String = "infinite".to_owned();
    }
}

struct Frail {
    panics: bool,
}

impl Trader for Frail {
    type Params = Params;
    const NAME: &'static str = "Frail";
    const SUMMARY: &'static str = "Says when a candle closes above its open.";
    const TAGS: &'static [Tag] = &[UP];
    const PLOTS: &'static [Plot] = &[PLACE];

    fn subscription(_: &Params) -> Subscription {
        Subscription::to(Interval::M5, 50)
    }

    fn new(params: &Params, _: &str) -> Self {
        Self { panics: params.way == "panic" }
    }

    fn on_close(&mut self, candle: &Candle, cx: &mut Context<'_>) {
        assert!(!self.panics || candle.volume > 0.0, "nothing was traded");
        if !self.panics {
            cx.plot(PLACE, candle.close / (candle.high - candle.low));
        }
        if candle.close > candle.open {
            cx.signal(UP);
        }
    }
}

vyx_sdk::register!(Frail);
