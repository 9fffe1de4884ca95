//! What the host knows of itself, for /health and /ready: each promise with the reason why it is not kept.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::supabase::timeouts::NO_GOOD_READ;

/// What the feed does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum FeedState {
    /// Not begun: the registry has not been read yet.
    Waiting,
    /// It takes in what was before.
    CatchingUp,
    /// It delivers.
    Running,
    /// It has no more candles: a test feed that came to its end.
    Ended,
    /// It cannot go on.
    Failed,
}

/// See the module.
#[derive(Debug)]
pub struct Health {
    started: Instant,
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    proved: bool,
    last_good_read: Option<Instant>,
    read_problem: Option<String>,
    refused_key: Option<String>,
    feed: FeedState,
    feed_problem: Option<String>,
    feed_warning: Option<String>,
    last_close_ms: Option<i64>,
    kept_problem: Option<String>,
    record_problem: Option<String>,
    draining: bool,
}

/// [`Health`] at one moment.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// Whether every promise is kept.
    pub ready: bool,
    /// Those that are not, with what to do.
    pub problems: Vec<String>,
    /// What does not keep the host from its work.
    pub warnings: Vec<String>,
    /// Seconds since the process started.
    pub uptime_seconds: u64,
    /// Seconds since the last good read of the registry.
    pub last_good_read_seconds: Option<u64>,
    /// Whether traders are evaluated.
    pub evaluating: bool,
    /// What the feed does.
    pub feed: FeedState,
    /// Close time of the newest candle, UTC milliseconds.
    pub last_close_ms: Option<i64>,
    /// Whether the host is on its way out.
    pub draining: bool,
}

impl Default for Health {
    fn default() -> Self {
        Self::new()
    }
}

impl Health {
    /// Of a host that has proved nothing yet.
    #[must_use]
    pub fn new() -> Self {
        let inner = Inner {
            proved: false,
            last_good_read: None,
            read_problem: Some("the registry has not been read yet".to_owned()),
            refused_key: None,
            feed: FeedState::Waiting,
            feed_problem: None,
            feed_warning: None,
            last_close_ms: None,
            kept_problem: None,
            record_problem: None,
            draining: false,
        };
        Self { started: Instant::now(), inner: Mutex::new(inner) }
    }

    /// Key, schema and identity were proved.
    pub fn proved(&self) {
        self.lock().proved = true;
    }

    /// The registry was read whole.
    pub fn good_read(&self) {
        let mut inner = self.lock();
        inner.last_good_read = Some(Instant::now());
        inner.read_problem = None;
        inner.refused_key = None;
    }

    /// The registry could not be read.
    pub fn bad_read(&self, problem: String) {
        self.lock().read_problem = Some(problem);
    }

    /// The project does not take the key any more.
    pub fn refused(&self, problem: String) {
        self.lock().refused_key = Some(problem);
    }

    /// What the feed does now.
    pub fn feed(&self, state: FeedState) {
        self.lock().feed = state;
    }

    /// Why nothing comes from the feed at present; none if it does.
    pub fn feed_trouble(&self, trouble: Option<&str>) {
        let mut inner = self.lock();
        if inner.feed != FeedState::Failed && inner.feed_problem.as_deref() != trouble {
            inner.feed_problem = trouble.map(str::to_owned);
        }
    }

    /// What is wrong with a feed that brings what is wanted.
    pub fn feed_warning(&self, warning: Option<&str>) {
        let mut inner = self.lock();
        if inner.feed_warning.as_deref() != warning {
            inner.feed_warning = warning.map(str::to_owned);
        }
    }

    /// The feed cannot go on.
    pub fn feed_failed(&self, problem: String) {
        let mut inner = self.lock();
        inner.feed = FeedState::Failed;
        inner.feed_problem = Some(problem);
        inner.feed_warning = None;
    }

    /// Candles up to this close were delivered, and what was found was kept.
    pub fn delivered(&self, close_ms: i64) {
        let mut inner = self.lock();
        inner.last_close_ms = inner.last_close_ms.max(Some(close_ms));
        inner.kept_problem = None;
    }

    /// What was found could not be kept, or there is no room for more.
    pub fn not_kept(&self, problem: String) {
        self.lock().kept_problem = Some(problem);
    }

    /// What is done is not recorded any more.
    pub fn not_recorded(&self, problem: String) {
        self.lock().record_problem = Some(problem);
    }

    /// The host is on its way out.
    pub fn draining(&self) {
        self.lock().draining = true;
    }

    /// Whether traders may be evaluated: it is known whom this host may run, and it was known not too long ago.
    #[must_use]
    pub fn may_evaluate(&self) -> bool {
        self.lock().may_evaluate()
    }

    /// Time since the last good read; since the start if there was none.
    #[must_use]
    pub fn blind_for(&self) -> Duration {
        self.lock().last_good_read.unwrap_or(self.started).elapsed()
    }

    /// All of it.
    #[must_use]
    pub fn report(&self) -> Report {
        let inner = self.lock();
        let problems = inner.problems();
        Report {
            ready: problems.is_empty(),
            problems,
            warnings: inner.warnings(),
            uptime_seconds: self.started.elapsed().as_secs(),
            last_good_read_seconds: inner.last_good_read.map(|at| at.elapsed().as_secs()),
            evaluating: inner.may_evaluate() && inner.feed == FeedState::Running,
            feed: inner.feed,
            last_close_ms: inner.last_close_ms,
            draining: inner.draining,
        }
    }

    /// As if the last good read were so much longer ago.
    #[cfg(test)]
    pub(super) fn age_last_read(&self, by: Duration) {
        let mut inner = self.lock();
        inner.last_good_read = inner.last_good_read.and_then(|at| at.checked_sub(by));
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn may_evaluate(&self) -> bool {
        self.proved && self.last_good_read.is_some_and(|at| at.elapsed() < NO_GOOD_READ)
    }

    fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        if self.draining {
            problems.push("the host is shutting down".to_owned());
        }
        if !self.proved {
            problems.push("the project has not been reached yet, so nothing runs".to_owned());
        }
        problems.extend(self.refused_key.clone());
        if self.last_good_read.is_none() {
            problems.extend(self.read_problem.clone());
        } else if !self.may_evaluate() {
            problems.push(format!(
                "evaluation is suspended, the registry could not be read for {} minutes: {}",
                NO_GOOD_READ.as_secs() / 60,
                self.read_problem.as_deref().unwrap_or("no answer"),
            ));
        }
        problems.extend(self.feed_problem.clone());
        problems.extend(self.kept_problem.clone());
        problems
    }

    fn warnings(&self) -> Vec<String> {
        let mut warnings: Vec<String> =
            [&self.record_problem, &self.feed_warning].into_iter().flatten().cloned().collect();
        if self.last_good_read.is_some()
            && self.may_evaluate()
            && let Some(problem) = &self.read_problem
        {
            warnings.push(format!("the last good set of traders runs on: {problem}"));
        }
        warnings
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn running() -> Health {
        let health = Health::new();
        health.proved();
        health.good_read();
        health.feed(FeedState::Running);
        health
    }

    #[test]
    fn a_host_that_has_proved_nothing_is_not_ready_and_says_why() {
        let report = Health::new().report();
        assert!(!report.ready && !report.evaluating);
        assert_eq!(report.problems.len(), 2, "{:?}", report.problems);
    }

    #[test]
    fn an_outage_of_the_registry_warns_and_does_not_stop() {
        let health = running();
        health.bad_read("no answer".into());
        let report = health.report();
        assert!(report.ready && report.evaluating);
        assert_eq!(report.warnings, ["the last good set of traders runs on: no answer"]);
    }

    #[test]
    fn minutes_without_a_good_read_suspend_evaluation() {
        let health = running();
        health.lock().last_good_read = Instant::now().checked_sub(NO_GOOD_READ);
        health.bad_read("no answer".into());
        assert!(!health.may_evaluate());
        let problems = health.report().problems;
        assert!(problems.iter().any(|problem| problem.contains("suspended")), "{problems:?}");
        health.good_read();
        assert!(health.report().ready);
    }

    #[test]
    fn a_feed_that_is_in_trouble_makes_it_unready_until_it_is_not() {
        let health = running();
        assert!(health.report().ready);
        health.feed_trouble(Some("the market is silent"));
        assert_eq!(health.report().problems, ["the market is silent"]);
        health.feed_trouble(None);
        assert!(health.report().ready);
    }

    #[test]
    fn what_is_wrong_with_a_feed_that_delivers_is_a_warning() {
        let health = running();
        health.feed_warning(Some("the exchange does not answer"));
        let report = health.report();
        assert_eq!(
            (report.ready, report.warnings.as_slice()),
            (true, &["the exchange does not answer".to_owned()][..])
        );
        health.feed_warning(None);
        assert!(health.report().warnings.is_empty());
    }

    #[test]
    fn signals_that_cannot_be_kept_make_it_unready_until_they_are() {
        let health = running();
        health.not_kept("the disk is full".into());
        assert!(!health.report().ready);
        health.delivered(1);
        assert!(health.report().ready);
    }
}
