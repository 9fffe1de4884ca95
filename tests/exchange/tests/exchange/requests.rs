//! Faults of REST, of the market and of the clock.

use std::thread;

use vyx_exchange::{Connection, Effect, Exchange, Fault, Gone, Limits, Listing, Match, Setup, Storm};
use vyx_host::market::Interval;

use crate::support::*;

fn start() -> Exchange {
    Exchange::start(Setup::new(&["BTCUSDT", "ETHUSDT"], START_MS + 30_000, 0.0))
}

const ASK: &str = "/api/v3/klines?symbol=BTCUSDT&interval=1m&limit=2";

#[test]
fn refusals_carry_what_the_real_ones_carry() {
    let exchange = start();
    for (effect, status, retry_after_s, code) in [
        (Effect::too_many(7), 429, Some(7), Some(-1003)),
        (Effect::banned(3_600, START_MS + 3_600_000), 418, Some(3_600), Some(-1003)),
        (Effect::busy(), 503, None, Some(-1008)),
        (Effect::html(403), 403, None, None),
        (Effect::html(502), 502, None, None),
    ] {
        exchange.fault(Fault::new(Match::any().path("/api/v3/klines").symbol("BTCUSDT"), effect).times(1));
        assert_eq!(get(&exchange, "/api/v3/klines?symbol=ETHUSDT&interval=1m&limit=1").status, 200, "not this one");
        let answer = get(&exchange, ASK);
        assert_eq!(answer.status, status);
        assert_eq!(answer.headers.contains_key("retry-after").then(|| answer.number("retry-after")), retry_after_s);
        match code {
            Some(code) => assert_eq!(answer.code(), code),
            None => assert!(answer.text.contains("<html>")),
        }
        assert_eq!(get(&exchange, ASK).status, 200, "once");
    }
    let faults: Vec<_> = exchange.journal().requests.iter().filter_map(|asked| asked.fault).collect();
    assert_eq!(faults, ["429", "418", "5xx", "403", "5xx"]);
}

#[test]
fn requests_hang_until_they_are_let_go_and_may_be_cut() {
    let exchange = start();
    let hang = exchange.fault(Fault::new(Match::any(), Effect::Hang));
    thread::scope(|scope| {
        let asking = scope.spawn(|| try_get(&exchange, ASK).is_err());
        exchange.wait_until("the request", |journal| journal.requests.len() == 1);
        assert!(!asking.is_finished());
        exchange.remove_fault(hang);
        assert!(asking.join().unwrap(), "it was cut");
    });
    exchange.fault(Fault::new(Match::any(), Effect::CutRequest).times(1));
    assert!(try_get(&exchange, ASK).is_err());
    assert_eq!(get(&exchange, ASK).status, 200);
    assert_eq!(exchange.journal().requests[0].status, None);
}

#[test]
fn a_candle_may_come_late_to_rest() {
    let exchange = start();
    let matching = Match::any().symbol("BTCUSDT").interval(Interval::M1).open_ms(START_MS);
    exchange.fault(Fault::new(matching, Effect::LateRow(20_000..=20_000)));
    let newest = |at_ms: i64| -> Vec<i64> {
        exchange.set_now_ms(START_MS + at_ms);
        let rows = klines(&exchange, &format!("symbol=BTCUSDT&interval=1m&startTime={}", START_MS - MINUTE_MS));
        rows.iter().map(|row| (row[0].as_i64().unwrap() - START_MS) / MINUTE_MS).collect()
    };
    assert_eq!(newest(59_999), [-1, 0], "while it is forming");
    assert_eq!(newest(60_000), [-1, 1]);
    assert_eq!(newest(79_998), [-1, 1]);
    assert_eq!(newest(79_999), [-1, 0, 1]);
    exchange.fault(Fault::new(Match::any().open_ms(START_MS), Effect::BadRow));
    let rows = klines(&exchange, &format!("symbol=BTCUSDT&interval=1m&startTime={START_MS}&limit=1"));
    let texts = [1, 2, 3, 4, 5, 7, 9].map(|place| rows[0][place].as_str().unwrap().to_owned());
    let is_number = |text: &&String| text.parse::<f64>().is_ok_and(|number| number.is_finite() && number >= 0.0);
    assert_eq!(texts.iter().filter(is_number).count(), 6);
}

#[test]
fn a_gap_is_nowhere() {
    let exchange =
        Exchange::start(Setup { forming_every_ms: 0, ..Setup::new(&["BTCUSDT", "ETHUSDT"], START_MS + 30_000, 0.0) });
    exchange.gap("BTCUSDT", START_MS + 2 * MINUTE_MS, START_MS + 4 * MINUTE_MS);
    let mut socket = Socket::open(&exchange, "/stream");
    socket.subscribe(&["btcusdt@kline_1m", "btcusdt@kline_5m"]);
    exchange.set_now_ms(START_MS + 5 * MINUTE_MS + 1_000);
    let mut opens: Vec<i64> = (0..4).map(|_| socket.close()["k"]["t"].as_i64().unwrap() - START_MS).collect();
    opens.sort_unstable();
    assert_eq!(opens, [0, 0, MINUTE_MS, 4 * MINUTE_MS], "three minutes, and the five that they are of");
    let rows = klines(&exchange, &format!("symbol=BTCUSDT&interval=1m&startTime={START_MS}"));
    assert_eq!(rows.len(), 4);
    assert_eq!(exchange.archive("BTCUSDT", Interval::M1, START_MS, START_MS + 5 * MINUTE_MS).len(), 3);
    assert_eq!(exchange.archive("ETHUSDT", Interval::M1, START_MS, START_MS + 5 * MINUTE_MS).len(), 5);
}

#[test]
fn markets_stop_begin_and_go() {
    let exchange =
        Exchange::start(Setup { forming_every_ms: 0, ..Setup::new(&["BTCUSDT", "ETHUSDT"], START_MS + 30_000, 0.0) });
    exchange.list(Listing::new("NEWUSDT").listed_ms(START_MS + 2 * MINUTE_MS));
    exchange.set_status_at("ETHUSDT", "SOMETHING_NEW", START_MS + MINUTE_MS);
    exchange.set_status_at("ETHUSDT", "TRADING", START_MS + 3 * MINUTE_MS);
    exchange.delist_at("BTCUSDT", Gone::Stale, START_MS + 2 * MINUTE_MS);
    assert_eq!(get(&exchange, "/api/v3/klines?symbol=NEWUSDT&interval=1m").code(), -1121, "not yet");
    let mut socket = Socket::open(&exchange, "/stream");
    socket.subscribe(&["btcusdt@kline_1m", "ethusdt@kline_1m", "newusdt@kline_1m"]);
    exchange.set_now_ms(START_MS + 4 * MINUTE_MS + 1_000);
    let mut closes: Vec<(i64, String)> = (0..6)
        .map(|_| {
            let close = socket.close();
            let number = (close["k"]["t"].as_i64().unwrap() - START_MS) / MINUTE_MS;
            (number, close["s"].as_str().unwrap().to_owned())
        })
        .collect();
    closes.sort();
    let expected = [(0, "BTCUSDT"), (0, "ETHUSDT"), (1, "BTCUSDT"), (2, "NEWUSDT"), (3, "ETHUSDT"), (3, "NEWUSDT")];
    assert_eq!(closes, expected.map(|(number, name)| (number, name.to_owned())));
    let info = get(&exchange, "/api/v3/exchangeInfo").json();
    let listed: Vec<&str> = info["symbols"].as_array().unwrap().iter().map(|s| s["symbol"].as_str().unwrap()).collect();
    assert_eq!(listed, ["ETHUSDT", "NEWUSDT"]);
}

#[test]
fn what_the_exchange_says_of_the_time_may_be_wrong() {
    let exchange = start();
    exchange.set_skew_ms(1_500, -700);
    assert_eq!(get(&exchange, "/api/v3/time").json()["serverTime"], START_MS + 31_500);
    let mut socket = Socket::open(&exchange, "/stream");
    socket.subscribe(&["btcusdt@kline_1m"]);
    exchange.advance(29_000);
    let event = socket.event(|data| data["k"]["x"] == false);
    assert_eq!(event["E"], START_MS + 59_000 - 700);
}

#[test]
fn a_storm_is_all_of_it_and_the_same_for_the_same_seed() {
    let storm = || {
        let exchange = Exchange::start(Setup {
            forming_every_ms: 0,
            ..Setup::new(&["BTCUSDT", "ETHUSDT", "BNBUSDT"], START_MS + 30_000, 0.0)
        });
        let until_ms = START_MS + 600 * MINUTE_MS;
        exchange.storm(Storm { connections: false, requests: false, ..Storm::new(7, START_MS..until_ms) });
        let mut socket = Socket::open(&exchange, "/stream");
        let streams = ["btcusdt@kline_1m", "ethusdt@kline_1m", "bnbusdt@kline_1m"];
        socket.subscribe(&streams);
        exchange.set_now_ms(until_ms + MINUTE_MS);
        let last_ms = until_ms;
        // The storm is over: all of it was sent when the streams have closed the minute after it.
        let mut left: Vec<String> = ["BTCUSDT", "ETHUSDT", "BNBUSDT"].map(str::to_owned).into();
        let mut events = Vec::new();
        exchange.advance(MINUTE_MS);
        while !left.is_empty() {
            let close = socket.event(|_| true);
            if close["k"]["t"] == last_ms {
                left.retain(|name| close["s"] != name.as_str());
            }
            events.push(close["k"].to_string());
        }
        let archive = exchange.archive("BTCUSDT", Interval::M1, START_MS, until_ms);
        (exchange.hits(), events, archive.len())
    };
    let (hits, events, minutes) = storm();
    for name in [
        "late close",
        "missing close",
        "duplicate close",
        "reordered close",
        "early close",
        "unclosed close",
        "bad number",
        "old closes",
    ] {
        assert!(hits[name] > 0, "no {name} in {hits:?}");
    }
    assert!((500..600).contains(&minutes), "some minutes are nowhere: {minutes}");
    let (other_hits, other_events, other_minutes) = storm();
    assert_eq!((hits, minutes), (other_hits, other_minutes));
    assert!(events == other_events, "the same seed, the same storm");
}

/// A client that connects again and again sees every kind of fault in the end.
#[test]
fn a_storm_hits_connections() {
    let limits = Limits { connections: usize::MAX, ..Limits::default() };
    let setup = Setup { forming_every_ms: 0, limits, ..Setup::new(&["BTCUSDT"], START_MS, 0.0) };
    let exchange = Exchange::start(setup);
    let storm = Storm { rate: 10.0, ..Storm::new(3, START_MS..START_MS + 10_000 * MINUTE_MS) };
    exchange.storm(Storm { closes: false, requests: false, holes: false, statuses: false, ..storm });
    let mute = ["silent", "refuse subscribe", "ignore subscribe", "lose subscribe"];
    let wanted = [["cut", "close", "half-open", "shutdown", "garbage"].as_slice(), mute.as_slice()].concat();
    for place in 0..450 {
        if wanted.iter().all(|name| exchange.hits()[name] > 0) {
            return;
        }
        let mut socket = Socket::open(&exchange, "/stream");
        socket.say(r#"{"method":"SUBSCRIBE","params":["btcusdt@kline_1m"],"id":1}"#);
        let is_told = |connection: &Connection| connection.faults.iter().any(|name| mute.contains(name));
        exchange.wait_until("the subscription", |journal| {
            journal.connections.get(place).is_some_and(|it| !it.streams.is_empty() || is_told(it))
        });
        exchange.advance(20 * MINUTE_MS);
        exchange.wait_until("twenty minutes", |journal| {
            // Nobody reads a huge frame, so nothing comes after it.
            let is_over = |it: &Connection| !it.is_open() || it.closes >= 19 || it.faults.contains(&"garbage");
            journal.connections.get(place).is_some_and(|it| is_over(it) || is_told(it))
        });
    }
    panic!("not all of it: {:?}", exchange.hits());
}
