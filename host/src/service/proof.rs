//! Before anything runs: that the key is a service role's, that the database is as the host needs it, and whose app this is.

use std::time::{Duration, Instant};

use super::StartError;
use super::health::Health;
use crate::config::{Misconfigured, RunModeEnv, SUPABASE_SERVICE_ROLE_KEY};
use crate::registry::Selfcheck;
use crate::supabase::{ApiError, Class, Filter, Query, Supabase, timeouts};

/// Asks until there is an answer. An outage is no fault of the configuration: the host waits for its end, unready.
pub(super) async fn prove(client: &Supabase, env: &RunModeEnv, health: &Health) -> Result<Selfcheck, StartError> {
    let mut waits = timeouts::Waits::of_requests();
    let mut missing_since: Option<Instant> = None;
    let mut told = None;
    loop {
        let error = match Selfcheck::ask(client, env).await {
            Ok(check) => return judge(check, health),
            Err(error) => error,
        };
        if let Some(problem) = misconfigured(&error) {
            // After a migration the gateway may not know a function for a while.
            let since = *missing_since.get_or_insert_with(Instant::now);
            if !matches!(error.class(), Class::SchemaMissing) || since.elapsed() >= timeouts::SCHEMA_CACHE {
                return Err(problem);
            }
        }
        let text = error.to_string();
        if told.as_ref() != Some(&text) {
            tracing::warn!("{text}; nothing runs until the project answers");
            health.bad_read(text.clone());
            told = Some(text);
        }
        let most = if missing_since.is_some() { Duration::from_secs(5) } else { timeouts::RETRY_MOST };
        tokio::time::sleep(waits.next(error.retry_after()).min(most)).await;
    }
}

/// Just before the close of the newest signal that this host, or one before it, has written: other signals of that close may be
/// missing. None if there is none, or the project does not say.
pub(super) async fn newest_signal_ms(client: &Supabase, env: &RunModeEnv) -> Option<i64> {
    let of_this_host = match env {
        RunModeEnv::SharedBackend { .. } => Filter::is_null("user_id"),
        RunModeEnv::UserDedicated { user, .. } => Filter::eq("user_id", user),
    };
    // Those of the old host, which has no provenance, say nothing of how far this one had come.
    let filter = of_this_host.and(Filter::eq("source", "cloud")).and(Filter::is_not_null("provenance"));
    let query = Query::new("signals", "id,timestamp").filter(filter).order("timestamp.desc");
    match client.select::<serde_json::Value>(&query, 1).await {
        Ok(rows) => {
            let timestamp = rows.first()?.get("timestamp")?.as_str()?.parse::<jiff::Timestamp>().ok()?;
            Some(timestamp.as_millisecond() - 1)
        }
        Err(error) => {
            tracing::warn!(%error, "it is not known how far this host had come, so it begins with the next close");
            None
        }
    }
}

/// What a person has to mend.
fn misconfigured(error: &ApiError) -> Option<StartError> {
    let key = |problem: &str, fix: &str| {
        StartError::Misconfigured(Misconfigured::value(&SUPABASE_SERVICE_ROLE_KEY, "", problem, fix))
    };
    const FIX: &str = "set it to the service role key or an sb_secret_ key of the project in SUPABASE_URL";
    match error.class() {
        Class::Unauthorized => Some(key("is refused by the project", FIX)),
        Class::Forbidden { .. } => {
            // The grant may be missing as well, and then another key would not help.
            let fix = format!("{FIX}; if it is one, apply the migrations in supabase/migrations");
            Some(key("may not call host_selfcheck, so it is not a service role's", &fix))
        }
        Class::SchemaMissing => Some(StartError::Project(
            "the database has no function host_selfcheck; apply the migrations in supabase/migrations".to_owned(),
        )),
        _ => None,
    }
}

fn judge(check: Selfcheck, health: &Health) -> Result<Selfcheck, StartError> {
    let faults: Vec<String> = check.faults().iter().map(ToString::to_string).collect();
    if !faults.is_empty() {
        return Err(StartError::Project(faults.join(" | ")));
    }
    if !check.traders_in_publication {
        tracing::warn!(
            "traders is not in the publication supabase_realtime, so changes are found by polling; \
             apply the migrations in supabase/migrations"
        );
    }
    health.proved();
    Ok(check)
}
