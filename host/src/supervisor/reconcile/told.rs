//! What there is to say of traders after a pass.

use std::fmt;

use crate::supervisor::plan::VersionKey;

/// Something that happened to a trader, for the log and for people.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// It runs, or will with the next candle.
    Started(String),
    /// Another version of it runs.
    Reloaded(String),
    /// It was dropped.
    Stopped(String, &'static str),
    /// It cannot run, and why.
    Rejected(String, String),
    /// The registry has something to say.
    Problem(String),
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Started(name) => write!(f, "started {name}"),
            Self::Reloaded(name) => write!(f, "reloaded {name}"),
            Self::Stopped(name, why) => write!(f, "stopped {name}: {why}"),
            Self::Rejected(name, reason) => write!(f, "cannot run {name}: {reason}"),
            Self::Problem(problem) => f.write_str(problem),
        }
    }
}

/// What there is to say of a trader that is ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// Its name.
    pub name: String,
    /// Whether it runs.
    pub state: State,
    /// Why it does not run, or not as its row says.
    pub reason: Option<String>,
    /// What runs.
    pub version: Option<VersionKey>,
}

/// Whether a trader runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It runs, or waits for its backoff.
    Running,
    /// It is switched off, deleted or no longer ours.
    Stopped,
    /// It should run and cannot.
    Error,
}

impl Verdict {
    pub(super) fn error(name: &str, reason: &str) -> Self {
        Self { name: name.to_owned(), state: State::Error, reason: Some(reason.to_owned()), version: None }
    }
}
