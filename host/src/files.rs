//! Files that a person names on the command line, opened below their folder only.

use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use cap_std::ambient_authority;
use cap_std::fs::{Dir, OpenOptions};

use crate::config::quoted;

/// Reads a whole file of at most `max_bytes`.
///
/// # Errors
///
/// In words: what is wrong with which path, and what to do.
pub fn read(path: &Path, max_bytes: u64) -> Result<Vec<u8>, String> {
    let shown = quoted(&path.to_string_lossy());
    let cannot = |error: std::io::Error| format!("cannot read {shown}: {}", reason(&error));
    let (folder, name) = split(path).ok_or_else(|| format!("{shown} names no file, give one"))?;
    // The file itself may be a link; where it leads decides which folder is opened.
    let (folder, name) = match path.canonicalize() {
        Ok(real) => split(&real).unwrap_or((folder, name)),
        Err(error) => return Err(cannot(error)),
    };
    let dir = Dir::open_ambient_dir(&folder, ambient_authority()).map_err(cannot)?;
    let file = dir.open(&name).map_err(cannot)?;
    let meta = file.metadata().map_err(cannot)?;
    if !meta.is_file() {
        return Err(format!("{shown} is not a file, give one"));
    }
    if meta.len() > max_bytes {
        return Err(format!("{shown} has {} bytes, at most {max_bytes} are read", meta.len()));
    }
    let mut bytes = Vec::new();
    file.take(max_bytes).read_to_end(&mut bytes).map_err(cannot)?;
    Ok(bytes)
}

/// A file that is written whole or not at all. Opened before the work whose result it takes, so that a place where nothing can be
/// written is known at once; what is there already stays until then.
pub struct NewFile {
    shown: String,
    dir: Dir,
    name: OsString,
    aside: OsString,
}

impl NewFile {
    /// Proves that the file can be written.
    ///
    /// # Errors
    ///
    /// In words: what is wrong with which path, and what to do.
    pub fn open(path: &Path) -> Result<Self, String> {
        let shown = quoted(&path.to_string_lossy());
        let cannot = |error: io::Error| format!("cannot write {shown}: {}", reason(&error));
        let real = match path.canonicalize() {
            Ok(real) => real,
            Err(error) if error.kind() == io::ErrorKind::NotFound => path.to_owned(),
            Err(error) => return Err(cannot(error)),
        };
        if real.exists() && !real.is_file() {
            return Err(format!("{shown} is there and is not a file, give another path"));
        }
        let (folder, name) = split(&real).ok_or_else(|| format!("{shown} names no file, give one"))?;
        let dir = Dir::open_ambient_dir(&folder, ambient_authority()).map_err(cannot)?;
        let mut aside = OsString::from(".");
        aside.push(&name);
        aside.push(format!(".{}.part", std::process::id()));
        dir.open_with(&aside, OpenOptions::new().write(true).create(true).truncate(true)).map_err(cannot)?;
        // Whoever is interrupted before there is anything to write leaves nothing behind.
        dir.remove_file(&aside).map_err(cannot)?;
        Ok(Self { shown, dir, name, aside })
    }

    /// The path as it was named, to be shown.
    #[must_use]
    pub fn shown(&self) -> &str {
        &self.shown
    }

    /// Writes it.
    ///
    /// # Errors
    ///
    /// In words, with the path.
    pub fn write(self, bytes: &[u8]) -> Result<(), String> {
        let write = || {
            let mut file =
                self.dir.open_with(&self.aside, OpenOptions::new().write(true).create(true).truncate(true))?;
            file.write_all(bytes)?;
            self.dir.rename(&self.aside, &self.dir, &self.name)
        };
        write().map_err(|error| format!("cannot write {}: {}", self.shown, reason(&error)))
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        // Gone already once it was written.
        let _ = self.dir.remove_file(&self.aside);
    }
}

/// The folder of a file, and its name there.
fn split(path: &Path) -> Option<(PathBuf, OsString)> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    Some((folder.to_owned(), path.file_name()?.to_owned()))
}

/// The system's words without its number.
fn reason(error: &std::io::Error) -> String {
    let text = error.to_string().to_lowercase();
    text.split(" (os error").next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(folder).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    #[test]
    fn a_new_file_is_there_whole_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out.html");
        drop(NewFile::open(&path).unwrap());
        assert_eq!(names(folder.path()), [] as [&str; 0]);
        std::fs::write(&path, "before").unwrap();
        let file = NewFile::open(&path).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "before");
        file.write(b"after").unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "after");
        assert_eq!(names(folder.path()), ["out.html"]);
    }

    #[test]
    fn where_nothing_can_be_written_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let told = |path: &Path| NewFile::open(path).err().unwrap().replace(&folder.path().display().to_string(), "");
        assert_eq!(
            told(&folder.path().join("no/out.html")),
            r#"cannot write "/no/out.html": no such file or directory"#
        );
        assert_eq!(told(folder.path()), r#""" is there and is not a file, give another path"#);
        assert_eq!(told(Path::new("/")), r#""/" is there and is not a file, give another path"#);
        assert_eq!(told(Path::new("")), r#""" names no file, give one"#);
    }
}
