//! The candles of the cookbook: two symbols of the synthetic market, three and a half days of them.

use std::collections::BTreeMap;

use vyx_host::market::{Feed as _, Interval, Segment, SyntheticFeed};

pub const CANDLES: u64 = 1_000;
/// A market with something for each of the traders.
const SEED: u64 = 11;

/// CSV texts by symbol and interval.
pub type Files = BTreeMap<(String, &'static str), String>;

pub fn files() -> Files {
    let mut feed = SyntheticFeed::new(SEED, 2, SyntheticFeed::FIRST_LIVE_MS, Some(CANDLES * 5)).unwrap();
    feed.want(&[Interval::M5, Interval::H1]).unwrap();
    let names: Vec<String> = feed.symbols().iter().map(|(_, name)| name.to_owned()).collect();
    let mut files = Files::new();
    let mut segment = Segment::new();
    while feed.next(1_000, &mut segment).unwrap() {
        for batch in segment.closes().flat_map(|close| close.batches()) {
            for (symbol, [open, high, low, close, volume, ..], _) in batch.rows() {
                let file = files.entry((names[symbol.index()].clone(), batch.interval.as_str())).or_default();
                file.push_str(&format!("{},{open},{high},{low},{close},{volume}\n", batch.open_time_ms));
            }
        }
    }
    files
}
