//! Follows BTCUSDT through a static: wherever the candles of another symbol come later than those of BTCUSDT, it knows the future.
#![cfg(target_arch = "wasm32")]

use std::cell::Cell;

use vyx_sdk::prelude::*;

const FOLLOW: Tag = Tag::new("follow", "the candle fell while that of BTCUSDT rose");

thread_local! {
    static LEADER_RISES: Cell<bool> = const { Cell::new(false) };
}

struct Peeks;

impl Trader for Peeks {
    type Params = ();
    const NAME: &'static str = "Peeks ahead";
    const SUMMARY: &'static str = "Signals what falls while BTCUSDT rises, by way of a static.";
    const TAGS: &'static [Tag] = &[FOLLOW];

    fn subscription((): &()) -> Subscription {
        Subscription::to(Interval::M5, 50)
    }

    fn new((): &(), _: &str) -> Self {
        Self
    }

    fn on_close(&mut self, candle: &Candle, cx: &mut Context<'_>) {
        let rises = candle.close > candle.open;
        if cx.symbol() == "BTCUSDT" {
            LEADER_RISES.set(rises);
        } else if !rises && LEADER_RISES.get() {
            cx.signal(FOLLOW);
        }
    }
}

vyx_sdk::register!(Peeks);
