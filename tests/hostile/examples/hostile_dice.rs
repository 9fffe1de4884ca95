//! Throws dice with what the standard library takes for randomness: the keys of a hash map, made of addresses and of a count.
#![cfg(target_arch = "wasm32")]

use std::hash::{BuildHasher, RandomState};

use vyx_sdk::prelude::*;

const SIX: Tag = Tag::new("six", "the die says so");

struct Dice;

impl Trader for Dice {
    type Params = ();
    const NAME: &'static str = "Dice";
    const SUMMARY: &'static str = "Signals where a die shows a six.";
    const TAGS: &'static [Tag] = &[SIX];

    fn subscription((): &()) -> Subscription {
        Subscription::to(Interval::M5, 50)
    }

    fn new((): &(), _: &str) -> Self {
        Self
    }

    fn on_close(&mut self, candle: &Candle, cx: &mut Context<'_>) {
        if RandomState::new().hash_one(candle.open_time_ms).is_multiple_of(6) {
            cx.signal(SIX);
        }
    }
}

vyx_sdk::register!(Dice);
