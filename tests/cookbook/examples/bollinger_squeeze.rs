//! Bollinger squeeze.
//!
//! Bands that are narrower than at any time in the last ten hours say that a market rests; the first close outside of them says that it
//! does not any more. Two steps, so the trader remembers that the first one has happened: a field of its state, and nothing else. An
//! indicator can be fed what another one says: `Lowest` looks at the width of the bands.

use vyx_sdk::prelude::*;

const UP: Tag = Tag::new("up", "closed above the bands after a squeeze");
const DOWN: Tag = Tag::new("down", "closed below the bands after a squeeze");
const BANDS: Plot = Plot::new("bands", "Bollinger 20, 2").lines(3);
const WIDTH: Plot = Plot::new("width", "Bandwidth, its lowest").panel("width").lines(2);

pub struct Squeeze {
    bands: Bollinger,
    narrowest: Lowest,
    squeezed: bool,
}

impl Trader for Squeeze {
    type Params = ();
    const NAME: &'static str = "Bollinger Squeeze";
    const SUMMARY: &'static str = "Signals the first close outside of Bollinger bands that were at their narrowest.";
    const TAGS: &'static [Tag] = &[UP, DOWN];
    const PLOTS: &'static [Plot] = &[BANDS, WIDTH];

    fn subscription((): &()) -> Subscription {
        Subscription::to(Interval::M5, 250)
    }

    fn new((): &(), _: &str) -> Self {
        Self { bands: Bollinger::new(20, 2.0), narrowest: Lowest::new(120), squeezed: false }
    }

    fn on_close(&mut self, candle: &Candle, cx: &mut Context<'_>) {
        let Some(bands) = self.bands.next(candle.close) else { return };
        let width = bands.bandwidth();
        let narrowest = self.narrowest.next(width);
        cx.plot(BANDS, [bands.upper, bands.middle, bands.lower]);
        cx.plot(WIDTH, [Some(width), narrowest]);

        self.squeezed |= narrowest == Some(width);
        if self.squeezed && !(bands.lower..=bands.upper).contains(&candle.close) {
            self.squeezed = false;
            cx.signal(if candle.close > bands.upper { UP } else { DOWN });
        }
    }
}

register!(Squeeze);
