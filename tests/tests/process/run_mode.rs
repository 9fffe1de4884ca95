//! Who runs under which environment, and what stops the host from starting.

use serde_json::Value;

use crate::run::{Place, Ran, component, json_lines};

const USER: &str = "63eea370-27a1-4099-866a-e3ed340b278d";
const OTHER: &str = "11111111-2222-4333-8444-555555555555";
const APP: &str = "aaaaaaaa-0000-4000-8000-00000000000a";
const BUILT_IN: &str = "73d7da06-0000-4000-8000-000000000001";
const DISABLED: &str = "73d7da06-0000-4000-8000-000000000002";
const MINE: &str = "5048128b-9ea9-4af7-b08b-cc1361d552fa";
const THEIRS: &str = "5048128b-9ea9-4af7-b08b-cc1361d55200";
const CONTRADICTION: &str = "d16e060c-0000-4000-8000-000000000001";

fn place() -> Place {
    let place = Place::new();
    std::fs::copy(component("healthy"), place.path("healthy.wasm")).unwrap();
    let trader = |id: &str, name: &str, rest: &str| {
        format!("[[traders]]\nid = \"{id}\"\nname = \"{name}\"\nmodule = \"healthy.wasm\"\n{rest}\n")
    };
    let owned = |user: &str| format!("is_built_in = false\nenabled = true\nuser_id = \"{user}\"");
    let text = [
        trader(BUILT_IN, "built in", "is_built_in = true\nenabled = true"),
        trader(DISABLED, "disabled built in", "is_built_in = true\nenabled = false"),
        trader(MINE, "mine", &owned(USER)),
        trader(THEIRS, "theirs", &owned(OTHER)),
        trader(CONTRADICTION, "contradiction", &format!("is_built_in = true\nenabled = true\nuser_id = \"{USER}\"")),
        format!("[[user_fly_apps]]\nid = \"{APP}\"\nuser_id = \"{USER}\"\nfly_app_name = \"vyx-user-35682909\"\n"),
        format!(
            "[[user_fly_apps]]\nid = \"aaaaaaaa-0000-4000-8000-00000000000b\"\nuser_id = \"{OTHER}\"\n\
             fly_app_name = \"vyx-user-gone\"\ndeleted_at = \"2026-01-01T00:00:00Z\"\n"
        ),
    ];
    place.write("traders.toml", text.concat());
    place
}

fn run(env: &[(&str, &str)]) -> (Place, Ran) {
    let mut place = place();
    for (name, value) in env {
        place = place.env(name, value);
    }
    let ran = place.run(&[
        "dev",
        ".",
        "--synthetic",
        "1",
        "--symbols",
        "3",
        "--closes",
        "120",
        "--speed",
        "max",
        "--signals",
        "signals.jsonl",
    ]);
    (place, ran)
}

/// It does not start: exit code 78, one line, nobody ran.
fn refused(env: &[(&str, &str)], words: &[&str]) {
    let (place, ran) = run(env);
    assert_eq!(ran.code, 78, "{}", ran.err);
    assert_eq!(ran.err.trim_end().lines().count(), 1, "{}", ran.err);
    for word in words {
        assert!(ran.err.contains(word), "{word:?} is not in {}", ran.err);
    }
    assert!(json_lines(&place.path("signals.jsonl")).is_empty());
}

/// These ran and no others; no other id is anywhere.
fn ran_only(env: &[(&str, &str)], ids: &[&str]) -> Vec<Value> {
    let (place, ran) = run(env);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let signals = json_lines(&place.path("signals.jsonl"));
    for id in ids {
        assert!(signals.iter().any(|signal| signal["trader_id"] == *id), "{id} said nothing");
    }
    let text = format!("{}{}{}", ran.out, ran.err, std::fs::read_to_string(place.path("signals.jsonl")).unwrap());
    for id in [BUILT_IN, DISABLED, MINE, THEIRS, CONTRADICTION].iter().filter(|id| !ids.contains(id)) {
        assert!(!text.contains(*id), "{id} turned up");
    }
    signals
}

#[test]
fn without_run_mode_the_local_runner_runs_every_enabled_trader_and_says_so() {
    let (_, ran) = run(&[]);
    assert!(ran.err.contains("RUN_MODE is not set"), "{}", ran.err);
    let signals = ran_only(&[], &[BUILT_IN, MINE, THEIRS]);
    assert!(signals.iter().all(|signal| signal["source"] == "local" && signal["fly_app_id"].is_null()));
}

/// Production failure: a poll loop that loaded all traders and bypassed RUN_MODE.
/// Production failure: disabled built-ins kept running in shared mode.
#[test]
fn the_shared_app_runs_enabled_built_ins_and_nothing_else() {
    let signals = ran_only(&[("RUN_MODE", "shared_backend"), ("FLY_APP_NAME", "vyx-app")], &[BUILT_IN]);
    for signal in signals {
        assert!(signal["user_id"].is_null() && signal["fly_app_id"].is_null());
        assert_eq!(signal["source"], "cloud");
    }
}

/// Production failure: signals from user traders with `fly_app_id` null.
#[test]
fn a_dedicated_app_runs_its_users_traders_and_stamps_its_own_id() {
    let env = [("RUN_MODE", "user_dedicated"), ("USER_ID", USER), ("FLY_APP_NAME", "vyx-user-35682909")];
    for signal in ran_only(&env, &[MINE]) {
        assert_eq!(signal["user_id"], USER);
        assert_eq!(signal["fly_app_id"], APP);
        assert_eq!(signal["source"], "cloud");
    }
}

#[test]
fn rows_that_contradict_themselves_are_named_and_do_not_run() {
    let (_, ran) = run(&[("RUN_MODE", "shared_backend")]);
    assert!(ran.err.contains("cannot run contradiction: is_built_in is true, but user_id is"), "{}", ran.err);
}

#[test]
fn a_run_mode_that_is_misspelt_or_empty_does_not_start() {
    refused(&[("RUN_MODE", "shared-backend")], &["RUN_MODE", "shared-backend", "shared_backend"]);
    refused(&[("RUN_MODE", "SHARED_BACKEND")], &["RUN_MODE", "shared_backend"]);
    refused(&[("RUN_MODE", "")], &["RUN_MODE"]);
}

#[test]
fn a_dedicated_app_without_its_user_does_not_start() {
    let app = ("FLY_APP_NAME", "vyx-user-35682909");
    let mode = ("RUN_MODE", "user_dedicated");
    refused(&[mode, app], &["USER_ID"]);
    refused(&[mode, app, ("USER_ID", "35682909")], &["USER_ID", "35682909"]);
    refused(&[mode, ("USER_ID", USER)], &["FLY_APP_NAME"]);
}

#[test]
fn a_dedicated_app_needs_a_live_row_of_its_own_user() {
    let mode = ("RUN_MODE", "user_dedicated");
    refused(&[mode, ("USER_ID", OTHER), ("FLY_APP_NAME", "vyx-user-35682909")], &["vyx-user-35682909"]);
    refused(&[mode, ("USER_ID", OTHER), ("FLY_APP_NAME", "vyx-user-gone")], &["vyx-user-gone", "deleted"]);
    refused(&[mode, ("USER_ID", USER), ("FLY_APP_NAME", "vyx-user-unknown")], &["vyx-user-unknown"]);
}

/// Production failure: environment lost at restart, so a dedicated app silently became a second shared one.
#[test]
fn a_users_app_that_lost_its_environment_does_not_become_a_second_shared_one() {
    refused(
        &[("RUN_MODE", "shared_backend"), ("FLY_APP_NAME", "vyx-user-35682909")],
        &["FLY_APP_NAME", "vyx-user-35682909"],
    );
    refused(&[("RUN_MODE", "shared_backend"), ("USER_ID", USER)], &["USER_ID"]);
}
