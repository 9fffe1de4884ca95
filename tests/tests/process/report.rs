//! `vyx test --report`: a page that holds what the replay said.

use serde_json::Value;

use crate::run::{Place, Ran, START_MS, candles, component, csv};

fn test(place: &Place, more: &[&str]) -> Ran {
    let module = component("macd-cross-below-40");
    let mut args = vec!["test", module.to_str().unwrap(), "--json", "--params", "interval=1m"];
    args.extend(more);
    place.run(&args)
}

fn data(page: &str) -> Value {
    let (_, rest) = page.split_once("<script type=\"application/json\" id=\"data\">").unwrap();
    serde_json::from_str(rest.split_once("</script>").unwrap().0).unwrap()
}

fn open_ms(signal: &Value) -> i64 {
    signal["open_time"].as_str().unwrap().parse::<jiff::Timestamp>().unwrap().as_millisecond()
}

#[test]
fn a_report_holds_every_signal_candle_plot_and_gap() {
    let place = Place::new();
    let mut with_a_hole = candles(3_000, 5);
    with_a_hole.drain(500..520);
    let btc = place.write("BTCUSDT-1m.csv", csv(&with_a_hole));
    let eth = place.write("ETHUSDT-1m.csv", csv(&candles(2_000, 9)));
    let ran = test(&place, &["--candles", &btc, &eth, "--report", "out.html"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(ran.err.lines().any(|line| line.starts_with("report: ") && line.contains("out.html")), "{}", ran.err);
    let page = std::fs::read_to_string(place.path("out.html")).unwrap();
    let data = data(&page);

    let told: Vec<(Value, i64, Value)> = ran
        .signals()
        .iter()
        .map(|signal| (signal["symbol"].clone(), open_ms(signal), signal["price_at_signal"].clone()))
        .collect();
    let shown: Vec<(Value, i64, Value)> = data["signals"]
        .as_array()
        .unwrap()
        .iter()
        .map(|signal| {
            let stream = &data["streams"][signal["stream"].as_u64().unwrap() as usize];
            (stream["symbol"].clone(), signal["open_time_ms"].as_i64().unwrap(), signal["price"].clone())
        })
        .collect();
    assert!(told.len() > 10);
    assert_eq!(shown, told);

    let streams = data["streams"].as_array().unwrap();
    let counts: Vec<(&Value, &Value)> =
        streams.iter().map(|stream| (&stream["candles"], &stream["evaluated"])).collect();
    assert_eq!(counts, [(&Value::from(2_980), &Value::from(2_980)), (&Value::from(2_000), &Value::from(2_000))]);
    assert_eq!(streams[0]["runs"][1], serde_json::json!([START_MS + 520 * 60_000, 2_480]));
    assert_eq!(data["gaps"].as_array().unwrap().len(), 1);
    assert_eq!(data["gaps"][0]["missing"], 20);

    // Plots are those that the signals carry: the line is summed up to the candle.
    let lines = streams[0]["lines"].as_array().unwrap();
    assert_eq!(lines.len(), 4);
    let signals = ran.signals();
    let (signal, at) = (&signals[told.len() - 1], &data["signals"][told.len() - 1]);
    let line = &streams[at["stream"].as_u64().unwrap() as usize]["lines"][3]["steps"];
    let steps = line["steps"].as_array().unwrap().iter().take(at["candle"].as_u64().unwrap() as usize + 1);
    let sum: i64 = steps.filter_map(Value::as_i64).sum();
    let value = sum as f64 / 10_f64.powi(line["decimals"].as_i64().unwrap() as i32);
    assert!((value - signal["plots"]["rsi"][0].as_f64().unwrap()).abs() < 1e-5, "{value} {signal}");

    let again = test(&place, &["--candles", &btc, &eth, "--report", "again.html"]);
    assert_eq!(again.lines(), ran.lines());
    assert_eq!(
        std::fs::read_to_string(place.path("again.html")).unwrap(),
        page,
        "the same replay gives the same bytes"
    );
    assert_eq!(test(&place, &["--candles", &btc, &eth]).lines(), ran.lines(), "and being watched changes nothing");
}

#[test]
fn a_report_of_a_part_shows_what_is_counted_there() {
    let place = Place::new();
    let file = place.write("BTCUSDT-1m.csv", csv(&candles(3_000, 5)));
    let from = (START_MS + 1_000 * 60_000).to_string();
    let ran = test(&place, &["--candles", &file, "--from", &from, "--report", "out.html"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let data = data(&std::fs::read_to_string(place.path("out.html")).unwrap());
    let times = |signals: &[Value]| signals.iter().map(open_ms).collect::<Vec<_>>();
    let shown: Vec<i64> =
        data["signals"].as_array().unwrap().iter().map(|signal| signal["open_time_ms"].as_i64().unwrap()).collect();
    assert!(!shown.is_empty());
    assert_eq!(shown, times(&ran.signals()));
    assert_eq!((&data["from_ms"], &data["to_ms"]), (&Value::from(START_MS + 1_000 * 60_000), &Value::Null));
    assert_eq!(data["streams"][0]["candles"], 3_000, "what lies before is drawn");
    assert_eq!(data["cost"]["outcomes"]["ok"], 2_000);
}

#[test]
fn a_file_that_cannot_be_written_is_told_before_anything_is_replayed() {
    let place = Place::new();
    let file = place.write("BTCUSDT-1m.csv", csv(&candles(300, 5)));
    let ran = test(&place, &["--candles", &file, "--report", "no/such/out.html"]);
    assert_eq!((ran.code, ran.out.as_str()), (2, ""));
    assert!(ran.err.contains("cannot write \"no/such/out.html\": no such file or directory"), "{}", ran.err);
    let ran = test(&place, &["--candles", &file, "--report", "."]);
    assert_eq!((ran.code, ran.out.as_str()), (2, ""));
    assert!(ran.err.contains("\".\" is there and is not a file, give another path"), "{}", ran.err);
    let ran = test(&place, &["--candles", &file, "--report", "out.html", "--sweep", "rsi_line=30,40"]);
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("cannot be used with"), "{}", ran.err);
    let ran = test(&place, &["--candles", "missing.csv", "--report", "out.html"]);
    assert_eq!(ran.code, 2);
    let left: Vec<_> = std::fs::read_dir(place.dir.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(left.iter().all(|name| !name.to_string_lossy().contains("out.html")), "nothing is left over: {left:?}");
}

#[test]
fn a_trader_that_faults_has_a_report_too() {
    let place = Place::new();
    let file = place.write("BTCUSDT-1m.csv", csv(&candles(300, 5)));
    let module = component("hostile-panic");
    let from = format!("from_ms={}", START_MS + 100 * 60_000);
    let ran =
        place.run(&["test", module.to_str().unwrap(), "--candles", &file, "--params", &from, "--report", "out.html"]);
    assert_eq!(ran.code, 1, "{}", ran.err);
    let data = data(&std::fs::read_to_string(place.path("out.html")).unwrap());
    let faults = data["cost"]["faults"].as_array().unwrap();
    assert!(!faults.is_empty() && faults[0]["outcome"] == "trap", "{faults:?}");
    let counted: u64 = data["cost"]["outcomes"]
        .as_object()
        .unwrap()
        .iter()
        .filter(|(name, _)| *name != "ok")
        .map(|(_, n)| n.as_u64().unwrap())
        .sum();
    assert_eq!(counted, faults.len() as u64);
}
