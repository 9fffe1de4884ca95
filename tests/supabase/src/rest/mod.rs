//! PostgREST over the tables and functions of the schema `public`.

mod catalog;
mod error;
mod filter;
mod prefer;
mod query;
mod read;
mod rpc;
mod write;

use axum::body::Bytes;
use axum::http::{HeaderMap, Method};
use axum::response::Response;
use tokio_postgres::Row;

pub(crate) use error::RestError;

use crate::Shared;
use crate::pool::{Caller, Sql};

/// A request behind the gateway.
pub(crate) struct Request {
    pub(crate) method: Method,
    /// Behind `/rest/v1/`, decoded.
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) token: Option<String>,
}

/// What is wanted as the body.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shape {
    List,
    /// One row, as an object; any other number of rows is an error.
    Single,
}

impl Shape {
    fn content_type(self) -> &'static str {
        match self {
            Self::List => crate::response::JSON,
            Self::Single => "application/vnd.pgrst.object+json; charset=utf-8",
        }
    }

    /// How the rows `_postgrest_t` become the body.
    fn body_sql(self) -> &'static str {
        match self {
            Self::List => "coalesce(json_agg(_postgrest_t), '[]')::text",
            Self::Single => "coalesce((json_agg(_postgrest_t)->0)::text, 'null')",
        }
    }

    fn check(self, rows: i64) -> Result<(), RestError> {
        if self == Self::Single && rows != 1 { Err(RestError::not_a_single_row(rows)) } else { Ok(()) }
    }
}

pub(crate) async fn handle(shared: &Shared, request: Request) -> Response {
    let head = request.method == Method::HEAD;
    answer(shared, &request).await.unwrap_or_else(|error| error.into_response(head))
}

async fn answer(shared: &Shared, request: &Request) -> Result<Response, RestError> {
    let caller = match &request.token {
        None => Caller::anon(),
        Some(token) => {
            let claims = shared.keys.verify(token);
            Caller::of(claims.map_err(|error| RestError::token(&error, shared.settings().expired_is_301))?)
        }
    };
    for profile in ["accept-profile", "content-profile"] {
        if let Some(schema) = request.headers.get(profile).and_then(|schema| schema.to_str().ok())
            && schema != "public"
        {
            return Err(RestError::new(406, "PGRST106", format!("Invalid schema: {schema}")));
        }
    }
    let segments: Vec<&str> = request.path.split('/').collect();
    match (&request.method, &segments[..]) {
        (&Method::GET | &Method::HEAD, [table]) => read::read(shared, request, &caller, table).await,
        (&Method::POST, [table]) => write::insert(shared, request, &caller, table).await,
        (&Method::PATCH, [table]) => write::update(shared, request, &caller, table).await,
        (&Method::DELETE, [table]) => write::delete(shared, request, &caller, table).await,
        (&Method::POST, ["rpc", function]) => rpc::call(shared, request, &caller, function).await,
        (_, ["rpc", _]) => Err(RestError::not_here("functions by other methods than POST")),
        (method, [_]) => Err(RestError::new(405, "PGRST117", format!("Unsupported HTTP method: {method}"))),
        _ => Err(RestError::new(404, "PGRST125", "Invalid path specified in request URL")),
    }
}

fn shape(request: &Request) -> Result<Shape, RestError> {
    let accept = request.headers.get("accept").and_then(|accept| accept.to_str().ok()).unwrap_or("*/*");
    let types = accept.split(',').map(|part| part.split(';').next().unwrap_or_default().trim());
    for content_type in types {
        match content_type {
            "application/vnd.pgrst.object+json" => return Ok(Shape::Single),
            "application/json" | "application/vnd.pgrst.array+json" | "application/*" | "*/*" => {
                return Ok(Shape::List);
            }
            _ => {}
        }
    }
    let message = format!("None of these media types are available: {accept}");
    Err(RestError::new(406, "PGRST107", message))
}

/// Runs the one statement of a request in a transaction of its own, which is committed if the check agrees.
async fn run(
    shared: &Shared,
    caller: &Caller,
    read_only: bool,
    sql: &Sql,
    check: impl FnOnce(&Row) -> Result<(), RestError>,
) -> Result<Row, RestError> {
    let anon = caller.role == "anon";
    let failed = |error: tokio_postgres::Error| RestError::database(&error, anon);
    let mut lease = shared.pool.get().await?;
    let timeout = shared.settings().statement_timeout;
    let result = async {
        let transaction = caller.begin(&mut lease.client, read_only, timeout).await.map_err(failed)?;
        let row = sql.query_one(&transaction).await.map_err(failed)?;
        check(&row)?;
        transaction.commit().await.map_err(failed)?;
        Ok(row)
    }
    .await;
    lease.done();
    result
}

/// `Content-Range`: from, to and the number of all.
fn content_range(lower: i64, upper: i64, total: Option<i64>) -> String {
    let total_text = total.map_or_else(|| "*".to_owned(), |total| total.to_string());
    if lower <= upper && total != Some(0) { format!("{lower}-{upper}/{total_text}") } else { format!("*/{total_text}") }
}
