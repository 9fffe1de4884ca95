//! Projects that are not as the host needs them: what only the project can tell. Exit code 78 and one line; nothing ran, nothing was
//! written. What may pass by itself is waited for.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustix::process::Signal;
use serde_json::json;
use vyx_supabase::{Effect, Fault, Match};

use crate::misconfigured::only_line;
use crate::process::Host;
use crate::world::{ALICES_APP_NAME, BOB, Trader, World, wait};

const BUILT_IN: &str = "73d7da06-0000-4000-8000-000000000001";
const SELFCHECK: &str = "/rest/v1/rpc/host_selfcheck";

fn world() -> World {
    let world = World::new();
    world.add(Trader::built_in(BUILT_IN, "Golden Cross", "pulse"));
    world
}

/// The migration that makes the function.
fn selfcheck_sql() -> String {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap();
    std::fs::read_to_string(root.join("supabase/migrations/20261124090800_host_selfcheck.sql")).unwrap()
}

/// Hosts that were refused have asked one thing, and have changed nothing.
fn nothing_ran(world: &World) {
    for entry in world.standin.requests() {
        assert!(entry.path == SELFCHECK || entry.path.starts_with("/storage/v1/object/trader-modules/"), "{entry:?}");
    }
    for table in ["signals", "historical_signals", "trader_state"] {
        assert_eq!(world.count(&format!("select count(*) from {table}")), 0, "{table}");
    }
}

#[test]
fn signals_from_user_traders_with_fly_app_id_null_need_an_app_that_is_not_the_users_own() {
    let world = world();
    let deleted = "update user_fly_apps set deleted_at = now(), status = 'deleted'";
    let back = "update user_fly_apps set deleted_at = null, status = 'active'";
    let gone = "create table kept as select * from user_fly_apps; delete from user_fly_apps";
    let restored = "insert into user_fly_apps select * from kept; drop table kept";
    let cases: [(&str, &str, Host, &str); 7] = [
        ("the shared app under a user's name", "", world.shared().env("FLY_APP_NAME", ALICES_APP_NAME), ""),
        ("a user's app, deleted, as a shared one", deleted, world.shared().env("FLY_APP_NAME", ALICES_APP_NAME), back),
        ("an app without a row", "", world.dedicated().env("FLY_APP_NAME", "vyx-user-nobody"), ""),
        ("no apps at all", gone, world.dedicated(), restored),
        ("another user's app", "", world.dedicated().env("USER_ID", BOB), ""),
        ("a deleted app", deleted, world.dedicated(), back),
        ("another user's app, deleted", deleted, world.dedicated().env("USER_ID", BOB), back),
    ];
    let mut said = String::new();
    for (index, (name, before, host, after)) in cases.into_iter().enumerate() {
        world.run(before);
        let data_dir = world.dir.path().join(format!("case-{index}"));
        let (code, line) = only_line(host.env("DATA_DIR", data_dir.to_str().unwrap()));
        world.run(after);
        assert_eq!(code, 78, "{name}: {line}");
        writeln!(said, "{name}:\n  {line}").unwrap();
    }
    insta::assert_snapshot!(said);
    nothing_ran(&world);
}

/// Production failure: wrong name of the service key, so endless 401s that only a log line showed.
#[test]
fn wrong_name_of_the_service_key_so_endless_401s_that_only_a_log_line_showed() {
    let world = world();
    let key = world.standin.service_secret();
    let encoded = STANDARD.encode(&key);
    let wrong = "sb_secret_0000000000000000000000_00000000";
    let (code, line) = only_line(world.shared().env("SUPABASE_SERVICE_ROLE_KEY", wrong));
    assert_eq!(
        (code, line.as_str()),
        (
            78,
            "vyx: SUPABASE_SERVICE_ROLE_KEY=(hidden) is refused by the project; set it to the service role key or an \
             sb_secret_ key of the project in SUPABASE_URL"
        )
    );
    nothing_ran(&world);
    for (name, value) in [
        ("SUPABASE_SERVICE_KEY", &key),
        ("SUPABASE_SERVICE_ROLE_KEY_B64", &encoded),
        ("SUPABASE_SERVICE_KEY_B64", &encoded),
    ] {
        let mut host = world.shared().without("SUPABASE_SERVICE_ROLE_KEY").env(name, value).start_unheard();
        let warning = host.wait_for("is an older name");
        assert_eq!(
            warning["fields"]["message"],
            format!("{name} is an older name; set SUPABASE_SERVICE_ROLE_KEY instead, and unset it")
        );
        host.wait_until_listening();
        host.wait_until_ready();
        assert_eq!(host.end(Signal::TERM).0, 0);
    }
    // The same key twice is no contradiction.
    let host = world.shared().env("SUPABASE_SERVICE_KEY", &key).start();
    host.wait_until_ready();
    // A legacy key works, with a warning.
    let host = world.dedicated().env("SUPABASE_SERVICE_ROLE_KEY", &world.standin.service_jwt()).start();
    host.wait_until_ready();
    assert!(host.log().contains("is a legacy key, which supabase retires at the end of 2026"), "{}", host.log());
}

/// What the gateway and the database say to keys that look right.
#[test]
fn a_key_that_only_the_project_can_judge() {
    let world = world();
    let asked = || Match::any().method("POST").path(SELFCHECK);
    let row_level = json!({
        "role": "anon", "bypasses_rls": false, "database_time": "2026-01-05T10:42:52Z", "server_version": "15",
        "missing": [], "missing_grants": [], "signals_id_unique": true, "traders_in_publication": true,
        "bucket": {"exists": true, "public": false}, "apps": [],
        "traders": {"total": 0, "built_in": 0, "of_user": 0, "enabled_owned": 0},
    });
    let cases = [
        ("the gateway knows no such key", Effect::invalid_api_key()),
        ("the token has expired", Effect::postgrest(401, "PGRST303", "JWT expired")),
        ("the token has expired, older server", Effect::postgrest(401, "PGRST301", "JWT expired")),
        ("anonymous access is off", Effect::postgrest(401, "PGRST302", "Anonymous access is disabled")),
        ("the role does not exist", Effect::postgrest(401, "22023", "role \"x\" does not exist")),
        ("anon", Effect::postgrest(401, "42501", "permission denied for function host_selfcheck")),
        ("a role without the grant", Effect::postgrest(403, "42501", "permission denied for function host_selfcheck")),
        ("a role for which every list is empty", Effect::json(200, &row_level.to_string())),
    ];
    let mut said = String::new();
    for (name, effect) in cases {
        let fault = world.standin.fault(Fault::new(asked(), effect));
        let (code, line) = only_line(world.shared());
        world.standin.remove_fault(fault);
        assert_eq!(code, 78, "{name}: {line}");
        writeln!(said, "{name}:\n  {line}").unwrap();
    }
    world.standin.set_legacy_keys(false);
    let jwt = world.standin.service_jwt();
    let (code, words) = world.shared().env("SUPABASE_SERVICE_ROLE_KEY", &jwt).env("RUST_LOG", "error").ends();
    assert_eq!((code, words.lines().count()), (78, 1), "{words}");
    assert!(words.contains("is refused by the project"), "{words}");
    insta::assert_snapshot!(said);
    nothing_ran(&world);
}

#[test]
fn a_database_that_lacks_something() {
    let world = world();
    let cases = [
        ("a column", "alter table signals rename provenance to p", "alter table signals rename p to provenance"),
        ("a table", "alter table trader_state rename to ts", "alter table ts rename to trader_state"),
        (
            "the grant to insert",
            "revoke insert on signals from service_role",
            "grant insert on signals to service_role",
        ),
        (
            "the grant to read traders",
            "revoke select on traders from service_role",
            "grant select on traders to service_role",
        ),
        (
            "all grants of a new table",
            "revoke all on historical_signals from service_role",
            "grant all on historical_signals to service_role",
        ),
        (
            "the grant of the self-check",
            "revoke execute on function host_selfcheck from service_role",
            "grant execute on function host_selfcheck to service_role",
        ),
        (
            "the bucket",
            "update storage.objects set bucket_id = null; update storage.buckets set id = 'b', name = 'b'",
            "update storage.buckets set id = 'trader-modules', name = 'trader-modules';
             update storage.objects set bucket_id = 'trader-modules'",
        ),
        (
            "privacy of the bucket",
            "update storage.buckets set public = true where id = 'trader-modules'",
            "update storage.buckets set public = false where id = 'trader-modules'",
        ),
        (
            "two things",
            "revoke insert on signals from service_role; alter table signals rename provenance to p",
            "grant insert on signals to service_role; alter table signals rename p to provenance",
        ),
    ];
    let mut said = String::new();
    for (name, before, after) in cases {
        world.run(before);
        let (code, line) = only_line(world.shared());
        world.run(after);
        assert_eq!(code, 78, "{name}: {line}");
        writeln!(said, "{name}:\n  {line}").unwrap();
    }
    insta::assert_snapshot!(said);
    nothing_ran(&world);
    // All is well again, and so is the host.
    world.shared().start().wait_until_ready();
}

/// The gateway learns late of a migration: not yet a fault. The host is there all the while and says what it waits for.
#[test]
fn a_function_that_comes_within_a_minute_of_its_migration() {
    let world = world();
    world.run("drop function host_selfcheck(text, uuid, text)");
    let mut host = world.shared().start();
    host.wait_for("cannot call host_selfcheck");
    let (status, page) = host.get("/ready");
    assert_eq!(status, 503);
    assert!(page.contains("PGRST202") && page.contains("apply the migrations"), "{page}");
    nothing_ran(&world);
    world.run(&selfcheck_sql());
    host.wait_until_ready();
    host.wait_for_state("Golden Cross", "running");
}

/// The only test that waits for that minute.
#[test]
fn a_function_that_never_comes() {
    let world = world();
    world.run("drop function host_selfcheck(text, uuid, text)");
    let (code, words) = world.shared().without("LOG_FORMAT").env("RUST_LOG", "error").ends();
    assert_eq!(code, 78, "{words}");
    assert_eq!(
        words,
        "vyx: the database has no function host_selfcheck; apply the migrations in supabase/migrations\n"
    );
    assert!(world.standin.count("POST", SELFCHECK) > 2, "it asked once more");
    nothing_ran(&world);
}

/// No reason not to run: changes are found by polling.
#[test]
fn a_table_that_is_not_published_is_polled() {
    let world = world();
    world.run("alter publication supabase_realtime drop table traders");
    let mut host = world.shared().start();
    let warning = host.wait_for("is not in the publication");
    assert_eq!(
        warning["fields"]["message"],
        "traders is not in the publication supabase_realtime, so changes are found by polling; apply the migrations in \
         supabase/migrations"
    );
    host.wait_until_ready();
    host.wait_for_state("Golden Cross", "running");
    wait("realtime down", || host.page("/health")["realtime"].as_str()?.starts_with("down").then_some(()));
    assert_eq!(host.metric("vyx_realtime_live"), Some(0.0));
    world.enable(BUILT_IN, false);
    host.wait_for_state("Golden Cross", "stopped");
}

/// An anon key's world: every list is empty, and nothing is refused. It never stops what runs, and never looks well.
#[test]
fn an_empty_table_of_traders_with_a_wrong_role_is_no_success() {
    let world = world();
    let host = world.shared().start();
    host.wait_until_ready();
    host.wait_for_state("Golden Cross", "running");
    let nothing = Effect::json(200, "[]").with_header("content-range", "*/0");
    world.standin.fault(Fault::new(Match::any().method("GET").path("/rest/v1/traders"), nothing));
    let roleless = json!({
        "role": "anon", "bypasses_rls": false, "database_time": "2026-01-05T10:42:52Z", "server_version": "15",
        "missing": [], "missing_grants": [], "signals_id_unique": true, "traders_in_publication": true,
        "bucket": null, "apps": [], "traders": null,
    });
    let denied = Effect::postgrest(401, "42501", "permission denied for function host_selfcheck");
    for (effect, words) in [
        (denied, "cannot call host_selfcheck: 42501 (status 401)"),
        (Effect::json(200, &roleless.to_string()), "acts as role anon"),
    ] {
        let fault = world.standin.fault(Fault::new(Match::any().path(SELFCHECK), effect));
        host.reload();
        wait(words, || host.get("/ready").1.contains(words).then_some(()));
        let (status, page) = host.get("/ready");
        assert_eq!(status, 503, "{page}");
        assert_eq!(host.states()["Golden Cross"], "running");
        world.standin.remove_fault(fault);
    }
    // With the proof of privilege it is still not believed while the database counts rows.
    host.reload();
    wait("the doubt is told", || host.get("/ready").1.contains("the database counts").then_some(()));
    assert_eq!(host.states()["Golden Cross"], "running");
    // They were deleted.
    world.run("delete from traders");
    host.reload();
    wait("the end of the trader", || {
        (host.states().get("Golden Cross").map(String::as_str) != Some("running")).then_some(())
    });
    host.wait_until_ready();
    world.standin.clear_faults();

    // A host that starts in that world does not start.
    let lost = world.dedicated().env("SUPABASE_SERVICE_ROLE_KEY", &world.standin.publishable());
    let (code, line) = only_line(lost);
    assert_eq!(code, 78, "{line}");
    assert!(line.contains("is a publishable key, which sees only what everybody may see"), "{line}");
}

/// DATA_DIR remembers whose signals wait in it.
#[test]
fn a_data_dir_of_somebody_else() {
    let world = world();
    let host = world.shared().start();
    let again = only_line(world.shared());
    assert_eq!(again.0, 1, "{again:?}");
    assert!(again.1.ends_with("is locked by another process; stop that one, or give each host a DATA_DIR of its own"));
    world.wait_for("a signal of it", "select count(*) from signals", |signals| signals > 0);
    drop(host);
    let folder = world.dir.path().join("shared");
    let (code, line) = only_line(world.dedicated().env("DATA_DIR", folder.to_str().unwrap()));
    assert_eq!(code, 78, "{line}");
    assert!(line.contains("check RUN_MODE, USER_ID and SUPABASE_URL"), "{line}");
}
