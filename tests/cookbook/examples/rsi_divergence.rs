//! RSI divergence.
//!
//! The price makes a lower low, RSI does not: sellers get tired. A low is only known some candles later, when the price has not gone below
//! it, and the signal comes at that candle. An indicator that marked the low itself would look into the future; on a chart that
//! looks better and cannot be traded.

use vyx_sdk::prelude::*;

const BULLISH: Tag = Tag::new("bullish", "lower low of the price, higher low of RSI");
const BEARISH: Tag = Tag::new("bearish", "higher high of the price, lower high of RSI");
const RSI: Plot = Plot::new("rsi", "RSI 14").panel("rsi");

pub struct Tired {
    rsi: Rsi,
    divergence: RsiDivergence,
}

impl Trader for Tired {
    type Params = ();
    const NAME: &'static str = "RSI Divergence";
    const SUMMARY: &'static str = "Signals when price and RSI disagree about a swing, once that is confirmed.";
    const TAGS: &'static [Tag] = &[BULLISH, BEARISH];
    const PLOTS: &'static [Plot] = &[RSI];

    fn subscription((): &()) -> Subscription {
        Subscription::to(Interval::M5, 500)
    }

    fn new((): &(), _: &str) -> Self {
        // A low counts with five candles above it on either side.
        Self { rsi: Rsi::new(14), divergence: RsiDivergence::new(14, 5, 5) }
    }

    fn on_close(&mut self, candle: &Candle, cx: &mut Context<'_>) {
        cx.plot(RSI, self.rsi.next(candle.close));
        match self.divergence.next(candle) {
            Some(Divergence::Bullish) => cx.signal(BULLISH),
            Some(Divergence::Bearish) => cx.signal(BEARISH),
            // Hidden ones speak for the trend that is there.
            Some(Divergence::HiddenBullish | Divergence::HiddenBearish) | None => {}
        }
    }
}

register!(Tired);
