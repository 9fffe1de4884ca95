//! The candles of the templates of `vyx new`: made by the synthetic market, and written down for good.
//!
//! After a change of that market: `UPDATE_TEMPLATES=1 cargo xtask test templates`, and look at what the templates then signal.

use std::path::PathBuf;

use vyx_host::market::{Feed as _, Interval, Segment, SyntheticFeed};

/// Two days and two hours: the warm-up of the templates and as much again.
const CANDLES: u64 = 600;

fn folder() -> PathBuf {
    crate::new::root().join("host/src/cli/new/templates/common")
}

/// Name and content of each file.
fn fixtures() -> Vec<(String, String)> {
    let minutes = CANDLES * 5;
    let mut feed = SyntheticFeed::new(5, 2, SyntheticFeed::FIRST_LIVE_MS, Some(minutes)).unwrap();
    feed.want(&[Interval::M5]).unwrap();
    let mut files: Vec<(String, String)> = feed
        .symbols()
        .iter()
        .map(|(_, name)| (format!("{name}-5m.csv"), "open_time,open,high,low,close,volume\n".to_owned()))
        .collect();
    let mut segment = Segment::new();
    while feed.next(1_000, &mut segment).unwrap() {
        for batch in segment.closes().flat_map(|close| close.batches()) {
            for (symbol, [open, high, low, close, volume, ..], _) in batch.rows() {
                let row = format!("{},{open},{high},{low},{close},{volume}\n", batch.open_time_ms);
                files[symbol.index()].1.push_str(&row);
            }
        }
    }
    files
}

#[test]
fn candles_of_templates_are_those_of_the_synthetic_market() {
    for (name, text) in fixtures() {
        let path = folder().join(&name);
        if std::env::var_os("UPDATE_TEMPLATES").is_some() {
            std::fs::write(&path, &text).unwrap();
        }
        assert_eq!(text.lines().count() as u64, CANDLES + 1);
        assert!(std::fs::read_to_string(&path).unwrap() == text, "{name} differs, see the top of this file");
    }
}
