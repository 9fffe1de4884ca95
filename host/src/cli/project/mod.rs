//! What the commands share that speak to a project: as whom, how long they try, and what its errors mean to a person.

mod deploy;
mod settle;
mod table;
mod target;

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

pub(super) use deploy::{Deploy, Waiting, Wanted};
pub(super) use table::{Column, Table, width, wrapped};
pub(super) use target::{IdPrefix, Target, Trader, one, owner_words};

use super::failure::Failure;
use super::terminal::tell_line;
use crate::config::{SUPABASE_USER_TOKEN, SupabaseEnv, process_env};
use crate::ids::UserId;
use crate::supabase::{ApiError, Class, Credentials, StorageError, Supabase, timeouts};

/// How often a request is sent before the command gives up. The waits between add up to some seconds.
const TRIES: u32 = 4;

/// A project, and as whom to speak to it.
pub(super) struct Project {
    pub(super) client: Supabase,
    /// The author whose token it is. None: an operator, with the service key.
    pub(super) author: Option<UserId>,
}

impl Project {
    /// As an operator or an author, whichever the environment has the keys of.
    pub(super) fn of_operator_or_author() -> Result<Self, Failure> {
        Self::of(&SupabaseEnv::publisher(process_env, now_s())?)
    }

    /// As an operator.
    pub(super) fn of_operator() -> Result<Self, Failure> {
        Self::of(&SupabaseEnv::service(process_env, now_s())?)
    }

    fn of(env: &SupabaseEnv) -> Result<Self, Failure> {
        for warning in &env.warnings {
            tell_line(&format!("warning: {warning}"));
        }
        let author = match &env.credentials {
            Credentials::Service(_) => None,
            Credentials::User(user) => Some(user.user().ok_or_else(|| {
                Failure::config(format!(
                    "{0}=(hidden) names no user; set it to the access token of your session",
                    SUPABASE_USER_TOKEN.name
                ))
            })?),
        };
        let client = Supabase::new(env.url.clone(), env.credentials.clone()).map_err(Failure::fault)?;
        Ok(Self { client, author })
    }

    /// What an error means to whoever started the command.
    pub(super) fn failure(&self, error: &ApiError) -> Failure {
        let text = error.to_string();
        let what = text.rsplit_once("; ").map_or(text.as_str(), |(what, _)| what);
        match error.class() {
            Class::Unauthorized if self.author.is_some() => Failure::config(format!(
                "{what}; the project refuses {}, which lives an hour: sign in again and set the new access token",
                SUPABASE_USER_TOKEN.name
            )),
            Class::Unauthorized | Class::SchemaMissing => Failure::config(text),
            _ if error.is_transient() => {
                Failure::fault(format!("{what}; gave up after {TRIES} tries, is the project up? try again later"))
            }
            _ => Failure::fault(text),
        }
    }

    /// Tries until it works or cannot work.
    pub(super) async fn tried<T, F>(&self, call: impl FnMut() -> F) -> Result<T, Failure>
    where
        F: Future<Output = Result<T, ApiError>>,
    {
        retried(call).await.map_err(|error| self.failure(&error))
    }
}

/// An error that may pass by itself.
pub(super) trait Passing {
    /// Whether it may; with what the server asked to wait.
    fn passes(&self) -> Option<Option<Duration>>;
}

impl Passing for ApiError {
    fn passes(&self) -> Option<Option<Duration>> {
        self.is_transient().then(|| self.retry_after())
    }
}

impl Passing for StorageError {
    fn passes(&self) -> Option<Option<Duration>> {
        match self {
            Self::Api(error) => error.passes(),
            _ => None,
        }
    }
}

/// Tries until it works, cannot work, or was tried often enough.
pub(super) async fn retried<T, E: Passing, F>(mut call: impl FnMut() -> F) -> Result<T, E>
where
    F: Future<Output = Result<T, E>>,
{
    let mut waits = timeouts::Waits::of_requests();
    loop {
        let error = match call().await {
            Ok(done) => return Ok(done),
            Err(error) => error,
        };
        match error.passes() {
            Some(asked) if waits.taken() + 1 < TRIES => tokio::time::sleep(waits.next(asked)).await,
            _ => return Err(error),
        }
    }
}

/// Runs a command that waits for others.
pub(super) fn block_on<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| Failure::fault(format!("cannot start: {error}")))?.block_on(work)
}

/// Seconds since 1970.
pub(super) fn now_s() -> i64 {
    jiff::Timestamp::now().as_second()
}

/// What is being waited for, on a terminal only.
pub(super) struct Progress(ProgressBar);

impl Progress {
    pub(super) fn new(hidden: bool) -> Self {
        let target = if hidden { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
        let bar = ProgressBar::with_draw_target(None, target);
        // The default one is a bar without an end, and without the message.
        if let Ok(style) = ProgressStyle::with_template("{spinner} {wide_msg}") {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(100));
        Self(bar)
    }

    pub(super) fn say(&self, what: &str) {
        self.0.set_message(what.to_owned());
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
