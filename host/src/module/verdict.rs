//! What the host says of a module: admitted, or refused under one rule.

use std::fmt;
use std::sync::Arc;

use serde::Serialize;

use super::digest::Digest;
use crate::sandbox::{AbiVersion, Linked, Manifest, Subscription, limits};

/// A module that may run.
pub struct Module {
    /// The sha256 of its bytes.
    pub digest: Digest,
    /// Its size.
    pub size_bytes: usize,
    /// The ABI version that it speaks.
    pub abi: AbiVersion,
    /// The version of the SDK that built it, if it says so.
    pub sdk: Option<String>,
    /// What it says of itself.
    pub manifest: Manifest,
    /// What it wants with its default parameters, before it knows a symbol.
    pub subscription: Subscription,
    pub(crate) linked: Linked,
}

impl fmt::Debug for Module {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Module").field("digest", &self.digest).field("abi", &self.abi).finish_non_exhaustive()
    }
}

/// What [`admit`](super::Modules::admit) says.
pub type Verdict = Result<Arc<Module>, Refusal>;

/// A rule that a module must keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rule {
    /// Its size.
    Size,
    /// Its bytes are those that the row names.
    Digest,
    /// It parses and validates.
    Malformed,
    /// It is a component.
    NotAComponent,
    /// It exports the trader's interface.
    World,
    /// It speaks a version of the ABI that the host serves.
    AbiVersion,
    /// It imports nothing but the trader's interfaces.
    Imports,
    /// What it contains is bounded.
    StaticLimits,
    /// It compiles within its limits.
    Compile,
    /// It describes itself truthfully, within its budget.
    Describe,
    /// With its default parameters it starts, and subscribes to what can be delivered.
    Init,
}

impl Rule {
    /// What is allowed, in a sentence.
    #[must_use]
    pub fn allowed(self) -> String {
        match self {
            Self::Size => format!("a module has at most {} bytes", limits::MODULE_BYTES),
            Self::Digest => "the bytes must hash to the digest that names them".into(),
            Self::Malformed => "a module must be valid WebAssembly 2.0 without threads and 64-bit memories".into(),
            Self::NotAComponent => "a module must be a component".into(),
            Self::World => "a module must export the trader's guest interface".into(),
            Self::AbiVersion => format!("this host serves ABI {}", AbiVersion::served()),
            Self::Imports => "a module may import the trader's interfaces and nothing else".into(),
            Self::StaticLimits => format!(
                "at most {} core modules, {} functions, one memory, {} bytes at the start",
                limits::CORE_MODULES,
                limits::FUNCTIONS,
                limits::MEMORY_BYTES
            ),
            Self::Compile => format!(
                "compilation has {} s and {} bytes of memory",
                limits::COMPILE_WALL.as_secs(),
                limits::COMPILE_MEMORY_BYTES
            ),
            Self::Describe => format!("describe has {} ms of CPU time", limits::CPU_DESCRIBE.as_millis()),
            Self::Init => {
                format!("init has {} ms of CPU time and must accept its own defaults", limits::CPU_INIT.as_millis())
            }
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Size => "size",
            Self::Digest => "digest",
            Self::Malformed => "malformed",
            Self::NotAComponent => "not-a-component",
            Self::World => "world",
            Self::AbiVersion => "abi-version",
            Self::Imports => "imports",
            Self::StaticLimits => "static-limits",
            Self::Compile => "compile",
            Self::Describe => "describe",
            Self::Init => "init",
        })
    }
}

/// Why a module may not run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("refused ({rule}): {reason}")]
pub struct Refusal {
    /// The rule that it breaks.
    pub rule: Rule,
    /// How, with the values. Escaped and shortened.
    pub reason: String,
    /// Whether the host could not tell: nothing is held against the module.
    pub host_fault: bool,
}

impl Refusal {
    pub(super) fn new(rule: Rule, reason: impl Into<String>) -> Self {
        Self { rule, reason: reason.into(), host_fault: false }
    }
}
