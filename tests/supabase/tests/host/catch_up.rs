//! A host that ends, in whatever way, goes on where it stopped.

use rustix::process::Signal;
use vyx_supabase::{Effect, Fault, Match};

use crate::beats::{
    GOLDEN, MACD, add_pulse, assert_analysed_once, assert_stored, beats, finish, queued, replaying, stored,
    wait_until_queued, world_with_pulse,
};
use crate::world::{START_MS, Trader, World, wait};

fn inserts() -> Match {
    Match::any().method("POST").path("/rest/v1/signals")
}

/// How many minutes are in the table of signals.
fn minutes_told(world: &World) -> usize {
    let sql = "select coalesce(max(round(extract(epoch from timestamp) * 1000)::bigint), 0) from signals";
    usize::try_from((world.count(sql) + 1 - START_MS) / 60_000).unwrap()
}

/// At full speed hundreds of closes are one transaction: it is kept whole or not at all.
#[test]
fn sigkill_in_the_middle_of_a_burst_neither_loses_nor_doubles() {
    let world = world_with_pulse(4);
    let host = || replaying(&world, 4, 3_000, None);
    for part in 1..4 {
        let running = host().start();
        wait("some more signals", || {
            let told = world.count("select count(*) from signals") as u64 + queued(&running);
            (told > part * 400).then_some(())
        });
        running.end(Signal::KILL);
    }
    finish(host().start());
    let expected = beats(MACD, 0..4, 0..3_000, 4);
    assert_stored(&world, "signals", &expected);
    assert_analysed_once(&world, &expected);
    assert_eq!(world.count("select count(*) from historical_signals"), 0);
}

/// Its warm-up is history, and only that; the candles after it are news, as for its neighbour.
#[test]
fn a_trader_enabled_while_the_host_was_down_begins_where_the_others_go_on() {
    let world = world_with_pulse(1);
    world.add(Trader::built_in(GOLDEN, "Golden Cross", "pulse").disabled());
    let host = || replaying(&world, 3, 120, Some(30));
    let running = host().start();
    world.wait_for("some signals", "select count(*) from signals", |signals| signals >= 60);
    assert_eq!(running.end(Signal::TERM).0, 0);
    let told = minutes_told(&world);
    assert!((20..120).contains(&told), "{told}");
    assert_stored(&world, "signals", &beats(MACD, 0..3, 0..told, 1));

    world.enable(GOLDEN, true);
    finish(host().start());
    let mut expected = beats(MACD, 0..3, 0..120, 1);
    expected.extend(beats(GOLDEN, 0..3, told..120, 1));
    assert_stored(&world, "signals", &expected);
    assert_analysed_once(&world, &expected);
    // Its warm-up is five candles.
    assert_stored(&world, "historical_signals", &beats(GOLDEN, 0..3, told - 5..told, 1));
}

/// What it would have said while it was disabled is never told as news, however long nobody heard of the disable.
#[test]
fn a_trader_disabled_while_the_host_was_down_starts_anew_when_it_is_enabled() {
    let world = world_with_pulse(1);
    add_pulse(&world, GOLDEN, "Golden Cross", 1);
    let host = || replaying(&world, 3, 240, Some(30));
    let running = host().start();
    world.wait_for("some signals", "select count(*) from signals", |signals| signals >= 120);
    assert_eq!(running.end(Signal::TERM).0, 0);
    let disabled_at = minutes_told(&world);

    world.enable(GOLDEN, false);
    let running = host().start();
    let of_macd = format!("select count(*) from signals where trader_id = '{MACD}'");
    let later = 3 * (disabled_at + 40) as i64;
    world.wait_for("signals of the other one", &of_macd, |signals| signals >= later);
    assert_eq!(running.states()["Golden Cross"], "stopped");
    world.enable(GOLDEN, true);
    let log = finish(running);
    assert!(!log.contains("refuses a signal for good"), "{log}");

    let of_golden = format!("trader_id = '{GOLDEN}'");
    let told = stored(&world, "signals", &of_golden);
    let before = beats(GOLDEN, 0..3, 0..disabled_at, 1);
    let first_after = told
        .iter()
        .map(|(_, close_ms)| *close_ms)
        .filter(|close_ms| *close_ms > START_MS + 60_000 * disabled_at as i64)
        .min();
    let enabled_at = usize::try_from((first_after.unwrap() + 1 - START_MS) / 60_000 - 1).unwrap();
    assert!(enabled_at >= disabled_at + 40, "it spoke of minute {enabled_at}, disabled at {disabled_at}");
    let mut expected = before;
    expected.extend(beats(GOLDEN, 0..3, enabled_at..240, 1));
    expected.extend(beats(MACD, 0..3, 0..240, 1));
    assert_stored(&world, "signals", &expected);
    assert_stored(&world, "historical_signals", &beats(GOLDEN, 0..3, enabled_at - 5..enabled_at, 1));
}

#[test]
fn sigterm_sends_what_waits_and_leaves_nothing() {
    let world = world_with_pulse(1);
    let host = || replaying(&world, 4, 300, Some(60));
    let running = host().start();
    let fault = world.standin.fault(Fault::new(inserts(), Effect::Hang));
    wait_until_queued(&running, 200);
    world.standin.remove_fault(fault);
    let (code, log) = running.end(Signal::TERM);
    assert_eq!(code, 0, "{log}");
    assert!(!log.contains("are left in the outbox"), "{log}");
    let told = minutes_told(&world);
    assert!(told >= 50, "{told}");
    assert_stored(&world, "signals", &beats(MACD, 0..4, 0..told, 1));
    finish(host().start());
    assert_stored(&world, "signals", &beats(MACD, 0..4, 0..300, 1));
}

#[test]
fn sigterm_in_an_outage_leaves_signals_on_disk_and_the_next_start_sends_them() {
    let world = world_with_pulse(1);
    let host = || replaying(&world, 4, 60, None);
    world.standin.fault(Fault::new(inserts(), Effect::rate_limited(3_600)));
    let running = host().start();
    wait_until_queued(&running, 240);
    let (code, log) = running.end(Signal::TERM);
    assert_eq!(code, 0, "{log}");
    assert!(log.contains("signals are left in the outbox, the next start sends them"), "{log}");
    assert_eq!(world.count("select count(*) from signals"), 0);

    // Nothing is evaluated in this life: without candles after the cursor all that arrives comes from the disk.
    world.standin.clear_faults();
    let running = host().start();
    wait("an empty outbox", || (queued(&running) == 0).then_some(()));
    assert_eq!(running.metric(&format!("vyx_trader_signals_total{{trader_id=\"{MACD}\"}}")), Some(0.0));
    finish(running);
    let expected = beats(MACD, 0..4, 0..60, 1);
    assert_stored(&world, "signals", &expected);
    assert_analysed_once(&world, &expected);
}
