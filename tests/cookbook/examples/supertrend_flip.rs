//! Supertrend flip.
//!
//! Supertrend says at every candle whether the market rises; news is only where that changes. `replace` keeps what was said last and
//! hands out what was said before, and `None` is where nothing was said yet: the first value is no change.

use vyx_sdk::prelude::*;

const RISES: Tag = Tag::new("rises", "Supertrend turned up");
const FALLS: Tag = Tag::new("falls", "Supertrend turned down");
const LINE: Plot = Plot::new("line", "Supertrend 10, 3: rising, falling").lines(2);

pub struct Flip {
    supertrend: Supertrend,
    rising: Option<bool>,
}

impl Trader for Flip {
    type Params = ();
    const NAME: &'static str = "Supertrend Flip";
    const SUMMARY: &'static str = "Signals when Supertrend(10, 3) turns.";
    const TAGS: &'static [Tag] = &[RISES, FALLS];
    const PLOTS: &'static [Plot] = &[LINE];

    fn subscription((): &()) -> Subscription {
        Subscription::to(Interval::M5, 500)
    }

    fn new((): &(), _: &str) -> Self {
        Self { supertrend: Supertrend::new(10, 3.0), rising: None }
    }

    fn on_close(&mut self, candle: &Candle, cx: &mut Context<'_>) {
        let Some(now) = self.supertrend.next(candle) else { return };
        // Two lines with holes: one for each direction.
        cx.plot(LINE, if now.rising { [Some(now.line), None] } else { [None, Some(now.line)] });
        match (self.rising.replace(now.rising), now.rising) {
            (Some(false), true) => cx.signal(RISES),
            (Some(true), false) => cx.signal(FALLS),
            _ => {}
        }
    }
}

register!(Flip);
