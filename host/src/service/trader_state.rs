//! Tells the owner of each trader how it does: `trader_state`, in batches, when something changed and every so often.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::state::{Observed, TraderView};
use crate::ids::TraderId;
use crate::supabase::{ApiError, Class, Filter, Query, Supabase, timeouts};
use crate::text::shown;

/// Counts alone are told this often.
const COUNTS: Duration = Duration::from_secs(30);
/// Changes that come together are one request.
const GATHER: Duration = Duration::from_millis(200);
/// Bytes of `last_error`.
const ERROR_BYTES: usize = 2_000;

/// What was there before this host began to count.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
struct Base {
    signal_count: Option<u64>,
    execution_count: Option<u64>,
    error_count: Option<u64>,
}

/// A row of `trader_state`.
#[derive(Debug, Clone, PartialEq, Serialize)]
struct Row {
    trader_id: TraderId,
    state: &'static str,
    started_at: Option<jiff::Timestamp>,
    stopped_at: Option<jiff::Timestamp>,
    last_run_at: Option<jiff::Timestamp>,
    last_error: Option<String>,
    error_count: u64,
    signal_count: u64,
    execution_count: u64,
    avg_execution_duration_ms: Option<u64>,
    machine_id: Option<String>,
    metadata: Value,
}

const COLUMNS: &str = "trader_id,state,started_at,stopped_at,last_run_at,last_error,error_count,signal_count,execution_count,\
                       avg_execution_duration_ms,machine_id,metadata";

/// See the module.
pub(super) struct TraderStates {
    client: Supabase,
    observed: Observed,
    machine_id: Option<String>,
    bases: BTreeMap<TraderId, Base>,
    /// Since when each trader is in its state, by the clock of this machine.
    since: BTreeMap<TraderId, (&'static str, jiff::Timestamp)>,
    told: BTreeMap<TraderId, Row>,
}

impl TraderStates {
    pub(super) fn new(client: Supabase, observed: Observed) -> Self {
        let machine_id = std::env::var("FLY_MACHINE_ID").ok().map(|id| shown(&id, 80));
        Self { client, observed, machine_id, bases: BTreeMap::new(), since: BTreeMap::new(), told: BTreeMap::new() }
    }

    /// Tells until it is cancelled. `passed` changes after each pass of the reconciler.
    pub(super) async fn run(&mut self, mut passed: tokio::sync::watch::Receiver<u64>) {
        let mut waits = timeouts::Waits::of_requests();
        let mut failing = false;
        loop {
            match self.tell(false).await {
                Ok(()) => {
                    waits.reset();
                    failing = false;
                }
                Err(error) => {
                    if !std::mem::replace(&mut failing, true) {
                        tracing::warn!(%error, "trader_state is not up to date");
                    }
                    tokio::time::sleep(waits.next(error.retry_after())).await;
                    continue;
                }
            }
            if let Ok(Err(_)) = tokio::time::timeout(COUNTS, passed.changed()).await {
                return;
            }
            tokio::time::sleep(GATHER).await;
        }
    }

    /// The host ends: what runs is told to have stopped, so that nobody believes in it.
    pub(super) async fn farewell(&mut self) {
        if let Err(error) = self.tell(true).await {
            tracing::warn!(%error, "trader_state still says that traders run");
        }
    }

    async fn tell(&mut self, ending: bool) -> Result<(), ApiError> {
        let observed = self.observed.clone();
        let views = tokio::task::spawn_blocking(move || observed.traders()).await.unwrap_or_default();
        self.read_bases(&views).await?;
        let now = jiff::Timestamp::now();
        let rows: Vec<Row> = views.iter().map(|view| self.row(view, now, ending)).collect();
        let news = rows.iter().filter(|row| self.told.get(&row.trader_id) != Some(*row));
        let news: Vec<Value> = news.filter_map(|row| serde_json::to_value(row).ok()).collect();
        for batch in news.chunks(timeouts::BATCH_ROWS) {
            self.upsert(batch).await?;
        }
        self.told = rows.into_iter().map(|row| (row.trader_id, row)).collect();
        Ok(())
    }

    /// A row that the database refuses, such as one of a trader that was just deleted, must not keep the others from being told.
    async fn upsert(&self, batch: &[Value]) -> Result<(), ApiError> {
        let refused = |error: &ApiError| matches!(error.class(), Class::RowRejected);
        match self.client.upsert("trader_state", "trader_id", COLUMNS, batch).await {
            Err(error) if refused(&error) => {}
            told => return told.map(|_| ()),
        }
        for row in batch.chunks(1) {
            match self.client.upsert("trader_state", "trader_id", COLUMNS, row).await {
                Err(error) if refused(&error) => tracing::debug!(%error, "a row of trader_state is left out"),
                told => drop(told?),
            }
        }
        Ok(())
    }

    /// Counts go on where the last host left them.
    async fn read_bases(&mut self, views: &[TraderView]) -> Result<(), ApiError> {
        #[derive(Deserialize)]
        struct Read {
            trader_id: TraderId,
            #[serde(flatten)]
            base: Base,
        }
        let unknown: Vec<TraderId> =
            views.iter().map(|view| view.id).filter(|id| !self.bases.contains_key(id)).collect();
        for ids in unknown.chunks(timeouts::BATCH_ROWS / 2) {
            let query = Query::new("trader_state", "trader_id,signal_count,execution_count,error_count")
                .filter(Filter::any_of("trader_id", ids));
            let rows: Vec<Read> = self.client.select(&query, timeouts::BATCH_ROWS).await?;
            self.bases.extend(ids.iter().map(|id| (*id, Base::default())));
            self.bases.extend(rows.into_iter().map(|row| (row.trader_id, row.base)));
        }
        Ok(())
    }

    /// Counts of this trader over all of its lives.
    fn total(&self, view: &TraderView) -> Base {
        let base = self.bases.get(&view.id).copied().unwrap_or_default();
        let plus = |before: Option<u64>, now: u64| Some(before.unwrap_or(0).saturating_add(now));
        Base {
            signal_count: plus(base.signal_count, view.counts.signals),
            execution_count: plus(base.execution_count, view.counts.calls),
            error_count: plus(base.error_count, view.counts.errors()),
        }
    }

    fn row(&mut self, view: &TraderView, now: jiff::Timestamp, ending: bool) -> Row {
        let state = if ending && view.state == "running" { "stopped" } else { view.state };
        let since = self.since.entry(view.id).or_insert((state, now));
        if since.0 != state {
            *since = (state, now);
        }
        let since = since.1;
        let counts = &view.counts;
        let total = self.total(view);
        let fault = view.last_fault.as_ref().map(|fault| match &view.reproduce {
            Some(again) => format!("{fault}; see it again: {again}"),
            None => fault.to_string(),
        });
        let last_error = view.reason.clone().or(fault).map(|text| shown(&text, ERROR_BYTES));
        let average_ms = (counts.calls > 0).then(|| view.cpu_seconds * 1_000.0 / counts.calls as f64);
        let last_close_ms = self.observed.health.report().last_close_ms;
        Row {
            trader_id: view.id,
            state,
            started_at: (state == "running").then_some(since),
            stopped_at: (state == "stopped").then_some(since),
            last_run_at: last_close_ms
                .filter(|_| view.live)
                .and_then(|close_ms| jiff::Timestamp::from_millisecond(close_ms).ok()),
            last_error,
            error_count: total.error_count.unwrap_or(0),
            signal_count: total.signal_count.unwrap_or(0),
            execution_count: total.execution_count.unwrap_or(0),
            // The column is whole milliseconds; most calls take none.
            avg_execution_duration_ms: average_ms.map(|average_ms| average_ms.round() as u64),
            machine_id: self.machine_id.clone(),
            metadata: json!({
                "host": format!("vyx {}", env!("CARGO_PKG_VERSION")),
                "run_mode": self.observed.run_mode,
                "module_sha256": view.module_sha256,
                "params_sha256": view.params_sha256,
                "reason": view.reason.as_ref().map(|reason| shown(reason, ERROR_BYTES)),
                "faults": counts.faults.iter().map(|(outcome, count)| (outcome.as_str(), *count)).collect::<BTreeMap<_, _>>(),
                "average_call_ms": average_ms,
                "historical_signals": counts.historical_signals,
                "held_back": counts.held_back,
                "peak_memory_bytes": counts.peak_memory_bytes,
            }),
        }
    }
}
