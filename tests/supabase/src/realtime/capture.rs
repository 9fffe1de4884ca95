//! How changes are noticed: triggers write them down, a notification tells of each transaction in the order of commits.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::sync::{mpsc, oneshot};
use tokio_postgres::{AsyncMessage, NoTls};

use super::join::Binding;
use crate::Shared;
use crate::pool::quote;

/// The publication that Realtime reads.
const PUBLICATION: &str = "supabase_realtime";

/// A row of a table that changed.
#[derive(Debug)]
pub(crate) struct Change {
    pub(crate) schema: String,
    pub(crate) table: String,
    /// `INSERT`, `UPDATE` or `DELETE`.
    pub(crate) kind: String,
    /// The new row; null for a DELETE. A large value that did not change is not in it.
    pub(crate) record: Value,
    /// The old row as far as it is logged: by default the primary key. Null for an INSERT.
    pub(crate) old_record: Value,
    /// What filters are compared with.
    pub(crate) filtered: Value,
    pub(crate) columns: Value,
    pub(crate) keys: Vec<String>,
    pub(crate) commit_timestamp: String,
}

/// Makes the table of changes and the trigger function. The transaction's id is the payload of the notification: one for
/// each transaction, sent when it commits.
pub(crate) const SCHEMA: &str = r#"
create table if not exists standin.changes (
    seq bigint generated always as identity primary key,
    xid text not null default pg_current_xact_id()::text,
    schema_name text not null,
    table_name text not null,
    kind text not null,
    record jsonb,
    old_record jsonb,
    filtered jsonb not null,
    columns jsonb not null,
    keys text[] not null,
    commit_timestamp text not null default to_char(clock_timestamp() at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')
);
create index if not exists changes_xid on standin.changes (xid);

create or replace function standin.capture() returns trigger
    language plpgsql security definer set search_path = pg_catalog as $$
declare
    fields jsonb;
    keys text[];
    is_key text;
    everything_logged boolean;
    secured boolean;
    new_row jsonb := case when tg_op <> 'DELETE' then to_jsonb(new) end;
    old_row jsonb := case when tg_op <> 'INSERT' then to_jsonb(old) end;
    logged jsonb;
    large record;
    stored integer;
begin
    select jsonb_agg(jsonb_build_object('name', a.attname, 'type', t.typname) order by a.attnum) into fields
    from pg_attribute a join pg_type t on t.oid = a.atttypid
    where a.attrelid = tg_relid and a.attnum > 0 and not a.attisdropped;
    select coalesce(array_agg(a.attname::text), '{}'), string_agg(format('t.%I = ($1).%I', a.attname, a.attname), ' and ')
    into keys, is_key
    from pg_index i join pg_attribute a on a.attrelid = i.indrelid and a.attnum = any (i.indkey)
    where i.indrelid = tg_relid and i.indisprimary;
    select c.relreplident = 'f', c.relrowsecurity into everything_logged, secured from pg_class c where c.oid = tg_relid;

    if tg_op <> 'INSERT' then
        logged := case when everything_logged then old_row
            else (select coalesce(jsonb_object_agg(key, value), '{}') from jsonb_each(old_row) where key = any (keys)) end;
    end if;
    if tg_op = 'UPDATE' and not everything_logged and is_key is not null then
        -- A value that lies outside of its row and did not change is not in the log of changes.
        for large in
            select a.attname from pg_attribute a
            where a.attrelid = tg_relid and a.attnum > 0 and not a.attisdropped and a.attstorage in ('x', 'e')
                and length(new_row ->> a.attname::text) > 2000 and new_row -> a.attname::text = old_row -> a.attname::text
        loop
            execute format('select pg_column_size(t.%I) from %s t where %s', large.attname, tg_relid::regclass, is_key)
                into stored using new;
            if stored > 2000 then
                new_row := new_row - large.attname::text;
            end if;
        end loop;
    end if;
    insert into standin.changes (schema_name, table_name, kind, record, old_record, filtered, columns, keys)
    values (tg_table_schema, tg_table_name, tg_op, new_row,
        case when everything_logged and secured
            then (select coalesce(jsonb_object_agg(key, value), '{}') from jsonb_each(logged) where key = any (keys))
            else logged end,
        coalesce(new_row, logged), fields, keys);
    perform pg_notify('standin_changes', pg_current_xact_id()::text);
    return null;
end $$;
"#;

/// Tells the hub of changes for as long as the stand-in lives; connects again when the database was restarted.
pub(crate) async fn run(shared: Arc<Shared>, ready: oneshot::Sender<()>) {
    let mut ready = Some(ready);
    loop {
        // An error here means that the connection is gone; a new one is all that there is to do.
        let _ = listen(&shared, &mut ready).await;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn listen(shared: &Shared, ready: &mut Option<oneshot::Sender<()>>) -> Result<(), tokio_postgres::Error> {
    let (client, mut connection) = shared.pool.config().connect(NoTls).await?;
    let (sender, mut transactions) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Some(Ok(message)) = std::future::poll_fn(|cx| connection.poll_message(cx)).await {
            if let AsyncMessage::Notification(notification) = message
                && sender.send(notification.payload().to_owned()).is_err()
            {
                break;
            }
        }
    });
    client.batch_execute("listen standin_changes").await?;
    match ready.take() {
        Some(ready) => {
            let _ = ready.send(());
        }
        // What was changed meanwhile is lost, and the subscribers are told that they are subscribed anew.
        None => shared.realtime.subscribed_again(),
    }
    while let Some(xid) = transactions.recv().await {
        let sql = "select schema_name, table_name, kind, record, old_record, filtered, columns, keys, commit_timestamp
            from standin.changes where xid = $1 order by seq";
        for row in client.query(sql, &[&xid]).await? {
            shared.realtime.publish(Change {
                schema: row.get(0),
                table: row.get(1),
                kind: row.get(2),
                record: row.get::<_, Option<Value>>(3).unwrap_or_default(),
                old_record: row.get::<_, Option<Value>>(4).unwrap_or_default(),
                filtered: row.get(5),
                columns: row.get(6),
                keys: row.get(7),
                commit_timestamp: row.get(8),
            });
        }
    }
    Ok(())
}

/// Sees to it that the changes which a binding asks for are noticed, if the publication has its tables.
pub(crate) async fn subscribe(shared: &Shared, binding: &Binding) -> Result<(), String> {
    let parameters = binding.parameters();
    let failed = |error: &dyn std::fmt::Display| {
        format!(
            "Unable to subscribe to changes with given parameters. An exception happened so please check your connect \
             parameters: [{parameters}]. Exception: {error}"
        )
    };
    // One at a time: two that make the same trigger would be in each other's way.
    let _guard = shared.realtime.installing.lock().await;
    let lease = shared.pool.get().await.map_err(|_| "Realtime was unable to connect to the project database")?;
    let result = async {
        let sql = "
            select p.schemaname::text, p.tablename::text,
                array(select a.attname::text from pg_attribute a where a.attrelid = c.oid and a.attnum > 0
                    and not a.attisdropped),
                exists (select from pg_trigger t where t.tgrelid = c.oid and t.tgname = 'standin_capture')
            from pg_publication_tables p
            join pg_namespace n on n.nspname = p.schemaname
            join pg_class c on c.relnamespace = n.oid and c.relname = p.tablename
            where p.pubname = $1 and $2 in ('*', p.schemaname::text) and $3 in ('*', p.tablename::text)";
        let tables = lease.client.query(sql, &[&PUBLICATION, &binding.schema, &binding.table]).await;
        let tables = tables.map_err(|error| failed(&error))?;
        if tables.is_empty() {
            return Err(format!(
                "Unable to subscribe to changes with given parameters. Please check Realtime is enabled for the given \
                 connect parameters: [{parameters}]"
            ));
        }
        for table in tables {
            let columns: Vec<String> = table.get(2);
            if let Some(filter) = binding.filters.iter().find(|filter| !columns.contains(&filter.column)) {
                let message = format!("ERROR P0001 (raise_exception) invalid column for filter {}", filter.column);
                return Err(failed(&message));
            }
            if !table.get::<_, bool>(3) {
                let name = format!("{}.{}", quote(table.get(0)), quote(table.get(1)));
                let sql = format!(
                    "create trigger standin_capture after insert or update or delete on {name}
                    for each row execute function standin.capture()"
                );
                lease.client.batch_execute(&sql).await.map_err(|error| failed(&error))?;
            }
        }
        Ok(())
    }
    .await;
    lease.done();
    result
}
