//! Volume spike, with OBV on its side.
//!
//! Three times the usual volume says that something happens, not what. On-balance volume adds what was traded in rising candles and takes
//! away what was traded in falling ones: where it stands higher than in the last four hours, buyers have been at it for a while.

use vyx_sdk::prelude::*;

const BUYERS: Tag = Tag::new("buyers", "a spike of volume while OBV is at its highest");
const SELLERS: Tag = Tag::new("sellers", "a spike of volume while OBV is at its lowest");
const VOLUME: Plot = Plot::new("volume", "Volume, three times its average").panel("volume").lines(2);
const OBV: Plot = Plot::new("obv", "OBV").panel("obv");

pub struct SpikeWithObv {
    usual: VolumeAverage,
    obv: Obv,
    highest: Highest,
    lowest: Lowest,
}

impl Trader for SpikeWithObv {
    type Params = ();
    const NAME: &'static str = "Volume Spike with OBV";
    const SUMMARY: &'static str = "Signals a spike of volume while OBV is at the end of its range.";
    const TAGS: &'static [Tag] = &[BUYERS, SELLERS];
    const PLOTS: &'static [Plot] = &[VOLUME, OBV];

    fn subscription((): &()) -> Subscription {
        Subscription::to(Interval::M5, 100).cooldown_candles(6)
    }

    fn new((): &(), _: &str) -> Self {
        Self { usual: VolumeAverage::new(20), obv: Obv::new(), highest: Highest::new(48), lowest: Lowest::new(48) }
    }

    fn on_close(&mut self, candle: &Candle, cx: &mut Context<'_>) {
        // Before the candle is part of it.
        let unusual = self.usual.value().map(|usual| 3.0 * usual);
        self.usual.next(candle.volume);
        cx.plot(VOLUME, [Some(candle.volume), unusual]);
        let Some(obv) = self.obv.next(candle) else { return };
        cx.plot(OBV, obv);
        let (highest, lowest) = (self.highest.next(obv), self.lowest.next(obv));
        if !unusual.is_some_and(|unusual| candle.volume > unusual) {
            return;
        }
        if highest == Some(obv) {
            cx.signal(BUYERS);
        } else if lowest == Some(obv) {
            cx.signal(SELLERS);
        }
    }
}

register!(SpikeWithObv);
