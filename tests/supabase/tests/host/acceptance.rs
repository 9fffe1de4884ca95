//! What the owner of the production system checks, with both kinds of app on one database at the same time.

use rustix::process::Signal;

use crate::world::{ALICE, ALICES_APP, BOB, Trader, World};

const MACD: &str = "73d7da06-0000-4000-8000-000000000001";
const GOLDEN: &str = "d16e060c-0000-4000-8000-000000000002";
const SLEEPING: &str = "d16e060c-0000-4000-8000-000000000003";
const ALICES: &str = "5048128b-9ea9-4af7-b08b-cc1361d552fa";
const ALICES_OTHER: &str = "5048128b-9ea9-4af7-b08b-cc1361d552fb";
const BOBS: &str = "b0b00000-0000-4000-8000-0000000000bb";

fn world() -> World {
    let world = World::new();
    world.add(Trader::built_in(MACD, "1m MACD Cross Below 40", "healthy"));
    world.add(Trader::built_in(GOLDEN, "Golden Cross", "pulse"));
    world.add(Trader::built_in(SLEEPING, "Volume Spike Detector", "pulse").disabled());
    world.add(Trader::of(ALICE, ALICES, "StochRSI Overbought Short", "pulse"));
    world.add(Trader::of(ALICE, ALICES_OTHER, "Alice sleeps", "pulse").disabled());
    world.add(Trader::of(BOB, BOBS, "Bob watches", "pulse"));
    world
}

const MINE: [&str; 3] = [ALICES, ALICES_OTHER, ALICE];
const BUILT_INS: [&str; 3] = [MACD, GOLDEN, SLEEPING];

/// Tests 1, 2 and 4 of production: who runs where, whose signals they are, and nothing of the one in the other.
#[test]
fn a_poll_loop_that_loads_all_traders_and_bypasses_run_mode() {
    let world = world();
    let shared = world.shared().start();
    let dedicated = world.dedicated().start();
    shared.wait_until_ready();
    dedicated.wait_until_ready();
    world.wait_for("signals of all", "select count(distinct trader_id) from signals", |traders| traders == 3);
    world.wait_for("some more", "select count(*) from signals", |signals| signals > 100);

    let shared_states = shared.states();
    assert_eq!(
        shared_states.iter().map(|(name, state)| (name.as_str(), state.as_str())).collect::<Vec<_>>(),
        [("1m MACD Cross Below 40", "running"), ("Golden Cross", "running"), ("Volume Spike Detector", "stopped")]
    );
    let dedicated_states = dedicated.states();
    assert_eq!(
        dedicated_states.iter().map(|(name, state)| (name.as_str(), state.as_str())).collect::<Vec<_>>(),
        [("Alice sleeps", "stopped"), ("StochRSI Overbought Short", "running")]
    );

    // A poll and a change later it is still so.
    world.run("update traders set description = 'changed'");
    world.wait_for("another hundred", "select count(*) from signals", |signals| signals > 300);

    let (pages_shared, pages_dedicated) = [&shared, &dedicated]
        .map(|host| format!("{}{}", host.get("/api/traders").1, host.get("/api/signals").1))
        .into();
    let (code, log) = shared.end(Signal::TERM);
    assert_eq!(code, 0, "{log}");
    for id in MINE.iter().chain(&[BOBS, BOB, ALICES_APP]) {
        assert!(!log.contains(id) && !pages_shared.contains(id), "{id} in the shared app:\n{log}\n{pages_shared}");
    }
    let (code, log) = dedicated.end(Signal::INT);
    assert_eq!(code, 0, "{log}");
    for id in BUILT_INS.iter().chain(&[BOBS, BOB]) {
        assert!(!log.contains(id) && !pages_dedicated.contains(id), "{id} in Alice's app:\n{log}\n{pages_dedicated}");
    }

    assert_eq!(world.count("select count(*) from signals where source <> 'cloud' or count <> 1"), 0);
    assert_eq!(
        world.count(&format!(
            "select count(*) from signals where trader_id in ('{MACD}', '{GOLDEN}')
                and (user_id is not null or fly_app_id is not null)"
        )),
        0
    );
    assert_eq!(
        world.count(&format!(
            "select count(*) from signals where trader_id = '{ALICES}'
                and (user_id is distinct from '{ALICE}' or fly_app_id is distinct from '{ALICES_APP}')"
        )),
        0,
        "signals of user traders with fly_app_id null"
    );
    let others = format!("select count(*) from signals where trader_id not in ('{MACD}', '{GOLDEN}', '{ALICES}')");
    assert_eq!(world.count(&others), 0);
    let stopped = "select count(*) from trader_state where state = 'stopped'";
    assert_eq!(world.count(stopped), 5, "hosts that end say so");
}
