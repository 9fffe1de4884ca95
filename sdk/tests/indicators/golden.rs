//! Every column against `expected.bin`.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::OnceLock;

use vyx_sdk::indicators::Pattern;

use crate::columns::{Found, computed};
use crate::series::{Expected, Kind, Series, all, weight};

/// The largest difference that counts as equal, as a share of what [`Kind`] says.
const TOLERANCE: f64 = 1e-9;

/// What an error of this row is a share of.
fn scale(kind: Kind, expected: f64, close: f64) -> f64 {
    expected.abs().max(match kind {
        Kind::Price => close,
        Kind::Ratio | Kind::Volume | Kind::Whole => 1.0,
    })
}

fn hash(values: &[i64]) -> u64 {
    values.iter().fold(0xCBF2_9CE4_8422_2325, |hash: u64, &value| {
        (hash ^ u64::from(value as u32)).wrapping_mul(0x0100_0000_01B3)
    })
}

/// All values of a column, where INDICATORS_FULL names the folder that has them.
fn full(series: &Series, column: &str) -> Option<Vec<[u8; 8]>> {
    let folder = std::env::var_os("INDICATORS_FULL")?;
    let bytes = std::fs::read(Path::new(&folder).join(format!("{}.{column}", series.name))).expect("the full column");
    Some(bytes.as_chunks().0.to_vec())
}

fn whole(series: &Series, column: &str, expected: &Expected, found: &[i64]) -> Result<f64, String> {
    for (row, bytes) in full(series, column).into_iter().flatten().enumerate() {
        let expected = i64::from_le_bytes(bytes);
        if found[row] != expected {
            return Err(format!("row {row}: {}, expected {expected}", found[row]));
        }
    }
    let count = found.iter().filter(|&&value| value != 0).count() as u64;
    if (hash(found), count) != (expected.hash, expected.count) {
        return Err(format!("{count} values other than 0, expected {}, or at other rows", expected.count));
    }
    Ok(0.0)
}

/// The largest difference, or what is wrong.
fn values(series: &Series, column: &str, expected: &Expected, found: &[Option<f64>]) -> Result<f64, String> {
    let close = |row: usize| series.candles[row].close;
    let first = found.iter().position(Option::is_some).unwrap_or(found.len());
    if first != expected.first {
        return Err(format!("first value at {first}, expected {}", expected.first));
    }
    if let Some(row) = (first..found.len()).find(|&row| !found[row].is_some_and(f64::is_finite)) {
        return Err(format!("row {row} is {:?}", found[row]));
    }
    let found: Vec<f64> = found.iter().map(|value| value.unwrap_or(0.0)).collect();
    let compare = |row: usize, expected_value: f64| {
        let difference = (found[row] - expected_value).abs() / scale(expected.kind, expected_value, close(row));
        if difference <= TOLERANCE {
            return Ok(difference);
        }
        Err(format!("row {row}: {}, expected {expected_value}, off by {difference:e}", found[row]))
    };
    let mut largest: f64 = 0.0;
    for &(row, value) in &expected.samples {
        largest = largest.max(compare(row, value)?);
    }
    for (row, bytes) in full(series, column).into_iter().flatten().enumerate().skip(first) {
        compare(row, f64::from_le_bytes(bytes))?;
    }
    for (block, expected_sum) in expected.blocks.iter().enumerate() {
        let rows = block * expected.block..((block + 1) * expected.block).min(found.len());
        let sum: f64 = rows.clone().map(|row| weight(row) * found[row]).sum();
        let scale = rows.clone().map(|row| scale(expected.kind, found[row], close(row))).fold(0.0, f64::max);
        let difference = (sum - expected_sum).abs() / scale;
        // The sum itself is rounded as often as it has rows.
        if difference > TOLERANCE {
            return Err(format!("the sum over rows {rows:?} is {sum}, expected {expected_sum}, off by {difference:e}"));
        }
    }
    Ok(largest)
}

/// The largest difference of each column over all series.
pub fn differences() -> &'static BTreeMap<&'static str, f64> {
    static FOUND: OnceLock<BTreeMap<&'static str, f64>> = OnceLock::new();
    FOUND.get_or_init(|| {
        let mut largest = BTreeMap::new();
        let mut wrong = Vec::new();
        for series in all() {
            let mut computed = computed(&series.candles);
            for (&column, expected) in &series.expected {
                let result = match computed.remove(column) {
                    Some(Found::Values(found)) => values(&series, column, expected, &found),
                    Some(Found::Whole(found)) => whole(&series, column, expected, &found),
                    None => Err("not computed".to_owned()),
                };
                match result {
                    Ok(difference) => {
                        let so_far: &mut f64 = largest.entry(column).or_default();
                        *so_far = so_far.max(difference);
                    }
                    Err(message) => wrong.push(format!("{column} on {} ({}): {message}", series.name, expected.oracle)),
                }
            }
            assert!(computed.is_empty(), "nothing is expected of {:?}", computed.keys());
        }
        assert!(wrong.is_empty(), "{} columns are wrong:\n{}", wrong.len(), wrong.join("\n"));
        largest
    })
}

#[test]
fn every_value_is_that_of_the_oracle() {
    assert!(differences().values().all(|difference| *difference <= TOLERANCE));
}

#[test]
fn one_wrong_value_among_all_is_seen() {
    let series = &all()[0];
    let expected = &series.expected["ema_20"];
    let Some(Found::Values(right)) = computed(&series.candles).remove("ema_20") else { panic!("not computed") };
    let sampled = |row: usize| expected.samples.iter().any(|sample| sample.0 == row);
    for row in (100..right.len()).step_by(4999).filter(|&row| !sampled(row)) {
        let mut wrong = right.clone();
        wrong[row] = wrong[row].map(|value| value * (1.0 + 2.0 * TOLERANCE));
        assert!(values(series, "ema_20", expected, &wrong).is_err(), "row {row}");
    }
    assert!(values(series, "ema_20", expected, &right).is_ok());
}

#[test]
fn every_pattern_is_there_to_be_found() {
    let series = all();
    for pattern in Pattern::ALL {
        let count: u64 = series.iter().map(|series| series.expected[pattern.talib_name()].count).sum();
        assert!(count >= 5, "{pattern:?}: {count}");
    }
}

#[test]
fn the_real_candles_are_many() {
    let real = all().into_iter().find(|series| series.name == "real").expect("a series of real candles");
    assert!(real.candles.len() > 45_000);
}
