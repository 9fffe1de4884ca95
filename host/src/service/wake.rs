//! How the parts of the host wake each other: an end that comes once, and bells that may ring again.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Shared by a thread that waits and those that wake it.
#[derive(Debug, Clone, Default)]
pub struct Wake(Arc<(Mutex<State>, Condvar)>);

#[derive(Debug, Default)]
struct State {
    ended: bool,
    rung: bool,
    candles: bool,
}

/// Why a wait is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Woken {
    /// The work must end.
    End,
    /// There is something to look at.
    Bell,
    /// There are candles.
    Candles,
    /// The time is over.
    Time,
}

impl Wake {
    /// Ends the work.
    pub fn end(&self) {
        self.lock().ended = true;
        self.0.1.notify_all();
    }

    /// There is something to look at.
    pub fn ring(&self) {
        self.lock().rung = true;
        self.0.1.notify_all();
    }

    /// There are candles.
    pub fn candles(&self) {
        self.lock().candles = true;
        self.0.1.notify_all();
    }

    /// Whether the work must end.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.lock().ended
    }

    /// Waits that long, or until something comes. A bell is heard once, and before candles.
    #[must_use]
    pub fn wait(&self, time: Duration) -> Woken {
        let until = Instant::now() + time;
        let mut state = self.lock();
        loop {
            if state.ended {
                return Woken::End;
            }
            if std::mem::take(&mut state.rung) {
                return Woken::Bell;
            }
            if std::mem::take(&mut state.candles) {
                return Woken::Candles;
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Woken::Time;
            }
            state = self.0.1.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Whether a bell was rung that nobody heard yet.
    #[cfg(test)]
    pub(super) fn is_rung(&self) -> bool {
        self.lock().rung
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bell_is_heard_once_and_the_end_for_ever() {
        let wake = Wake::default();
        wake.ring();
        wake.ring();
        assert_eq!(wake.wait(Duration::ZERO), Woken::Bell);
        assert_eq!(wake.wait(Duration::ZERO), Woken::Time);
        wake.candles();
        wake.ring();
        assert_eq!(wake.wait(Duration::ZERO), Woken::Bell);
        assert_eq!(wake.wait(Duration::ZERO), Woken::Candles);
        wake.end();
        wake.ring();
        assert_eq!(wake.wait(Duration::from_secs(60)), Woken::End);
        assert_eq!(wake.wait(Duration::from_secs(60)), Woken::End);
    }

    #[test]
    fn a_waiting_thread_is_woken() {
        let wake = Wake::default();
        let waiting = wake.clone();
        let thread = std::thread::spawn(move || waiting.wait(Duration::from_secs(60)));
        wake.ring();
        assert_eq!(thread.join().unwrap(), Woken::Bell);
    }
}
