//! The outbox as the sender sees it: hands batches out, and takes back how each row ended.

use rusqlite::{OptionalExtension as _, Transaction, TransactionBehavior, params};
use uuid::Uuid;

use super::store::{count, now_ms};
use super::{DEAD_KEPT, Depth, Outbox, OutboxError, SENT_KEPT, Table};

/// A row that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queued {
    /// Its place in the order.
    pub seq: i64,
    /// The id of the signal.
    pub id: Uuid,
}

/// The first rows that wait for a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// Where they belong.
    pub table: Table,
    /// Which they are, in order.
    pub queued: Vec<Queued>,
    /// Their JSON objects, in the same order.
    pub rows: Vec<String>,
    /// Bytes of a JSON array of them.
    pub bytes: usize,
}

impl Outbox {
    /// The first rows of a table, at least one if any waits, else as many as both limits allow.
    ///
    /// # Errors
    ///
    /// If they cannot be read.
    pub fn next_batch(&self, table: Table, max_rows: usize, max_bytes: usize) -> Result<Batch, OutboxError> {
        let reader = self.reader();
        let mut select =
            reader.prepare_cached("select seq, id, row from outbox where dest = ?1 order by seq limit ?2")?;
        let limit = i64::try_from(max_rows).unwrap_or(i64::MAX);
        let mut found = select.query(params![table.number(), limit])?;
        let mut batch = Batch { table, queued: Vec::new(), rows: Vec::new(), bytes: 2 };
        while let Some(row) = found.next()? {
            let json: String = row.get(2)?;
            if !batch.rows.is_empty() && batch.bytes + json.len() + 1 > max_bytes {
                break;
            }
            batch.bytes += json.len() + 1;
            batch.queued.push(Queued { seq: row.get(0)?, id: Uuid::from_bytes(row.get(1)?) });
            batch.rows.push(json);
        }
        Ok(batch)
    }

    /// The database has these rows.
    ///
    /// # Errors
    ///
    /// If that cannot be written; they are sent again.
    pub fn settle(&self, sent: &[Queued]) -> Result<(), OutboxError> {
        let mut gone = Depth::default();
        let mut reader = self.reader();
        let transaction = reader.transaction_with_behavior(TransactionBehavior::Immediate)?;
        {
            let mut copy = transaction.prepare_cached(
                "insert or replace into sent (seq, dest, id, brief, queued_ms, settled_ms)
                 select seq, dest, id, brief, queued_ms, ?2 from outbox where seq = ?1",
            )?;
            let settled_ms = now_ms();
            for queued in sent {
                copy.execute(params![queued.seq, settled_ms])?;
                delete(&transaction, queued.seq, &mut gone)?;
            }
        }
        for table in Table::ALL {
            prune(&transaction, "sent", table, SENT_KEPT)?;
        }
        transaction.commit()?;
        self.shrink(gone);
        Ok(())
    }

    /// The database refuses this row for good: it is kept apart with the reason, so that the others go on.
    ///
    /// # Errors
    ///
    /// If that cannot be written; it is sent again.
    pub fn bury(&self, queued: &Queued, code: &str, reason: &str) -> Result<(), OutboxError> {
        let mut gone = Depth::default();
        let mut reader = self.reader();
        let transaction = reader.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let copied = transaction.execute(
            "insert or replace into dead (seq, dest, id, row, brief, code, reason, queued_ms, settled_ms)
             select seq, dest, id, row, brief, ?2, ?3, queued_ms, ?4 from outbox where seq = ?1",
            params![queued.seq, code, reason, now_ms()],
        )?;
        if copied > 0 {
            transaction.execute(
                "insert into dead_count (code, signals) values (?1, 1)
                 on conflict (code) do update set signals = signals + 1",
                [code],
            )?;
        }
        delete(&transaction, queued.seq, &mut gone)?;
        for table in Table::ALL {
            prune(&transaction, "dead", table, DEAD_KEPT)?;
        }
        transaction.commit()?;
        self.shrink(gone);
        Ok(())
    }
}

fn delete(transaction: &Transaction<'_>, seq: i64, gone: &mut Depth) -> rusqlite::Result<()> {
    let mut delete = transaction.prepare_cached("delete from outbox where seq = ?1 returning dest, bytes")?;
    let deleted = delete.query_row([seq], |row| Ok((row.get(0)?, row.get::<_, i64>(1)?))).optional()?;
    if let Some((dest, bytes)) = deleted
        && let Some(table) = Table::of_number(dest)
    {
        count(gone, table, bytes.cast_unsigned());
    }
    Ok(())
}

fn prune(transaction: &Transaction<'_>, ring: &'static str, table: Table, keep: u32) -> rusqlite::Result<()> {
    let sql = format!(
        "delete from {ring} where dest = ?1
         and seq <= (select seq from {ring} where dest = ?1 order by seq desc limit 1 offset ?2)"
    );
    transaction.prepare_cached(&sql)?.execute(params![table.number(), keep])?;
    Ok(())
}
