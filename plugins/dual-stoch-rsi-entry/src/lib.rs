//! Dual Stoch RSI Entry: buy a dip on a fast interval while a slow one points up.
//!
//! Watches StochRSI(14, 14, 3, 3) of the closes on two intervals, 1m and 5m. It signals at the candle of the fast one where K
//! has crossed over D, if K stood below the oversold line (20) at that candle or at the one before, while K of the slow one
//! is above its D. The slow interval has to be longer than the fast one: a trader that is told otherwise does not start.

use vyx_sdk::prelude::*;

const ENTRY: Tag = Tag::new("entry", "fast StochRSI turned up from oversold while the slow one points up");
const FAST: Plot = Plot::new("fast", "Fast StochRSI K, D").panel("stoch-rsi").lines(2);
const SLOW: Plot = Plot::new("slow", "Slow StochRSI K, D").panel("stoch-rsi-slow").lines(2);

params! {
    /// What can be tuned.
    pub struct Params {
        /// The fast interval, on which it signals.
        interval: Interval = Interval::M1;
        /// The slow interval, which has to agree; must be longer than interval.
        slow_interval: Interval = Interval::M5;
        /// Candles that the RSI looks back.
        rsi_period: u32 = 14, in 2..=50;
        /// RSI values whose range is the scale of K.
        stoch_period: u32 = 14, in 2..=200;
        /// K is the mean of that many values.
        k_smoothing: u32 = 3, in 1..=50;
        /// D is the mean of that many values of K.
        d_smoothing: u32 = 3, in 1..=50;
        /// K of the fast interval below this line is oversold.
        oversold: f64 = 20.0, in 0.0..=100.0;
        /// Candles of the fast interval after a signal in which no further one is kept.
        cooldown: u32 = 10, in 0..=1000;
    }
}

/// What is known of one interval.
struct Side {
    stoch_rsi: StochRsi,
    cross: Cross,
    /// Whether K is above D, as of the last cross: where both are equal, the side before still holds.
    above: bool,
    last_close: f64,
    /// How often in a row the close was that of the candle before.
    still: u32,
    stoch_period: u32,
}

impl Side {
    fn new(params: &Params) -> Self {
        let [rsi, stoch, k, d] = [params.rsi_period, params.stoch_period, params.k_smoothing, params.d_smoothing];
        Self {
            stoch_rsi: StochRsi::new(rsi as usize, stoch as usize, k as usize, d as usize),
            cross: Cross::new(),
            above: false,
            last_close: f64::NAN,
            still: 0,
            stoch_period: stoch,
        }
    }

    /// Takes the next close; true where K has crossed over D.
    fn turned_up(&mut self, close: f64) -> bool {
        self.still = if close == self.last_close { self.still + 1 } else { 0 };
        self.last_close = close;
        let Some(now) = self.stoch_rsi.next(close) else { return false };
        if self.still + 1 >= self.stoch_period {
            // RSI has no range and K is 0 by convention: forget the side, so that the first tick after it is no turn.
            (self.cross, self.above) = (Cross::new(), false);
            return false;
        }
        let crossing = self.cross.next(now.k, now.d);
        if let Some(crossing) = crossing {
            self.above = crossing == Crossing::Over;
        }
        crossing == Some(Crossing::Over)
    }

    fn lines(&self) -> [Option<f64>; 2] {
        let now = self.stoch_rsi.value();
        [now.map(|now| now.k), now.map(|now| now.d)]
    }
}

/// What is known of one symbol: one state for each interval.
pub struct DualStochRsiEntry {
    params: Params,
    fast: Side,
    slow: Side,
    last_k: Option<f64>,
}

impl Trader for DualStochRsiEntry {
    type Params = Params;
    const NAME: &'static str = "Dual Stoch RSI Entry";
    const SUMMARY: &'static str =
        "Signals when StochRSI turns up from oversold on a fast interval while that of a slow interval points up.";
    const TAGS: &'static [Tag] = &[ENTRY];
    const PLOTS: &'static [Plot] = &[FAST, SLOW];

    fn check(params: &Params) -> Result<(), String> {
        // With one interval for both, all candles would go to one side and it would wait for ever: better to say so.
        let Params { interval: fast, slow_interval: slow, .. } = *params;
        if fast < slow {
            return Ok(());
        }
        Err(format!("interval is {fast}, slow_interval is {slow}: make slow_interval the longer one"))
    }

    fn subscription(params: &Params) -> Subscription {
        let Params { interval: fast, slow_interval: slow, .. } = *params;
        Subscription::to(fast, 1_000).and(slow, 1_000).cooldown_candles(params.cooldown)
    }

    fn new(params: &Params, _symbol: &str) -> Self {
        Self { params: params.clone(), fast: Side::new(params), slow: Side::new(params), last_k: None }
    }

    fn on_close(&mut self, candle: &Candle, cx: &mut Context<'_>) {
        // Where both close at once the slow candle comes first, so the fast one below already knows it.
        if candle.interval == self.params.slow_interval {
            self.slow.turned_up(candle.close);
            return;
        }
        let turned_up = self.fast.turned_up(candle.close);
        cx.plot(FAST, self.fast.lines());
        cx.plot(SLOW, self.slow.lines());

        let k = self.fast.lines()[0];
        let was_oversold = [k, self.last_k].iter().flatten().any(|k| *k < self.params.oversold);
        self.last_k = k;
        if turned_up && was_oversold && self.slow.above {
            cx.signal(ENTRY);
        }
    }
}

register!(DualStochRsiEntry);

#[cfg(test)]
mod tests;
