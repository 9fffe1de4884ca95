//! What the status pages, the metrics and `trader_state` show of the host at one moment, gathered in one place.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use serde::Serialize;
use tokio::sync::watch;

use super::control::Verdicts;
use super::health::{Health, Report};
use super::latency::Latencies;
use crate::ids::TraderId;
use crate::market::MarketStatus;
use crate::module::Digest;
use crate::signal::outbox::{Outbox, SenderStatus, Table};
use crate::supabase::RealtimeState;
use crate::supervisor::{Counts, FaultReport, Fleet, State, Status};

/// Everything that can be asked while the host runs.
#[derive(Clone)]
pub struct Observed {
    /// What runs.
    pub fleet: Arc<Fleet>,
    /// Which promises are kept.
    pub health: Arc<Health>,
    /// What the reconciler knows.
    pub verdicts: Verdicts,
    /// Signals that wait, were sent, or are dead.
    pub outbox: Outbox,
    /// What the sender does.
    pub sender: watch::Receiver<SenderStatus>,
    /// Whether changes are heard at once.
    pub realtime: watch::Receiver<RealtimeState>,
    /// How long stops took.
    pub latencies: Arc<Latencies>,
    /// Whose traders it runs, in words, once that is proved.
    pub scope: Arc<OnceLock<String>>,
    /// How the market is heard, once it is.
    pub market: Arc<OnceLock<MarketStatus>>,
    /// The run mode.
    pub run_mode: &'static str,
}

/// Signals that wait, were sent, or are dead.
#[derive(Debug, Clone, Default, Serialize)]
pub struct OutboxView {
    /// Live and historical signals that wait.
    pub queued: u64,
    /// Bytes of them.
    pub queued_bytes: u64,
    /// Age of the one that waits longest, seconds.
    pub oldest_seconds: f64,
    /// Signals that the database refused for good, by code.
    pub dead: BTreeMap<String, u64>,
    /// What the sender has done since the start.
    pub sender: SenderStatus,
}

/// A trader of this host.
#[derive(Debug, Clone, Serialize)]
pub struct TraderView {
    /// Its id.
    pub id: TraderId,
    /// Its name; a stranger's text.
    pub name: String,
    /// `running`, `stopped` or `error`.
    pub state: &'static str,
    /// Why it does not run, or not as its row says.
    pub reason: Option<String>,
    /// What runs.
    pub module_sha256: Option<Digest>,
    /// The sha256 of the parameters that it runs with.
    pub params_sha256: Option<Digest>,
    /// Whether an instance is there; it is not while a backoff lasts.
    pub live: bool,
    /// Its counts since this host started.
    pub counts: Counts,
    /// CPU time of its evaluations, seconds.
    pub cpu_seconds: f64,
    /// Its last fault.
    pub last_fault: Option<FaultReport>,
    /// The command that shows it again on the machine of the trader's author.
    pub reproduce: Option<String>,
}

impl State {
    /// As `trader_state` spells it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Stopped => "stopped",
            Self::Error => "error",
        }
    }
}

impl Observed {
    /// Every trader that is this host's, by id. Waits for traders that are being evaluated.
    #[must_use]
    pub fn traders(&self) -> Vec<TraderView> {
        let statuses: BTreeMap<TraderId, Status> =
            self.fleet.status().into_iter().map(|status| (status.id, status)).collect();
        let view = |(id, verdict): (TraderId, crate::supervisor::Verdict)| {
            let status = statuses.get(&id);
            let total = status.map_or_else(|| self.fleet.past(id), |status| status.total.clone());
            // Between a stop and the next pass the verdict is old; what runs is known best by the fleet.
            let state =
                if status.is_none() && verdict.state == State::Running { State::Stopped } else { verdict.state };
            TraderView {
                id,
                name: verdict.name,
                state: state.as_str(),
                reason: verdict.reason,
                module_sha256: status.map(|status| status.version.key.digest),
                params_sha256: status.map(|status| status.version.key.params.hash()),
                live: status.is_some_and(|status| status.live),
                counts: total.counts,
                cpu_seconds: total.cpu.as_secs_f64(),
                last_fault: status.and_then(|status| status.last_fault.clone()),
                reproduce: status
                    .and_then(|status| status.last_fault.as_ref().map(|fault| self.fleet.reproduce(status, fault))),
            }
        };
        self.verdicts.get().into_iter().map(view).collect()
    }

    /// Which promises are kept.
    #[must_use]
    pub fn report(&self) -> Report {
        let mut report = self.health.report();
        let sender = self.sender.borrow();
        if let Some((table, trouble)) = sender.needs_mending() {
            report.problems.push(format!("{} cannot be written: {}", table.as_str(), trouble.reason));
            report.ready = false;
        }
        let troubles = Table::ALL.into_iter().filter_map(|table| sender.of(table).trouble.as_ref());
        if let Some(trouble) = troubles.into_iter().find(|trouble| !trouble.needs_mending) {
            let waiting = self.outbox.depth().rows();
            report.warnings.push(format!("{waiting} signals wait in the outbox: {}", trouble.reason));
        }
        let dead: u64 = Table::ALL.into_iter().map(|table| sender.of(table).dead).sum();
        if dead > 0 {
            report
                .warnings
                .push(format!("the database refused {dead} signals for good since the start, see /api/signals"));
        }
        if self.outbox.is_nearly_full() {
            report.warnings.push("the outbox is nearly full; when it is full, evaluation waits".to_owned());
        }
        report
    }

    /// What waits to leave. Reads the disk.
    #[must_use]
    pub fn outbox(&self) -> OutboxView {
        let depth = self.outbox.depth();
        let now_ms = jiff::Timestamp::now().as_millisecond();
        let oldest_ms = self.outbox.oldest_queued_ms().ok().flatten();
        OutboxView {
            queued: depth.rows(),
            queued_bytes: depth.bytes,
            oldest_seconds: oldest_ms.map_or(0.0, |oldest_ms| (now_ms - oldest_ms).max(0) as f64 / 1_000.0),
            dead: self.outbox.dead_counts().unwrap_or_default(),
            sender: self.sender.borrow().clone(),
        }
    }
}
