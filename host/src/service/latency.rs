//! How long it took from a disable to the dropped store, for /metrics.

use std::time::Duration;

use prometheus_client::metrics::histogram::Histogram;

/// Upper bounds of the buckets, seconds: from a stop that meets an idle trader to one that waited for a poll.
const BUCKETS: [f64; 12] = [0.001, 0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 6.0, 30.0];

/// See the module.
#[derive(Debug)]
pub struct Latencies {
    /// From the news of a disable to the dropped store.
    pub heard_to_dropped: Histogram,
    /// From the commit in the database to the dropped store, by both clocks.
    pub committed_to_dropped: Histogram,
}

impl Default for Latencies {
    fn default() -> Self {
        Self { heard_to_dropped: Histogram::new(BUCKETS), committed_to_dropped: Histogram::new(BUCKETS) }
    }
}

impl Latencies {
    /// A trader was stopped.
    pub fn stopped(&self, since_heard: Duration, since_committed: Option<Duration>) {
        self.heard_to_dropped.observe(since_heard.as_secs_f64());
        if let Some(since) = since_committed {
            self.committed_to_dropped.observe(since.as_secs_f64());
        }
    }
}
