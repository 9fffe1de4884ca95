//! What the tests of the outbox share.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tokio::sync::Notify;
use uuid::Uuid;

use super::{BATCH_BYTES, BATCH_ROWS, Bounds, COLUMNS, Deliver, DeliverError, Inserted, Outbox, Refusal, Table};
use crate::ids::TraderId;
use crate::signal::{Burst, StampedSignal};

pub(super) const IDENTITY: &str = "shared_backend";
pub(super) const FEED: &str = "synthetic";

pub(super) fn open(dir: &Path) -> Outbox {
    Outbox::open(dir, IDENTITY, FEED, Bounds::default()).unwrap()
}

pub(super) fn trader(number: u128) -> TraderId {
    TraderId::new(Uuid::from_u128(number))
}

/// Live signals of one trader, of the candles that opened at these minutes.
pub(super) fn live(minutes: impl IntoIterator<Item = i64>) -> Vec<StampedSignal> {
    minutes.into_iter().map(|minute| StampedSignal::sample(trader(1), minute, "up", false)).collect()
}

/// The same of its warm-up.
pub(super) fn historical(minutes: impl IntoIterator<Item = i64>) -> Vec<StampedSignal> {
    minutes.into_iter().map(|minute| StampedSignal::sample(trader(1), minute, "up", true)).collect()
}

pub(super) fn ids(signals: &[StampedSignal]) -> Vec<Uuid> {
    signals.iter().map(StampedSignal::id).collect()
}

/// Keeps signals without moving a cursor.
pub(super) fn keep(outbox: &Outbox, signals: &[StampedSignal]) {
    outbox.keep(&Burst { signals, close_ms: i64::MIN, cursors: &[] }).unwrap();
}

/// What goes wrong with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// Nothing.
    None,
    /// The rows were not stored, and nobody says so.
    CutBefore,
    /// The rows were stored, and nobody says so.
    CutAfter,
    /// The server is busy.
    Busy,
    /// The rows take too long.
    Slow,
    /// More than a few rows are too large.
    TooLarge,
    /// The key is wrong.
    Unauthorized,
    /// The rows are not stored, and no answer ever comes.
    Hang,
    /// The rows are stored, and no answer ever comes.
    HangAfter,
}

/// A database in memory, with faults.
#[derive(Clone, Default)]
pub(super) struct Database(Arc<Mutex<Tables>>);

#[derive(Default)]
struct Tables {
    rows: BTreeMap<Table, Vec<Uuid>>,
    poison: BTreeMap<Uuid, &'static str>,
    missing: BTreeSet<Table>,
    faults: VecDeque<Fault>,
    requests: Vec<(Table, usize)>,
    in_flight: bool,
    hanging: Arc<Notify>,
}

impl Database {
    pub(super) fn failing(faults: impl IntoIterator<Item = Fault>) -> Self {
        let database = Self::default();
        database.fail(faults);
        database
    }

    /// The next requests meet these faults.
    pub(super) fn fail(&self, faults: impl IntoIterator<Item = Fault>) {
        self.tables().faults = faults.into_iter().collect();
    }

    pub(super) fn refuse(&self, id: Uuid, code: &'static str) {
        self.tables().poison.insert(id, code);
    }

    pub(super) fn drop_table(&self, table: Table) {
        self.tables().missing.insert(table);
    }

    pub(super) fn make_table(&self, table: Table) {
        self.tables().missing.remove(&table);
    }

    /// In the order of insertion.
    pub(super) fn ids(&self, table: Table) -> Vec<Uuid> {
        self.tables().rows.get(&table).cloned().unwrap_or_default()
    }

    pub(super) fn requests(&self) -> Vec<(Table, usize)> {
        self.tables().requests.clone()
    }

    /// Ends when a request hangs.
    pub(super) async fn hangs(&self) {
        let hanging = self.tables().hanging.clone();
        hanging.notified().await;
    }

    fn tables(&self) -> MutexGuard<'_, Tables> {
        self.0.lock().unwrap()
    }
}

impl Tables {
    fn store(&mut self, table: Table, rows: &[String]) -> Result<Inserted, DeliverError> {
        if self.missing.contains(&table) {
            return Err(refused(Refusal::NeedsMending, "PGRST205"));
        }
        let ids: Vec<Uuid> = rows
            .iter()
            .map(|row| {
                let row: serde_json::Value = serde_json::from_str(row).unwrap();
                row["id"].as_str().unwrap().parse().unwrap()
            })
            .collect();
        if let Some(code) = ids.iter().find_map(|id| self.poison.get(id)) {
            return Err(refused(Refusal::Reject, code));
        }
        let there = self.rows.entry(table).or_default();
        let new: Vec<Uuid> = ids.into_iter().filter(|id| !there.contains(id)).collect();
        there.extend(&new);
        Ok(Inserted { new: new.len() as u64 })
    }
}

fn refused(refusal: Refusal, code: &str) -> DeliverError {
    DeliverError { refusal, code: code.into(), reason: "as the test wants it".into(), after: None }
}

impl Deliver for Database {
    async fn insert(
        &self,
        table: Table,
        columns: &'static [&'static str],
        rows: &[String],
    ) -> Result<Inserted, DeliverError> {
        assert_eq!(columns, COLUMNS);
        let bytes: usize = rows.iter().map(|row| row.len() + 1).sum();
        assert!((1..=BATCH_ROWS).contains(&rows.len()) && bytes < BATCH_BYTES, "{} rows, {bytes} bytes", rows.len());
        let fault = {
            let mut tables = self.tables();
            assert!(!std::mem::replace(&mut tables.in_flight, true), "one request at a time");
            tables.requests.push((table, rows.len()));
            tables.faults.pop_front().unwrap_or(Fault::None)
        };
        let _over = Over(self.clone());
        match fault {
            Fault::None => self.tables().store(table, rows),
            Fault::CutBefore => Err(refused(Refusal::Retry, "timeout")),
            Fault::CutAfter => {
                let stored = self.tables().store(table, rows);
                stored.and(Err(refused(Refusal::Retry, "timeout")))
            }
            Fault::Busy => {
                let after = Some(Duration::from_secs(7));
                Err(DeliverError { after, ..refused(Refusal::Retry, "PGRST003") })
            }
            Fault::Slow => Err(refused(Refusal::Halve, "57014")),
            Fault::TooLarge if rows.len() > 3 => Err(refused(Refusal::TooLarge, "413")),
            Fault::TooLarge => self.tables().store(table, rows),
            Fault::Unauthorized => Err(refused(Refusal::NeedsMending, "401")),
            Fault::Hang | Fault::HangAfter => {
                let hanging = self.tables().hanging.clone();
                if fault == Fault::HangAfter {
                    // Whether it could be stored makes no difference: nobody is told.
                    let _ = self.tables().store(table, rows);
                }
                hanging.notify_one();
                std::future::pending().await
            }
        }
    }
}

struct Over(Database);

impl Drop for Over {
    fn drop(&mut self) {
        self.0.tables().in_flight = false;
    }
}
