//! How the market is heard, for those who report it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How the market is heard at one moment.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct MarketView {
    /// Symbols that are watched.
    pub symbols: usize,
    /// Streams that are wanted from the exchange.
    pub streams: usize,
    /// Whether all of them are subscribed.
    pub is_connected: bool,
    /// Connections that were lost or could not be made.
    pub lost_connections: u64,
    /// Messages about candles.
    pub messages: u64,
    /// Weight of this minute, as the exchange counts it.
    pub weight_used: u32,
    /// Symbols that lag behind the others.
    pub lagging: usize,
    /// Candles told late.
    pub late: u64,
    /// Candles that had to be asked for.
    pub backfilled: u64,
    /// Gaps told.
    pub gaps: u64,
    /// By how much the exchange's clock is ahead of the host's.
    pub clock_offset_ms: Option<i64>,
    /// The exchange's clock.
    pub now_ms: i64,
    /// Close time of the newest candle that was told live.
    pub last_close_ms: Option<i64>,
    /// Why nothing comes at present, if it should.
    pub trouble: Option<String>,
    /// What is wrong while all that is wanted comes.
    pub warning: Option<String>,
}

/// See the module. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct MarketStatus(Arc<Mutex<MarketView>>);

impl MarketStatus {
    /// How it is now.
    #[must_use]
    pub fn get(&self) -> MarketView {
        self.lock().clone()
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, MarketView> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
