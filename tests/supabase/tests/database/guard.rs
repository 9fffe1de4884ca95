//! The guard on `signals`: whose signal it is, and whether its trader was on. Written to as the service role, which
//! row-level security does not bind, as every host is.

use crate::support::{ALICE, ALICES_APP, ALICES_TRADER, BOB, BOBS_APP, BUILT_IN, Db, Signal};

const OWNERSHIP: &str = "signals_ownership_guard";
const DISABLED: &str = "signals_disabled_guard";

async fn as_host() -> Db {
    let db = Db::world().await;
    db.become_role("service_role").await;
    db
}

#[tokio::test]
async fn what_the_hosts_write_is_accepted() {
    let db = as_host().await;
    db.run(&Signal::built_in().sql()).await;
    db.run(&Signal::alices().sql()).await;
    assert_eq!(db.size("signals").await, "2");
}

#[tokio::test]
async fn a_built_in_traders_signal_has_no_user() {
    let db = as_host().await;
    db.refused_by(OWNERSHIP, &Signal { user: Some(ALICE), ..Signal::built_in() }.sql()).await;
}

#[tokio::test]
async fn a_built_in_traders_signal_has_no_app() {
    let db = as_host().await;
    db.refused_by(OWNERSHIP, &Signal { app: Some(ALICES_APP), ..Signal::built_in() }.sql()).await;
}

#[tokio::test]
async fn a_users_signal_has_an_app() {
    let db = as_host().await;
    let refusal = db.refused_by(OWNERSHIP, &Signal { app: None, ..Signal::alices() }.sql()).await;
    assert!(refusal.message.contains("must have that user's app"), "{refusal}");
}

#[tokio::test]
async fn a_users_signal_has_no_app_of_another_user_and_none_that_is_unknown() {
    let db = as_host().await;
    db.refused_by(OWNERSHIP, &Signal { app: Some(BOBS_APP), ..Signal::alices() }.sql()).await;
    db.refused_by(OWNERSHIP, &Signal { app: Some(BUILT_IN), ..Signal::alices() }.sql()).await;
}

#[tokio::test]
async fn a_users_signal_has_that_user() {
    let db = as_host().await;
    db.refused_by(OWNERSHIP, &Signal { user: None, ..Signal::alices() }.sql()).await;
    db.refused_by(OWNERSHIP, &Signal { user: Some(BOB), ..Signal::alices() }.sql()).await;
    db.refused_by(OWNERSHIP, &Signal { user: Some(BOB), app: Some(BOBS_APP), ..Signal::alices() }.sql()).await;
}

#[tokio::test]
async fn a_trader_that_contradicts_itself_has_no_signals() {
    let db = Db::world().await;
    for owner in [format!("is_built_in = true, user_id = '{ALICE}'"), "is_built_in = null, user_id = null".to_owned()] {
        db.run(&format!(
            "set session_replication_role = replica;
             update traders set {owner} where id = '{ALICES_TRADER}';
             set session_replication_role = origin"
        ))
        .await;
        db.refused_by(OWNERSHIP, &Signal::alices().sql()).await;
        db.refused_by(OWNERSHIP, &Signal { user: None, app: None, ..Signal::alices() }.sql()).await;
    }
}

#[tokio::test]
async fn local_signals_are_untouched() {
    let db = Db::world().await;
    db.run(&format!("update traders set enabled = false where id = '{ALICES_TRADER}'")).await;
    db.become_user(ALICE).await;
    db.run(&Signal { source: "local", app: None, ..Signal::alices() }.sql()).await;
    db.become_role("service_role").await;
    db.run(&Signal { source: "local", user: Some(BOB), ..Signal::built_in() }.sql()).await;
    db.run(&Signal { source: "local", user: None, app: Some(BOBS_APP), ..Signal::alices() }.sql()).await;
    assert_eq!(db.size("signals").await, "3");
}

#[tokio::test]
async fn a_candle_after_the_disable_is_refused_and_one_before_it_accepted() {
    let db = as_host().await;
    db.run(&format!("update traders set enabled = false where id = '{ALICES_TRADER}'")).await;
    let later = Signal { closed_at: "now() + interval '1 second'", ..Signal::alices() };
    let refusal = db.refused_by(DISABLED, &later.sql()).await;
    assert!(refusal.message.contains("its trader is disabled since"), "{refusal}");
    db.run(&Signal { closed_at: "now() - interval '1 minute'", ..Signal::alices() }.sql()).await;
    let moment = "(select disabled_at from traders where id = '5048128b-9ea9-4af7-b08b-cc1361d552fa')";
    db.run(&Signal { closed_at: moment, ..Signal::alices() }.sql()).await;
    // The neighbour is not concerned.
    db.run(&Signal { closed_at: "now() + interval '1 second'", ..Signal::built_in() }.sql()).await;
}

#[tokio::test]
async fn a_candle_between_a_disable_and_the_next_enable_is_refused() {
    let db = Db::world().await;
    db.toggled(BUILT_IN, true, "'2026-11-17 12:00Z'", "'2026-11-15 12:00Z'").await;
    db.become_role("service_role").await;
    for (closed_at, accepted) in [
        ("'2026-11-15 11:59:59.999Z'", true),
        ("'2026-11-15 12:00Z'", true),
        ("'2026-11-15 12:00:00.001Z'", false),
        ("'2026-11-16 12:00Z'", false),
        ("'2026-11-17 11:59:59.999Z'", false),
        ("'2026-11-17 12:00Z'", true),
        ("'2026-11-18 12:00Z'", true),
    ] {
        let signal = Signal { closed_at, ..Signal::built_in() }.sql();
        if accepted {
            db.run(&signal).await;
        } else {
            let refusal = db.refused_by(DISABLED, &signal).await;
            assert!(refusal.message.contains("was disabled from"), "{refusal}");
        }
    }
}

#[tokio::test]
async fn a_trader_that_was_disabled_before_the_migrations_has_no_signals() {
    let db = Db::world().await;
    for enabled in ["false", "null"] {
        db.run(&format!(
            "set session_replication_role = replica;
             update traders set enabled = {enabled}, enabled_at = null, disabled_at = null where id = '{BUILT_IN}';
             set session_replication_role = origin"
        ))
        .await;
        db.refused_by(DISABLED, &Signal { closed_at: "'2026-01-01Z'", ..Signal::built_in() }.sql()).await;
    }
}

#[tokio::test]
async fn the_retry_of_a_signal_that_is_stored_is_never_judged_again() {
    let db = as_host().await;
    let signal = Signal::alices();
    db.run(&signal.sql()).await;
    // Since then the app was deprovisioned, and the trader disabled before that candle.
    db.run(&format!("delete from user_fly_apps where id = '{ALICES_APP}'")).await;
    db.toggled(ALICES_TRADER, false, "null", "'2026-01-01Z'").await;
    db.become_role("service_role").await;
    assert_eq!(db.count(&signal.sql_ignoring_duplicates()).await, 0);
    // Without the word to ignore it, it is a duplicate key and not a question of ownership.
    db.refused("23505", &signal.sql()).await;
    db.refused_by(OWNERSHIP, &Signal::alices().sql_ignoring_duplicates()).await;
}

#[tokio::test]
async fn a_refused_row_takes_its_batch_along_and_nothing_else_happens() {
    let db = as_host().await;
    let row = |signal: Signal| {
        let sql = signal.sql();
        sql[sql.find("values").unwrap() + "values".len()..].to_owned()
    };
    let good = Signal::alices().sql();
    let batch = format!("{good}, {}", row(Signal { app: None, ..Signal::alices() }));
    db.refused_by(OWNERSHIP, &batch).await;
    db.become_superuser().await;
    assert_eq!(db.size("signals").await, "0");
    assert_eq!(db.size("harness.ai_analysis_calls").await, "0");
}

#[tokio::test]
async fn an_unknown_trader_is_the_foreign_keys_business() {
    let db = as_host().await;
    db.refused("23503", &Signal { trader: ALICE, ..Signal::built_in() }.sql()).await;
}

#[tokio::test]
async fn the_guard_sees_what_its_writer_may_not() {
    // As a user, who sees neither Bob's trader nor his app: the guard decides all the same, and first.
    let db = Db::world().await;
    db.become_user(ALICE).await;
    let forged = Signal { trader: crate::support::BOBS_TRADER, app: None, ..Signal::alices() };
    db.refused_by(OWNERSHIP, &forged.sql()).await;
}
