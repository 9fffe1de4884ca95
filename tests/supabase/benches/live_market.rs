//! What a live market costs: 100 symbols on 6 intervals for 200 traders, at MARKET_SPEED times the speed of the real one. The host is a
//! process; the exchange is the stand-in, on this machine and on the same cores.

#[allow(dead_code)]
#[path = "../tests/host/process.rs"]
mod process;
#[allow(dead_code)]
#[path = "../tests/host/world.rs"]
mod world;

use std::time::{Duration, Instant};

use vyx_exchange::{Exchange, Setup};
use vyx_host::market::Interval;

use crate::process::Running;
use crate::world::{Trader, World};

const SYMBOLS: usize = 100;
const TRADERS: usize = 200;
const INTERVALS: [&str; 6] = ["1m", "5m", "15m", "1h", "4h", "1d"];
const MODULES: [&str; 4] =
    ["rsi-oversold-bounce", "golden-cross", "volume-spike-detector", "stoch-rsi-overbought-short"];
/// How long it is watched, in minutes of the market.
const MINUTES: u64 = 60;

fn main() {
    let speed: f64 = std::env::var("MARKET_SPEED").ok().and_then(|text| text.parse().ok()).unwrap_or(20.0);
    let world = World::new();
    for number in 0..TRADERS - 1 {
        let (id, name) = (format!("be9c0000-0000-4000-8000-{number:012}"), format!("Trader {number}"));
        let interval = INTERVALS[number % INTERVALS.len()];
        let params = format!(r#"{{"interval": "{interval}"}}"#);
        world.add(Trader::built_in(&id, &name, MODULES[number / 6 % MODULES.len()]).params(&params));
    }
    // Speaks at every candle, so that every close of a minute has signals.
    world.add(Trader::built_in("be9c1111-0000-4000-8000-000000000000", "Pulse", "pulse"));
    let names: Vec<String> = (0..SYMBOLS).map(|number| format!("S{number:03}USDT")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let start_ms = 3_600_000 + jiff::Timestamp::now().as_millisecond();
    let exchange = Exchange::start(Setup::new(&names, start_ms, speed));
    // The stand-in makes a day of candles out of its minutes when it is first asked for: not while the host is measured.
    for name in &names {
        for interval in [Interval::D1, Interval::H4] {
            exchange.archive(name, interval, start_ms - 1_100 * interval.as_ms(), start_ms);
        }
    }
    let began = Instant::now();
    let host = world
        .shared()
        .without("FEED")
        .without("FEED_SPEED")
        .env("SYMBOL_COUNT", &SYMBOLS.to_string())
        .env("MIN_VOLUME", "0")
        .env("BINANCE_API_URL", &exchange.rest_url())
        .env("BINANCE_WS_URL", &exchange.ws_url())
        .start();
    while world.count("select count(*) from signals") == 0 {
        assert!(began.elapsed() < Duration::from_secs(600), "no signal:\n{}", host.log());
        std::thread::sleep(Duration::from_millis(100));
    }
    let journal = exchange.journal();
    println!(
        "bootstrap: {:.1} s to the first live signal, {} requests, weight {}, {} streams",
        began.elapsed().as_secs_f64(),
        journal.requests.len(),
        journal.requests.iter().map(|asked| u64::from(asked.weight)).sum::<u64>(),
        journal.streams().len()
    );
    // The first delivery brings all traders up to date, and the market does not wait for it.
    while exchange.now_ms() - host.last_close_ms() > 61_000 {
        assert!(began.elapsed() < Duration::from_secs(600), "it does not catch up:\n{}", host.log());
        std::thread::sleep(Duration::from_millis(20));
    }
    println!("all {TRADERS} traders up to date after {:.1} s", began.elapsed().as_secs_f64());
    let cpu = cpu_of(&host);
    let (from, before) = (Instant::now(), Snapshot::of(&host));
    std::thread::sleep(Duration::from_secs_f64(MINUTES as f64 * 60.0 / speed));
    let after = Snapshot::of(&host);
    let share = (cpu_of(&host) - cpu).as_secs_f64() / from.elapsed().as_secs_f64();
    println!("at {speed} times the speed of the market: {:.1} % of a core", share * 100.0);
    for (name, before, after) in [
        ("from the first close of a time", &before.first, &after.first),
        ("from the last close of a time", &before.last, &after.last),
    ] {
        println!(
            "{name} to its signals on disk: {} times, median {}, p99 {}",
            after.last().map_or(0, |(_, count)| *count) - before.last().map_or(0, |(_, count)| *count),
            quantile(before, after, 0.5),
            quantile(before, after, 0.99)
        );
    }
    let metric = |name: &str| host.metric(name).unwrap_or(f64::NAN);
    println!(
        "history: {:.1} MB for {} candles; late candles {}, asked for {}",
        metric("vyx_history_bytes ") / 1e6,
        metric("vyx_history_candles "),
        metric("vyx_market_late_candles_total "),
        metric("vyx_market_backfilled_candles_total ")
    );
}

/// CPU time that a host has used.
fn cpu_of(host: &Running) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", host.child.id())).unwrap();
    // The name may hold anything; the numbers follow it.
    let numbers: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    let ticks = |at: usize| numbers[at].parse::<u64>().unwrap();
    Duration::from_millis((ticks(11) + ticks(12)) * 10)
}

/// Upper bounds, seconds, and how often it took at most so long.
type Buckets = Vec<(f64, u64)>;

struct Snapshot {
    first: Buckets,
    last: Buckets,
}

impl Snapshot {
    fn of(host: &Running) -> Self {
        let page = host.get("/metrics").1;
        let buckets = |name: &str| {
            let begins = format!("vyx_{name}_bucket{{le=\"");
            let bucket = |line: &str| {
                let (bound, count) = line.strip_prefix(&begins)?.split_once("\"} ")?;
                Some((bound.parse().unwrap_or(f64::INFINITY), count.parse().ok()?))
            };
            page.lines().filter_map(bucket).collect()
        };
        Self { first: buckets("first_close_to_outbox_seconds"), last: buckets("last_close_to_outbox_seconds") }
    }
}

/// The bucket that a share of the times fall below.
fn quantile(before: &Buckets, after: &Buckets, share: f64) -> String {
    let new = |place: usize| after[place].1 - before.get(place).map_or(0, |(_, count)| *count);
    let Some(all) = after.len().checked_sub(1).map(new).filter(|all| *all > 0) else { return "unknown".into() };
    let place = (0..after.len()).find(|place| new(*place) as f64 >= share * all as f64).unwrap_or(after.len() - 1);
    let below = place.checked_sub(1).map_or(0.0, |place| after[place].0);
    format!("{} to {} ms", below * 1_000.0, after[place].0 * 1_000.0)
}
