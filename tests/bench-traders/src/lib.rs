//! The work of the traders that the benchmarks run, as plain Rust: `host/benches` calls the same code in process, so that what is
//! between the two is the price of the sandbox. The traders are the examples of this package.

use vyx_sdk::prelude::*;

/// Closes that [`full_window`] is given.
pub const WINDOW: u32 = 250;

/// What an incremental StochRSI trader keeps of a symbol: as `plugins/stoch-rsi-overbought-short` does.
#[derive(Debug, Clone)]
pub struct Turns {
    stoch_rsi: StochRsi,
    turn: CrossUnder,
    last_k: f64,
    overbought: f64,
}

impl Turns {
    /// Turns under D that come from above `overbought`.
    #[must_use]
    pub fn new(overbought: f64) -> Self {
        Self { stoch_rsi: StochRsi::new(14, 14, 3, 3), turn: CrossUnder::new(), last_k: 0.0, overbought }
    }

    /// K and D of the next close once warm, and whether it is such a turn.
    #[inline]
    pub fn next(&mut self, close: f64) -> Option<(StochRsiValue, bool)> {
        let now = self.stoch_rsi.next(close)?;
        let was_overbought = now.k.max(self.last_k) > self.overbought;
        self.last_k = now.k;
        let turned_down = self.turn.next(now.k, now.d);
        Some((now, turned_down && was_overbought))
    }
}

/// StochRSI anew over a whole window.
#[must_use]
pub fn full_window(closes: &[f64]) -> Option<StochRsiValue> {
    let mut stoch_rsi = StochRsi::new(14, 14, 3, 3);
    let mut last = None;
    for &close in closes {
        last = stoch_rsi.next(close);
    }
    last
}
