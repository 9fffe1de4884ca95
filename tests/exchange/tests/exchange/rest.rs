//! REST: shapes, limits, refusals.

use std::time::Duration;

use serde_json::{Value, json};
use vyx_exchange::{Exchange, FORMING_HIGH, Gone, Limits, Listing, Setup};
use vyx_host::market::Interval;

use crate::support::*;

fn start(symbols: &[&str]) -> Exchange {
    Exchange::start(Setup::new(symbols, START_MS + 30_000, 0.0))
}

#[test]
fn candles_have_the_shape_of_the_real_ones_and_the_last_one_is_forming() {
    let exchange = start(&["BTCUSDT"]);
    let rows =
        klines(&exchange, &format!("symbol=BTCUSDT&interval=1m&startTime={}&limit=1000", START_MS - 3 * MINUTE_MS));
    assert_eq!(rows.len(), 4);
    let row = rows[0].as_array().unwrap();
    let kinds: Vec<bool> = row.iter().map(Value::is_string).collect();
    assert_eq!(kinds, [false, true, true, true, true, true, false, true, false, true, true, true]);
    assert_eq!(
        (row[0].as_i64(), row[6].as_i64()),
        (Some(START_MS - 3 * MINUTE_MS), Some(START_MS - 2 * MINUTE_MS - 1))
    );
    for place in [1, 2, 3, 4, 5, 7, 9, 10] {
        let text = row[place].as_str().unwrap();
        assert_eq!(text.split_once('.').unwrap().1.len(), 8, "eight decimal places: {text}");
    }
    let truth = exchange.archive("BTCUSDT", Interval::M1, START_MS - 3 * MINUTE_MS, START_MS);
    assert_eq!(rows[..3].iter().map(row_values).collect::<Vec<_>>(), truth);
    assert_eq!(row_values(&rows[3]).1[1], FORMING_HIGH);
    exchange.set_now_ms(START_MS + MINUTE_MS);
    let rows = klines(&exchange, "symbol=BTCUSDT&interval=1m&limit=2");
    assert!(row_values(&rows[0]).1[1] < FORMING_HIGH, "it has closed");
    assert_eq!(row_values(&rows[1]).0, START_MS + MINUTE_MS);
}

#[test]
fn which_candles_are_given_is_as_with_the_real_one() {
    let exchange = start(&["BTCUSDT"]);
    let opens = |query: &str| -> Vec<i64> {
        let rows = klines(&exchange, &format!("symbol=BTCUSDT&{query}"));
        rows.iter().map(|row| (row[0].as_i64().unwrap() - START_MS) / MINUTE_MS).collect()
    };
    assert_eq!(opens("interval=1m").len(), 500, "the default");
    assert_eq!(opens("interval=1m&limit=5000").len(), 1_000, "the most");
    assert_eq!(opens("interval=1m&limit=2"), [-1, 0], "the newest");
    let (from, until) = (START_MS - 9 * MINUTE_MS + 1, START_MS - 6 * MINUTE_MS);
    assert_eq!(opens(&format!("interval=1m&startTime={from}&limit=2")), [-8, -7], "the oldest from there");
    assert_eq!(opens(&format!("interval=1m&endTime={until}&limit=2")), [-7, -6], "the newest up to there");
    assert_eq!(opens(&format!("interval=1m&startTime={from}&endTime={until}")), [-8, -7, -6]);
    assert_eq!(opens(&format!("interval=1m&startTime={}", START_MS + MINUTE_MS)), [] as [i64; 0]);
    let first = klines(&exchange, "symbol=BTCUSDT&interval=1d&startTime=0&limit=1");
    assert_eq!(first[0][0], 1_502_928_000_000_i64, "nothing before the listing");
    for interval in Interval::ALL {
        let rows = klines(&exchange, &format!("symbol=BTCUSDT&interval={interval}&limit=3"));
        let now_ms = exchange.now_ms();
        assert_eq!(rows[2][0], interval.open_of(now_ms), "{interval}");
        assert_eq!(row_values(&rows[2]).1[1], FORMING_HIGH, "{interval}");
    }
}

#[test]
fn refusals_are_those_of_the_real_one() {
    let exchange = start(&["BTCUSDT"]);
    for (query, status, body) in [
        ("klines?symbol=NOPE&interval=1m", 400, json!({"code": -1121, "msg": "Invalid symbol."})),
        ("klines?symbol=BTCUSDT&interval=1x", 400, json!({"code": -1120, "msg": "Invalid interval."})),
        ("klines?symbol=BTCUSDT&interval=1M", 400, json!({"code": -1120, "msg": "Invalid interval."})),
        (
            "klines?symbol=BTCUSDT&interval=1m&limit=0",
            400,
            json!({"code": -1130, "msg": "Data sent for parameter 'limit' is not valid."}),
        ),
        (
            "klines?interval=1m",
            400,
            json!({"code": -1102, "msg": "Mandatory parameter 'symbol' was not sent, was empty/null, or malformed."}),
        ),
        (
            "klines?symbol=btcusdt&interval=1m",
            400,
            json!({"code": -1100, "msg": "Illegal characters found in parameter 'symbol'; legal range is '^[A-Z0-9-_.]{1,20}$'."}),
        ),
        (
            "klines?symbol=BTCUSDT&interval=1m&from=1",
            400,
            json!({"code": -1104, "msg": "Not all sent parameters were read; read '2' parameter(s) but was sent '3'."}),
        ),
        ("exchangeInfo?symbol=NOPE", 400, json!({"code": -1121, "msg": "Invalid symbol."})),
        ("exchangeInfo?symbolStatus=NOPE", 400, json!({"code": -1122, "msg": "Invalid symbolStatus."})),
        ("ticker/24hr?type=HUGE", 400, json!({"code": -1139, "msg": "Invalid ticker type."})),
    ] {
        let answer = get(&exchange, &format!("/api/v3/{query}"));
        assert_eq!((answer.status, answer.json()), (status, body), "{query}");
    }
    let answer = get(&exchange, "/api/v1/klines");
    assert_eq!((answer.status, answer.text.contains("<html>")), (404, true));
}

#[test]
fn markets_are_listed_and_may_be_asked_for_by_status() {
    let mut setup = Setup::new(&["BTCUSDT", "ETHBTC"], START_MS, 0.0);
    setup.listings.push(Listing::new("HALTUSDT").status("BREAK"));
    setup.listings.push(Listing::new("NEWUSDT").status("SOMETHING_NEW"));
    let exchange = Exchange::start(setup);
    let listed = |query: &str| -> Vec<(String, String, String)> {
        let info = get(&exchange, &format!("/api/v3/exchangeInfo{query}")).json();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let symbols = info["symbols"].as_array().unwrap().iter();
        symbols.map(|entry| (text(&entry["symbol"]), text(&entry["quoteAsset"]), text(&entry["status"]))).collect()
    };
    let entry = |name: &str, quote: &str, status: &str| (name.to_owned(), quote.to_owned(), status.to_owned());
    let all = [
        entry("BTCUSDT", "USDT", "TRADING"),
        entry("ETHBTC", "BTC", "TRADING"),
        entry("HALTUSDT", "USDT", "BREAK"),
        entry("NEWUSDT", "USDT", "SOMETHING_NEW"),
    ];
    assert_eq!(listed(""), all);
    assert_eq!(listed("?permissions=SPOT"), all);
    assert_eq!(listed("?permissions=%5B%22MARGIN%22%5D"), []);
    assert_eq!(listed("?symbolStatus=TRADING"), all[..2]);
    assert_eq!(listed("?symbol=ETHBTC"), all[1..2]);
    assert_eq!(listed("?symbols=%5B%22HALTUSDT%22%2C%22BTCUSDT%22%5D"), [all[0].clone(), all[2].clone()]);
    let info = get(&exchange, "/api/v3/exchangeInfo").json();
    assert!(
        info["rateLimits"].as_array().unwrap().contains(
            &json!({"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": 6_000})
        )
    );
    assert_eq!(info["symbols"][0]["isSpotTradingAllowed"], true);
    assert_eq!(info["serverTime"], START_MS);

    exchange.set_status_at("BTCUSDT", "HALT", START_MS + 5 * MINUTE_MS);
    exchange.set_now_ms(START_MS + 8 * MINUTE_MS);
    assert_eq!(listed("?symbolStatus=HALT").len(), 1);
    let rows = klines(&exchange, "symbol=BTCUSDT&interval=1m&limit=1");
    assert_eq!(rows[0][0], START_MS + 4 * MINUTE_MS, "nothing is traded while it is halted");
    exchange.delist_at("BTCUSDT", Gone::Stale, START_MS + 8 * MINUTE_MS);
    exchange.delist_at("ETHBTC", Gone::Unknown, START_MS + 8 * MINUTE_MS);
    assert_eq!(listed(""), all[2..]);
    assert_eq!(klines(&exchange, "symbol=BTCUSDT&interval=1m&limit=1"), rows);
    assert_eq!(get(&exchange, "/api/v3/klines?symbol=ETHBTC&interval=1m").code(), -1121);
}

#[test]
fn the_ticker_sums_the_last_day() {
    let mut setup = Setup::new(&["BTCUSDT", "ETHUSDT"], START_MS, 0.0);
    setup.listings.push(Listing::new("DUSTUSDT").quote_volume(10.0));
    let exchange = Exchange::start(setup);
    let one = get(&exchange, "/api/v3/ticker/24hr?symbol=BTCUSDT&type=MINI").json();
    let day = exchange.archive_klines("BTCUSDT", Interval::D1, START_MS - 86_400_000, START_MS)[0];
    assert_eq!(one["quoteVolume"], day.quote_volume.to_string());
    assert_eq!(one["openPrice"], day.open.to_string());
    assert_eq!(one["lastPrice"], day.close.to_string());
    assert_eq!(one.get("priceChangePercent"), None);
    let all = get(&exchange, "/api/v3/ticker/24hr").json();
    assert_eq!(all.as_array().unwrap().len(), 3);
    assert!(all[0]["priceChangePercent"].is_string());
    assert_eq!(all[2]["quoteVolume"], "10.00000000");
    let volume = |place: usize| all[place]["quoteVolume"].as_str().unwrap().parse::<f64>().unwrap();
    assert!(volume(0) > volume(1) && volume(1) > 1e8, "the first one is traded most");
}

#[test]
fn weight_is_counted_and_whoever_goes_on_is_banned() {
    let limits = Limits { weight: 50, refusals: 2, ..Limits::default() };
    let exchange = Exchange::start(Setup { limits, ..Setup::new(&["BTCUSDT"], START_MS, 0.0) });
    let used = |path: &str| get(&exchange, path).number("x-mbx-used-weight-1m");
    assert_eq!(used("/api/v3/time"), 1);
    assert_eq!(used("/api/v3/klines?symbol=BTCUSDT&interval=1m&limit=1"), 3);
    assert_eq!(used("/api/v3/ticker/24hr?symbol=BTCUSDT"), 5);
    assert_eq!(used("/api/v3/exchangeInfo"), 25);
    for status in [200, 429, 429, 418, 418] {
        let answer = get(&exchange, "/api/v3/exchangeInfo");
        assert_eq!(answer.status, status);
        if status != 200 {
            assert_eq!(answer.code(), -1003);
            assert!((1..=120).contains(&answer.number("retry-after")));
            assert_eq!(answer.text.contains("IP banned until "), status == 418);
        }
    }
    let journal = exchange.journal();
    let statuses: Vec<_> = journal.asked("/api/v3/exchangeInfo").map(|asked| asked.status.unwrap()).collect();
    assert_eq!(statuses, [200, 200, 429, 429, 418, 418]);
    assert_eq!(journal.requests[1].query, "symbol=BTCUSDT&interval=1m&limit=1");
}

#[test]
fn a_minute_of_weight_passes_as_fast_as_it_is_told_to() {
    let limits = Limits { weight: 20, factor: 600.0, ban: Duration::ZERO, ..Limits::default() };
    let exchange = Exchange::start(Setup { limits, ..Setup::new(&["BTCUSDT"], START_MS, 0.0) });
    // A tenth of a second is a minute of it: whatever was used, it is given back.
    let passed = (0..1_000).filter(|_| get(&exchange, "/api/v3/exchangeInfo").status == 200).take(3).count();
    assert_eq!(passed, 3);
}
