//! The live market as a process: hours of it at high speed, with every fault that the exchange is known for.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::{Value, json};
use vyx_exchange::{Effect, Exchange, Fault, Match, Setup, Storm};
use vyx_host::market::{Interval, Segment, Symbols, Values};
use vyx_host::module::{Compiler, Modules};
use vyx_host::ownership::Scope;
use vyx_host::registry::{ModuleRef, TraderRow};
use vyx_host::sandbox::Metering;
use vyx_host::signal::outbox::Row;
use vyx_host::signal::{Burst, Sink};
use vyx_host::supervisor::plan::Version;
use vyx_host::supervisor::{Begin, Fleet, Ready};

use crate::market::each_minute_once;
use crate::process::{Host, beside};
use crate::record::assert_proved;
use crate::world::{Trader, World, component, wait};

const MINUTE: i64 = 60_000;
const SYMBOLS: [&str; 4] = ["BTCUSDT", "ETHUSDT", "JUPUSDT", "SUPERUSDT"];
/// Its market halts and comes back, so its instances begin anew.
const HALTING: &str = "HALTUSDT";
/// How much faster than the real clock the market runs: its deadline of ten seconds is then an eighth of a second.
const FACTOR: f64 = 80.0;
/// Candles that are kept in charts.
const CHART: usize = 150;

/// Name, module, parameters and interval of the traders.
const TRADERS: [(&str, &str, &str, Interval); 6] = [
    ("11feeded-0000-4000-8000-000000000001", "healthy", "{}", Interval::M1),
    ("11feeded-0000-4000-8000-000000000002", "pulse", "{}", Interval::M1),
    (
        "11feeded-0000-4000-8000-000000000003",
        "rsi-oversold-bounce",
        r#"{"interval": "1m", "oversold": 45, "cooldown": 0}"#,
        Interval::M1,
    ),
    ("11feeded-0000-4000-8000-000000000004", "stoch-rsi-overbought-short", r#"{"interval": "1m"}"#, Interval::M1),
    (
        "11feeded-0000-4000-8000-000000000005",
        "rsi-oversold-bounce",
        r#"{"interval": "5m", "oversold": 50, "cooldown": 0}"#,
        Interval::M5,
    ),
    (
        "11feeded-0000-4000-8000-000000000006",
        "volume-spike-detector",
        r#"{"interval": "5m", "multiplier": 1.0, "min_move_percent": 0.0, "cooldown": 0}"#,
        Interval::M5,
    ),
];

/// What the web app reads of a signal, by its id.
type Told = BTreeMap<String, Value>;

fn host(world: &World, exchange: &Exchange) -> Host {
    let symbols = [&SYMBOLS[..], &[HALTING]].concat().join(",");
    world
        .shared()
        .without("FEED")
        .without("FEED_SPEED")
        .env("SYMBOLS", &symbols)
        .env("BINANCE_API_URL", &exchange.rest_url())
        .env("BINANCE_WS_URL", &exchange.ws_url())
        .env("RECORD_DIR", crate::record::folder(world).to_str().unwrap())
}

fn setup(start_ms: i64) -> Setup {
    let mut setup = Setup::new(&[&SYMBOLS[..], &[HALTING]].concat(), start_ms, FACTOR);
    setup.limits.factor = FACTOR;
    setup.life_ms = 45 * MINUTE;
    // Often enough that the clock is heard without jumps, even at this speed.
    setup.forming_every_ms = 4_000;
    setup.forming_pause = Duration::from_millis(30);
    setup
}

/// Signals of a trader in the database that closed in a span, the chart included.
fn told(world: &World, trader: &str, span: std::ops::Range<i64>) -> Told {
    let rows = world.query(&format!(
        "select id::text, jsonb_build_object('symbol', symbol, 'interval', interval, 'tag', tag, 'price', price_at_signal,
                'change', change_percent_at_signal, 'volume', volume_at_signal, 'data', indicator_data)::text,
            symbol
         from signals
         where trader_id = '{trader}' and (extract(epoch from timestamp) * 1000)::bigint between {} and {}",
        span.start,
        span.end - 1
    ));
    let mut told = Told::new();
    for row in rows {
        let (id, text, symbol): (String, String, String) = (row.get(0), row.get(1), row.get(2));
        if symbol != HALTING {
            told.insert(id, serde_json::from_str(&text).unwrap());
        }
    }
    told
}

/// The places in which two values differ, each with both.
fn differences(said: &Value, clean: &Value, place: &str) -> String {
    let nested = |key: &str, clean: Option<&Value>, said: &Value| {
        differences(said, clean.unwrap_or(&Value::Null), &format!("{place}/{key}"))
    };
    match (said, clean) {
        _ if said == clean => String::new(),
        (Value::Object(said), Value::Object(clean)) => {
            said.iter().map(|(key, value)| nested(key, clean.get(key), value)).collect()
        }
        (Value::Array(said), Value::Array(clean)) if said.len() == clean.len() => {
            said.iter().enumerate().map(|(at, value)| nested(&at.to_string(), clean.get(at), value)).collect()
        }
        (Value::Array(said), Value::Array(clean)) => format!(" {place} has {} and not {}", said.len(), clean.len()),
        _ => format!(" {place} is {said} and not {clean}"),
    }
}

/// Keeps what a fleet says as the rows that a host would send.
struct Rows {
    rows: Told,
    span: std::ops::Range<i64>,
}

impl Sink for Rows {
    fn accept(&mut self, burst: &Burst<'_>) -> io::Result<()> {
        for signal in burst.signals.iter().filter(|signal| self.span.contains(&signal.timestamp().as_millisecond())) {
            let row = Row::of(signal).unwrap();
            let all: Value = serde_json::from_str(&row.json).unwrap();
            let data = &all["indicator_data"];
            let row = json!({
                "symbol": all["symbol"], "interval": all["interval"], "tag": all["tag"], "price": all["price_at_signal"],
                "change": all["change_percent_at_signal"], "volume": all["volume_at_signal"], "data": data,
            });
            self.rows.insert(signal.id().to_string(), row);
        }
        Ok(())
    }
}

/// What the trader says of the archive, if its instance begins with these candles: no faults, no haste, no exchange.
fn replayed(exchange: &Exchange, trader: usize, first_open_ms: i64, span: std::ops::Range<i64>) -> Told {
    let (id, name, params, interval) = TRADERS[trader];
    let modules = Arc::new(Modules::new(Metering::Off, Compiler::Child(beside("VYX_BIN", "debug/vyx")), None).unwrap());
    let module = modules.admit(&component(name)).unwrap();
    let given: Value = serde_json::from_str(params).unwrap();
    let row = TraderRow {
        id: id.parse().unwrap(),
        name: name.to_owned(),
        is_built_in: Some(true),
        user_id: None,
        enabled: Some(true),
        module: Some(ModuleRef { digest: module.digest, place: String::new() }),
        params: given.as_object().unwrap().clone(),
    };
    let owned = Scope::local().admit(row).unwrap();
    let params = module.manifest.params(owned.params()).unwrap();
    let subscription = modules.subscription(&module, &params).unwrap();
    let warm_up = i64::from(subscription.needs[0].warm_up);

    let mut symbols = Symbols::new();
    let before_ms = 2 * 24 * 60 * MINUTE;
    let mut candles: BTreeMap<i64, Vec<(vyx_host::market::SymbolId, Values)>> = BTreeMap::new();
    for symbol in SYMBOLS {
        let symbol_id = symbols.intern(symbol).unwrap();
        for (open_ms, values) in exchange.archive(symbol, interval, first_open_ms - before_ms, span.end) {
            candles.entry(open_ms).or_default().push((symbol_id, values));
        }
    }
    let fleet = Fleet::new(modules.clone(), symbols, 1).unwrap();
    fleet.keep_chart(CHART);
    let ready = Ready { version: Version::of(&owned), owned, module, params, subscription, begin: Begin::Anew(None) };
    let started_ms = first_open_ms + warm_up * interval.as_ms();
    fleet.keep_history(interval, usize::try_from(warm_up).unwrap() + CHART);
    let mut ready = Some(ready);
    let mut rows = Rows { rows: Told::new(), span };
    let mut expected: BTreeMap<u32, i64> = BTreeMap::new();
    for (open_ms, of_close) in candles {
        let mut segment = Segment::new();
        let mut builder = segment.builder();
        builder.batch(interval, open_ms).unwrap();
        for (symbol, values) in of_close {
            let next_ms = open_ms + interval.as_ms();
            if let Some(from_ms) = expected.insert(symbol.0, next_ms).filter(|from_ms| *from_ms < open_ms) {
                builder.gap(symbol, from_ms).unwrap();
            }
            builder.row(symbol, &values, 0).unwrap();
        }
        builder.finish().unwrap();
        if open_ms < started_ms {
            fleet.bootstrap(&segment);
            continue;
        }
        if let Some(ready) = ready.take() {
            assert!(fleet.insert(ready, fleet.begin_read()));
        }
        fleet.deliver(&segment, &mut rows).unwrap();
    }
    rows.rows
}

/// All faults at once, for two hours of the market. What every trader said is what it says of the archive.
#[test]
fn two_hours_of_faults_change_no_signal() {
    let world = World::new();
    for (id, name, params, _) in TRADERS {
        world.add(Trader::built_in(id, name, name).params(params));
    }
    // Ahead of the clock of the database, which only a test can be.
    let start_ms = jiff::Timestamp::now().as_millisecond() + 3_600_000;
    let exchange = Exchange::start(setup(start_ms));
    let host = host(&world, &exchange).start();
    host.wait_until_ready();
    world.wait_for("the first signals", "select count(*) from signals", |count| count > 0);

    // In the calm before the storm, twenty seconds late by both ways.
    let calm_minute = exchange.now_ms() / MINUTE;
    let lates: Vec<(String, i64)> =
        (0..10).map(|number| (SYMBOLS[number % 4].to_owned(), (calm_minute + 4 + number as i64) * MINUTE)).collect();
    let storm_ms = (calm_minute + 15) * MINUTE;
    let calm_ms = storm_ms + 120 * MINUTE;
    for (symbol, open_ms) in &lates {
        let matching = Match::any().symbol(symbol).interval(Interval::M1).open_ms(*open_ms);
        exchange.fault(Fault::new(matching.clone(), Effect::MissingClose));
        exchange.fault(Fault::new(matching, Effect::LateRow(20_000..=20_000)));
    }
    for (minute, status) in [(20, "BREAK"), (32, "TRADING"), (70, "SOMETHING_NEW"), (80, "TRADING")] {
        exchange.set_status_at(HALTING, status, storm_ms + minute * MINUTE);
    }
    exchange.storm(Storm { statuses: false, ..Storm::new(7, storm_ms..calm_ms) });
    let end_ms = calm_ms + 5 * MINUTE;
    for until_ms in (storm_ms..end_ms + 3 * MINUTE).step_by(20 * 60_000).chain([end_ms + 3 * MINUTE]) {
        wait("twenty more minutes of the storm", || (host.last_close_ms() > until_ms).then_some(()));
    }
    wait("what was still late", || (host.metric("vyx_market_lagging_symbols ") == Some(0.0)).then_some(()));
    let hits = exchange.hits();
    host.assert_nothing_refused();
    let (code, log) = host.end(Signal::TERM);
    assert_eq!(code, 0, "{log}");
    for fault in ["late close", "missing close", "cut"] {
        assert!(
            hits.iter().any(|(name, count)| name.replace('-', " ").contains(fault) && *count > 0),
            "{fault}: {hits:?}"
        );
    }

    for (number, (id, name, params, interval)) in TRADERS.into_iter().enumerate() {
        let first = world.query(&format!(
            "select (extract(epoch from min((provenance ->> 'first_candle')::timestamptz)) * 1000)::bigint,
                    count(distinct provenance ->> 'first_candle'), count(*)
             from signals where trader_id = '{id}' and symbol <> '{HALTING}'"
        ));
        let (first_open_ms, starts, count): (Option<i64>, i64, i64) =
            (first[0].get(0), first[0].get(1), first[0].get(2));
        assert!(count > 0, "{name} {params}: {count} signals");
        assert_eq!(starts, 1, "{name} began once and went on");
        let first_open_ms = first_open_ms.unwrap();
        let span = calm_minute * MINUTE..interval.open_of(end_ms);
        let said = told(&world, id, span.clone());
        let clean = replayed(&exchange, number, first_open_ms, span);
        let missing: Vec<_> = clean.iter().filter(|(id, _)| !said.contains_key(*id)).take(3).collect();
        let extra: Vec<_> = said.iter().filter(|(id, _)| !clean.contains_key(*id)).take(3).collect();
        assert!(missing.is_empty() && extra.is_empty(), "{name}: not said {missing:?}, invented {extra:?}");
        for (id, row) in &said {
            assert!(row == &clean[id], "{name} {id}: {}", differences(row, &clean[id], ""));
        }
    }
    // Who was held back past the deadline says so. On a busy machine some of the questions are asked so late that they are in time.
    let late = world.query(&format!(
        "select symbol, (extract(epoch from timestamp) * 1000)::bigint from signals
         where trader_id = '{}' and (provenance ->> 'late')::boolean",
        TRADERS[1].0
    ));
    let late: Vec<(String, i64)> = late.iter().map(|row| (row.get(0), row.get(1))).collect();
    let mut forced = lates.iter().map(|(symbol, open_ms)| (symbol.clone(), Interval::M1.close_of(*open_ms)));
    assert!(forced.any(|forced| late.contains(&forced)), "{lates:?}: {late:?}");
    // The market that halted: no minute twice, none from the time without trading that was told as more than it was.
    let doubled = format!(
        "select count(*) from (select symbol, timestamp from signals where trader_id = '{}' group by 1, 2 having count(*) > 1) twice",
        TRADERS[1].0
    );
    assert_eq!(world.count(&doubled), 0);
    let of_halting =
        format!("select count(*) from signals where trader_id = '{}' and symbol = '{HALTING}'", TRADERS[1].0);
    assert!(world.count(&of_halting) > 60, "it went on after its halt");
    assert_proved(&world);
}

/// Killed in the middle of a burst of closes, again and again: each candle is told once.
#[test]
fn killed_in_a_burst_of_closes_nothing_is_lost_or_doubled() {
    let world = World::new();
    world.add(Trader::built_in(TRADERS[1].0, "pulse", "pulse"));
    let start_ms = jiff::Timestamp::now().as_millisecond() + 3_600_000;
    let exchange = Exchange::start(setup(start_ms));
    let mut running = host(&world, &exchange).start();
    running.wait_until_ready();
    let signals = "select count(*) from signals";
    world.wait_for("the first signals", signals, |count| count > 0);
    for _ in 0..5 {
        // As soon as the closes of a minute are on their way.
        let closes = exchange.journal().closes();
        exchange.wait_until("a burst", |journal| journal.closes() > closes);
        running.end(Signal::KILL);
        running = host(&world, &exchange).start();
        let count = world.count(signals);
        world.wait_for("it goes on", signals, |now| now > count + 15);
    }
    let (code, log) = running.end(Signal::TERM);
    assert_eq!(code, 0, "{log}");
    each_minute_once(&world, SYMBOLS.len() + 1);
    assert_proved(&world);
}

/// Neither the socket nor the questions bring anything: the page says so, and nobody is called with old candles.
#[test]
fn a_silent_market_is_told_and_nobody_is_called() {
    let world = World::new();
    world.add(Trader::built_in(TRADERS[1].0, "pulse", "pulse"));
    let start_ms = jiff::Timestamp::now().as_millisecond() + 3_600_000;
    let exchange = Exchange::start(setup(start_ms));
    let host = host(&world, &exchange).start();
    host.wait_until_ready();
    let signals = "select count(*) from signals";
    world.wait_for("the first signals", signals, |count| count > 10);
    let hangs = exchange.fault(Fault::new(Match::any().path("*"), Effect::Hang));
    exchange.strike(Effect::Silent);
    wait("not ready", || (host.get("/ready").0 == 503).then_some(()));
    let (_, page) = host.get("/ready");
    assert!(page.contains("exchange") || page.contains("candle"), "{page}");
    assert_eq!(host.get("/health").0, 200, "a silent market is no reason to be restarted");
    let calls = |host: &crate::process::Running| host.trader(TRADERS[1].0)["counts"]["calls"].as_u64();
    let before = calls(&host);
    let silent_ms = exchange.now_ms();
    wait("minutes of silence", || (exchange.now_ms() > silent_ms + 10 * MINUTE).then_some(()));
    assert_eq!(calls(&host), before, "nobody is called while nothing is heard");
    exchange.remove_fault(hangs);
    let count = world.count(signals);
    world.wait_for("it goes on", signals, |now| now > count + 60);
    wait("ready again", || (host.get("/ready").0 == 200).then_some(()));
    let gaps =
        "select count(*) from (select timestamp - lag(timestamp) over (partition by symbol order by timestamp) as step
                from signals) steps where step > interval '1 minute'";
    assert_eq!(world.count(gaps), 0, "what passed in silence is told afterwards, every minute of it");
}
