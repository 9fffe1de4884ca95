//! Sets a trader's row to a version, and tells what came of it. Publishing and rolling back end here.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::settle::{Settled, Watched, said, settle};
use super::{Progress, Project, Trader};
use crate::cli::failure::Failure;
use crate::cli::terminal::print_line;
use crate::ids::UserId;
use crate::supabase::{ApiError, Class, Filter};
use crate::supervisor::plan::Params;
use crate::text::shown;

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Waiting {
    /// Do not wait until the host says that it runs.
    #[arg(long)]
    no_wait: bool,
    /// Seconds to wait for the host.
    #[arg(long, value_name = "S", default_value_t = 120, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    timeout: u64,
}

/// A version.
#[derive(Debug, Clone)]
pub(in crate::cli) struct Wanted {
    pub(in crate::cli) module_sha256: String,
    pub(in crate::cli) params: Map<String, Value>,
}

/// A row that is to be set.
pub(in crate::cli) struct Deploy<'a> {
    pub(in crate::cli) project: &'a Project,
    pub(in crate::cli) trader: &'a Trader,
    pub(in crate::cli) owner: Option<UserId>,
    pub(in crate::cli) wanted: Wanted,
    pub(in crate::cli) json: bool,
    /// What the JSON says beside that.
    pub(in crate::cli) beside: Value,
}

impl Deploy<'_> {
    /// Sets the row, waits, and prints the result.
    pub(in crate::cli) async fn run(self, waiting: &Waiting) -> Result<(), Failure> {
        let Self { project, trader, wanted, .. } = &self;
        let progress = Progress::new(self.json);
        let before = project.tried(|| said(project, trader.id)).await?;
        let changed = self.set().await?;
        let settled = if waiting.no_wait {
            None
        } else {
            let watched = Watched {
                trader: trader.id,
                module_sha256: wanted.module_sha256.clone(),
                params_sha256: Params::of(&wanted.params).hash().to_string(),
                before: if changed { before } else { None },
            };
            Some(settle(project, &watched, Duration::from_secs(waiting.timeout), &progress).await?)
        };
        drop(progress);
        self.tell(changed, settled, waiting.timeout)
    }

    /// Whether anything had to be changed.
    async fn set(&self) -> Result<bool, Failure> {
        let Self { project, trader, owner, wanted, .. } = self;
        let is_set = trader.module_sha256.as_ref() == Some(&wanted.module_sha256)
            && trader.params == Value::Object(wanted.params.clone());
        if is_set {
            return Ok(false);
        }
        let of_owner = match owner {
            Some(user) => Filter::eq("user_id", user).and(Filter::is("is_built_in", false)),
            None => Filter::is_null("user_id").and(Filter::is("is_built_in", true)),
        };
        let filter = Filter::eq("id", trader.id).and(of_owner);
        let changes = json!({"module_sha256": wanted.module_sha256, "params": wanted.params});
        let changed = super::retried(|| project.client.patch("traders", &filter, &changes)).await;
        match changed {
            Ok(0) => Err(Failure::fault(format!(
                "the row of {} was not changed: it was deleted or got another owner meanwhile, or row-level security \
                 forbids it; look at it with `vyx traders --all`",
                trader.shown()
            ))),
            Ok(_) => Ok(true),
            Err(error) => Err(self.refused(&error)),
        }
    }

    fn refused(&self, error: &ApiError) -> Failure {
        let name = self.trader.shown();
        match (error.class(), error.code()) {
            (Class::RowRejected, Some("23503")) => Failure::fault(format!(
                "{name} may not name {}: its owner has not published that module, or not any more; \
                 publish it again with `vyx publish`",
                shown(&self.wanted.module_sha256, 12)
            )),
            (Class::Forbidden { .. }, _) => {
                Failure::fault(format!("the database does not let you change {name}: {error}"))
            }
            _ => self.project.failure(error),
        }
    }

    fn tell(self, changed: bool, settled: Option<Settled>, timeout_s: u64) -> Result<(), Failure> {
        let Self { trader, wanted, json, mut beside, .. } = self;
        let (state, reason, done) = match settled {
            None => ("not waited for", None, Ok(())),
            Some(Settled::Running) => ("running", None, Ok(())),
            Some(Settled::Disabled) => ("disabled", Some("it runs once the trader is enabled".to_owned()), Ok(())),
            Some(Settled::Refused(reason)) => ("refused", Some(reason), Err(())),
            Some(Settled::Silent { ever }) => {
                let who = if ever { "the host has not taken it up" } else { "no host has ever reported this trader" };
                let reason = format!(
                    "{who} in {timeout_s} s; the row is set, so it runs as soon as a host of its run mode does: \
                     look at /health, or run `vyx doctor`"
                );
                ("unknown", Some(reason), Err(()))
            }
        };
        let previous = trader.module_sha256.as_deref().filter(|before| **before != *wanted.module_sha256);
        if json {
            if let Value::Object(beside) = &mut beside {
                beside.extend([
                    ("trader_id".to_owned(), json!(trader.id)),
                    ("trader".to_owned(), json!(trader.name)),
                    ("module_sha256".to_owned(), json!(wanted.module_sha256)),
                    ("previous_module_sha256".to_owned(), json!(previous)),
                    ("params".to_owned(), json!(wanted.params)),
                    ("changed".to_owned(), json!(changed)),
                    ("state".to_owned(), json!(state)),
                    ("reason".to_owned(), json!(reason)),
                ]);
            }
            print_line(beside);
        } else {
            print_line(format!("trader    {} {}", trader.id, shown(&trader.name, 80)));
            print_line(format!("sha256    {}", wanted.module_sha256));
            if let Some(previous) = previous {
                print_line(format!("before    {}", shown(previous, 64)));
            }
            if !wanted.params.is_empty() {
                print_line(format!("params    {}", shown(&Value::Object(wanted.params).to_string(), 500)));
            }
            if !changed {
                print_line("row       was set so already");
            }
            print_line(format!("state     {state}"));
            if let Some(reason) = &reason {
                print_line(format!("reason    {reason}"));
            }
        }
        done.map_err(|()| Failure::told())
    }
}
