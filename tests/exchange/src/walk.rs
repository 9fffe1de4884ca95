//! A market that is a function of its seed and the time: any minute of any year is known at once.
//!
//! The price is a sum of noises of ever longer periods whose size grows as that of a random walk does.

use crate::amount::Amount;
use crate::kline::Kline;
use crate::random::{below, with};

const MINUTE_MS: i64 = 60_000;
/// Periods of 1 minute to 2^17 minutes, three months.
const OCTAVES: u32 = 18;
/// Size of the noise of one minute, in 1e-9 of the price.
const MINUTE_NOISE: i64 = 500_000;
/// That times the square root of two.
const TWO_MINUTE_NOISE: i64 = 707_107;
/// One minute of so many has no trade.
const QUIET: i64 = 700;

/// What the random numbers of a minute are for.
#[derive(Clone, Copy)]
enum For {
    Quiet = 100,
    High,
    Low,
    Average,
    Lots,
    Taker,
    Trades,
}

/// How coarse prices and amounts are, in units of 1e-8, and the price in the middle. A tick times a lot is a whole unit, so
/// that quote volumes are exact.
const PROFILES: [(i64, i64, i64); 4] = [
    // 43,000.00 in steps of 0.01; lots of 0.00001
    (1_000_000, 1_000, 4_300_000),
    // 2,500.00 in steps of 0.01; lots of 0.0001
    (1_000_000, 10_000, 250_000),
    // 3.1400 in steps of 0.0001; lots of 0.01
    (10_000, 1_000_000, 31_400),
    // 0.0163400 in steps of 0.0000001; lots of 1
    (10, 100_000_000, 163_400),
];

/// See the module.
#[derive(Clone, Debug)]
pub(crate) struct Walk {
    seed: u64,
    tick: i64,
    lot: i64,
    middle_ticks: i64,
    /// Mean lots of a minute.
    lots: i64,
}

impl Walk {
    /// A market whose 24 h quote volume is about this.
    pub(crate) fn new(seed: u64, rank: usize, quote_volume: f64) -> Self {
        let (tick, lot, middle_ticks) = PROFILES[rank % PROFILES.len()];
        let lot_price = (tick as f64 / 1e8) * (lot as f64 / 1e8) * middle_ticks as f64;
        Self { seed, tick, lot, middle_ticks, lots: ((quote_volume / 1_440.0 / lot_price) as i64).max(2) }
    }

    fn random(&self, what: For, minute: i64) -> u64 {
        with(self.seed ^ ((what as u64) << 32), minute as u64)
    }

    fn is_quiet(&self, minute: i64) -> bool {
        below(self.random(For::Quiet, minute), QUIET) == 0
    }

    /// The price at the beginning of a minute, in ticks.
    fn price(&self, minute: i64) -> i64 {
        let mut minute = minute;
        while self.is_quiet(minute - 1) {
            minute -= 1;
        }
        let noise: i64 = (0..OCTAVES).map(|octave| self.noise(octave, minute)).sum();
        (self.middle_ticks + self.middle_ticks * noise / 1_000_000_000).max(2)
    }

    fn noise(&self, octave: u32, minute: i64) -> i64 {
        let (period, number) = (1_i64 << octave, minute >> octave);
        let into = minute - (number << octave);
        let size = if octave.is_multiple_of(2) { MINUTE_NOISE } else { TWO_MINUTE_NOISE } << (octave / 2);
        let knot = |number: i64| below(with(self.seed ^ u64::from(octave), number as u64), 2 * size + 1) - size;
        (knot(number) * (period - into) + knot(number + 1) * into) / period
    }

    /// The candle of a minute.
    pub(crate) fn minute(&self, open_ms: i64) -> Kline {
        let minute = open_ms.div_euclid(MINUTE_MS);
        let (open, close) = (self.price(minute), self.price(minute + 1));
        let price = |ticks: i64| Amount(i128::from(ticks) * i128::from(self.tick));
        let amount = |lots: i64| Amount(i128::from(lots) * i128::from(self.lot));
        let quote = |lots: i64, ticks: i64| {
            let units = i128::from(lots) * i128::from(self.lot) * i128::from(ticks) * i128::from(self.tick);
            Amount(units / 100_000_000)
        };
        let of = |what: For, most: i64| below(self.random(what, minute), most);
        let flat = Kline {
            open_ms,
            open: price(open),
            high: price(open),
            low: price(open),
            close: price(open),
            volume: Amount::default(),
            quote_volume: Amount::default(),
            trades: 0,
            taker_volume: Amount::default(),
            taker_quote_volume: Amount::default(),
        };
        if self.is_quiet(minute) {
            return flat;
        }
        let wick = self.middle_ticks / 2_000 + 2;
        let high = open.max(close) + of(For::High, wick);
        let low = (open.min(close) - of(For::Low, wick)).max(1);
        let lots = 1 + of(For::Lots, 2 * self.lots);
        let taker = of(For::Taker, lots + 1);
        let average = low + of(For::Average, high - low + 1);
        Kline {
            high: price(high),
            low: price(low),
            close: price(close),
            volume: amount(lots),
            quote_volume: quote(lots, average),
            trades: 1 + of(For::Trades, lots.min(400)).unsigned_abs(),
            taker_volume: amount(taker),
            taker_quote_volume: quote(taker, average),
            ..flat
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use vyx_host::market::{Candle, Interval};

    #[test]
    fn every_minute_is_a_candle_that_follows_the_one_before() {
        for rank in 0..PROFILES.len() {
            let walk = Walk::new(7, rank, 1e8);
            let mut quiet = 0;
            let (mut low, mut high) = (f64::MAX, 0.0_f64);
            for minute in 28_000_000..28_020_000 {
                let (kline, next) = (walk.minute(minute * MINUTE_MS), walk.minute((minute + 1) * MINUTE_MS));
                Candle::from_values(kline.open_ms, kline.values()).check(Interval::M1).unwrap();
                assert_eq!(kline.close, next.open);
                quiet += usize::from(kline.trades == 0);
                low = low.min(kline.low.as_f64());
                high = high.max(kline.high.as_f64());
            }
            assert!(quiet > 0 && quiet < 200, "{quiet} minutes without a trade");
            assert!(high / low > 1.01, "it moves: {low} to {high}");
        }
    }
}
