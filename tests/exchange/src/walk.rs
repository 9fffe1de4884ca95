//! A market that is a function of its seed and the time: any minute of any year is known at once.
//!
//! The price is a sum of noises of ever longer periods whose size grows as that of a random walk does.

use crate::amount::Amount;
use crate::kline::Kline;
use crate::random::{below, mix, with};

const MINUTE_MS: i64 = 60_000;
/// Periods of 1 minute to 2^17 minutes, three months.
const OCTAVES: usize = 18;
/// Size of the noise of one minute, in 1e-9 of the price.
const MINUTE_NOISE: i64 = 500_000;
/// That times the square root of two.
const TWO_MINUTE_NOISE: i64 = 707_107;
/// One minute of so many has no trade.
const QUIET: i64 = 700;

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
    /// Of each octave the last period that was asked about, and the noise at both its ends: the next minute is mostly in it.
    knots: [(i64, i64, i64); OCTAVES],
    /// The last price that was asked for, and its minute.
    price: (i64, i64),
}

/// Random numbers of one minute.
struct Dice(u64);

impl Dice {
    fn below(&mut self, most: i64) -> i64 {
        self.0 = mix(self.0);
        below(self.0, most)
    }
}

impl Walk {
    /// A market whose 24 h quote volume is about this.
    pub(crate) fn new(seed: u64, rank: usize, quote_volume: f64) -> Self {
        let (tick, lot, middle_ticks) = PROFILES[rank % PROFILES.len()];
        let lot_price = (tick as f64 / 1e8) * (lot as f64 / 1e8) * middle_ticks as f64;
        let lots = ((quote_volume / 1_440.0 / lot_price) as i64).max(2);
        Self { seed, tick, lot, middle_ticks, lots, knots: [(i64::MIN, 0, 0); OCTAVES], price: (i64::MIN, 0) }
    }

    fn dice(&self, minute: i64) -> Dice {
        Dice(with(self.seed ^ (1 << 32), minute as u64))
    }

    /// The first throw says whether a minute has no trade.
    fn is_quiet(&self, minute: i64) -> bool {
        self.dice(minute).below(QUIET) == 0
    }

    /// The price at the beginning of a minute, in ticks.
    fn price(&mut self, minute: i64) -> i64 {
        if self.price.0 != minute {
            let mut moved = minute;
            while self.is_quiet(moved - 1) {
                moved -= 1;
            }
            self.price = (minute, self.noisy(moved));
        }
        self.price.1
    }

    /// The price that a minute would begin with if there was a trade in the one before.
    fn noisy(&mut self, minute: i64) -> i64 {
        let mut noise = 0;
        for (octave, known) in self.knots.iter_mut().enumerate() {
            let number = minute >> octave;
            if known.0 != number {
                let size = if octave.is_multiple_of(2) { MINUTE_NOISE } else { TWO_MINUTE_NOISE } << (octave / 2);
                let seed = self.seed ^ octave as u64;
                let knot = |number: i64| below(with(seed, number as u64), 2 * size + 1) - size;
                *known = (number, knot(number), knot(number + 1));
            }
            let into = minute - (number << octave);
            noise += (known.1 * ((1 << octave) - into) + known.2 * into) >> octave;
        }
        (self.middle_ticks + self.middle_ticks * noise / 1_000_000_000).max(2)
    }

    /// The candle of a minute.
    pub(crate) fn minute(&mut self, open_ms: i64) -> Kline {
        let minute = open_ms.div_euclid(MINUTE_MS);
        let open = self.price(minute);
        let mut dice = self.dice(minute);
        let is_quiet = dice.below(QUIET) == 0;
        let close = if is_quiet { open } else { self.noisy(minute + 1) };
        self.price = (minute + 1, close);
        let price = |ticks: i64| Amount(i128::from(ticks * self.tick));
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
        if is_quiet {
            return flat;
        }
        let amount = |lots: i64| Amount(i128::from(lots) * i128::from(self.lot));
        let unit = self.tick * self.lot / 100_000_000;
        let quote = |lots: i64, ticks: i64| Amount(i128::from(lots) * i128::from(ticks * unit));
        let wick = self.middle_ticks / 2_000 + 2;
        let high = open.max(close) + dice.below(wick);
        let low = (open.min(close) - dice.below(wick)).max(1);
        let lots = 1 + dice.below(2 * self.lots);
        let taker = dice.below(lots + 1);
        let average = low + dice.below(high - low + 1);
        Kline {
            high: price(high),
            low: price(low),
            close: price(close),
            volume: amount(lots),
            quote_volume: quote(lots, average),
            trades: 1 + dice.below(lots.min(400)).unsigned_abs(),
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
            let mut walk = Walk::new(7, rank, 1e8);
            let mut quiet = 0;
            let (mut low, mut high) = (f64::MAX, 0.0_f64);
            for minute in 28_000_000..28_020_000 {
                let (kline, next) = (walk.minute(minute * MINUTE_MS), walk.minute((minute + 1) * MINUTE_MS));
                Candle::from_values(kline.open_ms, kline.values()).check(Interval::M1).unwrap();
                assert_eq!(kline.close, next.open);
                assert_eq!(Walk::new(7, rank, 1e8).minute(kline.open_ms), kline, "whatever was asked for before");
                quiet += usize::from(kline.trades == 0);
                low = low.min(kline.low.as_f64());
                high = high.max(kline.high.as_f64());
            }
            assert!(quiet > 0 && quiet < 200, "{quiet} minutes without a trade");
            assert!(high / low > 1.01, "it moves: {low} to {high}");
        }
    }
}
