//! Recording what the host does, where it is asked for. It never stops the market: what cannot be recorded is told.

use std::sync::Arc;

use jiff::Timestamp;

use super::health::Health;
use super::version::Version;
use super::{Misconfigured, ServiceConfig, StartError};
use crate::config::{FeedChoice, RECORD_DIR};
use crate::recording::{About, Recorder, WASMTIME};
use crate::supervisor::observe::Observer;

/// Starts to record.
pub(super) fn start(
    service: &ServiceConfig,
    run_mode: &str,
    health: &Arc<Health>,
) -> Result<Option<Arc<Recorder>>, StartError> {
    let Some(place) = &service.record else { return Ok(None) };
    let version = Version::of_this_binary();
    let about = About {
        started: Timestamp::now().to_string(),
        version: version.version.to_owned(),
        git_sha: version.git_sha.to_owned(),
        wasmtime: WASMTIME.to_owned(),
        run_mode: run_mode.to_owned(),
        loads_history: !service.feed.is_test(),
        feed: match &service.feed {
            // Where files lie is of this machine.
            FeedChoice::Replay { .. } => "replay".to_owned(),
            other => other.to_string(),
        },
    };
    let health = health.clone();
    let failed = move |problem: String| {
        tracing::error!("{problem}");
        health.not_recorded(problem);
    };
    let recorder = Recorder::start(place, about, failed).map_err(|error| {
        let fix = "name a folder that this process can write to";
        let dir = place.dir.to_string_lossy();
        Misconfigured::value(&RECORD_DIR, &dir, format!("cannot be written to: {error}"), fix)
    })?;
    tracing::info!(folder = %place.dir.display(), "recording");
    Ok(Some(recorder))
}

pub(super) fn observer(recorder: &Option<Arc<Recorder>>) -> Option<Arc<dyn Observer>> {
    recorder.clone().map(|recorder| recorder as Arc<dyn Observer>)
}

/// Ends the recording, once nothing is done any more.
pub(super) async fn finish(recorder: Option<Arc<Recorder>>) {
    if let Some(recorder) = recorder {
        // It waits for a disk.
        let _ = tokio::task::spawn_blocking(move || recorder.finish()).await;
    }
}
