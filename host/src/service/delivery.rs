//! Rows of the outbox, to Supabase.

use tokio::sync::watch;

use crate::signal::outbox::{Deliver, DeliverError, Inserted, Refusal, Table};
use crate::supabase::{ApiError, Class, Supabase};

/// See the module.
pub(super) struct ToSupabase {
    client: Supabase,
    proved: watch::Receiver<bool>,
}

impl ToSupabase {
    /// Nothing is sent before it is proved who this host is.
    pub(super) fn new(client: Supabase, proved: watch::Receiver<bool>) -> Self {
        Self { client, proved }
    }
}

impl Deliver for ToSupabase {
    async fn insert(
        &self,
        table: Table,
        columns: &'static [&'static str],
        rows: &[String],
    ) -> Result<Inserted, DeliverError> {
        if self.proved.clone().wait_for(|proved| *proved).await.is_err() {
            // The host ends without a proof, and the sender with it.
            std::future::pending::<()>().await;
        }
        let inserted = self.client.insert_ignoring_duplicates(table.as_str(), "id", &columns.join(","), rows).await;
        inserted.map(|inserted| Inserted { new: inserted.new }).map_err(|error| of(&error))
    }
}

/// A fault of our own request cannot be told from one of a row: the row at fault is found and set aside, the others go on.
fn of(error: &ApiError) -> DeliverError {
    let refusal = match error.class() {
        Class::Retry { .. } | Class::Incomplete { .. } => Refusal::Retry,
        Class::RetryHalved => Refusal::Halve,
        Class::TooLarge => Refusal::TooLarge,
        Class::Unauthorized | Class::Forbidden { .. } | Class::SchemaMissing | Class::NotFound => Refusal::NeedsMending,
        // Only the database can blame a row; what stands before it, and refuses without a code, refuses the request.
        Class::RowRejected | Class::AlreadyExists | Class::Bug if error.code().is_some() => Refusal::Reject,
        Class::RowRejected | Class::AlreadyExists | Class::Bug => Refusal::NeedsMending,
    };
    let code = match (error.code(), error.status()) {
        (Some(code), _) => code.to_owned(),
        (None, Some(status)) => status.to_string(),
        (None, None) => "no answer".to_owned(),
    };
    DeliverError { refusal, code, reason: error.to_string(), after: error.retry_after() }
}
