//! Waits until the host says what became of a version.

use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::Value;

use super::{Passing, Progress, Project};
use crate::cli::failure::Failure;
use crate::ids::TraderId;
use crate::supabase::{ApiError, Filter, Query};
use crate::text::shown;

/// Between two looks.
const LOOK: Duration = Duration::from_millis(500);
/// A reason that was there before counts once the host has had this long: two polls at their longest.
const SAME_REASON: Duration = Duration::from_secs(72);
/// Bytes of a host's reason that are shown.
const REASON_BYTES: usize = 600;

/// What the host said of a trader.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
pub(super) struct Said {
    state: Option<String>,
    metadata: Option<Value>,
    updated_at: Option<String>,
}

impl Said {
    fn of_metadata(&self, key: &str) -> Option<&str> {
        self.metadata.as_ref()?.get(key)?.as_str()
    }
}

/// What became of a version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Settled {
    Running,
    /// The trader is switched off.
    Disabled,
    /// With the host's reason.
    Refused(String),
    /// Nobody said anything in time; whether any host ever did.
    Silent {
        ever: bool,
    },
}

/// Which version of which trader.
pub(super) struct Watched {
    pub(super) trader: TraderId,
    pub(super) module_sha256: String,
    pub(super) params_sha256: String,
    /// What was said before it was set.
    pub(super) before: Option<Said>,
}

/// What the host last said of a trader.
pub(super) async fn said(project: &Project, trader: TraderId) -> Result<Option<Said>, ApiError> {
    let query = Query::new("trader_state", "state,metadata,updated_at").filter(Filter::eq("trader_id", trader));
    Ok(project.client.select::<Said>(&query, 1).await?.pop())
}

async fn is_disabled(project: &Project, trader: TraderId) -> Result<bool, ApiError> {
    #[derive(Deserialize)]
    struct Row {
        enabled: Option<bool>,
    }
    let query = Query::new("traders", "enabled").filter(Filter::eq("id", trader));
    let row: Option<Row> = project.client.select(&query, 1).await?.pop();
    Ok(row.is_some_and(|row| row.enabled == Some(false)))
}

impl Watched {
    /// What follows from what is said now, `since` the row was set.
    fn judge(&self, now: Option<&Said>, since: Duration) -> Option<Settled> {
        let now = now?;
        let is = |key: &str, value: &str| now.of_metadata(key) == Some(value);
        if now.state.as_deref() == Some("running")
            && is("module_sha256", &self.module_sha256)
            && is("params_sha256", &self.params_sha256)
            && now.of_metadata("reason").is_none()
        {
            return Some(Settled::Running);
        }
        let reason = now.of_metadata("reason")?;
        let before = self.before.as_ref();
        let is_old = before.is_some_and(|before| before.updated_at == now.updated_at);
        let is_same = before.and_then(|before| before.of_metadata("reason")) == Some(reason);
        if is_old || (is_same && since < SAME_REASON) {
            return None;
        }
        let runs = match now.of_metadata("module_sha256") {
            Some(other) if now.state.as_deref() == Some("running") && other != self.module_sha256 => {
                format!("; {} runs on", shown(other, 12))
            }
            _ => String::new(),
        };
        Some(Settled::Refused(format!("{}{runs}", shown(reason, REASON_BYTES))))
    }
}

/// Waits for the host's word.
pub(super) async fn settle(
    project: &Project,
    watched: &Watched,
    timeout: Duration,
    progress: &Progress,
) -> Result<Settled, Failure> {
    let began = Instant::now();
    let mut ever = false;
    loop {
        let looked = async {
            if is_disabled(project, watched.trader).await? {
                return Ok((true, None));
            }
            Ok((false, said(project, watched.trader).await?))
        };
        match looked.await {
            Ok((true, _)) => return Ok(Settled::Disabled),
            Ok((false, now)) => {
                ever |= now.is_some();
                if let Some(settled) = watched.judge(now.as_ref(), began.elapsed()) {
                    return Ok(settled);
                }
            }
            // An outage is waited for as long as the host is.
            Err(error) if Passing::passes(&error).is_some() => {}
            Err(error) => return Err(project.failure(&error)),
        }
        let left = timeout.saturating_sub(began.elapsed());
        if left.is_zero() {
            return Ok(Settled::Silent { ever });
        }
        progress.say(&format!("waiting for the host, {} s", began.elapsed().as_secs()));
        tokio::time::sleep(LOOK.min(left)).await;
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn said(state: &str, module: &str, reason: Option<&str>, at: &str) -> Said {
        Said {
            state: Some(state.to_owned()),
            metadata: Some(json!({"module_sha256": module, "params_sha256": "p", "reason": reason})),
            updated_at: Some(at.to_owned()),
        }
    }

    fn judge(before: Option<Said>, now: Option<Said>, since: u64) -> Option<Settled> {
        let watched = Watched {
            trader: TraderId::new(uuid::Uuid::nil()),
            module_sha256: "new".to_owned(),
            params_sha256: "p".to_owned(),
            before,
        };
        watched.judge(now.as_ref(), Duration::from_secs(since))
    }

    #[test]
    fn only_this_version_counts_as_running() {
        assert_eq!(judge(None, None, 0), None);
        assert_eq!(judge(None, Some(said("running", "old", None, "1")), 0), None);
        assert_eq!(judge(None, Some(said("running", "new", None, "1")), 0), Some(Settled::Running));
        let mut other_params = said("running", "new", None, "1");
        other_params.metadata = Some(json!({"module_sha256": "new", "params_sha256": "q", "reason": null}));
        assert_eq!(judge(None, Some(other_params), 0), None);
    }

    #[test]
    fn what_was_said_before_is_not_about_this_version() {
        let before = said("error", "old", Some("trap"), "1");
        assert_eq!(judge(Some(before.clone()), Some(before.clone()), 999), None);
        // Told again, with new counts.
        let again = said("error", "old", Some("trap"), "2");
        assert_eq!(judge(Some(before.clone()), Some(again.clone()), 5), None);
        assert_eq!(judge(Some(before.clone()), Some(again), 100), Some(Settled::Refused("trap".to_owned())));
        let now = said("running", "old", Some("refused (imports): \u{1b}"), "2");
        assert_eq!(
            judge(Some(before), Some(now), 1),
            Some(Settled::Refused("refused (imports): \\u{1b}; old runs on".to_owned()))
        );
    }
}
