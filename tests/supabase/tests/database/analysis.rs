//! The trigger that calls a paid language model: once for a signal, never for one that is not new.

use crate::support::{ALICE, ALICES_TRADER, Db, Signal};

const CALLS: &str = "harness.ai_analysis_calls";

#[tokio::test]
async fn an_ignored_duplicate_is_not_analysed() {
    let db = Db::world().await;
    let signal = Signal::alices();
    assert_eq!(db.count(&signal.sql_ignoring_duplicates()).await, 1);
    assert_eq!(db.size(CALLS).await, "1");
    for _ in 0..3 {
        assert_eq!(db.count(&signal.sql_ignoring_duplicates()).await, 0);
    }
    assert_eq!(db.size(CALLS).await, "1");
}

#[tokio::test]
async fn historical_signals_are_not_analysed() {
    let db = Db::world().await;
    db.become_role("service_role").await;
    db.run(&Signal::alices().sql().replace("into signals", "into historical_signals")).await;
    assert_eq!(db.size("historical_signals").await, "1");
    db.become_superuser().await;
    assert_eq!(db.size(CALLS).await, "0");
    let triggers =
        "select count(*) from pg_trigger where tgrelid = 'historical_signals'::regclass and not tgisinternal";
    assert_eq!(db.value(triggers).await, "0");
}

#[tokio::test]
async fn the_harness_tells_whether_a_call_would_have_cost_money() {
    let db = Db::world().await;
    db.run(&Signal::alices().sql()).await;
    db.run(&format!("insert into user_subscriptions (user_id, tier) values ('{ALICE}', 'elite')")).await;
    db.run(&Signal::alices().sql()).await;
    db.run(&Signal::built_in().sql()).await;
    assert_eq!(db.rows(&format!("select paid from {CALLS} order by id")).await, ["f", "t", "f"]);
    let of = db.rows(&format!("select distinct trader_id from {CALLS} where paid")).await;
    assert_eq!(of, [ALICES_TRADER]);
}
