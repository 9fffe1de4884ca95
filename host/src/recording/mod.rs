//! What a host did, written down so that it can be done again: the candles in the order in which they were delivered, and every decision
//! that does not follow from them. A replay of it gives the same signals byte for byte, or something is not as it was.
//!
//! A recording is a folder of pairs of files, in the order of their numbers: `candles-000001-20260105T120000Z.csv` and
//! `decisions-000001-20260105T120000Z.jsonl`, named by the time of their first candles. Each start of a host is a session of its own.

mod compare;
mod format;
mod queue;
mod reader;
mod recorder;
mod replay;
mod writer;

pub use format::About;
pub use reader::{Recording, RecordingError, Session};
pub use recorder::Recorder;
pub use replay::{Difference, Fetch, Proof, Stored, TraderProof, replay};

/// How the files begin.
const CANDLES: &str = "candles-";
const DECISIONS: &str = "decisions-";

/// The runtime of the traders, as a session names it.
pub const WASMTIME: &str = "48.0";

/// The number in the name of a file of a recording.
fn number_of(name: &str) -> Option<u32> {
    let rest = name.strip_prefix(CANDLES).or_else(|| name.strip_prefix(DECISIONS))?;
    rest.split_once('-')?.0.parse().ok()
}

#[cfg(test)]
mod tests;
