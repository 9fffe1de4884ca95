//! What the database says of this host: role, schema, grants, and the app's row, in one call that only a service role may make.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::config::RunModeEnv;
use crate::ids::{FlyAppId, UserId};
use crate::registry::UserFlyApp;
use crate::supabase::{ApiError, Supabase};

/// The reply of `host_selfcheck`.
#[derive(Debug, Clone, Deserialize)]
pub struct Selfcheck {
    /// `current_user`.
    pub role: String,
    /// Whether row-level security does not apply to it.
    pub bypasses_rls: bool,
    /// The clock of the database.
    pub database_time: Timestamp,
    /// Tables and columns that the host uses and that are not there.
    pub missing: Vec<String>,
    /// Privileges that the role lacks.
    pub missing_grants: Vec<String>,
    /// Whether `signals.id` is unique, without which a repeated insert would double.
    pub signals_id_unique: bool,
    /// Whether changes of `traders` are published.
    pub traders_in_publication: bool,
    /// The bucket of the modules; none where there is no storage, or the role may not look.
    pub bucket: Option<Bucket>,
    /// Rows of `user_fly_apps` with the name of this app, or of its user.
    pub apps: Vec<AppRow>,
    /// How many rows there are; none where the role may not read them.
    pub traders: Option<TraderCounts>,
}

/// The bucket of the modules.
#[derive(Debug, Clone, Deserialize)]
pub struct Bucket {
    /// Whether it is there.
    pub exists: bool,
    /// Whether everybody may read it.
    pub public: bool,
}

/// How many rows of `traders` there are.
#[derive(Debug, Clone, Deserialize)]
pub struct TraderCounts {
    /// All.
    pub total: u64,
    /// `is_built_in`.
    pub built_in: u64,
    /// Of the user.
    pub of_user: u64,
    /// Enabled ones that this host may run.
    pub enabled_owned: u64,
}

/// A row of `user_fly_apps`.
#[derive(Debug, Clone, Deserialize)]
pub struct AppRow {
    id: FlyAppId,
    user_id: UserId,
    fly_app_name: String,
    status: Option<String>,
    deleted_at: Option<String>,
}

/// Something that is not as the host needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// What.
    pub what: String,
    /// What to do.
    pub fix: &'static str,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; {}", self.what, self.fix)
    }
}

#[derive(Serialize)]
struct Question<'a> {
    run_mode: &'static str,
    user_id: Option<UserId>,
    fly_app_name: Option<&'a str>,
}

const MIGRATE: &str = "apply the migrations in supabase/migrations";

impl Selfcheck {
    /// Asks.
    ///
    /// # Errors
    ///
    /// As any call; a role that may not ask is refused.
    pub async fn ask(client: &Supabase, env: &RunModeEnv) -> Result<Self, ApiError> {
        let question = match env {
            RunModeEnv::SharedBackend { fly_app_name } => Question {
                run_mode: "shared_backend",
                user_id: None,
                fly_app_name: fly_app_name.as_ref().map(crate::config::FlyAppName::as_str),
            },
            RunModeEnv::UserDedicated { user, fly_app_name } => {
                Question { run_mode: "user_dedicated", user_id: Some(*user), fly_app_name: Some(fly_app_name.as_str()) }
            }
        };
        client.rpc("host_selfcheck", &question).await
    }

    /// Everything that keeps the host from its work.
    #[must_use]
    pub fn faults(&self) -> Vec<Fault> {
        let mut faults = Vec::new();
        let mut fault = |what: String, fix| faults.push(Fault { what, fix });
        if !self.bypasses_rls {
            fault(
                format!("SUPABASE_SERVICE_ROLE_KEY acts as role {}, which row-level security applies to", self.role),
                "set it to the service role key or an sb_secret_ key of this project",
            );
        }
        if !self.missing.is_empty() {
            fault(format!("the database lacks {}", self.missing.join(", ")), MIGRATE);
        }
        if !self.missing_grants.is_empty() {
            fault(format!("role {} lacks {}", self.role, self.missing_grants.join(", ")), MIGRATE);
        }
        if !self.signals_id_unique {
            fault("signals.id is not unique, so a repeated insert would double a signal".to_owned(), MIGRATE);
        }
        match &self.bucket {
            Some(Bucket { exists: false, .. }) => {
                fault("there is no bucket trader-modules in the storage".to_owned(), MIGRATE);
            }
            Some(Bucket { public: true, .. }) => {
                fault("the bucket trader-modules is public".to_owned(), "make it private in the dashboard");
            }
            _ => {}
        }
        faults
    }

    /// The rows from which a scope is resolved.
    #[must_use]
    pub fn user_fly_apps(&self) -> Vec<UserFlyApp> {
        let app = |row: &AppRow| UserFlyApp {
            id: row.id,
            user_id: row.user_id,
            fly_app_name: row.fly_app_name.clone(),
            status: row.status.clone(),
            deleted_at: row.deleted_at.clone(),
        };
        self.apps.iter().map(app).collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn reply() -> Value {
        json!({
            "role": "service_role", "bypasses_rls": true, "database_time": "2026-01-05T10:42:52.814836+00:00",
            "missing": [], "missing_grants": [], "signals_id_unique": true, "traders_in_publication": true,
            "bucket": {"exists": true, "public": false},
            "apps": [{"id": "00000000-0000-4000-8000-000000000001", "user_id": "63eea370-27a1-4099-866a-e3ed340b278d",
                      "fly_app_name": "vyx-user-35682909", "status": "active", "deleted_at": null}],
            "traders": {"total": 3, "built_in": 2, "of_user": 1, "enabled_owned": 1},
        })
    }

    fn faults(change: impl FnOnce(&mut Value)) -> Vec<String> {
        let mut reply = reply();
        change(&mut reply);
        let check: Selfcheck = serde_json::from_value(reply).unwrap();
        check.faults().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_good_reply_has_no_faults() {
        assert_eq!(faults(|_| ()), [] as [&str; 0]);
        let check: Selfcheck = serde_json::from_value(reply()).unwrap();
        assert_eq!(check.user_fly_apps()[0].fly_app_name, "vyx-user-35682909");
    }

    #[test]
    fn every_fault_is_named_with_its_fix() {
        let told = faults(|reply| {
            reply["missing"] = json!(["traders.module_sha256"]);
            reply["missing_grants"] = json!(["signals: INSERT"]);
            reply["bucket"]["exists"] = json!(false);
        });
        assert_eq!(
            told,
            [
                "the database lacks traders.module_sha256; apply the migrations in supabase/migrations",
                "role service_role lacks signals: INSERT; apply the migrations in supabase/migrations",
                "there is no bucket trader-modules in the storage; apply the migrations in supabase/migrations",
            ]
        );
        let told = faults(|reply| {
            reply["role"] = json!("anon");
            reply["bypasses_rls"] = json!(false);
        });
        assert!(told[0].contains("acts as role anon"), "{told:?}");
    }
}
