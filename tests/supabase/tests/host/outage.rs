//! Supabase is away, or says less than it knows: the last good set runs on, and nothing is lost.

use rustix::process::Signal;
use vyx_supabase::{Answer, Effect, Fault, Match};

use crate::beats::{
    MACD, assert_analysed_once, assert_stored, beats, finish, queued, replaying, wait_until_queued, world_with_pulse,
};
use crate::process::Running;
use crate::world::{Trader, World, runtime, wait};

const NAME: &str = "1m MACD Cross Below 40";

#[test]
fn supabase_down_at_the_start() {
    let world = world_with_pulse(1);
    let expected = beats(MACD, 0..3, 0..40, 1);
    world.standin.down();
    let mut running = replaying(&world, 3, 40, Some(60)).start();
    running.wait_for("nothing runs until the project answers");
    let (status, health) = running.get("/health");
    assert_eq!(status, 200, "{health}");
    let (status, ready) = running.get("/ready");
    assert_eq!(status, 503, "{ready}");
    assert!(ready.contains("the project has not been reached yet, so nothing runs"), "{ready}");
    assert!(ready.contains("cannot call host_selfcheck: no connection"), "{ready}");
    assert!(running.states().is_empty());

    world.standin.up();
    running.wait_until_ready();
    finish(running);
    assert_stored(&world, "signals", &expected);
}

/// A host that waits for the project can be told to end.
#[test]
fn a_host_that_waits_for_the_project_ends_when_it_is_told_to() {
    let world = world_with_pulse(1);
    world.standin.down();
    let mut running = world.shared().start();
    running.wait_for("nothing runs until the project answers");
    let (code, log) = running.end(Signal::TERM);
    assert_eq!(code, 0, "{log}");
}

#[test]
fn supabase_down_for_a_while_and_back_again() {
    let world = world_with_pulse(1);
    let running = replaying(&world, 3, 200, Some(30)).start();
    running.wait_until_ready();
    world.wait_for("some signals", "select count(*) from signals", |signals| signals >= 30);
    world.standin.down();
    wait_until_queued(&running, 60);
    wait("a warning", || running.get("/ready").1.contains("the last good set of traders runs on").then_some(()));
    let (status, ready) = running.get("/ready");
    assert_eq!(status, 200, "{ready}");
    assert!(ready.contains("signals wait in the outbox"), "{ready}");
    assert_eq!(running.states()[NAME], "running");
    let before = queued(&running);
    wait("evaluation that goes on", || (queued(&running) > before).then_some(()));

    world.standin.up();
    wait("no warning", || (running.page("/ready")["warnings"] == serde_json::json!([])).then_some(()));
    finish(running);
    let expected = beats(MACD, 0..3, 0..200, 1);
    assert_stored(&world, "signals", &expected);
    assert_analysed_once(&world, &expected);
}

fn rows(status: u16, range: &str, body: &str) -> Effect {
    let headers = [("content-type", "application/json; charset=utf-8"), ("content-range", range)];
    let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    Effect::Respond(Answer { status, headers, body: body.to_owned() })
}

fn reads() -> Match {
    Match::any().method("GET").path("/rest/v1/traders")
}

fn checks() -> Match {
    Match::any().method("POST").path("/rest/v1/rpc/host_selfcheck")
}

/// Two traders that run, on an endless market.
fn two_running() -> (World, Running) {
    let world = world_with_pulse(1);
    world.add(Trader::built_in(OTHER, "Golden Cross", "healthy"));
    let running = world.shared().start();
    running.wait_until_ready();
    running.wait_for_state(NAME, "running");
    running.wait_for_state("Golden Cross", "running");
    (world, running)
}

const OTHER: &str = "d16e060c-0000-4000-8000-000000000002";

/// Asks for a read, as often as it takes, until the faults have met one more of them.
fn reload(world: &World, running: &Running, hits: impl Fn() -> u64) {
    let before = hits();
    let url = format!("http://127.0.0.1:{}/api/reload", running.port);
    let asked = runtime().block_on(reqwest::Client::new().post(url).send()).unwrap();
    assert_eq!(asked.status(), 202);
    wait("a read", || (hits() > before).then_some(()));
    assert_eq!(world.count("select count(*) from traders where enabled"), 2);
}

/// Both run, nobody was stopped, and they speak on.
fn assert_unchanged(world: &World, running: &Running) {
    let states = running.states();
    assert!(states.len() == 2 && states.values().all(|state| state == "running"), "{states:?}");
    for trader in [MACD, OTHER] {
        let sql = format!("select count(*) from signals where trader_id = '{trader}'");
        let before = world.count(&sql);
        world.wait_for("more signals", &sql, |signals| signals > before);
    }
    assert!(!running.log().contains("stopped "), "{}", running.log());
}

#[test]
fn a_list_that_is_shorter_than_its_count_changes_nothing() {
    let (world, running) = two_running();
    world.standin.fault(Fault::new(reads().query("*id=gt.*"), rows(200, "*/2", "[]")));
    let cut = format!(
        "[{{\"id\":\"{MACD}\",\"name\":\"{NAME}\",\"is_built_in\":true,\"user_id\":null,\"enabled\":true,\"module_sha256\":null,
           \"params\":{{}},\"disabled_at\":null}}]"
    );
    let fault = world.standin.fault(Fault::new(reads(), rows(206, "0-0/2", &cut)));
    for _ in 0..3 {
        reload(&world, &running, || world.standin.fault_hits(fault));
    }
    wait("a warning", || running.get("/ready").1.contains("1 of 2 rows came").then_some(()));
    assert_eq!(running.get("/ready").0, 200);
    assert_unchanged(&world, &running);
    world.standin.clear_faults();
}

/// An empty list with a good status is what a key without privilege gets.
#[test]
fn an_empty_list_changes_nothing() {
    let (world, running) = two_running();
    let empty = || rows(200, "*/0", "[]");
    let once = world.standin.fault(Fault::new(reads(), empty()).times(1));
    reload(&world, &running, || world.standin.fault_hits(once));
    assert_unchanged(&world, &running);

    // Again and again: the proof of privilege counts traders that the list does not have.
    let lists = world.standin.fault(Fault::new(reads(), empty()));
    for _ in 0..3 {
        reload(&world, &running, || world.standin.fault_hits(lists));
    }
    wait("a warning", || running.get("/ready").1.contains("and the database counts").then_some(()));
    assert_unchanged(&world, &running);

    // The proof is refused as well.
    let refused = world.standin.fault(Fault::new(checks(), Effect::postgrest(403, "42501", "permission denied")));
    for _ in 0..2 {
        reload(&world, &running, || world.standin.fault_hits(refused));
    }
    wait("the reason", || running.get("/ready").1.contains("permission denied").then_some(()));
    assert_unchanged(&world, &running);
    world.standin.clear_faults();
    running.wait_until_ready();
}

/// Rows that are gone for good count after two reads with a proof of privilege between them.
#[test]
fn an_empty_list_counts_after_two_reads_and_a_proof_of_privilege() {
    let (world, running) = two_running();
    // Realtime would say each of them is deleted; a truncate it does not tell.
    world.run("truncate traders cascade");
    let url = format!("http://127.0.0.1:{}/api/reload", running.port);
    runtime().block_on(reqwest::Client::new().post(url).send()).unwrap();
    running.wait_for_state(NAME, "stopped");
    running.wait_for_state("Golden Cross", "stopped");
    let requests = world.standin.requests();
    let asked: Vec<&str> = requests
        .iter()
        .filter_map(|entry| match (entry.method.as_str(), entry.path.as_str()) {
            ("GET", "/rest/v1/traders") => Some("read"),
            ("POST", "/rest/v1/rpc/host_selfcheck") => Some("proof"),
            _ => None,
        })
        .collect();
    assert!(asked.windows(3).any(|asked| asked == ["read", "proof", "read"]), "{asked:?}");
}
