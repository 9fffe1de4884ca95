use proptest::prelude::*;

use super::*;
use crate::market::{CANDLE_BYTES, Column, Ticker, Values};

const BTC: SymbolId = SymbolId(0);

/// One close of one interval for each open time, all symbols in each.
fn segment(interval: Interval, symbols: u32, opens: &[i64], value: impl Fn(u32, i64) -> Values) -> Segment {
    let mut segment = Segment::new();
    let mut builder = segment.builder();
    for open_ms in opens {
        builder.batch(interval, *open_ms).unwrap();
        for symbol in 0..symbols {
            builder.row(SymbolId(symbol), &value(symbol, *open_ms), 0).unwrap();
        }
    }
    builder.finish().unwrap();
    segment
}

fn values(price: f64, quote_volume: f64) -> Values {
    [price, price + 1.0, price - 0.5, price + 0.5, 1.0, quote_volume, f64::NAN, 3.0]
}

/// Every candle ever seen of one stream, looked through from the start for each answer.
struct Naive(Vec<(i64, Values)>);

impl Naive {
    fn ticker_at(&self, interval: Interval, close_ms: i64) -> Option<(f64, f64)> {
        if interval > Interval::D1 {
            return None;
        }
        let end_ms = interval.open_of(close_ms + 1);
        let mut window = Vec::new();
        let mut open_ms = end_ms - 24 * 60 * 60_000;
        while open_ms < end_ms {
            window.push(self.0.iter().find(|(at, _)| *at == open_ms)?.1);
            open_ms += interval.as_ms();
        }
        let (first, last) = (window[0], window[window.len() - 1]);
        let mut sum = 0.0;
        for values in &window {
            sum += values[5];
        }
        Some(((last[3] - first[0]) / first[0] * 100.0, sum))
    }
}

#[test]
fn keeps_what_was_required_and_the_last_day() {
    let mut history = History::new();
    history.require(Interval::H1, 5);
    history.require(Interval::H1, 3);
    let hour_ms = Interval::H1.as_ms();
    for chunk in (0..5000_i64).collect::<Vec<_>>().chunks(7) {
        let opens: Vec<i64> = chunk.iter().map(|hour| hour * hour_ms).collect();
        history.append(&segment(Interval::H1, 2, &opens, |symbol, open_ms| {
            values((open_ms / hour_ms + 1 + i64::from(symbol)) as f64, 1.0)
        }));
        history.trim();
    }
    let stream = history.stream(BTC, Interval::H1).unwrap();
    assert!((24..=History::most(Interval::H1, 5) + 7).contains(&stream.len()), "{}", stream.len());
    assert_eq!(stream.open_times().last(), Some(&(4999 * hour_ms)));
    assert_eq!(stream.column(Column::Open).last(), Some(&5000.0));
    assert_eq!(stream.column(Column::Trades).len(), stream.len());
    assert!(history.stream(SymbolId(2), Interval::H1).is_none());
    assert!(history.stream(BTC, Interval::M1).is_none(), "nobody required it");
    let ticker = stream.ticker_at(5000 * hour_ms - 1).unwrap();
    assert_eq!(ticker, Ticker { change_percent: (5000.5 - 4977.0) / 4977.0 * 100.0, quote_volume: 24.0 });
}

#[test]
fn candles_told_again_change_nothing() {
    let mut history = History::new();
    history.require(Interval::M1, 1);
    history.append(&segment(Interval::M1, 1, &[0, 60_000], |_, _| values(1.0, 1.0)));
    history.append(&segment(Interval::M1, 1, &[60_000, 120_000], |_, _| values(2.0, 1.0)));
    let stream = history.stream(BTC, Interval::M1).unwrap();
    assert_eq!(stream.open_times(), [0, 60_000, 120_000]);
    assert_eq!(stream.column(Column::Open), [1.0, 1.0, 2.0]);
}

/// Open times in a segment of history.
fn history_segment(opens: &[i64], filled: Option<u32>) -> Segment {
    let mut told = segment(Interval::M1, 1, opens, |_, open_ms| values(open_ms as f64, 1.0));
    let closes: Vec<(i64, Values)> = told
        .closes()
        .flat_map(|close| close.batches())
        .map(|batch| (batch.open_time_ms, *batch.rows().next().unwrap().1))
        .collect();
    let mut builder = told.builder();
    builder.telling(Telling::History);
    for (open_ms, values) in closes {
        builder.batch(Interval::M1, open_ms).unwrap();
        builder.row(BTC, &values, 0).unwrap();
    }
    filled.into_iter().for_each(|candles| builder.filled(Interval::M1, candles));
    builder.finish().unwrap();
    told
}

#[test]
fn history_comes_before_what_is_there_and_changes_nothing_of_it() {
    let minute = |minutes: &[i64]| minutes.iter().map(|minute| minute * 60_000).collect::<Vec<i64>>();
    let mut history = History::new();
    history.append(&history_segment(&minute(&[10, 11]), None));
    history.require(Interval::M1, 5);
    history.append(&segment(Interval::M1, 1, &minute(&[14]), |_, _| values(7.0, 1.0)));
    assert_eq!(history.filled(Interval::M1), 0);
    // Nine comes before, twelve between, and fourteen is there.
    history.append(&history_segment(&minute(&[8, 9, 12, 14]), Some(5)));
    let stream = history.stream(BTC, Interval::M1).unwrap();
    assert_eq!(stream.open_times(), minute(&[8, 9, 10, 11, 12, 14]));
    assert_eq!(stream.column(Column::Open), [480_000.0, 540_000.0, 600_000.0, 660_000.0, 720_000.0, 7.0]);
    assert_eq!(history.filled(Interval::M1), 5);
}

#[test]
fn how_a_candle_came_is_kept_with_it() {
    let mut history = History::new();
    history.require(Interval::M1, 1);
    let mut told = Segment::new();
    for (telling, open_ms, missing, backfilled) in
        [(Telling::Live, 0, 3, false), (Telling::Late, 60_000, 0, true), (Telling::Live, 120_000, u32::MAX, true)]
    {
        let mut builder = told.builder();
        builder.telling(telling);
        builder.batch(Interval::M1, open_ms).unwrap();
        builder.row_from(BTC, &values(1.0, 1.0), missing, backfilled).unwrap();
        builder.finish().unwrap();
        history.append(&told);
    }
    let stream = history.stream(BTC, Interval::M1).unwrap();
    let came = |index| (stream.came(index).missing, stream.came(index).late, stream.came(index).backfilled);
    assert_eq!([0, 1].map(came), [(3, false, false), (0, true, true)]);
    assert!(stream.came(2).missing > 1_000_000 && stream.came(2).backfilled && !stream.came(2).late);
    assert_eq!(stream.came_at(119_999), Some(stream.came(1)));
    assert_eq!(stream.came_at(119_998), None);
}

/// What is filled in stays until it is known who needs it; what nobody needs goes, memory and all.
#[test]
fn history_is_as_long_as_somebody_needs_it() {
    let opens: Vec<i64> = (0..5_000).map(|minute| minute * 60_000).collect();
    let mut history = History::new();
    for part in opens.chunks(1_000) {
        history.append(&history_segment(part, None));
        history.trim();
    }
    history.append(&history_segment(&[], Some(5_000)));
    assert_eq!(history.size().candles, 5_000);
    let needs = |candles| BTreeMap::from([(Interval::M1, candles)]);
    history.keep_only(&needs(5_000));
    history.trim();
    assert_eq!((history.size().candles, history.filled(Interval::M1)), (5_000, 5_000));
    history.keep_only(&needs(100));
    history.trim();
    // A day is needed for the 24 h figures.
    assert_eq!((history.size().candles, history.filled(Interval::M1)), (1_440, 1_440));
    assert!(history.size().bytes <= History::most(Interval::M1, 100) * CANDLE_BYTES, "{:?}", history.size());
    history.keep_only(&BTreeMap::new());
    history.trim();
    assert_eq!((history.size(), history.filled(Interval::M1)), (HistorySize::default(), 0));
}

/// The formula that ARCHITECTURE.md states.
#[test]
fn memory_is_what_the_formula_says() {
    const SYMBOLS: u32 = 100;
    let (needed, closes) = (1_000, 9_000_i64);
    let mut history = History::new();
    history.require(Interval::M5, needed);
    let most = SYMBOLS as usize * History::most(Interval::M5, needed);
    for close in 0..closes {
        history.append(&segment(Interval::M5, SYMBOLS, &[close * 300_000], |_, _| values(1.0, 1.0)));
        history.trim();
        let size = history.size();
        // One more candle for a moment, when it comes in.
        assert!(size.candles <= most && size.bytes <= (most + SYMBOLS as usize) * CANDLE_BYTES, "{size:?}");
    }
    let size = history.size();
    assert!(size.bytes >= size.candles * CANDLE_BYTES && size.candles >= SYMBOLS as usize * needed, "{size:?}");
    assert_eq!(
        (CANDLE_BYTES, History::most(Interval::M5, needed), History::most(Interval::M1, needed)),
        (76, 2_024, 2_880)
    );
    let served = [Interval::M1, Interval::M5, Interval::M15, Interval::H1, Interval::H4, Interval::D1];
    let megabytes = |candles: fn(Interval, usize) -> usize| {
        served.map(|interval| candles(interval, needed)).iter().sum::<usize>() * SYMBOLS as usize * CANDLE_BYTES
            / 1_000_000
    };
    assert_eq!((megabytes(History::least), megabytes(History::most)), (48, 98), "rounded down");
    history.forget(SymbolId(7));
    assert_eq!(history.size().streams, SYMBOLS as usize - 1);
}

#[test]
fn a_day_candle_is_its_own_ticker_and_longer_ones_have_none() {
    for (interval, known) in [(Interval::D1, true), (Interval::D3, false), (Interval::W1, false)] {
        let mut history = History::new();
        history.require(interval, 1);
        let open_ms = interval.open_of(1_735_689_600_000);
        history.append(&segment(interval, 1, &[open_ms], |_, _| values(100.0, f64::NAN)));
        let ticker = history.stream(BTC, interval).unwrap().ticker_at(interval.close_of(open_ms));
        assert_eq!(ticker.is_some(), known);
        assert!(ticker.is_none_or(|ticker| ticker.change_percent == 0.5 && ticker.quote_volume.is_nan()));
    }
}

proptest! {
    #[test]
    fn equals_a_naive_history(
        interval in prop::sample::select(vec![Interval::M30, Interval::H1, Interval::H8, Interval::H12]),
        // Steps between candles: mostly one, now and then a hole.
        steps in prop::collection::vec(prop_oneof![20 => Just(1_i64), 1 => 2..5_i64], 1..150),
        symbols in prop::sample::select(vec![1_u32, 3, 9]),
        chunk in 1..20_usize,
        absent in 0..400_usize,
        shift_ms in prop::sample::select(vec![0_i64, -1, 1, -60_000, 60_000]),
    ) {
        let mut naive = Naive(Vec::new());
        let mut open_ms = interval.open_of(1_700_000_000_000);
        for (index, step) in steps.iter().enumerate() {
            open_ms += step * interval.as_ms();
            let volume = if index == absent { f64::NAN } else { 0.1 * (index + 1) as f64 };
            naive.0.push((open_ms, values(10.0 + (index * 7 % 31) as f64, volume)));
        }
        let mut history = History::new();
        history.require(interval, 200);
        for part in naive.0.chunks(chunk) {
            let opens: Vec<i64> = part.iter().map(|(open_ms, _)| *open_ms).collect();
            history.append(&segment(interval, symbols, &opens, |_, open_ms| part.iter().find(|(at, _)| *at == open_ms).unwrap().1));
            history.trim();
        }
        for symbol in 0..symbols {
            let stream = history.stream(SymbolId(symbol), interval).unwrap();
            for column in Column::ALL {
                let wanted: Vec<u64> = naive.0.iter().map(|(_, values)| values[column.ordinal()].to_bits()).collect();
                prop_assert_eq!(stream.column(column).iter().map(|value| value.to_bits()).collect::<Vec<_>>(), wanted);
            }
            for (open_ms, _) in &naive.0 {
                let close_ms = interval.close_of(*open_ms) + shift_ms;
                prop_assert_eq!(stream.len_at(close_ms), naive.0.iter().filter(|(at, _)| interval.close_of(*at) <= close_ms).count());
                let got = stream.ticker_at(close_ms).map(|ticker| (ticker.change_percent.to_bits(), ticker.quote_volume.to_bits()));
                let wanted = naive.ticker_at(interval, close_ms);
                prop_assert_eq!(got, wanted.map(|(change, volume)| (change.to_bits(), volume.to_bits())));
            }
        }
    }
}
