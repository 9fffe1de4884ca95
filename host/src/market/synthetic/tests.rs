use super::*;

/// 2025-01-01, a Wednesday.
const START_MS: i64 = 1_735_689_600_000;

/// Interval, open time, symbol, values, missing.
type Row = (Interval, i64, u32, Values, u32);

/// Every value of a feed's rest, and a hash of them.
fn drain(feed: &mut SyntheticFeed, chunk: usize) -> (Vec<Row>, u64) {
    let mut segment = Segment::new();
    let mut rows = Vec::new();
    let mut hash = 0_u64;
    while feed.next(chunk, &mut segment).unwrap() {
        for close in segment.closes() {
            assert!(close.gaps().is_empty());
            for batch in close.batches() {
                for (symbol, values, missing) in batch.rows() {
                    rows.push((batch.interval, batch.open_time_ms, symbol.0, *values, missing));
                    for value in values {
                        hash = (hash ^ value.to_bits()).wrapping_mul(0x0000_0100_0000_01b3).rotate_left(23);
                    }
                }
            }
        }
    }
    assert!(segment.is_empty());
    (rows, hash)
}

#[test]
fn the_same_on_every_machine() {
    let mut feed = SyntheticFeed::new(42, 44, START_MS, Some(3000)).unwrap();
    feed.want(&[Interval::M1, Interval::H1]).unwrap();
    let (rows, hash) = drain(&mut feed, 100);
    assert_eq!(rows.len(), 44 * (3000 + 50));
    // If this changes, so does every demonstration and every golden file that was made with this market.
    assert_eq!(hash, 0xe0a7_b172_28d9_713b, "{hash:#x}");
}

#[test]
fn a_symbol_does_not_depend_on_the_others_and_a_seed_changes_it() {
    let rows = |seed, symbols| {
        let mut feed = SyntheticFeed::new(seed, symbols, START_MS, Some(50)).unwrap();
        feed.want(&[Interval::M1]).unwrap();
        drain(&mut feed, 7).0.into_iter().filter(|row| row.2 == 0).map(|row| row.3).collect::<Vec<_>>()
    };
    assert_eq!(rows(1, 1), rows(1, 60));
    assert_ne!(rows(1, 1), rows(2, 1));
}

#[test]
fn what_is_asked_for_late_is_what_it_would_have_been() {
    let intervals = [Interval::M5, Interval::H4, Interval::D1, Interval::D3, Interval::W1];
    let minutes = 15 * 1440 + 77;
    let start_ms = START_MS + 3 * 60_000;
    let mut early = SyntheticFeed::new(3, 2, start_ms, Some(minutes)).unwrap();
    early.want(&[Interval::M1]).unwrap();
    early.want(&intervals).unwrap();
    let (all, _) = drain(&mut early, 1000);
    assert!(all.iter().any(|row| row.0 == Interval::W1) && all.iter().all(|row| row.4 == 0));

    let mut late = SyntheticFeed::new(3, 2, start_ms, Some(minutes)).unwrap();
    late.want(&[Interval::M1]).unwrap();
    let mut segment = Segment::new();
    late.next(4 * 1440 + 601, &mut segment).unwrap();
    let from_ms = segment.last_close_ms().unwrap();
    late.want(&intervals).unwrap();
    let rest: Vec<_> = all.into_iter().filter(|row| row.0.close_of(row.1) > from_ms).collect();
    assert_eq!(drain(&mut late, 33).0, rest);
}

#[test]
fn only_what_is_wanted_is_told() {
    let mut feed = SyntheticFeed::new(3, 3, START_MS, Some(61)).unwrap();
    let mut segment = Segment::new();
    assert!(matches!(feed.next(1, &mut segment), Err(FeedError::NothingWanted)));
    feed.want(&[Interval::M15]).unwrap();
    assert!(feed.next(3, &mut segment).unwrap());
    assert_eq!((segment.len(), segment.candles()), (3, 9));
    assert!(feed.next(3, &mut segment).unwrap());
    assert_eq!(segment.len(), 1);
    assert!(!feed.next(3, &mut segment).unwrap());
}

#[test]
fn names_are_distinct_and_setups_are_checked() {
    let feed = SyntheticFeed::new(1, 500, START_MS, None).unwrap();
    assert_eq!(feed.symbols().len(), 500);
    assert_eq!(feed.symbols().name(SymbolId(0)), Some("BTCUSDT"));
    let message = |symbols, start_ms| SyntheticFeed::new(1, symbols, start_ms, None).unwrap_err().to_string();
    assert_eq!(message(0, START_MS), "0 synthetic symbols; ask for 1 to 5000");
    assert_eq!(
        message(1, START_MS + 1),
        "a synthetic market cannot start at 1735689600001; give a whole minute between 1970 and 2100 in milliseconds, such \
         as 1735689600000"
    );
    assert!(message(1, -60_000).ends_with("such as 0"));
    assert!(message(1, i64::MAX).contains("between 1970 and 2100"));
}
