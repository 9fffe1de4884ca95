//! Drains the outbox into the database: one request at a time, for ever, until the host stops.

use std::future::Future;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until};

use super::lane::{Lane, Next, draw};
use super::store::now_ms;
use super::{Batch, COLUMNS, Outbox, OutboxError, SenderStatus, Table, Trouble};

/// What a failure means for the rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// It passes by itself, or nobody knows what became of the rows: they are sent again.
    Retry,
    /// They take the database too long: half of them, after a wait.
    Halve,
    /// They are too many bytes: half of them at once. A single row is buried.
    TooLarge,
    /// One of them can never be stored: halved at once until it is found, and buried.
    Reject,
    /// The key, a grant or the schema is wrong: tried again slowly, and the host says that it is not ready.
    NeedsMending,
}

/// A request that failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason} ({code})")]
pub struct DeliverError {
    /// What it means for the rows.
    pub refusal: Refusal,
    /// The code of the database or the gateway, or a word such as `timeout`; a label of metrics.
    pub code: String,
    /// Our own words: never what a server said.
    pub reason: String,
    /// How long the server asks to wait.
    pub after: Option<Duration>,
}

/// A request that went through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Inserted {
    /// Rows that were not there before.
    pub new: u64,
}

/// Takes rows to the database.
pub trait Deliver: Send + Sync + 'static {
    /// Inserts rows, passing over those whose id is there: all of them or none. `rows` are JSON objects that have all `columns`
    /// as keys. Must have a timeout of its own. It may be dropped at any await.
    fn insert(
        &self,
        table: Table,
        columns: &'static [&'static str],
        rows: &[String],
    ) -> impl Future<Output = Result<Inserted, DeliverError>> + Send;
}

/// What is left after a drain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Drained {
    /// Rows that wait for the next start.
    pub left: u64,
}

/// A running sender. It stops when this is dropped, in the middle of a request if need be: what becomes of its rows is found out
/// by the next one.
pub struct Sender {
    outbox: Outbox,
    /// Set: stop when nothing waits, or at that time.
    stop: watch::Sender<Option<Instant>>,
    status: watch::Receiver<SenderStatus>,
    task: JoinHandle<()>,
}

impl Sender {
    /// Starts to drain, on the tokio runtime that this is called in.
    pub fn start(outbox: Outbox, deliver: impl Deliver) -> Self {
        let (stop, stopped) = watch::channel(None);
        let (says, status) = watch::channel(SenderStatus::default());
        let now = Instant::now();
        let lanes = Table::ALL.map(|table| (table, Lane::new(now)));
        let work = Work { outbox: outbox.clone(), deliver, lanes, status: says, stop: stopped };
        Self { outbox, stop, status, task: tokio::spawn(work.run()) }
    }

    /// What it does, kept up to date.
    #[must_use]
    pub fn status(&self) -> watch::Receiver<SenderStatus> {
        self.status.clone()
    }

    /// Comes when it has stopped by itself, which it only does by a panic.
    pub async fn ended(&mut self) {
        if let Err(error) = (&mut self.task).await {
            tracing::error!(%error, "the sender ended early");
        }
    }

    /// Sends on until nothing waits, for so long at most, and stops. To be called after the last burst.
    pub async fn drain(self, within: Duration) -> Drained {
        self.stop.send_replace(Some(Instant::now() + within));
        if let Err(error) = self.task.await {
            tracing::error!(%error, "the sender ended early");
        }
        Drained { left: self.outbox.depth().rows() }
    }
}

struct Work<D> {
    outbox: Outbox,
    deliver: D,
    lanes: [(Table, Lane); Table::ALL.len()],
    status: watch::Sender<SenderStatus>,
    stop: watch::Receiver<Option<Instant>>,
}

/// What a turn came to.
enum Turn {
    /// A request was made, or tried.
    Went,
    /// Nothing may be sent before.
    Wait(Instant),
    /// Nothing waits.
    Idle,
    /// Time to stop.
    Stop,
}

impl<D: Deliver> Work<D> {
    async fn run(mut self) {
        loop {
            let until = match self.turn().await {
                Turn::Went => continue,
                Turn::Stop => return,
                Turn::Wait(until) => Some(until),
                Turn::Idle => None,
            };
            let Some(deadline) = self.stopping() else { return };
            // While draining, more does not come: what cannot be sent before the deadline is left at once.
            if deadline.is_some_and(|deadline| until.is_none_or(|until| until >= deadline)) {
                return;
            }
            tokio::select! {
                () = self.outbox.grown() => {}
                () = sleep_until(until.unwrap_or_else(Instant::now)), if until.is_some() => {}
                _ = self.stop.changed() => {}
            }
        }
    }

    /// Sends the rows of the first table that may be sent.
    async fn turn(&mut self) -> Turn {
        let mut earliest: Option<Instant> = None;
        for index in 0..self.lanes.len() {
            let Some((table, lane)) = self.lanes.get(index) else { continue };
            let table = *table;
            if self.outbox.depth().of(table) == 0 {
                continue;
            }
            if lane.not_before > Instant::now() {
                earliest = Some(earliest.map_or(lane.not_before, |earliest| earliest.min(lane.not_before)));
                continue;
            }
            let (rows, bytes) = (lane.rows(), lane.bytes());
            let batch = match self.apart(move |outbox| outbox.next_batch(table, rows, bytes)).await {
                Ok(batch) => batch,
                Err(error) => {
                    self.stumbled(table, &error);
                    return Turn::Went;
                }
            };
            if !batch.rows.is_empty() {
                return self.send(batch).await;
            }
        }
        earliest.map_or(Turn::Idle, Turn::Wait)
    }

    async fn send(&mut self, batch: Batch) -> Turn {
        let table = batch.table;
        let stopped = stopped(self.stop.clone());
        let outcome = tokio::select! {
            biased;
            () = stopped => return Turn::Stop,
            outcome = self.deliver.insert(table, &COLUMNS, &batch.rows) => outcome,
        };
        let now = Instant::now();
        let Some(lane) = self.lane(table) else { return Turn::Stop };
        let next = lane.after(batch.rows.len(), batch.bytes, outcome.as_ref().map(|_| ()), now, draw());
        let done = match (next, &outcome) {
            (Next::Settle, Ok(Inserted { new })) => self.settle(batch, *new).await,
            (Next::Bury, Err(error)) => self.bury(batch, error).await,
            (_, Err(error)) => {
                self.report(table, error);
                Ok(())
            }
            (_, Ok(_)) => Ok(()),
        };
        if let Err(error) = done {
            self.stumbled(table, &error);
        }
        Turn::Went
    }

    async fn settle(&mut self, batch: Batch, new: u64) -> Result<(), OutboxError> {
        let Batch { table, queued, .. } = batch;
        let sent = queued.len() as u64;
        self.apart(move |outbox| outbox.settle(&queued)).await?;
        let new = new.min(sent);
        self.status.send_modify(|status| {
            let status = status.of_mut(table);
            status.new += new;
            status.duplicates += sent - new;
            status.failures_in_a_row = 0;
            status.last_success_ms = Some(now_ms());
            if status.trouble.take().is_some() {
                tracing::info!(table = table.as_str(), "signals get through again");
            }
        });
        Ok(())
    }

    async fn bury(&mut self, batch: Batch, error: &DeliverError) -> Result<(), OutboxError> {
        let DeliverError { code, reason, .. } = error.clone();
        let Batch { table, queued, .. } = batch;
        let Some(poison) = queued.into_iter().next() else { return Ok(()) };
        tracing::error!(id = %poison.id, table = table.as_str(), %code, %reason, "the database refuses a signal for good");
        self.apart(move |outbox| outbox.bury(&poison, &code, &reason)).await?;
        self.status.send_modify(|status| {
            let status = status.of_mut(table);
            status.dead += 1;
            status.failures_in_a_row = 0;
            status.trouble = None;
        });
        Ok(())
    }

    /// A failure that is tried again.
    fn report(&mut self, table: Table, error: &DeliverError) {
        let failures = self.lane(table).map_or(0, |lane| lane.failures);
        let DeliverError { code, reason, refusal, .. } = error;
        self.status.send_modify(|status| {
            let status = status.of_mut(table);
            status.retries += 1;
            status.failures_in_a_row = failures;
            // The database has answered; that it looks for one bad row is no trouble of all.
            if failures == 0 {
                if status.trouble.take().is_some() {
                    tracing::info!(table = table.as_str(), "signals get through again");
                }
                return;
            }
            let since_ms = status.trouble.as_ref().map_or_else(now_ms, |trouble| trouble.since_ms);
            let needs_mending = *refusal == Refusal::NeedsMending;
            let is_news = status.trouble.as_ref().is_none_or(|trouble| trouble.code != *code);
            status.trouble = Some(Trouble { code: code.clone(), reason: reason.clone(), needs_mending, since_ms });
            if is_news {
                tracing::warn!(table = table.as_str(), %code, %reason, "signals do not get through, they wait in the outbox");
            }
        });
    }

    fn stumbled(&mut self, table: Table, error: &OutboxError) {
        if let Some(lane) = self.lane(table) {
            lane.stumbled(Instant::now(), draw());
        }
        let error = DeliverError {
            refusal: Refusal::NeedsMending,
            code: "outbox".into(),
            reason: error.to_string(),
            after: None,
        };
        self.report(table, &error);
    }

    fn lane(&mut self, of: Table) -> Option<&mut Lane> {
        self.lanes.iter_mut().find(|(table, _)| *table == of).map(|(_, lane)| lane)
    }

    /// Asks the outbox on a thread that may wait for the disk.
    async fn apart<T: Send + 'static>(
        &self,
        ask: impl FnOnce(&Outbox) -> Result<T, OutboxError> + Send + 'static,
    ) -> Result<T, OutboxError> {
        let outbox = self.outbox.clone();
        match tokio::task::spawn_blocking(move || ask(&outbox)).await {
            Ok(answer) => answer,
            Err(_) => Err(OutboxError::interrupted()),
        }
    }

    /// None: the handle is gone. Otherwise until when to drain, if at all.
    fn stopping(&self) -> Option<Option<Instant>> {
        let deadline = *self.stop.borrow();
        (deadline.is_some() || self.stop.has_changed().is_ok()).then_some(deadline)
    }
}

/// Ends when it is time to stop in the middle of a request.
async fn stopped(mut stop: watch::Receiver<Option<Instant>>) {
    loop {
        let deadline = *stop.borrow_and_update();
        match deadline {
            Some(deadline) => return sleep_until(deadline).await,
            None if stop.changed().await.is_err() => return,
            None => {}
        }
    }
}

#[cfg(test)]
#[path = "sender_tests.rs"]
mod tests;
