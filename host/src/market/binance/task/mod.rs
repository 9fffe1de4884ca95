//! The task that keeps the order: it hears, asks, and hands on what is ready.

mod blame;
mod questions;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::Start;
use super::arrivals::Arrivals;
use super::clock::Clock;
use super::exchange::Exchange;
use super::link::{Heard, KlineEvent, Link, StreamKey};
use super::sequencer::{Ask, Sequencer};
use super::shared::{Command, Shared};
use super::status::MarketStatus;
use super::symbols::{Choice, Watched};
use super::trouble::Lines;
use crate::market::interval::Interval;
use crate::market::segment::{Segment, Telling};
use crate::market::symbol::{SymbolId, Symbols};
use blame::Blame;
use questions::Answer;

/// Closes of a live segment. After an outage there are many.
const CLOSES: usize = 64;
/// Messages that are taken in before what they make ready is handed on.
const AT_ONCE: usize = 512;
/// By the exchange's clock: a symbol that was refused by name is not watched for so long at first, and at most.
const GIVEN_UP_MS: i64 = 600_000;
const GIVEN_UP_MOST_MS: i64 = 86_400_000;
/// By the exchange's clock: deadlines are looked at so often.
const LOOK_MS: i64 = 500;
/// By the host's clock: the same where nothing is heard.
const LOOK: Duration = Duration::from_millis(100);

/// A symbol that was refused by name.
struct Refused {
    times: u32,
    /// By the exchange's clock, it is not watched before.
    until_ms: i64,
    /// Whether it would be watched, were it not for that.
    is_missed: bool,
}

/// See the module.
pub(super) struct Task {
    exchange: Arc<Exchange>,
    link: Link,
    choice: Choice,
    shared: Arc<Shared>,
    status: MarketStatus,
    sequencer: Sequencer,
    clock: Clock,
    /// The last message whose time was not believed: when the next one agrees, it counts.
    doubted: Option<KlineEvent>,
    lines: Lines,
    answers: JoinSet<Answer>,
    /// Questions for candles that are on their way: for those that are told, and for history.
    asked: [usize; 2],
    is_asking_time: bool,
    is_asking_symbols: bool,
    /// All symbols that were ever watched.
    symbols: Symbols,
    watched: Watched,
    ids: HashMap<String, SymbolId>,
    statuses_ms: i64,
    ranked_ms: i64,
    symbols_asked: Instant,
    /// Nothing is asked before.
    not_before: Option<Instant>,
    blame: Blame,
    /// Symbols that were refused by name.
    given_up: BTreeMap<String, Refused>,
    streams: usize,
    looked_ms: i64,
    looked: Instant,
    arrivals: Arrivals,
}

impl Task {
    pub(super) fn new(
        exchange: Exchange,
        link: Link,
        start: Start,
        symbols: Symbols,
        shared: Arc<Shared>,
        status: MarketStatus,
    ) -> Self {
        let Start { choice, names, anchor_ms, now_ms, .. } = start;
        let mut sequencer = Sequencer::new(anchor_ms, now_ms);
        let mut ids = HashMap::new();
        for (id, name) in symbols.iter() {
            sequencer.with(id, name);
            ids.insert(name.to_owned(), id);
        }
        Self {
            exchange: Arc::new(exchange),
            link,
            choice,
            shared,
            status,
            sequencer,
            clock: Clock::new(now_ms),
            doubted: None,
            lines: Lines::default(),
            answers: JoinSet::new(),
            asked: [0; 2],
            is_asking_time: false,
            is_asking_symbols: false,
            symbols,
            watched: Watched::new(names),
            ids,
            statuses_ms: now_ms,
            ranked_ms: now_ms,
            symbols_asked: Instant::now(),
            not_before: None,
            blame: Blame::default(),
            given_up: BTreeMap::new(),
            streams: 0,
            looked_ms: i64::MIN,
            looked: Instant::now(),
            arrivals: Arrivals::default(),
        }
    }

    /// Runs until it is aborted.
    pub(super) async fn run(mut self, mut heard: mpsc::Receiver<Heard>) {
        let shared = self.shared.clone();
        let mut look = tokio::time::interval(LOOK);
        look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            let mut is_news = false;
            tokio::select! {
                Some(message) = heard.recv() => {
                    is_news |= self.hear(message);
                    for _ in 0..AT_ONCE {
                        let Ok(message) = heard.try_recv() else { break };
                        is_news |= self.hear(message);
                    }
                }
                Some(Ok(answer)) = self.answers.join_next() => {
                    self.take(answer);
                    is_news = true;
                }
                () = shared.woken() => is_news = true,
                _ = look.tick() => {}
            }
            is_news |= self.obey();
            let has_passed = self.sequencer.now_ms().saturating_sub(self.looked_ms) >= LOOK_MS;
            if is_news || has_passed || self.looked.elapsed() >= LOOK {
                (self.looked_ms, self.looked) = (self.sequencer.now_ms(), Instant::now());
                self.ask();
                self.hand_on();
                self.report();
            }
        }
    }

    // What comes in.

    /// True if there may be something to tell.
    fn hear(&mut self, message: Heard) -> bool {
        match message {
            Heard::Kline(kline) => return self.hear_kline(kline),
            Heard::Up => {
                self.lines.up();
                self.status.lock().is_connected = true;
            }
            Heard::Down(why) => {
                tracing::debug!(why, "a connection to the exchange is lost");
                self.lines.down(&why);
                let mut status = self.status.lock();
                status.is_connected = false;
                status.lost_connections += 1;
            }
        }
        self.sequencer.line_changed();
        true
    }

    fn hear_kline(&mut self, kline: KlineEvent) -> bool {
        self.status.lock().messages += 1;
        let Some(now_ms) = self.clock.event(kline.event_ms) else {
            self.doubted = Some(kline);
            return false;
        };
        self.sequencer.clock(now_ms);
        let was_right = self.doubted.take().is_some_and(|doubted| self.take_candle(&doubted));
        self.take_candle(&kline) || was_right
    }

    fn take_candle(&mut self, kline: &KlineEvent) -> bool {
        let KlineEvent { symbol, interval, open_ms, values, is_closed, event_ms, .. } = kline;
        let Some(id) = self.ids.get(symbol) else { return false };
        let is_news = self.sequencer.candle(*id, *interval, *open_ms, *values, (*is_closed, *event_ms));
        if is_news {
            self.arrivals.heard(interval.close_of(*open_ms), Instant::now());
        }
        is_news
    }

    fn watch(&mut self, chosen: Vec<String>) {
        let change = self.watched.update(chosen);
        for name in &change.gone {
            if let Some(id) = self.ids.remove(name) {
                self.blame.forget(id);
                tracing::info!(symbol = name, "the symbol is not watched any more");
                self.sequencer.leave(id);
            }
        }
        for name in &change.joined {
            if let Some(refused) = self.given_up.get_mut(name) {
                refused.is_missed = false;
            }
            let is_new = self.symbols.id(name).is_none();
            let id = if is_new { self.symbols.intern(name) } else { self.symbols.intern_anew(name) };
            match id {
                Ok(id) => {
                    tracing::info!(symbol = name, "the symbol is watched from now on");
                    self.ids.insert(name.clone(), id);
                    self.sequencer.join(id, name);
                }
                Err(error) => tracing::warn!("a symbol is left out: {error}"),
            }
        }
        self.subscribe();
    }

    /// Lets go of a symbol that is refused by name for a while, although it may be said to trade.
    fn give_up(&mut self, ask: &Ask) {
        self.sequencer.give_up(ask.symbol);
        self.blame.forget(ask.symbol);
        // It may have left already, and be back under another id.
        if self.ids.get(&ask.name) == Some(&ask.symbol) {
            let times = self.given_up.get(&ask.name).map_or(0, |refused| refused.times);
            let wait_ms = (GIVEN_UP_MS << times.min(8)).min(GIVEN_UP_MOST_MS);
            let until_ms = self.sequencer.now_ms().saturating_add(wait_ms);
            let refused = Refused { times: times.saturating_add(1), until_ms, is_missed: true };
            self.given_up.insert(ask.name.clone(), refused);
            self.watched.give_up(&ask.name);
            self.ids.remove(&ask.name);
            self.subscribe();
        }
    }

    /// Symbols that are not to be chosen now.
    fn given_up(&mut self) -> BTreeSet<String> {
        let now_ms = self.sequencer.now_ms();
        self.given_up.retain(|_, refused| refused.until_ms.saturating_add(GIVEN_UP_MOST_MS) > now_ms);
        let waiting = self.given_up.iter().filter(|(_, refused)| refused.until_ms > now_ms);
        waiting.map(|(name, _)| name.clone()).collect()
    }

    /// Symbols that are watched, or were and have their wait behind them: they are chosen as those that stay.
    fn staying(&self) -> Vec<String> {
        let now_ms = self.sequencer.now_ms();
        let watched = self.watched.names();
        let returns = |(_, refused): &(&String, &Refused)| refused.is_missed && refused.until_ms <= now_ms;
        let returning = self.given_up.iter().filter(returns).map(|(name, _)| name);
        watched.iter().chain(returning.filter(|name| !watched.contains(name))).cloned().collect()
    }

    /// True if there was something to do.
    fn obey(&mut self) -> bool {
        let commands = self.shared.commands();
        let is_news = !commands.is_empty();
        for command in commands {
            match command {
                Command::Want(interval, candles) => self.sequencer.want(interval, candles),
                Command::KeepOnly(needs) => self.sequencer.keep_only(&needs),
            }
        }
        if self.shared.has_begun() {
            self.sequencer.begin();
        }
        if is_news {
            self.subscribe();
        }
        is_news
    }

    fn subscribe(&mut self) {
        let key = |(name, interval): (&str, Interval)| StreamKey { symbol: name.to_owned(), interval };
        let wanted: BTreeSet<StreamKey> = self.sequencer.streams().map(key).collect();
        self.streams = wanted.len();
        if wanted.is_empty() {
            self.lines.up();
        }
        self.link.want(wanted);
    }

    // What goes out.

    fn hand_on(&mut self) {
        let mut is_new = false;
        while self.shared.has_room() {
            let mut segment = Segment::new();
            match self.sequencer.next(CLOSES, &mut segment) {
                Ok(true) => {}
                Ok(false) => break,
                Err(mistake) => {
                    self.shared.fail(mistake);
                    return;
                }
            }
            if segment.telling() == Telling::Live
                && let Some((first_ms, last_ms)) = segment.first_close_ms().zip(segment.last_close_ms())
            {
                self.status.lock().last_close_ms = Some(last_ms);
                if let Some((first, last)) = self.arrivals.told(first_ms, last_ms) {
                    segment.set_heard(first, last);
                }
            }
            self.shared.put(segment);
            is_new = true;
        }
        if is_new {
            self.shared.ring();
        }
    }

    fn report(&mut self) {
        let counts = self.sequencer.counts();
        let mut status = self.status.lock();
        status.symbols = self.watched.names().len();
        status.streams = self.streams;
        status.weight_used = self.exchange.weight().used_now();
        status.lagging = self.sequencer.lagging();
        (status.late, status.backfilled, status.gaps) = (counts.late, counts.backfilled, counts.gaps);
        status.clock_offset_ms = self.clock.offset_ms();
        status.now_ms = self.sequencer.now_ms();
        let is_still = self.clock.is_still();
        let trouble = self.lines.trouble(&self.sequencer, is_still, status.last_close_ms);
        let suspects = || self.blame.warning(Instant::now());
        let trouble = trouble.or_else(|| suspects().filter(|_| !self.sequencer.is_open() && !self.sequencer.is_idle()));
        let warning = self.lines.warning(&self.sequencer, is_still);
        let warning = warning.or_else(|| suspects().filter(|_| trouble.is_none()));
        if trouble != status.trouble {
            match &trouble {
                Some(trouble) => tracing::warn!("{trouble}"),
                None => tracing::info!("the market is heard again"),
            }
            status.trouble = trouble;
        }
        if warning != status.warning {
            match &warning {
                Some(warning) => tracing::warn!("{warning}"),
                None if status.trouble.is_none() => tracing::info!("the exchange answers again"),
                None => {}
            }
            status.warning = warning;
        }
    }
}
