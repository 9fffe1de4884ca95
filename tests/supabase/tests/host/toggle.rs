//! A trader that is disabled, deleted or not ours any more is dropped, and nothing of it comes afterwards.

use rustix::process::Signal;
use vyx_supabase::{Effect, Fault, Match, RealtimeFault};

use crate::process::Running;
use crate::world::{ALICE, ALICES_APP, BOB, Trader, World, component, runtime};

pub const GOLDEN: &str = "d16e060c-0000-4000-8000-000000000002";
pub const NEIGHBOUR: &str = "73d7da06-0000-4000-8000-000000000001";
const ALICES: &str = "5048128b-9ea9-4af7-b08b-cc1361d552fa";
const ALICES_OTHER: &str = "5048128b-9ea9-4af7-b08b-cc1361d552fb";

/// What the host says when Realtime told it of the change, and when a read did.
const HEARD: &str = "stopped, as it was disabled or deleted";
const READ: &str = "no longer ours";

/// Close time of the newest signal of a trader, milliseconds; 0 if there is none.
pub fn newest_ms(trader: &str) -> String {
    format!(
        "select coalesce((extract(epoch from max(timestamp)) * 1000)::bigint, 0) from signals where trader_id = '{trader}'"
    )
}

/// A trader that speaks at every candle, and its neighbour that does as well.
pub fn two() -> World {
    let world = World::new();
    world.add(Trader::built_in(GOLDEN, "Golden Cross", "pulse"));
    world.add(Trader::built_in(NEIGHBOUR, "Neighbour", "pulse"));
    world
}

pub fn wait_for_signals(world: &World, trader: &str) {
    let count = format!("select count(*) from signals where trader_id = '{trader}'");
    world.wait_for("signals", &count, |signals| signals > 20);
}

/// The trader has just been dropped: nothing of later candles comes, while the neighbour speaks of `candles` more of them.
pub fn assert_silent(world: &World, host: &Running, trader: &str, neighbour: &str, candles: i64) {
    let stopped_ms = host.last_close_ms();
    let until_ms = stopped_ms + candles * 60_000;
    // Signals leave in the order of their candles, so what the trader said before has come by then.
    world.wait_for("the neighbour to go on", &newest_ms(neighbour), |close_ms| close_ms >= until_ms);
    let newest_ms = world.count(&newest_ms(trader));
    assert!(newest_ms <= stopped_ms, "dropped at {stopped_ms}, and spoke of {newest_ms}");
    host.assert_nothing_refused();
}

fn without_realtime(world: &World) {
    world.standin.fault(Fault::new(
        Match::any().path("/realtime/v1/websocket"),
        Effect::json(403, r#"{"message":"Realtime is disabled"}"#),
    ));
}

#[test]
fn disabled_built_ins_kept_running_in_shared_mode() {
    let world = two();
    let mut host = world.shared().start();
    host.wait_for_realtime();
    wait_for_signals(&world, GOLDEN);
    world.enable(GOLDEN, false);
    host.wait_for(HEARD);
    assert_silent(&world, &host, GOLDEN, NEIGHBOUR, 100);
    host.wait_for_state("Golden Cross", "stopped");
    assert_eq!(host.states()["Neighbour"], "running");
    // The database knows it as well.
    let told = format!("select count(*) from trader_state where trader_id = '{GOLDEN}' and state = 'stopped'");
    world.wait_for("trader_state", &told, |rows| rows == 1);
}

/// Two days of candles after it was disabled, and nothing but a poll to find that out.
#[test]
fn traders_disabled_on_the_15th_still_emitting_on_the_17th() {
    let world = World::new();
    world.add(Trader::built_in(GOLDEN, "Golden Cross", "pulse").params(r#"{"every": 60}"#));
    world.add(Trader::built_in(NEIGHBOUR, "Neighbour", "pulse").params(r#"{"every": 60}"#));
    without_realtime(&world);
    let mut host = world.shared().env("FEED_SPEED", "36000").start();
    host.wait_until_ready();
    wait_for_signals(&world, GOLDEN);
    world.enable(GOLDEN, false);
    host.wait_for(READ);
    assert_silent(&world, &host, GOLDEN, NEIGHBOUR, 2 * 24 * 60);
    assert_eq!(host.metric("vyx_realtime_live"), Some(0.0));
}

/// The change falls into the hole: before the socket is cut it is not there yet, and afterwards nobody tells of it.
#[test]
fn the_socket_is_cut_as_the_trader_is_disabled() {
    let world = two();
    world.add(Trader::built_in(ALICES, "Third", "pulse"));
    let mut host = world.shared().start();
    host.wait_for_realtime();
    wait_for_signals(&world, GOLDEN);
    assert!(world.standin.realtime().cut() > 0);
    world.enable(GOLDEN, false);
    host.wait_for(READ);
    assert_silent(&world, &host, GOLDEN, NEIGHBOUR, 50);

    // And the other way round: the change is lost on its way, then the socket goes.
    host.wait_for_realtime();
    let lost = world.standin.realtime().inject(RealtimeFault::DropChanges);
    world.enable(ALICES, false);
    runtime().block_on(world.standin.realtime().wait_until("a lost change", |state| state.dropped > 0));
    world.standin.realtime().cut();
    world.standin.realtime().remove(lost);
    host.wait_for(READ);
    assert_silent(&world, &host, ALICES, NEIGHBOUR, 50);
}

/// The socket stays, and says nothing: the slow poll finds it, for a disabled row and for one that is gone.
#[test]
fn a_change_that_realtime_loses_is_found_by_the_poll() {
    let world = two();
    world.add(Trader::built_in(ALICES, "Deleted", "pulse"));
    // One candle a second: until it is found, every signal of the deleted trader has to be found among the others and set aside.
    let mut host = world.shared().env("FEED_SPEED", "60").start();
    host.wait_for_realtime();
    wait_for_signals(&world, ALICES);
    world.standin.realtime().inject(RealtimeFault::DropChanges);
    world.run(&format!("delete from traders where id = '{ALICES}'"));
    world.enable(GOLDEN, false);
    host.wait_for(READ);
    host.wait_for(READ);
    let stopped_ms = host.last_close_ms();
    world.wait_for("the neighbour", &newest_ms(NEIGHBOUR), |close_ms| close_ms > stopped_ms + 5 * 60_000);
    assert!(world.count(&newest_ms(GOLDEN)) <= stopped_ms);
    assert_eq!(world.count(&newest_ms(ALICES)), 0, "its signals went with it");
}

/// It had been speaking, and loops for ever at every candle from a certain one on.
#[test]
fn a_trader_in_an_endless_loop_is_disabled() {
    let world = two();
    let from_ms = 1_767_571_200_000_i64 + 6 * 60_000;
    let looping = "100b0000-0000-4000-8000-000000000003";
    world.add(
        Trader::built_in(looping, "Loops", "hostile-loop-on-close").params(&format!(r#"{{"from_ms": {from_ms}}}"#)),
    );
    // Two seconds a candle: it is out of the way for good only after five of them.
    let mut host = world.shared().env("FEED_SPEED", "30").start();
    host.wait_for_realtime();
    crate::world::wait("a call that is cut off", || host.trader(looping)["counts"]["faults"]["cpu-deadline"].as_u64());
    world.enable(looping, false);
    host.wait_for(HEARD);
    host.wait_for_state("Loops", "stopped");
    assert_silent(&world, &host, looping, NEIGHBOUR, 4);
    assert_eq!(world.count(&newest_ms(looping)), from_ms - 1, "it spoke until it looped");
    assert_silent(&world, &host, looping, GOLDEN, 1);
}

/// A trader that is nearly always in a call, but never for so long that its call is cut off.
#[test]
fn a_trader_that_burns_its_budget_at_every_call_is_disabled() {
    let world = two();
    let busy = "b0590000-0000-4000-8000-000000000003";
    world.add(Trader::built_in(busy, "Busy", "hostile-busy").params(r#"{"turns": 3000000}"#));
    let mut host = world.shared().start();
    host.wait_for_realtime();
    let calls = |host: &Running| host.trader(busy)["counts"]["calls"].as_u64();
    crate::world::wait("calls", || calls(&host).filter(|calls| *calls > 20));
    world.enable(busy, false);
    host.wait_for(HEARD);
    host.wait_for_state("Busy", "stopped");
    let before = calls(&host);
    assert_silent(&world, &host, busy, NEIGHBOUR, 50);
    assert_eq!(calls(&host), before, "nobody calls it");
}

/// The others are told of as before, although nothing can be said of a row that is gone.
#[test]
fn a_deleted_trader_is_dropped() {
    let world = two();
    world.add(Trader::built_in(ALICES, "Deleted", "pulse"));
    let mut host = world.shared().start();
    host.wait_for_realtime();
    wait_for_signals(&world, ALICES);
    world.run(&format!("delete from traders where id = '{ALICES}'"));
    host.wait_for(HEARD);
    let stopped_ms = host.last_close_ms();
    world.wait_for("the neighbour", &newest_ms(NEIGHBOUR), |close_ms| close_ms > stopped_ms + 50 * 60_000);
    world.enable(GOLDEN, false);
    host.wait_for(HEARD);
    let told = format!("select count(*) from trader_state where trader_id = '{GOLDEN}' and state = 'stopped'");
    world.wait_for("trader_state", &told, |rows| rows == 1);
    assert!(!host.log().contains("trader_state is not up to date"));
    assert_eq!(world.count(&format!("select count(*) from signals where trader_id = '{ALICES}'")), 0);
}

/// A built-in trader is given to Alice, and one of hers to Bob: the old hosts drop them, the new one speaks in its own name.
#[test]
fn a_trader_that_changes_hands_is_dropped_by_its_old_host() {
    let world = two();
    world.add(Trader::of(ALICE, ALICES, "Alice sells", "pulse"));
    world.add(Trader::of(ALICE, ALICES_OTHER, "Alice keeps", "pulse"));
    for user in [ALICE, BOB] {
        world.publish(Some(user), &component("pulse"));
    }
    let mut shared = world.shared().start();
    let mut dedicated = world.dedicated().start();
    shared.wait_for_realtime();
    dedicated.wait_for_realtime();
    wait_for_signals(&world, GOLDEN);
    wait_for_signals(&world, ALICES);

    world.run(&format!("update traders set user_id = '{BOB}' where id = '{ALICES}'"));
    dedicated.wait_for(READ);
    let stopped_ms = dedicated.last_close_ms();
    world.wait_for("Alice's other", &newest_ms(ALICES_OTHER), |close_ms| close_ms > stopped_ms + 50 * 60_000);
    assert!(world.count(&newest_ms(ALICES)) <= stopped_ms);

    world.run(&format!(
        "update traders set user_id = '{ALICE}', is_built_in = false, ownership_type = 'user' where id = '{GOLDEN}'"
    ));
    shared.wait_for(READ);
    let stopped_ms = shared.last_close_ms();
    let by_alice = format!(
        "select count(*) from signals where trader_id = '{GOLDEN}' and user_id = '{ALICE}' and fly_app_id = '{ALICES_APP}'"
    );
    world.wait_for("signals in her name", &by_alice, |signals| signals > 0);
    world.wait_for("the neighbour", &newest_ms(NEIGHBOUR), |close_ms| close_ms > stopped_ms + 50 * 60_000);
    let by_nobody = format!("{} and user_id is null", newest_ms(GOLDEN));
    assert!(world.count(&by_nobody) <= stopped_ms);
    assert_eq!(shared.end(Signal::TERM).0, 0);
}
