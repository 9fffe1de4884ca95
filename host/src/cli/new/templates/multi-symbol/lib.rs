//! My Trader: a symbol runs ahead of BTC.
//!
//! The rule: over the last candles a symbol has gained more than BTC has, by some percent.
//!
//! A host calls `on_close` for every closed candle of every symbol, oldest first. A trader sees its own
//! symbol; a stream of another one it has to declare, and may then read beside whichever symbol is in
//! hand. Reads end at the close in hand, so there is no way to look ahead.

use vyx_sdk::prelude::*;

// What it can say. A tag is a kind of signal; its name and help are shown to those who watch it.
const AHEAD: Tag = Tag::new("ahead", "gained more than the reference");
const BEHIND: Tag = Tag::new("behind", "gained less than the reference");

// What it draws: the lead in a panel of its own.
const LEAD: Plot = Plot::new("lead", "Lead over the reference, percent").panel("lead");

params! {
    /// What can be tuned without a new build. Hosts refuse what is out of bounds.
    pub struct Params {
        /// Interval of the candles.
        interval: Interval = Interval::M5;
        /// The symbol that all others are compared with.
        reference: String = "BTCUSDT".into();
        /// Candles over which the gain is taken.
        period: u32 = 24, in 1..=1000;
        /// How far ahead or behind it has to be, percent.
        lead_percent: f64 = 1.0, in 0.0..=100.0;
        /// Candles after a signal in which no further one is kept.
        cooldown: u32 = 12, in 0..=1000;
    }
}

/// What is known of one symbol.
pub struct Outrun {
    params: Params,
    ahead: CrossOver,
    behind: CrossUnder,
}

impl Trader for Outrun {
    type Params = Params;
    const NAME: &'static str = "My Trader";
    const SUMMARY: &'static str = "Signals when a symbol runs ahead of BTC, or falls behind it.";
    const TAGS: &'static [Tag] = &[AHEAD, BEHIND];
    const PLOTS: &'static [Plot] = &[LEAD];

    fn subscription(params: &Params) -> Subscription {
        // `lookback` is how far back it reads, and with it the warm-up. A candle is delivered once the
        // reference has reached the same close.
        let candles = params.period + 1;
        Subscription::to(params.interval, candles)
            .lookback(params.interval, candles)
            .other_stream(&params.reference, params.interval)
            .cooldown_candles(params.cooldown)
    }

    fn new(params: &Params, _symbol: &str) -> Self {
        Self {
            params: params.clone(),
            ahead: CrossOver::new(),
            behind: CrossUnder::new(),
        }
    }

    fn on_close(&mut self, _candle: &Candle, cx: &mut Context<'_>) {
        let Params {
            interval,
            period,
            lead_percent,
            ref reference,
            ..
        } = self.params;
        if cx.symbol() == reference {
            return;
        }
        let own = cx.closes(interval, period + 1);
        let other = cx.column_of(reference, interval, Column::Close, period + 1);
        // None where either is too short yet, or the host does not offer the reference.
        let (Some(own), Some(other)) = (gain_percent(&own, period), gain_percent(&other, period))
        else {
            return;
        };
        let lead = own - other;
        cx.plot(LEAD, lead);
        if self.ahead.next(lead, lead_percent) {
            cx.signal(AHEAD);
        }
        if self.behind.next(lead, -lead_percent) {
            cx.signal(BEHIND);
        }
    }
}

/// How much the last close is above the one `period` candles before it.
fn gain_percent(closes: &[f64], period: u32) -> Option<f64> {
    let [first, .., last] = closes else {
        return None;
    };
    (closes.len() > period as usize && *first > 0.0).then(|| 100.0 * (last / first - 1.0))
}

// Makes the component's exports. One trader for each crate.
register!(Outrun);

#[cfg(test)]
mod tests {
    use super::*;
    use vyx_sdk::testkit::{Bench, candles_from_closes, candles_from_csv};

    /// Symbols and tags of the signals where BTC changes by `btc` percent at its last candle, and ETH
    /// by `eth`.
    fn signals(btc: f64, eth: f64) -> Vec<(String, &'static str)> {
        let mut closes = vec![100.0; 30];
        closes.push(100.0 + btc);
        let btc = candles_from_closes(Interval::M5, &closes);
        closes[30] = 100.0 + eth;
        let eth = candles_from_closes(Interval::M5, &closes);
        let mut bench = Bench::<Outrun>::new().param("lead_percent", 1.0);
        let signals = bench.feed_all(&[("BTCUSDT", &btc), ("ETHUSDT", &eth)]);
        signals
            .into_iter()
            .map(|signal| (signal.symbol, signal.tag))
            .collect()
    }

    #[test]
    fn says_who_runs_ahead_of_btc_and_who_falls_behind() {
        assert_eq!(signals(0.0, 1.1), [("ETHUSDT".into(), "ahead")]);
        assert_eq!(signals(1.1, 0.0), [("ETHUSDT".into(), "behind")]);
        assert_eq!(signals(5.0, 5.5), [], "both run");
    }

    #[test]
    fn speaks_of_recorded_candles_and_never_of_btc_itself() {
        let read = |text| candles_from_csv(Interval::M5, text);
        let btc = read(include_str!("../candles/BTCUSDT-5m.csv"));
        let eth = read(include_str!("../candles/ETHUSDT-5m.csv"));
        let signals = Bench::<Outrun>::new().feed_all(&[("BTCUSDT", &btc), ("ETHUSDT", &eth)]);
        assert!(!signals.is_empty());
        assert!(signals.iter().all(|signal| signal.symbol == "ETHUSDT"));
    }
}
