//! `vyx publish`.

use serde_json::json;
use vyx_supabase::{Effect, Fault, Match};

use crate::world::{ALICE, ALICES_TRADER, As, BOB, BOBS_TRADER, BUILT_IN, World, component, digest};

#[test]
fn an_operator_publishes_a_built_in_trader_and_is_told_when_it_runs() {
    let world = World::new();
    let (module, sha256) = (component("golden-cross"), digest("golden-cross"));
    let args = ["publish", &module, "--built-in", "Golden Cross", "--params", "short_period=20", "--json"];
    let publishing = world.start(As::Operator, &[], &args);
    world.standin.wait_until_blocking("the row is set", |all| {
        all.iter().any(|one| one.method == "PATCH" && one.status == Some(200))
    });
    assert_eq!(world.row(BUILT_IN), format!("{sha256} {{\"short_period\": 20}}"));
    // What is said of another version is no answer.
    world.host_says(BUILT_IN, "running", &"0".repeat(64), &json!({}), None);
    world.host_says(BUILT_IN, "running", &sha256, &json!({"short_period": 20}), None);
    let ran = world.wait(publishing);
    ran.said(0, &[]);
    let result = &ran.json()[0];
    assert_eq!(result["state"], "running");
    assert_eq!(result["uploaded"], true);
    assert_eq!(result["module_sha256"], sha256);
    assert_eq!(world.rows("select name from storage.objects"), [format!("built-in/{sha256}.wasm")]);
    assert_eq!(world.rows("select sha256, user_id, name, abi from trader_modules").len(), 1);

    // The same again changes nothing, and without parameters the row keeps its own.
    let ran = world.vyx(As::Operator, &["publish", &module, "--built-in", "Golden Cross"]);
    ran.said(0, &["was there already", "row       was set so already", "state     running", "{\"short_period\":20}"]);
    assert_eq!(world.standin.count("PATCH", "/rest/v1/traders"), 1);
}

#[test]
fn an_author_publishes_for_own_traders_only() {
    let world = World::new();
    let (module, sha256) = (component("golden-cross"), digest("golden-cross"));
    let alice = As::Author(ALICE);
    world.vyx(alice, &["publish", &module, "--trader", ALICES_TRADER, "--no-wait"]).said(0, &["not waited for"]);
    assert_eq!(world.rows("select name from storage.objects"), [format!("{ALICE}/{sha256}.wasm")]);
    assert_eq!(world.rows("select user_id from trader_modules"), [ALICE]);
    assert_eq!(world.row(ALICES_TRADER), format!("{sha256} {{}}"));

    let before = world.standin.count("POST", "/rest/v1/trader_modules");
    world.vyx(alice, &["publish", &module, "--trader", BOBS_TRADER]).failed(2, &["no such trader is yours"]);
    world.vyx(alice, &["publish", &module, "--trader", BUILT_IN]).failed(2, &["is a built-in trader", ALICE]);
    world.vyx(alice, &["publish", &module, "--built-in", "Golden Cross"]).failed(2, &["published by operators"]);
    assert_eq!(
        world.standin.count("POST", "/rest/v1/trader_modules"),
        before,
        "nothing was published before it was refused"
    );
    assert_eq!(world.row(BOBS_TRADER), "null {}");

    // An operator publishes for a user into the prefix of that user.
    world.vyx(As::Operator, &["publish", &module, "--trader", "b0b0", "--no-wait"]).said(0, &[BOBS_TRADER]);
    assert_eq!(
        world.rows("select name from storage.objects order by 1"),
        [format!("{ALICE}/{sha256}.wasm"), format!("{BOB}/{sha256}.wasm"),]
    );
}

#[test]
fn what_cannot_be_meant_is_refused_before_anything_is_written() {
    let world = World::new();
    let module = component("golden-cross");
    let publish = |rest: &[&str]| world.vyx(As::Operator, &[&["publish", &module], rest].concat());
    publish(&["--trader", "73d7da06-0000-4000-8000-00000000ffff"])
        .failed(2, &["there is no such trader", "vyx traders --all"]);
    publish(&["--built-in", "Silver\u{1b}Cross"]).failed(2, &["\\u{1b}", "there is no such trader"]);
    publish(&[]).said(2, &["--trader", "--built-in"]);
    publish(&["--trader", "xyz"]).said(2, &["is not the id of a trader"]);
    publish(&["--trader", BUILT_IN, "--params", "fast=1"]).failed(2, &["no parameter \"fast\"", "short_period"]);
    publish(&["--trader", BUILT_IN, "--params", "short_period=1"]).failed(2, &["short_period", "from 2 to 999"]);
    publish(&["--trader", BUILT_IN, "--params", "short_period=300"]).failed(2, &["make short_period the smaller one"]);
    world.sql(&format!("update traders set params = '{{\"old\": 1}}' where id = '{BUILT_IN}'"));
    publish(&["--trader", BUILT_IN]).failed(2, &["no parameter \"old\"", "the row's own", "--params"]);
    world.sql("insert into traders (name, description, filter, strategy, is_built_in, ownership_type) values ('Golden Cross', '', '{}', '{}', true, 'system')");
    publish(&["--built-in", "Golden Cross"]).failed(2, &["several traders", BUILT_IN, "--trader"]);
    world.sql(&format!(
        "set session_replication_role = replica; update traders set is_built_in = null where id = '{BUILT_IN}'"
    ));
    publish(&["--trader", BUILT_IN]).failed(1, &["contradicts itself: is_built_in is null"]);
    world.vyx(As::Operator, &["publish", "nowhere.wasm", "--trader", BUILT_IN]).failed(2, &["nowhere.wasm"]);
    assert_eq!(world.rows("select name from storage.objects"), Vec::<String>::new());
    assert_eq!(world.rows("select id from trader_modules"), Vec::<String>::new());
}

#[test]
fn a_module_that_check_refuses_is_refused_in_the_same_words() {
    let world = World::new();
    let module = component("hostile-wasi");
    let checked = world.vyx(As::Operator, &["check", &module]);
    let published = world.vyx(As::Operator, &["publish", &module, "--trader", BUILT_IN]);
    published.said(1, &["refused   imports"]);
    assert_eq!(checked.out, published.out);
    assert_eq!(world.standin.requests().len(), 0);
}

#[test]
fn a_check_that_fails_refuses_it_in_the_same_words() {
    let world = World::new();
    let module = component("hostile-short-warm-up");
    // What it costs depends on the machine.
    let lines = |out: &str| -> Vec<String> {
        out.lines().filter(|line| !line.starts_with("cost")).map(str::to_owned).collect()
    };
    let checked = world.vyx(As::Operator, &["check", &module]);
    let args = ["publish", &module, "--trader", BUILT_IN, "--no-wait"];
    let with = |rest: &[&str]| world.vyx(As::Operator, &[&args, rest].concat());
    let published = with(&[]);
    published.said(
        1,
        &["warm-up      fails  the warm-up is too short", "-> declare 2,000 candles of 5m", "verdict      fails"],
    );
    assert_eq!(lines(&checked.out), lines(&published.out));
    let json = with(&["--json"]);
    json.said(1, &[]);
    assert_eq!(json.json()[0]["verdict"], "fails");
    assert_eq!(world.rows("select name from storage.objects"), Vec::<String>::new());
    assert_eq!(world.rows("select id from trader_modules"), Vec::<String>::new());

    // With parameters that mend it, and for one who knows better.
    let mended = with(&["--params", "warm_up=3000", "--json"]);
    mended.said(0, &[]);
    assert_eq!(
        (&mended.json()[0]["verdict"], &mended.json()[0]["checks"][0]["check"]),
        (&json!("ok"), &json!("admit"))
    );
    with(&["--params", "warm_up=200", "--no-check"]).said(0, &["not waited for"]);
    assert!(world.row(BUILT_IN).ends_with("{\"warm_up\": 200}"));
}

#[test]
fn a_host_that_refuses_it_and_one_that_says_nothing_are_told_apart() {
    let world = World::new();
    let (module, sha256) = (component("golden-cross"), digest("golden-cross"));
    world.host_says(BUILT_IN, "error", &"0".repeat(64), &json!({}), Some("an old fault"));
    let args = ["publish", &module, "--trader", BUILT_IN, "--timeout", "1"];
    world.vyx(As::Operator, &args).said(1, &["state     unknown", "has not taken it up in 1 s", "vyx doctor"]);
    let args = ["publish", &module, "--trader", BUILT_IN, "--params", "cooldown=1"];
    let publishing = world.start(As::Operator, &[], &args);
    world.standin.wait_until_blocking("the row is set", |all| {
        all.iter().filter(|one| one.method == "PATCH" && one.status == Some(200)).count() == 2
    });
    world.host_says(BUILT_IN, "running", &"0".repeat(64), &json!({}), Some("no candles of 15m\u{1b}[2J"));
    world.wait(publishing).said(1, &["state     refused", "no candles of 15m\\u{1b}[2J; 000000000000… runs on"]);
    world.sql(&format!("update traders set enabled = false where id = '{BUILT_IN}'"));
    world.vyx(As::Operator, &args).said(0, &["state     disabled", "once the trader is enabled", &sha256]);
}

#[test]
fn requests_that_fail_are_tried_again_and_bytes_in_the_way_are_compared() {
    let world = World::new();
    let (module, sha256) = (component("golden-cross"), digest("golden-cross"));
    for (method, path) in [
        ("POST", "/storage/v1/object/trader-modules/*"),
        ("POST", "/rest/v1/trader_modules"),
        ("PATCH", "/rest/v1/traders"),
    ] {
        world.standin.fault(Fault::new(Match::any().method(method).path(path), Effect::CutAfterCommit).times(1));
    }
    world.vyx(As::Operator, &["publish", &module, "--trader", BUILT_IN, "--no-wait"]).said(0, &["was there already"]);
    assert_eq!(world.row(BUILT_IN), format!("{sha256} {{}}"));
    assert_eq!(world.rows("select sha256 from trader_modules"), std::slice::from_ref(&sha256));

    world.standin.corrupt_object("trader-modules", &format!("built-in/{sha256}.wasm"), b"other bytes").unwrap();
    let ran = world.vyx(As::Operator, &["publish", &module, "--trader", BUILT_IN, "--no-wait"]);
    ran.failed(1, &["has the sha256", "delete the object and publish the module again"]);
}

#[test]
fn an_author_whose_session_has_ended_is_told_to_sign_in_again() {
    let world = World::new();
    let module = component("golden-cross");
    let ended = world.standin.sign(&json!({"role": "authenticated", "sub": ALICE, "exp": 1_000_000_000}));
    let args = ["publish", &module, "--trader", ALICES_TRADER];
    let ran = world.vyx_with(As::Author(ALICE), &[("SUPABASE_USER_TOKEN", &ended)], &args);
    ran.failed(78, &["SUPABASE_USER_TOKEN", "sign in again"]);
    world
        .vyx_with(As::Author(ALICE), &[("SUPABASE_USER_TOKEN", "")], &args)
        .failed(78, &["SUPABASE_USER_TOKEN is not set"]);
    world.standin.down();
    world.vyx(As::Operator, &args).failed(1, &["no connection", "gave up after 4 tries"]);
}
