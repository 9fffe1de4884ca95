//! The outbox as people see it: what became of the last signals.

use std::collections::BTreeMap;

use rusqlite::{OptionalExtension as _, params};
use serde::Serialize;
use serde_json::Value;

use super::{Outbox, OutboxError, Table};

/// How far a signal got.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum State {
    /// It waits.
    Queued,
    /// The database has it.
    Sent,
    /// The database refuses it.
    Dead {
        /// The code of the refusal.
        code: String,
        /// The refusal in words.
        reason: String,
    },
}

/// A signal as it is shown to people.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Recent {
    /// How far it got.
    #[serde(flatten)]
    pub state: State,
    /// When it was found, UTC milliseconds.
    pub queued_ms: i64,
    /// When it was sent or refused, UTC milliseconds.
    pub settled_ms: Option<i64>,
    /// The signal, as in the JSON lines.
    pub signal: Value,
}

impl Outbox {
    /// Signals that the database refused, by code, since the file was made.
    ///
    /// # Errors
    ///
    /// If they cannot be read.
    pub fn dead_counts(&self) -> Result<BTreeMap<String, u64>, OutboxError> {
        let reader = self.reader();
        let mut select = reader.prepare_cached("select code, signals from dead_count")?;
        let counts = select.query_map([], |row| Ok((row.get(0)?, row.get::<_, i64>(1)?.cast_unsigned())))?;
        Ok(counts.collect::<rusqlite::Result<_>>()?)
    }

    /// When the signal that waits longest was found, UTC milliseconds.
    ///
    /// # Errors
    ///
    /// If it cannot be read.
    pub fn oldest_queued_ms(&self) -> Result<Option<i64>, OutboxError> {
        let reader = self.reader();
        let mut select = reader.prepare_cached("select queued_ms from outbox order by seq limit 1")?;
        Ok(select.query_row([], |row| row.get(0)).optional()?)
    }

    /// The newest signals of a table that wait, were sent or were refused, newest first.
    ///
    /// # Errors
    ///
    /// If they cannot be read.
    pub fn recent(&self, table: Table, limit: usize) -> Result<Vec<Recent>, OutboxError> {
        let reader = self.reader();
        let mut select = reader.prepare_cached(
            "select brief, state, code, reason, queued_ms, settled_ms from (
               select * from (select seq, brief, 0 as state, '' as code, '' as reason, queued_ms, null as settled_ms
                              from outbox where dest = ?1 order by seq desc limit ?2)
               union all
               select * from (select seq, brief, 1, '', '', queued_ms, settled_ms
                              from sent where dest = ?1 order by seq desc limit ?2)
               union all
               select * from (select seq, brief, 2, code, reason, queued_ms, settled_ms
                              from dead where dest = ?1 order by seq desc limit ?2)
             ) order by seq desc limit ?2",
        )?;
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let recent = select.query_map(params![table.number(), limit], |row| {
            let brief: String = row.get(0)?;
            Ok(Recent {
                state: match row.get(1)? {
                    0 => State::Queued,
                    1 => State::Sent,
                    _ => State::Dead { code: row.get(2)?, reason: row.get(3)? },
                },
                queued_ms: row.get(4)?,
                settled_ms: row.get(5)?,
                signal: serde_json::from_str(&brief).unwrap_or(Value::Null),
            })
        })?;
        Ok(recent.collect::<rusqlite::Result<_>>()?)
    }
}
