//! The file: one process and one identity at a time, checked when it is opened.

use std::fs::{DirBuilder, File, OpenOptions, Permissions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior};

use super::store::now_ms;
use crate::config::quoted;

/// The database, in the folder that [`super::Outbox::open`] is given.
pub const FILE_NAME: &str = "outbox.sqlite3";
/// The file whose lock says that a process uses the outbox. It is apart, since a damaged database is moved away.
pub const LOCK_NAME: &str = "outbox.lock";

/// What this code reads and writes; `user_version` of the file.
const VERSION: i64 = 1;
/// How long one connection waits for the other to commit: far longer than a slow disk needs.
const BUSY: Duration = Duration::from_secs(30);
/// What is left of the write-ahead log after a checkpoint.
const LOG_BYTES: i64 = 16 << 20;

const TABLES: &str = "
create table meta (key text primary key, value text not null) strict, without rowid;

-- Waiting to be sent, in the order of seq, which is never used twice.
create table outbox (
  seq integer primary key autoincrement,
  dest integer not null,
  id blob not null,
  row text not null,
  brief text not null,
  bytes integer not null,
  queued_ms integer not null,
  unique (dest, id)
) strict;
create index outbox_in_order on outbox (dest, seq);

-- The last that were sent: to be shown, and to be known when they come again.
create table sent (
  seq integer primary key,
  dest integer not null,
  id blob not null,
  brief text not null,
  queued_ms integer not null,
  settled_ms integer not null,
  unique (dest, id)
) strict;
create index sent_in_order on sent (dest, seq);

-- Refused for good, each with the reason.
create table dead (
  seq integer primary key,
  dest integer not null,
  id blob not null,
  row text not null,
  brief text not null,
  code text not null,
  reason text not null,
  queued_ms integer not null,
  settled_ms integer not null,
  unique (dest, id)
) strict;
create index dead_in_order on dead (dest, seq);
create table dead_count (code text primary key, signals integer not null) strict, without rowid;

-- Close time of the newest candle of a feed whose signals are all here.
create table feed (name text primary key, close_ms integer not null) strict, without rowid;
-- A row for each running trader; lag_ms is its own close time where that is before the feed's.
create table trader (
  feed text not null,
  id blob not null,
  lag_ms integer,
  primary key (feed, id)
) strict, without rowid;
-- The last live signal of each kind: what a cooldown counts from after a restart.
create table told (
  feed text not null,
  trader blob not null,
  symbol text not null,
  interval text not null,
  tag text not null,
  open_ms integer not null,
  primary key (feed, trader, symbol, interval, tag)
) strict, without rowid;
";

/// Why an outbox cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has it.
    #[error("{0} is locked by another process; stop that one, or give each host a DATA_DIR of its own")]
    InUse(String),
    /// Its signals are somebody else's.
    #[error(
        "{file} belongs to {stored}, and this host is {wanted}; check RUN_MODE, USER_ID and SUPABASE_URL, \
         or give each host a DATA_DIR of its own"
    )]
    Foreign {
        /// The file.
        file: String,
        /// Whose it is.
        stored: String,
        /// Who asks.
        wanted: String,
    },
    /// It was written by a later host.
    #[error("{file} has version {found}, and this host knows {VERSION}; run the newer host again")]
    Newer {
        /// The file.
        file: String,
        /// Its version.
        found: i64,
    },
    /// The file system refuses.
    #[error("cannot open {file}: {error}; check DATA_DIR and its owner")]
    Files {
        /// The file.
        file: String,
        /// What it says.
        error: io::Error,
    },
    /// SQLite refuses.
    #[error("cannot open {file}: {error}; check the disk of DATA_DIR")]
    Database {
        /// The file.
        file: String,
        /// What it says.
        error: rusqlite::Error,
    },
}

/// An open file.
pub(super) struct Opened {
    pub(super) writer: Connection,
    pub(super) reader: Connection,
    /// Where a damaged file was moved.
    pub(super) moved_aside: Option<PathBuf>,
    /// Unlocked when it is dropped, so it must be dropped last.
    pub(super) lock: File,
}

pub(super) fn open(dir: &Path, identity: &str) -> Result<Opened, OpenError> {
    let path = dir.join(FILE_NAME);
    let lock = lock(dir)?;
    let (writer, moved_aside) = match sound(&path) {
        Err(error) if is_damaged(&error) => {
            let aside = move_aside(&path).map_err(files(&path))?;
            tracing::error!(
                file = %path.display(), moved_to = %aside.display(), %error,
                "the outbox is damaged and was moved aside; its unsent signals come back only where their candles are judged again"
            );
            (sound(&path), Some(aside))
        }
        opened => (opened, None),
    };
    let mut writer = writer.map_err(|error| error.named(&path))?;
    prepare(&mut writer, &path, identity)?;
    let reader = connect(&path).map_err(database(&path))?;
    Ok(Opened { writer, reader, moved_aside, lock })
}

fn lock(dir: &Path) -> Result<File, OpenError> {
    DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(files(dir))?;
    let path = dir.join(LOCK_NAME);
    let lock = private().open(&path).map_err(files(&path))?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(OpenError::InUse(shown(&path))),
        Err(TryLockError::Error(error)) => Err(files(&path)(error)),
    }
}

/// Made readable for the owner alone; what is in it stays.
fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false).mode(0o600);
    options
}

/// Why a file is not sound.
#[derive(Debug, thiserror::Error)]
enum Unsound {
    #[error(transparent)]
    Files(io::Error),
    #[error(transparent)]
    Database(rusqlite::Error),
    #[error("{0}")]
    Check(String),
}

impl Unsound {
    fn named(self, path: &Path) -> OpenError {
        match self {
            Self::Files(error) => files(path)(error),
            Self::Database(error) => database(path)(error),
            Self::Check(words) => files(path)(io::Error::other(words)),
        }
    }
}

/// Opens the file, a new one if there is none, and reads all of it.
fn sound(path: &Path) -> Result<Connection, Unsound> {
    let file = private().open(path).map_err(Unsound::Files)?;
    file.set_permissions(Permissions::from_mode(0o600)).map_err(Unsound::Files)?;
    drop(file);
    let connection = connect(path).map_err(Unsound::Database)?;
    let check = connection.query_row("pragma quick_check(1)", [], |row| row.get::<_, String>(0));
    match check.map_err(Unsound::Database)?.as_str() {
        "ok" => Ok(connection),
        words => Err(Unsound::Check(words.to_owned())),
    }
}

fn is_damaged(error: &Unsound) -> bool {
    match error {
        Unsound::Check(_) => true,
        Unsound::Database(error) => {
            matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase))
        }
        Unsound::Files(_) => false,
    }
}

fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    connection.busy_timeout(BUSY)?;
    connection.pragma_update_and_check(None, "journal_mode", "wal", |_| Ok(()))?;
    connection.pragma_update(None, "synchronous", "full")?;
    connection.pragma_update_and_check(None, "journal_size_limit", LOG_BYTES, |_| Ok(()))?;
    Ok(connection)
}

/// Makes the tables of a new file, and checks whose an old one is.
fn prepare(connection: &mut Connection, path: &Path, identity: &str) -> Result<(), OpenError> {
    let database = database(path);
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(&database)?;
    let version = |row: &rusqlite::Row<'_>| row.get::<_, i64>(0);
    let found = transaction.query_row("pragma user_version", [], version).map_err(&database)?;
    if found > VERSION {
        return Err(OpenError::Newer { file: shown(path), found });
    }
    if found == 0 {
        let made = transaction.execute_batch(TABLES).and_then(|()| {
            transaction.execute("insert into meta (key, value) values ('identity', ?1)", [identity])?;
            transaction.pragma_update(None, "user_version", VERSION)
        });
        made.map_err(&database)?;
    }
    let stored = transaction
        .query_row("select value from meta where key = 'identity'", [], |row| row.get::<_, String>(0))
        .map_err(&database)?;
    if stored != identity && !is_unused(&transaction).map_err(&database)? {
        return Err(OpenError::Foreign { file: shown(path), stored: quoted(&stored), wanted: quoted(identity) });
    }
    if stored != identity {
        // Nothing was ever kept for that one: a setting was wrong, and has been mended.
        transaction.execute("update meta set value = ?1 where key = 'identity'", [identity]).map_err(&database)?;
    }
    transaction.commit().map_err(&database)
}

/// Whether nothing was ever put into it.
fn is_unused(connection: &Connection) -> rusqlite::Result<bool> {
    let used = "select exists (select 1 from outbox) or exists (select 1 from sent) or exists (select 1 from dead)
        or exists (select 1 from feed) or exists (select 1 from trader)";
    connection.query_row(used, [], |row| row.get::<_, bool>(0)).map(|used| !used)
}

/// Renames the database and what belongs to it.
fn move_aside(path: &Path) -> io::Result<PathBuf> {
    let with = |suffix: &str| {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        PathBuf::from(name)
    };
    let mark = format!(".damaged-{}", now_ms());
    for part in ["-wal", "-shm"] {
        match std::fs::rename(with(part), with(&format!("{mark}{part}"))) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    let aside = with(&mark);
    std::fs::rename(path, &aside)?;
    Ok(aside)
}

fn shown(path: &Path) -> String {
    quoted(&path.to_string_lossy())
}

fn files(path: &Path) -> impl Fn(io::Error) -> OpenError {
    let file = shown(path);
    move |error| OpenError::Files { file: file.clone(), error }
}

fn database(path: &Path) -> impl Fn(rusqlite::Error) -> OpenError {
    let file = shown(path);
    move |error| OpenError::Database { file: file.clone(), error }
}

#[cfg(test)]
#[path = "schema_tests.rs"]
mod tests;
