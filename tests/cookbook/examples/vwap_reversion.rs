//! Back to VWAP.
//!
//! The average price of the day, weighted by volume, and bands of two deviations around it. A price that leaves the bands and comes back
//! is on its way to the average more often than not, they say. The indicator knows its session: it begins anew at midnight UTC, and
//! the bands of the first hour are too narrow to mean anything, so the trader waits.

use vyx_sdk::prelude::*;

const BACK_UP: Tag = Tag::new("back-up", "came back into the bands from below");
const BACK_DOWN: Tag = Tag::new("back-down", "came back into the bands from above");
const PRICE: Plot = Plot::new("price", "VWAP and two deviations").lines(3);

const DAY_MS: i64 = 86_400_000;
const WAIT_MS: i64 = 2 * 3_600_000;

pub struct Reversion {
    vwap: Vwap,
    below: bool,
    above: bool,
}

impl Trader for Reversion {
    type Params = ();
    const NAME: &'static str = "VWAP Reversion";
    const SUMMARY: &'static str = "Signals when a close comes back into two deviations around the VWAP of the day.";
    const TAGS: &'static [Tag] = &[BACK_UP, BACK_DOWN];
    const PLOTS: &'static [Plot] = &[PRICE];

    fn subscription((): &()) -> Subscription {
        // A day and a little: the running session is then always a whole one.
        Subscription::to(Interval::M5, 300)
    }

    fn new((): &(), _: &str) -> Self {
        Self { vwap: Vwap::new(), below: false, above: false }
    }

    fn on_close(&mut self, candle: &Candle, cx: &mut Context<'_>) {
        let Some(now) = self.vwap.next(candle) else { return };
        if candle.open_time_ms.rem_euclid(DAY_MS) < WAIT_MS {
            (self.below, self.above) = (false, false);
            return;
        }
        let (lower, upper) = (now.lower(2.0), now.upper(2.0));
        cx.plot(PRICE, [now.vwap, upper, lower]);
        let (was_below, was_above) = (self.below, self.above);
        (self.below, self.above) = (candle.close < lower, candle.close > upper);
        if was_below && !self.below {
            cx.signal(BACK_UP);
        }
        if was_above && !self.above {
            cx.signal(BACK_DOWN);
        }
    }
}

register!(Reversion);
