//! Where a recording goes.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use super::RECORD_DIR;

/// When the files of a recording are ended and new ones are begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rotation {
    /// At these times of the candles, counted from midnight UTC.
    pub every: Duration,
    /// And when a file has so many bytes.
    pub bytes: u64,
}

impl Default for Rotation {
    fn default() -> Self {
        Self { every: Duration::from_secs(3_600), bytes: 64 << 20 }
    }
}

/// Where to record, and in what pieces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The folder.
    pub dir: PathBuf,
    /// See there.
    pub rotation: Rotation,
}

impl Place {
    /// What RECORD_DIR says. A path need not be UTF-8.
    pub(super) fn from_env(lookup: impl Fn(&str) -> Option<OsString>) -> Option<Self> {
        let dir = lookup(RECORD_DIR.name).filter(|value| !value.is_empty())?;
        Some(Self { dir: dir.into(), rotation: Rotation::default() })
    }
}
