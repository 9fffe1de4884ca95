//! What has to hold on any candles.

use proptest::collection::vec;
use proptest::prelude::*;
use vyx_sdk::indicators::*;
use vyx_sdk::{Candle, Interval};

use crate::every::every;

/// A candle of a scale that changes now and then, flat or silent at times.
fn candle() -> impl Strategy<Value = Candle> {
    let scale = prop_oneof![20 => Just(100.0), 1 => Just(1e-8), 1 => Just(1e12), 1 => Just(1e-300), 1 => Just(1e99)];
    let volume = prop_oneof![2 => Just(0.0), 6 => 0.0..1e6, 1 => Just(1e-320), 1 => Just(1e99)];
    let share = || prop_oneof![Just(0.5), 0.0..1.0];
    (scale, volume, share(), share(), prop_oneof![Just(0.0), 0.0..1.0], prop_oneof![Just(0.0), 0.0..1.0]).prop_map(
        |(scale, volume, open, close, above, below): (f64, f64, f64, f64, f64, f64)| {
            let (open, close) = (scale * (1.0 + open), scale * (1.0 + close));
            let high = open.max(close) + scale * above;
            let low = (open.min(close) - scale * below).max(scale * 0.01);
            of(open, high, low, close, volume)
        },
    )
}

/// One of ordinary prices.
fn ordinary() -> impl Strategy<Value = Candle> {
    (90.0..110.0, 90.0..110.0, 0.0..5.0, 0.0..5.0, prop_oneof![Just(0.0), 0.0..1e6]).prop_map(
        |(open, close, above, below, volume): (f64, f64, f64, f64, f64)| {
            of(open, open.max(close) + above, open.min(close) - below, close, volume)
        },
    )
}

fn of(open: f64, high: f64, low: f64, close: f64, volume: f64) -> Candle {
    let (open_time_ms, quote_volume, taker_volume, trades) = (1_735_689_600_000, f64::NAN, f64::NAN, f64::NAN);
    let interval = Interval::H6;
    Candle { interval, open_time_ms, open, high, low, close, volume, quote_volume, taker_volume, trades }
}

/// One after the other, six hours apart.
fn candles(each: impl Strategy<Value = Candle>, most: usize) -> impl Strategy<Value = Vec<Candle>> {
    vec(each, 1..most).prop_map(|mut candles| {
        for (at, candle) in candles.iter_mut().enumerate() {
            candle.open_time_ms += at as i64 * candle.interval.as_ms();
        }
        candles
    })
}

fn bits(value: &Option<Vec<f64>>) -> Option<Vec<u64>> {
    value.as_ref().map(|numbers| numbers.iter().map(|number| number.to_bits()).collect())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn all_values_are_numbers_and_the_first_comes_after_warm_up(candles in candles(candle(), 120), n in 1_usize..20) {
        for mut indicator in every(n) {
            for (at, candle) in candles.iter().enumerate() {
                let (now, name) = (indicator.next(candle), indicator.name());
                let numbers = now.iter().flatten().all(|number| number.is_finite());
                prop_assert!(numbers, "{} of {}, candle {}: {:?}", name, n, at, now);
                prop_assert!(now.is_none() || at >= indicator.warm_up(), "{} of {}, candle {}", name, n, at);
                prop_assert!(now.is_some() || at < indicator.warm_up() || indicator.is_event(), "{} of {}, candle {}", name, n, at);
                if let Some(value) = indicator.value() {
                    prop_assert_eq!(bits(&value), bits(&now), "{} of {}, candle {}", name, n, at);
                }
            }
        }
    }

    #[test]
    fn it_does_not_matter_how_candles_are_fed(candles in candles(ordinary(), 80), n in 1_usize..10, cut in 0_usize..80) {
        let unusable = |candle: &Candle| Candle { open: f64::NAN, high: f64::NAN, low: f64::NAN, close: f64::NAN, volume: f64::NAN, ..*candle };
        for mut indicator in every(n) {
            let mut other = indicator.copy();
            for (at, candle) in candles.iter().enumerate() {
                if at == cut {
                    other = other.copy();
                }
                let (now, of_other) = (indicator.next(candle), other.next(candle));
                prop_assert_eq!(bits(&now), bits(&of_other), "{} of {}, candle {}", indicator.name(), n, at);
                other.next(&unusable(candle));
            }
        }
    }

    #[test]
    fn oscillators_stay_in_range(candles in candles(candle(), 120), n in 1_usize..20) {
        let (mut stochastic, mut williams_r) = (Stochastic::new(n, 3, 3), WilliamsR::new(n));
        let (mut mfi, mut adx) = (Mfi::new(n), Adx::new(n));
        let within = |number: f64| (-1e-9..=100.0 + 1e-9).contains(&number);
        for candle in &candles {
            let stochastic = stochastic.next(candle);
            prop_assert!(stochastic.is_none_or(|now| within(now.k) && within(now.d)), "{:?}", stochastic);
            let williams_r = williams_r.next(candle);
            prop_assert!(williams_r.is_none_or(|now| within(-now)), "{:?}", williams_r);
            let mfi = mfi.next(candle);
            prop_assert!(mfi.is_none_or(within), "{:?}", mfi);
            let adx = adx.next(candle);
            prop_assert!(adx.is_none_or(|now| within(now.adx) && within(now.plus_di) && within(now.minus_di)), "{:?}", adx);
        }
    }

    #[test]
    fn windows_are_as_if_computed_anew(candles in candles(ordinary(), 120), n in 2_usize..30) {
        let closes: Vec<f64> = candles.iter().map(|candle| candle.close).collect();
        let near = |a: f64, b: f64| (a - b).abs() <= 1e-12 * 110.0;
        let (mut wma, mut deviation, mut line) = (Wma::new(n), StdDev::new(n), LinearRegression::new(n));
        let (mut bands, mut channels, mut fast) = (Bollinger::new(n, 2.0), Donchian::new(n), Stochastic::fast(n, 1));
        let mut mfi = Mfi::new(n);
        for at in 0..candles.len() {
            let candle = &candles[at];
            let (wma, deviation, line) = (wma.next(candle.close), deviation.next(candle.close), line.next(candle.close));
            let (bands, channels, fast) = (bands.next(candle.close), channels.next(candle), fast.next(candle));
            let mfi = mfi.next(candle);
            if at + 1 < n {
                continue;
            }
            let window = &closes[at + 1 - n..=at];
            let count = n as f64;
            let mean = window.iter().sum::<f64>() / count;
            let weights = count * (count + 1.0) / 2.0;
            let weighted = window.iter().zip(1..).map(|(v, weight)| v * f64::from(weight)).sum::<f64>() / weights;
            prop_assert!(near(wma.unwrap(), weighted));
            let variance = window.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / count;
            prop_assert!(near(deviation.unwrap(), variance.sqrt()));
            prop_assert!(near(bands.unwrap().middle, mean) && near(bands.unwrap().upper, mean + 2.0 * variance.sqrt()));
            let off = |at: usize| at as f64 - (count - 1.0) / 2.0;
            let covariance: f64 = window.iter().enumerate().map(|(at, v)| off(at) * (v - mean)).sum();
            let slope = covariance / (0..n).map(|at| off(at) * off(at)).sum::<f64>();
            let line = line.unwrap();
            prop_assert!(near(line.slope, slope) && near(line.value, mean + slope * off(n - 1)));
            prop_assert!(near(line.intercept, mean + slope * off(0)));
            let window = &candles[at + 1 - n..=at];
            let highest = window.iter().map(|candle| candle.high).fold(f64::MIN, f64::max);
            let lowest = window.iter().map(|candle| candle.low).fold(f64::MAX, f64::min);
            prop_assert_eq!((channels.unwrap().upper, channels.unwrap().lower), (highest, lowest));
            prop_assert!(near(fast.unwrap().k, 100.0 * (candle.close - lowest) / (highest - lowest)));
            if at < n {
                continue;
            }
            let (mut positive, mut all) = (0.0, 0.0);
            for pair in candles[at - n..=at].windows(2) {
                let price = |candle: &Candle| (candle.high + candle.low + candle.close) / 3.0;
                let flow = price(&pair[1]) * pair[1].volume;
                all += flow;
                positive += if price(&pair[1]) > price(&pair[0]) { flow } else { 0.0 };
            }
            let naive = if all > 0.0 { 100.0 * positive / all } else { 0.0 };
            prop_assert!(near(mfi.unwrap(), naive));
        }
    }

    #[test]
    fn windows_forget_what_has_left_them(before in candles(candle(), 60), after in candles(ordinary(), 60), n in 1_usize..10) {
        // The patterns look back 13 candles at most, and this many are enough for every window of these periods.
        const ENOUGH: usize = 45;
        let windows = ["Sma", "Wma", "Hma", "StdDev", "Bollinger", "LinearRegression", "Roc", "Momentum", "Highest", "Lowest",
            "VolumeAverage", "TrueRange", "Stochastic", "WilliamsR", "Cci", "Mfi", "Donchian", "Ichimoku", "SwingHigh", "SwingLow"];
        for mut with in every(n) {
            if !windows.contains(&with.name()) {
                continue;
            }
            let mut without = with.copy();
            for candle in &before {
                with.next(candle);
            }
            for (at, candle) in after.iter().enumerate() {
                let (a, b) = (with.next(candle), without.next(candle));
                if at < ENOUGH {
                    continue;
                }
                prop_assert_eq!(a.is_some(), b.is_some());
                for (a, b) in a.iter().flatten().zip(b.iter().flatten()) {
                    prop_assert!((a - b).abs() <= 1e-12 * b.abs().max(100.0), "{} of {}: {} and {}", with.name(), n, a, b);
                }
            }
        }
    }
}
