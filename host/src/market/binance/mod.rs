//! The exchange: closed candles of Binance spot, read by REST.
//!
//! A candle is taken only when its close lies behind the exchange's own clock, so a forming one is never seen. Every stream has a
//! position, and asks for what follows it: an outage, a ban or a restart only makes it ask for more, in order. A close is delivered
//! once every stream has answered for it; what the exchange does not have half a minute after a close is a hole, and told as a gap.

mod exchange;
mod link;
mod stream;
mod wire;

use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use tokio::runtime::Handle;

pub use exchange::{Choice, Exchange, ExchangeError};

use super::feed::{Feed, FeedError};
use super::interval::Interval;
use super::segment::Segment;
use super::symbol::{SymbolId, Symbols};
use stream::Stream;

/// Candles of each interval before the first live one: one request gives so many, and a trader's default warm-up is as long.
pub const HISTORY_CANDLES: i64 = 1_000;
/// How long before this moment candles that nobody judged are still told live, after a restart: longer than any outage that is
/// waited for, and short enough that nobody is told of a market that is long gone.
pub const CATCH_UP_MS: i64 = 24 * 3_600_000;
/// By the exchange's clock, after a close: until then its own servers may not agree on the candle.
const SETTLE_MS: i64 = 1_000;
/// By the exchange's clock, after a close: a candle that is not there by then does not exist.
const HOLE_MS: i64 = 30_000;
/// Requests at once.
const PARALLEL: usize = 8;
/// A round of requests. A lane of a hundred symbols takes a few seconds; what has not come by then is asked for again.
const ROUND: Duration = Duration::from_secs(20);
/// Wait after a failure of the network, and the most that it grows to.
const RETRY: Duration = Duration::from_millis(500);
const RETRY_MOST: Duration = Duration::from_secs(30);

/// See the module. Its calls wait for the network, so it belongs to a thread that may.
pub struct BinanceFeed {
    exchange: Exchange,
    runtime: Handle,
    symbols: Symbols,
    /// Longest interval first.
    lanes: Vec<Lane>,
    /// Up to here candles are history, in the first lanes.
    anchor_ms: i64,
    delivered_ms: i64,
    trouble: Option<String>,
    failures: u32,
    not_before: Option<Instant>,
}

/// The streams of one interval.
struct Lane {
    interval: Interval,
    /// Open time of the candles that come next.
    next_open_ms: i64,
    /// By symbol id.
    streams: Vec<Stream>,
}

impl Lane {
    fn next_close_ms(&self) -> i64 {
        self.interval.close_of(self.next_open_ms)
    }
}

impl BinanceFeed {
    /// A feed of these symbols, whose candles are history up to `anchor_ms`.
    ///
    /// # Errors
    ///
    /// A symbol whose name cannot be used.
    pub fn new(exchange: Exchange, runtime: Handle, names: &[String], anchor_ms: i64) -> Result<Self, FeedError> {
        let mut symbols = Symbols::new();
        for name in names {
            symbols.intern(name)?;
        }
        Ok(Self {
            exchange,
            runtime,
            symbols,
            lanes: Vec::new(),
            anchor_ms,
            delivered_ms: i64::MIN,
            trouble: None,
            failures: 0,
            not_before: None,
        })
    }

    /// Gets what is known by now of the next close, and of everything after it.
    async fn ask(&mut self) -> Result<i64, ExchangeError> {
        let now_ms = self.exchange.time_ms().await?;
        let Some(close_ms) = self.next_close_ms() else { return Ok(now_ms) };
        if close_ms + SETTLE_MS > now_ms {
            return Ok(now_ms);
        }
        let exchange = &self.exchange;
        let asked = self.lanes.iter().enumerate().filter(|(_, lane)| lane.next_close_ms() == close_ms).flat_map(
            |(lane_index, lane)| {
                let wanting = lane.streams.iter().enumerate().filter(|(_, stream)| stream.wants(lane.next_open_ms));
                wanting.map(move |(index, stream)| {
                    (lane_index, index, lane.interval, stream.name().to_owned(), stream.asks_from_ms())
                })
            },
        );
        let asked: Vec<_> = asked.collect();
        let answers = futures_util::stream::iter(asked).map(|(lane, index, interval, name, from_ms)| async move {
            (lane, index, exchange.klines(&name, interval, from_ms).await)
        });
        let mut answers = std::pin::pin!(answers.buffer_unordered(PARALLEL));
        let deadline = tokio::time::Instant::now() + ROUND;
        loop {
            // What has come is kept; who waits for this feed does not wait for an exchange that hangs.
            let Ok(next) = tokio::time::timeout_at(deadline, answers.next()).await else {
                return Err(ExchangeError::NoAnswer("no answer in time".to_owned()));
            };
            let Some((lane, index, answer)) = next else { return Ok(now_ms) };
            let Some(lane) = self.lanes.get_mut(lane) else { continue };
            let (interval, open_ms) = (lane.interval, lane.next_open_ms);
            let Some(stream) = lane.streams.get_mut(index) else { continue };
            match answer {
                Ok(rows) => {
                    stream.take(interval, rows, now_ms, SETTLE_MS, HOLE_MS);
                    stream.asked(open_ms);
                }
                Err(ExchangeError::NoSuchSymbol) => {
                    tracing::warn!(symbol = stream.name(), "the exchange does not list the symbol any more");
                    stream.end();
                }
                Err(error) => return Err(error),
            }
        }
    }

    fn next_close_ms(&self) -> Option<i64> {
        self.lanes.iter().map(Lane::next_close_ms).min()
    }

    /// Whether every stream of the next close has answered for it.
    fn is_due(&self, close_ms: i64) -> bool {
        let mut lanes = self.lanes.iter().filter(|lane| lane.next_close_ms() == close_ms);
        lanes.all(|lane| lane.streams.iter().all(|stream| !stream.wants(lane.next_open_ms)))
    }

    fn failed(&mut self, error: &ExchangeError) {
        self.failures = self.failures.saturating_add(1);
        let grown = RETRY.saturating_mul(1 << self.failures.min(8)).min(RETRY_MOST);
        self.not_before = Some(Instant::now() + error.wait().unwrap_or(grown));
        let text = error.to_string();
        if self.trouble.as_ref() != Some(&text) {
            tracing::warn!("{text}; candles wait");
            self.trouble = Some(text);
        }
    }
}

impl Feed for BinanceFeed {
    fn symbols(&self) -> &Symbols {
        &self.symbols
    }

    /// Lanes that are there before the first candle begin with history; a later one begins with the next close.
    fn want(&mut self, intervals: &[Interval]) -> Result<(), FeedError> {
        for interval in intervals {
            if self.lanes.iter().any(|lane| lane.interval == *interval) {
                continue;
            }
            let next_open_ms = if self.delivered_ms == i64::MIN {
                interval.open_of(self.anchor_ms) - HISTORY_CANDLES * interval.as_ms()
            } else {
                interval.open_of(self.delivered_ms + 1)
            };
            let next_open_ms = interval.open_of(next_open_ms);
            let stream = |(id, name): (SymbolId, &str)| Stream::new(id, name, next_open_ms);
            let streams = self.symbols.iter().map(stream).collect();
            self.lanes.push(Lane { interval: *interval, next_open_ms, streams });
        }
        self.lanes.sort_by_key(|lane| std::cmp::Reverse(lane.interval));
        Ok(())
    }

    /// True and empty while nothing has closed, or the exchange does not answer.
    fn next(&mut self, max_closes: usize, into: &mut Segment) -> Result<bool, FeedError> {
        let mut builder = into.builder();
        if self.lanes.is_empty() {
            return Err(FeedError::NothingWanted);
        }
        if self.not_before.is_some_and(|at| at > Instant::now()) {
            builder.finish()?;
            return Ok(true);
        }
        let mut asked = false;
        while builder.closes() < max_closes.max(1) {
            let Some(close_ms) = self.next_close_ms() else { break };
            if !self.is_due(close_ms) {
                // What is there is delivered first; then there is time to ask again.
                if asked || builder.closes() > 0 {
                    break;
                }
                asked = true;
                match self.runtime.clone().block_on(self.ask()) {
                    Ok(_) => (self.trouble, self.failures, self.not_before) = (None, 0, None),
                    Err(error) => {
                        self.failed(&error);
                        break;
                    }
                }
                continue;
            }
            for lane in self.lanes.iter_mut().filter(|lane| lane.next_close_ms() == close_ms) {
                let open_ms = lane.next_open_ms;
                if lane.streams.iter().any(|stream| stream.has(open_ms)) {
                    builder.batch(lane.interval, open_ms)?;
                }
                for stream in &mut lane.streams {
                    if let Some((gap_from_ms, values)) = stream.give(lane.interval, open_ms) {
                        if let Some(from_ms) = gap_from_ms {
                            builder.gap(stream.symbol(), from_ms)?;
                        }
                        builder.row(stream.symbol(), &values, 0)?;
                    }
                }
                lane.next_open_ms += lane.interval.as_ms();
            }
            self.delivered_ms = close_ms;
        }
        builder.finish()?;
        Ok(true)
    }

    fn trouble(&self) -> Option<&str> {
        self.trouble.as_deref()
    }
}
