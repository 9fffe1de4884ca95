//! What a store carries: the budgets of its guest, the candle in hand, and what the call in hand has left behind.
//!
//! Nothing in here knows a trader's identity, a key or a network: a guest that escaped its memory would meet only this.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use wasmtime::{Result, UpdateDeadline};

use super::leash::{Cut, Leash};
use super::limits;
use super::manifest::Subscription;
use super::outcome::Outcome;
use crate::market::{History, Offer, Stream, SymbolId, Ticker};
use crate::text::shown;

/// How much a log line matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    /// For the author alone.
    Debug,
    /// Worth knowing.
    Info,
    /// Worth a look.
    Warn,
    /// Something failed.
    Error,
    /// The last words of a panic.
    Panic,
}

impl LogLevel {
    /// In lowercase.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
            Self::Panic => "panic",
        }
    }
}

/// A line of a guest, escaped and cut.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// How much it matters.
    pub level: LogLevel,
    /// The words.
    pub text: String,
}

/// A signal as the guest said it: a candle of the batch in hand, and a tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Emission {
    /// Index in the batch.
    pub index: u32,
    /// Index into the manifest's tags.
    pub tag: u32,
}

/// See the module.
pub struct Cell {
    pub(super) leash: Arc<Leash>,
    /// The number of the call in hand.
    call: u64,
    budget: Duration,
    /// CPU time of the thread when the call was first looked at. Reading that clock costs as much as a call, so it is read only
    /// when an epoch passes: a call may take up to a tick more than its budget.
    cpu_at_first_look: Option<Duration>,
    pub(super) cut: Option<Outcome>,
    memory_bytes: usize,
    pub(super) peak_memory_bytes: usize,
    pub(super) memory_denied: Option<String>,
    tags: u32,
    in_hand: InHand,
    pub(super) emissions: Vec<Emission>,
    emit_calls: usize,
    market: Option<Market>,
    log: Log,
    pub(super) last_words: Option<String>,
}

/// The batch that the guest looks at.
#[derive(Default)]
struct InHand {
    candles: usize,
    close_time_ms: i64,
    /// Ascending; kept only for a trader that reads columns.
    symbols: Vec<u32>,
}

/// What a guest may read.
struct Market {
    /// Lent for the time of a delivery, in which nobody changes it: so it is read without a lock.
    history: Option<Arc<History>>,
    subscription: Subscription,
    /// Ids of the other streams: symbol and index of the interval.
    others: Vec<(u32, usize)>,
    /// For each interval and symbol the open time of the first candle that this instance may see: its state, and so its signals,
    /// are a function of the candles from there on.
    first_open_ms: Vec<Vec<i64>>,
}

/// Lines of a guest, in a bucket that candle time fills.
#[derive(Default)]
struct Log {
    lines: Vec<LogLine>,
    minute: i64,
    bytes: usize,
    dropped: u64,
}

impl Cell {
    /// A cell whose guest ends when the leash says stop and an epoch passes.
    pub(super) fn new(leash: Arc<Leash>) -> Self {
        Self {
            leash,
            call: 0,
            budget: Duration::ZERO,
            cpu_at_first_look: None,
            cut: None,
            memory_bytes: 0,
            peak_memory_bytes: 0,
            memory_denied: None,
            tags: 0,
            in_hand: InHand::default(),
            emissions: Vec::new(),
            emit_calls: 0,
            market: None,
            log: Log::default(),
            last_words: None,
        }
    }

    /// A call begins.
    #[inline]
    pub(super) fn begin(&mut self, budget: Duration) {
        self.call = self.leash.next_call();
        self.budget = budget;
        self.cpu_at_first_look = None;
        self.in_hand.candles = 0;
    }

    /// A call with a batch begins.
    #[inline]
    pub(super) fn begin_batch(&mut self, close_time_ms: i64, symbols: &[u32]) {
        self.begin(limits::cpu_of_batch(symbols.len()));
        self.in_hand.candles = symbols.len();
        self.in_hand.close_time_ms = close_time_ms;
        self.in_hand.symbols.clear();
        self.in_hand.symbols.extend_from_slice(symbols);
        self.emissions.clear();
        self.emit_calls = 0;
    }

    /// Nothing is in hand any more; what was emitted stays to be taken.
    #[inline]
    pub(super) fn end(&mut self) {
        self.in_hand.candles = 0;
        if self.emissions.len() > 1 {
            self.emissions.sort_unstable();
            self.emissions.dedup();
        }
    }

    /// What the epoch callback decides.
    pub(super) fn look(&mut self) -> UpdateDeadline {
        // The clock first: it is a system call, and on a busy core that is where the thread that stops this guest gets its turn. A
        // flag that was read before would miss it, and the guest would run on until the next tick.
        let now = thread_cpu();
        if self.leash.is_stopped() {
            self.cut = Some(Outcome::Killed);
            return UpdateDeadline::Interrupt;
        }
        let since = *self.cpu_at_first_look.get_or_insert(now);
        let patience = if self.leash.is_scripted() { limits::REPLAY_PATIENCE } else { 1 };
        if now.saturating_sub(since) > self.budget.saturating_mul(patience) {
            self.cut = Some(Outcome::CpuDeadline);
            self.leash.cut(Cut { call: self.call, inside: true });
            return UpdateDeadline::Interrupt;
        }
        UpdateDeadline::Continue(1)
    }

    /// Whether a replay cuts the call in hand off.
    #[inline]
    pub(super) fn is_cut_by_script(&self) -> bool {
        self.leash.is_scripted() && self.leash.is_cut(Cut { call: self.call, inside: true })
    }

    /// CPU time that a call had when it was cut.
    pub(super) fn budget(&self) -> Duration {
        self.budget
    }

    /// Opens the market to the guest, once its subscription is known.
    pub(super) fn open_market(&mut self, subscription: Subscription, offer: &Offer, tags: usize) {
        let others = subscription
            .other_streams
            .iter()
            .filter_map(|(symbol, interval)| Some((offer.id(symbol)?.0, *interval)))
            .collect();
        self.tags = u32::try_from(tags).unwrap_or(u32::MAX);
        self.market = Some(Market {
            history: None,
            first_open_ms: vec![Vec::new(); subscription.needs.len()],
            subscription,
            others,
        });
    }

    /// Lends the candles, or takes them back.
    #[inline]
    pub(super) fn lend(&mut self, history: Option<Arc<History>>) {
        if let Some(market) = &mut self.market {
            market.history = history;
        }
    }

    /// The instance sees a stream from this candle on; an earlier word stands.
    #[inline]
    pub(super) fn sees_from(&mut self, interval: usize, symbol: u32, open_ms: i64) {
        let Some(firsts) = self.market.as_mut().and_then(|market| market.first_open_ms.get_mut(interval)) else {
            return;
        };
        let at = symbol as usize;
        if firsts.len() <= at {
            firsts.resize(at + 1, i64::MAX);
        }
        if let Some(first) = firsts.get_mut(at) {
            *first = (*first).min(open_ms);
        }
    }

    /// Whether the trader can read anything but the candle in hand.
    pub(super) fn reads_columns(&self) -> bool {
        self.market.as_ref().is_some_and(|market| market.subscription.needs.iter().any(|need| need.lookback > 0))
    }

    /// The import `values` and its like: the stream as far as the close in hand.
    pub(super) fn read<R>(
        &self,
        symbol: u32,
        interval: u32,
        count: u32,
        take: impl FnOnce(&Stream, Range<usize>) -> Vec<R>,
    ) -> Result<Vec<R>> {
        let (market, at) = self.permitted(symbol, interval)?;
        let lookback = market.subscription.needs.get(at).map_or(0, |need| need.lookback);
        if count > lookback {
            return Err(misuse(format!(
                "asked for {count} candles of interval {interval}, the subscription declares a lookback of {lookback}"
            )));
        }
        let Some(need) = market.subscription.needs.get(at) else {
            return Ok(Vec::new());
        };
        let Some(stream) = market.history.as_ref().and_then(|history| history.stream(SymbolId(symbol), need.interval))
        else {
            return Ok(Vec::new());
        };
        let end = stream.len_at(self.in_hand.close_time_ms);
        let first_ms = market.first_open_ms.get(at).and_then(|firsts| firsts.get(symbol as usize)).copied();
        // A stream of another symbol is seen from the warm-up of that interval on, as that symbol's own candles are.
        let first_ms = first_ms.unwrap_or(i64::MAX);
        let first = stream.open_times().partition_point(|open| *open < first_ms);
        let start = end.saturating_sub(count as usize).max(first);
        Ok(if start < end { take(stream, start..end) } else { Vec::new() })
    }

    /// The import `ticker`.
    pub(super) fn rolling(&self, symbol: u32, interval: u32) -> Result<Option<Ticker>> {
        let (market, at) = self.permitted(symbol, interval)?;
        let Some(need) = market.subscription.needs.get(at) else {
            return Ok(None);
        };
        let stream = market.history.as_ref().and_then(|history| history.stream(SymbolId(symbol), need.interval));
        Ok(stream.and_then(|stream| stream.ticker_at(self.in_hand.close_time_ms)))
    }

    /// A stream may be read if its symbol is in the batch in hand, or if it was declared.
    fn permitted(&self, symbol: u32, interval: u32) -> Result<(&Market, usize)> {
        let at = interval as usize;
        let market = match &self.market {
            Some(market) if self.in_hand.candles > 0 => market,
            _ => return Err(misuse("read the market outside of on-close".into())),
        };
        if at >= market.subscription.needs.len() {
            return Err(misuse(format!("read interval {interval}, which is not in the subscription")));
        }
        if self.in_hand.symbols.binary_search(&symbol).is_err() && !market.others.contains(&(symbol, at)) {
            return Err(misuse(format!(
                "read symbol {symbol} on interval {interval}, which is neither in the batch nor a declared other stream"
            )));
        }
        Ok((market, at))
    }

    /// The import `emit`.
    #[inline]
    pub(super) fn emit(&mut self, index: u32, tag: u32) -> Result<()> {
        if index as usize >= self.in_hand.candles {
            return Err(misuse(format!("emitted for candle {index} of a batch of {}", self.in_hand.candles)));
        }
        if tag >= self.tags {
            return Err(misuse(format!("emitted tag {tag}, {} are described", self.tags)));
        }
        self.emit_calls += 1;
        let most = (self.in_hand.candles + 8) * limits::SIGNALS_PER_CANDLE * 4;
        if self.emit_calls > most {
            return Err(misuse(format!("emitted more than {most} times in one call")));
        }
        self.emissions.push(Emission { index, tag });
        Ok(())
    }

    /// The import `log`.
    pub(super) fn log(&mut self, level: LogLevel, message: &str) {
        if level == LogLevel::Panic {
            self.last_words = Some(shown(message, limits::LOG_LINE_BYTES));
        }
        // Panics come once an instance, so they pass a full bucket.
        if self.log.bytes >= limits::LOG_BYTES_PER_MINUTE && level != LogLevel::Panic {
            self.log.dropped += 1;
            return;
        }
        let text = shown(message, limits::LOG_LINE_BYTES);
        self.log.bytes += text.len().max(32);
        self.log.lines.push(LogLine { level, text });
    }

    /// Candle time passes: the bucket of log lines fills again.
    #[inline]
    pub(super) fn log_minute(&mut self, close_time_ms: i64) {
        let minute = close_time_ms.div_euclid(60_000);
        if minute != self.log.minute {
            self.log.minute = minute;
            self.log.bytes = 0;
        }
    }

    /// Takes what was logged, and how many lines were dropped.
    pub(super) fn take_log(&mut self) -> (Vec<LogLine>, u64) {
        (std::mem::take(&mut self.log.lines), std::mem::take(&mut self.log.dropped))
    }

    /// Whether there is anything to take.
    #[inline]
    pub(super) fn has_log(&self) -> bool {
        !self.log.lines.is_empty() || self.log.dropped > 0
    }
}

impl wasmtime::ResourceLimiter for Cell {
    fn memory_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> Result<bool> {
        self.grow(desired.saturating_sub(current), "memory")
    }

    fn table_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> Result<bool> {
        self.grow(desired.saturating_sub(current).saturating_mul(limits::TABLE_ELEMENT_BYTES), "a table")
    }
}

impl Cell {
    /// One budget over all memories and tables.
    fn grow(&mut self, by_bytes: usize, what: &str) -> Result<bool> {
        let total = self.memory_bytes.saturating_add(by_bytes);
        if total > limits::MEMORY_BYTES {
            let reason =
                format!("asked for {what} of {total} bytes in all, the budget is {} bytes", limits::MEMORY_BYTES);
            self.memory_denied = Some(reason.clone());
            return Err(misuse(reason));
        }
        self.memory_bytes = total;
        self.peak_memory_bytes = self.peak_memory_bytes.max(total);
        Ok(true)
    }
}

/// A wrong use of an import: it traps the guest with these words.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Misuse(pub(super) String);

fn misuse(reason: String) -> wasmtime::Error {
    wasmtime::Error::from(Misuse(reason))
}

/// CPU time of the calling thread: a stolen core does not count.
pub(crate) fn thread_cpu() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
}
