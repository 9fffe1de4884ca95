//! Does nothing and plots nothing: what is left is the call.
#![cfg(target_arch = "wasm32")]

use vyx_sdk::prelude::*;

struct Noop;

impl Trader for Noop {
    type Params = ();
    const NAME: &'static str = "Noop";
    const SUMMARY: &'static str = "Does nothing.";
    const TAGS: &'static [Tag] = &[Tag::new("none", "never")];

    fn subscription((): &()) -> Subscription {
        Subscription::to(Interval::M1, 0)
    }

    fn new((): &(), _: &str) -> Self {
        Self
    }

    fn on_close(&mut self, _: &Candle, _: &mut Context<'_>) {}
}

vyx_sdk::register!(Noop);
