use serde_json::{Value, json};

use super::*;
use crate::signal::outbox::fixtures::trader;

const USER: &str = "63eea370-27a1-4099-866a-e3ed340b278d";
const APP: &str = "0f7a1c1e-5d0e-4b1f-9a55-6f2b8f6f2b11";

fn value(signal: &StampedSignal) -> Value {
    serde_json::from_str(&Row::of(signal).unwrap().json).unwrap()
}

fn kline(close_ms: i64, close: f64) -> Kline {
    Kline { close_ms, open: 1.0, high: 3.0, low: 0.5, close, volume: 7.25 }
}

#[test]
fn a_row_is_what_the_table_takes() {
    let chart = vec![kline(59_999, 2.0), kline(119_999, 2.5)];
    let plots: &[(&str, &[Option<f64>])] =
        &[("macd", &[Some(0.1), None, Some(-0.25)]), ("rsi", &[Some(30.5)]), ("none", &[None])];
    let signal = StampedSignal::sample(trader(7), 1, "up", false)
        .owned_by(USER.parse().unwrap(), APP.parse().unwrap())
        .priced(2.5, Some((-1.25, 1e9)))
        .drawn(plots, chart);
    let mut row = value(&signal);
    let provenance = row["provenance"].take();
    assert_eq!(provenance["warm"], json!(true));
    assert_eq!(provenance["first_candle"], json!("1970-01-01T00:00:00Z"));
    assert_eq!(
        row,
        json!({
            "id": signal.id(),
            "trader_id": "00000000-0000-0000-0000-000000000007",
            "user_id": USER,
            "symbol": "BTCUSDT",
            "interval": "1m",
            "timestamp": "1970-01-01T00:01:59.999Z",
            "price_at_signal": 2.5,
            "change_percent_at_signal": -1.25,
            "volume_at_signal": 1e9,
            "count": 1,
            "source": "cloud",
            "fly_app_id": APP,
            "indicator_data": {
                "macd": [{"x": 119_999, "y": 0.1, "y3": -0.25}],
                "rsi": [{"x": 119_999, "y": 30.5}],
                "none": [],
                "klines": [
                    {"x": 59_999, "o": 1.0, "h": 3.0, "l": 0.5, "c": 2.0, "v": 7.25},
                    {"x": 119_999, "o": 1.0, "h": 3.0, "l": 0.5, "c": 2.5, "v": 7.25},
                ],
            },
            "metadata": {"open_time": "1970-01-01T00:01:00.000Z"},
            "provenance": null,
            "tag": "up",
        })
    );
}

#[test]
fn every_row_has_all_columns_and_no_other() {
    for historical in [false, true] {
        let row = value(&StampedSignal::sample(trader(7), 1, "up", historical));
        let mut keys: Vec<&str> = row.as_object().unwrap().keys().map(String::as_str).collect();
        let mut columns = COLUMNS.to_vec();
        keys.sort_unstable();
        columns.sort_unstable();
        assert_eq!(keys, columns);
        for column in ["user_id", "fly_app_id", "change_percent_at_signal", "volume_at_signal"] {
            assert_eq!(row[column], Value::Null);
        }
    }
}

#[test]
fn what_warm_up_found_has_a_table_of_its_own() {
    let table = |historical| Row::of(&StampedSignal::sample(trader(7), 1, "up", historical)).unwrap().table;
    assert_eq!(table(false).as_str(), "signals");
    assert_eq!(table(true).as_str(), "historical_signals");
    for table in Table::ALL {
        assert_eq!(Table::of_number(table.number()), Some(table));
    }
}

#[test]
fn a_number_that_json_lacks_makes_no_row() {
    let signal = || StampedSignal::sample(trader(7), 1, "up", false);
    for (signal, what) in [
        (signal().priced(f64::NAN, None), "price_at_signal"),
        (signal().priced(1.0, Some((f64::INFINITY, 1.0))), "change_percent_at_signal"),
        (signal().priced(1.0, Some((1.0, f64::NEG_INFINITY))), "volume_at_signal"),
    ] {
        let error = Row::of(&signal).unwrap_err().to_string();
        assert!(error.ends_with(&format!("{what} is not a number that JSON has")), "{error}");
    }
    let chart = vec![kline(59_999, f64::NAN), Kline { volume: f64::NAN, ..kline(119_999, 2.0) }];
    let row = value(&signal().drawn(&[("rsi", &[Some(f64::NAN)])], chart));
    assert_eq!(row["indicator_data"]["rsi"], json!([]));
    assert_eq!(
        row["indicator_data"]["klines"],
        json!([{"x": 119_999, "o": 1.0, "h": 3.0, "l": 0.5, "c": 2.0, "v": null}])
    );
}

#[test]
fn the_json_line_has_no_candles() {
    let plain = StampedSignal::sample(trader(7), 1, "up", false);
    let drawn = plain.clone().drawn(&[], vec![kline(59_999, 2.0)]);
    assert_eq!(serde_json::to_string(&plain).unwrap(), serde_json::to_string(&drawn).unwrap());
    assert_eq!(Row::of(&drawn).unwrap().brief, serde_json::to_string(&plain).unwrap());
}
