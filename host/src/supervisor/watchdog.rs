//! Looks after the worker threads: a call that runs far past its budget by the wall clock is told, since the budget itself counts
//! CPU time and a stolen core must not look like a fault.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How often it looks.
const LOOK: Duration = Duration::from_millis(100);
/// Wall time of one trader's segment that is worth a line: a hundred times what a call may burn.
const OVERDUE: Duration = Duration::from_secs(10);

/// What each worker does.
#[derive(Debug)]
pub struct Watchdog {
    board: Arc<Board>,
}

#[derive(Debug)]
struct Board {
    workers: Vec<Mutex<Option<(Instant, String)>>>,
    overdue: AtomicU64,
}

/// A worker is busy with a trader while this lives.
#[derive(Debug)]
pub struct Busy<'a>(Option<&'a Mutex<Option<(Instant, String)>>>);

impl Watchdog {
    /// Starts its thread, which ends when the watchdog is dropped.
    ///
    /// # Errors
    ///
    /// If no thread can be started.
    pub fn start(workers: usize) -> std::io::Result<Self> {
        let board =
            Arc::new(Board { workers: (0..workers).map(|_| Mutex::new(None)).collect(), overdue: AtomicU64::new(0) });
        let watched = Arc::downgrade(&board);
        std::thread::Builder::new().name("vyx-watchdog".into()).spawn(move || {
            loop {
                std::thread::sleep(LOOK);
                let Some(board) = watched.upgrade() else { return };
                board.look();
            }
        })?;
        Ok(Self { board })
    }

    /// Says that a worker turns to a trader.
    #[must_use]
    pub fn busy(&self, worker: Option<usize>, trader: &str) -> Busy<'_> {
        let slot = worker.and_then(|worker| self.board.workers.get(worker));
        if let Some(slot) = slot {
            *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some((Instant::now(), trader.to_owned()));
        }
        Busy(slot)
    }

    /// How often a worker was found overdue.
    #[must_use]
    pub fn overdue(&self) -> u64 {
        self.board.overdue.load(Ordering::Relaxed)
    }
}

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        if let Some(slot) = self.0 {
            *slot.lock().unwrap_or_else(PoisonError::into_inner) = None;
        }
    }
}

impl Board {
    fn look(&self) {
        for (worker, slot) in self.workers.iter().enumerate() {
            let mut slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some((since, trader)) = slot.as_mut()
                && since.elapsed() > OVERDUE
            {
                self.overdue.fetch_add(1, Ordering::Relaxed);
                tracing::warn!(
                    worker,
                    trader,
                    seconds = since.elapsed().as_secs(),
                    "a worker is held up by one trader"
                );
                // Told again only after as long once more.
                *since = Instant::now();
            }
        }
    }
}
