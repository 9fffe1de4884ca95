//! The migrations themselves: on production, on an empty project, twice, and away again.

use vyx_supabase::sql::{self, Script};

use crate::support::{ALICE, BUILT_IN, Db, Signal};

fn apply_all(db: &Db) {
    for migration in sql::migrations().unwrap() {
        sql::apply(&db.url_of_postgres(), &migration).unwrap();
    }
}

/// A new Supabase project with our migrations and nothing else.
pub fn empty_project(db: &Db) {
    sql::apply(&db.url, &sql::platform().unwrap()).unwrap();
    apply_all(db);
}

/// The production project before our migrations.
fn production(db: &Db) {
    sql::apply(&db.url, &sql::platform().unwrap()).unwrap();
    sql::apply(&db.url_of_postgres(), &sql::production().unwrap()).unwrap();
}

const COLUMNS: &str = "
    select table_name, column_name, data_type, is_nullable, column_default from information_schema.columns
    where table_schema = 'public' order by 1, 2";

/// Everything that a migration could make a second time.
const OBJECTS: &str = "
    select 'trigger', tgrelid::regclass::text, tgname::text from pg_trigger where not tgisinternal
    union all select 'policy', schemaname || '.' || tablename, policyname from pg_policies
    union all select 'constraint', conrelid::regclass::text, conname from pg_constraint where connamespace = 'public'::regnamespace
    union all select 'index', tablename, indexname from pg_indexes where schemaname = 'public'
    union all select 'function', '', oid::regprocedure::text from pg_proc where pronamespace = 'public'::regnamespace
    union all select 'published', tablename, pubname from pg_publication_tables
    union all select 'grant', table_name, grantee || ' ' || privilege_type from information_schema.role_table_grants
        where table_schema = 'public'
    order by 1, 2, 3";

#[tokio::test]
async fn a_second_run_changes_nothing() {
    let db = Db::world().await;
    let before = (db.rows(COLUMNS).await, db.rows(OBJECTS).await, db.rows("select * from traders order by id").await);
    apply_all(&db);
    apply_all(&db);
    let after = (db.rows(COLUMNS).await, db.rows(OBJECTS).await, db.rows("select * from traders order by id").await);
    assert_eq!(before, after);
}

#[tokio::test]
async fn an_empty_project_gets_the_tables_of_production() {
    let (empty, production) = (Db::plain().await, Db::world().await);
    empty_project(&empty);
    apply_all(&empty);
    let here = empty.rows(COLUMNS).await;
    let mut there = production.rows(COLUMNS).await;
    // Kept by a trigger of production for its web app; nothing of ours reads it.
    there.retain(|column| !column.starts_with("trader_resource_usage "));
    assert_eq!(here, there);

    empty.people().await;
    empty.run(&format!("update traders set name = 'renamed' where id = '{BUILT_IN}'")).await;
    assert_eq!(empty.value(&format!("select version from traders where id = '{BUILT_IN}'")).await, "2");
    let open = "select relname from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r' and not relrowsecurity";
    assert_eq!(empty.rows(open).await, Vec::<String>::new());
}

#[tokio::test]
async fn the_browser_of_an_empty_project_reads_and_writes_its_own() {
    let db = Db::plain().await;
    empty_project(&db);
    db.people().await;
    db.run(&Signal::built_in().sql()).await;
    db.become_user(ALICE).await;
    db.run(&Signal { source: "local", app: None, ..Signal::alices() }.sql()).await;
    db.refused("42501", &Signal::alices().sql()).await;
    assert_eq!(db.size("signals").await, "2");
    assert_eq!(db.size("traders").await, "2");
    assert_eq!(db.size("user_fly_apps").await, "1");
    assert_eq!(db.count(&format!("delete from traders where user_id = '{ALICE}'")).await, 1);
}

#[tokio::test]
async fn old_rows_stay_as_they_are() {
    let db = Db::plain().await;
    production(&db);
    db.people().await;
    // As the old host left them: contradictions, wrong apps, double-encoded filters, null flags.
    db.run(&format!(
        "insert into traders (id, name, description, filter, strategy, user_id, is_built_in, enabled, ownership_type) values
            ('0d000000-0000-4000-8000-000000000001', 'Both', '', '{{}}', '{{}}', '{ALICE}', true, true, 'system'),
            ('0d000000-0000-4000-8000-000000000002', 'Neither', '', to_jsonb('{{}}'::text), '{{}}', null, null, null, null);
         insert into signals (trader_id, user_id, symbol, interval, timestamp, price_at_signal, count, source)
         select id, '{ALICE}', 'BTCUSDT', '5m', now(), 1, 1, 'cloud' from traders"
    ))
    .await;
    let kept = "select id, name, enabled, user_id, is_built_in, ownership_type, filter, version, updated_at from traders order by id";
    let signals = "select id, trader_id, user_id, fly_app_id, timestamp from signals order by id";
    let before = (db.rows(kept).await, db.rows(signals).await);
    apply_all(&db);
    assert_eq!(before, (db.rows(kept).await, db.rows(signals).await));
    assert_eq!(db.value("select count(distinct id) from trader_contradictions").await, "2");
    assert_eq!(db.rows("select distinct params from traders").await, ["{}"]);
    assert_eq!(db.size("harness.ai_analysis_calls").await, "5");
}

#[tokio::test]
async fn signals_without_24_h_figures_fit_where_production_asked_for_them() {
    let db = Db::plain().await;
    production(&db);
    db.run("alter table signals alter change_percent_at_signal set not null, alter volume_at_signal set not null")
        .await;
    apply_all(&db);
    db.people().await;
    db.run(&Signal::built_in().sql()).await;
}

#[tokio::test]
async fn the_index_on_signals_is_made_once() {
    let count =
        "select count(*) from pg_indexes where tablename = 'signals' and indexdef like '%(trader_id, \"timestamp\"%'";
    let db = Db::plain().await;
    production(&db);
    db.run("create index made_beforehand on signals (trader_id, timestamp)").await;
    apply_all(&db);
    assert_eq!(db.value(count).await, "1");
    assert_eq!(Db::world().await.value(count).await, "1");
}

#[tokio::test]
async fn without_storage_and_publication_the_rest_is_made() {
    let db = Db::plain().await;
    production(&db);
    db.run("drop schema storage cascade; drop publication supabase_realtime").await;
    apply_all(&db);
    db.people().await;
    db.run(&Signal::built_in().sql()).await;
}

#[tokio::test]
async fn a_project_that_opens_new_tables_to_everybody_does_not_open_these() {
    let db = Db::plain().await;
    production(&db);
    let open = "alter default privileges for role postgres in schema public
        grant all on tables to anon, authenticated, service_role";
    db.run(open).await;
    apply_all(&db);
    let grants = "select table_name, grantee, string_agg(privilege_type, ',' order by privilege_type)
        from information_schema.role_table_grants
        where table_name in ('trader_modules', 'historical_signals', 'trader_contradictions')
            and grantee not in ('postgres') group by 1, 2 order by 1, 2";
    assert_eq!(
        db.rows(grants).await,
        [
            "historical_signals authenticated SELECT",
            "historical_signals service_role DELETE,INSERT,SELECT,UPDATE",
            "trader_contradictions service_role SELECT",
            "trader_modules authenticated INSERT,SELECT",
            "trader_modules service_role DELETE,INSERT,SELECT,UPDATE",
        ]
    );
}

#[tokio::test]
async fn after_the_rollback_an_old_host_writes_as_before_and_nothing_is_lost() {
    let db = Db::world().await;
    db.run(&Signal::alices().sql()).await;
    db.run("insert into trader_modules (sha256, size_bytes) values (repeat('a', 64), 1)").await;
    db.run(&format!("update traders set module_sha256 = repeat('a', 64) where id = '{BUILT_IN}'")).await;
    let objects = db.rows(OBJECTS).await;
    let columns = db.rows(COLUMNS).await;

    for _ in 0..2 {
        sql::apply(&db.url_of_postgres(), &sql::rollback().unwrap()).unwrap();
    }
    db.become_role("service_role").await;
    db.run(&Signal { app: None, ..Signal::alices() }.sql()).await;
    assert_eq!(db.size("signals").await, "2");
    assert_eq!(db.size("trader_modules").await, "1");
    db.become_superuser().await;
    let triggers = "select tgname from pg_trigger where tgrelid in ('signals'::regclass, 'traders'::regclass)
        and not tgisinternal order by 1";
    assert_eq!(
        db.rows(triggers).await,
        ["auto_trigger_ai_analysis", "increment_trader_version", "update_traders_updated_at"]
    );

    apply_all(&db);
    assert_eq!(db.rows(OBJECTS).await, objects);
    assert_eq!(db.rows(COLUMNS).await, columns);
}

#[test]
fn the_names_are_what_the_cli_expects() {
    let names: Vec<String> = sql::migrations().unwrap().into_iter().map(|script: Script| script.name).collect();
    assert!(names.len() >= 9, "{names:?}");
    for name in &names {
        let (version, rest) = name.split_once('_').unwrap();
        assert!(version.len() == 14 && version.chars().all(|c| c.is_ascii_digit()), "{name}");
        assert!(rest.ends_with(".sql"), "{name}");
    }
}
