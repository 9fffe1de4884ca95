//! What the owner of a trader reads of it.

use rustix::process::Signal;

use crate::toggle::{GOLDEN, NEIGHBOUR, two, wait_for_signals};
use crate::world::{ALICE, BOB, Trader, World, component, digest, json, runtime};

const ALICES: &str = "5048128b-9ea9-4af7-b08b-cc1361d552fa";
const HEALTHY: &str = "5048128b-9ea9-4af7-b08b-cc1361d552fb";

/// `trader_state` as a user reads it in the web app.
fn read_as(world: &World, user: &str) -> serde_json::Value {
    let url = format!("{}/rest/v1/trader_state?select=trader_id,state,last_error,error_count", world.standin.url());
    let request = reqwest::Client::new()
        .get(url)
        .header("apikey", world.standin.publishable())
        .bearer_auth(world.standin.user_jwt(user.parse().unwrap()));
    json(&runtime().block_on(async { request.send().await.unwrap().text().await.unwrap() }))
}

#[test]
fn a_crash_in_one_trader_invisible_to_its_owner() {
    let world = World::new();
    world.add(Trader::of(ALICE, ALICES, "Crashes", "hostile-trap"));
    world.add(Trader::of(ALICE, HEALTHY, "Healthy", "healthy"));
    let host = world.dedicated().start();
    wait_for_signals(&world, HEALTHY);
    let told = format!("select count(*) from trader_state where trader_id = '{ALICES}' and state = 'error'");
    world.wait_for("the crash in trader_state", &told, |rows| rows == 1);
    let rows = read_as(&world, ALICE);
    let row = |id: &str| rows.as_array().unwrap().iter().find(|row| row["trader_id"] == id).unwrap().clone();
    let crashed = row(ALICES);
    let reason = crashed["last_error"].as_str().unwrap();
    assert!(reason.contains("quarantined") && reason.contains("unreachable"), "{reason}");
    // What its author runs to see it again; the module has no name here but its digest, the candles are the exchange's.
    let at = reason.split_once("see it again: vyx test ").unwrap().1;
    assert!(at.contains(".wasm --candles ") && at.contains("-1m-20") && at.contains(" --at 20"), "{reason}");
    assert!(crashed["error_count"].as_i64().unwrap() >= 5, "{crashed}");
    assert_eq!((row(HEALTHY)["state"].as_str(), row(HEALTHY)["last_error"].as_str()), (Some("running"), None));
    assert_eq!(read_as(&world, BOB), serde_json::json!([]));
    let trap = format!("vyx_trader_faults_total{{trader_id=\"{ALICES}\",outcome=\"trap\"}}");
    assert!(host.metric(&trap).unwrap() >= 5.0);
}

/// Through a swap, a toggle and two restarts.
#[test]
fn counts_go_on_from_life_to_life() {
    let world = two();
    let sha256 = digest(&component("pulse"));
    let state = format!("select state from trader_state where trader_id = '{GOLDEN}'");
    let mut executions = 0;
    for life in 0..2 {
        let mut host = world.shared().start();
        host.wait_for_realtime();
        let before = world.count(&format!("select count(*) from signals where trader_id = '{GOLDEN}'"));
        let now = format!("select count(*) from signals where trader_id = '{GOLDEN}'");
        world.wait_for("signals", &now, |signals| signals > before + 20);
        let running = format!(
            "select count(*) from trader_state where trader_id = '{GOLDEN}' and state = 'running'
                and started_at is not null and metadata ->> 'module_sha256' = '{sha256}'
                and metadata ->> 'run_mode' = 'shared_backend'"
        );
        world.wait_for("its state", &running, |rows| rows == 1);
        world.set_version(GOLDEN, &sha256, if life == 0 { r#"{"every": 1}"# } else { "{}" });
        host.wait_for("reloaded Golden Cross");
        world.enable(GOLDEN, false);
        host.wait_for("stopped, as it was disabled or deleted");
        world.enable(GOLDEN, true);
        host.wait_for("started Golden Cross");
        let before = world.count(&now);
        world.wait_for("signals", &now, |signals| signals > before + 20);
        assert_eq!(host.end(Signal::TERM).0, 0);
        assert_eq!(world.query(&state)[0].get::<_, String>(0), "stopped");
        for trader in [GOLDEN, NEIGHBOUR] {
            let told = world.query(&format!(
                "select signal_count::bigint, execution_count::bigint, error_count::bigint,
                    (select count(*) from signals where trader_id = '{trader}')
                 from trader_state where trader_id = '{trader}'"
            ));
            let [told, calls, errors, signals] = [0, 1, 2, 3].map(|column| told[0].get::<_, i64>(column));
            assert_eq!(told, signals, "life {life} of {trader}");
            assert_eq!(errors, 0, "life {life} of {trader}");
            if trader == GOLDEN {
                assert!(calls > executions + 10, "{calls} after {executions}");
                executions = calls;
            }
        }
    }
}
