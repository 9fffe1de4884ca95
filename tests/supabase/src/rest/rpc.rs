//! Calling a function with named arguments.

use axum::response::Response;
use serde_json::{Map, Value};

use super::catalog::{Function, Returns};
use super::error::RestError;
use super::prefer::{Echo, Prefer};
use super::{Request, Shape, content_range, run, shape};
use crate::Shared;
use crate::pool::{Caller, Sql, quote};
use crate::response;

pub(crate) async fn call(
    shared: &Shared,
    request: &Request,
    caller: &Caller,
    name: &str,
) -> Result<Response, RestError> {
    let prefer = Prefer::of(&request.headers, Echo::Read)?;
    let shape = shape(request)?;
    let invalid = || RestError::new(400, "PGRST102", "Empty or invalid json");
    let arguments: Map<String, Value> = if request.body.is_empty() {
        Map::new()
    } else {
        serde_json::from_slice(&request.body).map_err(|_| invalid())?
    };
    let passed: Vec<String> = arguments.keys().cloned().collect();
    let lease = shared.pool.get().await?;
    let function = Function::find(&lease.client, name, &passed).await;
    lease.done();
    let function = function?;

    let mut sql = Sql::new("SELECT ");
    let as_list = function.returns_set && shape == Shape::List;
    sql.push("pg_catalog.count(*) AS rows, ").push(match (function.returns, as_list) {
        (Returns::Scalar, true) => "coalesce(json_agg(_postgrest_t.pgrst_scalar), '[]')::text",
        (Returns::Scalar, false) => "coalesce((json_agg(_postgrest_t.pgrst_scalar)->0)::text, 'null')",
        (Returns::Row, true) => Shape::List.body_sql(),
        (Returns::Row, false) => Shape::Single.body_sql(),
        (Returns::Void, _) => "''",
    });
    sql.push(" AS body FROM (SELECT ").push(match function.returns {
        Returns::Row => "pgrst_call.*",
        Returns::Scalar | Returns::Void => "pgrst_call AS pgrst_scalar",
    });
    sql.push(" FROM ");
    if !function.arguments.is_empty() {
        let types = function.arguments.iter().map(|(name, type_name)| format!("{} {type_name}", quote(name)));
        sql.push("json_to_record(").param(&Value::Object(arguments).to_string()).push("::json) AS pgrst_args(");
        sql.push(&types.collect::<Vec<_>>().join(", ")).push("), LATERAL ");
    }
    let values = function.arguments.iter().map(|(name, _)| format!("{0} := pgrst_args.{0}", quote(name)));
    let values = values.collect::<Vec<_>>().join(", ");
    sql.push(&format!("{}.{}({values}) pgrst_call) _postgrest_t", quote("public"), quote(&function.name)));

    let check = |row: &tokio_postgres::Row| if function.returns_set { shape.check(row.get("rows")) } else { Ok(()) };
    let row = run(shared, caller, function.read_only, &sql, check).await?;
    let rows: i64 = row.get("rows");
    let mut answer = if function.returns == Returns::Void {
        response::empty(204)
    } else {
        response::with_type(200, shape.content_type(), row.get::<_, String>("body"))
    };
    response::set(&mut answer, "content-range", &content_range(0, rows - 1, prefer.count.then_some(rows)));
    if let Some(applied) = prefer.applied() {
        response::set(&mut answer, "preference-applied", &applied);
    }
    Ok(answer)
}
