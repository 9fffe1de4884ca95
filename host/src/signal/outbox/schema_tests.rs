use std::io::{Seek as _, SeekFrom, Write as _};

use super::*;
use crate::signal::outbox::fixtures::{FEED, IDENTITY, ids, keep, live, open as open_outbox};
use crate::signal::outbox::{Bounds, Outbox, Table};

fn error(dir: &Path, identity: &str) -> OpenError {
    Outbox::open(dir, identity, FEED, Bounds::default()).map(|_| ()).unwrap_err()
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn only_the_owner_can_read_it() {
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("data/outbox");
    let outbox = open_outbox(&dir);
    keep(&outbox, &live([1]));
    assert_eq!(mode(&dir), 0o700);
    for entry in std::fs::read_dir(&dir).unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
    }
    drop(outbox);
    std::fs::set_permissions(dir.join(FILE_NAME), Permissions::from_mode(0o644)).unwrap();
    drop(open_outbox(&dir));
    assert_eq!(mode(&dir.join(FILE_NAME)), 0o600, "a file that was opened to others is closed again");
}

#[test]
fn two_cannot_have_it() {
    let dir = tempfile::tempdir().unwrap();
    let first = open_outbox(dir.path());
    let refused = error(dir.path(), IDENTITY);
    assert!(matches!(refused, OpenError::InUse(_)), "{refused}");
    assert!(refused.to_string().contains("is locked by another process; stop that one"), "{refused}");
    drop(first);
    open_outbox(dir.path());
}

#[test]
fn it_is_never_another_ones() {
    let dir = tempfile::tempdir().unwrap();
    let outbox = open_outbox(dir.path());
    keep(&outbox, &live([1]));
    drop(outbox);
    let refused = error(dir.path(), "user_dedicated 63eea370");
    assert!(matches!(refused, OpenError::Foreign { .. }), "{refused}");
    let words = "belongs to \"shared_backend\", and this host is \"user_dedicated 63eea370\"; check RUN_MODE";
    assert!(refused.to_string().contains(words), "{refused}");
}

/// A mistyped address that never answered must not claim the folder for good.
#[test]
fn one_that_was_never_used_goes_to_whoever_opens_it() {
    let dir = tempfile::tempdir().unwrap();
    drop(open_outbox(dir.path()));
    drop(open(dir.path(), "user_dedicated 63eea370").unwrap());
    let outbox = open_outbox(dir.path());
    keep(&outbox, &live([1]));
    drop(outbox);
    assert!(matches!(error(dir.path(), "user_dedicated 63eea370"), OpenError::Foreign { .. }));
}

#[test]
fn a_newer_file_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    drop(open_outbox(dir.path()));
    let connection = Connection::open(dir.path().join(FILE_NAME)).unwrap();
    connection.pragma_update(None, "user_version", VERSION + 1).unwrap();
    drop(connection);
    let refused = error(dir.path(), IDENTITY);
    assert!(matches!(refused, OpenError::Newer { found: 2, .. }), "{refused}");
}

#[test]
fn it_is_durable_before_it_is_taken() {
    let dir = tempfile::tempdir().unwrap();
    let opened = open(dir.path(), IDENTITY).unwrap();
    for connection in [&opened.writer, &opened.reader] {
        let ask = |pragma: &str| {
            connection.pragma_query_value(None, pragma, |row| row.get::<_, rusqlite::types::Value>(0)).unwrap()
        };
        assert_eq!(ask("journal_mode"), "wal".to_owned().into());
        assert_eq!(ask("synchronous"), 2.into(), "full");
    }
}

/// Damages the file from `at` on.
fn damage(dir: &Path, at: u64) {
    let mut file = OpenOptions::new().write(true).open(dir.join(FILE_NAME)).unwrap();
    file.seek(SeekFrom::Start(at)).unwrap();
    file.write_all(&[0x5a; 3 * 4096]).unwrap();
}

#[test]
fn a_damaged_file_is_moved_aside() {
    for at in [0, 4096] {
        let dir = tempfile::tempdir().unwrap();
        let outbox = open_outbox(dir.path());
        keep(&outbox, &live(0..50));
        drop(outbox);
        damage(dir.path(), at);
        let outbox = open_outbox(dir.path());
        let aside = outbox.moved_aside().unwrap();
        assert!(aside.to_string_lossy().contains("outbox.sqlite3.damaged-"), "{}", aside.display());
        assert_eq!(mode(aside), 0o600);
        assert_eq!(outbox.depth().rows(), 0);
        let signals = live([1]);
        keep(&outbox, &signals);
        drop(outbox);
        let outbox = open_outbox(dir.path());
        assert_eq!(outbox.moved_aside(), None);
        let batch = outbox.next_batch(Table::Signals, 10, 1 << 20).unwrap();
        assert_eq!(batch.queued.iter().map(|queued| queued.id).collect::<Vec<_>>(), ids(&signals));
    }
}

#[test]
fn an_empty_file_is_as_none() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join(FILE_NAME), b"").unwrap();
    let outbox = open_outbox(dir.path());
    assert_eq!(outbox.moved_aside(), None);
    keep(&outbox, &live([1]));
}
