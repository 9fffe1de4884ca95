//! Storage over the tables `storage.buckets` and `storage.objects`, whose policies decide; bytes lie in the stand-in's own
//! schema.

mod buckets;
mod download;
mod error;
mod list;
mod upload;

use axum::body::Bytes;
use axum::http::{HeaderMap, Method};
use axum::response::Response;
use serde_json::Value;
use tokio_postgres::Transaction;

use crate::Shared;
use crate::pool::{Caller, Lease};
use error::StorageError;

/// Makes the place for the bytes of objects, by the version that the object's row names.
pub(crate) const SCHEMA: &str = "
    create table if not exists standin.blobs (version text primary key, bytes bytea not null);";

/// A request behind the gateway.
pub(crate) struct Request {
    pub(crate) method: Method,
    /// Behind `/storage/v1/`, decoded.
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) token: Option<String>,
}

impl Request {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    fn json(&self) -> Result<Value, StorageError> {
        serde_json::from_slice(&self.body).map_err(|_| StorageError::invalid("the body is not valid JSON"))
    }
}

pub(crate) async fn handle(shared: &Shared, request: Request) -> Response {
    answer(shared, &request).await.unwrap_or_else(StorageError::into_response)
}

async fn answer(shared: &Shared, request: &Request) -> Result<Response, StorageError> {
    let token = request
        .token
        .as_deref()
        .ok_or_else(|| StorageError::invalid("headers must have required property 'authorization'"))?;
    let caller = Caller::of(shared.keys.verify(token).map_err(|error| StorageError::token(&error))?);
    let mut lease = shared.pool.get().await?;
    let service = Service { caller, request };
    let result = service.route(&mut lease).await;
    lease.done();
    result
}

/// One request and who makes it.
struct Service<'r> {
    caller: Caller,
    request: &'r Request,
}

/// What the service reads of a bucket on its own account.
struct Bucket {
    public: bool,
    size_limit: Option<i64>,
    mime_types: Option<Vec<String>>,
}

impl Service<'_> {
    async fn route(&self, lease: &mut Lease<'_>) -> Result<Response, StorageError> {
        let path = self.request.path.as_str();
        let (first, rest) = path.split_once('/').unwrap_or((path, ""));
        let method = self.request.method.as_str();
        if first == "bucket" {
            return self.bucket(lease, method, rest).await;
        }
        if first != "object" || rest.is_empty() {
            return Err(StorageError::no_route(method, path));
        }
        let below = |prefix: &str| rest.strip_prefix(prefix).and_then(|rest| rest.split_once('/'));
        match method {
            "POST" if rest.starts_with("list/") => self.list(lease, rest.trim_start_matches("list/")).await,
            "GET" | "HEAD" => {
                for prefix in ["info/authenticated/", "info/public/", "info/"] {
                    if let Some((bucket, name)) = below(prefix) {
                        return self.info(lease, bucket, name).await;
                    }
                }
                let (bucket, name) = below("authenticated/")
                    .or_else(|| below("public/"))
                    .or_else(|| below(""))
                    .ok_or_else(|| StorageError::no_route(method, path))?;
                self.download(lease, bucket, name).await
            }
            "POST" | "PUT" => {
                let (bucket, name) = below("").ok_or_else(|| StorageError::no_route(method, path))?;
                let overwrite = method == "PUT" || self.request.header("x-upsert") == Some("true");
                self.upload(lease, bucket, name, overwrite).await
            }
            "DELETE" => match below("") {
                Some((bucket, name)) => self.remove(lease, bucket, &[name.to_owned()], false).await,
                None => {
                    let names = self.request.json()?;
                    let names = names["prefixes"].as_array().into_iter().flatten().filter_map(Value::as_str);
                    self.remove(lease, rest, &names.map(str::to_owned).collect::<Vec<_>>(), true).await
                }
            },
            _ => Err(StorageError::no_route(method, path)),
        }
    }

    /// A transaction with the rights of the caller.
    async fn begin<'c>(&self, lease: &'c mut Lease<'_>) -> Result<Transaction<'c>, StorageError> {
        Ok(self.caller.begin(&mut lease.client, false, None).await?)
    }

    async fn find_bucket(&self, lease: &Lease<'_>, bucket: &str) -> Result<Bucket, StorageError> {
        let sql =
            "select coalesce(public, false), file_size_limit, allowed_mime_types from storage.buckets where id = $1";
        let row = lease.client.query_opt(sql, &[&bucket]).await?.ok_or_else(StorageError::no_bucket)?;
        Ok(Bucket { public: row.get(0), size_limit: row.get(1), mime_types: row.get(2) })
    }
}

/// Gives the rest of a transaction the rights of the service itself.
async fn as_the_service(transaction: &Transaction<'_>) -> Result<(), StorageError> {
    Ok(transaction.batch_execute("set local role none").await?)
}
