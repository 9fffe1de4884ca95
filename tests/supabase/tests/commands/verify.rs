//! `vyx verify` on what the database holds.

use serde_json::{Value, json};

use crate::world::{ALICE, ALICES_APP, ALICES_TRADER, As, BOBS_APP, BUILT_IN, Ran, World};

fn results(ran: &Ran) -> Vec<String> {
    let tests = ran.json()[0]["tests"].as_array().unwrap().clone();
    tests.iter().map(|test| test["result"].as_str().unwrap().to_owned()).collect()
}

fn evidence(ran: &Ran, test: usize) -> String {
    let words: Vec<Value> = ran.json()[0]["tests"][test - 1]["evidence"].as_array().unwrap().clone();
    words.iter().map(|word| word.as_str().unwrap()).collect::<Vec<_>>().join("\n")
}

/// A signal as an unguarded writer would leave it.
fn signal(world: &World, trader: &str, user: &str, app: &str) {
    let quoted = |id: &str| if id == "null" { id.to_owned() } else { format!("'{id}'") };
    world.sql(&format!(
        "set session_replication_role = replica;
         insert into signals (id, trader_id, user_id, symbol, interval, timestamp, price_at_signal, count, source, fly_app_id)
         values (gen_random_uuid(), '{trader}', {}, 'BTCUSDT', '5m', now(), 1, 1, 'cloud', {});
         set session_replication_role = origin",
        quoted(user),
        quoted(app)
    ));
}

#[test]
fn nothing_seen_is_nothing_proved() {
    let world = World::new();
    let ran = world.vyx(As::Operator, &["verify", "--json"]);
    assert_eq!((ran.code, results(&ran)), (1, ["skipped"; 4].map(str::to_owned).to_vec()), "{ran:?}");
    world.vyx(As::Operator, &["verify"]).said(1, &["0 passed, 0 failed, 4 skipped"]);
}

#[test]
fn signals_with_the_right_app_pass_and_others_are_named() {
    let world = World::new();
    signal(&world, BUILT_IN, "null", "null");
    signal(&world, ALICES_TRADER, ALICE, ALICES_APP);
    world.host_says(BUILT_IN, "running", "x", &json!({}), None);
    let ran = world.vyx(As::Operator, &["verify", "--json"]);
    assert_eq!(
        (ran.code, results(&ran)),
        (0, ["pass", "pass", "skipped", "pass"].map(str::to_owned).to_vec()),
        "{ran:?}"
    );

    signal(&world, BUILT_IN, "null", ALICES_APP);
    signal(&world, ALICES_TRADER, ALICE, "null");
    signal(&world, ALICES_TRADER, ALICE, BOBS_APP);
    world.host_says(ALICES_TRADER, "running", "x", &json!({}), None);
    let ran = world.vyx(As::Operator, &["verify", "--json"]);
    assert_eq!(
        (ran.code, results(&ran)),
        (1, ["fail", "fail", "skipped", "fail"].map(str::to_owned).to_vec()),
        "{ran:?}"
    );
    assert!(evidence(&ran, 1).contains(&format!("1 signals of {BUILT_IN} \"Golden Cross\" carry an app")), "{ran:?}");
    assert!(evidence(&ran, 2).contains("have no app: fly_app_id is null"), "{ran:?}");
    assert!(evidence(&ran, 2).contains("carry the app of another user"), "{ran:?}");
    assert!(evidence(&ran, 4).contains(&format!("the shared app runs {ALICES_TRADER}")), "{ran:?}");
}

#[test]
fn a_disabled_trader_that_runs_or_speaks_is_found_without_a_toggle() {
    let world = World::new();
    world.sql(&format!("update traders set enabled = false where id = '{BUILT_IN}'"));
    world.host_says(BUILT_IN, "running", "x", &json!({}), None);
    signal(&world, BUILT_IN, "null", "null");
    let ran = world.vyx(As::Operator, &["verify", "--json"]);
    assert_eq!(results(&ran)[2], "fail", "{ran:?}");
    assert!(evidence(&ran, 3).contains("after it was disabled"), "{ran:?}");
    assert!(evidence(&ran, 3).contains("is disabled, and reported as running"), "{ran:?}");
}

#[test]
fn what_cannot_be_meant_is_refused() {
    let world = World::new();
    let verify = |args: &[&str]| world.vyx(As::Operator, &[&["verify"], args].concat());
    verify(&["--since", "never"]).said(2, &["30m"]);
    verify(&["--shared", "http://vyx-app.fly.dev"]).said(2, &["use https"]);
    verify(&["--shared", "http://127.0.0.1:9"]).failed(1, &["http://127.0.0.1:9/health does not answer"]);
    verify(&["--toggle", "ffff"]).failed(2, &["there is no such trader"]);
    world.sql(&format!("update traders set enabled = false where id = '{BUILT_IN}'"));
    verify(&["--toggle", BUILT_IN]).failed(2, &["it is not enabled"]);
}

#[test]
fn a_trader_that_was_switched_off_is_on_again_after_an_interrupt() {
    let world = World::new();
    world.host_says(BUILT_IN, "running", "x", &json!({}), None);
    let enabled = || world.rows(&format!("select enabled from traders where id = '{BUILT_IN}'")).pop().unwrap();
    let verifying = world.start(As::Operator, &[], &["verify", "--toggle", BUILT_IN]);
    world.standin.wait_until_blocking("the trader is off", |all| {
        all.iter().any(|one| one.method == "PATCH" && one.status == Some(200))
    });
    assert_eq!(enabled(), "f");
    rustix::process::kill_process(rustix::process::Pid::from_child(&verifying), rustix::process::Signal::INT).unwrap();
    world.wait(verifying).failed(130, &["interrupted", "is switched on again"]);
    assert_eq!(enabled(), "t");
}
