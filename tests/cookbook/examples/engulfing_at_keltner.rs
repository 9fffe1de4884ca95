//! Engulfing at a Keltner band.
//!
//! A candle whose body covers the one before is a pattern that occurs everywhere. Where it occurs says more: at the lower band it ends a
//! fall, at the upper one a rise. Patterns are those of TA-Lib, to the candle.

use vyx_sdk::prelude::*;

const UP: Tag = Tag::new("up", "bullish engulfing at the lower band");
const DOWN: Tag = Tag::new("down", "bearish engulfing at the upper band");
const BANDS: Plot = Plot::new("bands", "Keltner 20, 10, 2").lines(3);

pub struct EngulfingAtBand {
    bands: Keltner,
    engulfing: CandlePattern,
}

impl Trader for EngulfingAtBand {
    type Params = ();
    const NAME: &'static str = "Engulfing at Keltner";
    const SUMMARY: &'static str = "Signals an engulfing candle that touches a Keltner band.";
    const TAGS: &'static [Tag] = &[UP, DOWN];
    const PLOTS: &'static [Plot] = &[BANDS];

    fn subscription((): &()) -> Subscription {
        Subscription::to(Interval::M5, 250)
    }

    fn new((): &(), _: &str) -> Self {
        Self { bands: Keltner::new(20, 10, 2.0), engulfing: CandlePattern::new(Pattern::Engulfing) }
    }

    fn on_close(&mut self, candle: &Candle, cx: &mut Context<'_>) {
        let (bands, found) = (self.bands.next(candle), self.engulfing.next(candle));
        let Some(bands) = bands else { return };
        cx.plot(BANDS, [bands.upper, bands.middle, bands.lower]);
        match found.map(|found| found.bias) {
            Some(Bias::Bullish) if candle.low <= bands.lower => cx.signal(UP),
            Some(Bias::Bearish) if candle.high >= bands.upper => cx.signal(DOWN),
            _ => {}
        }
    }
}

register!(EngulfingAtBand);
