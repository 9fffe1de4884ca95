//! Listing a folder of a bucket.

use std::collections::BTreeMap;

use axum::response::Response;
use serde_json::{Value, json};

use super::Service;
use super::error::StorageError;
use crate::pool::Lease;
use crate::response;

impl Service<'_> {
    /// Names are relative to the folder; what lies in a folder below stands as that folder, without an id.
    pub(super) async fn list(&self, lease: &mut Lease<'_>, bucket: &str) -> Result<Response, StorageError> {
        let asked = self.request.json()?;
        let prefix = asked["prefix"].as_str().unwrap_or_default().trim_matches('/');
        let folder = if prefix.is_empty() { String::new() } else { format!("{prefix}/") };
        let number = |key: &str, default| asked[key].as_u64().and_then(|n| usize::try_from(n).ok()).unwrap_or(default);
        let search = asked["search"].as_str().unwrap_or_default().to_lowercase();
        let transaction = self.begin(lease).await?;
        let sql = "
            select substr(name, char_length($2) + 1), jsonb_build_object('id', id, 'updated_at', updated_at,
                'created_at', created_at, 'last_accessed_at', last_accessed_at, 'metadata', metadata)
            from storage.objects where bucket_id = $1 and starts_with(name, $2)";
        let rows = transaction.query(sql, &[&bucket, &folder]).await?;
        transaction.commit().await?;
        let mut entries: BTreeMap<String, Value> = BTreeMap::new();
        for row in rows {
            let name: String = row.get(0);
            let (name, entry) = match name.split_once('/') {
                Some((folder, _)) => {
                    let empty = json!({"id": null, "updated_at": null, "created_at": null, "last_accessed_at": null,
                        "metadata": null});
                    (folder.to_owned(), empty)
                }
                None => (name, row.get(1)),
            };
            entries.entry(name).or_insert(entry);
        }
        let mut list: Vec<Value> = entries
            .into_iter()
            .filter(|(name, _)| name.to_lowercase().contains(&search))
            .map(|(name, mut entry)| {
                entry["name"] = Value::String(name);
                entry
            })
            .collect();
        if asked["sortBy"]["order"] == "desc" {
            list.reverse();
        }
        let page: Vec<Value> = list.into_iter().skip(number("offset", 0)).take(number("limit", 100)).collect();
        Ok(response::json(200, Value::Array(page).to_string()))
    }
}
