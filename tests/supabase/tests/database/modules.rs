//! Which module a trader may name, and with what parameters.

use crate::support::{ALICE, ALICES_TRADER, BOB, BUILT_IN, DIGEST, Db};

fn publish(user: Option<&str>) -> String {
    let user = user.map_or("null".to_owned(), |user| format!("'{user}'"));
    format!("insert into trader_modules (sha256, user_id, size_bytes) values ('{DIGEST}', {user}, 100)")
}

fn name_it(trader: &str) -> String {
    format!("update traders set module_sha256 = '{DIGEST}' where id = '{trader}'")
}

async fn refused(db: &Db, statement: &str) {
    let refusal = db.refused("23503", statement).await;
    assert_eq!(refusal.constraint.as_deref(), Some("traders_module_is_published"), "{refusal}");
}

#[tokio::test]
async fn a_trader_names_a_module_that_its_owner_published() {
    let db = Db::world().await;
    db.become_user(ALICE).await;
    refused(&db, &name_it(ALICES_TRADER)).await;
    db.run(&publish(Some(ALICE))).await;
    db.run(&name_it(ALICES_TRADER)).await;
    // The digest is known now, but not from Bob and not from an operator.
    db.become_role("service_role").await;
    refused(&db, &name_it(BUILT_IN)).await;
    refused(&db, &name_it(crate::support::BOBS_TRADER)).await;
    db.run(&publish(None)).await;
    db.run(&name_it(BUILT_IN)).await;
    db.run(&format!("update traders set module_sha256 = null where id = '{ALICES_TRADER}'")).await;
}

#[tokio::test]
async fn what_an_operator_published_is_no_users() {
    let db = Db::world().await;
    db.become_role("service_role").await;
    db.run(&publish(None)).await;
    refused(&db, &name_it(ALICES_TRADER)).await;
}

#[tokio::test]
async fn a_new_trader_and_a_new_owner_are_asked_as_well() {
    let db = Db::world().await;
    db.become_role("service_role").await;
    db.run(&publish(Some(ALICE))).await;
    let made_for = |user: &str| {
        format!(
            "insert into traders (name, description, filter, strategy, user_id, module_sha256)
             values ('New', '', '{{}}', '{{}}', '{user}', '{DIGEST}')"
        )
    };
    refused(&db, &made_for(BOB)).await;
    db.run(&made_for(ALICE)).await;
    db.run(&name_it(ALICES_TRADER)).await;
    refused(&db, &format!("update traders set user_id = '{BOB}' where id = '{ALICES_TRADER}'")).await;
}

#[tokio::test]
async fn a_trader_whose_module_was_withdrawn_can_still_be_disabled() {
    let db = Db::world().await;
    db.become_role("service_role").await;
    db.run(&publish(Some(ALICE))).await;
    db.run(&name_it(ALICES_TRADER)).await;
    db.run("delete from trader_modules").await;
    db.run(&format!("update traders set enabled = false, module_sha256 = module_sha256 where id = '{ALICES_TRADER}'"))
        .await;
}

#[tokio::test]
async fn a_module_is_published_once_by_each_owner() {
    let db = Db::world().await;
    db.become_role("service_role").await;
    for owner in [None, Some(ALICE), Some(BOB)] {
        db.run(&publish(owner)).await;
        db.refused("23505", &publish(owner)).await;
    }
    assert_eq!(db.size("trader_modules").await, "3");
}

#[tokio::test]
async fn a_digest_is_64_lowercase_hexadecimal_digits() {
    let db = Db::world().await;
    for digest in [DIGEST.to_uppercase(), DIGEST[1..].to_owned(), format!("{DIGEST}a"), DIGEST.replace('a', "g")] {
        db.refused_by(
            "trader_modules_sha256_is_hex",
            &format!("insert into trader_modules (sha256, size_bytes) values ('{digest}', 1)"),
        )
        .await;
    }
}

#[tokio::test]
async fn parameters_are_an_object() {
    let db = Db::world().await;
    assert_eq!(db.value(&format!("select params from traders where id = '{BUILT_IN}'")).await, "{}");
    let set = |params: &str| format!("update traders set params = '{params}' where id = '{BUILT_IN}'");
    for params in ["[]", "null", "1", r#""{\"length\": 14}""#] {
        db.refused_by("traders_params_is_object", &set(params)).await;
    }
    db.run(&set(r#"{"length": 14}"#)).await;
}
