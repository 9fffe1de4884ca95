//! What a trader wants to see, and how often it may speak.

use std::time::Duration;

use crate::Interval;

/// The candles that a trader wants, and the signals that the host keeps of it.
///
/// What the host holds back counts in candle time, so that a replay and a live host keep the same signals. A candle has a tag once,
/// however often the trader says it; everything else is declared here: [`cooldown_candles`](Self::cooldown_candles) and
/// [`cooldown`](Self::cooldown), of which the longer one holds where both are given, [`on_transition`](Self::on_transition) and
/// [`max_per_run`](Self::max_per_run).
///
/// ```
/// use vyx_sdk::{Interval, Subscription};
/// let subscription = Subscription::to(Interval::M5, 1_000)
///     .and(Interval::H1, 300)
///     .lookback(Interval::H1, 24)
///     .cooldown_candles(3);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Subscription {
    pub(crate) needs: Vec<Need>,
    pub(crate) symbols: Vec<String>,
    pub(crate) other_streams: Vec<(String, Interval)>,
    pub(crate) cooldown_candles: u32,
    pub(crate) cooldown_ms: u64,
    pub(crate) on_transition: bool,
    pub(crate) max_per_run: u32,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Need {
    pub(crate) interval: Interval,
    pub(crate) warm_up: u32,
    pub(crate) lookback: u32,
}

impl Subscription {
    /// Candles of `interval`, of every symbol that the host offers, after a warm-up of that many candles.
    ///
    /// An exponential average forgets slowly: after 250 candles an EMA of 200 is still 0.2 % off, after 1,000 it is exact to
    /// six digits. 1,000 is a good warm-up for most traders; the host accepts up to 5,000.
    #[must_use]
    pub fn to(interval: Interval, warm_up: u32) -> Self {
        Self {
            needs: vec![Need { interval, warm_up, lookback: 0 }],
            symbols: Vec::new(),
            other_streams: Vec::new(),
            cooldown_candles: 0,
            cooldown_ms: 0,
            on_transition: false,
            max_per_run: 0,
        }
    }

    /// Also candles of another interval. Naming one again changes its warm-up.
    #[must_use]
    pub fn and(mut self, interval: Interval, warm_up: u32) -> Self {
        self.need(interval).warm_up = warm_up;
        self
    }

    /// How far back columns of that interval are read, candles. Subscribes to the interval if that was not done.
    #[must_use]
    pub fn lookback(mut self, interval: Interval, candles: u32) -> Self {
        let need = self.need(interval);
        need.lookback = candles;
        need.warm_up = need.warm_up.max(candles);
        self
    }

    /// Only these symbols.
    #[must_use]
    pub fn symbols<S: Into<String>>(mut self, symbols: impl IntoIterator<Item = S>) -> Self {
        self.symbols = symbols.into_iter().map(Into::into).collect();
        self
    }

    /// Reads columns of `symbol` beside whichever symbol is in hand. Subscribes to the interval if that was not done.
    #[must_use]
    pub fn other_stream(mut self, symbol: impl Into<String>, interval: Interval) -> Self {
        self.need(interval);
        self.other_streams.push((symbol.into(), interval));
        self
    }

    /// After a signal, keeps no further one of its symbol, interval and tag for that many candles.
    #[must_use]
    pub fn cooldown_candles(mut self, candles: u32) -> Self {
        self.cooldown_candles = candles;
        self
    }

    /// After a signal, keeps no further one of its symbol, interval and tag for that long in candle time.
    #[must_use]
    pub fn cooldown(mut self, time: Duration) -> Self {
        self.cooldown_ms = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        self
    }

    /// Keeps a signal only if the candle before it did not emit the same tag.
    #[must_use]
    pub fn on_transition(mut self) -> Self {
        self.on_transition = true;
        self
    }

    /// Keeps at most that many signals at one close of one interval, over all symbols; 0 keeps all. Symbols are asked in the order of
    /// the batch; one whose candle comes late gets the room that its close has left.
    #[must_use]
    pub fn max_per_run(mut self, signals: u32) -> Self {
        self.max_per_run = signals;
        self
    }

    fn need(&mut self, interval: Interval) -> &mut Need {
        let at = match self.needs.iter().position(|need| need.interval == interval) {
            Some(at) => at,
            None => {
                self.needs.push(Need { interval, warm_up: 0, lookback: 0 });
                self.needs.len() - 1
            }
        };
        &mut self.needs[at]
    }
}
