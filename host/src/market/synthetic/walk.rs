//! One made-up market: a walk with trends, calm and wild hours, shocks, and volume that goes with them.
//!
//! Only `+ - * /`, square roots and comparisons are used, so that every machine makes the same candles bit for bit. Prices and amounts are
//! whole ticks and lots, as on an exchange.

use super::random::Random;
use crate::market::candle::Values;
use crate::market::interval::Interval;

/// Part of the price that an average minute of an average market moves.
const MINUTE_MOVE: f64 = 0.0007;
/// A longer step moves the price as the square root of its length, up to this many times as far as a minute.
const MOST_MOVE: f64 = 40.0;
/// How strongly the price is drawn back to where it began, so that it stays plausible for years.
const PULL: f64 = 0.000_1;
/// The price never leaves the range from a fourth to four times of where it began.
const RANGE: f64 = 4.0;
/// Price changes within a minute.
const STEPS: u32 = 4;
/// Once in so many minutes a shock moves the price, or volume bursts without one.
const SHOCK_MINUTES: u64 = 400;
const BURST_MINUTES: u64 = 500;

/// What a market is like.
#[derive(Clone, Copy, Debug)]
pub(super) struct Nature {
    pub(super) price: f64,
    /// Decimals of its prices.
    pub(super) decimals: i32,
    /// Quote volume of an average minute.
    pub(super) turnover: f64,
}

/// A market at a point in time.
#[derive(Clone, Debug)]
pub(super) struct Walk {
    random: Random,
    ticks_per_one: f64,
    lots_per_one: f64,
    /// Where the price began, and where it is.
    home: f64,
    ticks: f64,
    /// Part of the price that an average step moves.
    spread: f64,
    /// Lots of an average minute, and a trade's lots.
    minute_lots: f64,
    trade_lots: f64,
    /// The mood: how long it lasts, where it pushes, how wild it is.
    minutes_left: u64,
    drift: f64,
    wildness: f64,
    /// How much more than usual is traded.
    burst: f64,
}

impl Walk {
    /// One whose steps are candles of `base`.
    pub(super) fn new(seed: u64, name: &str, nature: Nature, base: Interval) -> Self {
        let minutes = (base.as_ms() / Interval::M1.as_ms()) as f64;
        let mut random = Random::new(seed, name);
        let ticks_per_one = power_of_ten(nature.decimals);
        // The dearer the asset, the finer its lots: about a thousandth of the value of one unit of quote.
        let lot_decimals = (0..8).find(|decimals| power_of_ten(*decimals) >= nature.price).unwrap_or(8);
        let lots_per_one = power_of_ten(lot_decimals);
        let home = whole(nature.price * ticks_per_one * (0.8 + 0.4 * random.unit()));
        let minute_lots = minutes * nature.turnover / nature.price * lots_per_one * (0.7 + 0.6 * random.unit());
        Self {
            ticks_per_one,
            lots_per_one,
            home,
            ticks: home,
            spread: MINUTE_MOVE * (0.7 + 1.1 * random.unit()) * minutes.sqrt().min(MOST_MOVE),
            minute_lots,
            trade_lots: 1.0 + minute_lots / (40.0 + 200.0 * random.unit()),
            minutes_left: 0,
            drift: 0.0,
            wildness: 1.0,
            burst: 0.0,
            random,
        }
    }

    /// The next candle.
    pub(super) fn step(&mut self) -> Values {
        if self.minutes_left == 0 {
            self.change_mood();
        }
        self.minutes_left -= 1;
        let spread = self.spread * self.wildness;
        let mut shock = 0.0;
        if self.random.once_in(SHOCK_MINUTES) {
            shock = 5.0 * spread * self.random.signed();
            self.burst += 5.0 + 8.0 * self.random.unit();
        } else if self.random.once_in(BURST_MINUTES) {
            self.burst += 4.0 + 6.0 * self.random.unit();
        }

        let open = self.ticks;
        let (mut high, mut low) = (open, open);
        let pull = PULL * (self.home - open) / self.home;
        for _ in 0..STEPS {
            let part = (self.drift * spread + pull + shock) / f64::from(STEPS) + spread * 0.5 * self.random.normal();
            let moved = whole(self.ticks * (1.0 + part));
            self.ticks = moved.clamp(whole(self.home / RANGE).max(1.0), whole(self.home * RANGE));
            high = high.max(self.ticks);
            low = low.min(self.ticks);
        }
        let close = self.ticks;

        let moved = (close - open) / open;
        let size = if moved < 0.0 { -moved } else { moved } / self.spread;
        let busy = (0.4 + 0.8 * self.random.unit()) * (0.6 + 0.5 * size) * (1.0 + self.burst);
        self.burst /= 2.0;
        let lots = whole(self.minute_lots * busy).max(1.0);
        let side = if close > open { 0.08 } else { -0.08 };
        let taker_lots = whole(lots * (0.5 + side + 0.2 * self.random.signed()));
        let volume = lots / self.lots_per_one;
        let price = (open + high + low + close) / (4.0 * self.ticks_per_one);
        let trades = whole(lots / self.trade_lots * (0.7 + 0.6 * self.random.unit())).max(1.0);
        [
            open / self.ticks_per_one,
            high / self.ticks_per_one,
            low / self.ticks_per_one,
            close / self.ticks_per_one,
            volume,
            whole(volume * price * 10_000.0) / 10_000.0,
            taker_lots / self.lots_per_one,
            trades,
        ]
    }

    fn change_mood(&mut self) {
        self.minutes_left = 60 + self.random.bits() % 540;
        let strength = 0.04 + 0.14 * self.random.unit();
        (self.drift, self.wildness) = match self.random.bits() % 6 {
            0 | 1 => (strength, 1.0),
            2 | 3 => (-strength, 1.0),
            4 => (0.0, 0.5),
            _ => (strength * self.random.signed(), 2.0),
        };
    }
}

/// The nearest whole number of what is never negative; the conversion to an integer cuts off the rest.
fn whole(value: f64) -> f64 {
    (value + 0.5) as u64 as f64
}

fn power_of_ten(exponent: i32) -> f64 {
    (0..exponent).fold(1.0, |power, _| power * 10.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::market::candle::check_values;

    const NATURES: [Nature; 3] = [
        Nature { price: 60_000.0, decimals: 2, turnover: 900_000.0 },
        Nature { price: 0.000_01, decimals: 8, turnover: 50_000.0 },
        Nature { price: 1.2, decimals: 4, turnover: 30_000.0 },
    ];

    #[test]
    fn makes_real_candles_that_stay_in_range() {
        for nature in NATURES {
            let mut walk = Walk::new(1, "TESTUSDT", nature, Interval::M1);
            let mut last_close = None;
            for _ in 0..100_000 {
                let values = walk.step();
                check_values(&values).unwrap();
                let [open, high, low, close, volume, quote, taker, trades] = values;
                assert!(last_close.is_none_or(|last: f64| last == open));
                assert!(low > nature.price / 6.0 && high < nature.price * 6.0, "{values:?}");
                assert!(taker <= volume && trades >= 1.0 && quote <= volume * high * 1.001 + 1.0, "{values:?}");
                last_close = Some(close);
            }
        }
    }

    #[test]
    fn gives_traders_something_to_find() {
        for nature in NATURES {
            let mut walk = Walk::new(7, "TESTUSDT", nature, Interval::M1);
            let minutes: Vec<Values> = (0..3 * 1440).map(|_| walk.step()).collect();
            let closes: Vec<f64> = minutes.iter().map(|values| values[3]).collect();
            let mean = |until: usize, n: usize| closes[until - n..until].iter().sum::<f64>() / n as f64;
            let golden = (202..closes.len())
                .filter(|end| mean(*end, 50) > mean(*end, 200) && mean(end - 1, 50) <= mean(end - 1, 200));
            assert!(golden.count() >= 5, "golden crosses of {nature:?}");
            let spikes = minutes.windows(21).filter(|window| {
                let usual = window[..20].iter().map(|values| values[4]).sum::<f64>() / 20.0;
                window[20][4] > 3.0 * usual
            });
            assert!(spikes.count() >= 10, "volume spikes of {nature:?}");
            let rsi_below_30 = closes.windows(15).filter(|window| {
                let moves: Vec<f64> = window.windows(2).map(|pair| pair[1] - pair[0]).collect();
                let up: f64 = moves.iter().filter(|m| **m > 0.0).sum();
                let all: f64 = moves.iter().map(|m| m.abs()).sum();
                up < 0.3 * all
            });
            assert!(rsi_below_30.count() >= 50, "oversold minutes of {nature:?}");
        }
    }
}
