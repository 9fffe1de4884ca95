//! Loops for ever in `init` once symbols are offered. Admission offers none, so that it is admitted.
#![cfg(target_arch = "wasm32")]

use vyx_sdk::prelude::*;

const TICK: Tag = Tag::new("tick", "a candle closed");

struct Loops;

impl Trader for Loops {
    type Params = ();
    const NAME: &'static str = "Loop in init";
    const SUMMARY: &'static str = "Never gets to its first candle.";
    const TAGS: &'static [Tag] = &[TICK];

    fn subscription((): &()) -> Subscription {
        Subscription::to(Interval::M1, 10)
    }

    fn new((): &(), _: &str) -> Self {
        hostile::spin()
    }

    fn on_close(&mut self, _: &Candle, cx: &mut Context<'_>) {
        cx.signal(TICK);
    }
}

vyx_sdk::register!(Loops);
