//! Where closed candles come from.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use super::interval::Interval;
use super::replay::ReplayError;
use super::segment::{Segment, SegmentError};
use super::symbol::{SymbolError, Symbols};

/// A source of closed candles, in canonical order. Nothing is ever synthesised: what is missing is told as a gap, before the
/// candle that follows it.
pub trait Feed: Send {
    /// The symbols that it has.
    fn symbols(&self) -> &Symbols;

    /// Adds to the intervals that are delivered. May be called again between two calls of `next`; what is new then starts
    /// with the next close. On an error nothing has changed.
    fn want(&mut self, intervals: &[Interval]) -> Result<(), FeedError>;

    /// Asks for at least so many candles of history of an interval that is wanted. A feed that loads history by itself tells it in
    /// segments of [`Telling::History`](super::Telling::History), and says in the last of them how far it reaches; the history of any
    /// other feed is what it has delivered. Asked again it tells it again where [`keep_only`](Self::keep_only) let
    /// go of it.
    fn reach_back(&mut self, _interval: Interval, _candles: u32) {}

    /// Lets go of all other intervals, and of more candles of history than these: nobody needs them any more. What is asked for after
    /// that has to be told again. A feed that delivers from a file may go on with them.
    fn keep_only(&mut self, _needs: &BTreeMap<Interval, u32>) {}

    /// Replaces the content of `into` by the next closes, at most `max_closes`. False, and empty, at the end; true and empty where
    /// nothing has closed yet, for a feed that follows the clock.
    fn next(&mut self, max_closes: usize, into: &mut Segment) -> Result<bool, FeedError>;

    /// Why nothing comes at present, if it should.
    fn trouble(&self) -> Option<&str> {
        None
    }

    /// What is wrong while all that is wanted comes.
    fn warning(&self) -> Option<&str> {
        None
    }
}

/// A feed that one thread reads while another may ask it for more intervals.
pub type SharedFeed = Arc<Mutex<Box<dyn Feed>>>;

/// Why a feed cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum FeedError {
    /// No candles of this interval can be had.
    #[error(
        "no {wanted} candles of {symbol}: they cannot be made from its {base} candles; \
         give it {wanted} candles, or shorter ones that fill {wanted} evenly"
    )]
    Interval {
        /// The interval that was asked for.
        wanted: Interval,
        /// The symbol that lacks it.
        symbol: String,
        /// The shortest interval that it has.
        base: Interval,
    },
    /// `next` before any interval was asked for.
    #[error("no candles are wanted, since no trader can run; see what is said of each")]
    NothingWanted,
    /// A feed was asked for in a way that makes no sense.
    #[error("{0}")]
    Setup(String),
    /// A bad symbol.
    #[error(transparent)]
    Symbol(#[from] SymbolError),
    /// A candle file that cannot be used.
    #[error(transparent)]
    Replay(#[from] ReplayError),
    /// A mistake in the feed itself.
    #[error(transparent)]
    Order(#[from] SegmentError),
    /// Anything else that stops a feed.
    #[error(transparent)]
    Source(Box<dyn std::error::Error + Send + Sync>),
}
