//! The last version of each trader that ran well, kept in DATA_DIR with its module, so that it can run on when a new one is
//! refused, is quarantined, or cannot be fetched.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;

use cap_std::ambient_authority;
use cap_std::fs::Dir;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::plan::{Params, VersionKey};
use crate::ids::TraderId;
use crate::module::Digest;

const INDEX: &str = "last-good.json";

/// What is remembered of a trader.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Good {
    module_sha256: Digest,
    params: Map<String, Value>,
}

/// See the module.
#[derive(Debug)]
pub struct LastGood {
    dir: Dir,
    known: BTreeMap<TraderId, Good>,
}

impl LastGood {
    /// Opens the folder and reads what is there. An index that cannot be read is as none: the next good run writes it anew.
    ///
    /// # Errors
    ///
    /// If the folder cannot be made or opened.
    pub fn open(path: &Path) -> io::Result<Self> {
        std::fs::create_dir_all(path)?;
        let dir = Dir::open_ambient_dir(path, ambient_authority())?;
        let known = match dir.read(INDEX) {
            Ok(bytes) => serde_json::from_slice(&bytes).unwrap_or_else(|error| {
                tracing::warn!(%error, "{INDEX} cannot be read, starting without last good versions");
                BTreeMap::new()
            }),
            Err(_) => BTreeMap::new(),
        };
        let kept = Self { dir, known };
        // Another process may be at it: what it needs is written again when it needs it.
        if let Err(error) = kept.prune() {
            tracing::debug!(%error, "old modules could not be removed");
        }
        Ok(kept)
    }

    /// The last good version of a trader, if its module is still there.
    #[must_use]
    pub fn get(&self, trader: TraderId) -> Option<(VersionKey, Map<String, Value>)> {
        let good = self.known.get(&trader)?;
        let key = VersionKey { digest: good.module_sha256, params: Params::of(&good.params) };
        self.dir.exists(module_name(good.module_sha256)).then(|| (key, good.params.clone()))
    }

    /// The bytes of a kept module. Whoever parses them hashes them first.
    ///
    /// # Errors
    ///
    /// If they cannot be read.
    pub fn module(&self, digest: Digest) -> io::Result<Vec<u8>> {
        self.dir.read(module_name(digest))
    }

    /// Keeps the module of a version that begins to run: it may be wanted when nobody can fetch it any more.
    ///
    /// # Errors
    ///
    /// If it cannot be written.
    pub fn keep_module(&self, digest: Digest, bytes: &[u8]) -> io::Result<()> {
        let name = module_name(digest);
        if self.dir.exists(&name) { Ok(()) } else { self.write(&name, bytes) }
    }

    /// Remembers that a version ran well.
    ///
    /// # Errors
    ///
    /// If it cannot be written; what was known stays.
    pub fn remember(&mut self, trader: TraderId, digest: Digest, params: &Map<String, Value>) -> io::Result<()> {
        let good = Good { module_sha256: digest, params: params.clone() };
        if self.known.get(&trader) == Some(&good) {
            return Ok(());
        }
        let mut known = self.known.clone();
        known.insert(trader, good);
        self.write(INDEX, &serde_json::to_vec_pretty(&known)?)?;
        self.known = known;
        Ok(())
    }

    /// Removes modules that no trader needs any more.
    fn prune(&self) -> io::Result<()> {
        let needed: BTreeSet<String> = self.known.values().map(|good| module_name(good.module_sha256)).collect();
        for entry in self.dir.entries()? {
            let name = entry?.file_name().to_string_lossy().into_owned();
            if name != INDEX && !needed.contains(&name) {
                self.dir.remove_file(&name)?;
            }
        }
        Ok(())
    }

    fn write(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let aside = format!("{name}.{}", uuid::Uuid::new_v4());
        self.dir.write(&aside, bytes)?;
        self.dir.rename(&aside, &self.dir, name)
    }
}

fn module_name(digest: Digest) -> String {
    format!("{digest}.wasm")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_good_version_survives_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let trader: TraderId = "00000000-0000-4000-8000-000000000001".parse().unwrap();
        let params = Map::from_iter([("period".to_owned(), Value::from(7))]);
        let digest = Digest::of(b"module");
        let mut kept = LastGood::open(folder.path()).unwrap();
        assert!(kept.get(trader).is_none());
        kept.keep_module(digest, b"module").unwrap();
        kept.keep_module(Digest::of(b"other"), b"other").unwrap();
        kept.remember(trader, digest, &params).unwrap();
        let again = LastGood::open(folder.path()).unwrap();
        let (key, read) = again.get(trader).unwrap();
        assert_eq!((key.digest, read), (digest, params));
        assert_eq!(again.module(digest).unwrap(), b"module");
        assert!(again.module(Digest::of(b"other")).is_err(), "nobody needs it any more");
    }

    #[test]
    fn a_broken_index_is_as_none() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(INDEX), "{").unwrap();
        let trader: TraderId = "00000000-0000-4000-8000-000000000001".parse().unwrap();
        assert!(LastGood::open(folder.path()).unwrap().get(trader).is_none());
    }
}
