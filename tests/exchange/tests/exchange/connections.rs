//! Faults of connections and of SUBSCRIBE.

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::{Error, Message};
use vyx_exchange::{Effect, Exchange, Fault, Garbage, Match, Setup};

use crate::support::*;

fn start() -> Exchange {
    let setup = Setup::new(&["BTCUSDT", "ETHUSDT"], START_MS + 30_000, 0.0);
    Exchange::start(Setup { forming_every_ms: 0, ..setup })
}

fn subscribed(exchange: &Exchange) -> Socket {
    let mut socket = Socket::open(exchange, "/stream");
    socket.subscribe(&["btcusdt@kline_1m"]);
    socket
}

#[test]
fn a_silent_one_answers_pings_and_nothing_else() {
    let exchange = start();
    let mut socket = subscribed(&exchange);
    let mut other = subscribed(&exchange);
    exchange.fault(Fault::new(Match::any().connection(0), Effect::Silent).times(1));
    for _ in 0..3 {
        exchange.advance(MINUTE_MS);
        other.close();
    }
    socket.send(Message::Ping("are you there".into()));
    loop {
        match socket.frame().unwrap() {
            Message::Ping(_) => {}
            Message::Pong(payload) => {
                assert_eq!(payload.as_ref(), b"are you there");
                break;
            }
            other => panic!("{other:?}"),
        }
    }
    let journal = exchange.journal();
    assert_eq!((journal.connections[0].closes, journal.connections[0].faults.as_slice()), (0, ["silent"].as_slice()));
    assert_eq!(journal.connections[1].closes, 3);
    assert!(journal.connections[0].is_open());
}

#[test]
fn a_half_open_one_neither_reads_nor_writes_nor_ends() {
    let exchange = start();
    let mut socket = subscribed(&exchange);
    assert_eq!(exchange.strike(Effect::HalfOpen), 1);
    exchange.wait_until("the fault", |journal| !journal.connections[0].is_open());
    socket.send(Message::Ping("are you there".into()));
    let mut other = subscribed(&exchange);
    exchange.advance(MINUTE_MS);
    other.close();
    assert!(socket.is_mute(), "nothing has come, and it is not closed");
    assert_eq!(exchange.journal().connections[0].ending.as_deref(), Some("half-open"));
    exchange.strike(Effect::Cut);
    assert!(socket.frame().is_err(), "it can be cut at last");
}

#[test]
fn cut_and_closed_ones() {
    let exchange = start();
    let mut socket = subscribed(&exchange);
    let fault = exchange.fault(Fault::new(Match::any(), Effect::Cut).times(1));
    exchange.advance(MINUTE_MS);
    loop {
        match socket.frame() {
            Ok(Message::Ping(_)) => {}
            Ok(other) => panic!("{other:?}"),
            Err(error) => {
                assert!(matches!(error, Error::Io(_) | Error::Protocol(_)), "an abrupt end: {error:?}");
                break;
            }
        }
    }
    assert_eq!(exchange.fault_hits(fault), 1);
    let mut socket = subscribed(&exchange);
    exchange.strike(Effect::Close(1001));
    assert_eq!(socket.ending().0, 1001);
}

#[test]
fn a_shutdown_is_told_before_it_comes() {
    let exchange = start();
    let mut socket = subscribed(&exchange);
    exchange.strike(Effect::Shutdown(90_000..=90_000));
    let told = socket.json();
    assert_eq!(told, json!({"stream": "!serverShutdown", "data": {"e": "serverShutdown", "E": START_MS + 30_000}}));
    exchange.advance(MINUTE_MS);
    assert_eq!(socket.close()["k"]["t"], START_MS, "until then it goes on");
    exchange.advance(30_000);
    assert_eq!(socket.ending().0, 1001);
}

#[test]
fn garbage_comes_beside_what_is_right() {
    let exchange = start();
    let mut socket = subscribed(&exchange);
    for garbage in [Garbage::NotJson, Garbage::OtherShape, Garbage::Half, Garbage::Binary, Garbage::Huge(9_000_000)] {
        exchange.fault(Fault::new(Match::any(), Effect::Garbage(garbage)).times(1));
        exchange.advance(MINUTE_MS);
        let frame = loop {
            match socket.frame().unwrap() {
                Message::Ping(_) => {}
                frame => break frame,
            }
        };
        let json: Result<Value, _> =
            frame.to_text().map_err(drop).and_then(|text| serde_json::from_str(text).map_err(drop));
        match garbage {
            Garbage::Binary => assert!(frame.is_binary()),
            Garbage::Huge(bytes) => assert_eq!(frame.len(), bytes),
            Garbage::OtherShape => assert!(json.is_ok()),
            Garbage::NotJson | Garbage::Half => assert!(json.is_err()),
        }
        socket.close();
    }
    assert_eq!(exchange.hits()["garbage"], 5);
}

#[test]
fn subscribes_get_lost_in_three_ways() {
    let exchange = start();
    let streams = json!(["btcusdt@kline_1m"]);
    let mut socket = Socket::open(&exchange, "/stream");
    let once = |effect: Effect| exchange.fault(Fault::new(Match::any(), effect).times(1));
    once(Effect::RefuseSubscribe);
    let refused = socket.ask("SUBSCRIBE", streams.clone(), 1);
    assert_eq!((refused["error"]["code"].as_i64(), refused["id"].as_i64()), (Some(2), Some(1)));
    once(Effect::IgnoreSubscribe);
    socket.say(r#"{"method":"SUBSCRIBE","params":["btcusdt@kline_1m"],"id":2}"#);
    once(Effect::LoseSubscribe);
    assert_eq!(
        socket.ask("SUBSCRIBE", streams.clone(), 3),
        json!({"result": null, "id": 3}),
        "the second one is not answered"
    );
    assert_eq!(exchange.journal().streams().len(), 0);
    socket.subscribe(&["btcusdt@kline_1m"]);
    exchange.advance(MINUTE_MS);
    socket.close();
}

#[test]
fn a_connection_can_be_refused() {
    let exchange = start();
    exchange.fault(Fault::new(Match::any().path("/stream"), Effect::html(503)).times(1));
    match Socket::try_open(&exchange, "/stream") {
        Err(Error::Http(answer)) => assert_eq!(answer.status().as_u16(), 503),
        _ => panic!("it was not refused"),
    }
    exchange.fault(Fault::new(Match::any().path("/stream"), Effect::CutRequest).times(1));
    assert!(Socket::try_open(&exchange, "/stream").is_err());
    subscribed(&exchange);
}
