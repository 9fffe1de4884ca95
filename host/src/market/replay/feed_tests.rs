use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use proptest::prelude::*;

use super::*;
use crate::market::candle::Values;
use crate::market::segment::Gap;

const MINUTE_MS: i64 = 60_000;
/// 2025-01-01, a Wednesday.
const START_MS: i64 = 1_735_689_600_000;

/// One candle as a trader would see it, for comparing feeds.
#[derive(Clone, Debug, PartialEq)]
struct Told {
    close_ms: i64,
    gaps: Vec<Gap>,
    /// Interval, open time, symbol, bits of the values, missing.
    rows: Vec<(Interval, i64, u32, [u64; 8], u32)>,
}

fn told(feed: &mut ReplayFeed, mut chunk: impl FnMut() -> usize) -> Vec<Told> {
    let mut segment = Segment::new();
    let mut all = Vec::new();
    loop {
        let most = chunk();
        let more = feed.next(most, &mut segment).unwrap();
        assert!(segment.len() <= most.max(1));
        assert_eq!(more, !segment.is_empty());
        if !more {
            return all;
        }
        for close in segment.closes() {
            let rows = close.batches().flat_map(|batch| {
                assert_eq!(batch.close_time_ms, close.close_time_ms());
                batch.rows().map(move |(symbol, values, missing)| {
                    (batch.interval, batch.open_time_ms, symbol.0, values.map(f64::to_bits), missing)
                })
            });
            all.push(Told { close_ms: close.close_time_ms(), gaps: close.gaps().to_vec(), rows: rows.collect() });
        }
    }
}

fn write(dir: &Path, name: &str, candles: &[(i64, Values)]) -> CandleSource {
    let rows: String = candles
        .iter()
        .map(|(open_ms, [open, high, low, close, volume, ..])| {
            format!("{open_ms},{open},{high},{low},{close},{volume}\n")
        })
        .collect();
    let path = dir.join(name);
    std::fs::write(&path, rows).unwrap();
    CandleSource::from_path(&path).unwrap()
}

fn candle(open_ms: i64) -> (i64, Values) {
    let price = 100.0 + (open_ms / MINUTE_MS % 1009) as f64 / 8.0;
    (open_ms, [price, price + 2.0, price - 2.0, price + 1.0, 0.1, f64::NAN, f64::NAN, f64::NAN])
}

fn minutes(minutes: impl IntoIterator<Item = i64>) -> Vec<(i64, Values)> {
    minutes.into_iter().map(|minute| candle(START_MS + minute * MINUTE_MS)).collect()
}

#[test]
fn longer_intervals_come_first_and_gaps_before_their_candle() {
    let dir = tempfile::tempdir().unwrap();
    let sources = [
        write(dir.path(), "ETHUSDT-1m.csv", &minutes(0..10)),
        write(dir.path(), "BTCUSDT-1m.csv", &minutes([0, 1, 2, 3, 7, 8, 9, 10, 25])),
    ];
    let mut feed = ReplayFeed::new(sources).unwrap();
    assert!(matches!(feed.next(1, &mut Segment::new()), Err(FeedError::NothingWanted)));
    feed.want(&[Interval::M1, Interval::M5, Interval::M1]).unwrap();
    let lines: Vec<String> = told(&mut feed, || 3)
        .iter()
        .map(|close| {
            let minute = |ms: i64| (ms - START_MS) / MINUTE_MS;
            let rows = close.rows.iter().map(|(interval, open_ms, symbol, _, missing)| {
                format!(" {interval}@{}#{symbol}-{missing}", minute(*open_ms))
            });
            let gaps = close.gaps.iter().map(|gap| {
                format!(
                    " gap {} #{} {}..{}",
                    gap.interval,
                    gap.symbol.0,
                    minute(gap.from_open_ms),
                    minute(gap.until_open_ms)
                )
            });
            format!("{}:{}{}", minute(close.close_ms + 1), gaps.collect::<String>(), rows.collect::<String>())
        })
        .collect();
    // BTCUSDT is 0, by name. Its 5m candles at 0 and 5 lack one and two minutes, the one at 10 is followed by a hole and lacks
    // four; that at 25 is still forming at the end.
    insta::assert_snapshot!(lines.join("\n"), @r"
    1: 1m@0#0-0 1m@0#1-0
    2: 1m@1#0-0 1m@1#1-0
    3: 1m@2#0-0 1m@2#1-0
    4: 1m@3#0-0 1m@3#1-0
    5: 5m@0#0-1 5m@0#1-0 1m@4#1-0
    6: 1m@5#1-0
    7: 1m@6#1-0
    8: gap 1m #0 4..7 1m@7#0-0 1m@7#1-0
    9: 1m@8#0-0 1m@8#1-0
    10: 5m@5#0-2 5m@5#1-0 1m@9#0-0 1m@9#1-0
    11: 1m@10#0-0
    15: 5m@10#0-4
    26: gap 1m #0 11..25 1m@25#0-0
    ");
}

#[test]
fn native_candles_win_and_the_shortest_that_fits_is_the_base() {
    let dir = tempfile::tempdir().unwrap();
    let hour_ms = Interval::H1.as_ms();
    let hours: Vec<_> = (0..24).map(|hour| candle(START_MS + hour * hour_ms)).collect();
    let sources = [write(dir.path(), "BTCUSDT-1h.csv", &hours), write(dir.path(), "BTCUSDT-1m.csv", &minutes(0..600))];
    let mut feed = ReplayFeed::new(sources).unwrap();
    feed.want(&[Interval::H1, Interval::H4]).unwrap();
    let all = told(&mut feed, || 1000);
    let count = |interval| all.iter().flat_map(|close| &close.rows).filter(|row| row.0 == interval).count();
    assert_eq!((count(Interval::H1), count(Interval::H4)), (24, 2));
    assert_eq!(
        feed.streams().map(|(_, interval, .., candles)| (interval, candles)).collect::<Vec<_>>(),
        [(Interval::M1, 600), (Interval::H1, 24)]
    );
}

#[test]
fn an_interval_that_cannot_be_made_is_refused_and_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let sources =
        [write(dir.path(), "BTCUSDT-1m.csv", &minutes(0..3)), write(dir.path(), "ETHUSDT-2h.csv", &[candle(START_MS)])];
    let mut feed = ReplayFeed::new(sources).unwrap();
    insta::assert_snapshot!(feed.want(&[Interval::H4, Interval::M15]).unwrap_err(), @"no 15m candles of ETHUSDT: they cannot be made from its 2h candles; give it 15m candles, or shorter ones that fill 15m evenly");
    assert!(matches!(feed.next(1, &mut Segment::new()), Err(FeedError::NothingWanted)));
}

#[test]
fn overlapping_files_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let sources =
        [write(dir.path(), "BTCUSDT-1m-b.csv", &minutes(5..9)), write(dir.path(), "BTCUSDT-1m-a.csv", &minutes(0..6))];
    let message = ReplayFeed::new(sources).unwrap_err().to_string().replace(&format!("{}/", dir.path().display()), "");
    insta::assert_snapshot!(message, @"BTCUSDT-1m-a.csv and BTCUSDT-1m-b.csv both hold 1m candles of BTCUSDT at 1735689900000; give files that do not overlap");
    insta::assert_snapshot!(ReplayFeed::new(Vec::<CandleSource>::new()).unwrap_err(), @"no candle file was given; name at least one, such as BTCUSDT-1m-2025-01.csv");
}

/// Minutes of each symbol.
fn markets() -> impl Strategy<Value = Vec<BTreeSet<i64>>> {
    let market = (0..40_i64, prop::collection::vec(prop_oneof![8 => Just(1_i64), 1 => 2..40_i64], 1..80));
    let market = market.prop_map(|(start, steps)| {
        steps
            .iter()
            .scan(start, |minute, step| {
                *minute += step;
                Some(*minute)
            })
            .collect()
    });
    prop::collection::vec(market, 1..4)
}

/// Close time, gaps, and interval, open time, symbol and missing candles of each row.
type Shape = (i64, Vec<Gap>, Vec<(Interval, i64, u32, u32)>);

/// What a feed must tell, found the slow way.
fn oracle(markets: &[BTreeSet<i64>], intervals: &BTreeSet<Interval>) -> Vec<Shape> {
    let mut closes = BTreeMap::<i64, (Vec<Gap>, Vec<(Interval, i64, u32, u32)>)>::new();
    for interval in intervals.iter().rev() {
        let length = interval.as_ms() / MINUTE_MS;
        for (symbol, market) in (0..).zip(markets) {
            let (first, last) = (market.first().unwrap(), market.last().unwrap());
            let mut previous = None;
            for bucket in (0..=last / length).map(|bucket| bucket * length) {
                let inside = market.range(bucket..bucket + length).count() as i64;
                if inside == 0 || bucket < *first || last + 1 < bucket + length {
                    continue;
                }
                let (gaps, rows) = closes.entry(bucket + length).or_default();
                let at = |minute| START_MS + minute * MINUTE_MS;
                if let Some(previous) = previous.filter(|previous| previous + length != bucket) {
                    gaps.push(Gap {
                        symbol: SymbolId(symbol),
                        interval: *interval,
                        from_open_ms: at(previous + length),
                        until_open_ms: at(bucket),
                    });
                }
                rows.push((*interval, at(bucket), symbol, (length - inside) as u32));
                previous = Some(bucket);
            }
        }
    }
    closes.into_iter().map(|(minute, (gaps, rows))| (START_MS + minute * MINUTE_MS - 1, gaps, rows)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn the_order_is_canonical_however_files_and_calls_are_split(
        markets in markets(),
        intervals in prop::collection::btree_set(prop::sample::select(vec![Interval::M1, Interval::M3, Interval::M5, Interval::M15]), 1..4),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
        chunks in prop::collection::vec(1..9_usize, 1..5),
        late in any::<prop::sample::Index>(),
        order in any::<u64>(),
    ) {
        let names = ["BTCUSDT", "ETHUSDT", "XRPUSDT"];
        let wanted: Vec<Interval> = intervals.iter().copied().collect();
        let whole_dir = tempfile::tempdir().unwrap();
        let whole: Vec<_> = markets.iter().zip(names).map(|(market, name)| {
            write(whole_dir.path(), &format!("{name}-1m.csv"), &minutes(market.iter().copied()))
        }).collect();
        let mut feed = ReplayFeed::new(whole.clone()).unwrap();
        feed.want(&wanted).unwrap();
        let at_once = told(&mut feed, || usize::MAX);
        let shape: Vec<_> = at_once.iter().map(|close| {
            (close.close_ms, close.gaps.clone(), close.rows.iter().map(|(interval, open_ms, symbol, _, missing)| (*interval, *open_ms, *symbol, *missing)).collect::<Vec<_>>())
        }).collect();
        prop_assert_eq!(&shape, &oracle(&markets, &intervals));

        // The same candles cut into files, given in another order, and read in small steps.
        let split_dir = tempfile::tempdir().unwrap();
        let mut split = Vec::new();
        for (market, name) in markets.iter().zip(names) {
            let all = minutes(market.iter().copied());
            let mut places: BTreeSet<usize> = cuts.iter().map(|cut| cut.index(all.len())).collect();
            places.remove(&0);
            let mut from = 0;
            for to in places.into_iter().chain([all.len()]) {
                split.push(write(split_dir.path(), &format!("{name}-1m-{from}.csv"), &all[from..to]));
                from = to;
            }
        }
        split.sort_by_key(|source| (source.path.to_string_lossy().len() as u64).wrapping_mul(order) ^ order.rotate_left(source.interval as u32 + source.symbol.len() as u32));
        if order % 2 == 0 {
            split.reverse();
        }
        let mut feed = ReplayFeed::new(split).unwrap();
        feed.want(&wanted).unwrap();
        let mut sizes = chunks.iter().copied().cycle();
        prop_assert_eq!(&told(&mut feed, || sizes.next().unwrap()), &at_once);

        // The same feed once more, by itself and with another one's intervals, and in parts that end at any time.
        prop_assert_eq!(&told(&mut feed.restarted(), || 7), &at_once);
        let mut again = feed.again();
        again.want(&wanted).unwrap();
        let mut parts = Vec::new();
        for minute in [3, 7, 8, 100, i64::MAX / MINUTE_MS - START_MS / MINUTE_MS] {
            let until_ms = START_MS + minute * MINUTE_MS - 1;
            again.until(until_ms);
            let part = told(&mut again, || 5);
            prop_assert!(part.iter().all(|close| close.close_ms <= until_ms));
            parts.extend(part);
        }
        prop_assert_eq!(&parts, &at_once);
        prop_assert_eq!((feed.next_close_ms(), again.next_close_ms()), (None, None));

        // An interval that is asked for late is told as if it had been there, from then on.
        let late = wanted[late.index(wanted.len())];
        let mut feed = ReplayFeed::new(whole).unwrap();
        let early: Vec<Interval> = wanted.iter().copied().filter(|interval| *interval != late).collect();
        if !early.is_empty() {
            feed.want(&early).unwrap();
            let mut segment = Segment::new();
            feed.next(4, &mut segment).unwrap();
            let from_ms = segment.last_close_ms().unwrap_or(i64::MIN);
            feed.want(&[late]).unwrap();
            let rest: Vec<Told> = at_once.iter().filter(|close| close.close_ms > from_ms).cloned().collect();
            prop_assert_eq!(told(&mut feed, || 5), rest);
        }
    }
}
