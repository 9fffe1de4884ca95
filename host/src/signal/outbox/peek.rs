//! A look at an outbox that is perhaps another process's: nothing is locked, made or changed.

use std::path::Path;

use rusqlite::{Connection, OpenFlags};

use super::FILE_NAME;

/// What an outbox says from outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peek {
    /// Whose signals it holds.
    pub identity: String,
    /// Signals that wait, of both tables.
    pub queued: u64,
    /// Signals that the database refused for good and that are kept.
    pub dead: u64,
}

/// Looks into the outbox of a folder; `None` where there is none.
///
/// # Errors
///
/// If it cannot be read, in words.
pub fn peek(dir: &Path) -> Result<Option<Peek>, String> {
    let path = dir.join(FILE_NAME);
    if !path.exists() {
        return Ok(None);
    }
    let read = || {
        let connection = Connection::open_with_flags(&path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        let count = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, i64>(0));
        let identity = connection.query_row("select value from meta where key = 'identity'", [], |row| row.get(0))?;
        Ok::<_, rusqlite::Error>(Peek {
            identity,
            queued: count("select count(*) from outbox")?.unsigned_abs(),
            dead: count("select count(*) from dead")?.unsigned_abs(),
        })
    };
    read().map(Some).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::super::{Bounds, Outbox};
    use super::*;

    #[test]
    fn an_outbox_in_use_is_looked_at_and_none_is_made() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(peek(dir.path()), Ok(None));
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
        let _held = Outbox::open(dir.path(), "project|shared_backend", "feed", Bounds::default()).unwrap();
        let seen = peek(dir.path()).unwrap().unwrap();
        assert_eq!(seen, Peek { identity: "project|shared_backend".to_owned(), queued: 0, dead: 0 });
    }

    #[test]
    fn a_file_that_is_no_database_is_told() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(FILE_NAME), "x".repeat(2_000)).unwrap();
        assert!(peek(dir.path()).is_err());
    }
}
