//! The truth: it is one, whichever way it is asked for.

use vyx_exchange::{Exchange, Kline, Listing, Setup};
use vyx_host::market::{Aggregator, CandleSource, Feed as _, Interval, ReplayFeed, Segment};

use crate::support::*;

const DAY_MS: i64 = 86_400_000;

#[test]
fn longer_candles_are_made_of_minutes() {
    let exchange = Exchange::start(Setup::new(&["BTCUSDT", "ETHUSDT", "XRPUSDT", "DOGEUSDT"], START_MS, 0.0));
    let from_ms = Interval::W1.open_of(START_MS - 30 * DAY_MS);
    for symbol in ["BTCUSDT", "DOGEUSDT"] {
        exchange.gap(symbol, from_ms + 61 * MINUTE_MS, from_ms + 75 * MINUTE_MS);
        exchange.gap(symbol, from_ms + DAY_MS, from_ms + DAY_MS + 2 * 3_600_000);
        let minutes = exchange.archive(symbol, Interval::M1, from_ms, from_ms + 14 * DAY_MS);
        assert_eq!(minutes.len(), 14 * 1_440 - 14 - 120);
        for interval in [Interval::M5, Interval::M15, Interval::H1, Interval::H4, Interval::D1, Interval::W1] {
            let mut aggregator = Aggregator::new(Interval::M1, interval).unwrap();
            let mut made = Vec::new();
            for (open_ms, values) in &minutes {
                aggregator.push(*open_ms, values, |bucket| made.push((bucket.open_time_ms, bucket.values)));
            }
            assert_eq!(exchange.archive(symbol, interval, from_ms, from_ms + 14 * DAY_MS), made, "{symbol} {interval}");
        }
    }
}

#[test]
fn the_same_seed_is_the_same_market() {
    let archive = |seed: u64, now_ms: i64| {
        let exchange = Exchange::start(Setup { seed, ..Setup::new(&["BTCUSDT"], now_ms, 0.0) });
        exchange.archive("BTCUSDT", Interval::M15, START_MS, START_MS + DAY_MS)
    };
    assert_eq!(archive(1, START_MS), archive(1, START_MS + 400 * DAY_MS), "whatever time it is");
    assert_ne!(archive(1, START_MS), archive(2, START_MS));
}

#[test]
fn files_are_those_that_a_replay_reads_and_that_a_market_can_be_made_of() {
    let exchange = Exchange::start(Setup::new(&["ETHUSDT"], START_MS + DAY_MS, 0.0));
    let dir = tempfile::tempdir().unwrap();
    let path = exchange.write_archive(dir.path(), "ETHUSDT", Interval::M1, START_MS, START_MS + DAY_MS);
    let source = CandleSource::from_path(&path).unwrap();
    assert_eq!((source.symbol.as_str(), source.interval), ("ETHUSDT", Interval::M1));
    let text = std::fs::read_to_string(&path).unwrap();
    assert_eq!(text.lines().count(), 1_440);
    assert!(text.lines().all(|line| line.split(',').count() == 12));

    let mut replay = ReplayFeed::new([source]).unwrap();
    replay.want(&[Interval::M1, Interval::H1]).unwrap();
    let mut segment = Segment::new();
    let mut read = [Vec::new(), Vec::new()];
    while replay.next(100, &mut segment).unwrap() {
        for batch in segment.closes().flat_map(|close| close.batches().collect::<Vec<_>>()) {
            let of = usize::from(batch.interval == Interval::H1);
            read[of].extend(batch.rows().map(|(_, values, _)| *values));
        }
    }
    for (read, interval) in read.iter().zip([Interval::M1, Interval::H1]) {
        let truth = exchange.archive("ETHUSDT", interval, START_MS, START_MS + DAY_MS);
        assert_eq!(*read, truth.into_iter().map(|(_, values)| values).collect::<Vec<_>>(), "{interval}");
    }

    let listing = Listing::from_csv("COPYUSDT", Interval::M1, &path).unwrap();
    let setup = Setup { listings: vec![listing], ..Setup::new(&[], START_MS + DAY_MS, 0.0) };
    let copy = Exchange::start(setup);
    for interval in [Interval::M1, Interval::M5, Interval::H1, Interval::D1] {
        let all = |exchange: &Exchange, symbol: &str| -> Vec<Kline> {
            exchange.archive_klines(symbol, interval, START_MS, START_MS + DAY_MS)
        };
        assert_eq!(all(&copy, "COPYUSDT"), all(&exchange, "ETHUSDT"));
    }
    let rows = klines(&copy, "symbol=COPYUSDT&interval=1h&startTime=0&limit=1000");
    assert_eq!(rows.len(), 24);
    assert_eq!(
        rows.iter().map(row_values).collect::<Vec<_>>(),
        copy.archive("COPYUSDT", Interval::H1, 0, START_MS + DAY_MS)
    );
}
