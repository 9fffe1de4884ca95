//! What Realtime says: a doorbell for the control thread, and for a disable the stop itself.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::control::Nudges;
use super::latency::Latencies;
use crate::supabase::{Bell, Realtime, RealtimeState};
use crate::supervisor::Fleet;

/// Hears until it is cancelled. `told` is kept at the state of the subscription.
pub(super) async fn hear(
    mut realtime: Realtime,
    told: watch::Sender<RealtimeState>,
    fleet: Arc<Fleet>,
    nudges: Nudges,
    latencies: Arc<Latencies>,
) {
    let mut state = realtime.state();
    loop {
        tokio::select! {
            bell = realtime.next() => {
                if let Bell::Stop { id, commit_time } = bell {
                    // Many of these are about traders of other hosts, which have no place in this one's log.
                    let runs_here = fleet.holds(id);
                    let heard = Instant::now();
                    let fleet = fleet.clone();
                    let stopped = tokio::task::spawn_blocking(move || fleet.bar(id)).await;
                    if runs_here && let Ok(Some(_)) = stopped {
                        let took = heard.elapsed();
                        latencies.stopped(took, commit_time.and_then(since));
                        tracing::info!(trader_id = %id, micros = took.as_micros() as u64, "stopped, as it was disabled or deleted");
                    }
                }
                nudges.changed();
            }
            // While nothing is heard, polling is faster; it begins now and not after the slow one.
            changed = state.changed() => {
                if changed.is_err() {
                    return;
                }
                let state = state.borrow_and_update().clone();
                tracing::info!("realtime is {}", words(&state));
                told.send_replace(state.clone());
                if !state.is_live() {
                    nudges.changed();
                }
            }
        }
    }
}

/// Where the subscription stands, for people.
pub(super) fn words(state: &RealtimeState) -> String {
    match state {
        RealtimeState::Connecting => "connecting".to_owned(),
        RealtimeState::Joining => "joining".to_owned(),
        RealtimeState::Live { .. } => "live".to_owned(),
        RealtimeState::Down { reason, .. } => format!("down: {reason}"),
    }
}

/// Time since a commit; none where the two clocks disagree on what came first.
pub(super) fn since(commit: jiff::Timestamp) -> Option<Duration> {
    let elapsed = jiff::Timestamp::now().duration_since(commit);
    Duration::try_from(elapsed).ok()
}
