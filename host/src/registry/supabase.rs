//! The registry of production: tables of a Supabase project, and modules of its storage.
//!
//! It asks broadly (every row of the user, every built-in) and leaves the verdict to `ownership`, so that a row that contradicts
//! itself is told instead of overlooked. A list that is short is read twice before it counts.

mod row;
mod selfcheck;

use std::collections::BTreeSet;

use serde_json::Value;
use tokio::runtime::Handle;

pub use row::COLUMNS;
pub use selfcheck::{Bucket, Fault, Selfcheck, TraderCounts};

use super::{ModuleRef, Registry, RegistryError, Snapshot};
use crate::config::RunModeEnv;
use crate::ids::TraderId;
use crate::sandbox::limits::MODULE_BYTES;
use crate::supabase::{ApiError, Class, Filter, MODULE_BUCKET, Query, StorageError, Supabase};

/// See the module. Its calls wait, so it belongs to a thread of its own.
pub struct SupabaseRegistry {
    client: Supabase,
    runtime: Handle,
    env: RunModeEnv,
    /// The rows of the last read that counted.
    known: BTreeSet<TraderId>,
    /// Told when the key is refused.
    refused: Box<dyn FnMut(&ApiError) + Send>,
}

impl SupabaseRegistry {
    /// A registry of the rows that this run mode is about.
    pub fn new(client: Supabase, runtime: Handle, env: RunModeEnv, refused: Box<dyn FnMut(&ApiError) + Send>) -> Self {
        Self { client, runtime, env, known: BTreeSet::new(), refused }
    }

    /// Rows that were there when the host last stopped: a first list without them is not believed at once either.
    #[must_use]
    pub fn knowing(mut self, known: impl IntoIterator<Item = TraderId>) -> Self {
        self.known.extend(known);
        self
    }

    async fn rows(&self) -> Result<Vec<Value>, ApiError> {
        let filter = match &self.env {
            RunModeEnv::UserDedicated { user, .. } => Filter::eq("user_id", user),
            RunModeEnv::SharedBackend { .. } => Filter::is("is_built_in", true).either(Filter::is_null("user_id")),
        };
        self.client.select_all(&Query::new("traders", COLUMNS).filter(filter)).await
    }

    /// A list that lacks rows which were there counts when a second read, after a proof of privilege, says the same: without
    /// privilege every list is empty. The proof counts the rows as well, so a list that is cut on its way stays without effect.
    async fn read(&self) -> Result<Snapshot, ApiError> {
        let first = self.snapshot_of(self.rows().await?);
        if self.lacks_nothing(&first) {
            return Ok(first);
        }
        let check = Selfcheck::ask(&self.client, &self.env).await?;
        if let Some(fault) = check.faults().first() {
            return Err(ApiError::needs_mending("read traders", fault.what.clone(), fault.fix));
        }
        let second = self.snapshot_of(self.rows().await?);
        let (counted, came) = (self.counted(check.traders.as_ref()), second.traders.len() as u64);
        if came < counted {
            let reason = format!("{came} rows came, and the database counts {counted}");
            return Err(ApiError::suspicious("read traders", reason));
        }
        let gone = |snapshot: &Snapshot| -> BTreeSet<TraderId> { &self.known - &ids(snapshot) };
        if gone(&first) == gone(&second) {
            return Ok(second);
        }
        if self.lacks_nothing(&second) {
            return Ok(second);
        }
        Err(ApiError::suspicious("read traders", "two reads in a row differ in what they lack"))
    }

    /// Rows that the list must have at least.
    fn counted(&self, counts: Option<&TraderCounts>) -> u64 {
        counts.map_or(0, |counts| match &self.env {
            RunModeEnv::UserDedicated { .. } => counts.of_user,
            RunModeEnv::SharedBackend { .. } => counts.built_in,
        })
    }

    fn lacks_nothing(&self, snapshot: &Snapshot) -> bool {
        self.known.is_subset(&ids(snapshot))
    }

    fn snapshot_of(&self, rows: Vec<Value>) -> Snapshot {
        Snapshot {
            enabled_at: rows.iter().filter_map(|row| row::time(row, "enabled_at")).collect(),
            disabled_at: rows.iter().filter_map(row::disabled_at).collect(),
            traders: rows.into_iter().map(row::decode).collect(),
            ..Snapshot::default()
        }
    }
}

fn ids(snapshot: &Snapshot) -> BTreeSet<TraderId> {
    snapshot
        .traders
        .iter()
        .filter_map(|row| match row {
            Ok(row) => Some(row.id),
            Err(invalid) => invalid.id,
        })
        .collect()
}

impl Registry for SupabaseRegistry {
    fn snapshot(&mut self) -> Result<Snapshot, RegistryError> {
        match self.runtime.block_on(self.read()) {
            Ok(snapshot) => {
                self.known = ids(&snapshot);
                Ok(snapshot)
            }
            Err(error) => {
                if matches!(error.class(), Class::Unauthorized | Class::Forbidden { .. }) {
                    (self.refused)(&error);
                }
                Err(RegistryError::new(error.to_string()))
            }
        }
    }

    fn module(&mut self, module: &ModuleRef) -> Result<Vec<u8>, RegistryError> {
        let download = self.client.download(MODULE_BUCKET, &module.place, &module.digest, MODULE_BYTES);
        self.runtime.block_on(download).map_err(|error| match &error {
            StorageError::Api(error) if *error.class() == Class::NotFound => RegistryError::new(format!(
                "module {}… is not in the storage at {}; publish it again",
                module.digest.short(),
                module.place
            )),
            _ => RegistryError::new(error.to_string()),
        })
    }
}
