//! Strength relative to BTC.
//!
//! What a coin gains is mostly what the market gains; what it gains beyond BTC is its own. The closes of BTC are another stream: it is
//! declared, and then read beside whichever symbol is in hand. The host delivers a candle when BTC has reached the same close, and no read
//! ever goes past it.

use vyx_sdk::prelude::*;

const STRONG: Tag = Tag::new("strong", "gains more than BTC, more clearly than usual");
const WEAK: Tag = Tag::new("weak", "gains less than BTC, more clearly than usual");
const LEAD: Plot = Plot::new("lead", "Lead over BTC in 2 h, percent; its bands").panel("lead").lines(3);

const BTC: &str = "BTCUSDT";
const PERIOD: u32 = 24;

pub struct RelativeStrength {
    bands: Bollinger,
    strong: CrossOver,
    weak: CrossUnder,
}

impl Trader for RelativeStrength {
    type Params = ();
    const NAME: &'static str = "Relative Strength";
    const SUMMARY: &'static str = "Signals when the lead of a symbol over BTC leaves its usual range.";
    const TAGS: &'static [Tag] = &[STRONG, WEAK];
    const PLOTS: &'static [Plot] = &[LEAD];

    fn subscription((): &()) -> Subscription {
        Subscription::to(Interval::M5, 250)
            .lookback(Interval::M5, PERIOD + 1)
            .other_stream(BTC, Interval::M5)
            .cooldown_candles(12)
    }

    fn new((): &(), _: &str) -> Self {
        Self { bands: Bollinger::new(96, 2.0), strong: CrossOver::new(), weak: CrossUnder::new() }
    }

    fn on_close(&mut self, _: &Candle, cx: &mut Context<'_>) {
        if cx.symbol() == BTC {
            return;
        }
        let own = gain_percent(&cx.closes(Interval::M5, PERIOD + 1));
        let other = gain_percent(&cx.column_of(BTC, Interval::M5, Column::Close, PERIOD + 1));
        let (Some(own), Some(other)) = (own, other) else { return };
        let lead = own - other;
        let Some(usual) = self.bands.next(lead) else { return };
        cx.plot(LEAD, [lead, usual.upper, usual.lower]);
        if self.strong.next(lead, usual.upper) {
            cx.signal(STRONG);
        }
        if self.weak.next(lead, usual.lower) {
            cx.signal(WEAK);
        }
    }
}

/// None until there are enough candles.
fn gain_percent(closes: &[f64]) -> Option<f64> {
    let first = *closes.first().filter(|_| closes.len() > PERIOD as usize)?;
    Some(100.0 * (closes.last()? / first - 1.0))
}

register!(RelativeStrength);
