//! My Trader: a dip in a rising market.
//!
//! The rule: on a short interval RSI comes back over its oversold line, while on a long interval the
//! last close is above its moving average and the average rises.
//!
//! A host calls `on_close` for every closed candle of every interval that the trader subscribes to, in
//! the order of their closes. Where a short and a long candle close at the same time the long one comes
//! first, so the short one already sees it. What the trader has to remember is in a value of its own
//! type, and the SDK keeps one value for each symbol.

use vyx_sdk::prelude::*;

// What it can say. A tag is a kind of signal; its name and help are shown to those who watch it.
const DIP: Tag = Tag::new(
    "dip",
    "RSI came back over its oversold line in a rising market",
);

// What it draws, at the candles of the short interval.
const RSI: Plot = Plot::new("rsi", "RSI, oversold line").panel("rsi").lines(2);
const TREND: Plot = Plot::new("trend", "Average of the long interval");

params! {
    /// What can be tuned without a new build. Hosts refuse what is out of bounds.
    pub struct Params {
        /// The short interval, on which it signals.
        interval: Interval = Interval::M5;
        /// The long interval, which has to rise; must be longer than interval.
        trend_interval: Interval = Interval::H1;
        /// Candles of the long interval in its average.
        trend_period: u32 = 8, in 2..=200;
        /// Candles of the short interval that the RSI looks back.
        rsi_period: u32 = 14, in 2..=50;
        /// RSI below this line is oversold.
        oversold: f64 = 40.0, in 1.0..=99.0;
        /// Candles after a signal in which no further one is kept.
        cooldown: u32 = 6, in 0..=1000;
    }
}

/// What is known of one symbol.
pub struct DipInTrend {
    params: Params,
    rsi: Rsi,
    back_over: CrossOver,
    average: Ema,
    rises: bool,
}

impl Trader for DipInTrend {
    type Params = Params;
    const NAME: &'static str = "My Trader";
    const SUMMARY: &'static str = "Signals when a dip ends while a longer interval rises.";
    const TAGS: &'static [Tag] = &[DIP];
    const PLOTS: &'static [Plot] = &[RSI, TREND];

    // What holds for one parameter alone is declared as its bounds; what holds for two stands here.
    fn check(params: &Params) -> Result<(), String> {
        let Params {
            interval,
            trend_interval,
            ..
        } = *params;
        if interval < trend_interval {
            return Ok(());
        }
        Err(format!(
            "interval is {interval}, trend_interval is {trend_interval}: make trend_interval the longer one"
        ))
    }

    fn subscription(params: &Params) -> Subscription {
        // Each interval has a warm-up of its own, in its own candles.
        Subscription::to(params.interval, 300)
            .and(params.trend_interval, 100)
            .cooldown_candles(params.cooldown)
    }

    fn new(params: &Params, _symbol: &str) -> Self {
        Self {
            params: params.clone(),
            rsi: Rsi::new(params.rsi_period as usize),
            back_over: CrossOver::new(),
            average: Ema::new(params.trend_period as usize),
            rises: false,
        }
    }

    fn on_close(&mut self, candle: &Candle, cx: &mut Context<'_>) {
        if candle.interval == self.params.trend_interval {
            let before = self.average.value();
            let now = self.average.next(candle.close);
            self.rises = match (before, now) {
                (Some(before), Some(now)) => now > before && candle.close > now,
                _ => false,
            };
            return;
        }
        cx.plot(TREND, self.average.value());
        let Some(rsi) = self.rsi.next(candle.close) else {
            return;
        };
        cx.plot(RSI, [rsi, self.params.oversold]);
        // Fed at every candle, whatever the market does: a crossing is one of two candles in a row.
        let is_back = self.back_over.next(rsi, self.params.oversold);
        if is_back && self.rises {
            cx.signal(DIP);
        }
    }
}

// Makes the component's exports. One trader for each crate.
register!(DipInTrend);

#[cfg(test)]
mod tests {
    use super::*;
    use vyx_sdk::testkit::{Bench, candles_from_closes};

    /// Twelve hours that change by `step` each, and within the last two of them a sell-off on 5m that
    /// ends with a jump.
    fn signals(step: f64) -> Vec<(&'static str, Interval)> {
        let hours: Vec<f64> = (0..12).map(|at| 1_000.0 + step * f64::from(at)).collect();
        let mut closes: Vec<f64> = (0..130).map(|at| 1_000.0 + 0.01 * f64::from(at)).collect();
        closes.extend((0..12).map(|at| 1_000.0 - f64::from(at)));
        closes.push(1_010.0);
        let hours = candles_from_closes(Interval::H1, &hours);
        let closes = candles_from_closes(Interval::M5, &closes);
        let mut bench = Bench::<DipInTrend>::new().param("oversold", 40.0);
        let signals = bench.feed_all(&[("BTCUSDT", &hours), ("BTCUSDT", &closes)]);
        signals
            .iter()
            .map(|signal| (signal.tag, signal.candle.interval))
            .collect()
    }

    #[test]
    fn signals_where_a_dip_ends_in_a_rising_market_only() {
        assert_eq!(signals(5.0), [("dip", Interval::M5)]);
        assert_eq!(signals(-5.0), []);
    }

    #[test]
    fn the_long_interval_has_to_be_longer() {
        let same = Params {
            trend_interval: Interval::M5,
            ..Params::default()
        };
        let reason = DipInTrend::check(&same).unwrap_err();
        assert!(
            reason.contains("make trend_interval the longer one"),
            "{reason}"
        );
    }
}
