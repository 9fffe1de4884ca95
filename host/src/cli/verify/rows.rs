//! What the database holds, read once for all tests.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use crate::cli::failure::Failure;
use crate::cli::project::Project;
use crate::ids::{FlyAppId, TraderId, UserId};
use crate::supabase::{Filter, Query};

/// A trader.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct TraderRow {
    pub(super) id: TraderId,
    pub(super) name: String,
    pub(super) is_built_in: Option<bool>,
    pub(super) user_id: Option<UserId>,
    pub(super) enabled: Option<bool>,
    pub(super) module_sha256: Option<String>,
    pub(super) disabled_at: Option<Timestamp>,
    pub(super) enabled_at: Option<Timestamp>,
}

/// A signal of a host.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct SignalRow {
    pub(super) trader_id: TraderId,
    pub(super) user_id: Option<UserId>,
    pub(super) fly_app_id: Option<FlyAppId>,
    pub(super) timestamp: Timestamp,
}

/// The app of a user.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct AppRow {
    pub(super) id: FlyAppId,
    pub(super) user_id: UserId,
}

/// What a host says of a trader.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct StateRow {
    pub(super) trader_id: TraderId,
    pub(super) state: Option<String>,
    metadata: Option<Value>,
}

impl StateRow {
    pub(super) fn is_running(&self) -> bool {
        self.state.as_deref() == Some("running")
    }

    /// The run mode of the host that wrote it.
    pub(super) fn run_mode(&self) -> Option<&str> {
        self.metadata.as_ref()?.get("run_mode")?.as_str()
    }
}

/// All of it.
#[derive(Debug, Default)]
pub(super) struct Rows {
    pub(super) traders: BTreeMap<TraderId, TraderRow>,
    pub(super) signals: Vec<SignalRow>,
    pub(super) apps: Vec<AppRow>,
    pub(super) states: Vec<StateRow>,
}

impl Rows {
    /// Signals that were written since then; up to now, so that their number stands still while they are read.
    pub(super) async fn read(project: &Project, since: Timestamp) -> Result<Self, Failure> {
        let until = Timestamp::now();
        let columns = "id,name,is_built_in,user_id,enabled,module_sha256,disabled_at,enabled_at";
        let traders = Query::new("traders", columns);
        let apps = Query::new("user_fly_apps", "id,user_id");
        let states = Query::new("trader_state", "id,trader_id,state,metadata");
        let signals = Query::new("signals", "id,trader_id,user_id,fly_app_id,timestamp").filter(
            Filter::eq("source", "cloud").and(Filter::gte("created_at", since)).and(Filter::lte("created_at", until)),
        );
        let client = &project.client;
        let traders: Vec<TraderRow> = project.tried(|| client.select_all(&traders)).await?;
        Ok(Self {
            traders: traders.into_iter().map(|trader| (trader.id, trader)).collect(),
            apps: project.tried(|| client.select_all(&apps)).await?,
            states: project.tried(|| client.select_all(&states)).await?,
            signals: project.tried(|| client.select_all(&signals)).await?,
        })
    }
}
