//! MACD cross with the trend of a longer interval.
//!
//! A MACD cross on 5m counts only where the last close of 1h lies above its average. A trader that subscribes to two intervals is called
//! for the candles of both; where they close together the longer one comes first, so the shorter one already sees it.

use vyx_sdk::prelude::*;

const ENTRY: Tag = Tag::new("entry", "MACD crossed over its signal line in a rising hour");
const TREND: Plot = Plot::new("trend", "EMA 12 of 1h");
const MACD: Plot = Plot::new("macd", "MACD, signal").panel("macd").lines(2);

pub struct MacdWithTrend {
    macd: Macd,
    cross: CrossOver,
    average: Ema,
    rises: bool,
}

impl Trader for MacdWithTrend {
    type Params = ();
    const NAME: &'static str = "MACD with Trend";
    const SUMMARY: &'static str = "Signals a MACD cross on 5m while 1h closes above its average.";
    const TAGS: &'static [Tag] = &[ENTRY];
    const PLOTS: &'static [Plot] = &[TREND, MACD];

    fn subscription((): &()) -> Subscription {
        Subscription::to(Interval::M5, 400).and(Interval::H1, 200)
    }

    fn new((): &(), _: &str) -> Self {
        Self { macd: Macd::new(12, 26, 9), cross: CrossOver::with_scale(0.0), average: Ema::new(12), rises: false }
    }

    fn on_close(&mut self, candle: &Candle, cx: &mut Context<'_>) {
        if candle.interval == Interval::H1 {
            self.rises = self.average.next(candle.close).is_some_and(|average| candle.close > average);
            return;
        }
        cx.plot(TREND, self.average.value());
        let Some(now) = self.macd.next(candle.close) else { return };
        cx.plot(MACD, [now.macd, now.signal]);
        // Fed at every candle, whatever the hour says: a cross is one of two candles in a row.
        let crossed = self.cross.next(now.macd, now.signal);
        if crossed && self.rises {
            cx.signal(ENTRY);
        }
    }
}

register!(MacdWithTrend);
