//! How a call can end: a closed set, so that metrics, reports and backoff speak of the same things.

use std::fmt;

/// How a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It returned.
    Ok,
    /// The trader was not run: the host refused the module, its description, its parameters or its subscription.
    Refused,
    /// The guest trapped: a panic, a stack overflow, a wrong use of an import.
    Trap,
    /// It used up its CPU time.
    CpuDeadline,
    /// It asked for more memory than its budget.
    MemoryLimit,
    /// The host failed. Never counted against the trader.
    HostFault,
    /// The host stopped it: disabled, deleted, replaced.
    Killed,
}

impl Outcome {
    /// Every outcome, for tables of counters.
    pub const ALL: [Self; 7] =
        [Self::Ok, Self::Refused, Self::Trap, Self::CpuDeadline, Self::MemoryLimit, Self::HostFault, Self::Killed];

    /// The name in metrics and reports.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Refused => "refused",
            Self::Trap => "trap",
            Self::CpuDeadline => "cpu-deadline",
            Self::MemoryLimit => "memory-limit",
            Self::HostFault => "host-fault",
            Self::Killed => "killed",
        }
    }

    /// Whether it counts against the trader and its digest.
    #[must_use]
    pub const fn is_strike(self) -> bool {
        matches!(self, Self::Refused | Self::Trap | Self::CpuDeadline | Self::MemoryLimit)
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A call that did not return.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{outcome} in {during}: {reason}")]
pub struct Fault {
    /// How it ended; never [`Outcome::Ok`].
    pub outcome: Outcome,
    /// The export that was called.
    pub during: &'static str,
    /// The words of the guest or of the host, escaped and shortened.
    pub reason: String,
}

impl Fault {
    /// A fault of the host's making.
    #[must_use]
    pub fn new(outcome: Outcome, during: &'static str, reason: impl Into<String>) -> Self {
        Self { outcome, during, reason: reason.into() }
    }
}
