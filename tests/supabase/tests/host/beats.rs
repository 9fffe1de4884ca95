//! What `pulse` has to say of the candles of [`World::candles`], computed by hand, and whether the database has exactly that.

use std::collections::BTreeSet;
use std::ops::Range;

use rustix::process::Signal;
use vyx_host::signal::identity::SignalKey;

use crate::process::{Host, Running};
use crate::world::{START_MS, Trader, World, wait};

pub const MACD: &str = "73d7da06-0000-4000-8000-000000000001";
pub const GOLDEN: &str = "d16e060c-0000-4000-8000-000000000002";

/// A signal as the table should have it: its id, and the close time of its candle.
pub type Beat = (String, i64);

/// What a trader with `every` says of these symbols and minutes.
pub fn beats(trader: &str, symbols: Range<usize>, minutes: Range<usize>, every: usize) -> BTreeSet<Beat> {
    let first = usize::try_from(START_MS / 60_000).unwrap();
    let beats = minutes.filter(move |minute| (first + minute + 1) % every == 0).flat_map(|minute| {
        symbols.clone().map(move |symbol| {
            let open_ms = START_MS + minute as i64 * 60_000;
            let (trader, symbol) = (trader.parse().unwrap(), format!("S{symbol:03}USDT"));
            let key = SignalKey { trader, symbol: &symbol, interval: "1m", open_ms, tag: "beat" };
            (key.id().to_string(), open_ms + 59_999)
        })
    });
    beats.collect()
}

/// What a table has of some signals.
pub fn stored(world: &World, table: &str, condition: &str) -> Vec<Beat> {
    let sql = format!(
        "select id::text, round(extract(epoch from timestamp) * 1000)::bigint from {table} where {condition} order by 1"
    );
    world.query(&sql).iter().map(|row| (row.get(0), row.get(1))).collect()
}

/// Fails unless a table has exactly these signals.
pub fn assert_stored(world: &World, table: &str, expected: &BTreeSet<Beat>) {
    let stored = stored(world, table, "true");
    let unique: BTreeSet<Beat> = stored.iter().cloned().collect();
    let missing: Vec<&Beat> = expected.difference(&unique).take(5).collect();
    let surplus: Vec<&Beat> = unique.difference(expected).take(5).collect();
    let counts = (stored.len(), unique.len());
    assert!(
        missing.is_empty() && surplus.is_empty() && stored.len() == expected.len(),
        "{table} has {counts:?} and should have {}: among the missing {missing:?}, among the surplus {surplus:?}",
        expected.len()
    );
}

/// Fails unless the paid analysis was asked for once for each of these signals, and for nothing else.
pub fn assert_analysed_once(world: &World, expected: &BTreeSet<Beat>) {
    let calls = world.query("select signal_id::text, count(*) from harness.ai_analysis_calls group by 1 order by 1");
    let calls: Vec<(String, i64)> = calls.iter().map(|row| (row.get(0), row.get(1))).collect();
    let twice: Vec<&(String, i64)> = calls.iter().filter(|(_, count)| *count != 1).take(5).collect();
    assert!(twice.is_empty(), "analysed more than once: {twice:?}");
    assert_eq!(
        calls.into_iter().map(|(id, _)| id).collect::<BTreeSet<_>>(),
        expected.iter().map(|(id, _)| id.clone()).collect::<BTreeSet<_>>()
    );
}

/// A project with one built-in trader that speaks on every so-manyth minute.
pub fn world_with_pulse(every: usize) -> World {
    let world = World::new();
    add_pulse(&world, MACD, "1m MACD Cross Below 40", every);
    world
}

pub fn add_pulse(world: &World, id: &str, name: &str, every: usize) {
    world.add(Trader::built_in(id, name, "pulse").params(&format!("{{\"every\": {every}}}")));
}

/// The shared app on recorded candles, so many closes a second, or all at once.
pub fn replaying(world: &World, symbols: usize, minutes: usize, closes_a_second: Option<u32>) -> Host {
    let candles = world.candles(symbols, minutes);
    let speed = closes_a_second.map_or("max".to_owned(), |closes| (closes * 60).to_string());
    world.shared().env("FEED", &format!("replay:{}", candles.display())).env("FEED_SPEED", &speed)
}

/// Signals that wait in the outbox of a host.
pub fn queued(host: &Running) -> u64 {
    host.page("/health")["outbox"]["queued"].as_u64().unwrap()
}

pub fn wait_until_queued(host: &Running, signals: u64) {
    wait(&format!("{signals} signals in the outbox"), || (queued(host) >= signals).then_some(()));
}

/// Waits until all candles were evaluated and all signals are sent or dead, and ends the host: what it said.
pub fn finish(host: Running) -> String {
    wait("the end of the candles and an empty outbox", || {
        let health = host.page("/health");
        let is_over = health["report"]["feed"] == "ended" && health["outbox"]["queued"] == 0;
        is_over.then_some(())
    });
    let (code, log) = host.end(Signal::TERM);
    assert_eq!(code, 0, "{log}");
    log
}
