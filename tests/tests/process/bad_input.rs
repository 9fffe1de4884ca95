//! What cannot be used gets one clear line and a non-zero exit code.

use std::fs::File;

use crate::run::{Place, candles, component, csv};

/// Fails with one line on standard error that holds these words.
fn fails(place: &Place, args: &[&str], words: &[&str]) {
    let ran = place.run(args);
    assert!(ran.code > 0, "{args:?} succeeded: {}", ran.out);
    let said = format!("{}{}", ran.err, ran.out);
    for word in words {
        assert!(said.contains(word), "{word:?} is not in what {args:?} says: {said}");
    }
    // The usage of a wrong flag has several lines, everything else one.
    if !said.contains("--help") {
        assert_eq!(ran.err.trim_end().lines().count(), 1, "{args:?}: {}", ran.err);
    }
}

/// `vyx test` of a good module on a bad file.
fn candle_fails(name: &str, content: impl AsRef<[u8]>, words: &[&str]) {
    let place = Place::new();
    let file = place.write(name, content);
    let module = component("rsi-oversold-bounce");
    fails(&place, &["test", module.to_str().unwrap(), "--candles", &file], words);
}

const HEADER: &str = "open_time,open,high,low,close,volume\n";
const ROW: &str = "1735689600000,10,11,9,10,5\n";

#[test]
fn candle_files_that_cannot_be_read() {
    let place = Place::new();
    let module = component("rsi-oversold-bounce");
    let module = module.to_str().unwrap();
    fails(&place, &["test", module, "--candles", "BTCUSDT-1m-missing.csv"], &["BTCUSDT-1m-missing.csv"]);
    std::fs::create_dir(place.path("BTCUSDT-1m")).unwrap();
    fails(&place, &["test", module, "--candles", "BTCUSDT-1m"], &["BTCUSDT-1m"]);
    candle_fails("BTCUSDT-1m.csv", "", &["empty"]);
    candle_fails("BTCUSDT-1m.csv", HEADER, &["BTCUSDT-1m.csv"]);
    candle_fails("BTCUSDT-2m.csv", ROW, &["2m", "1m, 3m"]);
    candle_fails("BTCUSDT-1M.csv", ROW, &["1M"]);
    candle_fails("candles.csv", ROW, &["no interval", "BTCUSDT:1m="]);
}

#[test]
fn rows_that_make_no_sense_are_named_with_their_line() {
    let after = |row: &str| format!("{HEADER}{ROW}{row}\n");
    candle_fails("BTCUSDT-1m.csv", after("1735689540000,10,11,9,10,5"), &["line 3", "1735689540000"]);
    candle_fails("BTCUSDT-1m.csv", after("1735689600000,10,11,9,10,5"), &["line 3"]);
    candle_fails("BTCUSDT-1m.csv", after("1735689660000,NaN,11,9,10,5"), &["line 3", "NaN"]);
    candle_fails("BTCUSDT-1m.csv", after("1735689660000,ten,11,9,10,5"), &["line 3", "ten"]);
    candle_fails("BTCUSDT-1m.csv", after("1735689660000,-1,11,9,10,5"), &["line 3"]);
    candle_fails("BTCUSDT-1m.csv", after("1735689660000,10,8,9,10,5"), &["line 3"]);
    candle_fails("BTCUSDT-1m.csv", after("1735689660001,10,11,9,10,5"), &["line 3", "1735689660001"]);
    candle_fails("BTCUSDT-1m.csv", after("1735689660000,10,11,9"), &["line 3"]);
    candle_fails("BTCUSDT-1m.csv", after("\u{1b}[2J,10,11,9,10,5"), &["line 3", "\\u{1b}"]);
}

#[test]
fn huge_files_are_not_read() {
    let place = Place::new();
    for name in ["huge.wasm", "BTCUSDT-1m-huge.csv"] {
        File::create(place.path(name)).unwrap().set_len(5 << 30).unwrap();
    }
    fails(&place, &["check", "huge.wasm"], &["5368709120 bytes"]);
    let module = component("rsi-oversold-bounce");
    fails(
        &place,
        &["test", module.to_str().unwrap(), "--candles", "BTCUSDT-1m-huge.csv"],
        &["BTCUSDT-1m-huge.csv", "not text"],
    );
}

#[test]
fn modules_that_are_none() {
    let place = Place::new();
    place.write("text.wasm", "hello");
    place.write("core.wasm", b"\0asm\x01\0\0\0");
    let whole = std::fs::read(component("healthy")).unwrap();
    place.write("cut.wasm", &whole[..whole.len() / 2]);
    fails(&place, &["check", "missing.wasm"], &["missing.wasm", "no such file"]);
    let refused = |file: &str, rule: &str| {
        let ran = place.run(&["check", file]);
        assert_eq!(ran.code, 1, "{}", ran.err);
        assert!(ran.out.contains(rule), "{}", ran.out);
        let json: serde_json::Value = serde_json::from_str(&place.run(&["check", file, "--json"]).out).unwrap();
        assert_eq!((json["admitted"].as_bool(), json["rule"].as_str()), (Some(false), Some(rule)));
    };
    refused("text.wasm", "malformed");
    refused("core.wasm", "not-a-component");
    refused("cut.wasm", "malformed");
    std::fs::create_dir(place.path("folder")).unwrap();
    for command in ["check", "build"] {
        fails(&place, &[command, "folder"], &["folder", "Cargo.toml"]);
    }
}

#[test]
fn parameters_that_the_trader_does_not_take() {
    let place = Place::new();
    let file = place.write("BTCUSDT-1m.csv", csv(&candles(10, 1)));
    let module = component("golden-cross");
    let with = |given: &[&str], words: &[&str]| {
        let mut args = vec!["test", module.to_str().unwrap(), "--candles", &file];
        args.extend(given);
        fails(&place, &args, words);
    };
    with(&["--params", "no_such=1"], &["no parameter \"no_such\"", "short_period"]);
    with(&["--params", "short_period=100000"], &["short_period", "100000", "from"]);
    with(&["--params", "short_period=fast"], &["short_period", "integer"]);
    with(&["--params", "short_period=150", "long_period=100"], &["make short_period the smaller one"]);
    with(&["--params", "{\"short_period\": "], &["not a JSON object"]);
    with(&["--params", "short_period"], &["NAME=VALUE"]);
    with(&["--interval", "2m"], &["2m", "1m, 3m"]);
    with(&["--interval", "1m", "--trader-id", "7"], &["--trader-id"]);
}

#[test]
fn folders_speeds_and_files_of_dev() {
    let place = Place::new();
    let ran = place.run(&["dev", "nowhere"]);
    assert!(ran.code == 2 && ran.err.contains("nowhere") && ran.err.contains("traders.toml"), "{}", ran.err);
    std::fs::create_dir(place.path("empty")).unwrap();
    let ran = place.run(&["dev", "empty"]);
    assert!(ran.code == 2 && ran.err.contains("traders.toml"), "{}", ran.err);
    fails(&place, &["dev", "empty", "--speed", "fast"], &["--speed", "give max or a factor"]);
    fails(&place, &["dev", "empty", "--signals", "nowhere/signals.jsonl"], &["nowhere/signals.jsonl"]);
    place.write("empty/traders.toml", "");
    let ran = place.run(&["dev", "empty", "--symbols", "0"]);
    assert!(ran.code == 2 && ran.err.contains("0 synthetic symbols; ask for 1 to"), "{}", ran.err);
}

#[test]
fn without_a_place_for_its_cache_it_works_and_says_so() {
    let place = Place::new();
    place.write("data", "a file where the folder should be");
    let module = component("healthy");
    let ran = place.run(&["describe", module.to_str().unwrap()]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(ran.err.contains("no compile cache"), "{}", ran.err);
}

#[test]
fn every_command_explains_itself_with_an_example() {
    let place = Place::new();
    for command in ["demo", "describe", "dev", "build", "check", "test"] {
        let ran = place.run(&[command, "--help"]);
        assert_eq!(ran.code, 0);
        assert!(ran.out.contains("Example") && ran.out.contains(&format!("vyx {command}")), "{}", ran.out);
    }
    let ran = place.run(&["--help"]);
    assert!(ran.out.contains("Exit codes") && ran.out.contains("78"), "{}", ran.out);
    assert_eq!(place.run(&["frobnicate"]).code, 2);
}

#[test]
fn a_full_disk_below_standard_output_is_no_success() {
    let place = Place::new();
    let file = place.write("BTCUSDT-1m.csv", csv(&candles(200, 5)));
    let module = component("healthy");
    let module = module.to_str().unwrap();
    for args in [&["describe", module][..], &["describe", module, "--schema"], &["test", module, "--candles", &file]] {
        let full = File::options().write(true).open("/dev/full").unwrap();
        let ran = place.run_onto(full, args);
        assert_eq!(ran.code, 1, "{args:?}");
        assert!(ran.err.contains("standard output is not whole, it cannot be written"), "{args:?}: {}", ran.err);
    }
}
