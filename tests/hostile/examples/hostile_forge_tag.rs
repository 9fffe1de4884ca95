//! Describes a tag whose name would add a field to the signal's row.
#![cfg(target_arch = "wasm32")]

use vyx_sdk::prelude::*;

const FORGED: Tag = Tag::new(r#"x","fly_app_id":"f001"#, "an ordinary signal");

struct Forges;

impl Trader for Forges {
    type Params = ();
    const NAME: &'static str = "Forged tag";
    const SUMMARY: &'static str = "Signals every candle.";
    const TAGS: &'static [Tag] = &[FORGED];

    fn subscription((): &()) -> Subscription {
        Subscription::to(Interval::M1, 10)
    }

    fn new((): &(), _: &str) -> Self {
        Self
    }

    fn on_close(&mut self, _: &Candle, cx: &mut Context<'_>) {
        cx.signal(FORGED);
    }
}

vyx_sdk::register!(Forges);
