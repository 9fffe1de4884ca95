//! Logs 10,000 lines at every close, long ones and ones that would upset a terminal among them, and signals nonetheless.
#![cfg(target_arch = "wasm32")]

use std::cell::Cell;

use hostile::Start;
use vyx_sdk::prelude::*;

const TICK: Tag = Tag::new("tick", "a candle closed");

const LINES: u32 = 10_000;
const LONG_BYTES: usize = 100_000;

thread_local! {
    /// Once a close and not once a candle: with hundreds of symbols the flood itself would run into the CPU budget.
    static FLOODED_MS: Cell<i64> = const { Cell::new(i64::MIN) };
}

struct Floods {
    from_ms: i64,
}

impl Trader for Floods {
    type Params = Start;
    const NAME: &'static str = "Log flood";
    const SUMMARY: &'static str = "Signals every candle and talks far too much.";
    const TAGS: &'static [Tag] = &[TICK];

    fn subscription(_: &Start) -> Subscription {
        Subscription::to(Interval::M1, 10)
    }

    fn new(start: &Start, _: &str) -> Self {
        Self { from_ms: start.from_ms }
    }

    fn on_close(&mut self, candle: &Candle, cx: &mut Context<'_>) {
        if candle.open_time_ms >= self.from_ms && FLOODED_MS.replace(candle.open_time_ms) != candle.open_time_ms {
            flood(cx);
        }
        cx.signal(TICK);
    }
}

fn flood(cx: &Context<'_>) {
    let long = "long ".repeat(LONG_BYTES / 5);
    for line in 0..LINES {
        match line % 100 {
            // First, so that they come before the bucket is full.
            0 => cx.log(Level::Error, &long),
            1 => cx.log(Level::Warn, "\u{1b}[2J\u{1b}[1;1H\u{1b}]0;owned\u{7}\u{1b}[31mscreen\u{1b}[0m"),
            2 => cx.log(Level::Info, "one line\r\nERROR another line\u{85}and\u{2028}more\u{2029}of them"),
            3 => cx.log(Level::Info, "\u{202e}desrever\u{202c} \u{2066}isolated\u{2069} \u{200b}\u{feff}invisible"),
            4 => cx.log(Level::Debug, "\0\u{1}\u{8}\u{b}\u{c}\u{7f}\u{9b}2J"),
            5 => cx.log(Level::Debug, ""),
            _ => debug!(cx, "{} line {line}", cx.symbol()),
        }
    }
}

vyx_sdk::register!(Floods);
