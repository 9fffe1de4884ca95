//! What each role may read and write: authors and users under row-level security, the host by explicit grants.

use crate::support::{ALICE, ALICES_APP, ALICES_TRADER, BOB, BOBS_APP, BOBS_TRADER, BUILT_IN, DIGEST, Db, Signal};

/// A signal, a historical signal and a state of each trader.
async fn lived_in() -> Db {
    let db = Db::world().await;
    let bobs = Signal { trader: BOBS_TRADER, user: Some(BOB), app: Some(BOBS_APP), ..Signal::built_in() };
    for signal in [Signal::built_in(), Signal::alices(), bobs] {
        db.run(&signal.sql()).await;
        db.run(&signal.sql().replace("into signals", "into historical_signals")).await;
        db.run(&format!("insert into trader_state (trader_id, state) values ('{}', 'running')", signal.trader)).await;
    }
    db
}

#[tokio::test]
async fn a_user_reads_what_own_traders_said_and_how_they_are() {
    let db = lived_in().await;
    db.become_user(ALICE).await;
    let of = async |table: &str, column: &str| db.rows(&format!("select {column} from {table} order by 1")).await;
    assert_eq!(of("traders", "id").await, [ALICES_TRADER, BUILT_IN]);
    assert_eq!(of("trader_state", "trader_id").await, [ALICES_TRADER]);
    assert_eq!(of("historical_signals", "trader_id").await, [ALICES_TRADER, BUILT_IN]);
    assert_eq!(of("signals", "trader_id").await, [ALICES_TRADER, BUILT_IN]);
    assert_eq!(of("user_fly_apps", "id").await, [ALICES_APP]);
}

#[tokio::test]
async fn a_user_writes_no_signals_of_the_past_and_no_states() {
    let db = lived_in().await;
    db.become_user(ALICE).await;
    let forged = Signal::alices().sql().replace("into signals", "into historical_signals");
    db.refused("42501", &forged).await;
    db.refused("42501", "update historical_signals set price_at_signal = 1").await;
    db.refused("42501", "delete from historical_signals").await;
    // Old tables are open to the role; the policies give it no row.
    assert_eq!(db.count("update trader_state set state = 'stopped'").await, 0);
    db.refused("42501", &format!("insert into trader_state (trader_id) values ('{ALICES_TRADER}')")).await;
}

#[tokio::test]
async fn nobody_without_an_account_sees_the_new_tables() {
    let db = lived_in().await;
    db.become_role("anon").await;
    for table in ["trader_modules", "historical_signals", "trader_contradictions"] {
        db.refused("42501", &format!("select * from {table}")).await;
    }
    assert_eq!(db.rows("select id from traders").await, [BUILT_IN]);
    assert_eq!(db.size("signals").await, "0");
}

#[tokio::test]
async fn an_author_publishes_for_nobody_else() {
    let db = Db::world().await;
    let publish = |user: &str| {
        format!("insert into trader_modules (sha256, user_id, size_bytes) values ('{DIGEST}', {user}, 100)")
    };
    db.run(&publish("null")).await;
    db.run(&publish(&format!("'{BOB}'"))).await;
    db.become_user(ALICE).await;
    assert_eq!(db.size("trader_modules").await, "0");
    db.refused("42501", &publish("null")).await;
    db.refused("42501", &publish(&format!("'{BOB}'"))).await;
    db.run(&publish(&format!("'{ALICE}'"))).await;
    assert_eq!(db.rows("select user_id from trader_modules").await, [ALICE]);
}

#[tokio::test]
async fn what_is_published_stays_as_it_is() {
    let db = Db::world().await;
    db.become_user(ALICE).await;
    db.run(&format!("insert into trader_modules (sha256, user_id, size_bytes) values ('{DIGEST}', '{ALICE}', 100)"))
        .await;
    db.refused("42501", "update trader_modules set size_bytes = 1").await;
    db.refused("42501", "delete from trader_modules").await;
}

fn upload(name: &str) -> String {
    format!("insert into storage.objects (bucket_id, name, owner_id) values ('trader-modules', '{name}', '{ALICE}')")
}

#[tokio::test]
async fn an_author_uploads_into_the_own_folder_and_nowhere_else() {
    let db = Db::world().await;
    db.run(&upload(&format!("{BOB}/{DIGEST}.wasm"))).await;
    db.run(&upload(&format!("built-in/{DIGEST}.wasm"))).await;
    db.become_user(ALICE).await;
    db.run(&upload(&format!("{ALICE}/{DIGEST}.wasm"))).await;
    assert_eq!(db.rows("select name from storage.objects").await, [format!("{ALICE}/{DIGEST}.wasm")]);

    let other = DIGEST.replace('a', "b");
    for name in [
        format!("{BOB}/{other}.wasm"),
        format!("built-in/{other}.wasm"),
        format!("{other}.wasm"),
        format!("{ALICE}/{other}.txt"),
        format!("{ALICE}/{}.wasm", other.to_uppercase()),
        format!("{ALICE}/deeper/{other}.wasm"),
        format!("{ALICE}/../{BOB}/{other}.wasm"),
        format!("{ALICE}/{other}.wasm/{other}.wasm"),
        format!("x{ALICE}/{other}.wasm"),
    ] {
        db.refused("42501", &upload(&name)).await;
    }
    db.become_role("anon").await;
    db.refused("42501", &upload(&format!("built-in/{other}.wasm"))).await;
    assert_eq!(db.size("storage.objects").await, "0");
}

#[tokio::test]
async fn an_upload_is_never_overwritten_moved_or_deleted_by_an_author() {
    let db = Db::world().await;
    // Whatever else the project allows its users.
    db.become_role("postgres").await;
    db.run("create policy everything on storage.objects for all to authenticated using (true) with check (true)").await;
    db.become_superuser().await;
    db.run(&upload(&format!("{BOB}/{DIGEST}.wasm"))).await;
    db.run("insert into storage.buckets (id, name) values ('avatars', 'avatars')").await;

    db.become_user(ALICE).await;
    let own = upload(&format!("{ALICE}/{DIGEST}.wasm"));
    db.run(&own).await;
    db.refused("23505", &own).await;
    db.refused("42501", &format!("{own} on conflict (bucket_id, name) do update set version = 'new'")).await;
    assert_eq!(db.count("update storage.objects set version = 'new'").await, 0);
    assert_eq!(db.count("delete from storage.objects").await, 0);
    db.refused("42501", &upload(&format!("{BOB}/{}.wasm", DIGEST.replace('a', "b")))).await;
    assert_eq!(db.size("storage.objects").await, "1");

    // The other buckets are not concerned, and nothing is moved from them into this one.
    db.run("insert into storage.objects (bucket_id, name) values ('avatars', 'me.png')").await;
    assert_eq!(db.count("update storage.objects set version = 'new'").await, 1);
    db.refused("42501", "update storage.objects set bucket_id = 'trader-modules' where name = 'me.png'").await;
    assert_eq!(db.count("delete from storage.objects").await, 1);
}

#[tokio::test]
async fn the_bucket_is_private_and_takes_modules_only() {
    let db = Db::world().await;
    assert_eq!(
        db.value("select public, file_size_limit, allowed_mime_types from storage.buckets where id = 'trader-modules'")
            .await,
        "f 4259840 {application/wasm}"
    );
}

#[tokio::test]
async fn the_host_has_explicit_grants() {
    // A project of today, where nobody has any by default.
    let db = Db::plain().await;
    crate::migrations::empty_project(&db);
    db.people().await;
    db.become_role("service_role").await;
    let publish = "insert into trader_modules (sha256, size_bytes) values (repeat('a', 64), 1)";
    for statement in [
        publish.to_owned(),
        Signal::built_in().sql(),
        Signal::alices().sql(),
        Signal::alices().sql().replace("into signals", "into historical_signals"),
        format!("update traders set module_sha256 = repeat('a', 64) where id = '{BUILT_IN}'"),
        format!(
            "insert into trader_state (trader_id, state) values ('{BUILT_IN}', 'running')
             on conflict (trader_id) do update set state = excluded.state, metadata = excluded.metadata"
        ),
        "select count(*) from user_fly_apps".to_owned(),
        "select count(*) from user_subscriptions".to_owned(),
        "select count(*) from trader_contradictions".to_owned(),
        "insert into storage.objects (bucket_id, name) values ('trader-modules', 'built-in/x.wasm')".to_owned(),
    ] {
        db.run(&statement).await;
    }
    assert_eq!(db.value("select host_selfcheck('shared_backend') -> 'missing_grants'").await, "[]");
}
