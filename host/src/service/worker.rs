//! The threads of the host, whose end is news.

use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::oneshot;

use super::StartError;

/// A thread, and the news of its end.
pub(super) struct Worker {
    thread: JoinHandle<()>,
    /// Comes when the thread has ended, in whatever way.
    pub(super) gone: oneshot::Receiver<()>,
}

impl Worker {
    pub(super) fn start(name: &str, work: impl FnOnce() + Send + 'static) -> Result<Self, StartError> {
        let (alive, gone) = oneshot::channel::<()>();
        let thread = std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || {
                let _alive = alive;
                work();
            })
            .map_err(|error| StartError::host("cannot start a thread", error))?;
        Ok(Self { thread, gone })
    }

    /// Waits for its end; not for ever, since it may wait for a network itself.
    pub(super) async fn join(self) {
        let Self { thread, .. } = self;
        let joined = tokio::task::spawn_blocking(move || thread.join().is_ok());
        match tokio::time::timeout(JOIN, joined).await {
            Ok(Ok(true)) => {}
            Ok(_) => tracing::error!("a thread of the host ended by a panic"),
            Err(_) => tracing::warn!("a thread of the host does not end in time, it is left behind"),
        }
    }
}

/// How long a thread may take to end: longer than a call of a trader, and than a request that is not cut short.
const JOIN: Duration = Duration::from_secs(20);
