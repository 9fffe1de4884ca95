//! What each trader was set to run is written down, whoever sets it.

use vyx_supabase::sql;

use crate::support::{ALICE, ALICES_TRADER, BOB, BOBS_TRADER, BUILT_IN, Db};

const HISTORY: &str = "select left(module_sha256, 1), params from trader_module_history order by id";

async fn published(db: &Db) {
    for digit in ["a", "b"] {
        for user in ["null".to_owned(), format!("'{ALICE}'"), format!("'{BOB}'")] {
            db.run(&format!(
                "insert into trader_modules (sha256, user_id, size_bytes) values (repeat('{digit}', 64), {user}, 1)"
            ))
            .await;
        }
    }
}

fn set(digit: &str, params: &str, trader: &str) -> String {
    format!("update traders set module_sha256 = repeat('{digit}', 64), params = '{params}' where id = '{trader}'")
}

#[tokio::test]
async fn every_change_of_module_or_parameters_is_kept_once() {
    let db = Db::world().await;
    published(&db).await;
    db.become_user(ALICE).await;
    for (digit, params) in [("a", "{}"), ("a", "{}"), ("a", "{\"n\": 1}"), ("b", "{}")] {
        db.run(&set(digit, params, ALICES_TRADER)).await;
    }
    db.run(&format!("update traders set enabled = false, name = 'x' where id = '{ALICES_TRADER}'")).await;
    db.run(&format!("update traders set module_sha256 = null where id = '{ALICES_TRADER}'")).await;
    assert_eq!(db.rows(HISTORY).await, ["a {}", "a {\"n\": 1}", "b {}"]);
}

#[tokio::test]
async fn an_author_reads_the_own_history_and_nobody_writes_it() {
    let db = Db::world().await;
    published(&db).await;
    for trader in [ALICES_TRADER, BOBS_TRADER, BUILT_IN] {
        db.run(&set("a", "{}", trader)).await;
    }
    let write = format!(
        "insert into trader_module_history (trader_id, module_sha256, params) values ('{ALICES_TRADER}', 'x', '{{}}')"
    );
    db.become_user(ALICE).await;
    assert_eq!(db.size("trader_module_history").await, "1");
    db.refused("42501", &write).await;
    db.become_role("service_role").await;
    assert_eq!(db.size("trader_module_history").await, "3");
    db.refused("42501", &write).await;
    db.become_role("anon").await;
    db.refused("42501", "select * from trader_module_history").await;
}

#[tokio::test]
async fn the_last_hundred_of_each_trader_are_kept() {
    let db = Db::world().await;
    published(&db).await;
    db.run(&set("a", "{}", BUILT_IN)).await;
    db.run(&format!(
        "do $$ begin for n in 1..150 loop
            update traders set module_sha256 = repeat('b', 64), params = jsonb_build_object('n', n) where id = '{ALICES_TRADER}';
         end loop; end $$"
    ))
    .await;
    assert_eq!(
        db.rows("select count(*), min((params ->> 'n')::int) from trader_module_history group by trader_id order by 1")
            .await,
        ["1 null", "100 51"]
    );
    db.run(&format!("delete from traders where id = '{ALICES_TRADER}'")).await;
    assert_eq!(db.size("trader_module_history").await, "1");
}

#[tokio::test]
async fn what_ran_before_the_table_was_there_is_its_beginning() {
    let db = Db::world().await;
    published(&db).await;
    db.run(&set("a", "{}", BUILT_IN)).await;
    db.run("delete from trader_module_history").await;
    for _ in 0..2 {
        for migration in sql::migrations().unwrap() {
            sql::apply(&db.url_of_postgres(), &migration).unwrap();
        }
    }
    assert_eq!(db.rows(HISTORY).await, ["a {}"]);
}
