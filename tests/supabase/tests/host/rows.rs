//! Rows that contradict themselves: each is set aside alone and says why; corrected, it runs.

use crate::toggle::{NEIGHBOUR, newest_ms, wait_for_signals};
use crate::world::{ALICE, Trader, World, component, digest, other_bytes};

/// A row, how it is broken, what its owner reads, and how it is mended.
struct Broken {
    id: &'static str,
    broken: String,
    told: &'static str,
    mended: String,
}

fn broken_rows() -> Vec<Broken> {
    let sha256 = digest(&component("pulse"));
    let unknown = digest(&other_bytes(component("pulse"), "unknown"));
    let broken =
        |id, broken: &str, told, mended: &str| Broken { id, broken: broken.into(), told, mended: mended.into() };
    vec![
        broken(
            "bad00000-0000-4000-8000-000000000001",
            r#"params = to_jsonb('{"every": 1}'::text)"#,
            "params is JSON encoded twice",
            r#"params = '{"every": 1}'"#,
        ),
        broken("bad00000-0000-4000-8000-000000000002", "enabled = null", "enabled is null", "enabled = true"),
        broken(
            "bad00000-0000-4000-8000-000000000003",
            "is_built_in = null",
            "is_built_in is null",
            "is_built_in = true",
        ),
        broken(
            "bad00000-0000-4000-8000-000000000004",
            "module_sha256 = null",
            "names no module",
            &format!("module_sha256 = '{sha256}'"),
        ),
        broken(
            "bad00000-0000-4000-8000-000000000005",
            &format!("module_sha256 = '{unknown}', params = '{{\"every\": 2}}'"),
            "is not in the storage",
            &format!("module_sha256 = '{sha256}', params = '{{}}'"),
        ),
        broken(
            "bad00000-0000-4000-8000-000000000006",
            &format!("user_id = '{ALICE}'"),
            "is_built_in is true, but user_id is",
            "user_id = null",
        ),
        broken(
            "bad00000-0000-4000-8000-000000000007",
            "is_built_in = false",
            "is_built_in is false, but there is no user_id",
            "is_built_in = true",
        ),
    ]
}

/// As they were written before there were rules against them.
fn world() -> World {
    let world = World::new();
    world.run(
        "alter table traders drop constraint traders_params_is_object;
         alter table traders disable trigger traders_ownership;
         alter table traders disable trigger traders_module_is_published",
    );
    world.add(Trader::built_in(NEIGHBOUR, "Neighbour", "pulse"));
    for Broken { id, told, .. } in broken_rows() {
        world.add(Trader::built_in(id, told, "pulse"));
    }
    world
}

#[test]
fn a_row_that_contradicts_itself_is_set_aside_alone_until_it_is_corrected() {
    let world = world();
    let rows = broken_rows();
    for Broken { id, broken, .. } in &rows {
        world.run(&format!("update traders set {broken} where id = '{id}'"));
    }
    let host = world.shared().start();
    host.wait_for_realtime();
    wait_for_signals(&world, NEIGHBOUR);
    for Broken { id, told, .. } in &rows {
        let row = format!(
            "select count(*) from trader_state
                where trader_id = '{id}' and state = 'error' and last_error like '%{told}%'"
        );
        world.wait_for(told, &row, |rows| rows == 1);
        let trader = host.trader(id);
        assert_eq!(trader["state"], "error", "{trader}");
        assert!(trader["reason"].as_str().unwrap().contains(told), "{trader}");
        assert_eq!(world.count(&newest_ms(id)), 0, "{told}");
    }
    assert_eq!(host.states()["Neighbour"], "running");

    for Broken { id, mended, told, .. } in &rows {
        world.run(&format!("update traders set {mended} where id = '{id}'"));
        host.wait_for_state(told, "running");
        wait_for_signals(&world, id);
        let row = format!(
            "select count(*) from trader_state where trader_id = '{id}' and state = 'running' and last_error is null"
        );
        world.wait_for(told, &row, |rows| rows == 1);
    }
    host.assert_nothing_refused();
}

/// A row that runs and is broken then stops, since nobody can say any more what it should do; one whose new module is not
/// there runs on with the old one.
#[test]
fn a_trader_whose_row_breaks_while_it_runs() {
    let world = world();
    let host = world.shared().start();
    host.wait_for_realtime();
    let rows = broken_rows();
    for Broken { id, .. } in &rows {
        wait_for_signals(&world, id);
    }
    for Broken { id, broken, .. } in &rows {
        world.run(&format!("update traders set {broken} where id = '{id}'"));
    }
    for Broken { id, told, .. } in &rows {
        let state = if *told == "is not in the storage" { "running" } else { "error" };
        host.wait_for_state(told, state);
        let row = format!(
            "select count(*) from trader_state
                where trader_id = '{id}' and state = '{state}' and last_error like '%{told}%'"
        );
        world.wait_for(told, &row, |rows| rows == 1);
    }
    let stopped_ms = host.last_close_ms();
    world.wait_for("the neighbour", &newest_ms(NEIGHBOUR), |close_ms| close_ms > stopped_ms + 50 * 60_000);
    for Broken { id, told, .. } in &rows {
        let newest_ms = world.count(&newest_ms(id));
        assert_eq!(newest_ms > stopped_ms, *told == "is not in the storage", "{told}");
    }
}
