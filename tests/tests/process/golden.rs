//! Golden files and the part of a replay that is shown.

use serde_json::Value;

use crate::run::{Place, Ran, START_MS, candles, component, csv};

fn place() -> (Place, String, String) {
    let place = Place::new();
    let file = place.write("BTCUSDT-1m.csv", csv(&candles(3_000, 5)));
    (place, component("rsi-oversold-bounce").to_str().unwrap().to_owned(), file)
}

fn test(place: &Place, module: &str, file: &str, more: &[&str]) -> Ran {
    let mut args = vec!["test", module, "--candles", file, "--params", "interval=1m"];
    args.extend(more);
    place.run(&args)
}

#[test]
fn a_golden_file_is_made_holds_and_shows_what_changed() {
    let (place, module, file) = place();
    let missing = test(&place, &module, &file, &["--golden", "bounce.jsonl"]);
    assert_eq!((missing.code, missing.out.as_str()), (2, ""), "it is said before anything runs");
    assert!(
        missing.err.contains("bounce.jsonl is not there; make it with --golden bounce.jsonl --update"),
        "{}",
        missing.err
    );
    assert!(!place.path("bounce.jsonl").exists());

    let made = test(&place, &module, &file, &["--golden", "bounce.jsonl", "--update"]);
    assert_eq!(made.code, 0, "{}", made.err);
    let golden = std::fs::read_to_string(place.path("bounce.jsonl")).unwrap();
    assert!(golden.lines().count() > 5, "{golden}");
    for line in golden.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        assert!(line.get("id").is_none() && line.get("provenance").is_none(), "{line}");
        assert!(line["plots"]["rsi"][0].is_number() && line["tag"] == "bounce", "{line}");
    }
    let holds = test(
        &place,
        &module,
        &file,
        &["--golden", "bounce.jsonl", "--json", "--trader-id", "00000000-0000-4000-8000-000000000009"],
    );
    assert_eq!((holds.code, holds.err.contains("bounce.jsonl holds")), (0, true), "{}", holds.err);

    // Of a part only its own signals are held against the file, and they are not all that it needs.
    let first: Value = serde_json::from_str(golden.lines().next().unwrap()).unwrap();
    let from = first["timestamp"].as_str().unwrap();
    let part = test(&place, &module, &file, &["--golden", "bounce.jsonl", "--from", from]);
    assert!(part.code == 0 && part.err.contains("bounce.jsonl holds"), "{}", part.err);
    let refused = test(&place, &module, &file, &["--golden", "bounce.jsonl", "--update", "--from", from]);
    assert!(refused.code == 2 && refused.err.contains("leave out --from and --to"), "{}", refused.err);

    let nowhere = test(&place, &module, &file, &["--golden", "nowhere/bounce.jsonl", "--update"]);
    assert_eq!((nowhere.code, nowhere.out.as_str()), (2, ""), "it is said before anything runs");
    assert!(nowhere.err.contains("cannot write \"nowhere/bounce.jsonl\""), "{}", nowhere.err);

    let changed = test(&place, &module, &file, &["oversold=35", "--golden", "bounce.jsonl"]);
    assert_eq!(changed.code, 1, "{}", changed.err);
    assert!(changed.err.lines().any(|line| line.starts_with("+ {\"timestamp\":")), "{}", changed.err);
    assert!(changed.err.contains("the signals differ from bounce.jsonl (-)"), "{}", changed.err);
    assert_eq!(std::fs::read_to_string(place.path("bounce.jsonl")).unwrap(), golden, "nothing is written unasked");

    let updated = test(&place, &module, &file, &["oversold=35", "--golden", "bounce.jsonl", "--update"]);
    assert_eq!(updated.code, 0, "{}", updated.err);
    assert_eq!(test(&place, &module, &file, &["oversold=35", "--golden", "bounce.jsonl"]).code, 0);

    place.write("bounce.jsonl", "{\"tag\": 5}\n");
    let wrong = test(&place, &module, &file, &["--golden", "bounce.jsonl"]);
    assert_eq!((wrong.code, wrong.err.contains("line 1 of bounce.jsonl")), (2, true), "{}", wrong.err);
}

#[test]
fn a_trader_that_faults_does_not_make_a_golden_file() {
    let (place, _, file) = place();
    let module = component("hostile-panic");
    let from = format!("from_ms={}", START_MS + 600_000);
    let args =
        ["test", module.to_str().unwrap(), "--candles", &file, "--params", &from, "--golden", "g.jsonl", "--update"];
    let ran = place.run(&args);
    assert_eq!(ran.code, 1);
    assert!(ran.err.contains("the trader faulted, so g.jsonl is left as it is"), "{}", ran.err);
    assert!(!place.path("g.jsonl").exists());
}

/// What is shown is a part of the same replay: two ranges that meet have the signals of the whole, each once.
#[test]
fn ranges_are_parts_of_the_whole() {
    let (place, module, file) = place();
    let (noon, whole) = ("2025-01-01T12:00Z", test(&place, &module, &file, &["--json"]));
    let before = test(&place, &module, &file, &["--json", "--to", noon]);
    let after = test(&place, &module, &file, &["--json", "--from", noon]);
    assert!(before.lines().len() > 2 && after.lines().len() > 2, "{} {}", before.out, after.out);
    assert_eq!([before.lines(), after.lines()].concat(), whole.lines());
    let summary = |ran: &Ran| serde_json::from_str::<Value>(ran.out.lines().last().unwrap()).unwrap();
    let (whole, before, after) = (summary(&whole), summary(&before), summary(&after));
    for counted in ["candles", "evaluations", "signals", "held_back"] {
        let count = |summary: &Value| summary[counted].as_u64().unwrap();
        assert_eq!(count(&before) + count(&after), count(&whole), "{counted}");
    }
    assert_eq!(before["candles"], 720, "up to noon and no further");
    // Nothing looks beyond the end: a return that would is not known.
    let known = |summary: &Value| {
        summary["tags"][0]["after"]
            .as_array()
            .unwrap()
            .iter()
            .map(|after| after["count"].as_u64().unwrap())
            .sum::<u64>()
    };
    assert!(known(&before) + known(&after) <= known(&whole));
    let day = test(&place, &module, &file, &["--json", "--from", "2025-01-02", "--to", "1735862400000"]);
    assert_eq!(summary(&day)["candles"], 1_440);

    let outside = test(&place, &module, &file, &["--from", "2026-01-01"]);
    assert_eq!(outside.code, 2);
    assert!(outside.err.contains("those of the files close 2025-01-01 00:01 to 2025-01-03 02:00"), "{}", outside.err);
    let swapped = test(&place, &module, &file, &["--from", "2025-01-02", "--to", "2025-01-01"]);
    assert_eq!((swapped.code, swapped.err.contains("swap them")), (2, true), "{}", swapped.err);
    let nonsense = test(&place, &module, &file, &["--from", "yesterday"]);
    assert_eq!(
        (nonsense.code, nonsense.err.contains("write 2026-01-05, 2026-01-05T10:00Z or UTC milliseconds")),
        (2, true),
        "{}",
        nonsense.err
    );
}

#[test]
fn signals_as_csv_are_those_of_json() {
    let (place, module, file) = place();
    let (rows, json) = (test(&place, &module, &file, &["--csv"]), test(&place, &module, &file, &["--json"]));
    let lines = json.signals();
    assert_eq!(rows.code, 0, "{}", rows.err);
    let mut rows = rows.out.lines();
    assert_eq!(rows.next(), Some("timestamp,symbol,interval,tag,price,change_percent,volume,warm,id,rsi"));
    let rows: Vec<&str> = rows.collect();
    assert!(rows.len() > 5 && rows.len() == lines.len());
    for ((row, line), text) in rows.iter().zip(&lines).zip(json.lines()) {
        let cells: Vec<&str> = row.split(',').collect();
        assert_eq!(
            [cells[0], cells[1], cells[3]],
            ["timestamp", "symbol", "tag"].map(|name| line[name].as_str().unwrap())
        );
        assert_eq!(cells[4].parse::<f64>().unwrap(), line["price_at_signal"].as_f64().unwrap());
        assert!(text.contains(&format!("\"rsi\":[{}]", cells[9])), "{} in {text}", cells[9]);
        assert_eq!(
            (cells[8], cells[7]),
            (line["id"].as_str().unwrap(), if line["provenance"]["warm"] == true { "true" } else { "false" })
        );
    }
}

/// What price did after the signals, against the candles themselves.
#[test]
fn the_summary_tells_what_price_did_after() {
    let (place, module, file) = place();
    let ran = test(&place, &module, &file, &["--json"]);
    let summary: Value = serde_json::from_str(ran.out.lines().last().unwrap()).unwrap();
    let candles = candles(3_000, 5);
    let at = |signal: &Value| {
        let open: jiff::Timestamp = signal["open_time"].as_str().unwrap().parse().unwrap();
        ((open.as_millisecond() - START_MS) / 60_000) as usize
    };
    for after in summary["tags"][0]["after"].as_array().unwrap() {
        let ahead = after["candles"].as_u64().unwrap() as usize;
        let returns: Vec<f64> = ran
            .signals()
            .iter()
            .filter_map(|signal| Some((candles.get(at(signal) + ahead)?[4] / candles[at(signal)][4] - 1.0) * 100.0))
            .collect();
        assert_eq!(after["count"].as_u64().unwrap() as usize, returns.len());
        let mean = returns.iter().sum::<f64>() / returns.len() as f64;
        assert!((after["mean_percent"].as_f64().unwrap() - mean).abs() < 1e-9);
        let rose = returns.iter().filter(|value| **value > 0.0).count() as f64 / returns.len() as f64;
        assert!((after["hit_rate"].as_f64().unwrap() - rose).abs() < 1e-12);
    }
    let told = test(&place, &module, &file, &[]).out;
    assert!(told.contains("TAG") && told.contains("(any candle)") && told.contains("of 16,384 KiB"), "{told}");
    assert!(!told.contains('\u{1b}'), "no colours where nobody sees them");
}
