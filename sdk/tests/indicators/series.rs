//! The candles of `candles.bin` and what `expected.bin` says about them; the scripts beside it say how both are written.

use std::collections::BTreeMap;

use vyx_sdk::{Candle, Interval};

const CANDLES: &[u8] = include_bytes!("candles.bin");
const SERIES: &str = include_str!("candles.csv");
const EXPECTED: &[u8] = include_bytes!("expected.bin");
const COLUMNS: &str = include_str!("columns.csv");

pub struct Series {
    pub name: &'static str,
    pub candles: Vec<Candle>,
    pub expected: BTreeMap<&'static str, Expected>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    /// An error is a share of the value or of the close, whichever is larger.
    Price,
    /// An error is a share of the value, or absolute below 1.
    Ratio,
    Volume,
    /// Must be equal.
    Whole,
}

pub struct Expected {
    pub kind: Kind,
    /// Of TA-Lib, or `plain`.
    pub oracle: &'static str,
    /// The series on which TA-Lib is off itself, so that it is `plain` there.
    pub plain_on: &'static str,
    /// Index of the first value.
    pub first: usize,
    /// Some rows with their values.
    pub samples: Vec<(usize, f64)>,
    /// For each block of rows the sum of all values, each times its [`weight`].
    pub block: usize,
    pub blocks: Vec<f64>,
    /// Of whole numbers, instead.
    pub hash: u64,
    pub count: u64,
}

pub fn weight(row: usize) -> f64 {
    let weight = 1.0 + (row * 40503 % 65536) as f64 / 65536.0;
    if row.is_multiple_of(2) { weight } else { -weight }
}

fn lines(csv: &'static str) -> impl Iterator<Item = Vec<&'static str>> {
    csv.lines().skip(1).map(|line| line.split(',').collect())
}

struct Bytes(&'static [u8]);

impl Bytes {
    fn number(&mut self) -> i64 {
        let mut value = 0;
        let mut shift = 0;
        loop {
            let (byte, rest) = self.0.split_first().expect("a byte");
            self.0 = rest;
            value |= i64::from(byte & 127) << shift;
            shift += 7;
            if *byte < 128 {
                return value;
            }
        }
    }

    fn signed(&mut self) -> i64 {
        let value = self.number();
        if value % 2 == 0 { value / 2 } else { -(value + 1) / 2 }
    }

    fn eight(&mut self) -> [u8; 8] {
        let (bytes, rest) = self.0.split_first_chunk().expect("eight bytes");
        self.0 = rest;
        *bytes
    }

    fn float(&mut self) -> f64 {
        f64::from_le_bytes(self.eight())
    }

    fn hash(&mut self) -> u64 {
        u64::from_le_bytes(self.eight())
    }
}

fn candles(bytes: &mut Bytes, rows: usize, decimals: i32, volume_decimals: i32) -> Vec<Candle> {
    let (mut minute, mut close) = (0, 0);
    let price = |ticks: i64| ticks as f64 / 10f64.powi(decimals);
    (0..rows)
        .map(|_| {
            minute += bytes.signed();
            let open = close + bytes.signed();
            close = open + bytes.signed();
            let high = open.max(close) + bytes.number();
            let low = open.min(close) - bytes.number();
            Candle {
                interval: Interval::M1,
                open_time_ms: minute * 60_000,
                open: price(open),
                high: price(high),
                low: price(low),
                close: price(close),
                volume: bytes.number() as f64 / 10f64.powi(volume_decimals),
                quote_volume: f64::NAN,
                taker_volume: f64::NAN,
                trades: f64::NAN,
            }
        })
        .collect()
}

fn expected(bytes: &mut Bytes, rows: usize, kind: Kind, oracle: &'static str, plain_on: &'static str) -> Expected {
    let (stride, block) = if rows > 2000 { (97, 128) } else { (11, 32) };
    let (samples, blocks) = (Vec::new(), Vec::new());
    let mut found = Expected { kind, oracle, plain_on, first: 0, samples, block, blocks, hash: 0, count: 0 };
    if kind == Kind::Whole {
        (found.hash, found.count) = (bytes.hash(), bytes.hash());
        return found;
    }
    found.first = bytes.float() as usize;
    for row in found.first..rows {
        if row - found.first < 3 || row % stride == 0 {
            found.samples.push((row, bytes.float()));
        }
    }
    found.blocks = (0..rows.div_ceil(block)).map(|_| bytes.float()).collect();
    found
}

pub fn all() -> Vec<Series> {
    let (mut in_candles, mut in_expected) = (Bytes(CANDLES), Bytes(EXPECTED));
    let series = lines(SERIES)
        .map(|cells| {
            let rows = cells[1].parse().expect("a number of rows");
            let decimals = |at: usize| cells[at].parse::<i32>().expect("a number of decimals");
            let candles = candles(&mut in_candles, rows, decimals(2), decimals(3));
            let expected = lines(COLUMNS)
                .map(|column| {
                    let kind = match column[1] {
                        "price" => Kind::Price,
                        "ratio" => Kind::Ratio,
                        "volume" => Kind::Volume,
                        "whole" => Kind::Whole,
                        other => panic!("unknown kind {other}"),
                    };
                    (column[0], expected(&mut in_expected, rows, kind, column[2], column[3]))
                })
                .collect();
            Series { name: cells[0], candles, expected }
        })
        .collect();
    assert!(in_candles.0.is_empty() && in_expected.0.is_empty(), "the files do not fit to their lists");
    series
}
