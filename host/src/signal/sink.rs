//! Where signals go.

use std::io;

use super::StampedSignal;
use crate::ids::TraderId;

/// What one delivery leaves behind. All of it is kept or nothing, so that no candle counts as done whose signals are not kept.
#[derive(Debug, Clone, Copy)]
pub struct Burst<'a> {
    /// In the order of candle time.
    pub signals: &'a [StampedSignal],
    /// Close time of the newest candle that was delivered.
    pub close_ms: i64,
    /// Every trader that runs, by id, with the close time up to which all of it has been judged. It is before `close_ms` for one
    /// that lags: that waits after a fault, or has symbols set aside.
    pub cursors: &'a [(TraderId, i64)],
}

/// Takes signals, in the order of candle time.
pub trait Sink: Send {
    /// Takes what one delivery left behind.
    ///
    /// # Errors
    ///
    /// If it could not be kept. The caller stops, since a signal that is lost cannot be told from one that never was.
    fn accept(&mut self, burst: &Burst<'_>) -> io::Result<()>;
}

/// Gives every signal to several sinks.
#[derive(Default)]
pub struct Tee(pub Vec<Box<dyn Sink>>);

impl Sink for Tee {
    fn accept(&mut self, burst: &Burst<'_>) -> io::Result<()> {
        self.0.iter_mut().try_for_each(|sink| sink.accept(burst))
    }
}
