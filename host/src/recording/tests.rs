use std::path::Path;
use std::sync::Mutex;
use std::time::Duration;

use proptest::prelude::*;

use super::format::{Beginning, Done};
use super::reader::Step;
use super::*;
use crate::config::{Place, Rotation};
use crate::ids::TraderId;
use crate::market::{Feed, Interval, ReplayFeed, Segment, SymbolId, Symbols, Telling, Values};
use crate::signal::StampedSignal;
use crate::supervisor::observe::{Effect, Observer as _};

const MINUTE_MS: i64 = 60_000;
/// 2025-01-01.
const START_MS: i64 = 1_735_689_600_000;
const NAMES: [&str; 3] = ["BTCUSDT", "ETHUSDT", "SOLUSDT"];

fn trader() -> TraderId {
    "00000000-0000-4000-8000-000000000001".parse().unwrap()
}

fn place(dir: &Path, bytes: u64) -> Place {
    Place { dir: dir.to_owned(), rotation: Rotation { every: Duration::from_secs(3_600), bytes } }
}

fn symbols() -> Symbols {
    let mut symbols = Symbols::new();
    for name in NAMES {
        symbols.intern(name).unwrap();
    }
    symbols
}

/// All that a segment says, with the bits of its numbers.
fn said(segment: &Segment) -> String {
    let closes: Vec<_> = segment
        .closes()
        .map(|close| {
            let batches: Vec<_> = close
                .batches()
                .map(|batch| {
                    let bits: Vec<u64> = batch.values.iter().map(|value| value.to_bits()).collect();
                    (batch.interval, batch.open_time_ms, batch.symbols, bits, batch.missing, batch.backfilled)
                })
                .collect();
            format!("{} {:?} {batches:?}", close.close_time_ms(), close.gaps())
        })
        .collect();
    let (lagging, named, joined, gone) = (segment.lagging(), segment.named(), segment.joined(), segment.gone());
    format!("{:?} {lagging:?} {named:?} {joined:?} {gone:?} {:?} {closes:?}", segment.telling(), segment.filled())
}

/// A price of any bits that a candle may have.
fn price() -> impl Strategy<Value = f64> {
    prop_oneof![1e-8..1e6f64, (1u64..10_000_000).prop_map(|cents| cents as f64 / 100.0), Just(f64::MIN_POSITIVE)]
}

fn absent_or(amount: impl Strategy<Value = f64>) -> impl Strategy<Value = f64> {
    prop_oneof![Just(f64::NAN), amount]
}

prop_compose! {
    fn candle()(
        prices in [price(), price(), price(), price()],
        volume in 0.0..1e9f64,
        quote in absent_or(0.0..1e12f64),
        taker in absent_or(0.0..1e9f64),
        trades in absent_or((0u32..100_000).prop_map(f64::from)),
    ) -> Values {
        let [open, close, ..] = prices;
        let (high, low) = prices.iter().fold((open, open), |(high, low), it| (it.max(high), it.min(low)));
        [open, high, low, close, volume, quote, taker, trades]
    }
}

/// A minute of the market: its candles by symbol, each with what it lacks and where it came from, and how it is told.
type Minute = (Vec<(bool, Values, u32, bool, bool)>, u8, bool);

fn minute() -> impl Strategy<Value = Minute> {
    let row = (any::<bool>(), candle(), prop_oneof![Just(0u32), 1u32..5], any::<bool>(), any::<bool>());
    (proptest::collection::vec(row, NAMES.len()), 0u8..3, any::<bool>())
}

fn segment((rows, telling, says_more): &Minute, at: i64) -> Segment {
    let open_ms = START_MS + at * MINUTE_MS;
    let mut segment = Segment::new();
    let mut builder = segment.builder();
    builder.telling([Telling::Live, Telling::Late, Telling::History][usize::from(*telling)]);
    if *says_more {
        builder.lagging(SymbolId(1));
        builder.gone(SymbolId(2));
        builder.filled(Interval::M5, 100);
    }
    if rows.iter().any(|(is_there, ..)| *is_there) {
        builder.batch(Interval::M1, open_ms).unwrap();
    }
    for (symbol, (is_there, values, missing, backfilled, has_gap)) in rows.iter().enumerate() {
        if *is_there {
            let symbol = SymbolId(symbol as u32);
            if *has_gap {
                builder.gap(symbol, open_ms - 3 * MINUTE_MS).unwrap();
            }
            builder.row_from(symbol, values, *missing, *backfilled).unwrap();
        }
    }
    builder.finish().unwrap();
    segment
}

/// Records these segments, each with a signal, and says what was recorded.
fn record(dir: &Path, bytes: u64, segments: &[Segment]) -> Vec<String> {
    let recorder = Recorder::start(&place(dir, bytes), About::default(), |problem| panic!("{problem}")).unwrap();
    recorder.observe(Effect::Offered(&symbols()));
    for (minute, segment) in segments.iter().enumerate() {
        recorder.make_room();
        recorder.observe(Effect::Delivering(segment));
        let signal = StampedSignal::sample(trader(), minute as i64, "tag", false);
        recorder.observe(Effect::Kept(&[signal]));
    }
    recorder.finish();
    segments.iter().map(said).collect()
}

/// The segments of the only session, and what was noted. Each has its signal.
fn read(dir: &Path) -> (Vec<String>, Vec<String>) {
    let recording = Recording::open(dir).unwrap();
    let mut steps = recording.sessions[0].steps().unwrap();
    let (mut segment, mut read) = (Segment::new(), Vec::new());
    while let Some(step) = steps.next(&mut segment).unwrap() {
        if let Step::Segment { signals, is_intact, delivery, .. } = step {
            assert!(is_intact);
            assert_eq!(delivery.done, Done::Kept);
            let signal = StampedSignal::sample(trader(), read.len() as i64, "tag", false);
            assert_eq!(signals, [serde_json::to_string(&signal).unwrap()]);
            read.push(said(&segment));
        }
    }
    (read, [recording.notes, steps.notes].concat())
}

fn files(dir: &Path, extension: &str) -> Vec<std::path::PathBuf> {
    let mut files: Vec<_> = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|it| it == extension));
    files.sort();
    files
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_is_read_is_what_was_delivered(minutes in proptest::collection::vec(minute(), 1..20), bytes in 200u64..4_000) {
        let folder = tempfile::tempdir().unwrap();
        let segments: Vec<Segment> = minutes.iter().zip(0..).map(|(minute, at)| segment(minute, at)).collect();
        // Without any candle nothing is written.
        prop_assume!(segments.iter().any(|segment| segment.candles() > 0));
        let recorded = record(folder.path(), bytes, &segments);
        let (read, notes) = read(folder.path());
        prop_assert_eq!(read, recorded);
        prop_assert!(notes.is_empty(), "{notes:?}");
    }

    #[test]
    fn a_torn_tail_costs_no_more_than_it_tore(
        minutes in proptest::collection::vec(minute(), 1..8),
        of_candles: bool,
        cut in any::<prop::sample::Index>(),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let segments: Vec<Segment> = minutes.iter().zip(0..).map(|(minute, at)| segment(minute, at)).collect();
        // Without any candle nothing is written.
        prop_assume!(segments.iter().any(|segment| segment.candles() > 0));
        let recorded = record(folder.path(), u64::MAX, &segments);
        let file = files(folder.path(), if of_candles { "csv" } else { "jsonl" }).remove(0);
        let text = std::fs::read(&file).unwrap();
        // The header was written when the file was begun.
        let head = text.iter().position(|byte| *byte == b'\n').unwrap() + 1;
        let kept = head + cut.index(text.len() - head + 1);
        std::fs::write(&file, &text[..kept]).unwrap();
        let (read, notes) = read(folder.path());
        prop_assert!(read.len() <= recorded.len());
        prop_assert_eq!(&read[..], &recorded[..read.len()]);
        prop_assert!(read.len() == recorded.len() || !notes.is_empty());
    }
}

fn quiet(at: i64, price: f64) -> Segment {
    let values = [price, price, price, price, 1.0, f64::NAN, f64::NAN, f64::NAN];
    segment(&(vec![(true, values, 0, false, false); NAMES.len()], 0, false), at)
}

#[test]
fn files_are_private_and_rotate_with_the_hours_of_the_candles() {
    let folder = tempfile::tempdir().unwrap();
    let segments: Vec<Segment> = (0..150).map(|at| quiet(at, 100.0 + at as f64)).collect();
    record(&folder.path().join("new"), u64::MAX, &segments);
    let names: Vec<String> = files(&folder.path().join("new"), "csv")
        .iter()
        .map(|path| path.file_name().unwrap().to_str().unwrap().to_owned())
        .collect();
    assert_eq!(
        names,
        [
            "candles-000001-20250101T000000Z.csv",
            "candles-000002-20250101T010000Z.csv",
            "candles-000003-20250101T020000Z.csv"
        ]
    );
    #[cfg(unix)]
    for file in std::fs::read_dir(folder.path().join("new")).unwrap() {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(file.unwrap().metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }
}

#[test]
fn a_second_start_is_a_session_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let segments: Vec<Segment> = (0..70).map(|at| quiet(at, 100.0)).collect();
    record(folder.path(), u64::MAX, &segments);
    record(folder.path(), u64::MAX, &segments);
    let recording = Recording::open(folder.path()).unwrap();
    assert_eq!(recording.sessions.len(), 2);
    // Candles that both told are one candle to a replay.
    let mut feed = ReplayFeed::new([crate::market::CandleInput::from_path(folder.path()).unwrap()]).unwrap();
    assert_eq!(feed.symbols().iter().map(|(_, name)| name).collect::<Vec<_>>(), NAMES);
    assert!(
        feed.streams()
            .all(|(_, interval, first_ms, _, candles)| (interval, first_ms, candles) == (Interval::M1, START_MS, 70))
    );
    feed.want(&[Interval::M1]).unwrap();
    let mut told = Segment::new();
    assert!(feed.next(1, &mut told).unwrap());
    assert_eq!(said(&told), said(&segments[0]));
}

#[test]
fn candles_that_two_sessions_tell_differently_are_refused_by_a_replay() {
    let folder = tempfile::tempdir().unwrap();
    record(folder.path(), u64::MAX, &[quiet(0, 100.0)]);
    record(folder.path(), u64::MAX, &[quiet(0, 101.0)]);
    let error =
        ReplayFeed::new([crate::market::CandleInput::from_path(folder.path()).unwrap()]).unwrap_err().to_string();
    assert!(error.contains("the 1m candle of BTCUSDT that opens at 1735689600000 is another one in"), "{error}");
}

/// The history of a symbol is told before it joins, and one that comes back has a new id under its old name.
#[test]
fn a_symbol_that_joins_or_comes_back_is_recorded_from_its_history_on() {
    let folder = tempfile::tempdir().unwrap();
    let told = |at: i64, symbol: u32, tell: &dyn Fn(&mut crate::market::SegmentBuilder<'_>)| {
        let mut segment = Segment::new();
        let mut builder = segment.builder();
        tell(&mut builder);
        builder.batch(Interval::M1, START_MS + at * MINUTE_MS).unwrap();
        builder.row(SymbolId(symbol), &[1.0, 1.0, 1.0, 1.0, 1.0, f64::NAN, f64::NAN, f64::NAN], 0).unwrap();
        builder.finish().unwrap();
        segment
    };
    let (new, again) = (SymbolId(3), SymbolId(4));
    let segments = [
        quiet(0, 1.0),
        told(0, 3, &|builder| {
            builder.telling(Telling::History);
            builder.named(new, "NEWUSDT");
        }),
        told(1, 3, &|builder| builder.joined(new, "NEWUSDT")),
        told(2, 4, &|builder| {
            builder.telling(Telling::History);
            builder.gone(SymbolId(0));
            builder.named(again, "BTCUSDT");
        }),
        told(3, 4, &|builder| builder.joined(again, "BTCUSDT")),
    ];
    let recorded = record(folder.path(), u64::MAX, &segments);
    let (read, notes) = read(folder.path());
    assert_eq!(read, recorded);
    assert_eq!(notes, Vec::<String>::new());
    let mut feed = ReplayFeed::new([crate::market::CandleInput::from_path(folder.path()).unwrap()]).unwrap();
    let names: Vec<&str> = feed.symbols().iter().map(|(_, name)| name).collect();
    assert_eq!(names, ["BTCUSDT", "ETHUSDT", "NEWUSDT", "SOLUSDT"], "a replay knows symbols by their names");
    feed.want(&[Interval::M1]).unwrap();
    assert!(feed.next(1_024, &mut Segment::new()).unwrap());
}

#[test]
fn a_changed_candle_is_seen_and_a_missing_part_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let segments: Vec<Segment> = (0..130).map(|at| quiet(at, 100.5)).collect();
    record(folder.path(), u64::MAX, &segments);
    let file = files(folder.path(), "csv").remove(1);
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replacen(",1,1735693259999,", ",2,1735693259999,", 1)).unwrap();
    let recording = Recording::open(folder.path()).unwrap();
    let mut steps = recording.sessions[0].steps().unwrap();
    let (mut segment, mut changed) = (Segment::new(), Vec::new());
    while let Some(step) = steps.next(&mut segment).unwrap() {
        if let Step::Segment { is_intact: false, place, .. } = step {
            changed.push(place);
        }
    }
    assert_eq!(changed.len(), usize::from(text.contains(",1,1735693259999,")));
    std::fs::remove_file(files(folder.path(), "jsonl").remove(1)).unwrap();
    let error = Recording::open(folder.path()).unwrap_err().to_string();
    assert!(error.contains("has no part 1"), "{error}");
}

/// What is inserted while a delivery is under way has no part in it, and what is removed meanwhile has none either.
#[test]
fn effects_are_written_in_the_order_in_which_a_replay_must_do_them() {
    let folder = tempfile::tempdir().unwrap();
    let recorder = Recorder::start(&place(folder.path(), u64::MAX), About::default(), |_| {}).unwrap();
    recorder.observe(Effect::Offered(&symbols()));
    recorder.observe(Effect::Delivering(&quiet(0, 1.0)));
    recorder.observe(Effect::Undone);
    recorder.observe(Effect::Delivering(&quiet(0, 1.0)));
    recorder.observe(Effect::Retired(trader()));
    recorder.observe(Effect::CutOff(trader(), &[crate::sandbox::Cut { call: 3, inside: true }]));
    recorder.observe(Effect::Kept(&[]));
    recorder.observe(Effect::Removed(trader()));
    recorder.finish();
    let recording = Recording::open(folder.path()).unwrap();
    let mut steps = recording.sessions[0].steps().unwrap();
    let (mut segment, mut order) = (Segment::new(), Vec::new());
    while let Some(step) = steps.next(&mut segment).unwrap() {
        order.push(match step {
            Step::Segment { delivery, .. } => {
                format!("{:?} {} {}", delivery.done, delivery.again, delivery.cut_off.len())
            }
            Step::Retire(_) => "retire".to_owned(),
            Step::Remove(_) => "remove".to_owned(),
            _ => continue,
        });
    }
    assert_eq!(order, ["Undone false 0", "retire", "Kept true 1", "remove"]);
    assert!(Beginning::Replacing != Beginning::At { judged_ms: 0 });
}

#[test]
fn a_folder_that_cannot_be_written_to_is_refused_and_one_that_breaks_later_is_told_once() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("file"), "").unwrap();
    assert!(Recorder::start(&place(&folder.path().join("file"), 1), About::default(), |_| {}).is_err());

    static TOLD: Mutex<Vec<String>> = Mutex::new(Vec::new());
    let dir = folder.path().join("gone");
    let recorder =
        Recorder::start(&place(&dir, 1), About::default(), |problem| TOLD.lock().unwrap().push(problem)).unwrap();
    recorder.observe(Effect::Offered(&symbols()));
    std::fs::remove_dir_all(&dir).unwrap();
    for at in 0..1_000 {
        recorder.make_room();
        recorder.observe(Effect::Delivering(&quiet(at, 1.0)));
        recorder.observe(Effect::Kept(&[]));
    }
    recorder.finish();
    let told = TOLD.lock().unwrap();
    assert!(matches!(told.as_slice(), [problem] if problem.starts_with("recording has stopped:")), "{told:?}");
}

#[test]
fn the_runtime_is_the_one_that_is_built_in() {
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml");
    let text = std::fs::read_to_string(manifest).unwrap();
    assert!(text.contains(&format!("wasmtime = {{ version = \"{WASMTIME}.")));
}
