//! Loops for ever in every `init`.
#![cfg(target_arch = "wasm32")]

use vyx_sdk::prelude::*;

const TICK: Tag = Tag::new("tick", "a candle closed");

struct Loops;

impl Trader for Loops {
    type Params = ();
    const NAME: &'static str = "Loop in every init";
    const SUMMARY: &'static str = "Never says what it wants to see.";
    const TAGS: &'static [Tag] = &[TICK];

    fn subscription((): &()) -> Subscription {
        hostile::spin()
    }

    fn new((): &(), _: &str) -> Self {
        Self
    }

    fn on_close(&mut self, _: &Candle, cx: &mut Context<'_>) {
        cx.signal(TICK);
    }
}

vyx_sdk::register!(Loops);
