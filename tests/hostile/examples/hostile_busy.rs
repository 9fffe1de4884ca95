//! Turns a loop so many times in each call, or for ever.
#![cfg(target_arch = "wasm32")]

use vyx_sdk::prelude::*;

params! {
    /// What can be tuned.
    pub struct Params {
        /// Turns in each call; 0 is for ever.
        turns: i64 = 0, in 0..=1_000_000_000_000;
    }
}

struct Spin(i64);

impl Trader for Spin {
    type Params = Params;
    const NAME: &'static str = "Spin";
    const SUMMARY: &'static str = "Turns a loop.";
    const TAGS: &'static [Tag] = &[Tag::new("none", "never")];

    fn subscription(_: &Params) -> Subscription {
        Subscription::to(Interval::M1, 0)
    }

    fn new(params: &Params, _: &str) -> Self {
        Self(params.turns)
    }

    fn on_close(&mut self, _: &Candle, _: &mut Context<'_>) {
        let mut turned = 0_i64;
        while self.0 == 0 || turned < self.0 {
            turned = std::hint::black_box(turned + 1);
        }
    }
}

vyx_sdk::register!(Spin);
