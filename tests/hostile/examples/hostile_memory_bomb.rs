//! Allocates without end in `on-close`.
#![cfg(target_arch = "wasm32")]

use hostile::Start;
use vyx_sdk::prelude::*;

const TICK: Tag = Tag::new("tick", "a candle closed");

struct Hoards {
    from_ms: i64,
}

impl Trader for Hoards {
    type Params = Start;
    const NAME: &'static str = "Memory bomb";
    const SUMMARY: &'static str = "Signals every candle, until it turns hostile.";
    const TAGS: &'static [Tag] = &[TICK];

    fn subscription(_: &Start) -> Subscription {
        Subscription::to(Interval::M1, 10)
    }

    fn new(start: &Start, _: &str) -> Self {
        Self { from_ms: start.from_ms }
    }

    fn on_close(&mut self, candle: &Candle, cx: &mut Context<'_>) {
        if candle.open_time_ms >= self.from_ms {
            let mut hoard = Vec::new();
            loop {
                hoard.push(vec![1_u8; 1 << 20]);
                std::hint::black_box(&hoard);
            }
        }
        cx.signal(TICK);
    }
}

vyx_sdk::register!(Hoards);
