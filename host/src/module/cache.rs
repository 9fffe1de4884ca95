//! Machine code on disk, made and read by this host alone.
//!
//! An entry is named by the module's digest, the engine's configuration and wasmtime's version, and proved by a keyed hash whose
//! key never leaves the directory: what is corrupt, of another host or of another version is made anew.

use std::hash::{Hash, Hasher};
use std::io::{self, Read, Write};
use std::path::PathBuf;

use cap_std::ambient_authority;
use cap_std::fs::{Dir, OpenOptions};
use sha2::{Digest as _, Sha256};
use wasmtime::Engine;
use wasmtime::component::Component;

use super::digest::Digest;
use super::native;

/// Raised when admission gets stricter: an entry proves that its module was admitted by the rules of this number.
const RULES: u32 = 1;
/// The key of the keyed hashes.
const KEY_FILE: &str = "host.key";

/// A directory of compiled modules.
#[derive(Debug)]
pub struct Cache {
    dir: Dir,
    path: PathBuf,
    key: [u8; blake3::KEY_LEN],
}

impl Cache {
    /// Opens the directory, and makes it and its key if need be. It must be writable by this user alone.
    ///
    /// # Errors
    ///
    /// If the directory cannot be made, read or written.
    pub fn open(path: impl Into<PathBuf>) -> io::Result<Self> {
        let path = path.into();
        make_private(&path)?;
        let dir = Dir::open_ambient_dir(&path, ambient_authority())?;
        let key = key(&dir)?;
        Ok(Self { dir, path, key })
    }

    /// The code of a module, if this host made it for this engine.
    pub(super) fn load(&self, engine: &Engine, digest: Digest) -> Option<Component> {
        let name = name(engine, digest);
        let code = self.dir.read(format!("{name}.cwasm")).ok()?;
        let proof = self.dir.read_to_string(format!("{name}.proof")).ok()?;
        let proof = blake3::Hash::from_hex(proof.trim()).ok()?;
        // Comparing hashes takes the same time wherever they differ.
        if blake3::keyed_hash(&self.key, &code) != proof {
            tracing::warn!(%digest, "cache entry is corrupt or of another host, compiling anew");
            return None;
        }
        match native::load(engine, &self.path.join(format!("{name}.cwasm"))) {
            Ok(component) => Some(component),
            Err(error) => {
                tracing::warn!(%digest, %error, "cache entry does not load, compiling anew");
                None
            }
        }
    }

    /// Keeps code that this host made.
    pub(super) fn store(&self, engine: &Engine, digest: Digest, code: &[u8]) -> io::Result<()> {
        let name = name(engine, digest);
        self.write(&format!("{name}.cwasm"), code)?;
        let proof = blake3::keyed_hash(&self.key, code).to_hex();
        self.write(&format!("{name}.proof"), proof.as_bytes())
    }

    /// Writes aside and renames, so that a reader sees all or nothing.
    fn write(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let aside = format!("{name}.{}", uuid::Uuid::new_v4());
        let mut file = self.dir.open_with(&aside, OpenOptions::new().write(true).create_new(true))?;
        let written = file.write_all(bytes).and_then(|()| file.sync_data());
        let renamed = written.and_then(|()| self.dir.rename(&aside, &self.dir, name));
        if renamed.is_err() {
            let _ = self.dir.remove_file(&aside);
        }
        renamed
    }
}

fn name(engine: &Engine, digest: Digest) -> String {
    // The hasher's algorithm may change with the compiler: then everything is made anew, which is right as well.
    let mut hasher = std::collections::hash_map::DefaultHasher::new();
    engine.precompile_compatibility_hash().hash(&mut hasher);
    let mut name = Sha256::new();
    name.update(format!("{digest} {:016x} {} rules {RULES}", hasher.finish(), env!("CARGO_PKG_VERSION")));
    Digest::from_bytes(name.finalize().into()).to_string()
}

fn key(dir: &Dir) -> io::Result<[u8; blake3::KEY_LEN]> {
    let mut key = [0; blake3::KEY_LEN];
    match dir.open(KEY_FILE) {
        Ok(mut file) => match file.read_exact(&mut key) {
            Ok(()) => return Ok(key),
            // A key cut short by a full disk proves nothing; the entries under it are made anew.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => dir.remove_file(KEY_FILE)?,
            Err(error) => return Err(error),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    for half in key.chunks_mut(16) {
        half.copy_from_slice(uuid::Uuid::new_v4().as_bytes());
    }
    let aside = format!("{KEY_FILE}.{}", uuid::Uuid::new_v4());
    let mut file = dir.open_with(&aside, private(OpenOptions::new().write(true).create_new(true)))?;
    file.write_all(&key)?;
    file.sync_data()?;
    // Two hosts may start at once: the first link wins and both read it.
    let linked = dir.hard_link(&aside, dir, KEY_FILE);
    dir.remove_file(&aside)?;
    match linked {
        Ok(()) => Ok(key),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            dir.open(KEY_FILE)?.read_exact(&mut key)?;
            Ok(key)
        }
        Err(error) => Err(error),
    }
}

#[cfg(unix)]
fn private(options: &mut OpenOptions) -> &OpenOptions {
    use cap_std::fs::OpenOptionsExt as _;
    options.mode(0o600)
}

#[cfg(not(unix))]
fn private(options: &mut OpenOptions) -> &OpenOptions {
    options
}

fn make_private(path: &std::path::Path) -> io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt as _;
        builder.mode(0o700);
    }
    builder.create(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::{Metering, engine};

    fn code(engine: &Engine) -> (Digest, Vec<u8>) {
        let bytes = wat::parse_str("(component)").unwrap();
        (Digest::of(&bytes), engine.precompile_component(&bytes).unwrap())
    }

    fn files(folder: &std::path::Path, extension: &str) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        entries.filter(|path| path.extension().is_some_and(|found| found == extension)).collect()
    }

    #[test]
    fn what_was_stored_is_loaded_by_the_next_start() {
        let folder = tempfile::tempdir().unwrap();
        let engine = engine(Metering::Off).unwrap();
        let (digest, code) = code(&engine);
        Cache::open(folder.path()).unwrap().store(&engine, digest, &code).unwrap();
        assert!(Cache::open(folder.path()).unwrap().load(&engine, digest).is_some());
        assert!(Cache::open(folder.path()).unwrap().load(&engine, Digest::of(b"another")).is_none());
        assert_eq!(files(folder.path(), "cwasm").len(), 1, "nothing is left aside");
    }

    #[test]
    fn a_corrupt_entry_is_as_none() {
        let folder = tempfile::tempdir().unwrap();
        let engine = engine(Metering::Off).unwrap();
        let (digest, code) = code(&engine);
        let cache = Cache::open(folder.path()).unwrap();
        cache.store(&engine, digest, &code).unwrap();
        let path = files(folder.path(), "cwasm").remove(0);
        for at in [0, code.len() / 2, code.len() - 1] {
            let mut flipped = code.clone();
            flipped[at] ^= 1;
            std::fs::write(&path, flipped).unwrap();
            assert!(cache.load(&engine, digest).is_none(), "byte {at}");
        }
        std::fs::write(&path, &code[..code.len() / 2]).unwrap();
        assert!(cache.load(&engine, digest).is_none());
        cache.store(&engine, digest, &code).unwrap();
        assert!(cache.load(&engine, digest).is_some(), "made anew");
    }

    #[test]
    fn an_entry_of_another_host_is_not_trusted() {
        let (ours, theirs) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let engine = engine(Metering::Off).unwrap();
        let (digest, code) = code(&engine);
        Cache::open(theirs.path()).unwrap().store(&engine, digest, &code).unwrap();
        let cache = Cache::open(ours.path()).unwrap();
        for extension in ["cwasm", "proof"] {
            for path in files(theirs.path(), extension) {
                std::fs::copy(&path, ours.path().join(path.file_name().unwrap())).unwrap();
            }
        }
        assert!(cache.load(&engine, digest).is_none());
    }

    #[test]
    fn code_of_another_engine_is_not_loaded() {
        let folder = tempfile::tempdir().unwrap();
        let (off, fuel) = (engine(Metering::Off).unwrap(), engine(Metering::Fuel).unwrap());
        let (digest, code) = code(&off);
        let cache = Cache::open(folder.path()).unwrap();
        cache.store(&off, digest, &code).unwrap();
        assert!(cache.load(&fuel, digest).is_none());
    }

    #[cfg(unix)]
    #[test]
    fn the_folder_and_its_key_belong_to_one_user() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("compiled");
        Cache::open(&path).unwrap();
        let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&path), mode(&path.join(KEY_FILE))), (0o700, 0o600));
    }
}
