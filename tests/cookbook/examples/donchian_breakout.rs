//! Donchian breakout.
//!
//! A close above everything of the last five hours, or below it. The channel must not contain the candle that is compared with it, or
//! nothing could ever leave it: `value` is asked before `next`. A trend breaks out at candle after candle; `on_transition` keeps the
//! first of those in a row, and a cooldown the first of two hours.

use vyx_sdk::prelude::*;

const HIGH: Tag = Tag::new("high", "closed above the channel");
const LOW: Tag = Tag::new("low", "closed below the channel");
const CHANNEL: Plot = Plot::new("channel", "Donchian 60, before the candle").lines(2);

pub struct Breakout {
    channel: Donchian,
}

impl Trader for Breakout {
    type Params = ();
    const NAME: &'static str = "Donchian Breakout";
    const SUMMARY: &'static str = "Signals the first close outside of the range of the 60 candles before.";
    const TAGS: &'static [Tag] = &[HIGH, LOW];
    const PLOTS: &'static [Plot] = &[CHANNEL];

    fn subscription((): &()) -> Subscription {
        // A range depends on nothing before its window, so the window is warm-up enough.
        Subscription::to(Interval::M5, 60).on_transition().cooldown_candles(24)
    }

    fn new((): &(), _: &str) -> Self {
        Self { channel: Donchian::new(60) }
    }

    fn on_close(&mut self, candle: &Candle, cx: &mut Context<'_>) {
        let before = self.channel.value();
        self.channel.next(candle);
        let Some(channel) = before else { return };
        cx.plot(CHANNEL, [channel.upper, channel.lower]);
        if candle.close > channel.upper {
            cx.signal(HIGH);
        } else if candle.close < channel.lower {
            cx.signal(LOW);
        }
    }
}

register!(Breakout);
