//! Files that a person names on the command line, opened below their folder only.

use std::io::Read;
use std::path::Path;

use cap_std::ambient_authority;
use cap_std::fs::Dir;

use crate::config::quoted;

/// Reads a whole file of at most `max_bytes`.
///
/// # Errors
///
/// In words: what is wrong with which path, and what to do.
pub fn read(path: &Path, max_bytes: u64) -> Result<Vec<u8>, String> {
    let shown = quoted(&path.to_string_lossy());
    let cannot = |error: std::io::Error| format!("cannot read {shown}: {}", reason(&error));
    let name = path.file_name().ok_or_else(|| format!("{shown} names no file, give one"))?;
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    // The file itself may be a link; where it leads decides which folder is opened.
    let (folder, name) = match path.canonicalize() {
        Ok(real) => (
            real.parent().map_or_else(|| folder.to_owned(), Path::to_owned),
            real.file_name().unwrap_or(name).to_owned(),
        ),
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

/// The system's words without its number.
fn reason(error: &std::io::Error) -> String {
    let text = error.to_string().to_lowercase();
    text.split(" (os error").next().unwrap_or_default().to_owned()
}
