//! Recurses without end in `on-close`.
#![cfg(target_arch = "wasm32")]

use hostile::Start;
use vyx_sdk::prelude::*;

const TICK: Tag = Tag::new("tick", "a candle closed");

struct Recurses {
    from_ms: i64,
}

impl Trader for Recurses {
    type Params = Start;
    const NAME: &'static str = "Deep recursion";
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
            std::hint::black_box(down(1));
        }
        cx.signal(TICK);
    }
}

/// What comes back is used, so that it cannot become a loop.
#[inline(never)]
#[allow(unconditional_recursion)]
fn down(depth: u64) -> u64 {
    down(std::hint::black_box(depth) + 1) / std::hint::black_box(3) + depth
}

vyx_sdk::register!(Recurses);
