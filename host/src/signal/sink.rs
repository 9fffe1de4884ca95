//! Where signals go.

use std::io;

use super::StampedSignal;

/// Takes signals, in the order of candle time.
pub trait Sink: Send {
    /// Takes the signals of one delivery, all or none.
    ///
    /// # Errors
    ///
    /// If they could not be kept. The caller stops, since a signal that is lost cannot be told from one that never was.
    fn accept(&mut self, signals: &[StampedSignal]) -> io::Result<()>;
}

/// Gives every signal to several sinks.
#[derive(Default)]
pub struct Tee(pub Vec<Box<dyn Sink>>);

impl Sink for Tee {
    fn accept(&mut self, signals: &[StampedSignal]) -> io::Result<()> {
        self.0.iter_mut().try_for_each(|sink| sink.accept(signals))
    }
}
