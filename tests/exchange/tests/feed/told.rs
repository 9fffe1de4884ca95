//! Takes what a feed tells, and holds it against the archive.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use tokio::runtime::Runtime;
use vyx_exchange::Exchange;
use vyx_host::market::{
    BinanceFeed, BinanceStart, Choice, Exchange as Client, Feed as _, Gap, Interval, MarketView, Segment, SymbolId,
    Telling, Values,
};

/// Longer than anything takes.
const HANG: Duration = Duration::from_secs(90);

fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap())
}

pub fn choose(exchange: &Exchange, count: usize, min_volume: f64) -> Vec<String> {
    let client = Client::new(exchange.rest_url().parse().unwrap()).unwrap();
    runtime().block_on(client.choose(&Choice::Top { count, min_volume })).unwrap()
}

/// A feed and its bell.
pub struct Watcher {
    pub feed: BinanceFeed,
    bell: Receiver<()>,
}

impl Watcher {
    pub fn start(exchange: &Exchange, names: &[&str], anchor_ms: i64) -> Self {
        let client = Client::new(exchange.rest_url().parse().unwrap()).unwrap();
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let choice = Choice::Listed(names.clone());
        // As the host does, which learns the limits with the list; an exchange that refuses is the business of the test.
        let _ = runtime().block_on(client.choose(&choice));
        let start = BinanceStart {
            streams: exchange.ws_url().parse().unwrap(),
            choice,
            names,
            anchor_ms,
            now_ms: exchange.now_ms(),
        };
        let (ring, bell) = channel();
        let ring = Box::new(move || {
            // Nobody may be listening any more.
            let _ = ring.send(());
        });
        let feed = BinanceFeed::start(client, runtime().handle(), start, ring).unwrap();
        Self { feed, bell }
    }

    /// Takes what is there. False if there is nothing.
    pub fn take(&mut self, told: &mut Told) -> bool {
        let mut segment = Segment::new();
        let mut any = false;
        loop {
            assert!(self.feed.next(1, &mut segment).unwrap());
            if segment.says_nothing() {
                return any;
            }
            told.take(&segment);
            any = true;
        }
    }

    /// Watches until it has seen enough.
    pub fn watch(&mut self, told: &mut Told, enough: impl Fn(&Told) -> bool) {
        let until = Instant::now() + HANG;
        loop {
            self.take(told);
            if enough(told) {
                return;
            }
            let left = until.saturating_duration_since(Instant::now());
            assert!(
                self.bell.recv_timeout(left).is_ok(),
                "it hangs: {:?} {:?}",
                self.feed.trouble(),
                self.feed.status().get()
            );
        }
    }

    /// Waits until the market is heard like this.
    pub fn watch_status(&self, enough: impl Fn(&MarketView) -> bool) {
        let until = Instant::now() + HANG;
        while !enough(&self.feed.status().get()) {
            assert!(Instant::now() < until, "it hangs: {:?}", self.feed.status().get());
            std::thread::yield_now();
        }
    }
}

#[derive(Default)]
pub struct Told {
    pub filled: BTreeMap<Interval, u32>,
    pub gaps: Vec<Gap>,
    pub joined: Vec<(SymbolId, String)>,
    pub gone: Vec<SymbolId>,
    pub late: usize,
    pub backfilled: usize,
    pub first_live_ms: i64,
    pub last_live_ms: i64,
    segments: BTreeMap<u8, usize>,
    candles: BTreeMap<(u32, Interval), BTreeMap<i64, Values>>,
    live: BTreeSet<(Interval, i64)>,
    last: BTreeMap<u32, (i64, Reverse<Interval>)>,
}

impl Told {
    fn take(&mut self, segment: &Segment) {
        *self.segments.entry(segment.telling() as u8).or_default() += 1;
        self.filled.extend(segment.filled().iter().copied());
        self.joined.extend(segment.joined().iter().cloned());
        self.gone.extend(segment.gone());
        let is_history = segment.telling() == Telling::History;
        for close in segment.closes() {
            let close_ms = close.close_time_ms();
            if segment.telling() == Telling::Live {
                assert!(close_ms > self.last_live_ms, "live closes rise");
                self.last_live_ms = close_ms;
                self.first_live_ms = if self.first_live_ms == 0 { close_ms } else { self.first_live_ms };
            }
            if !is_history {
                self.gaps.extend(close.gaps());
            }
            for batch in close.batches() {
                for ((symbol, values, _), backfilled) in batch.rows().zip(batch.backfilled) {
                    self.late += usize::from(segment.telling() == Telling::Late);
                    let candles = self.candles.entry((symbol.0, batch.interval)).or_default();
                    let before = candles.insert(batch.open_time_ms, *values);
                    assert!(before.is_none(), "each candle once: {symbol:?} {} {}", batch.interval, batch.open_time_ms);
                    if !is_history {
                        self.backfilled += usize::from(*backfilled);
                        self.live.insert((batch.interval, batch.open_time_ms));
                        let place = (close_ms, Reverse(batch.interval));
                        assert!(self.last.get(&symbol.0).is_none_or(|last| *last < place), "in order for each symbol");
                        self.last.insert(symbol.0, place);
                    }
                }
            }
        }
    }

    /// Closes of an interval that were told after history.
    pub fn closes(&self, interval: Interval) -> usize {
        self.live.iter().filter(|(of, _)| *of == interval).count()
    }

    /// The last close that was told of a symbol.
    pub fn last_ms(&self, symbol: u32) -> i64 {
        self.last.get(&symbol).map_or(0, |(close_ms, _)| *close_ms)
    }

    /// Candles after the first live one of each stream that are not there.
    pub fn missing(&self) -> usize {
        let missing = |((_, interval), candles): (&(u32, Interval), &BTreeMap<i64, Values>)| {
            let live = candles.keys().filter(|open_ms| self.live.contains(&(*interval, **open_ms)));
            let opens: Vec<i64> = live.copied().collect();
            opens.windows(2).map(|pair| ((pair[1] - pair[0]) / interval.as_ms() - 1) as usize).sum::<usize>()
        };
        self.candles.iter().map(missing).sum()
    }

    /// How many segments with candles or news were told like this.
    pub fn telling(&self, telling: Telling) -> usize {
        let all = self.segments.get(&(telling as u8)).copied().unwrap_or(0);
        // One for each interval says only that it is filled.
        if telling == Telling::History { all - self.filled.len() } else { all }
    }

    /// Holds a stream against the archive, from its first candle to its last; where these are.
    pub fn check(&self, exchange: &Exchange, name: &str, symbol: u32, interval: Interval) -> (i64, i64) {
        let candles = &self.candles[&(symbol, interval)];
        let (first, last) = (*candles.keys().next().unwrap(), *candles.keys().next_back().unwrap());
        let archive = exchange.archive(name, interval, first, last + 1);
        let told: Vec<(i64, Values)> = candles.iter().map(|(open_ms, values)| (*open_ms, *values)).collect();
        assert!(told == archive, "{name} {interval}: {} told, {} in the archive", told.len(), archive.len());
        (first, last)
    }
}
