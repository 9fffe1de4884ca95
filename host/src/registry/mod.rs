//! Where trader rows and modules come from. A registry reports what is written; it never decides who may run.

pub mod directory;
mod supabase;

pub use supabase::{Bucket, COLUMNS, Fault, Selfcheck, SupabaseRegistry, TraderCounts};

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::ids::{FlyAppId, TraderId, UserId};
use crate::module::digest::Digest;

/// A row of `traders`, as written. Booleans are nullable in the database; what a null means is for `ownership` to say.
#[derive(Debug, Clone, PartialEq)]
pub struct TraderRow {
    /// `id`.
    pub id: TraderId,
    /// `name`.
    pub name: String,
    /// `is_built_in`.
    pub is_built_in: Option<bool>,
    /// `user_id`, null for built-ins.
    pub user_id: Option<UserId>,
    /// `enabled`.
    pub enabled: Option<bool>,
    /// Its module; `None` when the row names none, or when the registry did not look because the row cannot run anyway.
    pub module: Option<ModuleRef>,
    /// `params`.
    pub params: Map<String, Value>,
}

/// A module of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModuleRef {
    /// Which bytes.
    pub digest: Digest,
    /// Where they lie: a path in the folder, a key in the storage.
    pub place: String,
}

/// A row of `user_fly_apps`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserFlyApp {
    /// `id`.
    pub id: FlyAppId,
    /// `user_id`.
    pub user_id: UserId,
    /// `fly_app_name`.
    pub fly_app_name: String,
    /// `status`.
    pub status: Option<String>,
    /// `deleted_at`.
    pub deleted_at: Option<String>,
}

impl UserFlyApp {
    /// Whether either column says that the app is gone.
    pub fn is_deleted(&self) -> bool {
        self.deleted_at.is_some() || self.status.as_deref() == Some("deleted")
    }
}

/// A row that cannot be read. It is quarantined alone; its neighbours run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidRow {
    /// Its id, if that much could be read.
    pub id: Option<TraderId>,
    /// Its name and place, ready to be shown.
    pub name: String,
    /// What is wrong and what to do; several lines when it is a compiler's.
    pub reason: String,
}

impl fmt::Display for InvalidRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "trader {}: {}", self.name, self.reason)
    }
}

/// Everything a registry holds at one moment.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Snapshot {
    /// `traders`.
    pub traders: Vec<Result<TraderRow, InvalidRow>>,
    /// `user_fly_apps`.
    pub user_fly_apps: Vec<UserFlyApp>,
    /// When traders were last enabled, where the registry keeps that.
    pub enabled_at: BTreeMap<TraderId, Timestamp>,
    /// When traders were last disabled, where the registry keeps that.
    pub disabled_at: BTreeMap<TraderId, Timestamp>,
    /// What went wrong without stopping a trader, such as a failed build beside a last good one.
    pub problems: Vec<String>,
}

/// Why a registry cannot answer. The caller keeps the last good set.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct RegistryError(String);

impl RegistryError {
    /// An error with this message: what failed with which value, then what to do.
    pub fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}

/// A source of rows and modules.
pub trait Registry: Send {
    /// All rows, complete or not at all.
    fn snapshot(&mut self) -> Result<Snapshot, RegistryError>;

    /// The bytes of a module that a snapshot named. Whoever parses them hashes them first.
    fn module(&mut self, module: &ModuleRef) -> Result<Vec<u8>, RegistryError>;
}
