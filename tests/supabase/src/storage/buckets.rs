//! Buckets.

use axum::response::Response;
use serde_json::{Value, json};

use super::Service;
use super::error::StorageError;
use crate::pool::Lease;
use crate::response;

const FIELDS: &str = "jsonb_build_object('id', id, 'name', name, 'owner', coalesce(owner_id, ''), 'public', public,
    'type', type, 'file_size_limit', file_size_limit, 'allowed_mime_types', allowed_mime_types,
    'created_at', created_at, 'updated_at', updated_at)";

impl Service<'_> {
    pub(super) async fn bucket(&self, lease: &mut Lease<'_>, method: &str, id: &str) -> Result<Response, StorageError> {
        match (method, id) {
            ("GET", "") => {
                let transaction = self.begin(lease).await?;
                let sql = format!("select {FIELDS} from storage.buckets order by id");
                let rows = transaction.query(&sql, &[]).await?;
                transaction.commit().await?;
                Ok(response::json(200, Value::Array(rows.iter().map(|row| row.get(0)).collect()).to_string()))
            }
            ("GET", id) => {
                let transaction = self.begin(lease).await?;
                let sql = format!("select {FIELDS} from storage.buckets where id = $1");
                let row = transaction.query_opt(&sql, &[&id]).await?.ok_or_else(StorageError::no_bucket)?;
                transaction.commit().await?;
                Ok(response::json(200, row.get::<_, Value>(0).to_string()))
            }
            ("POST", "") => self.create_bucket(lease).await,
            ("DELETE", id) if !id.is_empty() => {
                let transaction = self.begin(lease).await?;
                let sql = "delete from storage.buckets where id = $1";
                let gone = transaction.execute(sql, &[&id]).await.map_err(|error| {
                    let not_empty = "The bucket you tried to delete is not empty";
                    match error.code().map(|code| code.code()) {
                        Some("23503") => StorageError::new(409, "ResourceNotEmpty", "ResourceNotEmpty", not_empty),
                        _ => error.into(),
                    }
                })?;
                if gone == 0 {
                    return Err(StorageError::no_bucket());
                }
                transaction.commit().await?;
                Ok(response::json(200, json!({"message": "Successfully deleted"}).to_string()))
            }
            _ => Err(StorageError::no_route(method, &format!("bucket/{id}"))),
        }
    }

    async fn create_bucket(&self, lease: &mut Lease<'_>) -> Result<Response, StorageError> {
        let asked = self.request.json()?;
        let id = asked["id"].as_str().or(asked["name"].as_str()).unwrap_or_default();
        if id.is_empty() {
            return Err(StorageError::invalid("body must have required property 'name'"));
        }
        let name = asked["name"].as_str().unwrap_or(id);
        let public = asked["public"].as_bool().unwrap_or(false);
        let size_limit = asked["file_size_limit"].as_i64();
        let mime_types = asked["allowed_mime_types"].as_array();
        let mime_types: Option<Vec<&str>> = mime_types.map(|list| list.iter().filter_map(Value::as_str).collect());
        let transaction = self.begin(lease).await?;
        let sql = "insert into storage.buckets (id, name, public, file_size_limit, allowed_mime_types)
            values ($1, $2, $3, $4, $5)";
        let inserted = transaction.execute(sql, &[&id, &name, &public, &size_limit, &mime_types]).await;
        inserted.map_err(|error| match error.code().map(|code| code.code()) {
            Some("23505") => StorageError::bucket_exists(),
            _ => error.into(),
        })?;
        transaction.commit().await?;
        Ok(response::json(200, json!({"name": name}).to_string()))
    }
}
