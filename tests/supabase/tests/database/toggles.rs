//! `enabled_at` and `disabled_at`, which follow `enabled`.

use crate::support::{ALICE, ALICES_TRADER, BUILT_IN, Db};

async fn times(db: &Db, trader: &str) -> (String, String) {
    let time = async |column| db.value(&format!("select {column} from traders where id = '{trader}'")).await;
    (time("enabled_at").await, time("disabled_at").await)
}

#[tokio::test]
async fn a_new_trader_is_on_or_off_since_it_was_made() {
    let db = Db::world().await;
    let (enabled, disabled) = times(&db, BUILT_IN).await;
    assert_ne!(enabled, "null");
    assert_eq!(disabled, "null");
    for flag in ["false", "null"] {
        db.run(&format!(
            "delete from traders where id = '{BUILT_IN}';
             insert into traders (id, name, description, filter, strategy, is_built_in, enabled, enabled_at)
             values ('{BUILT_IN}', 'Volume Spike Detector', '', '{{}}', '{{}}', true, {flag}, now())"
        ))
        .await;
        let (enabled, disabled) = times(&db, BUILT_IN).await;
        assert_eq!(enabled, "null");
        assert_ne!(disabled, "null");
    }
}

#[tokio::test]
async fn each_toggle_is_noted_and_nothing_else_is() {
    let db = Db::world().await;
    db.become_user(ALICE).await;
    let set = async |what: &str| db.run(&format!("update traders set {what} where id = '{ALICES_TRADER}'")).await;
    let first = times(&db, ALICES_TRADER).await;

    set("name = 'renamed'").await;
    set("enabled = true").await;
    assert_eq!(times(&db, ALICES_TRADER).await, first);

    set("enabled = false").await;
    let off = times(&db, ALICES_TRADER).await;
    assert_eq!(off.0, first.0);
    assert!(off.1 > first.0, "{off:?}");

    set("enabled = null").await;
    assert_eq!(times(&db, ALICES_TRADER).await, off);

    set("enabled = true").await;
    let on = times(&db, ALICES_TRADER).await;
    assert_eq!(on.1, off.1);
    assert!(on.0 > off.1, "{on:?}");
}

#[tokio::test]
async fn nobody_writes_the_times() {
    let db = Db::world().await;
    let before = times(&db, ALICES_TRADER).await;
    for role in ["user", "service_role"] {
        match role {
            "user" => db.become_user(ALICE).await,
            other => db.become_role(other).await,
        }
        db.run(&format!(
            "update traders set disabled_at = '2020-01-01', enabled_at = '2020-01-01' where id = '{ALICES_TRADER}'"
        ))
        .await;
        assert_eq!(times(&db, ALICES_TRADER).await, before);
    }
}

#[tokio::test]
async fn a_trader_that_was_off_before_the_migrations_was_off_since_its_last_change() {
    let db = Db::world().await;
    db.toggled(BUILT_IN, false, "null", "null").await;
    let changed = db.value(&format!("select updated_at from traders where id = '{BUILT_IN}'")).await;
    db.run(&format!("update traders set enabled = true where id = '{BUILT_IN}'")).await;
    let (enabled, disabled) = times(&db, BUILT_IN).await;
    assert_eq!(disabled, changed);
    assert!(enabled > disabled);
}

#[tokio::test]
async fn the_old_triggers_still_count_and_date() {
    let db = Db::world().await;
    db.run(&format!("update traders set updated_at = '2020-01-01' where id = '{BUILT_IN}'")).await;
    db.run(&format!("update traders set enabled = false where id = '{BUILT_IN}'")).await;
    assert_eq!(
        db.value(&format!("select version, updated_at > '2026-01-01' from traders where id = '{BUILT_IN}'")).await,
        "3 t"
    );
}
