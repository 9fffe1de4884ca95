//! Inserting, updating and deleting: each is one statement, so that it happens whole or not at all.

use axum::http::HeaderMap;
use axum::response::Response;
use serde_json::Value;

use super::catalog::{Column, Table};
use super::error::RestError;
use super::prefer::{Echo, Prefer, Resolution};
use super::query::Query;
use super::{Request, Shape, content_range, find_table, run, shape};
use crate::Shared;
use crate::pool::{Caller, Sql, literal, quote};
use crate::response;

pub(crate) async fn insert(
    shared: &Shared,
    request: &Request,
    caller: &Caller,
    table: &str,
) -> Result<Response, RestError> {
    let prefer = Prefer::of(&request.headers, Echo::Insert)?;
    let query = Query::parse(&request.query)?;
    let shape = shape(request)?;
    json_only(&request.headers)?;
    let body = text(request)?;
    let table = find_table(shared, caller, table).await?;
    let names = match &query.columns {
        // With columns given the body goes to the database unread; other keys in it are ignored there.
        Some(names) => names.clone(),
        None => uniform_keys(body)?,
    };
    let columns = names.iter().map(|name| table.column(name)).collect::<Result<Vec<_>, _>>()?;

    let mut sql = Sql::new("WITH pgrst_source AS (INSERT INTO ");
    sql.push(&full_name(&table));
    let rows = rows_of(body);
    if columns.is_empty() {
        if rows == Some(0) {
            return Ok(written(201, &prefer, Shape::List, "[]", &content_range(1, 0, prefer.count.then_some(0))));
        }
        sql.push(" DEFAULT VALUES");
    } else {
        let list = columns.iter().map(|column| quote(&column.name)).collect::<Vec<_>>().join(", ");
        sql.push("(").push(&list).push(") SELECT ").push(&list);
        add_recordset(&mut sql, body, &columns, prefer.missing_default);
    }
    if let Some(resolution) = prefer.resolution {
        let target = query.on_conflict.as_ref().unwrap_or(&table.primary_key);
        if !target.is_empty() {
            let target = target.iter().map(|name| quote(name)).collect::<Vec<_>>().join(", ");
            let set = |column: &&Column| format!("{0} = EXCLUDED.{0}", quote(&column.name));
            let set = columns.iter().map(set).collect::<Vec<_>>().join(", ");
            sql.push(" ON CONFLICT(").push(&target).push(") DO ");
            match resolution {
                Resolution::Merge if !set.is_empty() => sql.push("UPDATE SET ").push(&set),
                _ => sql.push("NOTHING"),
            };
        }
    }
    let returning = if prefer.representation { query.select_list(&table.name) } else { "1 AS one".to_owned() };
    sql.push(" RETURNING ").push(&returning);
    if prefer.resolution == Some(Resolution::Merge) {
        // A row that was updated instead has the mark of that update.
        sql.push(", xmax::text = '0' AS pgrst_is_new)");
        add_summary(&mut sql, &prefer, shape, "pg_catalog.count(*) FILTER (WHERE pgrst_is_new)", Some("pgrst_is_new"));
    } else {
        sql.push(")");
        add_summary(&mut sql, &prefer, shape, "pg_catalog.count(*)", None);
    }

    let row = execute(shared, caller, &sql, &prefer, shape).await?;
    let new: i64 = row.get("new");
    let status = if new == 0 && prefer.resolution == Some(Resolution::Merge) { 200 } else { 201 };
    let range = content_range(1, 0, prefer.count.then(|| row.get("rows")));
    Ok(written(status, &prefer, shape, row.get("body"), &range))
}

pub(crate) async fn update(
    shared: &Shared,
    request: &Request,
    caller: &Caller,
    table: &str,
) -> Result<Response, RestError> {
    let prefer = Prefer::of(&request.headers, Echo::Update)?;
    let query = Query::parse(&request.query)?;
    let shape = shape(request)?;
    json_only(&request.headers)?;
    let body = text(request)?;
    let table = find_table(shared, caller, table).await?;
    let names = match &query.columns {
        Some(names) => names.clone(),
        None => uniform_keys(body)?,
    };
    let columns = names.iter().map(|name| table.column(name)).collect::<Result<Vec<_>, _>>()?;
    if columns.is_empty() {
        return Ok(written_or_empty(&prefer, shape, "[]", &content_range(0, -1, prefer.count.then_some(0))));
    }
    let mut sql = Sql::new("WITH pgrst_source AS (UPDATE ");
    let set = columns.iter().map(|column| format!("{0} = pgrst_body.{0}", quote(&column.name)));
    sql.push(&full_name(&table)).push(" SET ").push(&set.collect::<Vec<_>>().join(", ")).push(" FROM (SELECT *");
    add_recordset(&mut sql, body, &columns, prefer.missing_default);
    sql.push(" LIMIT 1) pgrst_body");
    query.add_where(&table.name, &mut sql);
    let returning = if prefer.representation { query.select_list(&table.name) } else { "1".to_owned() };
    sql.push(" RETURNING ").push(&returning).push(")");
    add_summary(&mut sql, &prefer, shape, "0::bigint", None);

    let row = execute(shared, caller, &sql, &prefer, shape).await?;
    let rows: i64 = row.get("rows");
    let range = content_range(0, rows - 1, prefer.count.then_some(rows));
    Ok(written_or_empty(&prefer, shape, row.get("body"), &range))
}

pub(crate) async fn delete(
    shared: &Shared,
    request: &Request,
    caller: &Caller,
    table: &str,
) -> Result<Response, RestError> {
    let prefer = Prefer::of(&request.headers, Echo::Delete)?;
    let query = Query::parse(&request.query)?;
    let shape = shape(request)?;
    let table = find_table(shared, caller, table).await?;
    let mut sql = Sql::new("WITH pgrst_source AS (DELETE FROM ");
    sql.push(&full_name(&table));
    query.add_where(&table.name, &mut sql);
    let returning = if prefer.representation { query.select_list(&table.name) } else { "1".to_owned() };
    sql.push(" RETURNING ").push(&returning).push(")");
    add_summary(&mut sql, &prefer, shape, "0::bigint", None);

    let row = execute(shared, caller, &sql, &prefer, shape).await?;
    let range = content_range(1, 0, prefer.count.then(|| row.get("rows")));
    Ok(written_or_empty(&prefer, shape, row.get("body"), &range))
}

async fn execute(
    shared: &Shared,
    caller: &Caller,
    sql: &Sql,
    prefer: &Prefer,
    shape: Shape,
) -> Result<tokio_postgres::Row, RestError> {
    let check = |row: &tokio_postgres::Row| if prefer.representation { shape.check(row.get("rows")) } else { Ok(()) };
    run(shared, caller, false, sql, check).await
}

fn full_name(table: &Table) -> String {
    format!("{}.{}", quote("public"), quote(&table.name))
}

/// ` FROM json_to_recordset(…) AS _(…)` over the body. A key that is missing is null, or the default of its column.
fn add_recordset(sql: &mut Sql, body: &str, columns: &[&Column], missing_default: bool) {
    let definition = columns.iter().map(|column| format!("{} {}", quote(&column.name), column.type_name));
    let definition = definition.collect::<Vec<_>>().join(", ");
    let is_object = body.trim_start().starts_with('{');
    let many = if is_object { "" } else { "set" };
    if missing_default {
        let with_default = columns.iter().filter_map(|column| {
            column.default.as_ref().map(|default| format!("{}, {default}", literal(&column.name)))
        });
        let defaults = format!("jsonb_build_object({})", with_default.collect::<Vec<_>>().join(", "));
        sql.push(" FROM (SELECT ").param(body).push("::jsonb AS json_data) pgrst_payload, LATERAL (SELECT ");
        if is_object {
            sql.push(&defaults).push(" || pgrst_payload.json_data AS val");
        } else {
            sql.push("jsonb_agg(").push(&defaults).push(" || elem) AS val");
            sql.push(" FROM jsonb_array_elements(pgrst_payload.json_data) elem");
        }
        sql.push(&format!(") pgrst_defs, LATERAL jsonb_to_record{many}(pgrst_defs.val) AS _({definition})"));
    } else {
        sql.push(" FROM (SELECT ").param(body).push("::json AS json_data) pgrst_payload, ");
        sql.push(&format!("LATERAL json_to_record{many}(pgrst_payload.json_data) AS _({definition})"));
    }
}

/// Counts the rows written and makes the body. `hidden` is a column that is not part of it.
fn add_summary(sql: &mut Sql, prefer: &Prefer, shape: Shape, new: &str, hidden: Option<&str>) {
    let body = match (prefer.representation, shape, hidden) {
        (false, ..) => "''".to_owned(),
        (true, Shape::List, None) | (true, Shape::Single, None) => shape.body_sql().to_owned(),
        (true, Shape::List, Some(_)) => "coalesce(json_agg(pgrst_row), '[]')::text".to_owned(),
        (true, Shape::Single, Some(_)) => "coalesce((json_agg(pgrst_row)->0)::text, 'null')".to_owned(),
    };
    sql.push(&format!(" SELECT pg_catalog.count(*) AS rows, {new} AS new, {body} AS body FROM "));
    match hidden {
        Some(hidden) if prefer.representation => {
            let without = format!("(to_jsonb(pgrst_source) - {})::json AS pgrst_row, {hidden}", literal(hidden));
            sql.push(&format!("(SELECT {without} FROM pgrst_source) _postgrest_t"));
        }
        _ => {
            sql.push("pgrst_source _postgrest_t");
        }
    }
}

fn written(status: u16, prefer: &Prefer, shape: Shape, body: &str, range: &str) -> Response {
    let mut answer = if prefer.representation {
        response::with_type(status, shape.content_type(), body.to_owned())
    } else {
        response::empty(status)
    };
    response::set(&mut answer, "content-range", range);
    if let Some(applied) = prefer.applied() {
        response::set(&mut answer, "preference-applied", &applied);
    }
    answer
}

fn written_or_empty(prefer: &Prefer, shape: Shape, body: &str, range: &str) -> Response {
    written(if prefer.representation { 200 } else { 204 }, prefer, shape, body, range)
}

fn json_only(headers: &HeaderMap) -> Result<(), RestError> {
    let content_type = headers.get("content-type").and_then(|value| value.to_str().ok()).unwrap_or("application/json");
    if content_type.starts_with("application/json") {
        Ok(())
    } else {
        Err(RestError::new(415, "PGRST102", format!("Content-Type not acceptable: {content_type}")))
    }
}

fn text(request: &Request) -> Result<&str, RestError> {
    std::str::from_utf8(&request.body).map_err(|_| invalid_json())
}

fn invalid_json() -> RestError {
    RestError::new(400, "PGRST102", "Empty or invalid json")
}

fn rows_of(body: &str) -> Option<usize> {
    serde_json::from_str::<Value>(body).ok()?.as_array().map(Vec::len)
}

/// The keys of the rows, which must be the same in all of them.
fn uniform_keys(body: &str) -> Result<Vec<String>, RestError> {
    let keys = |row: &Value| row.as_object().map(|row| row.keys().cloned().collect::<Vec<_>>());
    match serde_json::from_str(body).map_err(|_| invalid_json())? {
        Value::Array(rows) => {
            let Some(first) = rows.first() else { return Ok(Vec::new()) };
            let names = keys(first).ok_or_else(invalid_json)?;
            if rows.iter().all(|row| keys(row).as_ref() == Some(&names)) {
                Ok(names)
            } else {
                Err(RestError::new(400, "PGRST102", "All object keys must match"))
            }
        }
        row => keys(&row).ok_or_else(invalid_json),
    }
}
