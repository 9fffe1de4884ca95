//! The indicators against the definition computed the long way, on any values.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

/// Values of very different sizes, and some that are no usable number.
fn value() -> impl Strategy<Value = f64> {
    prop_oneof![
        6 => -1000.0..1000.0,
        1 => (0_u8..4).prop_map(f64::from),
        1 => -1e12..1e12,
        1 => prop_oneof![Just(f64::NAN), Just(f64::INFINITY), Just(f64::NEG_INFINITY), Just(f64::MAX)],
    ]
}

/// Each window of `period` usable values, at the end of which the indicator has been fed `n` of them.
fn windows(values: &[f64], period: usize) -> Vec<Vec<f64>> {
    let usable: Vec<f64> = values.iter().copied().filter(|&v| usable(v)).collect();
    usable.windows(period).map(<[f64]>::to_vec).collect()
}

/// What `next` returns for the usable values, without the `None`s; checks on the way that all others change nothing.
fn run<T: Copy + PartialEq + std::fmt::Debug>(values: &[f64], mut next: impl FnMut(f64) -> Option<T>) -> Vec<T> {
    let mut last = None;
    let mut found = Vec::new();
    for &value in values {
        let now = next(value);
        if usable(value) {
            found.extend(now);
            last = now;
        } else {
            assert_eq!(now, last);
        }
    }
    found
}

proptest! {
    #[test]
    fn sma_is_the_mean_of_the_window(values in vec(value(), 0..200), period in 1_usize..30) {
        let mut sma = Sma::new(period);
        let found = run(&values, |v| sma.next(v));
        let windows = windows(&values, period);
        prop_assert_eq!(found.len(), windows.len());
        for (found, window) in found.iter().zip(&windows) {
            let magnitude = window.iter().fold(1.0, |m: f64, v| m.max(v.abs()));
            let mean = window.iter().sum::<f64>() / period as f64;
            prop_assert!((found - mean).abs() <= 1e-13 * magnitude, "{found} is not {mean}");
        }
    }

    #[test]
    fn sma_depends_on_its_window_alone(values in vec(-1e9..1e9, 40..99), period in 1_usize..40, start in 0_usize..100) {
        let mut long = Sma::new(period);
        let long = values.iter().map(|&v| long.next(v)).last();
        let mut short = Sma::new(period);
        let start = start.min(values.len() - period);
        let short = values[start..].iter().map(|&v| short.next(v)).last();
        prop_assert_eq!(long, short);
    }

    #[test]
    fn highest_and_lowest_are_those_of_the_window(values in vec(value(), 0..200), period in 1_usize..70) {
        let (mut highest, mut lowest) = (Highest::new(period), Lowest::new(period));
        let found: Vec<(f64, f64)> = run(&values, |v| highest.next(v)).into_iter()
            .zip(run(&values, |v| lowest.next(v)))
            .collect();
        let expected: Vec<(f64, f64)> = windows(&values, period).iter()
            .map(|w| (w.iter().copied().fold(f64::MIN, f64::max), w.iter().copied().fold(f64::MAX, f64::min)))
            .collect();
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn oscillators_stay_in_range(values in vec(value(), 0..200), period in 1_usize..10) {
        let mut rsi = Rsi::new(period);
        for found in run(&values, |v| rsi.next(v)) {
            prop_assert!((0.0..=100.0).contains(&found));
        }
        let mut stoch_rsi = StochRsi::new(period, period, 3, 10);
        for found in run(&values, |v| stoch_rsi.next(v)) {
            prop_assert!((0.0..=100.0 + 1e-12).contains(&found.k) && (0.0..=100.0 + 1e-12).contains(&found.d));
        }
    }

    #[test]
    fn the_first_value_comes_after_warm_up(a in 1_usize..20, b in 1_usize..20, c in 1_usize..20, d in 1_usize..20) {
        let (mut sma, mut ema, mut rsi) = (Sma::new(a), Ema::new(a), Rsi::new(a));
        let (mut macd, mut stoch_rsi) = (Macd::new(a, a + b, c), StochRsi::new(a, b, c, d));
        for i in 0..100 {
            let close = (i * i % 17) as f64;
            prop_assert_eq!(sma.next(close).is_some(), i >= sma.warm_up());
            prop_assert_eq!(ema.next(close).is_some(), i >= ema.warm_up());
            prop_assert_eq!(rsi.next(close).is_some(), i >= rsi.warm_up());
            prop_assert_eq!(macd.next(close).is_some(), i >= macd.warm_up());
            prop_assert_eq!(stoch_rsi.next(close).is_some(), i >= stoch_rsi.warm_up());
        }
    }
}
