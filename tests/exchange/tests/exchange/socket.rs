//! WebSocket: shapes, subscriptions, limits.

use std::time::Duration;

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::{Error, Message};
use vyx_exchange::{Exchange, FORMING_HIGH, Limits, Setup};
use vyx_host::market::Interval;

use crate::support::*;

fn setup() -> Setup {
    Setup::new(&["BTCUSDT", "ETHUSDT"], START_MS + 30_000, 0.0)
}

/// Without forming candles.
fn closes_only() -> Exchange {
    Exchange::start(Setup { forming_every_ms: 0, ..setup() })
}

#[test]
fn a_close_has_the_shape_of_the_real_one() {
    let exchange = closes_only();
    let mut socket = Socket::open(&exchange, "/stream");
    socket.subscribe(&["btcusdt@kline_1m", "btcusdt@kline_5m"]);
    exchange.set_now_ms(START_MS + MINUTE_MS + 1_000);
    let message = socket.json();
    let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(keys(&message), ["data", "stream"]);
    assert_eq!(message["stream"], "btcusdt@kline_1m");
    let data = &message["data"];
    assert_eq!(keys(data), ["E", "e", "k", "s"]);
    assert_eq!((&data["e"], &data["s"]), (&json!("kline"), &json!("BTCUSDT")));
    let kline = &data["k"];
    let names = ["B", "L", "Q", "T", "V", "c", "f", "h", "i", "l", "n", "o", "q", "s", "t", "v", "x"];
    assert_eq!(keys(kline), names);
    assert_eq!(kline["T"], START_MS + MINUTE_MS - 1);
    assert_eq!((&kline["i"], &kline["s"], &kline["x"]), (&json!("1m"), &json!("BTCUSDT"), &json!(true)));
    assert!(data["E"].as_i64().unwrap() > kline["T"].as_i64().unwrap(), "after the close");
    let trades = kline["L"].as_i64().unwrap() - kline["f"].as_i64().unwrap() + 1;
    assert_eq!(kline["n"], trades);
    assert_eq!(vec![values(kline)], exchange.archive("BTCUSDT", Interval::M1, START_MS, START_MS + MINUTE_MS));
}

#[test]
fn all_that_closes_while_the_clock_is_set_ahead_comes_in_its_order() {
    let exchange = closes_only();
    let mut socket = Socket::open(&exchange, "/stream?streams=btcusdt@kline_1m/btcusdt@kline_5m/ethusdt@kline_1m");
    exchange.wait_until("the connection", |journal| journal.streams().len() == 3);
    let until_ms = START_MS + 60 * MINUTE_MS;
    exchange.set_now_ms(until_ms + 1_000);
    let events: Vec<Value> = (0..60 + 60 + 12).map(|_| socket.close()).collect();
    assert!(events.is_sorted_by_key(|event| event["E"].as_i64().unwrap()));
    for (symbol, interval) in [("BTCUSDT", Interval::M1), ("BTCUSDT", Interval::M5), ("ETHUSDT", Interval::M1)] {
        let of = |event: &&Value| event["s"] == symbol && event["k"]["i"] == interval.as_str();
        let got: Vec<_> = events.iter().filter(of).map(|event| values(&event["k"])).collect();
        assert_eq!(got, exchange.archive(symbol, interval, START_MS, until_ms));
    }
}

#[test]
fn forming_candles_are_told_as_often_as_wanted_and_nobody_can_take_them_for_closed() {
    let exchange = Exchange::start(Setup { factor: 60.0, forming_pause: Duration::ZERO, ..setup() });
    let mut socket = Socket::open(&exchange, "/stream");
    socket.subscribe(&["ethusdt@kline_1m"]);
    let forming = socket.event(|data| data["k"]["x"] == false);
    assert!(forming["E"].as_i64() <= forming["k"]["T"].as_i64());
    assert_eq!(values(&forming["k"]).1[1], FORMING_HIGH);
    let close = socket.close();
    assert!(values(&close["k"]).1[1] < FORMING_HIGH);
}

#[test]
fn subscriptions_are_answered_listed_and_ended() {
    let exchange = closes_only();
    let mut socket = Socket::open(&exchange, "/stream");
    socket.subscribe(&["btcusdt@kline_1m", "ethusdt@kline_1m"]);
    let listed = socket.ask("LIST_SUBSCRIPTIONS", Value::Null, 2);
    assert_eq!(listed, json!({"result": ["btcusdt@kline_1m", "ethusdt@kline_1m"], "id": 2}));
    assert_eq!(socket.ask("UNSUBSCRIBE", json!(["btcusdt@kline_1m"]), 3), json!({"result": null, "id": 3}));
    exchange.set_now_ms(START_MS + MINUTE_MS + 1_000);
    assert_eq!(socket.close()["s"], "ETHUSDT");
    let refused = socket.ask("SUBSCRIPE", json!([]), 4);
    assert_eq!((&refused["error"]["code"], &refused["id"]), (&json!(2), &json!(4)));

    let journal = exchange.journal();
    let connection = &journal.connections[0];
    assert_eq!(connection.subscribes, [2]);
    assert_eq!((connection.streams.len(), connection.streams_ever.len()), (1, 2));
    assert_eq!((connection.closes, connection.messages), (1, 4));
}

#[test]
fn raw_streams_come_without_the_wrapper() {
    let exchange = closes_only();
    let mut socket = Socket::open(&exchange, "/ws/btcusdt@kline_1m");
    exchange.wait_until("the connection", |journal| journal.streams().len() == 1);
    exchange.set_now_ms(START_MS + MINUTE_MS + 1_000);
    assert_eq!(socket.json()["e"], "kline");
    let mut socket = Socket::open(&exchange, "/ws");
    assert_eq!(socket.ask("GET_PROPERTY", json!(["combined"]), 1)["result"], false);
    assert_eq!(socket.ask("SET_PROPERTY", json!(["combined", true]), 2)["result"], Value::Null);
    socket.subscribe(&["btcusdt@kline_1m"]);
    exchange.advance(MINUTE_MS);
    assert_eq!(socket.json()["stream"], "btcusdt@kline_1m");
}

#[test]
fn whoever_says_too_much_is_cut_off() {
    let exchange = closes_only();
    let mut socket = Socket::open(&exchange, "/stream");
    for id in 0..6 {
        socket.say(&json!({"method": "LIST_SUBSCRIPTIONS", "id": id}).to_string());
    }
    assert_eq!(socket.ending(), (1008, "Too many requests".to_owned()));
    exchange.wait_until("the end", |journal| !journal.connections[0].is_open());
    assert_eq!(exchange.journal().most_in_a_second(), 6);
}

#[test]
fn there_are_limits_of_streams_and_connections() {
    let limits = Limits { streams: 3, connections: 2, ..Limits::default() };
    let exchange = Exchange::start(Setup { limits, ..setup() });
    let mut socket = Socket::open(&exchange, "/stream?streams=a@kline_1m/b@kline_1m");
    let refused = socket.ask("SUBSCRIBE", json!(["c@kline_1m", "d@kline_1m"]), 1);
    assert_eq!(refused, json!({"error": {"code": 4, "msg": "Too many subscriptions"}, "id": 1}));
    socket.subscribe(&["c@kline_1m"]);
    let _second = Socket::open(&exchange, "/stream");
    match Socket::try_open(&exchange, "/stream") {
        Err(Error::Http(answer)) => assert_eq!(answer.status().as_u16(), 429),
        _ => panic!("a third connection"),
    }
    assert_eq!(exchange.journal().refused, 1);
}

#[test]
fn pings_must_be_answered() {
    let ping_every = Duration::from_millis(50);
    let exchange = Exchange::start(Setup { ping_every, pong_within: Duration::from_secs(30), ..setup() });
    let mut socket = Socket::open(&exchange, "/stream");
    let Message::Ping(payload) = socket.frame().unwrap() else { panic!("no ping") };
    assert_eq!(payload.as_ref(), (START_MS + 30_000).to_string().as_bytes());
    socket.frame().unwrap();
    exchange.wait_until("a pong", |journal| journal.connections[0].pongs > 0);
    drop(socket);

    let exchange = Exchange::start(Setup { ping_every, pong_within: ping_every, ..setup() });
    // Nobody reads from it, so nobody answers.
    let _socket = Socket::open(&exchange, "/stream");
    exchange.wait_until("the end", |journal| journal.connections.iter().any(|connection| !connection.is_open()));
    assert_eq!(exchange.journal().connections[0].ending.as_deref(), Some("1008 Pong timeout"));
}

#[test]
fn a_connection_lives_a_day_of_the_exchange() {
    let exchange = closes_only();
    let mut socket = Socket::open(&exchange, "/stream");
    socket.subscribe(&["btcusdt@kline_1m"]);
    exchange.advance(24 * 60 * MINUTE_MS);
    assert_eq!(socket.ending().0, 1001);
}

#[test]
fn a_fast_clock_loses_nothing() {
    let names = [
        "BTCUSDT",
        "ETHUSDT",
        "BNBUSDT",
        "SOLUSDT",
        "XRPUSDT",
        "ADAUSDT",
        "DOGEUSDT",
        "JUPUSDT",
        "SUPERUSDT",
        "LINKUSDT",
    ];
    let exchange = Exchange::start(Setup::new(&names, START_MS + 30_000, 1_000.0));
    let intervals = [Interval::M1, Interval::M5, Interval::M15];
    let streams: Vec<String> = names
        .iter()
        .flat_map(|name| intervals.map(|interval| format!("{}@kline_{interval}", name.to_ascii_lowercase())))
        .collect();
    let mut socket = Socket::open(&exchange, &format!("/stream?streams={}", streams.join("/")));
    let mut got: Vec<(i64, String, String, [f64; 8])> = Vec::new();
    let from_ms = START_MS + 15 * MINUTE_MS;
    let until_ms = from_ms + 30 * MINUTE_MS;
    let expected: Vec<_> = names
        .iter()
        .flat_map(|name| intervals.map(|interval| (*name, interval)))
        .flat_map(|(name, interval)| {
            let candles = exchange.archive(name, interval, from_ms, until_ms);
            candles.into_iter().map(move |(open_ms, values)| (open_ms, name.to_owned(), interval.to_string(), values))
        })
        .collect();
    while got.len() < expected.len() {
        let close = socket.close();
        let (open_ms, values) = values(&close["k"]);
        assert!(close["E"].as_i64() > close["k"]["T"].as_i64());
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        if (from_ms..until_ms).contains(&open_ms) {
            got.push((open_ms, text(&close["s"]), text(&close["k"]["i"]), values));
        }
    }
    let sorted = |mut list: Vec<(i64, String, String, [f64; 8])>| {
        list.sort_by(|a, b| (a.0, &a.1, &a.2).cmp(&(b.0, &b.1, &b.2)));
        list
    };
    assert_eq!(sorted(got), sorted(expected));
}
