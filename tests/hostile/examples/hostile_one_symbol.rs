//! Traps at one symbol only, and is as healthy as its neighbour at all others.
#![cfg(target_arch = "wasm32")]

use vyx_sdk::prelude::*;

const UP: Tag = Tag::new("up", "the candle closed above its open");

vyx_sdk::params! {
    struct Params {
        /// The symbol at which it traps.
        symbol: String = "BADUSDT".to_owned();
        /// Open time of the first candle at which it traps, UTC milliseconds.
        from_ms: i64 = 0;
        /// Candles between two signals of a symbol.
        cooldown: u32 = 0, in 0..=1000;
    }
}

struct OneSymbol {
    from_ms: Option<i64>,
}

impl Trader for OneSymbol {
    type Params = Params;
    const NAME: &'static str = "One symbol";
    const SUMMARY: &'static str = "Says when a candle closes above its open, but for one symbol.";
    const TAGS: &'static [Tag] = &[UP];

    fn subscription(params: &Params) -> Subscription {
        Subscription::to(Interval::M1, 10).cooldown_candles(params.cooldown)
    }

    fn new(params: &Params, symbol: &str) -> Self {
        Self { from_ms: (symbol == params.symbol).then_some(params.from_ms) }
    }

    fn on_close(&mut self, candle: &Candle, cx: &mut Context<'_>) {
        if self.from_ms.is_some_and(|from_ms| candle.open_time_ms >= from_ms) {
            core::arch::wasm32::unreachable();
        }
        if candle.close > candle.open {
            cx.signal(UP);
        }
    }
}

vyx_sdk::register!(OneSymbol);
