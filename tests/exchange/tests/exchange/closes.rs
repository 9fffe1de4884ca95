//! Faults of closes: what a stream sends of the candles that the archive has.

use serde_json::Value;
use vyx_exchange::{Effect, Exchange, FORMING_HIGH, Fault, Match, Setup};
use vyx_host::market::Interval;

use crate::support::*;

/// What was sent of a market's minutes, in order: its number, `x`, and how long after its end.
type Sent = (i64, bool, i64);

/// Ten minutes of a market whose minute 3 is hit by a fault.
fn sent(effect: Effect) -> (Vec<Sent>, Vec<Value>) {
    let exchange = Exchange::start(Setup {
        forming_every_ms: 0,
        close_after_ms: (10, 10),
        ..Setup::new(&["BTCUSDT", "ETHUSDT"], START_MS, 0.0)
    });
    let matching = Match::any().symbol("BTCUSDT").interval(Interval::M1).open_ms(START_MS + 3 * MINUTE_MS);
    let fault = exchange.fault(Fault::new(matching, effect));
    let mut socket = Socket::open(&exchange, "/stream");
    socket.subscribe(&["btcusdt@kline_1m", "btcusdt@kline_5m", "ethusdt@kline_1m"]);
    exchange.advance(10 * MINUTE_MS + 30_000);
    // The first close of another minute ends what is looked at: nothing of the fault can come after it.
    exchange.wait_until("all of it", |journal| journal.closes() >= 10);
    exchange.fault(Fault::new(Match::any().symbol("ETHUSDT"), Effect::DuplicateClose(0..=0)).times(1));
    exchange.advance(MINUTE_MS);
    let mut events = Vec::new();
    let until_ms = START_MS + 10 * MINUTE_MS;
    loop {
        let event = socket.event(|_| true);
        if event["k"]["t"].as_i64().unwrap() >= until_ms {
            break;
        }
        if event["s"] == "BTCUSDT" && event["k"]["i"] == "1m" {
            events.push(event);
        }
    }
    assert_eq!(exchange.fault_hits(fault), 1);
    // Whatever the stream sends, REST has the truth.
    let rows = klines(&exchange, &format!("symbol=BTCUSDT&interval=1m&startTime={START_MS}&limit=10"));
    let truth = exchange.archive("BTCUSDT", Interval::M1, START_MS, until_ms);
    assert_eq!(rows.iter().map(row_values).collect::<Vec<_>>(), truth);
    let of = |event: &Value| {
        let kline = &event["k"];
        let number = (kline["t"].as_i64().unwrap() - START_MS) / MINUTE_MS;
        let after_ms = event["E"].as_i64().unwrap() - kline["T"].as_i64().unwrap() - 1;
        (number, kline["x"].as_bool().unwrap(), after_ms)
    };
    (events.iter().map(of).collect(), events)
}

fn right(number: i64) -> Sent {
    (number, true, 10)
}

#[test]
fn late() {
    let expected: Vec<Sent> =
        (0..10).map(|number| if number == 3 { (3, true, 25_010) } else { right(number) }).collect();
    assert_eq!(sent(Effect::LateClose(25_000..=25_000)).0, expected);
}

#[test]
fn later_than_the_next_one() {
    let (sent, _) = sent(Effect::LateClose(70_000..=70_000));
    assert_eq!(sent[2..6], [right(2), right(4), (3, true, 70_010), right(5)]);
}

#[test]
fn missing() {
    assert_eq!(sent(Effect::MissingClose).0, (0..10).filter(|number| *number != 3).map(right).collect::<Vec<_>>());
}

#[test]
fn duplicate() {
    let (sent, events) = sent(Effect::DuplicateClose(5_000..=5_000));
    assert_eq!(sent[3..6], [right(3), (3, true, 5_010), right(4)]);
    assert_eq!(events[3]["k"], events[4]["k"]);
}

#[test]
fn reordered() {
    assert_eq!(sent(Effect::ReorderedClose).0[2..6], [right(2), right(4), (3, true, 60_010), right(5)]);
}

#[test]
fn early() {
    let (sent, events) = sent(Effect::EarlyClose(5_000..=5_000));
    assert_eq!(sent[2..6], [right(2), (3, true, -5_000), right(3), right(4)]);
    assert_eq!(values(&events[3]["k"]).1[1], FORMING_HIGH, "whoever takes it is seen");
    assert!(events[3]["E"].as_i64() < events[3]["k"]["T"].as_i64());
}

#[test]
fn unclosed() {
    assert_eq!(sent(Effect::UnclosedClose).0[2..5], [right(2), (3, false, 10), right(4)]);
}

#[test]
fn a_number_that_is_none() {
    let (sent, events) = sent(Effect::BadNumber);
    assert_eq!(sent[3], right(3));
    let is_number = |field: &&str| {
        let text = events[3]["k"][field].as_str().unwrap();
        text.parse::<f64>().is_ok_and(|number| number.is_finite() && number >= 0.0)
    };
    assert_eq!(["o", "h", "l", "c", "v", "q", "V"].iter().filter(|field| !is_number(field)).count(), 1);
}

#[test]
fn old_ones_again() {
    let (sent, _) = sent(Effect::OldCloses { back: 3, count: 2 });
    let numbers: Vec<i64> = sent.iter().map(|(number, ..)| *number).collect();
    assert_eq!(numbers, [0, 1, 2, 3, 0, 1, 4, 5, 6, 7, 8, 9]);
    assert_eq!(sent[4], (0, true, 3 * MINUTE_MS + 10));
}
