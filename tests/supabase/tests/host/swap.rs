//! Another version of a trader that runs: swapped without a candle missed or told twice, and kept out where it is no good.

use rustix::process::Signal;

use crate::process::Running;
use crate::toggle::{GOLDEN, NEIGHBOUR, newest_ms, two, wait_for_signals};
use crate::world::{START_MS, Trader, World, component, other_bytes, wait};

/// The trader has said the same as its neighbour, which was left alone: of every candle up to this close, of every symbol, once.
fn assert_told_as_the_neighbour(world: &World, trader: &str, until_ms: i64) {
    let until = format!("to_timestamp({until_ms} / 1000.0)");
    let differ = |one: &str, other: &str| {
        world.count(&format!(
            "select count(*) from (
                select symbol, timestamp from signals where trader_id = '{one}' and timestamp <= {until}
                except all select symbol, timestamp from signals where trader_id = '{other}' and timestamp <= {until}
            ) as d"
        ))
    };
    assert_eq!((differ(NEIGHBOUR, trader), differ(trader, NEIGHBOUR)), (0, 0), "candles missed, and told twice");
}

/// A while later, in candle time.
fn let_pass(world: &World, host: &Running, candles: i64) {
    let until_ms = host.last_close_ms() + candles * 60_000;
    world.wait_for("the neighbour", &newest_ms(NEIGHBOUR), |close_ms| close_ms >= until_ms);
}

fn versions(world: &World, trader: &str) -> i64 {
    world.count(&format!(
        "select count(distinct (provenance ->> 'module_sha256', provenance ->> 'params_sha256'))
            from signals where trader_id = '{trader}'"
    ))
}

#[test]
fn a_new_version_is_swapped_without_a_missed_candle() {
    let world = two();
    let (minutes, symbols) = (500, 3);
    let replay = format!("replay:{}", world.candles(symbols, minutes).display());
    let mut host = world.shared().env("FEED", &replay).env("FEED_SPEED", "1800").start();
    host.wait_for_realtime();
    wait_for_signals(&world, GOLDEN);
    let first = component("pulse");
    let second = world.publish(None, &other_bytes(first.clone(), "second"));
    world.set_version(GOLDEN, &second, "{}");
    host.wait_for("reloaded Golden Cross");
    let_pass(&world, &host, 20);
    world.set_version(GOLDEN, &second, r#"{"every": 1}"#);
    host.wait_for("reloaded Golden Cross");
    let_pass(&world, &host, 20);
    // And back: a rollback is a change like any other.
    world.set_version(GOLDEN, &world.publish(None, &first), "{}");
    host.wait_for("reloaded Golden Cross");
    host.wait_for("the feed has no more candles");
    let end_ms = START_MS + minutes as i64 * 60_000 - 1;
    for trader in [GOLDEN, NEIGHBOUR] {
        world.wait_for("the last candle", &newest_ms(trader), |close_ms| close_ms == end_ms);
    }
    assert_eq!(host.doubled(), Some(0.0));
    assert_eq!(host.end(Signal::TERM).0, 0);
    assert_eq!(versions(&world, GOLDEN), 3);
    assert_told_as_the_neighbour(&world, GOLDEN, end_ms);
}

/// Stands for the parameters that let a trader run well for a while.
const LATER: &str = "later";

/// What is wrong with a version, and what its owner is told.
struct Bad {
    id: &'static str,
    name: &'static str,
    sha256: String,
    params: &'static str,
    told: &'static str,
}

/// One world of traders that all run well, and a bad version of each kind.
fn bad_versions(world: &World) -> Vec<Bad> {
    let pulse = |note| other_bytes(component("pulse"), note);
    let missing = crate::world::digest(&pulse("missing"));
    world.run(&format!("insert into trader_modules (sha256, size_bytes) values ('{missing}', 1000)"));
    let wrong = world.publish(None, &pulse("wrong bytes"));
    let path = format!("built-in/{wrong}.wasm");
    world.standin.corrupt_object("trader-modules", &path, &pulse("other bytes")).unwrap();
    let bad = |id, name, sha256, params, told| Bad { id, name, sha256, params, told };
    let same = crate::world::digest(&component("pulse"));
    vec![
        bad(
            "bad00000-0000-4000-8000-000000000001",
            "Refused",
            world.publish(None, &component("hostile-wasi")),
            "{}",
            "wasi:clocks/monotonic-clock",
        ),
        bad("bad00000-0000-4000-8000-000000000002", "Missing", missing, "{}", "is not in the storage"),
        bad("bad00000-0000-4000-8000-000000000003", "Wrong bytes", wrong, "{}", "has the sha256"),
        bad(
            "bad00000-0000-4000-8000-000000000004",
            "Crashes",
            world.publish(None, &component("hostile-trap")),
            "{}",
            "unreachable",
        ),
        bad(
            "bad00000-0000-4000-8000-000000000005",
            "Crashes later",
            world.publish(None, &other_bytes(component("hostile-trap"), "later")),
            LATER,
            "unreachable",
        ),
        bad("bad00000-0000-4000-8000-000000000006", "Bad params", same, r#"{"every": 0}"#, "every"),
    ]
}

#[test]
fn a_bad_version_leaves_the_last_good_one_running() {
    let world = World::new();
    world.add(Trader::built_in(NEIGHBOUR, "Neighbour", "pulse"));
    let bad = bad_versions(&world);
    for bad in &bad {
        world.add(Trader::built_in(bad.id, bad.name, "pulse"));
    }
    let good = world.publish(None, &component("pulse"));
    let host = world.shared().env("SYMBOL_COUNT", "1").start();
    host.wait_for_realtime();
    wait_for_signals(&world, NEIGHBOUR);
    let later_ms = host.last_close_ms() + 40 * 60_000;
    for bad in &bad {
        let params = if bad.params == LATER { format!(r#"{{"from_ms": {later_ms}}}"#) } else { bad.params.to_owned() };
        world.set_version(bad.id, &bad.sha256, &params);
    }
    // While it runs well it is taken for a good version.
    wait("the version that crashes later", || {
        host.trader(bad[4].id)["counts"]["faults"].as_object().unwrap().is_empty().then_some(())
    });
    world.run("update traders set description = 'changed'");
    for Bad { id, name, told, .. } in &bad {
        let is_told = || {
            let trader = host.trader(id);
            let runs = trader["state"] == "running" && trader["module_sha256"] == good.as_str();
            (runs && trader["reason"].as_str().is_some_and(|reason| reason.contains(told))).then_some(())
        };
        wait(&format!("{name}: {told}"), is_told);
        let row = format!(
            "select count(*) from trader_state where trader_id = '{id}' and state = 'running'
                and last_error like '%{told}%' and metadata ->> 'module_sha256' = '{good}'"
        );
        world.wait_for(&format!("{name} in trader_state"), &row, |rows| rows == 1);
    }
    let_pass(&world, &host, 30);
    // Setting the row back is enough.
    for bad in &bad {
        world.set_version(bad.id, &good, "{}");
    }
    for Bad { id, name, .. } in &bad {
        wait(name, || host.trader(id)["reason"].is_null().then_some(()));
        let row = format!("select count(*) from trader_state where trader_id = '{id}' and last_error is null");
        world.wait_for(&format!("{name} in trader_state"), &row, |rows| rows == 1);
    }
    let until_ms = host.last_close_ms();
    // Signals leave in the order of their candles.
    world.wait_for("the neighbour", &newest_ms(NEIGHBOUR), |close_ms| close_ms >= until_ms + 60_000);
    host.assert_nothing_refused();
    assert_eq!(host.doubled(), Some(0.0));
    let (code, log) = host.end(Signal::TERM);
    assert_eq!(code, 0, "{log}");
    for Bad { id, name, .. } in &bad {
        println!("{name}");
        assert_told_as_the_neighbour(&world, id, until_ms);
    }
    assert!(!log.contains("stopped Refused") && !log.contains("stopped Missing"), "{log}");
}

#[test]
fn a_row_that_changes_in_name_only_is_not_reloaded() {
    let world = two();
    let mut host = world.shared().start();
    host.wait_for_realtime();
    wait_for_signals(&world, GOLDEN);
    world.run(&format!("update traders set version = 7, description = 'better' where id = '{GOLDEN}'"));
    // The pass that saw the change is over once another one of the same read is made.
    world.enable(NEIGHBOUR, false);
    host.wait_for_state("Neighbour", "stopped");
    world.enable(NEIGHBOUR, true);
    host.wait_for("started Neighbour");
    assert_eq!(host.trader(GOLDEN)["counts"]["instances"], 1);
    assert!(!host.log().contains("reloaded"), "{}", host.log());
}
