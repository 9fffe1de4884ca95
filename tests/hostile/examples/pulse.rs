//! Speaks on every so-manyth minute, whatever the candles say: what it should have said can be counted by hand.
#![cfg(target_arch = "wasm32")]

use vyx_sdk::prelude::*;

const BEAT: Tag = Tag::new("beat", "the minute of the close is a multiple of `every`");

params! {
    /// What can be tuned.
    pub struct Params {
        /// Minutes between two beats.
        every: i64 = 1, in 1..=100_000;
    }
}

struct Pulse {
    every_ms: i64,
}

impl Trader for Pulse {
    type Params = Params;
    const NAME: &'static str = "Pulse";
    const SUMMARY: &'static str = "Speaks on every so-manyth minute.";
    const TAGS: &'static [Tag] = &[BEAT];

    fn subscription(_: &Params) -> Subscription {
        Subscription::to(Interval::M1, 5)
    }

    fn new(params: &Params, _: &str) -> Self {
        Self { every_ms: params.every * 60_000 }
    }

    fn on_close(&mut self, candle: &Candle, cx: &mut Context<'_>) {
        if (candle.open_time_ms + 60_000) % self.every_ms == 0 {
            cx.signal(BEAT);
        }
    }
}

vyx_sdk::register!(Pulse);
