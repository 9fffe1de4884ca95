//! Crosses of an average that takes longer to settle than its warm-up lasts.
#![cfg(target_arch = "wasm32")]

use vyx_sdk::prelude::*;

const OVER: Tag = Tag::new("over", "the close crossed over its average");
const AVERAGE: Plot = Plot::new("average", "EMA 200");

vyx_sdk::params! {
    struct Params {
        /// Candles of the warm-up.
        warm_up: u32 = 200, in 0..=5000;
    }
}

struct ShortWarmUp {
    average: Ema,
    cross: CrossOver,
}

impl Trader for ShortWarmUp {
    type Params = Params;
    const NAME: &'static str = "Short warm-up";
    const SUMMARY: &'static str = "Says when the close crosses over its average of 200 candles.";
    const TAGS: &'static [Tag] = &[OVER];
    const PLOTS: &'static [Plot] = &[AVERAGE];

    fn subscription(params: &Params) -> Subscription {
        Subscription::to(Interval::M5, params.warm_up)
    }

    fn new(_: &Params, _: &str) -> Self {
        Self { average: Ema::new(200), cross: CrossOver::new() }
    }

    fn on_close(&mut self, candle: &Candle, cx: &mut Context<'_>) {
        let average = self.average.next(candle.close);
        cx.plot(AVERAGE, average);
        if average.is_some_and(|average| self.cross.next(candle.close, average)) {
            cx.signal(OVER);
        }
    }
}

vyx_sdk::register!(ShortWarmUp);
