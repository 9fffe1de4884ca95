//! The indicators against TA-Lib: every value of `golden/expected.csv` at 1e-9, and none before or after.
//!
//! The files are made by `golden/make.py`, which says how to run it.

use vyx_sdk::indicators::{Ema, Highest, Lowest, Macd, Rsi, Sma, StochRsi, VolumeAverage};

const CANDLES: &str = include_str!("golden/candles.csv");
const EXPECTED: &str = include_str!("golden/expected.csv");

/// The largest `|a - b| / max(1, |b|)` that counts as equal.
const TOLERANCE: f64 = 1e-9;

/// One column by its name; an empty cell is `None`.
fn column(csv: &str, name: &str) -> Vec<Option<f64>> {
    let mut lines = csv.lines();
    let header = lines.next().expect("a header");
    let at = header.split(',').position(|cell| cell == name).unwrap_or_else(|| panic!("no column {name}"));
    lines
        .map(|line| line.split(',').nth(at).expect("a cell"))
        .map(|cell| (!cell.is_empty()).then(|| cell.parse().expect("a number")))
        .collect()
}

fn input(name: &str) -> Vec<f64> {
    column(CANDLES, name).into_iter().map(|cell| cell.expect("candles have no empty cells")).collect()
}

fn difference(found: f64, expected: f64) -> f64 {
    (found - expected).abs() / expected.abs().max(1.0)
}

/// Compares a whole series with a column, and its first index with `first`.
fn check(name: &str, first: usize, found: impl IntoIterator<Item = Option<f64>>) {
    let found: Vec<_> = found.into_iter().collect();
    let expected = column(EXPECTED, name);
    assert_eq!(found.len(), expected.len(), "{name}: rows");
    assert_eq!(found.iter().position(Option::is_some), Some(first), "{name}: index of the first value");
    for (row, (found, expected)) in found.iter().zip(&expected).enumerate() {
        match (found, expected) {
            (None, None) => {}
            (Some(found), Some(expected)) => {
                let difference = difference(*found, *expected);
                assert!(
                    difference <= TOLERANCE,
                    "{name}: row {row}: {found}, TA-Lib {expected}, off by {difference:e}"
                );
            }
            _ => panic!("{name}: row {row}: {found:?}, TA-Lib {expected:?}"),
        }
    }
}

#[test]
fn sma() {
    for period in [3, 20] {
        let mut sma = Sma::new(period);
        check(&format!("sma_{period}"), period - 1, input("close").into_iter().map(|close| sma.next(close)));
    }
}

#[test]
fn ema() {
    let mut ema = Ema::new(20);
    check("ema_20", 19, input("close").into_iter().map(|close| ema.next(close)));
}

#[test]
fn rsi() {
    // In the first flat stretch the averages of period 2 fall below 1e-14, which older TA-Lib versions call zero.
    for period in [2, 14] {
        let mut rsi = Rsi::new(period);
        check(&format!("rsi_{period}"), period, input("close").into_iter().map(|close| rsi.next(close)));
    }
}

#[test]
fn stoch_rsi() {
    for (k, name, first) in [(1, "stochrsi_1_3", 29), (3, "stochrsi_3_3", 31)] {
        let mut stoch_rsi = StochRsi::new(14, 14, k, 3);
        let found: Vec<_> = input("close").into_iter().map(|close| stoch_rsi.next(close)).collect();
        check(&format!("{name}_k"), first, found.iter().map(|value| value.map(|value| value.k)));
        check(&format!("{name}_d"), first, found.iter().map(|value| value.map(|value| value.d)));
    }
}

#[test]
fn macd() {
    let mut macd = Macd::new(12, 26, 9);
    let found: Vec<_> = input("close").into_iter().map(|close| macd.next(close)).collect();
    check("macd", 33, found.iter().map(|value| value.map(|value| value.macd)));
    check("macd_signal", 33, found.iter().map(|value| value.map(|value| value.signal)));
    check("macd_histogram", 33, found.iter().map(|value| value.map(|value| value.histogram)));
}

#[test]
fn volume_average() {
    let mut average = VolumeAverage::new(20);
    check("volume_average_20", 19, input("volume").into_iter().map(|volume| average.next(volume)));
}

#[test]
fn highest_and_lowest() {
    let (mut highest, mut lowest) = (Highest::new(20), Lowest::new(20));
    check("highest_20", 19, input("high").into_iter().map(|high| highest.next(high)));
    check("lowest_20", 19, input("low").into_iter().map(|low| lowest.next(low)));
}
