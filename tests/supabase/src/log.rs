//! What was asked of the stand-in, in order, and waiting for it. No bodies, no keys.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

/// Nothing that a test waits for takes this long on a machine that works.
pub const HANG_GUARD: Duration = Duration::from_secs(60);

/// One request. The handshake of a WebSocket is one too.
#[derive(Clone, Debug)]
pub struct Entry {
    /// As sent: `GET`.
    pub method: String,
    /// Without the query: `/rest/v1/traders`.
    pub path: String,
    /// The query as sent, without the parameter `apikey`.
    pub query: String,
    /// The role that the request ran as (`anon`, `authenticated`, `service_role`), `none` if it was refused before.
    pub role: String,
    /// The status of the answer; none while there is no answer, and for ever if the connection was cut.
    pub status: Option<u16>,
    /// The fault that a rule injected.
    pub fault: Option<&'static str>,
}

impl Entry {
    /// Whether it is a request of this method for this path.
    pub fn is(&self, method: &str, path: &str) -> bool {
        self.method == method && self.path == path
    }
}

pub(crate) struct Log {
    entries: Mutex<Vec<Entry>>,
    version: watch::Sender<u64>,
}

impl Log {
    pub(crate) fn new() -> Self {
        Self { entries: Mutex::default(), version: watch::Sender::new(0) }
    }

    /// Enters a request; the index is for [`Log::update`].
    pub(crate) fn begin(&self, entry: Entry) -> usize {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.push(entry);
        let index = entries.len() - 1;
        drop(entries);
        self.version.send_modify(|version| *version += 1);
        index
    }

    pub(crate) fn update(&self, index: usize, change: impl FnOnce(&mut Entry)) {
        if let Some(entry) = self.entries.lock().unwrap_or_else(PoisonError::into_inner).get_mut(index) {
            change(entry);
        }
        self.version.send_modify(|version| *version += 1);
    }

    pub(crate) fn entries(&self) -> Vec<Entry> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) async fn wait_until(&self, what: &str, mut predicate: impl FnMut(&[Entry]) -> bool) {
        let mut version = self.version.subscribe();
        let wait = async {
            while !predicate(&self.entries()) {
                if version.changed().await.is_err() {
                    std::future::pending::<()>().await;
                }
            }
        };
        if tokio::time::timeout(HANG_GUARD, wait).await.is_err() {
            let seen: Vec<String> = self.entries().iter().map(|entry| format!("{entry:?}")).collect();
            panic!("waited {HANG_GUARD:?} in vain for {what}; requests so far:\n{}", seen.join("\n"));
        }
    }
}
