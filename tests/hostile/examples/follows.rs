//! Does honestly what `hostile_peeks_ahead` does: it reads BTCUSDT beside the symbol in hand, as it declares.
#![cfg(target_arch = "wasm32")]

use vyx_sdk::prelude::*;

const FOLLOW: Tag = Tag::new("follow", "the candle fell while that of BTCUSDT rose");

struct Follows;

impl Trader for Follows {
    type Params = ();
    const NAME: &'static str = "Follows";
    const SUMMARY: &'static str = "Signals what falls while BTCUSDT rises, which it reads beside it.";
    const TAGS: &'static [Tag] = &[FOLLOW];

    fn subscription((): &()) -> Subscription {
        Subscription::to(Interval::M5, 50).lookback(Interval::M5, 1).other_stream("BTCUSDT", Interval::M5)
    }

    fn new((): &(), _: &str) -> Self {
        Self
    }

    fn on_close(&mut self, candle: &Candle, cx: &mut Context<'_>) {
        let leader = |column| cx.column_of("BTCUSDT", Interval::M5, column, 1).last().copied();
        let rises = leader(Column::Close).zip(leader(Column::Open)).is_some_and(|(close, open)| close > open);
        if rises && candle.close < candle.open {
            cx.signal(FOLLOW);
        }
    }
}

vyx_sdk::register!(Follows);
