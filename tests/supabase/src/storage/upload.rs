//! Uploading and removing objects.

use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::error::StorageError;
use super::{Service, as_the_service};
use crate::pool::Lease;
use crate::response;

impl Service<'_> {
    /// The row is written with the rights of the caller, the bytes and the rest by the service, in one transaction.
    pub(super) async fn upload(
        &self,
        lease: &mut Lease<'_>,
        bucket: &str,
        name: &str,
        overwrite: bool,
    ) -> Result<Response, StorageError> {
        let limits = self.find_bucket(lease, bucket).await?;
        let content_type = self.request.header("content-type").unwrap_or("application/octet-stream");
        if content_type.starts_with("multipart/") {
            return Err(StorageError::invalid("the stand-in takes raw bodies only"));
        }
        let plain_type = content_type.split(';').next().unwrap_or_default().trim();
        if limits.mime_types.is_some_and(|allowed| !allowed.iter().any(|pattern| mime_fits(pattern, plain_type))) {
            return Err(StorageError::mime_type(plain_type));
        }
        let bytes = &self.request.body[..];
        let size = i64::try_from(bytes.len()).unwrap_or(i64::MAX);
        if limits.size_limit.is_some_and(|limit| size > limit) {
            return Err(StorageError::too_large());
        }
        let user_metadata = self.request.header("x-metadata").and_then(|text| STANDARD.decode(text).ok());
        let user_metadata: Option<Value> = user_metadata.and_then(|bytes| serde_json::from_slice(&bytes).ok());
        let subject = self.caller.claims["sub"].as_str();
        let owner = subject.and_then(|subject| subject.parse::<Uuid>().ok());
        let version = Uuid::new_v4().to_string();

        let transaction = self.begin(lease).await?;
        let insert = "insert into storage.objects (bucket_id, name, owner, owner_id, version, metadata)
            values ($1, $2, $3, $4, $5, $6)";
        let sql = if overwrite {
            format!(
                "{insert} on conflict (bucket_id, name) do update
                set version = excluded.version, metadata = excluded.metadata, updated_at = now()"
            )
        } else {
            insert.to_owned()
        };
        transaction.execute(&sql, &[&bucket, &name, &owner, &subject, &version, &json!({})]).await?;
        as_the_service(&transaction).await?;
        let metadata = json!({
            "eTag": etag(&version, bytes), "size": size, "mimetype": content_type,
            "cacheControl": self.request.header("cache-control").unwrap_or("no-cache"),
            "contentLength": size, "httpStatusCode": 200,
        });
        let sql = "update storage.objects set user_metadata = $4,
                metadata = $3 || jsonb_build_object('lastModified', to_char(now() at time zone 'utc',
                    'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"'))
            where bucket_id = $1 and name = $2 returning id";
        let row = transaction.query_one(sql, &[&bucket, &name, &metadata, &user_metadata]).await?;
        transaction.execute("insert into standin.blobs (version, bytes) values ($1, $2)", &[&version, &bytes]).await?;
        transaction.commit().await?;
        let id: Uuid = row.get(0);
        Ok(response::json(200, json!({"Id": id, "Key": format!("{bucket}/{name}")}).to_string()))
    }

    /// `list`: answer with the rows that went, as for many; otherwise a missing one is an error.
    pub(super) async fn remove(
        &self,
        lease: &mut Lease<'_>,
        bucket: &str,
        names: &[String],
        list: bool,
    ) -> Result<Response, StorageError> {
        self.find_bucket(lease, bucket).await?;
        let transaction = self.begin(lease).await?;
        let sql = "delete from storage.objects where bucket_id = $1 and name = any ($2)
            returning to_jsonb(objects), version";
        let rows = transaction.query(sql, &[&bucket, &names]).await?;
        if rows.is_empty() && !list {
            return Err(StorageError::no_object());
        }
        as_the_service(&transaction).await?;
        for row in &rows {
            let version: Option<String> = row.get(1);
            transaction.execute("delete from standin.blobs where version = $1", &[&version]).await?;
        }
        transaction.commit().await?;
        let gone: Vec<Value> = rows.iter().map(|row| row.get(0)).collect();
        let body = if list { Value::Array(gone) } else { json!({"message": "Successfully deleted"}) };
        Ok(response::json(200, body.to_string()))
    }
}

/// Of version and content, so that nobody takes it for a hash of the content.
fn etag(version: &str, bytes: &[u8]) -> String {
    let hash = Sha256::new_with_prefix(version).chain_update(bytes).finalize();
    let hex: String = hash.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    format!("\"{hex}\"")
}

/// `application/wasm`, `image/*`, `*/*`.
fn mime_fits(pattern: &str, mime_type: &str) -> bool {
    match pattern.strip_suffix("/*") {
        Some("*") => true,
        Some(family) => mime_type.split('/').next() == Some(family),
        None => pattern == mime_type,
    }
}
