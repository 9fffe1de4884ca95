//! A change as a caller may see it.

use serde_json::{Map, Value, json};

use super::capture::Change;
use crate::Shared;
use crate::pool::{Caller, literal, quote};

/// A change above this is told without its large fields.
const MAX_RECORD_BYTES: usize = 1024 * 1024;

/// The `data` of the message; none if the caller may not see the row. `selected` names the wanted columns.
pub(crate) async fn data(
    shared: &Shared,
    caller: &Caller,
    change: &Change,
    selected: Option<Vec<String>>,
) -> Option<Value> {
    let allowed = may_see(shared, caller, change).await?;
    let mut record = change.record.clone();
    let mut old_record = change.old_record.clone();
    let mut errors = Value::Null;
    if !allowed {
        (record, old_record) = (json!({}), json!({}));
        errors = json!(["Error 401: Unauthorized"]);
    } else if record.to_string().len() > MAX_RECORD_BYTES {
        keep(&mut record, |_, value| value.to_string().len() <= 64);
        old_record = json!({});
        errors = json!(["Error 413: Payload Too Large"]);
    }
    if let Some(selected) = selected {
        keep(&mut record, |key, _| selected.contains(key));
        keep(&mut old_record, |key, _| selected.contains(key));
    }
    let mut data = json!({
        "type": change.kind, "schema": change.schema, "table": change.table,
        "commit_timestamp": change.commit_timestamp, "columns": change.columns, "errors": errors,
    });
    if change.kind != "DELETE" {
        data["record"] = record;
    }
    if change.kind != "INSERT" {
        data["old_record"] = old_record;
    }
    Some(data)
}

/// Whether the caller may read the table; none if he may, but not this row. Of a deleted row everybody sees the key.
async fn may_see(shared: &Shared, caller: &Caller, change: &Change) -> Option<bool> {
    let table = format!("{}.{}", quote(&change.schema), quote(&change.table));
    let mut lease = shared.pool.get().await.ok()?;
    let sql = "select has_table_privilege(rolname, $2, 'select'), rolbypassrls from pg_roles where rolname = $1";
    let row = lease.client.query_opt(sql, &[&caller.role, &table]).await.ok()??;
    let (granted, bypasses): (bool, bool) = (row.get(0), row.get(1));
    let mut visible = true;
    if granted && !bypasses && change.kind != "DELETE" {
        let same = |key: &String| {
            let key = literal(key);
            format!("to_jsonb(t) -> {key} = $1 -> {key}")
        };
        let conditions: Vec<String> = change.keys.iter().map(same).collect();
        let sql = format!(
            "select exists (select from {table} t where $1::jsonb is not null and {})",
            if conditions.is_empty() { "false".to_owned() } else { conditions.join(" and ") }
        );
        let transaction = caller.begin(&mut lease.client, true, None).await.ok()?;
        visible = transaction.query_one(&sql, &[&change.record]).await.ok()?.get(0);
        transaction.commit().await.ok()?;
    }
    lease.done();
    visible.then_some(granted)
}

fn keep(row: &mut Value, wanted: impl Fn(&String, &Value) -> bool) {
    if let Value::Object(fields) = row {
        *fields = std::mem::take(fields).into_iter().filter(|(key, value)| wanted(key, value)).collect::<Map<_, _>>();
    }
}
