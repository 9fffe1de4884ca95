//! Whatever fails on the way, the table of signals ends with every signal once, and the paid analysis is asked for once for each.

use std::collections::BTreeSet;

use rustix::process::Signal;
use vyx_supabase::{Effect, Fault, Match};

use crate::beats::{
    Beat, GOLDEN, MACD, add_pulse, assert_analysed_once, assert_stored, beats, finish, replaying, wait_until_queued,
    world_with_pulse,
};
use crate::process::{Host, Running};
use crate::world::{World, wait};

const SYMBOLS: usize = 10;
const MINUTES: usize = 500;

/// Numbers that are the same in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, below: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % below
    }
}

fn inserts() -> Match {
    Match::any().method("POST").path("/rest/v1/signals")
}

/// A gateway that fails in all the ways that gateways do.
fn weather(world: &World, seed: u64) {
    let everything = || Match::any().path("/rest/v1/*");
    let faults = [
        (inserts(), Effect::CutBefore, 0.08),
        (inserts(), Effect::CutAfterCommit, 0.12),
        (inserts(), Effect::rate_limited(1), 0.02),
        (inserts(), Effect::html(502), 0.05),
        (inserts(), Effect::html(403), 0.03),
        (inserts(), Effect::pool_timeout(), 0.05),
        (inserts(), Effect::statement_timeout(), 0.04),
        (everything(), Effect::html(522), 0.03),
        (everything(), Effect::schema_cache_not_loaded(), 0.02),
        (everything(), Effect::CutBefore, 0.03),
    ];
    for ((matching, effect, probability), seed) in faults.into_iter().zip(seed..) {
        world.standin.fault(Fault::new(matching, effect).probability(probability, seed));
    }
}

fn hit(world: &World, effect: Effect, until: impl FnOnce()) {
    let fault = world.standin.fault(Fault::new(inserts(), effect));
    wait("an insert that meets the fault", || (world.standin.fault_hits(fault) > 0).then_some(()));
    until();
    world.standin.remove_fault(fault);
}

/// Two hosts of one app, each with a folder of its own.
fn pair(world: &World) -> [Host; 2] {
    ["one", "two"].map(|name| {
        let folder = world.dir.path().join(name);
        replaying(world, SYMBOLS, MINUTES, Some(60)).env("DATA_DIR", folder.to_str().unwrap())
    })
}

fn expected() -> BTreeSet<Beat> {
    [MACD, GOLDEN].iter().flat_map(|trader| beats(trader, 0..SYMBOLS, 0..MINUTES, 1)).collect()
}

/// Ten thousand signals through all of it. `in_the_middle` is called while both hosts run.
fn storm(mut world: World, seed: u64, in_the_middle: impl FnOnce(&mut World)) {
    add_pulse(&world, MACD, "1m MACD Cross Below 40", 1);
    add_pulse(&world, GOLDEN, "Golden Cross", 1);
    let expected = expected();
    assert!(expected.len() >= 10_000);
    // What it costs has no part in this: each chart is some hundred keys.
    world.run("drop index idx_signals_indicator_data");
    let mut dice = Dice(seed);
    weather(&world, seed);
    let until = |world: &World, more: u64| {
        let stored = world.count("select count(*) from signals");
        let target = (stored + more as i64).min(9_500);
        world.wait_for("more signals", "select count(*) from signals", |stored| stored >= target);
    };
    let kill = |host: Running| assert_eq!(host.end(Signal::KILL).0, -1);

    for _ in 0..2 {
        let [one, _] = pair(&world);
        let one = one.start();
        until(&world, 200 + dice.roll(800));
        kill(one);
    }
    let [one, two] = pair(&world).map(Host::start);
    until(&world, 500 + dice.roll(500));
    in_the_middle(&mut world);
    until(&world, 200 + dice.roll(500));
    kill(one);
    // The other one meets a key that is refused for a while, and dies before it is taken again.
    hit(&world, Effect::invalid_api_key(), || kill(two));
    let [one, two] = pair(&world).map(Host::start);
    // A host that is killed while nobody knows what became of its request.
    hit(&world, Effect::HangAfterCommit, || kill(one));
    hit(&world, Effect::Hang, || kill(two));
    let [one, two] = pair(&world).map(Host::start);
    until(&world, 1_000 + dice.roll(1_000));
    kill(one);
    kill(two);

    // The last request that hangs is left to the host's own patience.
    world.standin.clear_faults();
    world.standin.fault(Fault::new(inserts(), Effect::HangAfterCommit).times(1));
    let hosts = pair(&world).map(Host::start);
    for log in hosts.map(finish) {
        assert!(!log.contains("for good"), "{log}");
    }
    assert_stored(&world, "signals", &expected);
    assert_analysed_once(&world, &expected);
    assert_eq!(world.count("select count(*) from historical_signals"), 0, "nothing was told twice, as history");
}

#[test]
fn ten_thousand_signals_while_the_gateway_fails_hosts_are_killed_and_two_of_them_overlap() {
    storm(World::new(), 7, |_| ());
}

#[test]
fn ten_thousand_signals_while_the_database_crashes_as_well() {
    storm(World::with_own_server(), 11, |world| {
        world.cluster().restart().unwrap();
        world.reconnect();
    });
}

/// The candles are judged again, and say what they said.
#[test]
fn a_lost_outbox_loses_and_doubles_nothing() {
    let world = world_with_pulse(1);
    let host = || replaying(&world, 4, 200, Some(60));
    let running = host().start();
    // Some are in the database, and some are nowhere but in the outbox that will be lost.
    world.wait_for("a first part", "select count(*) from signals", |signals| signals >= 100);
    hit(&world, Effect::Hang, || {
        wait_until_queued(&running, 100);
        running.end(Signal::KILL);
    });
    std::fs::remove_dir_all(world.dir.path().join("shared")).unwrap();
    finish(host().start());
    let expected = beats(MACD, 0..4, 0..200, 1);
    assert_stored(&world, "signals", &expected);
    assert_analysed_once(&world, &expected);
    assert_eq!(world.count("select count(*) from historical_signals"), 0);
}

/// Rows that the database refuses for good are set aside with the reason, one by one; their neighbours in the batch arrive.
#[test]
fn poison_rows_are_dead_lettered_with_their_code_and_the_rest_arrives() {
    let world = world_with_pulse(1);
    add_pulse(&world, GOLDEN, "Golden Cross", 7);
    world.run(
        "alter table signals add constraint not_the_third
         check (symbol <> 'S002USDT' or extract(minute from timestamp)::int % 5 <> 0)",
    );
    let fault = world.standin.fault(Fault::new(inserts(), Effect::Hang));
    let running = replaying(&world, 4, 90, None).start();
    let of_golden = beats(GOLDEN, 0..4, 0..90, 7);
    wait_until_queued(&running, 4 * 90 + of_golden.len() as u64);
    world.run(&format!("delete from traders where id = '{GOLDEN}'"));
    world.standin.remove_fault(fault);
    wait("an empty outbox", || (running.metric("vyx_outbox_signals") == Some(0.0)).then_some(()));

    let refused_of = |trader: &str, every: usize| -> BTreeSet<Beat> {
        (0..90).step_by(5).flat_map(|minute| beats(trader, 2..3, minute..minute + 1, every)).collect()
    };
    let refused = refused_of(MACD, 1);
    let expected: BTreeSet<Beat> = beats(MACD, 0..4, 0..90, 1).difference(&refused).cloned().collect();
    assert_stored(&world, "signals", &expected);
    assert_analysed_once(&world, &expected);

    // PostgreSQL looks at the check before it looks at the reference.
    let checked = refused.len() + refused_of(GOLDEN, 7).len();
    let all = refused.len() + of_golden.len();
    let dead = |code: &str| running.metric(&format!("vyx_signals_dead_total{{code=\"{code}\"}}")).unwrap() as usize;
    assert_eq!((dead("23503"), dead("23514")), (all - checked, checked));
    let page = running.page("/api/signals?limit=1000");
    let dead: Vec<_> = page["signals"].as_array().unwrap().iter().filter(|signal| signal["state"] == "dead").collect();
    assert_eq!(dead.len(), all);
    assert!(
        dead.iter().all(|signal| signal["reason"].as_str().unwrap().contains("refuses a row for good")),
        "{dead:?}"
    );
    assert!(
        dead.iter().any(|signal| signal["code"] == "23514" && signal["signal"]["symbol"] == "S002USDT"),
        "{dead:?}"
    );
    let log = finish(running);
    assert!(log.contains("the database refuses a signal for good"), "{log}");

    // Dead for good: the next start does not try them again.
    finish(replaying(&world, 4, 90, None).start());
    assert_stored(&world, "signals", &expected);
}
