//! What holds every instance of one trader: whether it was stopped, and which of its calls were cut off for their CPU time. Those are
//! the only calls whose end does not follow from what the trader was given, so they are known by number, and a replay can cut the same.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};

/// A place where a trader was cut off for its CPU time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Cut {
    /// The call, counted from 1 over all instances.
    pub call: u64,
    /// Within that call; else after it, since the warm-up as a whole had burnt too much.
    pub inside: bool,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Leash {
    stopped: AtomicBool,
    calls: AtomicU64,
    cuts: Mutex<Vec<Cut>>,
    /// Where a replay cuts; none outside of one.
    script: Option<Mutex<BTreeSet<Cut>>>,
}

impl Leash {
    /// One that cuts where it is told to, and by the clock only what never ends.
    pub(super) fn scripted() -> Self {
        Self { script: Some(Mutex::default()), ..Self::default() }
    }

    pub(super) fn stop(&self) {
        self.stopped.store(true, Ordering::Release);
    }

    #[inline]
    pub(super) fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Acquire)
    }

    #[inline]
    pub(super) fn is_scripted(&self) -> bool {
        self.script.is_some()
    }

    /// The number of the call that begins. One thread calls at a time, so nothing has to be added at once.
    #[inline]
    pub(super) fn next_call(&self) -> u64 {
        let call = self.calls.load(Ordering::Relaxed) + 1;
        self.calls.store(call, Ordering::Relaxed);
        call
    }

    /// Notes that a call was cut off.
    pub(super) fn cut(&self, cut: Cut) {
        self.cuts.lock().unwrap_or_else(PoisonError::into_inner).push(cut);
    }

    /// Whether a replay cuts here.
    #[inline]
    pub(super) fn is_cut(&self, cut: Cut) -> bool {
        self.script.as_ref().is_some_and(|script| script.lock().unwrap_or_else(PoisonError::into_inner).contains(&cut))
    }

    /// Whether a warm-up ends here, which has burnt too much if `is_over` says so.
    pub(super) fn ends_warm_up(&self, is_over: impl FnOnce() -> bool) -> bool {
        let here = Cut { call: self.calls.load(Ordering::Relaxed), inside: false };
        if self.is_scripted() {
            return self.is_cut(here);
        }
        let is_over = is_over();
        if is_over {
            self.cut(here);
        }
        is_over
    }

    pub(super) fn take_cuts(&self) -> Vec<Cut> {
        std::mem::take(&mut *self.cuts.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn add_to_script(&self, cuts: &[Cut]) {
        if let Some(script) = &self.script {
            script.lock().unwrap_or_else(PoisonError::into_inner).extend(cuts);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replay_cuts_where_it_is_told_to() {
        let leash = Leash::default();
        assert_eq!((leash.next_call(), leash.next_call()), (1, 2));
        assert!(leash.ends_warm_up(|| true) && !leash.ends_warm_up(|| false));
        leash.cut(Cut { call: 2, inside: true });
        let cuts = leash.take_cuts();
        assert_eq!(cuts, [Cut { call: 2, inside: false }, Cut { call: 2, inside: true }]);
        assert!(leash.take_cuts().is_empty());

        let again = Leash::scripted();
        again.add_to_script(&cuts);
        assert!(!again.is_cut(Cut { call: again.next_call(), inside: true }));
        assert!(!again.ends_warm_up(|| true), "its own clock does not count");
        assert!(again.is_cut(Cut { call: again.next_call(), inside: true }));
        assert!(again.ends_warm_up(|| false));
    }
}
