//! Volume Spike Detector: many trade at once, and the price goes somewhere.
//!
//! Watches the volume of one interval against its average over the 20 candles before. It signals at a candle with more than
//! three times that volume whose close is at least 0.5 % above its open (spike-up) or below it (spike-down). Where the
//! average is zero, nothing traded before and there is nothing to compare with: no signal.

use vyx_sdk::prelude::*;

const SPIKE_UP: Tag = Tag::new("spike-up", "unusual volume while the price rose");
const SPIKE_DOWN: Tag = Tag::new("spike-down", "unusual volume while the price fell");
const VOLUME: Plot = Plot::new("volume", "Volume, average before it").panel("volume").lines(2);

params! {
    /// What can be tuned.
    pub struct Params {
        /// Interval of the candles.
        interval: Interval = Interval::M5;
        /// Candles of the average, the one in hand not included.
        period: u32 = 20, in 2..=500;
        /// The volume has to be above that many averages.
        multiplier: f64 = 3.0, in 1.0..=100.0;
        /// The close has to be at least so far from the open, percent.
        min_move_percent: f64 = 0.5, in 0.0..=50.0;
        /// Candles after a signal in which no further one of its kind is kept.
        cooldown: u32 = 3, in 0..=1000;
    }
}

/// What is known of one symbol.
pub struct VolumeSpikeDetector {
    params: Params,
    average: VolumeAverage,
}

impl Trader for VolumeSpikeDetector {
    type Params = Params;
    const NAME: &'static str = "Volume Spike Detector";
    const SUMMARY: &'static str = "Signals when a candle of unusual volume moves the price up or down.";
    const TAGS: &'static [Tag] = &[SPIKE_UP, SPIKE_DOWN];
    const PLOTS: &'static [Plot] = &[VOLUME];

    fn subscription(params: &Params) -> Subscription {
        // A plain average depends on nothing before its window, so the window is warm-up enough.
        Subscription::to(params.interval, params.period).cooldown_candles(params.cooldown)
    }

    fn new(params: &Params, _symbol: &str) -> Self {
        Self { params: params.clone(), average: VolumeAverage::new(params.period as usize) }
    }

    fn on_close(&mut self, candle: &Candle, cx: &mut Context<'_>) {
        // `value` before `next`: a spike that is part of its own average hides itself.
        let before = self.average.value();
        self.average.next(candle.volume);
        cx.plot(VOLUME, [Some(candle.volume), before]);

        let Some(average) = before else { return };
        let is_spike = average > 0.0 && candle.volume > self.params.multiplier * average;
        let rise = candle.close - candle.open;
        if !is_spike || rise.abs() < candle.open * self.params.min_move_percent / 100.0 {
            return;
        }
        if rise > 0.0 {
            cx.signal(SPIKE_UP);
        } else if rise < 0.0 {
            cx.signal(SPIKE_DOWN);
        }
    }
}

register!(VolumeSpikeDetector);

#[cfg(test)]
mod tests {
    use super::*;
    use vyx_sdk::testkit::{Bench, candles_from_closes, random_walk};

    /// Twenty-five calm candles at 100 with a volume of 10; the last one closes at `close` with `volume`.
    fn candles(close: f64, volume: f64) -> Vec<Candle> {
        let mut closes = [100.0; 25];
        closes[24] = close;
        let mut candles = candles_from_closes(Interval::M5, &closes);
        for candle in &mut candles {
            candle.volume = 10.0;
        }
        candles[24].volume = volume;
        candles
    }

    fn signals(mut bench: Bench<VolumeSpikeDetector>, candles: &[Candle]) -> Vec<(&'static str, usize)> {
        bench.feed("BTCUSDT", candles).iter().map(|signal| (signal.tag, signal.index)).collect()
    }

    #[test]
    fn signals_at_the_spike_and_says_which_way() {
        assert_eq!(signals(Bench::new(), &candles(100.5, 30.1)), [("spike-up", 24)]);
        assert_eq!(signals(Bench::new(), &candles(99.5, 30.1)), [("spike-down", 24)]);
    }

    #[test]
    fn needs_both_volume_and_a_move() {
        assert_eq!(signals(Bench::new(), &candles(100.5, 30.0)), [], "three times the average is not above it");
        assert_eq!(signals(Bench::new(), &candles(100.4, 99.0)), []);
        assert_eq!(signals(Bench::new(), &candles(99.6, 99.0)), []);
        assert_eq!(signals(Bench::new().param("min_move_percent", 0.0), &candles(100.0, 99.0)), []);
    }

    #[test]
    fn multiplier_and_move_can_be_tuned() {
        assert_eq!(signals(Bench::new().param("multiplier", 2.9), &candles(100.5, 30.0)), [("spike-up", 24)]);
        assert_eq!(signals(Bench::new().param("min_move_percent", 0.4), &candles(100.4, 99.0)), [("spike-up", 24)]);
    }

    #[test]
    fn the_spike_is_not_part_of_its_own_average() {
        // With it the average would be (19 * 10 + 32) / 20 = 11.1, and 32 less than three times that.
        assert_eq!(signals(Bench::new(), &candles(101.0, 32.0)), [("spike-up", 24)]);
    }

    #[test]
    fn zero_volume_is_no_base() {
        let mut candles = candles(101.0, 50.0);
        for candle in &mut candles[..24] {
            candle.volume = 0.0;
        }
        assert_eq!(signals(Bench::new(), &candles), []);
        candles[24].volume = 0.0;
        assert_eq!(signals(Bench::new(), &candles), []);
    }

    #[test]
    fn nothing_is_said_before_the_average_is_there() {
        let candles = candles(101.0, 50.0);
        assert_eq!(signals(Bench::new(), &candles[5..]), [], "19 candles before the spike");
        assert_eq!(signals(Bench::new(), &candles[4..]), [("spike-up", 20)], "20 candles before the spike");

        let mut bench = Bench::<VolumeSpikeDetector>::new();
        assert!(bench.feed("BTCUSDT", &random_walk(Interval::M5, 1, 2_000)).len() > 5);
        assert!(bench.plots()[19][1].is_nan() && bench.plots()[20][1].is_finite());
    }
}
