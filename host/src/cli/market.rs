//! Candle files of the command line.

use super::failure::Failure;
use crate::market::{CandleInput, ReplayFeed};

/// Reads candle files.
pub(super) fn replay(files: &[String]) -> Result<ReplayFeed, Failure> {
    let sources = files.iter().map(|file| file.parse::<CandleInput>()).collect::<Result<Vec<_>, _>>();
    let sources = sources.map_err(Failure::input)?;
    ReplayFeed::new(sources).map_err(Failure::input)
}
