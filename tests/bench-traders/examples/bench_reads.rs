//! Reads two closes and the 24 h figures of every candle and computes nothing: what a read costs.
#![cfg(target_arch = "wasm32")]

use vyx_sdk::prelude::*;

struct Reads;

impl Trader for Reads {
    type Params = ();
    const NAME: &'static str = "Reads";
    const SUMMARY: &'static str = "Reads and says nothing.";
    const TAGS: &'static [Tag] = &[Tag::new("none", "never")];

    fn subscription((): &()) -> Subscription {
        Subscription::to(Interval::M1, 2).lookback(Interval::M1, 2)
    }

    fn new((): &(), _: &str) -> Self {
        Self
    }

    fn on_close(&mut self, _: &Candle, cx: &mut Context<'_>) {
        core::hint::black_box(cx.closes(Interval::M1, 2));
        core::hint::black_box(cx.ticker());
    }
}

vyx_sdk::register!(Reads);
