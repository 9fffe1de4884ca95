//! Loops for ever at the third candle that it sees of a symbol: in warm-up, where there is a history.
#![cfg(target_arch = "wasm32")]

use vyx_sdk::prelude::*;

const TICK: Tag = Tag::new("tick", "a candle closed");

struct Loops {
    seen: u32,
}

impl Trader for Loops {
    type Params = ();
    const NAME: &'static str = "Loop in warm-up";
    const SUMMARY: &'static str = "Never gets through its warm-up.";
    const TAGS: &'static [Tag] = &[TICK];

    fn subscription((): &()) -> Subscription {
        Subscription::to(Interval::M1, 100)
    }

    fn new((): &(), _: &str) -> Self {
        Self { seen: 0 }
    }

    fn on_close(&mut self, _: &Candle, cx: &mut Context<'_>) {
        self.seen += 1;
        if self.seen == 3 {
            hostile::spin();
        }
        cx.signal(TICK);
    }
}

vyx_sdk::register!(Loops);
