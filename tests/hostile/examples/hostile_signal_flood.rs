//! Emits signals without measure in one call: the same tag over and over, and as many different tags as there are.
#![cfg(target_arch = "wasm32")]

use vyx_sdk::prelude::*;

/// As many as a trader may describe.
const TAGS: [Tag; 32] = {
    let mut tags = [Tag::new("tag-a", "one of many"); 32];
    let mut at = 0;
    while at < tags.len() {
        tags[at] = Tag::new(NAMES[at], "one of many");
        at += 1;
    }
    tags
};

const NAMES: [&str; 32] = [
    "tag-00", "tag-01", "tag-02", "tag-03", "tag-04", "tag-05", "tag-06", "tag-07", "tag-08", "tag-09", "tag-10",
    "tag-11", "tag-12", "tag-13", "tag-14", "tag-15", "tag-16", "tag-17", "tag-18", "tag-19", "tag-20", "tag-21",
    "tag-22", "tag-23", "tag-24", "tag-25", "tag-26", "tag-27", "tag-28", "tag-29", "tag-30", "tag-31",
];

vyx_sdk::params! {
    struct Params {
        /// Open time of the first candle at which it floods, UTC milliseconds.
        from_ms: i64 = 0;
        /// Calls of `emit` for each candle.
        emits: u32 = 100_000;
        /// Different tags among them.
        tags: u32 = 32, in 1..=32;
    }
}

struct Floods {
    params: Params,
}

impl Trader for Floods {
    type Params = Params;
    const NAME: &'static str = "Signal flood";
    const SUMMARY: &'static str = "Signals every candle once, then far too often.";
    const TAGS: &'static [Tag] = &TAGS;

    fn subscription(_: &Params) -> Subscription {
        Subscription::to(Interval::M1, 10)
    }

    fn new(params: &Params, _: &str) -> Self {
        Self { params: params.clone() }
    }

    fn on_close(&mut self, candle: &Candle, cx: &mut Context<'_>) {
        let floods = candle.open_time_ms >= self.params.from_ms;
        let emits = if floods { self.params.emits } else { 1 };
        let tags = self.params.tags as usize;
        for tag in TAGS.iter().take(tags).cycle().take(emits as usize) {
            cx.signal(*tag);
        }
    }
}

vyx_sdk::register!(Floods);
