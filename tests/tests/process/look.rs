//! A look at one close, and the command that shows a fault again.

use std::process::Command;

use serde_json::Value;

use crate::run::{Place, START_MS, beside, candles, component, csv};

#[test]
fn a_close_is_shown_in_detail() {
    let place = Place::new();
    let mut files = Vec::new();
    for symbol in ["BTCUSDT", "ETHUSDT"] {
        files.push(place.write(&format!("{symbol}-1m.csv"), csv(&candles(600, symbol.len() as u64 + 3))));
    }
    let module = component("healthy");
    let module = module.to_str().unwrap();
    let args = ["test", module, "--candles", &files[0], &files[1]];
    let whole = place.run(&[&args[..], &["--json"]].concat());
    let signal = whole.signals().into_iter().find(|signal| signal["plots"]["rsi"][0].is_number()).unwrap();
    let close: jiff::Timestamp = signal["timestamp"].as_str().unwrap().parse().unwrap();
    for at in [close.to_string(), close.as_millisecond().to_string(), (close.as_millisecond() + 1).to_string()] {
        let look = place.run(&[&args[..], &["--json", "--at", &at]].concat());
        assert_eq!(look.code, 0, "{}", look.err);
        let look: Value = serde_json::from_str(&look.out).unwrap();
        assert_eq!(look["close_time_ms"], close.as_millisecond());
        let streams = look["streams"].as_array().unwrap();
        assert_eq!(streams.len(), 2);
        let stream = streams.iter().find(|stream| stream["symbol"] == signal["symbol"]).unwrap();
        assert_eq!(stream["plots"], signal["plots"], "as if all of it had been replayed");
        assert_eq!(stream["signals"], serde_json::json!([signal["tag"]]));
        assert_eq!(stream["candle"]["close"], signal["price_at_signal"]);
        assert_eq!(look["faults"], serde_json::json!([]));
    }
    let told = place.run(&[&args[..], &["--at", &close.to_string()]].concat());
    assert!(
        told.out.contains("BTCUSDT 1m") && told.out.contains("  rsi ") && told.out.contains("  signals "),
        "{}",
        told.out
    );
    let nothing = place.run(&[&args[..], &["--at", "2025-01-01T00:00:30Z"]].concat());
    assert_eq!(nothing.code, 2);
    assert!(nothing.err.contains("the nearest closes are 2025-01-01 00:01"), "{}", nothing.err);
    let late = place.run(&[&args[..], &["--at", "2026-01-01"]].concat());
    assert_eq!((late.code, late.err.contains("2025-01-01 10:00")), (2, true), "{}", late.err);
}

/// What a fault says is a command that a shell runs, and it shows the same fault.
#[test]
fn a_fault_comes_with_the_command_that_shows_it_again() {
    let place = Place::new();
    let file = place.write("candles of mine/it's BTCUSDT.csv", csv(&candles(300, 9)));
    let module = component("hostile-panic");
    let from = format!("from_ms={}", START_MS + 100 * 60_000);
    let named = format!("BTCUSDT:1m={file}");
    let ran = place.run(&["test", module.to_str().unwrap(), "--candles", &named, "--params", &from]);
    assert_eq!(ran.code, 1, "{}", ran.out);
    let fault = ran.err.lines().find(|line| line.contains("trap on BTCUSDT 1m")).unwrap();
    assert!(fault.contains("trap on BTCUSDT 1m, candle closing 2025-01-01 01:41"), "{fault}");
    assert!(fault.contains("examples/hostile_panic.rs:"), "{fault}");
    let command = ran.err.lines().find_map(|line| line.strip_prefix("see it again: ")).unwrap();
    assert!(command.ends_with(" --at 2025-01-01T01:41Z") && command.contains(&from), "{command}");

    let vyx = beside("VYX_BIN", "debug/vyx");
    let shell = command.replacen("vyx", "\"$VYX\"", 1);
    let again = Command::new("sh")
        .args(["-c", &shell])
        .current_dir(place.dir.path())
        .env("VYX", vyx)
        .env("DATA_DIR", place.path("data"))
        .output()
        .unwrap();
    assert_eq!(again.status.code(), Some(1), "{again:?}");
    let told = String::from_utf8_lossy(&again.stdout);
    let same = fault.split_once("trap on").unwrap().1;
    assert!(told.contains(&format!("fault        trap on{same}")), "{told} after {fault}");

    let json = place.run(&["test", module.to_str().unwrap(), "--candles", &named, "--params", &from, "--json"]);
    let summary: Value = serde_json::from_str(json.out.lines().last().unwrap()).unwrap();
    assert!(summary["reproduce"].as_str().unwrap().starts_with("vyx test "), "{summary}");
    // A later look finds that the trader is not there any more, and why.
    let later = place.run(&[
        "test",
        module.to_str().unwrap(),
        "--candles",
        &named,
        "--params",
        &from,
        "--at",
        "2025-01-01T04:59Z",
    ]);
    assert_eq!(later.code, 1);
    assert!(later.out.contains("was quarantined, after trap on BTCUSDT 1m"), "{}", later.out);
}

#[test]
fn the_local_host_tells_it_as_well() {
    let place = Place::new();
    let file = place.write("BTCUSDT-1m.csv", csv(&candles(300, 9)));
    std::fs::copy(component("hostile-panic"), place.path("panic.wasm")).unwrap();
    place.write(
        "traders.toml",
        format!(
            "[[traders]]\nid = \"00000000-0000-4000-8000-000000000001\"\nname = \"Panics\"\nis_built_in = true\nenabled = true\n\
             module = \"panic.wasm\"\nparams = {{ from_ms = {} }}\n",
            START_MS + 100 * 60_000
        ),
    );
    let recorded = place.run(&["dev", ".", "--candles", &file]);
    let said = format!("{}{}", recorded.out, recorded.err);
    let command = said.lines().find_map(|line| Some(line.split_once("see it again: ")?.1)).unwrap();
    assert!(command.starts_with("vyx test ./panic.wasm --candles "), "{said}");
    assert!(command.ends_with(" --at 2025-01-01T01:41Z"), "{command}");
    let words = said.matches("the market is closed to me").count();
    assert!((2..=3).contains(&words), "its own words, as it faults, and where it is quarantined: {said}");
    let made_up = place.run(&["dev", ".", "--synthetic", "4", "--symbols", "2", "--closes", "20", "--speed", "max"]);
    let said = format!("{}{}", made_up.out, made_up.err);
    assert!(said.contains("see it again: vyx dev . --synthetic 4 --symbols 2"), "{said}");
}
