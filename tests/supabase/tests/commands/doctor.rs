//! `vyx doctor`: each fault has its line and its fix.

use serde_json::Value;
use vyx_supabase::{Effect, Fault, Match};

use crate::world::{ALICE, As, BUILT_IN, Ran, World};

const SHARED: [(&str, &str); 3] =
    [("RUN_MODE", "shared_backend"), ("FEED", "synthetic:1"), ("ADMIN_TOKEN", "0123456789abcdef")];

fn doctor(world: &World, env: &[(&str, &str)]) -> Ran {
    world.vyx_with(As::Operator, &[&SHARED, env].concat(), &["doctor", "--json"])
}

/// The checks of this name, as `status: message; fix`.
#[track_caller]
fn checks(ran: &Ran, name: &str) -> Vec<String> {
    let report = &ran.json()[0];
    let of_name = report["checks"].as_array().unwrap().iter().filter(|check| check["name"] == name);
    let words = |check: &Value| {
        let fix = check["fix"].as_str().map(|fix| format!("; {fix}")).unwrap_or_default();
        format!("{}: {}{fix}", check["status"].as_str().unwrap(), check["message"].as_str().unwrap())
    };
    of_name.map(words).collect()
}

#[track_caller]
fn has(ran: &Ran, code: i32, name: &str, words: &str) {
    let found = checks(ran, name);
    assert!(found.iter().any(|check| check.contains(words)), "{words:?} is not in {found:?} of {ran:?}");
    assert_eq!(ran.code, code, "{ran:?}");
}

#[test]
fn a_good_deployment_has_no_faults() {
    let world = World::new();
    let ran = doctor(&world, &[]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let report = &ran.json()[0];
    assert_eq!(
        (&report["ok"], &report["faults"], &report["warnings"]),
        (&true.into(), &0.into(), &0.into()),
        "{ran:?}"
    );
    let names: Vec<_> =
        report["checks"].as_array().unwrap().iter().map(|check| check["name"].as_str().unwrap()).collect();
    insta::assert_snapshot!(names.join(" "), @"run mode project key settings reachable clock schema grants publication bucket fly app traders rows writers maps disk data dir outbox");
    let people = world.vyx_with(As::Operator, &SHARED, &["doctor"]);
    people.said(0, &["ok    run mode     shared_backend, outside of Fly", "0 faults, 0 warnings"]);
    let dedicated = [("RUN_MODE", "user_dedicated"), ("USER_ID", ALICE), ("FLY_APP_NAME", "vyx-user-35682909")];
    has(&doctor(&world, &dedicated), 0, "fly app", &format!("the traders of user {ALICE}"));
}

#[test]
fn every_check_is_made_although_the_environment_is_wrong() {
    let world = World::new();
    let ran = doctor(&world, &[("RUN_MODE", "shared")]);
    has(&ran, 78, "run mode", "fail: RUN_MODE=\"shared\" is not a run mode; did you mean shared_backend?");
    has(&ran, 78, "schema", "ok: all tables");
    let ran = doctor(&world, &[("SUPABASE_SERVICE_ROLE_KEY", ""), ("FEED", "kraken")]);
    has(&ran, 78, "key", "fail: SUPABASE_SERVICE_ROLE_KEY is not set; set it to a secret key");
    has(&ran, 78, "settings", "is not a feed");
    has(&ran, 78, "schema", "skip: ");
    has(&ran, 78, "disk", "MiB are free");
    has(&doctor(&world, &[("SUPABASE_URL", "https://db.example.com/x")]), 78, "project", "fail: SUPABASE_URL");
}

#[test]
fn keys_are_told_apart() {
    let world = World::new();
    let with = |key: &str| doctor(&world, &[("SUPABASE_SERVICE_ROLE_KEY", key)]);
    has(&with(&world.standin.anon_jwt()), 78, "key", "is the anon key");
    has(&with(&world.standin.publishable()), 78, "key", "is a publishable key");
    let legacy = with(&world.standin.service_jwt());
    has(&legacy, 0, "key", "ok: a legacy jwt of role service_role");
    has(&legacy, 0, "key", "warn: SUPABASE_SERVICE_ROLE_KEY is a legacy key");
    has(&with("sb_secret_0123456789012345678901_01234567"), 78, "reachable", "fail: the project refuses the key");
    let secret = world.standin.service_secret();
    let ran = doctor(&world, &[("SUPABASE_SERVICE_ROLE_KEY", ""), ("SUPABASE_SERVICE_KEY", &secret)]);
    has(&ran, 0, "variables", "warn: SUPABASE_SERVICE_KEY is an older name; set SUPABASE_SERVICE_ROLE_KEY instead");
}

#[test]
fn what_the_database_lacks_is_named_with_its_fix() {
    let world = World::new();
    world.sql(
        "revoke insert on signals from service_role; alter publication supabase_realtime drop table traders;
         update storage.buckets set public = true; alter table historical_signals drop column tag",
    );
    let ran = doctor(&world, &[]);
    has(&ran, 1, "grants", "fail: role service_role lacks signals: INSERT; apply the migrations");
    has(&ran, 1, "publication", "warn: ");
    has(&ran, 1, "bucket", "fail: everybody may read");
    has(&ran, 1, "schema", "fail: the database lacks historical_signals.tag; apply the migrations");
    world.sql("delete from storage.buckets");
    has(&doctor(&world, &[]), 1, "bucket", "fail: there is no bucket");
    world.sql("drop function host_selfcheck");
    let ran = doctor(&world, &[]);
    has(&ran, 1, "schema", "fail: the database has no function host_selfcheck; apply the migrations");
    has(&ran, 1, "rows", "skip: ");
}

#[test]
fn a_project_that_does_not_answer_is_no_fault_of_the_environment() {
    let world = World::new();
    world.standin.down();
    let ran = doctor(&world, &[]);
    has(&ran, 1, "reachable", "fail: cannot call host_selfcheck: no connection");
    has(&ran, 1, "schema", "skip: the project was not reached");
    has(&ran, 1, "maps", "room for");
    world.standin.up();
    let fault =
        Fault::new(Match::any().path("/rest/v1/rpc/host_selfcheck"), Effect::postgrest(503, "PGRST002", "Retrying"))
            .times(1);
    world.standin.fault(fault);
    has(&doctor(&world, &[]), 0, "reachable", "ok: ");
}

#[test]
fn an_app_of_the_wrong_user_is_told() {
    let world = World::new();
    has(&doctor(&world, &[("FLY_APP_NAME", "vyx-user-2")]), 78, "fly app", "is a user's app");
    let env = [("RUN_MODE", "user_dedicated"), ("USER_ID", ALICE), ("FLY_APP_NAME", "vyx-user-2")];
    has(&doctor(&world, &env), 78, "fly app", "belongs to user");
}

#[test]
fn rows_that_contradict_themselves_are_named() {
    let world = World::new();
    world.sql(&format!(
        "set session_replication_role = replica; update traders set enabled = null, name = E'x\\u001b[2J' where id = '{BUILT_IN}'"
    ));
    let ran = doctor(&world, &[]);
    has(&ran, 0, "rows", "warn: the host does not run these: 73d7da06 \"x\\u{1b}[2J\": enabled is null; correct them");
    has(&ran, 0, "traders", "warn: 0 enabled for this host");
}

#[test]
fn a_trader_that_two_hosts_emit_for_is_found() {
    let world = World::new();
    let signal = |provenance: &str, ago: u32| {
        world.sql(&format!(
            "insert into signals (trader_id, symbol, interval, timestamp, price_at_signal, count, source, provenance, created_at)
             values ('{BUILT_IN}', 'BTCUSDT', '5m', now(), 1, 1, 'cloud', {provenance}, now() - interval '{ago} minutes')"
        ));
    };
    // The old host stopped, then this one began: a clean cut-over.
    signal("null", 20);
    signal("'{}'", 10);
    has(&doctor(&world, &[]), 0, "writers", "ok: ");
    signal("null", 5);
    has(&doctor(&world, &[]), 1, "writers", &format!("fail: two hosts emit for {BUILT_IN}"));
}
