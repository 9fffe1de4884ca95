//! My Trader: many trade at once, and at a price.
//!
//! The rule: the volume of a candle is a multiple of its average, and the close lies above the average
//! price of the day (somebody buys) or below it (somebody sells).
//!
//! A host calls `on_close` for every closed candle of every symbol, oldest first. What the trader has to
//! remember is in a value of its own type, and the SDK keeps one value for each symbol. Before the first
//! live candle the host replays the declared warm-up, so the state is always that of the candles.

use vyx_sdk::prelude::*;

// What it can say. A tag is a kind of signal; its name and help are shown to those who watch it.
const BUYING: Tag = Tag::new(
    "buying",
    "unusual volume above the average price of the day",
);
const SELLING: Tag = Tag::new(
    "selling",
    "unusual volume below the average price of the day",
);

// What it draws: volume in a panel of its own, the average price over the candles.
const VOLUME: Plot = Plot::new("volume", "Volume, what is unusual")
    .panel("volume")
    .lines(2);
const VWAP: Plot = Plot::new("vwap", "VWAP of the day");

params! {
    /// What can be tuned without a new build. Hosts refuse what is out of bounds.
    pub struct Params {
        /// Interval of the candles.
        interval: Interval = Interval::M5;
        /// Candles of the average, the one in hand not included.
        period: u32 = 20, in 2..=1000;
        /// Volume is unusual above this multiple of the average.
        multiple: f64 = 3.0, in 1.0..=100.0;
        /// Candles after a signal in which no further one of its kind is kept.
        cooldown: u32 = 6, in 0..=1000;
    }
}

/// What is known of one symbol.
pub struct VolumeSpike {
    multiple: f64,
    average: VolumeAverage,
    vwap: Vwap,
}

impl Trader for VolumeSpike {
    type Params = Params;
    const NAME: &'static str = "My Trader";
    const SUMMARY: &'static str = "Signals unusual volume, and on which side of the day's price.";
    const TAGS: &'static [Tag] = &[BUYING, SELLING];
    const PLOTS: &'static [Plot] = &[VOLUME, VWAP];

    fn subscription(params: &Params) -> Subscription {
        // A day of candles of five minutes, so that the average price of the day is that of a whole one.
        Subscription::to(params.interval, 300.max(params.period))
            .cooldown_candles(params.cooldown)
            .on_transition()
    }

    fn new(params: &Params, _symbol: &str) -> Self {
        Self {
            multiple: params.multiple,
            average: VolumeAverage::new(params.period as usize),
            vwap: Vwap::new(),
        }
    }

    fn on_close(&mut self, candle: &Candle, cx: &mut Context<'_>) {
        // `value` before `next`: a spike that is part of its own average hides itself.
        let unusual = self.average.value().map(|average| average * self.multiple);
        self.average.next(candle.volume);
        cx.plot(VOLUME, [Some(candle.volume), unusual]);
        let Some(price) = self.vwap.next(candle) else {
            return;
        };
        cx.plot(VWAP, price.vwap);

        // Where nothing was traded before there is nothing to compare with.
        let is_spike = unusual.is_some_and(|unusual| unusual > 0.0 && candle.volume > unusual);
        if !is_spike {
            return;
        }
        if candle.close > price.vwap {
            cx.signal(BUYING);
        } else if candle.close < price.vwap {
            cx.signal(SELLING);
        }
    }
}

// Makes the component's exports. One trader for each crate.
register!(VolumeSpike);

#[cfg(test)]
mod tests {
    use super::*;
    use vyx_sdk::testkit::{Bench, candles_from_closes, candles_from_csv};

    /// Signals where the last of twenty-two candles closes at `close` with `volume`, after a volume of 10.
    fn signals(close: f64, volume: f64) -> Vec<(&'static str, usize)> {
        let mut closes = [100.0; 22];
        closes[21] = close;
        let mut candles = candles_from_closes(Interval::M5, &closes);
        for candle in &mut candles {
            candle.volume = 10.0;
        }
        candles[21].volume = volume;
        let mut bench = Bench::<VolumeSpike>::new().param("multiple", 3.0);
        let signals = bench.feed("BTCUSDT", &candles);
        signals
            .iter()
            .map(|signal| (signal.tag, signal.index))
            .collect()
    }

    #[test]
    fn says_on_which_side_of_the_average_price_it_is() {
        assert_eq!(signals(101.0, 31.0), [("buying", 21)]);
        assert_eq!(signals(99.0, 31.0), [("selling", 21)]);
    }

    #[test]
    fn usual_volume_and_an_unmoved_price_say_nothing() {
        assert_eq!(
            signals(101.0, 30.0),
            [],
            "three times the average is not above it"
        );
        assert_eq!(signals(100.0, 99.0), []);
    }

    #[test]
    fn speaks_on_recorded_candles() {
        let candles = candles_from_csv(Interval::M5, include_str!("../candles/BTCUSDT-5m.csv"));
        assert!(
            !Bench::<VolumeSpike>::new()
                .feed("BTCUSDT", &candles)
                .is_empty()
        );
    }
}
