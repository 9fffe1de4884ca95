//! The local registry: a folder with a `traders.toml`, whose tables and keys are those of the database.

mod entry;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use cap_std::ambient_authority;
use cap_std::fs::Dir;

use super::{InvalidRow, ModuleRef, Registry, RegistryError, Snapshot, TraderRow, UserFlyApp};
use crate::config::quoted;
use crate::module::digest::Digest;
use crate::ownership::Scope;
use crate::text::shown;

/// The file that makes a folder a registry.
pub const FILE_NAME: &str = "traders.toml";

/// A module that is the crate in the folder itself.
const HERE: &str = ".";

/// Largest `traders.toml` that is read: some thousand traders, and far from what a wrong file may hold.
pub const MAX_FILE_BYTES: u64 = 4 << 20;

/// Largest module that is read. The limit that a module must keep is checked when it is admitted; this one only keeps a
/// wrong file out of memory.
pub const MAX_MODULE_BYTES: u64 = 64 << 20;

/// Lines of a compiler that are worth showing: its last ones hold the error.
const COMPILER_LINES: usize = 20;

/// Builds the crate in a folder to the bytes of a component. What it says on failure ends with the compiler's last lines.
pub type BuildCrate = Box<dyn FnMut(&Path) -> anyhow::Result<Vec<u8>> + Send>;

/// A folder of traders.
pub struct DirectoryRegistry {
    root: PathBuf,
    dir: Dir,
    build: BuildCrate,
    /// Whose modules are worth reading; everyone's when it is not known.
    scope: Option<Scope>,
    /// By the path of the crate in the folder.
    builds: BTreeMap<PathBuf, Build>,
    /// The modules of the last snapshot, so that what is run is what was hashed, also when the file has changed since.
    modules: BTreeMap<Digest, Arc<[u8]>>,
}

/// What came out of a crate.
#[derive(Default)]
struct Build {
    good: Option<Arc<[u8]>>,
    /// Why the last attempt failed.
    failure: Option<String>,
    /// Whether the crate was built since it last changed.
    fresh: bool,
}

/// A text that says what is wrong with one row.
type Fault = String;

impl DirectoryRegistry {
    /// Opens a folder. From here on nothing outside of it can be read, whatever `traders.toml` says.
    pub fn open(folder: &Path, build: BuildCrate) -> Result<Self, RegistryError> {
        let name = quoted(&folder.to_string_lossy());
        let fail = |error: std::io::Error| {
            RegistryError::new(format!("cannot open the folder {name}: {}; {}", reason(&error), expected()))
        };
        let root = folder.canonicalize().map_err(fail)?;
        let dir = Dir::open_ambient_dir(&root, ambient_authority()).map_err(fail)?;
        let registry = Self { root, dir, build, scope: None, builds: BTreeMap::new(), modules: BTreeMap::new() };
        Ok(registry)
    }

    /// The absolute path of the folder, to be watched.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The rows of `user_fly_apps`, from which a scope is resolved before any trader is looked at.
    pub fn user_fly_apps(&self) -> Result<Vec<UserFlyApp>, RegistryError> {
        self.read().map(|tables| tables.user_fly_apps)
    }

    /// The rows without their modules: enough to stop what must not run, without waiting for a build.
    pub fn rows(&self) -> Result<Vec<TraderRow>, RegistryError> {
        let tables = self.read()?;
        Ok(tables.traders.into_iter().filter_map(|entry| Some(entry.ok()?.row)).collect())
    }

    /// From now on modules of rows that do not run in this scope are neither read nor built.
    pub fn set_scope(&mut self, scope: Scope) {
        self.scope = Some(scope);
    }

    /// Tells that something changed at this path, which lies in the folder or is relative to it. The crate it belongs to
    /// is built again at the next snapshot. The folder itself stands for all that is in it.
    pub fn invalidate(&mut self, changed: &Path) {
        let changed = changed.strip_prefix(&self.root).unwrap_or(changed);
        // A build writes to target; to take that for a change would build for ever.
        let is_output = |part: Component| matches!(part.as_os_str().to_str(), Some("target" | ".git"));
        if changed.components().any(is_output) {
            return;
        }
        let is_dependency = is_source(changed) && !self.builds.keys().any(|path| changed.starts_with(path));
        for (path, build) in &mut self.builds {
            let is_hit = match path.as_path() == Path::new(HERE) {
                // Beside a crate that is the folder itself lie files that are none of it, this one's rows among them.
                true => is_source(changed) || changed.starts_with("src") || changed == Path::new(""),
                false => is_dependency || changed.starts_with(path) || path.starts_with(changed),
            };
            build.fresh &= !is_hit;
        }
    }

    fn read(&self) -> Result<entry::Tables, RegistryError> {
        let text = read_limited(&self.dir, Path::new(FILE_NAME), MAX_FILE_BYTES).map_err(|error| {
            let file = quoted(&self.root.join(FILE_NAME).to_string_lossy());
            RegistryError::new(format!("cannot read {file}: {}; {}", reason(&error), expected()))
        })?;
        let text = String::from_utf8(text)
            .map_err(|_| RegistryError::new(format!("{FILE_NAME} is not utf-8 text; save it as such")))?;
        entry::parse(&text)
    }

    /// The module of a row: its bytes are read or built here, so that the row names a digest.
    fn resolve(&mut self, module: &str, problems: &mut Vec<String>) -> Result<(ModuleRef, Arc<[u8]>), Fault> {
        let path = inner_path(module)?;
        let shown = quoted(module);
        let metadata = self.dir.metadata(&path).map_err(|error| {
            format!("module {shown} cannot be opened: {}; name a .wasm file or a crate in the folder", reason(&error))
        })?;
        let bytes = if metadata.is_dir() {
            self.crate_bytes(&path, &shown, problems)?
        } else if metadata.is_file() && path.extension().is_some_and(|extension| extension == "wasm") {
            let bytes = read_limited(&self.dir, &path, MAX_MODULE_BYTES);
            bytes.map_err(|error| format!("module {shown} cannot be read: {}", reason(&error)))?.into()
        } else {
            return Err(format!("module {shown} is neither a .wasm file nor a crate; name one of these"));
        };
        Ok((ModuleRef { digest: Digest::of(&bytes), place: module.to_owned() }, bytes))
    }

    fn crate_bytes(&mut self, path: &Path, shown: &str, problems: &mut Vec<String>) -> Result<Arc<[u8]>, Fault> {
        if !self.dir.is_file(path.join("Cargo.toml")) {
            return Err(format!("module {shown} is a folder without Cargo.toml; name a .wasm file or a crate"));
        }
        let build = self.builds.entry(path.to_owned()).or_default();
        if !build.fresh {
            build.fresh = true;
            let folder = if path == Path::new(HERE) { self.root.clone() } else { self.root.join(path) };
            match (self.build)(&folder) {
                Ok(bytes) => (build.good, build.failure) = (Some(bytes.into()), None),
                Err(error) => build.failure = Some(last_lines(&format!("{error:#}"))),
            }
        }
        match (&build.good, &build.failure) {
            (Some(bytes), None) => Ok(Arc::clone(bytes)),
            (Some(bytes), Some(failure)) => {
                problems.push(format!("crate {shown} does not build, so its last good build runs on:\n{failure}"));
                Ok(Arc::clone(bytes))
            }
            (None, failure) => {
                let failure = failure.as_deref().unwrap_or_default();
                Err(format!("crate {shown} does not build; correct it:\n{failure}"))
            }
        }
    }

    /// Whether the row can run at all, so that its module is worth reading. The verdict itself is given later, to a row
    /// that went through the same check.
    fn is_wanted(&self, row: &TraderRow) -> bool {
        self.scope.unwrap_or(Scope::local()).judge(row).is_ok()
    }
}

impl Registry for DirectoryRegistry {
    fn snapshot(&mut self) -> Result<Snapshot, RegistryError> {
        let tables = self.read()?;
        let mut snapshot = Snapshot { user_fly_apps: tables.user_fly_apps, ..Snapshot::default() };
        let mut modules = BTreeMap::new();
        let mut problems = BTreeSet::new();
        for entry in tables.traders {
            let row = entry.and_then(|entry| {
                let mut row = entry.row;
                if self.is_wanted(&row) {
                    let mut found = Vec::new();
                    let resolved = self.resolve(&entry.module, &mut found);
                    problems.extend(found);
                    let (module, bytes) =
                        resolved.map_err(|reason| InvalidRow { id: Some(row.id), name: entry.label, reason })?;
                    modules.insert(module.digest, bytes);
                    row.module = Some(module);
                }
                Ok(row)
            });
            snapshot.traders.push(row);
        }
        snapshot.problems.extend(problems);
        self.modules = modules;
        Ok(snapshot)
    }

    fn module(&mut self, module: &ModuleRef) -> Result<Vec<u8>, RegistryError> {
        self.modules.get(&module.digest).map(|bytes| bytes.to_vec()).ok_or_else(|| {
            let place = quoted(&module.place);
            let digest = module.digest.short();
            RegistryError::new(format!("module {place} is no longer {digest}…; take a new snapshot"))
        })
    }
}

/// The path of a module in the folder. What leaves the folder is refused here with a clear message; links that lead out
/// of it are refused by cap-std.
fn inner_path(module: &str) -> Result<PathBuf, Fault> {
    let mut inner = PathBuf::new();
    for component in Path::new(module).components() {
        match component {
            Component::Normal(part) => inner.push(part),
            Component::CurDir => {}
            Component::ParentDir | Component::RootDir | Component::Prefix(_) => {
                let fix = format!("it must stay in the folder of {FILE_NAME}: use a path beside that file, without ..");
                return Err(format!("module {} leaves the folder; {fix}", quoted(module)));
            }
        }
    }
    if inner.as_os_str().is_empty() && Path::new(module).starts_with(HERE) {
        return Ok(PathBuf::from(HERE));
    }
    if inner.as_os_str().is_empty() {
        return Err(format!("module {} names nothing; name a .wasm file or a crate", quoted(module)));
    }
    Ok(inner)
}

fn read_limited(dir: &Dir, path: &Path, limit: u64) -> std::io::Result<Vec<u8>> {
    // Asked first: to open a pipe would wait for its writer.
    if !dir.metadata(path)?.is_file() {
        return Err(std::io::Error::other("it is not a file"));
    }
    let mut bytes = Vec::new();
    dir.open(path)?.take(limit + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        return Err(std::io::Error::other(format!("it is larger than {} MiB", limit >> 20)));
    }
    Ok(bytes)
}

fn reason(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "it is not there".to_owned(),
        std::io::ErrorKind::PermissionDenied if error.raw_os_error().is_none() => {
            "it leads out of the folder".to_owned()
        }
        _ => {
            let mut text = error.to_string();
            if let Some(first) = text.get_mut(..1) {
                first.make_ascii_lowercase();
            }
            text
        }
    }
}

/// Whether a file that is in no trader's crate may be part of a crate that traders share.
fn is_source(path: &Path) -> bool {
    let is_rust = path.extension().is_some_and(|extension| extension == "rs");
    is_rust || matches!(path.file_name().and_then(|name| name.to_str()), Some("Cargo.toml" | "Cargo.lock"))
}

/// The end of a compiler's output, safe to show on a terminal.
fn last_lines(text: &str) -> String {
    const LONGEST_LINE_BYTES: usize = 400;
    let lines: Vec<&str> = text.trim_end().lines().collect();
    let last = lines.iter().skip(lines.len().saturating_sub(COMPILER_LINES));
    let shown: Vec<String> = last.map(|line| shown(line, LONGEST_LINE_BYTES)).collect();
    shown.join("\n")
}

fn expected() -> String {
    format!("a folder of traders holds a {FILE_NAME} such as\n{}", entry::EXAMPLE)
}

#[cfg(test)]
mod tests;
