//! Downloading objects, whole, in part, or only if they changed; and what is known of them.

use axum::http::Method;
use axum::response::Response;
use serde_json::{Value, json};
use uuid::Uuid;

use super::Service;
use super::error::StorageError;
use crate::pool::Lease;
use crate::response;

/// The row of an object as far as its policies let the caller see it.
struct Object {
    id: Uuid,
    version: String,
    metadata: Value,
    user_metadata: Option<Value>,
    /// As ISO 8601, and as HTTP has it.
    updated_at: String,
    last_modified: String,
    created_at: String,
}

impl Object {
    fn text(&self, key: &str) -> &str {
        self.metadata[key].as_str().unwrap_or_default()
    }
}

impl Service<'_> {
    async fn find(&self, lease: &mut Lease<'_>, bucket: &str, name: &str) -> Result<Object, StorageError> {
        let public = self.find_bucket(lease, bucket).await?.public;
        let transaction = self.begin(lease).await?;
        if public {
            super::as_the_service(&transaction).await?;
        }
        let sql = "
            select id, coalesce(version, ''), coalesce(metadata, '{}'), user_metadata,
                to_char(updated_at at time zone 'utc', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"'),
                to_char(updated_at at time zone 'utc', 'Dy, DD Mon YYYY HH24:MI:SS \"GMT\"'),
                to_char(created_at at time zone 'utc', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"')
            from storage.objects where bucket_id = $1 and name = $2";
        let row = transaction.query_opt(sql, &[&bucket, &name]).await?.ok_or_else(StorageError::no_object)?;
        transaction.commit().await?;
        Ok(Object {
            id: row.get(0),
            version: row.get(1),
            metadata: row.get(2),
            user_metadata: row.get(3),
            updated_at: row.get(4),
            last_modified: row.get(5),
            created_at: row.get(6),
        })
    }

    pub(super) async fn info(&self, lease: &mut Lease<'_>, bucket: &str, name: &str) -> Result<Response, StorageError> {
        let object = self.find(lease, bucket, name).await?;
        let body = json!({
            "id": object.id, "name": name, "version": object.version, "bucket_id": bucket,
            "size": object.metadata["size"], "content_type": object.metadata["mimetype"],
            "cache_control": object.metadata["cacheControl"], "etag": object.metadata["eTag"],
            "metadata": object.user_metadata, "last_modified": object.updated_at, "created_at": object.created_at,
        });
        Ok(response::json(200, body.to_string()))
    }

    pub(super) async fn download(
        &self,
        lease: &mut Lease<'_>,
        bucket: &str,
        name: &str,
    ) -> Result<Response, StorageError> {
        let object = self.find(lease, bucket, name).await?;
        if self.request.header("if-none-match").is_some_and(|etag| etag == object.text("eTag")) {
            let mut answer = response::empty(304);
            response::set(&mut answer, "etag", object.text("eTag"));
            return Ok(answer);
        }
        let sql = "select bytes from standin.blobs where version = $1";
        let row = lease.client.query_opt(sql, &[&object.version]).await?.ok_or_else(StorageError::no_object)?;
        let bytes: Vec<u8> = row.get(0);
        let size = bytes.len();
        let range = match self.request.header("range") {
            Some(range) => Some(byte_range(range, size).ok_or_else(StorageError::range)?),
            None => None,
        };
        let part = range.map_or_else(|| bytes.clone(), |(first, last)| bytes[first..=last].to_vec());
        let content_type = object.text("mimetype").to_owned();
        let status = if range.is_some() { 206 } else { 200 };
        let mut answer = if self.request.method == Method::HEAD {
            let mut answer = response::empty(status);
            response::set(&mut answer, "content-type", &content_type);
            answer
        } else {
            response::with_type(status, &content_type, part)
        };
        response::set(&mut answer, "accept-ranges", "bytes");
        response::set(&mut answer, "etag", object.text("eTag"));
        response::set(&mut answer, "cache-control", object.text("cacheControl"));
        response::set(&mut answer, "last-modified", &object.last_modified);
        if let Some((first, last)) = range {
            response::set(&mut answer, "content-range", &format!("bytes {first}-{last}/{size}"));
        }
        Ok(answer)
    }
}

/// `bytes=0-3`, `bytes=4-` or `bytes=-2`: the first and the last byte, none if there are no such bytes.
fn byte_range(header: &str, size: usize) -> Option<(usize, usize)> {
    let (first, last) = header.strip_prefix("bytes=")?.split_once('-')?;
    let (first, last) = match (first.parse::<usize>(), last.parse::<usize>()) {
        (Ok(first), Ok(last)) => (first, last.min(size.checked_sub(1)?)),
        (Ok(first), Err(_)) => (first, size.checked_sub(1)?),
        (Err(_), Ok(length)) => (size.saturating_sub(length), size.checked_sub(1)?),
        _ => return None,
    };
    (first <= last && first < size).then_some((first, last))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_cut_at_the_end_and_refused_beyond_it() {
        assert_eq!(byte_range("bytes=0-3", 10), Some((0, 3)));
        assert_eq!(byte_range("bytes=4-99", 10), Some((4, 9)));
        assert_eq!(byte_range("bytes=4-", 10), Some((4, 9)));
        assert_eq!(byte_range("bytes=-2", 10), Some((8, 9)));
        assert_eq!(byte_range("bytes=10-11", 10), None);
        assert_eq!(byte_range("bytes=0-0", 0), None);
    }
}
