//! Counts the candles since it was started, so that no warm-up brings it to where an older instance is.
#![cfg(target_arch = "wasm32")]

use vyx_sdk::prelude::*;

const ROUND: Tag = Tag::new("round", "so many candles have passed");

vyx_sdk::params! {
    struct Params {
        /// Whether it signals, or only draws its count.
        signals: bool = true;
    }
}

const COUNT: Plot = Plot::new("count", "Candles").panel("count");

struct NeverForgets {
    count: u32,
    signals: bool,
}

impl Trader for NeverForgets {
    type Params = Params;
    const NAME: &'static str = "Never forgets";
    const SUMMARY: &'static str = "Signals every 37th candle.";
    const TAGS: &'static [Tag] = &[ROUND];
    const PLOTS: &'static [Plot] = &[COUNT];

    fn subscription(_: &Params) -> Subscription {
        Subscription::to(Interval::M5, 300)
    }

    fn new(params: &Params, _: &str) -> Self {
        Self { count: 0, signals: params.signals }
    }

    fn on_close(&mut self, candle: &Candle, cx: &mut Context<'_>) {
        self.count += 1;
        cx.plot(COUNT, f64::from(self.count));
        let is_due = if self.signals { self.count.is_multiple_of(37) } else { candle.close > candle.open };
        if is_due {
            cx.signal(ROUND);
        }
    }
}

vyx_sdk::register!(NeverForgets);
