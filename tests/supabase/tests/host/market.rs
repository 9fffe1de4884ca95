//! The exchange as a feed, as a process: nothing missed, nothing twice.

use rustix::process::Signal;
use vyx_exchange::{Effect, Exchange, Fault, Match, Setup};

use crate::world::{Trader, World, wait};

const PULSE: &str = "73d7da06-0000-4000-8000-000000000001";
const SYMBOLS: [&str; 3] = ["BTCUSDT", "JUPUSDT", "SUPERUSDT"];

/// The default feed, as a process: down at start, cut in between, killed in between; every minute is told once.
#[test]
fn reconnects_that_never_backfilled() {
    let world = World::new();
    world.add(Trader::built_in(PULSE, "Pulse", "pulse"));
    // Ahead of the clock of the database, which only a test can be.
    let start_ms = jiff::Timestamp::now().as_millisecond() + 3_600_000;
    let exchange = Exchange::start(Setup::new(&SYMBOLS, start_ms, 120.0));
    let down = || exchange.fault(Fault::new(Match::any(), Effect::html(503)));
    let outage = down();
    let host = || {
        world
            .shared()
            .without("FEED")
            .without("FEED_SPEED")
            .env("BINANCE_API_URL", &exchange.rest_url())
            .env("BINANCE_WS_URL", &exchange.ws_url())
    };
    let first = host().start();
    wait("the outage is told", || first.get("/ready").1.contains("the exchange does not answer").then_some(()));
    assert_eq!(first.get("/health").0, 200);
    exchange.remove_fault(outage);
    first.wait_until_ready();
    let signals = "select count(*) from signals";
    world.wait_for("signals of ten minutes", signals, |count| count >= 30);

    // The streams bring what is wanted, so questions without an answer are no reason to send the host away.
    let outage = down();
    let told = "nothing can be asked: the exchange does not answer";
    wait("the second outage is told, and the host stays", || {
        let (status, page) = first.get("/ready");
        (status == 200 && page.contains(told)).then_some(())
    });
    let count = world.count(signals);
    world.wait_for("it goes on", signals, |now| now > count + 15);
    // What the streams do not bring has to be asked for, and now that is the trouble.
    let refused = exchange.fault(Fault::new(Match::any().path("/stream"), Effect::html(503)));
    exchange.strike(Effect::Cut);
    wait("the streams are missed", || (first.get("/ready").0 == 503).then_some(()));
    exchange.remove_fault(outage);
    exchange.remove_fault(refused);
    let count = world.count(signals);
    world.wait_for("it goes on again", signals, |now| now > count + 15);
    first.end(Signal::KILL);
    let second = host().start();
    let count = world.count(signals);
    world.wait_for("it goes on after a kill", signals, |now| now > count + 30);
    let (code, log) = second.end(Signal::TERM);
    assert_eq!(code, 0, "{log}");

    each_minute_once(&world, 3);
}

/// `Pulse` has spoken of every minute of so many symbols once, and live.
pub fn each_minute_once(world: &World, symbols: usize) {
    let of_each = world.query(
        "select symbol, count(*), count(distinct timestamp), extract(epoch from max(timestamp) - min(timestamp))::bigint / 60 + 1
         from signals group by symbol order by symbol",
    );
    assert_eq!(of_each.len(), symbols);
    for row in of_each {
        let (symbol, count, distinct, minutes): (String, i64, i64, i64) =
            (row.get(0), row.get(1), row.get(2), row.get(3));
        assert_eq!((count, distinct), (minutes, minutes), "{symbol}: each minute once");
    }
    assert_eq!(world.count("select count(*) from signals where extract(second from timestamp) < 59"), 0);
    let historical =
        "select count(*) from historical_signals h where exists (select 1 from signals s where s.id = h.id)";
    assert_eq!(world.count(historical), 0, "what was told live is not history");
}

/// Without traders nothing is asked of the exchange but its clock, and that is well; whoever comes gets its history, then each close.
#[test]
fn a_trader_that_comes_later_is_served_from_then_on() {
    let world = World::new();
    let start_ms = jiff::Timestamp::now().as_millisecond() + 3_600_000;
    let exchange = Exchange::start(Setup::new(&SYMBOLS, start_ms, 60.0));
    let host = world.shared().without("FEED").without("FEED_SPEED");
    let host = host.env("BINANCE_API_URL", &exchange.rest_url()).env("BINANCE_WS_URL", &exchange.ws_url()).start();
    host.wait_until_ready();
    let journal = exchange.journal();
    assert!(journal.connections.is_empty() && journal.requests.iter().all(|asked| asked.path != "/api/v3/klines"));
    world.add(Trader::built_in(PULSE, "Pulse", "pulse"));
    world.wait_for("what it would have said", "select count(*) from historical_signals", |count| count >= 15);
    world.wait_for("what it says", "select count(*) from signals", |count| count >= 6);
    assert!(host.get("/metrics").1.contains("vyx_market_streams 3"), "only what it wants is streamed");
    assert_eq!(host.get("/ready").0, 200);
    let (code, log) = host.end(Signal::TERM);
    assert_eq!(code, 0, "{log}");
    let twice = "select count(*) from historical_signals h where exists (select 1 from signals s where s.id = h.id)";
    assert_eq!(world.count(twice), 0, "what was told live is not history");
}
