//! Many sets of parameters over the same candles.

use rustix::process::Signal;
use serde_json::Value;

use crate::run::{Place, Ran, START_MS, candles, component, csv};

fn files(place: &Place, symbols: &[&str], minutes: usize) -> Vec<String> {
    let write = |symbol: &&str| {
        let seed = symbol.bytes().map(u64::from).sum();
        place.write(&format!("{symbol}-1m.csv"), csv(&candles(minutes, seed)))
    };
    symbols.iter().map(write).collect()
}

fn sweep(place: &Place, trader: &str, files: &[String], more: &[&str]) -> Ran {
    let module = component(trader);
    let mut args = vec!["test", module.to_str().unwrap(), "--candles"];
    args.extend(files.iter().map(String::as_str));
    args.extend(more);
    place.run(&args)
}

/// The lines but the times that they took.
fn sets(ran: &Ran) -> (Vec<Value>, Value) {
    let mut lines: Vec<Value> = ran.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let mut summary = lines.pop().unwrap();
    summary["elapsed_seconds"] = Value::Null;
    (lines, summary)
}

const GRID: [&str; 6] = ["--params", "interval=1m", "--sweep", "rsi_period=7..21:2", "--sweep", "oversold=25,30,35.5"];

#[test]
fn a_table_is_the_same_whatever_the_threads_do() {
    let one = Place::new().env("WORKERS", "1");
    let many = Place::new().env("WORKERS", "5");
    let symbols = ["BTCUSDT", "ETHUSDT", "LTCUSDT"];
    let (lines, summary) =
        sets(&sweep(&one, "rsi-oversold-bounce", &files(&one, &symbols, 1_500), &[&GRID[..], &["--json"]].concat()));
    let again = sweep(&many, "rsi-oversold-bounce", &files(&many, &symbols, 1_500), &[&GRID[..], &["--json"]].concat());
    assert_eq!((again.code, sets(&again)), (0, (lines.clone(), summary.clone())), "{}", again.err);
    assert_eq!((lines.len(), &summary["done"], &summary["refused"]), (24, &Value::from(24), &Value::from(0)));
    assert_eq!(summary["evaluations"], 24 * 3 * 1_500);
    let mean = |line: &Value| line["after"][2]["mean_percent"].as_f64();
    let means: Vec<f64> = lines.iter().filter_map(mean).collect();
    assert!(means.len() > 12 && means.is_sorted_by(|a, b| a >= b), "{means:?}");

    // A row is what a run with that set alone says.
    let place = Place::new();
    let files = files(&place, &symbols, 1_500);
    for line in lines.iter().take(2) {
        let set = line["params"].to_string();
        let alone = sweep(&place, "rsi-oversold-bounce", &files, &["--params", &set, "--json"]);
        let told: Value = serde_json::from_str(alone.out.lines().last().unwrap()).unwrap();
        for same in ["signals", "held_back", "evaluations", "tags", "fuel_per_evaluation", "peak_memory_bytes"] {
            assert_eq!(told[same], line[same], "{same} of {set}");
        }
    }
}

#[test]
fn a_set_that_is_refused_is_a_row() {
    let place = Place::new();
    let files = files(&place, &["BTCUSDT"], 600);
    let grid = ["--params", "interval=1m", "--sweep", "short_period=5,20", "--sweep", "long_period=10..30:10"];
    let table = sweep(&place, "golden-cross", &files, &grid);
    assert_eq!(table.code, 0, "{}", table.err);
    let refused: Vec<&str> = table.out.lines().filter(|line| line.contains("refused: ")).collect();
    assert_eq!(refused.len(), 2, "20 is not below 10, nor below 20: {}", table.out);
    assert!(table.out.contains("6 sets, 2 refused"), "{}", table.out);
    assert!(!table.out.contains('\u{1b}') && table.err.is_empty(), "neither colours nor a bar: {}", table.err);

    let rows = sweep(&place, "golden-cross", &files, &[&grid[..], &["--csv"]].concat());
    let mut lines = rows.out.lines();
    let header = lines.next().unwrap();
    assert!(header.starts_with("short_period,long_period,outcome,signals,"), "{header}");
    assert!(lines.clone().all(|line| line.contains(",done,") || line.contains(",refused,")));
    assert_eq!(lines.count(), 6);

    let none = sweep(&place, "golden-cross", &files, &["--sweep", "short_period=20", "--sweep", "long_period=10"]);
    assert_eq!((none.code, none.err.contains("no set of the sweep can run")), (2, true), "{}", none.err);
}

#[test]
fn what_cannot_be_swept_is_refused_before_anything_runs() {
    let place = Place::new();
    let files = files(&place, &["BTCUSDT"], 100);
    for (more, words) in [
        (&["--sweep", "rsi_period=1..3"][..], "parameter \"rsi_period\" is 1, give a value from 2 to 50"),
        (&["--sweep", "perod=1..3"][..], "has no parameter \"perod\""),
        (&["--sweep", "rsi_period"][..], "it is not NAME=FROM..TO"),
        (&["--sweep", "oversold=1..2"][..], "its range needs a step"),
        (&["--params", "rsi_period=5", "--sweep", "rsi_period=5,6"][..], "is swept and set as well"),
        (&["--sweep", "rsi_period=5,6", "--golden", "x"][..], "cannot be used with"),
        (&["--sweep", "rsi_period=5,6", "--at", "2025-01-01T01:00Z"][..], "cannot be used with"),
    ] {
        let ran = sweep(&place, "rsi-oversold-bounce", &files, more);
        assert_eq!(ran.code, 2, "{more:?}: {}", ran.err);
        assert!(ran.err.contains(words) && ran.out.is_empty(), "{more:?}: {}", ran.err);
    }
}

/// Two symbols, of which one has native candles of the longer interval, and a set for each interval.
#[test]
fn symbols_and_intervals_are_swept_at_once() {
    let place = Place::new();
    let mut files = files(&place, &["BTCUSDT", "ETHUSDT"], 1_200);
    let longer: Vec<[f64; 6]> = candles(240, 77)
        .iter()
        .enumerate()
        .map(|(at, [_, rest @ ..])| {
            let time = (START_MS + at as i64 * 300_000) as f64;
            [time, rest[0], rest[1], rest[2], rest[3], rest[4]]
        })
        .collect();
    files.push(place.write("ETHUSDT-5m.csv", csv(&longer)));
    let ran = sweep(&place, "rsi-oversold-bounce", &files, &["--sweep", "interval=1m,5m,15m", "--json"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let (lines, summary) = sets(&ran);
    assert_eq!(summary["done"], 3);
    let evaluations: std::collections::BTreeMap<String, u64> = lines
        .iter()
        .map(|line| (line["params"]["interval"].as_str().unwrap().to_owned(), line["evaluations"].as_u64().unwrap()))
        .collect();
    assert_eq!(evaluations, [("1m".to_owned(), 2_400), ("5m".to_owned(), 480), ("15m".to_owned(), 160)].into());
    let plain =
        sweep(&place, "rsi-oversold-bounce", &files, &["--json", "--interval", "5m", "--params", "oversold=45"]);
    let symbols: std::collections::BTreeSet<String> =
        plain.signals().iter().map(|signal| signal["symbol"].as_str().unwrap().to_owned()).collect();
    assert_eq!(symbols.len(), 2, "{}", plain.out);
    let missing = sweep(&place, "rsi-oversold-bounce", &files[2..], &["--sweep", "interval=1m,5m", "--json"]);
    let (lines, _) = sets(&missing);
    assert_eq!((&lines[0]["outcome"], &lines[1]["outcome"]), (&Value::from("done"), &Value::from("refused")));
    assert!(lines[1]["reason"].as_str().unwrap().contains("no 1m candles of ETHUSDT"), "{}", lines[1]);
}

#[test]
fn a_set_that_faults_is_a_row_and_says_how_to_see_it_again() {
    let place = Place::new();
    let files = files(&place, &["BTCUSDT"], 300);
    let late = START_MS + 1_000_000_000;
    let values = format!("from_ms={},{late}", START_MS + 60 * 60_000);
    let ran = sweep(&place, "hostile-panic", &files, &["--sweep", &values]);
    assert_eq!(ran.code, 1, "{}", ran.out);
    assert!(ran.out.lines().next().unwrap().contains("FAULTS"), "{}", ran.out);
    assert!(
        ran.err.contains("the market is closed to me") && ran.err.contains("--at 2025-01-01T01:01Z"),
        "{}",
        ran.err
    );
    let (lines, _) = sets(&sweep(&place, "hostile-panic", &files, &["--sweep", &values, "--json"]));
    let of = |from_ms: i64| lines.iter().find(|line| line["params"]["from_ms"] == from_ms).unwrap();
    assert_eq!(of(late)["signals"], 300, "its neighbour is not touched");
    assert!(of(START_MS + 60 * 60_000)["faults"]["trap"].as_u64().unwrap() >= 1);
}

#[test]
fn ctrl_c_keeps_the_sets_that_are_done() {
    let place = Place::new().env("RUST_LOG", "warn,vyx_host=debug").env("WORKERS", "1");
    let files = files(&place, &["BTCUSDT", "ETHUSDT", "LTCUSDT"], 6_000);
    let module = component("rsi-oversold-bounce");
    let mut args = vec!["test", module.to_str().unwrap(), "--params", "interval=1m", "--sweep", "rsi_period=2..21"];
    args.extend(["--sweep", "oversold=10..34:1", "--csv", "--candles"]);
    args.extend(files.iter().map(String::as_str));
    let mut running = place.start(&args);
    running.wait_for("sets are done");
    let (code, said) = running.end(Signal::INT);
    assert_eq!(code, 130, "{said:?}");
    let count = |outcome: &str| said.iter().filter(|line| line.contains(outcome)).count();
    let (done, waiting) = (count(",done,"), count(",not-run,"));
    assert_eq!(done + waiting, 20 * 25);
    assert!(done > 0 && waiting > 0, "{done} done, {waiting} not");
    let last = said.iter().find(|line| line.contains("stopped: ")).unwrap();
    assert!(last.contains(&format!("stopped: {done} of {} sets were done", 20 * 25)), "{last}");
}
