//! EMA cross with a cooldown.
//!
//! A fast average crosses a slow one. In a market without direction the two cross again and again; a cooldown keeps the first signal of
//! such a stretch and holds the others back. It is declared, and the host applies it in the same way live and in tests: the trader
//! itself stays free of counting.

use vyx_sdk::prelude::*;

const UP: Tag = Tag::new("up", "the fast average crossed over the slow one");
const DOWN: Tag = Tag::new("down", "the fast average crossed under the slow one");
const AVERAGES: Plot = Plot::new("averages", "EMA 9, EMA 21").lines(2);

pub struct EmaCross {
    fast: Ema,
    slow: Ema,
    cross: Cross,
}

impl Trader for EmaCross {
    type Params = ();
    const NAME: &'static str = "EMA Cross";
    const SUMMARY: &'static str = "Signals when EMA(9) crosses EMA(21), at most once in two hours each way.";
    const TAGS: &'static [Tag] = &[UP, DOWN];
    const PLOTS: &'static [Plot] = &[AVERAGES];

    fn subscription((): &()) -> Subscription {
        Subscription::to(Interval::M5, 250).cooldown_candles(24)
    }

    fn new((): &(), _: &str) -> Self {
        // For prices, which may be far below 1, a cross without a scale.
        Self { fast: Ema::new(9), slow: Ema::new(21), cross: Cross::with_scale(0.0) }
    }

    fn on_close(&mut self, candle: &Candle, cx: &mut Context<'_>) {
        // Both are fed before either is asked, or the slow one would warm up later.
        let (fast, slow) = (self.fast.next(candle.close), self.slow.next(candle.close));
        cx.plot(AVERAGES, [fast, slow]);
        let (Some(fast), Some(slow)) = (fast, slow) else { return };
        match self.cross.next(fast, slow) {
            Some(Crossing::Over) => cx.signal(UP),
            Some(Crossing::Under) => cx.signal(DOWN),
            None => {}
        }
    }
}

register!(EmaCross);
