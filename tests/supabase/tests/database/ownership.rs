//! Who owns a trader, who may decide it, and the report of rows that contradict themselves.

use crate::support::{ALICE, ALICES_TRADER, BOB, BUILT_IN, DIGEST, Db};

fn new_trader(owner: &str) -> String {
    let (columns, values) = owner.split_once('=').unwrap();
    format!(
        "insert into traders (name, description, filter, strategy, {columns}) values ('New', '', '{{}}', '{{}}', {values})"
    )
}

#[tokio::test]
async fn a_user_who_promotes_an_own_trader_to_a_built_in_is_refused() {
    let db = Db::world().await;
    db.become_user(ALICE).await;
    for change in [
        "is_built_in = true",
        "is_built_in = true, user_id = null",
        "is_built_in = true, user_id = null, ownership_type = 'system'",
        "is_built_in = null",
        "ownership_type = 'system'",
        "ownership_type = null",
        "user_id = null",
        "user_id = 'b0b00000-0000-4000-8000-000000000001'",
    ] {
        let update = format!("update traders set {change} where id = '{ALICES_TRADER}'");
        let refusal = db.refused("42501", &update).await;
        assert_eq!(refusal.message, format!("only the service role may decide who owns trader {ALICES_TRADER}"));
    }
}

#[tokio::test]
async fn a_user_makes_own_traders_only() {
    let db = Db::world().await;
    db.become_user(ALICE).await;
    db.run(&new_trader(&format!("user_id='{ALICE}'"))).await;
    db.run(&new_trader(&format!("user_id, is_built_in, ownership_type='{ALICE}', false, 'user'"))).await;
    for owner in [
        format!("user_id='{BOB}'"),
        format!("user_id, is_built_in='{ALICE}', true"),
        format!("user_id, ownership_type='{ALICE}', 'system'"),
        "is_built_in=true".to_owned(),
        "user_id=null".to_owned(),
    ] {
        db.refused("42501", &new_trader(&owner)).await;
    }
}

#[tokio::test]
async fn a_user_changes_everything_else_of_own_traders_and_nothing_of_others() {
    let db = Db::world().await;
    db.become_user(ALICE).await;
    // The old web app sends the whole row back.
    let whole = format!(
        "enabled = false, params = '{{\"length\": 14}}', user_id = '{ALICE}', is_built_in = false, ownership_type = 'user'"
    );
    assert_eq!(db.count(&format!("update traders set {whole} where id = '{ALICES_TRADER}'")).await, 1);
    assert_eq!(db.count("update traders set enabled = false where user_id is distinct from auth.uid()").await, 0);
}

#[tokio::test]
async fn the_service_role_decides_who_owns_what() {
    let db = Db::world().await;
    db.become_role("service_role").await;
    let promote = "is_built_in = true, user_id = null, ownership_type = 'system'";
    db.run(&format!("update traders set {promote} where id = '{ALICES_TRADER}'")).await;
    let demote = format!("is_built_in = false, user_id = '{BOB}', ownership_type = 'user'");
    db.run(&format!("update traders set {demote} where id = '{ALICES_TRADER}'")).await;
    db.run(&new_trader("is_built_in=true")).await;
}

#[tokio::test]
async fn whoever_owns_the_table_decides_as_well() {
    let db = Db::world().await;
    db.become_role("postgres").await;
    db.run(&format!(
        "update traders set is_built_in = true, user_id = null, ownership_type = 'system' where id = '{ALICES_TRADER}'"
    ))
    .await;
}

#[tokio::test]
async fn nobody_makes_a_row_that_contradicts_itself() {
    let db = Db::world().await;
    for role in ["service_role", "postgres"] {
        db.become_role(role).await;
        for change in [
            "is_built_in = true".to_owned(),
            "user_id = null".to_owned(),
            "ownership_type = 'system'".to_owned(),
            "user_id = null, is_built_in = true".to_owned(),
        ] {
            let update = format!("update traders set {change} where id = '{ALICES_TRADER}'");
            db.refused_by("traders_ownership", &update).await;
        }
        db.refused_by("traders_ownership", &new_trader(&format!("user_id, is_built_in='{ALICE}', true"))).await;
        db.refused_by("traders_ownership", &new_trader("user_id=null")).await;
    }
}

async fn contradict(db: &Db, trader: &str, change: &str) {
    db.become_superuser().await;
    // As a row from before the migrations: no trigger looked at it.
    db.run(&format!(
        "set session_replication_role = replica; update traders set {change} where id = '{trader}';
         set session_replication_role = origin"
    ))
    .await;
}

#[tokio::test]
async fn a_row_that_contradicts_itself_can_be_disabled_and_mended() {
    let db = Db::world().await;
    contradict(&db, ALICES_TRADER, "is_built_in = true").await;
    db.become_user(ALICE).await;
    let disable = format!("update traders set enabled = false, name = 'off' where id = '{ALICES_TRADER}'");
    assert_eq!(db.count(&disable).await, 1);
    db.become_role("service_role").await;
    db.run(&format!("update traders set is_built_in = false where id = '{ALICES_TRADER}'")).await;
    assert_eq!(db.size("trader_contradictions").await, "0");
}

#[tokio::test]
async fn contradictions_are_listed_with_their_reason() {
    let db = Db::world().await;
    assert_eq!(db.size("trader_contradictions").await, "0");
    for (trader, change, reasons) in [
        (BUILT_IN, format!("user_id = '{ALICE}'"), vec!["is_built_in is true, but there is a user_id"]),
        (ALICES_TRADER, "user_id = null".to_owned(), vec!["is_built_in is false, but there is no user_id"]),
        (ALICES_TRADER, "is_built_in = null".to_owned(), vec!["is_built_in is null"]),
        (ALICES_TRADER, "enabled = null".to_owned(), vec!["enabled is null"]),
        (
            ALICES_TRADER,
            "ownership_type = 'system'".to_owned(),
            vec!["ownership_type is system, but is_built_in is not true"],
        ),
        (BUILT_IN, "ownership_type = 'user'".to_owned(), vec!["ownership_type is user, but is_built_in is true"]),
        (BUILT_IN, "filter = to_jsonb('{}'::text)".to_owned(), vec!["filter is JSON in a string"]),
        (BUILT_IN, "strategy = to_jsonb('{}'::text)".to_owned(), vec!["strategy is JSON in a string"]),
        (
            BUILT_IN,
            format!("module_sha256 = '{DIGEST}'"),
            vec!["module_sha256 names a module that the owner did not publish"],
        ),
        (
            BUILT_IN,
            format!("enabled = null, user_id = '{ALICE}'"),
            vec!["enabled is null", "is_built_in is true, but there is a user_id"],
        ),
    ] {
        db.run(&format!("create table kept as select * from traders where id = '{trader}'")).await;
        contradict(&db, trader, &change).await;
        db.become_role("service_role").await;
        let listed =
            db.rows(&format!("select reason from trader_contradictions where id = '{trader}' order by 1")).await;
        assert_eq!(listed, reasons, "{change}");
        assert_eq!(db.size("trader_contradictions").await, reasons.len().to_string(), "{change}");
        let back = "(user_id, is_built_in, enabled, ownership_type, filter, strategy, module_sha256) =
            (select user_id, is_built_in, enabled, ownership_type, filter, strategy, module_sha256 from kept)";
        contradict(&db, trader, back).await;
        db.run("drop table kept").await;
    }
}

#[tokio::test]
async fn the_report_is_for_operators() {
    let db = Db::world().await;
    db.become_user(ALICE).await;
    db.refused("42501", "select * from trader_contradictions").await;
    db.become_role("anon").await;
    db.refused("42501", "select * from trader_contradictions").await;
}
