//! How the service before this one failed in production, as far as a database can tell: each is refused or reported.

use crate::support::{ALICE, ALICES_APP, ALICES_TRADER, BOB, BUILT_IN, Db, Signal};

#[tokio::test]
async fn signals_from_user_traders_with_fly_app_id_null() {
    let db = Db::world().await;
    db.become_role("service_role").await;
    let refusal = db.refused_by("signals_ownership_guard", &Signal { app: None, ..Signal::alices() }.sql()).await;
    assert!(refusal.message.contains("must have that user's app"), "{refusal}");
}

#[tokio::test]
async fn a_poll_loop_that_loaded_all_traders_and_bypassed_run_mode() {
    // The shared app ran a user's trader, and a dedicated app a built-in: either marks the signals as its own.
    let db = Db::world().await;
    db.become_role("service_role").await;
    db.refused_by("signals_ownership_guard", &Signal { user: None, app: None, ..Signal::alices() }.sql()).await;
    let as_users = Signal { user: Some(ALICE), app: Some(ALICES_APP), ..Signal::built_in() };
    db.refused_by("signals_ownership_guard", &as_users.sql()).await;
}

#[tokio::test]
async fn traders_disabled_on_the_15th_still_emitting_on_the_17th() {
    let db = Db::world().await;
    db.toggled(ALICES_TRADER, false, "'2025-11-01Z'", "'2025-11-15 09:00Z'").await;
    db.become_role("service_role").await;
    let on_the_17th = Signal { closed_at: "'2025-11-17 09:00Z'", ..Signal::alices() };
    db.refused_by("signals_disabled_guard", &on_the_17th.sql()).await;
    let queued = Signal { closed_at: "'2025-11-15 08:59:59.999Z'", ..Signal::alices() };
    db.run(&queued.sql()).await;
}

#[tokio::test]
async fn disabled_built_ins_kept_running_in_shared_mode() {
    let db = Db::world().await;
    db.become_role("service_role").await;
    db.run(&format!("update traders set enabled = false where id = '{BUILT_IN}'")).await;
    let next = Signal { closed_at: "now() + interval '5 minutes'", ..Signal::built_in() };
    db.refused_by("signals_disabled_guard", &next.sql()).await;
    assert_eq!(db.value("select host_selfcheck('shared_backend') -> 'traders' ->> 'enabled_owned'").await, "0");
}

#[tokio::test]
async fn environment_lost_at_restart_so_a_dedicated_app_became_a_second_shared_one() {
    // It asks as what it believes to be; the answer has the row that says whose app it is.
    let db = Db::world().await;
    db.become_role("service_role").await;
    let app = "select host_selfcheck('shared_backend', null, 'vyx-user-35682909') -> 'apps' -> 0 ->> 'user_id'";
    assert_eq!(db.value(app).await, ALICE);
    // And the signals of its user's traders, sent without an app, are refused.
    db.refused_by("signals_ownership_guard", &Signal { app: None, ..Signal::alices() }.sql()).await;
}

#[tokio::test]
async fn filter_json_encoded_twice() {
    let db = Db::world().await;
    db.run(&format!(r#"update traders set filter = '"{{\"code\": \"return true\"}}"' where id = '{BUILT_IN}'"#)).await;
    let reported = "select id, reason from trader_contradictions";
    assert_eq!(db.rows(reported).await, [format!("{BUILT_IN} filter is JSON in a string")]);
    let twice = format!(r#"update traders set params = '"{{\"length\": 14}}"' where id = '{BUILT_IN}'"#);
    db.refused_by("traders_params_is_object", &twice).await;
}

#[tokio::test]
async fn built_in_traders_with_a_user_id() {
    let db = Db::world().await;
    db.become_role("service_role").await;
    db.refused_by("traders_ownership", &format!("update traders set user_id = '{BOB}' where id = '{BUILT_IN}'")).await;
}

#[tokio::test]
async fn signals_that_could_not_be_deduplicated() {
    let db = Db::world().await;
    db.become_role("service_role").await;
    let signal = Signal::built_in();
    assert_eq!(db.count(&signal.sql_ignoring_duplicates()).await, 1);
    assert_eq!(db.count(&signal.sql_ignoring_duplicates()).await, 0);
    assert_eq!(db.size("signals").await, "1");
}

#[tokio::test]
async fn a_key_without_rights_that_saw_an_empty_list() {
    // 200 [] is what an anonymous key gets; the selfcheck cannot be mistaken for it.
    let db = Db::world().await;
    db.become_role("anon").await;
    assert_eq!(db.size("signals").await, "0");
    db.refused("42501", "select host_selfcheck('shared_backend')").await;
}

#[tokio::test]
async fn traders_were_never_in_the_publication() {
    let db = Db::world().await;
    let published =
        "select count(*) from pg_publication_tables where pubname = 'supabase_realtime' and tablename = 'traders'";
    assert_eq!(db.value(published).await, "1");
}
