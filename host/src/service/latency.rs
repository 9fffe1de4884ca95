//! How long it took from a disable to the dropped store, and from a close to the disk, for /metrics.

use std::time::{Duration, Instant};

use prometheus_client::metrics::histogram::Histogram;

/// Upper bounds of the buckets, seconds: from a stop that meets an idle trader to one that waited for a poll.
const BUCKETS: [f64; 12] = [0.001, 0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 6.0, 30.0];

/// The same from a close at the socket to the disk: from one trader that says nothing to an outage.
const CLOSES: [f64; 14] = [0.001, 0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.2, 0.5, 1.0, 5.0, 30.0];

/// See the module.
#[derive(Debug)]
pub struct Latencies {
    /// From the news of a disable to the dropped store.
    pub heard_to_dropped: Histogram,
    /// From the commit in the database to the dropped store, by both clocks.
    pub committed_to_dropped: Histogram,
    /// From the first close of a time that was heard to its signals on disk: the wait for the others included.
    pub first_close_to_outbox: Histogram,
    /// The same from the last close of it that was heard.
    pub last_close_to_outbox: Histogram,
}

impl Default for Latencies {
    fn default() -> Self {
        Self {
            heard_to_dropped: Histogram::new(BUCKETS),
            committed_to_dropped: Histogram::new(BUCKETS),
            first_close_to_outbox: Histogram::new(CLOSES),
            last_close_to_outbox: Histogram::new(CLOSES),
        }
    }
}

impl Latencies {
    /// What was heard then is on disk.
    pub fn kept(&self, first: Instant, last: Instant) {
        self.first_close_to_outbox.observe(first.elapsed().as_secs_f64());
        self.last_close_to_outbox.observe(last.elapsed().as_secs_f64());
    }

    /// A trader was stopped.
    pub fn stopped(&self, since_heard: Duration, since_committed: Option<Duration>) {
        self.heard_to_dropped.observe(since_heard.as_secs_f64());
        if let Some(since) = since_committed {
            self.committed_to_dropped.observe(since.as_secs_f64());
        }
    }
}
