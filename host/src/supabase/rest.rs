//! Rows: read in full, written in batches, functions called. PostgREST on the other side.

use std::collections::HashSet;

use reqwest::header::{ACCEPT, CONTENT_TYPE};
use reqwest::{RequestBuilder, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use url::Url;

use super::error::{ApiError, Class};
use super::query::{Filter, Query};
use super::timeouts::{ANSWER_BYTES, BATCH_BYTES, BATCH_ROWS, PAGE_ROWS};
use super::{Service, Supabase, answer, body, send};

/// What became of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Inserted {
    /// Rows that were sent.
    pub sent: u64,
    /// Rows that were new; the others were there already.
    pub new: u64,
}

impl Supabase {
    /// Every row that the query finds, by id; its columns must include `id`. Read in pages, and the number of rows is
    /// compared with the server's own count, since a limit of the server cuts a page without a word.
    ///
    /// # Errors
    ///
    /// [`Class::Incomplete`] if rows are missing or came or went meanwhile: such a list says nothing about absent rows.
    /// A row that is no `T` fails the whole read; ask for [`Value`] to judge each row by itself.
    pub async fn select_all<T: DeserializeOwned>(&self, query: &Query) -> Result<Vec<T>, ApiError> {
        let operation = format!("read {}", query.table());
        let limit = PAGE_ROWS.to_string();
        let (mut rows, mut expected, mut last) = (Vec::new(), None, None::<String>);
        loop {
            let mut url = self.url().rest(query.table());
            url.query_pairs_mut()
                .extend_pairs(query.pairs())
                .append_pair("order", "id.asc")
                .append_pair("limit", &limit);
            if let Some(last) = &last {
                url.query_pairs_mut().append_pair("id", &format!("gt.{last}"));
            }
            let mut request = self.get(url);
            if last.is_none() {
                request = request.header("Prefer", "count=exact");
            }
            let mut response = send(&operation, Service::Rest, request).await?;
            if last.is_none() {
                expected = answer::total(response.headers());
            }
            let page: Vec<Value> = json(&operation, &mut response).await?;
            let expected = expected
                .ok_or_else(|| ApiError::own(operation.clone(), Class::Bug, "the answer has no count of the rows"))?;
            // A page that is shorter than asked for proves nothing: the server's limit may be lower than ours.
            let is_end = page.is_empty();
            for row in page {
                last = Some(next_id(&operation, &row, last.as_deref())?);
                rows.push(typed(&operation, row)?);
            }
            let got = u64::try_from(rows.len()).unwrap_or(u64::MAX);
            if got > expected || (is_end && got < expected) {
                let class = Class::Incomplete { expected, got };
                return Err(ApiError::own(operation, class, format!("{got} of {expected} rows came")));
            }
            if is_end {
                return Ok(rows);
            }
        }
    }

    /// At most `limit` rows that the query finds, in its order. That there are no more rows is not said.
    ///
    /// # Errors
    ///
    /// As the class says; also if a row is no `T`.
    pub async fn select<T: DeserializeOwned>(&self, query: &Query, limit: usize) -> Result<Vec<T>, ApiError> {
        let operation = format!("read {}", query.table());
        let mut url = self.url().rest(query.table());
        url.query_pairs_mut().extend_pairs(query.pairs()).append_pair("limit", &limit.to_string());
        if let Some(order) = query.ordered_by() {
            url.query_pairs_mut().append_pair("order", order);
        }
        let mut response = send(&operation, Service::Rest, self.get(url)).await?;
        json(&operation, &mut response).await
    }

    /// How many rows the query finds.
    ///
    /// # Errors
    ///
    /// As the class says.
    pub async fn count(&self, query: &Query) -> Result<u64, ApiError> {
        let operation = format!("count {}", query.table());
        let mut url = self.url().rest(query.table());
        url.query_pairs_mut().extend_pairs(query.pairs());
        let request = self.http().head(url).header("Prefer", "count=exact");
        let response = send(&operation, Service::Rest, request).await?;
        answer::total(response.headers())
            .ok_or_else(|| ApiError::own(operation, Class::Bug, "the answer has no count of the rows"))
    }

    /// Calls a function of the database.
    ///
    /// # Errors
    ///
    /// As the class says; also if the result is no `T`.
    pub async fn rpc<T: DeserializeOwned>(&self, function: &str, arguments: &impl Serialize) -> Result<T, ApiError> {
        let operation = format!("call {function}");
        let request = self.http().post(self.url().rpc(function)).json(arguments);
        let mut response = send(&operation, Service::Rest, request).await?;
        json(&operation, &mut response).await
    }

    /// Inserts rows, but for those whose `on_conflict` columns are those of a row that is there: sending a batch again is
    /// harmless. All rows go in or none does. Each of `rows` is a JSON object; of its keys those in `columns` are written,
    /// and a missing one gets the column's default.
    ///
    /// # Errors
    ///
    /// [`Class::TooLarge`] before anything is sent, if there are more than [`BATCH_ROWS`] rows or [`BATCH_BYTES`] bytes.
    /// [`Class::RowRejected`]: one of the rows is refused for good.
    pub async fn insert_ignoring_duplicates(
        &self,
        table: &str,
        on_conflict: &str,
        columns: &str,
        rows: &[impl AsRef<str>],
    ) -> Result<Inserted, ApiError> {
        const IGNORE: &str = "resolution=ignore-duplicates";
        let operation = format!("insert into {table}");
        if rows.is_empty() {
            return Ok(Inserted { sent: 0, new: 0 });
        }
        let body = array(&operation, rows)?;
        let mut url = self.url().rest(table);
        url.query_pairs_mut().append_pair("on_conflict", on_conflict).append_pair("columns", columns);
        let prefer = format!("{IGNORE},return=minimal,missing=default,count=exact");
        let response = send(&operation, Service::Rest, self.post(url, body, &prefer)).await?;
        let headers = response.headers();
        if !answer::applied(headers, IGNORE) {
            let reason = "the server does not say that it ignores duplicates";
            return Err(ApiError::own(operation, Class::Bug, reason));
        }
        let sent = u64::try_from(rows.len()).unwrap_or(u64::MAX);
        let new = answer::total(headers).filter(|new| *new <= sent);
        let new =
            new.ok_or_else(|| ApiError::own(operation, Class::Bug, "the server does not say how many rows were new"))?;
        Ok(Inserted { sent, new })
    }

    /// Inserts rows, and overwrites the `columns` of those that are there by `on_conflict`, in batches. Each of `rows` is
    /// a JSON object.
    ///
    /// # Errors
    ///
    /// [`Class::Bug`] before anything is sent, if two rows have the same key: PostgreSQL refuses that. Otherwise as the
    /// class says; batches before the one that failed are written, and may be sent again.
    pub async fn upsert(&self, table: &str, on_conflict: &str, columns: &str, rows: &[Value]) -> Result<(), ApiError> {
        let operation = format!("upsert into {table}");
        let mut keys = HashSet::new();
        let key = |row: &Value| -> Vec<String> {
            on_conflict.split(',').map(|column| row.get(column).unwrap_or(&Value::Null).to_string()).collect()
        };
        if !rows.iter().all(|row| keys.insert(key(row))) {
            return Err(ApiError::own(operation, Class::Bug, "two rows have the same key"));
        }
        let mut url = self.url().rest(table);
        url.query_pairs_mut().append_pair("on_conflict", on_conflict).append_pair("columns", columns);
        let rows: Vec<String> = rows.iter().map(Value::to_string).collect();
        for batch in batches(&rows) {
            let body = array(&operation, batch)?;
            let prefer = "resolution=merge-duplicates,return=minimal,missing=default";
            send(&operation, Service::Rest, self.post(url.clone(), body, prefer)).await?;
        }
        Ok(())
    }

    /// Changes the rows that pass the filter; their number, as far as this key may see them. The table must have an `id`.
    ///
    /// # Errors
    ///
    /// As the class says.
    pub async fn patch(&self, table: &str, filter: &Filter, changes: &impl Serialize) -> Result<u64, ApiError> {
        let operation = format!("update {table}");
        let mut url = self.url().rest(table);
        let terms = filter.terms().iter().map(|(column, condition)| (column.as_str(), condition.as_str()));
        url.query_pairs_mut().extend_pairs(terms).append_pair("select", "id");
        let request = self.http().patch(url).header("Prefer", "return=representation").json(changes);
        let mut response = send(&operation, Service::Rest, request).await?;
        let changed: Vec<Value> = json(&operation, &mut response).await?;
        Ok(u64::try_from(changed.len()).unwrap_or(u64::MAX))
    }

    fn get(&self, url: Url) -> RequestBuilder {
        self.http().get(url).header(ACCEPT, "application/json")
    }

    fn post(&self, url: Url, body: String, prefer: &str) -> RequestBuilder {
        self.http().post(url).header(CONTENT_TYPE, "application/json").header("Prefer", prefer).body(body)
    }
}

/// The id of a row that must come after the last one: otherwise the pages would never end.
fn next_id(operation: &str, row: &Value, last: Option<&str>) -> Result<String, ApiError> {
    let bug = |reason| ApiError::own(operation.to_owned(), Class::Bug, reason);
    let id = row.get("id").and_then(Value::as_str).ok_or_else(|| bug("a row has no id"))?;
    if last.is_some_and(|last| id <= last) {
        return Err(bug("rows do not come in the order of their ids"));
    }
    Ok(id.to_owned())
}

/// A JSON array of JSON objects.
fn array(operation: &str, rows: &[impl AsRef<str>]) -> Result<String, ApiError> {
    let bytes = rows.iter().map(|row| row.as_ref().len() + 1).sum::<usize>() + 1;
    if rows.len() > BATCH_ROWS || bytes > BATCH_BYTES {
        let reason = format!("{} rows of {bytes} bytes are more than a batch may have", rows.len());
        return Err(ApiError::own(operation.to_owned(), Class::TooLarge, reason));
    }
    let mut array = String::with_capacity(bytes);
    for row in rows {
        array.push(if array.is_empty() { '[' } else { ',' });
        array.push_str(row.as_ref());
    }
    array.push(']');
    Ok(array)
}

/// Splits rows at the limits of a batch. A row that is too large alone stays alone, and is refused.
fn batches(mut rows: &[String]) -> Vec<&[String]> {
    let mut batches = Vec::new();
    while !rows.is_empty() {
        let mut bytes = 1;
        let fits = rows.iter().take(BATCH_ROWS).take_while(|row| {
            bytes += row.len() + 1;
            bytes <= BATCH_BYTES
        });
        let (batch, rest) = rows.split_at(fits.count().max(1));
        batches.push(batch);
        rows = rest;
    }
    batches
}

async fn json<T: DeserializeOwned>(operation: &str, response: &mut Response) -> Result<T, ApiError> {
    let bytes = body(operation, response, ANSWER_BYTES).await?;
    serde_json::from_slice(&bytes).map_err(|error| {
        // A page of a gateway says nothing about our request; JSON of another shape does.
        let is_json = !bytes.trim_ascii_start().starts_with(b"<") && error.is_data();
        let class = if is_json { Class::Bug } else { Class::Retry { after: None } };
        let reason = if is_json { "the answer has another shape than expected" } else { "the answer is not json" };
        ApiError::own(operation.to_owned(), class, reason).with_status(response.status().as_u16())
    })
}

fn typed<T: DeserializeOwned>(operation: &str, row: Value) -> Result<T, ApiError> {
    serde_json::from_value(row)
        .map_err(|_| ApiError::own(operation.to_owned(), Class::Bug, "a row has another shape than expected"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_stay_within_their_limits_and_keep_every_row() {
        let rows: Vec<String> = (0..450).map(|row| format!("{{\"row\":{row}}}")).collect();
        let sizes: Vec<usize> = batches(&rows).iter().map(|batch| batch.len()).collect();
        assert_eq!(sizes, [200, 200, 50]);
        let large: Vec<String> = ["x".repeat(BATCH_BYTES - 10), "y".repeat(100), "z".repeat(2 * BATCH_BYTES)].into();
        assert_eq!(batches(&large).iter().map(|batch| batch.len()).collect::<Vec<_>>(), [1, 1, 1]);
        assert!(batches(&[]).is_empty());
        for batch in batches(&rows) {
            let array: Vec<Value> = serde_json::from_str(&array("x", batch).unwrap()).unwrap();
            assert_eq!(array.len(), batch.len());
        }
        assert_eq!(array("x", &large[2..]).unwrap_err().class(), &Class::TooLarge);
    }
}
