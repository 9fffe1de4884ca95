//! Every timeout, interval and limit of the link, each with its reason. Nothing else limits it.

use std::time::Duration;

use crate::supabase::timeouts::spread;

// A connection.

/// TCP, TLS and the handshake together. The exchange takes a fraction of a second.
pub(super) const OPEN: Duration = Duration::from_secs(10);
/// A frame that cannot be written for this long means that nobody reads at the other end.
pub(super) const WRITE: Duration = Duration::from_secs(10);
/// Between a request and its answer, which comes within a second; a request that is too long is never answered.
pub(super) const ANSWER: Duration = Duration::from_secs(10);
/// Without news for this long a connection is dead, whatever its pings say. A stream that is traded has news every two seconds.
pub(super) const SILENT: Duration = Duration::from_secs(20);
/// The same, after silence ended connections in a row, where it doubles: the few streams of a quiet market have news once a minute.
pub(super) const SILENT_MOST: Duration = Duration::from_secs(160);
/// Age at which a connection is replaced; the exchange ends it at 24 h.
const RENEW: Duration = Duration::from_secs(23 * 3_600);
/// How much sooner, about, so that connections that began together are not replaced together.
const RENEW_SOONER: Duration = Duration::from_secs(1_800);
/// How long a connection is still heard after its successor was acknowledged: what the exchange sent before lies on the way.
pub(super) const LINGER: Duration = Duration::from_secs(5);
/// Bytes of a message. A kline has about 350.
pub(super) const MESSAGE_BYTES: usize = 64 << 10;

// Requests.

/// Streams of a connection. The exchange allows 1,024; with fewer, less is lost with one, and one thread keeps up with it.
pub(super) const CONNECTION_STREAMS: usize = 300;
/// Streams of a request.
pub(super) const REQUEST_STREAMS: usize = 200;
/// Bytes of a request: the exchange does not answer one that has more than 4,096 on the wire, header included.
pub(super) const REQUEST_BYTES: usize = 4_000;
/// Messages a [`RATE_PERIOD`] of one connection, pongs included. The exchange ends a connection that sends more than five.
pub(super) const RATE: usize = 4;
/// See [`RATE`]; a little over a second, since messages may be held up on the way and arrive closer together.
pub(super) const RATE_PERIOD: Duration = Duration::from_millis(1_100);

// Trying again.

/// Longest first wait before a reconnect; it doubles, and the wait is drawn evenly from zero to it (full jitter).
pub(super) const RECONNECT_FIRST: Duration = Duration::from_secs(1);
/// Longest wait before a reconnect. The candles of an outage come by REST, so this only delays what is late anyway.
pub(super) const RECONNECT_MOST: Duration = Duration::from_secs(30);
/// A connection that had news for this long starts the waits anew when it ends.
pub(super) const HEALTHY: Duration = Duration::from_secs(60);
/// Connections an [`ATTEMPTS_PERIOD`]. The exchange allows an address 300, which several hosts may share.
pub(super) const ATTEMPTS: usize = 100;
/// See [`ATTEMPTS`].
pub(super) const ATTEMPTS_PERIOD: Duration = Duration::from_secs(300);

/// The age at which this connection is replaced.
pub(super) fn renew_after() -> Duration {
    RENEW.saturating_sub(spread(RENEW_SOONER))
}
