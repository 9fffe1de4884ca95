//! Every timeout, interval and limit of the Supabase side, each with its reason. Nothing else in the host limits it.

use std::time::Duration;

// Requests.

/// TCP and TLS together. The nearest region answers in milliseconds; one that has not in this time will not.
pub const CONNECT: Duration = Duration::from_secs(5);
/// A whole REST request. PostgreSQL ends a statement of these roles after 8 s, so its own error arrives before this.
pub const REQUEST: Duration = Duration::from_secs(15);
/// A whole upload or download of a module: 4 MiB on the slowest line that would be used.
pub const TRANSFER: Duration = Duration::from_secs(60);
/// Longest obeyed `Retry-After`: a gateway that asks for more is asked again by ourselves.
pub const RETRY_AFTER_MOST: Duration = Duration::from_secs(300);

/// Rows of a page. Below the platform's own limit of 1,000, which cuts silently.
pub const PAGE_ROWS: usize = 500;
/// Rows of one write: one SQL statement, well inside its timeout also when every row fires triggers.
pub const BATCH_ROWS: usize = 200;
/// Bytes of one write.
pub const BATCH_BYTES: usize = 1_000_000;
/// Bytes of an answer with rows: a page of [`PAGE_ROWS`] rows of 32 KiB.
pub const ANSWER_BYTES: usize = 16 << 20;
/// Bytes of an object that an upload found in its place: what the bucket takes.
pub const OBJECT_BYTES: usize = 8 << 20;
/// Bytes that are read of an error; what is longer is no error of PostgREST.
pub const ERROR_BYTES: usize = 64 << 10;

// Trying again.

/// Longest first wait of a retry; it doubles, and the wait is drawn evenly from zero to it (full jitter).
pub const RETRY_FIRST: Duration = Duration::from_millis(500);
/// Longest wait of a retry.
pub const RETRY_MOST: Duration = Duration::from_secs(60);
/// Wait while the database is read-only, which a person has to end: its disk is full.
pub const READ_ONLY: Duration = Duration::from_secs(60);
/// How long after a migration a missing table or column may be a schema cache that is not reloaded yet.
pub const SCHEMA_CACHE: Duration = Duration::from_secs(60);

// Reading the desired set.

/// Between two polls without Realtime: a disabled trader must stop within 6 s.
pub const POLL_WITHOUT_REALTIME: Duration = Duration::from_secs(5);
/// Between two polls with Realtime, which may lose a change without a word.
pub const POLL_WITH_REALTIME: Duration = Duration::from_secs(30);
/// Between a bell and the read that it asks for: one read for all rows of a statement.
pub const BELL_SETTLES: Duration = Duration::from_millis(50);
/// Between two proofs of privilege while requests are refused: the key may be mid-rotation.
pub const SELFCHECK: Duration = Duration::from_secs(60);
/// Without a good read for this long, evaluation is suspended: nobody knows any more what may run.
pub const NO_GOOD_READ: Duration = Duration::from_secs(600);

// Realtime.

/// A socket from nothing to the end of its handshake: the server may have to start for the project, and delays refusals.
pub const SOCKET_OPEN: Duration = Duration::from_secs(10);
/// Between two heartbeats. The server closes a socket that is silent for a minute.
pub const HEARTBEAT: Duration = Duration::from_secs(25);
/// Between a join and the `system` message that says that the subscription is live.
pub const SYSTEM_OK: Duration = Duration::from_secs(15);
/// A frame that cannot be written for this long means that nobody reads at the other end.
pub const SOCKET_WRITE: Duration = Duration::from_secs(10);
/// Longest first wait before a reconnect or a rejoin, with full jitter as above.
pub const REJOIN_FIRST: Duration = Duration::from_secs(1);
/// Longest wait before a reconnect or a rejoin.
pub const REJOIN_MOST: Duration = Duration::from_secs(30);
/// A subscription that was live for this long starts its waits anew when it ends.
pub const REJOIN_HEALTHY: Duration = Duration::from_secs(60);
/// Age at which a socket is replaced. Sockets of the new keys are closed after 24 h.
pub const RECYCLE: Duration = Duration::from_secs(12 * 3600);
/// Bytes of a frame; the server sends no larger ones.
pub const FRAME_BYTES: usize = 5 << 20;
/// Bells that wait to be heard. When there are more, one resync takes their place.
pub const BELLS: usize = 1_024;

/// Percent by which [`spread`] moves an interval at most, either way.
const SPREAD_PERCENT: u32 = 20;

/// The interval, up to a fifth longer or shorter, so that hosts that started together do not ask together.
#[must_use]
pub fn spread(interval: Duration) -> Duration {
    let percent = 100 - SPREAD_PERCENT + up_to(2 * SPREAD_PERCENT);
    interval.saturating_mul(percent) / 100
}

/// Waits that grow: drawn evenly from zero to a longest wait that doubles with each one.
#[derive(Debug, Clone)]
pub struct Waits {
    first: Duration,
    most: Duration,
    taken: u32,
}

impl Waits {
    /// Waits whose longest is at first `first`, and never more than `most`.
    pub const fn new(first: Duration, most: Duration) -> Self {
        Self { first, most, taken: 0 }
    }

    /// Waits of a request.
    pub const fn of_requests() -> Self {
        Self::new(RETRY_FIRST, RETRY_MOST)
    }

    /// Waits of a subscription.
    pub const fn of_realtime() -> Self {
        Self::new(REJOIN_FIRST, REJOIN_MOST)
    }

    /// The next wait; never shorter than what the server asked for.
    pub fn next(&mut self, asked: Option<Duration>) -> Duration {
        let longest = self.longest();
        self.taken = self.taken.saturating_add(1);
        let millis = u32::try_from(longest.as_millis()).unwrap_or(u32::MAX);
        let wait = Duration::from_millis(u64::from(up_to(millis)));
        asked.map_or(wait, |asked| asked.saturating_add(wait.min(asked / 4)).max(wait))
    }

    /// How many waits were taken since the last [`Self::reset`].
    pub const fn taken(&self) -> u32 {
        self.taken
    }

    /// Starts anew, after a success.
    pub fn reset(&mut self) {
        self.taken = 0;
    }

    fn longest(&self) -> Duration {
        self.first.saturating_mul(1_u32.checked_shl(self.taken).unwrap_or(u32::MAX)).min(self.most)
    }
}

/// A number from 0 to `most`, evenly but for a bias that no wait shows.
fn up_to(most: u32) -> u32 {
    // The random bits of a version 4 uuid: the lower half holds 62 of them, in its low bits.
    let (_, bits) = uuid::Uuid::new_v4().as_u64_pair();
    u32::try_from((bits & 0xffff_ffff) % (u64::from(most) + 1)).unwrap_or(most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_most_and_start_anew() {
        let mut waits = Waits::of_requests();
        let longest: Vec<u128> = (0..10)
            .map(|_| {
                let longest = waits.longest();
                assert!(waits.next(None) <= longest);
                longest.as_millis()
            })
            .collect();
        assert_eq!(longest, [500, 1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000, 60_000]);
        waits.taken = u32::MAX;
        assert!(waits.next(None) <= RETRY_MOST);
        waits.reset();
        assert_eq!(waits.longest(), RETRY_FIRST);
    }

    #[test]
    fn what_the_server_asks_for_is_the_least() {
        let asked = Duration::from_secs(7);
        for _ in 0..100 {
            let wait = Waits::of_requests().next(Some(asked));
            assert!(wait >= asked && wait <= asked + asked / 4, "{wait:?}");
        }
    }

    #[test]
    fn waits_are_spread() {
        let waits: std::collections::BTreeSet<_> = (0..100).map(|_| Waits::of_realtime().next(None)).collect();
        assert!(waits.len() > 50, "{waits:?}");
        for _ in 0..100 {
            let interval = spread(Duration::from_secs(100));
            assert!((80..=120).contains(&interval.as_secs()), "{interval:?}");
        }
    }
}
