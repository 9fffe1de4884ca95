//! The same candles give the same signals, to the byte, however they come.

use std::io::Write as _;

use serde_json::Value;

use crate::run::{Place, Ran, START_MS, candles, component, csv, json_lines};

const BUILT_INS: [&str; 6] = [
    "stoch-rsi-overbought-short",
    "macd-cross-below-40",
    "dual-stoch-rsi-entry",
    "rsi-oversold-bounce",
    "volume-spike-detector",
    "golden-cross",
];

fn replay(place: &Place, trader: &str, files: &[&str]) -> Ran {
    let module = component(trader);
    let mut args = vec!["test", module.to_str().unwrap(), "--json", "--params", "interval=1m", "--candles"];
    args.extend(files);
    let ran = place.run(&args);
    assert_eq!(ran.code, 0, "{}", ran.err);
    ran
}

#[test]
fn every_built_in_says_the_same_with_any_threads_and_from_a_cold_and_a_warm_cache() {
    let cold = Place::new().env("WORKERS", "1");
    let file = cold.write("BTCUSDT-1m.csv", csv(&candles(4_000, 5)));
    for trader in BUILT_INS {
        let first = replay(&cold, trader, &[&file]);
        assert!(!first.lines().is_empty(), "{trader} says nothing");
        assert_eq!(first.lines(), replay(&cold, trader, &[&file]).lines(), "{trader}, warm cache");
        let other = Place::new().env("WORKERS", "5");
        assert_eq!(first.lines(), replay(&other, trader, &[&file]).lines(), "{trader}, five threads, cold cache");
    }
}

#[test]
fn the_order_of_the_files_changes_nothing() {
    let place = Place::new();
    let [one, two, three] = ["BTCUSDT", "ETHUSDT", "LTCUSDT"].map(|symbol| {
        place.write(
            &format!("{symbol}-1m.csv"),
            csv(&candles(1_500, symbol.len() as u64 + u64::from(symbol.as_bytes()[0]))),
        )
    });
    let first = replay(&place, "rsi-oversold-bounce", &[&one, &two, &three]);
    let again = replay(&place, "rsi-oversold-bounce", &[&three, &one, &two]);
    assert!(first.lines().len() > 10);
    assert_eq!(first.lines(), again.lines());
}

#[test]
fn every_form_of_the_same_candles_says_the_same() {
    let place = Place::new();
    let candles = candles(2_000, 11);
    let plain = place.write("BTCUSDT-1m-plain.csv", csv(&candles));
    let archive = |scale: i64, header: bool| {
        let mut text = String::new();
        if header {
            text.push_str(
                "open_time,open,high,low,close,volume,close_time,quote_volume,count,taker_buy_volume,taker_buy_quote_volume,ignore\n",
            );
        }
        for [time, open, high, low, close, volume] in &candles {
            let (opens, closes) = (*time as i64 * scale, (*time as i64 + 60_000) * scale - 1);
            text.push_str(&format!("{opens},{open},{high},{low},{close},{volume},{closes},10.5,3,1.5,2.5,0\n"));
        }
        text
    };
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    zip.start_file("BTCUSDT-1m-2025-01.csv", zip::write::SimpleFileOptions::default()).unwrap();
    zip.write_all(archive(1_000, false).as_bytes()).unwrap();
    let zip = zip.finish().unwrap().into_inner();
    let crlf = csv(&candles).replace('\n', "\r\n");
    let files = [
        place.write("BTCUSDT-1m-ms.csv", archive(1, false)),
        place.write("BTCUSDT-1m-header.csv", archive(1, true)),
        place.write("BTCUSDT-1m-us.csv", archive(1_000, true)),
        place.write("BTCUSDT-1m-2025-01.zip", zip),
        place.write("BTCUSDT-1m-crlf.csv", crlf),
    ];
    // The archives carry a quote volume and the plain file none, so the rolling figures differ; nothing else does.
    let told = |ran: &Ran| -> Vec<Value> {
        let mut signals = ran.signals();
        for signal in &mut signals {
            signal["volume_at_signal"] = Value::Null;
        }
        signals
    };
    let expected = told(&replay(&place, "stoch-rsi-overbought-short", &[&plain]));
    assert!(expected.len() > 20);
    for file in &files {
        assert_eq!(told(&replay(&place, "stoch-rsi-overbought-short", &[file])), expected, "{file}");
    }
}

/// Production failures: `timestamp = now()`, change % always 0, the last candle read while still forming.
#[test]
fn a_signal_says_when_its_candle_closed_at_which_price_and_how_far_it_moved() {
    let place = Place::new();
    let candles = candles(3_000, 23);
    let file = place.write("BTCUSDT-1m.csv", csv(&candles));
    let signals = replay(&place, "stoch-rsi-overbought-short", &[&file]).signals();
    let mut ids = std::collections::BTreeSet::new();
    let mut changes = 0;
    for signal in &signals {
        assert!(ids.insert(signal["id"].to_string()), "ids are unique");
        let open_ms = {
            let time: jiff::Timestamp = signal["open_time"].as_str().unwrap().parse().unwrap();
            time.as_millisecond()
        };
        let close: jiff::Timestamp = signal["timestamp"].as_str().unwrap().parse().unwrap();
        assert_eq!(close.as_millisecond(), open_ms + 59_999);
        let at = ((open_ms - START_MS) / 60_000) as usize;
        assert_eq!(signal["price_at_signal"].as_f64().unwrap(), candles[at][4]);
        let key = format!(
            "v1|{}|BTCUSDT|1m|{open_ms}|{}",
            signal["trader_id"].as_str().unwrap(),
            signal["tag"].as_str().unwrap()
        );
        let id = uuid::Uuid::new_v5(&vyx_host::signal::identity::NAMESPACE, key.as_bytes());
        assert_eq!(signal["id"], id.to_string());
        match at.checked_sub(1_439) {
            None => assert!(signal["change_percent_at_signal"].is_null()),
            Some(first) => {
                let change = (candles[at][4] - candles[first][1]) / candles[first][1] * 100.0;
                assert_eq!(signal["change_percent_at_signal"].as_f64().unwrap(), change);
                changes += 1;
            }
        }
    }
    assert!(changes > 10, "{changes} of {}", signals.len());
}

#[test]
fn the_local_host_says_what_the_test_command_says() {
    let place = Place::new();
    let file = place.write("BTCUSDT-1m.csv", csv(&candles(2_000, 31)));
    std::fs::copy(component("rsi-oversold-bounce"), place.path("bounce.wasm")).unwrap();
    let id = "00000000-0000-4000-8000-0000000000b1";
    place.write(
        "traders.toml",
        format!(
            "[[traders]]\nid = \"{id}\"\nname = \"RSI Oversold Bounce\"\nis_built_in = true\nenabled = true\n\
             module = \"bounce.wasm\"\nparams = {{ interval = \"1m\" }}\n"
        ),
    );
    let dev = place.run(&["dev", ".", "--candles", &file, "--signals", "signals.jsonl"]);
    assert_eq!(dev.code, 0, "{}", dev.err);
    let module = component("rsi-oversold-bounce");
    let tested = place.run(&[
        "test",
        module.to_str().unwrap(),
        "--json",
        "--params",
        "interval=1m",
        "--trader-id",
        id,
        "--candles",
        &file,
    ]);
    let told = json_lines(&place.path("signals.jsonl"));
    assert!(told.len() > 5);
    assert_eq!(told, tested.signals());
}

#[test]
fn the_summary_is_the_last_line() {
    let place = Place::new();
    let mut with_a_hole = candles(1_000, 3);
    with_a_hole.drain(500..520);
    let file = place.write("BTCUSDT-1m.csv", csv(&with_a_hole));
    let ran = replay(&place, "stoch-rsi-overbought-short", &[&file]);
    let summary: Value = serde_json::from_str(ran.out.lines().last().unwrap()).unwrap();
    assert_eq!(summary["candles"], 980);
    assert_eq!(summary["evaluations"], 980);
    assert_eq!((&summary["gaps"], &summary["missing_candles"]), (&Value::from(1), &Value::from(20)));
    assert_eq!(summary["signals"].as_u64().unwrap() as usize, ran.signals().len());
    assert!(summary["fuel_per_evaluation"].as_f64().unwrap() > 10.0);
    assert!(summary["peak_memory_bytes"].as_u64().unwrap() > 65_536);
    assert!(summary["candles_per_second"].as_f64().unwrap() > 0.0);
}
