//! The outbox as the evaluation sees it: takes bursts in, says whether there is room and how far candles were judged.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use rusqlite::{Connection, ErrorCode, Transaction, TransactionBehavior, ffi, params};
use serde::Serialize;
use tokio::sync::Notify;

use super::cursor::Cursors;
use super::schema::{OpenError, Opened};
use super::{FILE_NAME, MAX_BYTES, MAX_ROWS, NEARLY_FULL_PERCENT, Row, Table, schema};
use crate::config::quoted;
use crate::ids::TraderId;
use crate::signal::hygiene::LastTold;
use crate::signal::{Burst, Sink};

/// How much may wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Rows of both tables.
    pub rows: u64,
    /// Their bytes.
    pub bytes: u64,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { rows: MAX_ROWS, bytes: MAX_BYTES }
    }
}

/// How much waits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Depth {
    /// Live signals.
    pub signals: u64,
    /// Historical signals.
    pub historical_signals: u64,
    /// Bytes of both.
    pub bytes: u64,
}

impl Depth {
    /// Rows of one table.
    #[must_use]
    pub const fn of(&self, table: Table) -> u64 {
        match table {
            Table::Signals => self.signals,
            Table::HistoricalSignals => self.historical_signals,
        }
    }

    /// Rows of both tables.
    #[must_use]
    pub const fn rows(&self) -> u64 {
        self.signals + self.historical_signals
    }
}

/// The outbox could not be read or written.
#[derive(Debug, thiserror::Error)]
#[error("cannot use the outbox: {error}; {hint}")]
pub struct OutboxError {
    error: rusqlite::Error,
    hint: &'static str,
}

impl From<rusqlite::Error> for OutboxError {
    fn from(error: rusqlite::Error) -> Self {
        let hint = match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => "make room on the disk of DATA_DIR",
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                "restart the host, which moves the damaged file aside"
            }
            _ => "check the disk of DATA_DIR",
        };
        Self { error, hint }
    }
}

impl OutboxError {
    /// The thread that asked ended early, as the runtime was shut down.
    pub(super) fn interrupted() -> Self {
        rusqlite::Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_INTERRUPT), None).into()
    }
}

/// The durable queue. Clones are handles of the same one.
#[derive(Clone)]
pub struct Outbox(Arc<Inner>);

struct Inner {
    bounds: Bounds,
    path: PathBuf,
    moved_aside: Option<PathBuf>,
    rows: [AtomicU64; Table::ALL.len()],
    bytes: AtomicU64,
    grown: Notify,
    /// Of the evaluation.
    writer: Mutex<Writer>,
    /// Of the sender, and of those who look.
    reader: Mutex<Connection>,
    /// Dropped last, when the file is closed.
    _lock: File,
}

struct Writer {
    connection: Connection,
    cursors: Cursors,
}

impl Outbox {
    /// Opens the outbox in a folder, or makes one. It belongs to `identity` (run mode and user) for ever; cursors are those of
    /// `feed`. A damaged file is moved aside, and a new one begun. Reads the whole file.
    ///
    /// # Errors
    ///
    /// If another process has it, it belongs to another identity, a newer host wrote it, or the disk refuses.
    pub fn open(dir: &Path, identity: &str, feed: &str, bounds: Bounds) -> Result<Self, OpenError> {
        let Opened { writer, reader, moved_aside, lock } = schema::open(dir, identity)?;
        let path = dir.join(FILE_NAME);
        let database = |error| OpenError::Database { file: quoted(&path.to_string_lossy()), error };
        let cursors = Cursors::load(&writer, feed).map_err(database)?;
        let depth = depth(&writer).map_err(database)?;
        Ok(Self(Arc::new(Inner {
            bounds,
            moved_aside,
            rows: Table::ALL.map(|table| AtomicU64::new(depth.of(table))),
            bytes: AtomicU64::new(depth.bytes),
            grown: Notify::new(),
            writer: Mutex::new(Writer { connection: writer, cursors }),
            reader: Mutex::new(reader),
            path,
            _lock: lock,
        })))
    }

    /// The database file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0.path
    }

    /// Where a damaged file was moved at the opening.
    #[must_use]
    pub fn moved_aside(&self) -> Option<&Path> {
        self.0.moved_aside.as_deref()
    }

    /// Keeps a burst and its cursors, all of it or nothing. What is there already, or was sent or refused lately, stays as it is.
    /// A burst is taken in even beyond the bounds: its candles have been judged. Ask [`Outbox::has_room`] before that.
    ///
    /// # Errors
    ///
    /// If it could not be kept.
    pub fn keep(&self, burst: &Burst<'_>) -> Result<(), OutboxError> {
        let rows: Vec<Row> = burst
            .signals
            .iter()
            .filter_map(|signal| Row::of(signal).map_err(|error| tracing::error!(%error, "host fault")).ok())
            .collect();
        let mut writer = lock(&self.0.writer);
        let Writer { connection, cursors } = &mut *writer;
        let change = cursors.change(burst);
        if rows.is_empty() && change.is_empty() {
            return Ok(());
        }
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let added = insert(&transaction, &rows)?;
        cursors.write(&transaction, &change)?;
        cursors.write_told(&transaction, burst.signals)?;
        // Counted before the sender can see them, so that it never takes away what was not yet added.
        self.grow(added);
        if let Err(error) = transaction.commit() {
            self.shrink(added);
            return Err(error.into());
        }
        cursors.apply(change);
        if added.rows() > 0 {
            self.0.grown.notify_one();
        }
        Ok(())
    }

    /// Whether more may be judged. If not, the host stops evaluating until the sender has made room.
    #[must_use]
    pub fn has_room(&self) -> bool {
        let depth = self.depth();
        depth.rows() < self.0.bounds.rows && depth.bytes < self.0.bounds.bytes
    }

    /// Whether the bounds are near.
    #[must_use]
    pub fn is_nearly_full(&self) -> bool {
        let near = |is: u64, bound: u64| is.saturating_mul(100) >= bound.saturating_mul(NEARLY_FULL_PERCENT);
        let depth = self.depth();
        near(depth.rows(), self.0.bounds.rows) || near(depth.bytes, self.0.bounds.bytes)
    }

    /// How much waits.
    #[must_use]
    pub fn depth(&self) -> Depth {
        Depth {
            signals: self.rows(Table::Signals).load(Ordering::Acquire),
            historical_signals: self.rows(Table::HistoricalSignals).load(Ordering::Acquire),
            bytes: self.0.bytes.load(Ordering::Acquire),
        }
    }

    /// Waits until rows have come since this was last waited for. For one waiter.
    pub async fn grown(&self) {
        self.0.grown.notified().await;
    }

    /// Close time of the newest candle of the feed whose signals are all here.
    #[must_use]
    pub fn feed_cursor(&self) -> Option<i64> {
        lock(&self.0.writer).cursors.close_ms()
    }

    /// Close time up to which all of a trader has been judged; none if it does not run, or was never given a candle.
    #[must_use]
    pub fn judged(&self, trader: TraderId) -> Option<i64> {
        lock(&self.0.writer).cursors.judged(trader)
    }

    /// The last live signal of each kind that a trader told, since it was last started anew.
    ///
    /// # Errors
    ///
    /// If they cannot be read.
    pub fn told(&self, trader: TraderId) -> Result<Vec<LastTold>, OutboxError> {
        let writer = lock(&self.0.writer);
        Ok(writer.cursors.told(&writer.connection, trader)?)
    }

    /// The earliest cursor, of the feed or of a trader: what comes after it has to be fetched after a restart.
    #[must_use]
    pub fn earliest_cursor(&self) -> Option<i64> {
        lock(&self.0.writer).cursors.earliest()
    }

    /// The traders that have a cursor: those that ran when the last burst came, and have not been forgotten.
    #[must_use]
    pub fn traders(&self) -> Vec<TraderId> {
        lock(&self.0.writer).cursors.traders()
    }

    /// Forgets the cursor of a trader that was stopped. Its signals that wait are still sent.
    ///
    /// # Errors
    ///
    /// If it cannot be written.
    pub fn forget_trader(&self, trader: TraderId) -> Result<(), OutboxError> {
        let mut writer = lock(&self.0.writer);
        let Writer { connection, cursors } = &mut *writer;
        Ok(cursors.forget(connection, trader)?)
    }

    fn grow(&self, added: Depth) {
        for table in Table::ALL {
            self.rows(table).fetch_add(added.of(table), Ordering::AcqRel);
        }
        self.0.bytes.fetch_add(added.bytes, Ordering::AcqRel);
    }

    pub(super) fn shrink(&self, gone: Depth) {
        for table in Table::ALL {
            self.rows(table).fetch_sub(gone.of(table), Ordering::AcqRel);
        }
        self.0.bytes.fetch_sub(gone.bytes, Ordering::AcqRel);
    }

    /// The connection of the sender, and of those who look.
    pub(super) fn reader(&self) -> MutexGuard<'_, Connection> {
        lock(&self.0.reader)
    }

    fn rows(&self, table: Table) -> &AtomicU64 {
        let [signals, historical_signals] = &self.0.rows;
        match table {
            Table::Signals => signals,
            Table::HistoricalSignals => historical_signals,
        }
    }
}

impl Sink for Outbox {
    fn accept(&mut self, burst: &Burst<'_>) -> io::Result<()> {
        self.keep(burst).map_err(io::Error::other)
    }
}

fn insert(transaction: &Transaction<'_>, rows: &[Row]) -> rusqlite::Result<Depth> {
    let mut insert = transaction.prepare_cached(
        "insert into outbox (dest, id, row, brief, bytes, queued_ms)
         select ?1, ?2, ?3, ?4, ?5, ?6
         where not exists (select 1 from sent where dest = ?1 and id = ?2)
           and not exists (select 1 from dead where dest = ?1 and id = ?2)
         on conflict (dest, id) do nothing",
    )?;
    let mut added = Depth::default();
    let queued_ms = now_ms();
    for row in rows {
        let bytes = row.json.len() + row.brief.len();
        let bytes_stored = i64::try_from(bytes).unwrap_or(i64::MAX);
        let changed = insert.execute(params![
            row.table.number(),
            row.id.as_bytes(),
            row.json,
            row.brief,
            bytes_stored,
            queued_ms
        ])?;
        if changed > 0 {
            count(&mut added, row.table, bytes as u64);
        }
    }
    Ok(added)
}

pub(super) fn count(depth: &mut Depth, table: Table, bytes: u64) {
    match table {
        Table::Signals => depth.signals += 1,
        Table::HistoricalSignals => depth.historical_signals += 1,
    }
    depth.bytes += bytes;
}

fn depth(connection: &Connection) -> rusqlite::Result<Depth> {
    let mut depth = Depth::default();
    let mut select = connection.prepare("select dest, count(*), sum(bytes) from outbox group by dest")?;
    let mut found = select.query([])?;
    while let Some(row) = found.next()? {
        let rows = row.get::<_, i64>(1)?.cast_unsigned();
        match Table::of_number(row.get(0)?) {
            Some(Table::Signals) => depth.signals = rows,
            Some(Table::HistoricalSignals) => depth.historical_signals = rows,
            None => {}
        }
        depth.bytes += row.get::<_, i64>(2)?.cast_unsigned();
    }
    Ok(depth)
}

/// Wall time, UTC milliseconds.
pub(super) fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// A panic under it can leave no half-done work: SQLite rolls back what was not committed.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
#[path = "store_tests.rs"]
mod tests;
