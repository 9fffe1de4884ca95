//! `host_selfcheck`: who may ask, and what it finds.

use serde_json::{Value, json};

use crate::support::{ALICE, ALICES_APP, BOB, BOBS_APP, Db};

async fn ask(db: &Db, arguments: &str) -> Value {
    db.become_role("service_role").await;
    let answer = db.value(&format!("select host_selfcheck({arguments})")).await;
    db.become_superuser().await;
    serde_json::from_str(&answer).unwrap()
}

#[tokio::test]
async fn a_complete_project_lacks_nothing() {
    let db = Db::world().await;
    let mut answer = ask(&db, "'shared_backend'").await;
    let taken = |answer: &mut Value, key: &str| answer[key].take().as_str().unwrap().to_owned();
    let time = taken(&mut answer, "database_time");
    assert!(time.parse::<jiff::Timestamp>().is_ok(), "{time}");
    assert!(taken(&mut answer, "server_version").starts_with(|c: char| c.is_ascii_digit()));
    assert_eq!(
        answer,
        json!({
            "role": "service_role",
            "bypasses_rls": true,
            "database_time": null,
            "server_version": null,
            "missing": [],
            "missing_grants": [],
            "signals_id_unique": true,
            "traders_in_publication": true,
            "bucket": {"exists": true, "public": false},
            "apps": [],
            "traders": {"total": 3, "built_in": 1, "of_user": 0, "enabled_owned": 1},
        })
    );
}

#[tokio::test]
async fn only_the_service_role_may_ask() {
    let db = Db::world().await;
    for role in ["anon", "authenticated", "authenticator"] {
        db.become_role(role).await;
        let refusal = db.refused("42501", "select host_selfcheck('shared_backend')").await;
        assert_eq!(refusal.message, "permission denied for function host_selfcheck");
    }
}

#[tokio::test]
async fn apps_are_found_by_name_and_by_user() {
    let db = Db::world().await;
    let app = |id: &str, user: &str, name: &str| json!({"id": id, "user_id": user, "fly_app_name": name, "status": "active", "deleted_at": null});
    let alices = app(ALICES_APP, ALICE, "vyx-user-35682909");
    let bobs = app(BOBS_APP, BOB, "vyx-user-2");
    let of = async |arguments: &str| ask(&db, arguments).await["apps"].clone();
    assert_eq!(of("'shared_backend', null, 'vyx-app'").await, json!([]));
    assert_eq!(of("'shared_backend', null, 'vyx-user-35682909'").await, json!([alices]));
    assert_eq!(of(&format!("'user_dedicated', '{ALICE}', 'vyx-user-35682909'")).await, json!([alices]));
    assert_eq!(of(&format!("'user_dedicated', '{ALICE}', 'unknown'")).await, json!([alices]));
    assert_eq!(of(&format!("'user_dedicated', '{ALICE}', 'vyx-user-2'")).await, json!([alices, bobs]));
    db.run(&format!("update user_fly_apps set status = 'deleted', deleted_at = '2026-11-01Z' where id = '{BOBS_APP}'"))
        .await;
    let deleted = of(&format!("'user_dedicated', '{BOB}', 'vyx-user-2'")).await;
    assert_eq!(deleted[0]["status"], "deleted");
    assert_eq!(deleted[0]["deleted_at"], "2026-11-01T00:00:00+00:00");
}

#[tokio::test]
async fn traders_are_counted_for_the_run_mode() {
    let db = Db::world().await;
    db.run(&format!(
        "insert into traders (name, description, filter, strategy, user_id, enabled)
         values ('Off', '', '{{}}', '{{}}', '{ALICE}', false)"
    ))
    .await;
    let counts = ask(&db, &format!("'user_dedicated', '{ALICE}', 'vyx-user-35682909'")).await["traders"].clone();
    assert_eq!(counts, json!({"total": 4, "built_in": 1, "of_user": 2, "enabled_owned": 1}));
}

#[tokio::test]
async fn a_missing_column_or_table_is_named() {
    let db = Db::world().await;
    db.run(
        "drop view trader_contradictions;
         alter table traders drop column module_sha256 cascade, drop column disabled_at cascade;
         alter table signals drop column provenance;
         drop table historical_signals",
    )
    .await;
    let answer = ask(&db, "'shared_backend'").await;
    assert_eq!(
        answer["missing"],
        json!([
            "historical_signals",
            "signals.provenance",
            "trader_contradictions",
            "traders.disabled_at",
            "traders.module_sha256"
        ])
    );
    assert_eq!(answer["missing_grants"], json!([]));
    assert_eq!(answer["traders"]["total"], 3);
}

#[tokio::test]
async fn it_answers_without_the_tables_that_it_reads() {
    let db = Db::world().await;
    db.run(
        "drop table traders, user_fly_apps cascade; drop schema storage cascade; drop publication supabase_realtime",
    )
    .await;
    let answer = ask(&db, "'shared_backend'").await;
    assert_eq!(answer["missing"], json!(["trader_contradictions", "traders", "user_fly_apps"]));
    assert_eq!(answer["bucket"], Value::Null);
    assert_eq!(answer["apps"], json!([]));
    assert_eq!(answer["traders"], Value::Null);
    assert_eq!(answer["traders_in_publication"], false);
}

#[tokio::test]
async fn a_missing_grant_is_named() {
    let db = Db::world().await;
    db.run(
        "revoke insert on signals from service_role;
         revoke all on trader_state, traders, user_fly_apps from service_role;
         revoke select on storage.buckets from service_role",
    )
    .await;
    let answer = ask(&db, "'shared_backend'").await;
    assert_eq!(
        answer["missing_grants"],
        json!([
            "signals: INSERT",
            "trader_state: INSERT",
            "trader_state: SELECT",
            "trader_state: UPDATE",
            "traders: INSERT",
            "traders: SELECT",
            "traders: UPDATE",
            "user_fly_apps: SELECT",
            "storage.buckets: SELECT"
        ])
    );
    assert_eq!(answer["traders"], Value::Null);
}

#[tokio::test]
async fn a_missing_publication_bucket_or_key_is_told() {
    let db = Db::world().await;
    db.run(
        "alter publication supabase_realtime drop table traders;
         delete from storage.buckets where id = 'trader-modules';
         alter table signals drop constraint signals_pkey",
    )
    .await;
    let answer = ask(&db, "'shared_backend'").await;
    assert_eq!(answer["traders_in_publication"], false);
    assert_eq!(answer["bucket"], json!({"exists": false, "public": false}));
    assert_eq!(answer["signals_id_unique"], false);

    db.run("insert into storage.buckets (id, name, public) values ('trader-modules', 'trader-modules', true)").await;
    assert_eq!(ask(&db, "'shared_backend'").await["bucket"], json!({"exists": true, "public": true}));
}

#[tokio::test]
async fn a_role_that_is_bound_by_row_level_security_says_so() {
    let db = Db::world().await;
    db.run("grant execute on function host_selfcheck(text, uuid, text) to authenticated").await;
    db.become_user(BOB).await;
    let answer: Value = serde_json::from_str(&db.value("select host_selfcheck('shared_backend')").await).unwrap();
    assert_eq!((&answer["role"], &answer["bypasses_rls"]), (&json!("authenticated"), &json!(false)));
    assert_eq!(answer["traders"]["total"], 2);
}
