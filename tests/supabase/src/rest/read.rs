//! Reading a table.

use axum::http::Method;
use axum::response::Response;

use super::error::RestError;
use super::prefer::{Echo, Prefer};
use super::query::Query;
use super::{Request, content_range, find_table, run, shape};
use crate::Shared;
use crate::pool::{Caller, Sql, quote};
use crate::response;

pub(crate) async fn read(
    shared: &Shared,
    request: &Request,
    caller: &Caller,
    table: &str,
) -> Result<Response, RestError> {
    let prefer = Prefer::of(&request.headers, Echo::Read)?;
    let shape = shape(request)?;
    let head = request.method == Method::HEAD;
    let mut query = Query::parse(&request.query)?;
    if request.method == Method::GET {
        narrow(&mut query, request)?;
    }
    let table = find_table(shared, caller, table).await?.name;

    let from = format!("{}.{}", quote("public"), quote(&table));
    let mut sql = Sql::new("WITH pgrst_source AS (SELECT ");
    sql.push(&query.select_list(&table)).push(" FROM ").push(&from);
    query.add_where(&table, &mut sql);
    query.add_order(&table, &mut sql)?;
    // The server's own limit comes on top and says nothing about it.
    let limit = query.limit.unwrap_or(u64::MAX).min(shared.settings().max_rows);
    sql.push(&format!(" LIMIT {limit} OFFSET {})", query.offset));
    if prefer.count {
        sql.push(", pgrst_count AS (SELECT 1 FROM ").push(&from);
        query.add_where(&table, &mut sql);
        sql.push(") SELECT (SELECT pg_catalog.count(*) FROM pgrst_count)::bigint");
    } else {
        sql.push(" SELECT null::bigint");
    }
    sql.push(" AS total, pg_catalog.count(_postgrest_t) AS rows, ").push(shape.body_sql());
    sql.push(" AS body FROM (SELECT * FROM pgrst_source) _postgrest_t");

    let row = run(shared, caller, true, &sql, |row| shape.check(row.get("rows"))).await?;
    let total: Option<i64> = row.get("total");
    let rows: i64 = row.get("rows");
    let lower = i64::try_from(query.offset).unwrap_or(i64::MAX);
    let upper = lower.saturating_add(rows) - 1;
    let status = match total {
        Some(total) if lower > total => {
            let details = format!("An offset of {lower} was requested, but there are only {total} rows.");
            let error = RestError::new(416, "PGRST103", "Requested range not satisfiable").details(details);
            let mut answer = error.into_response(head);
            response::set(&mut answer, "content-range", &format!("*/{total}"));
            return Ok(answer);
        }
        Some(total) if rows < total => 206,
        _ => 200,
    };
    let body: String = if head { String::new() } else { row.get("body") };
    let mut answer = response::with_type(status, shape.content_type(), body);
    response::set(&mut answer, "content-range", &content_range(lower, upper, total));
    response::set(&mut answer, "content-location", &format!("/{table}"));
    if let Some(applied) = prefer.applied() {
        response::set(&mut answer, "preference-applied", &applied);
    }
    Ok(answer)
}

/// The header `Range: 0-9` is a limit and an offset; together with those of the query the narrower one counts.
fn narrow(query: &mut Query, request: &Request) -> Result<(), RestError> {
    let header = request.headers.get("range").and_then(|range| range.to_str().ok());
    let range = header.map(|range| range.trim_start_matches("items="));
    let Some((first, last)) = range.and_then(|range| range.split_once('-')) else {
        return Ok(());
    };
    let Ok(first) = first.parse::<u64>() else {
        return Ok(());
    };
    let last = last.parse::<u64>().ok();
    if last.is_some_and(|last| last < first) {
        let details = "The lower boundary must be lower than or equal to the upper boundary in the Range header.";
        return Err(RestError::new(416, "PGRST103", "Requested range not satisfiable").details(details));
    }
    query.offset = query.offset.max(first);
    let wanted = last.map(|last| last - first + 1);
    query.limit = [query.limit, wanted].into_iter().flatten().min();
    Ok(())
}
