//! Signals as JSON lines.

use std::io::{self, Write};

use super::{Burst, Sink};

/// Writes one JSON object a line.
pub struct JsonLines<W: Write + Send> {
    to: W,
}

impl<W: Write + Send> JsonLines<W> {
    /// Writes to a file, a pipe, a buffer.
    pub const fn new(to: W) -> Self {
        Self { to }
    }
}

impl<W: Write + Send> Sink for JsonLines<W> {
    fn accept(&mut self, burst: &Burst<'_>) -> io::Result<()> {
        let mut lines = Vec::new();
        for signal in burst.signals {
            serde_json::to_writer(&mut lines, signal)?;
            lines.push(b'\n');
        }
        // One write a delivery, so that a reader of the file sees whole lines.
        self.to.write_all(&lines)?;
        self.to.flush()
    }
}
