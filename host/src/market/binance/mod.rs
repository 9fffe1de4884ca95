//! The exchange: closed candles of Binance spot.
//!
//! A task hears the streams of the exchange (`link`), asks by REST for what they do not bring (`exchange`, within the `weight` that the
//! exchange allows), and makes one order of both (`sequencer`). What is ready to be told waits in a short queue, which the [`BinanceFeed`]
//! empties; when it is full the order stands still and the task goes on hearing. Closes and deadlines are judged by the exchange's
//! `clock` alone.
//!
//! Which symbols are watched is looked at again and again (`symbols`). Only what traders want is heard and loaded.

mod arrivals;
mod clock;
mod exchange;
mod link;
mod sequencer;
mod shared;
mod status;
mod symbols;
mod task;
mod trouble;
mod weight;
mod wire;

use std::collections::BTreeMap;
use std::sync::Arc;

use reqwest::Url;
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;

pub use exchange::{Exchange, ExchangeError};
pub use status::{MarketStatus, MarketView};
pub use symbols::Choice;

use super::feed::{Feed, FeedError};
use super::interval::Interval;
use super::segment::Segment;
use super::symbol::Symbols;
use link::Link;
use shared::{Command, Shared};
use task::Task;

/// How long before this moment candles that nobody judged are still told live, after a restart: longer than any outage that is
/// waited for, and short enough that nobody is told of a market that is long gone.
pub const CATCH_UP_MS: i64 = 24 * 3_600_000;
/// Messages that wait to be heard. When there are more, the link waits.
const MESSAGES: usize = 4_096;

/// Rings when there is something to be told.
pub type Bell = Box<dyn Fn() + Send + Sync>;

/// What a feed of the exchange begins with.
#[derive(Debug)]
pub struct Start {
    /// Where the streams are.
    pub streams: Url,
    /// Which symbols.
    pub choice: Choice,
    /// Those that were chosen first.
    pub names: Vec<String>,
    /// Up to here candles are history.
    pub anchor_ms: i64,
    /// The exchange's clock.
    pub now_ms: i64,
}

/// See the module. Its calls never wait.
pub struct BinanceFeed {
    shared: Arc<Shared>,
    status: MarketStatus,
    symbols: Symbols,
    trouble: Option<String>,
    warning: Option<String>,
    /// What was kept last, unless something was wanted since.
    kept: Option<BTreeMap<Interval, u32>>,
    task: AbortHandle,
}

impl BinanceFeed {
    /// A feed that begins to hear once something is wanted of it.
    ///
    /// # Errors
    ///
    /// A symbol whose name cannot be used.
    pub fn start(exchange: Exchange, runtime: &Handle, start: Start, bell: Bell) -> Result<Self, FeedError> {
        let mut symbols = Symbols::new();
        for name in &start.names {
            symbols.intern(name)?;
        }
        let (shared, status) = (Arc::new(Shared::new(bell)), MarketStatus::default());
        let (send, heard) = mpsc::channel(MESSAGES);
        let link = Link::start(runtime, start.streams.clone(), send);
        let task = Task::new(exchange, link, start, symbols.clone(), shared.clone(), status.clone());
        let task = runtime.spawn(task.run(heard)).abort_handle();
        Ok(Self { shared, status, symbols, trouble: None, warning: None, kept: None, task })
    }

    /// How the market is heard.
    #[must_use]
    pub fn status(&self) -> MarketStatus {
        self.status.clone()
    }
}

impl Feed for BinanceFeed {
    fn symbols(&self) -> &Symbols {
        &self.symbols
    }

    fn want(&mut self, intervals: &[Interval]) -> Result<(), FeedError> {
        self.kept = None;
        // How much history of them is wanted is mostly said next; then the task is woken.
        self.shared.command(intervals.iter().map(|interval| Command::Want(*interval, 0)));
        Ok(())
    }

    fn reach_back(&mut self, interval: Interval, candles: u32) {
        self.kept = None;
        self.shared.command([Command::Want(interval, candles)]);
        self.shared.wake();
    }

    fn keep_only(&mut self, needs: &BTreeMap<Interval, u32>) {
        if self.kept.as_ref() != Some(needs) {
            self.kept = Some(needs.clone());
            self.shared.command([Command::KeepOnly(needs.clone())]);
            self.shared.wake();
        }
    }

    /// True and empty while there is nothing to tell. Closes come in segments as they became ready, and the history of a stream whole,
    /// whatever the most is.
    fn next(&mut self, _max_closes: usize, into: &mut Segment) -> Result<bool, FeedError> {
        match self.shared.take()? {
            Some(segment) => {
                for (_, name) in segment.joined() {
                    self.symbols.intern_anew(name)?;
                }
                *into = segment;
            }
            None => into.builder().finish()?,
        }
        let status = self.status.lock();
        if self.trouble != status.trouble {
            self.trouble.clone_from(&status.trouble);
        }
        if self.warning != status.warning {
            self.warning.clone_from(&status.warning);
        }
        Ok(true)
    }

    fn trouble(&self) -> Option<&str> {
        self.trouble.as_deref()
    }

    fn warning(&self) -> Option<&str> {
        self.warning.as_deref()
    }
}

impl Drop for BinanceFeed {
    fn drop(&mut self) {
        self.task.abort();
    }
}
