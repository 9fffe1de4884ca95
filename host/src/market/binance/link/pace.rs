//! How often something may be done.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

/// At most so many in any period of that length.
#[derive(Debug)]
pub(super) struct Pace {
    most: usize,
    period: Duration,
    /// The latest, oldest first.
    done: VecDeque<Instant>,
}

impl Pace {
    pub(super) fn new(most: usize, period: Duration) -> Self {
        Self { most, period, done: VecDeque::with_capacity(most) }
    }

    /// It was done, allowed or not.
    pub(super) fn note(&mut self, now: Instant) {
        if self.done.len() >= self.most {
            self.done.pop_front();
        }
        self.done.push_back(now);
    }

    /// From when on it may be done again; a time that has passed is as good as now.
    pub(super) fn free_at(&self, now: Instant) -> Instant {
        match self.done.front() {
            Some(first) if self.done.len() >= self.most => *first + self.period,
            _ => now,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_in_any_period() {
        let start = Instant::now();
        let second = |millis| start + Duration::from_millis(millis);
        let mut pace = Pace::new(2, Duration::from_secs(1));
        assert_eq!(pace.free_at(start), start);
        pace.note(start);
        assert_eq!(pace.free_at(second(10)), second(10));
        pace.note(second(600));
        assert_eq!(pace.free_at(second(700)), second(1_000));
        pace.note(second(1_000));
        assert_eq!(pace.free_at(second(1_000)), second(1_600));
        // What was not asked for, as a pong, counts as well.
        pace.note(second(1_010));
        assert_eq!(pace.free_at(second(1_020)), second(2_000));
    }
}
