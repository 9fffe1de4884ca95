//! Runs a trader in a plain `cargo test`: feed candles, look at the signals.
//!
//! ```
//! # use vyx_sdk::prelude::*;
//! # const UP: Tag = Tag::new("up", "closed higher than it opened");
//! # struct Up;
//! # impl Trader for Up {
//! #     type Params = ();
//! #     const NAME: &'static str = "Up";
//! #     const SUMMARY: &'static str = "";
//! #     const TAGS: &'static [Tag] = &[UP];
//! #     fn new(_: &(), _: &str) -> Self { Up }
//! #     fn on_close(&mut self, candle: &Candle, cx: &mut Context<'_>) {
//! #         if candle.close > candle.open { cx.signal(UP); }
//! #     }
//! # }
//! use vyx_sdk::testkit::{Bench, candles_from_closes};
//!
//! let candles = candles_from_closes(Interval::M5, &[100.0, 101.0, 100.5]);
//! let signals = Bench::<Up>::new().feed("BTCUSDT", &candles);
//! assert_eq!(signals.len(), 1);
//! assert_eq!((signals[0].tag, signals[0].index), ("up", 1));
//! ```

mod csv;

use std::collections::HashMap;

pub use csv::candles_from_csv;

use crate::candle::VALUES_PER_CANDLE;
use crate::host::native;
use crate::runtime::Runtime;
use crate::{Candle, Interval, Level, ParamType, Params, Subscription, Trader, Value};

/// A signal that the trader emitted. Cooldown and the other limits of the subscription are the host's and not applied.
#[derive(Debug, Clone, PartialEq)]
pub struct Signal {
    /// The symbol whose candle it is.
    pub symbol: String,
    /// The name of the tag.
    pub tag: &'static str,
    /// Which of the fed candles of that symbol and interval it is, from 0.
    pub index: usize,
    /// The candle.
    pub candle: Candle,
    /// The plotted values of the candle, in the order of [`Trader::PLOTS`]; NaN for none.
    pub plots: Vec<f64>,
}

/// A trader with a market of its own. One at a time lives on a thread.
///
/// ```
/// # use vyx_sdk::prelude::*;
/// # const UP: Tag = Tag::new("up", "closed higher than it opened, by that much");
/// # params! { struct Params {
/// #     /// By how much.
/// #     rise: f64 = 1.0, in 0.0..=10.0;
/// # } }
/// # struct Up(f64);
/// # impl Trader for Up {
/// #     type Params = Params;
/// #     const NAME: &'static str = "Up";
/// #     const SUMMARY: &'static str = "";
/// #     const TAGS: &'static [Tag] = &[UP];
/// #     fn new(params: &Params, _: &str) -> Self { Up(params.rise) }
/// #     fn on_close(&mut self, candle: &Candle, cx: &mut Context<'_>) {
/// #         if candle.close > candle.open + self.0 { cx.signal(UP); }
/// #     }
/// # }
/// use vyx_sdk::testkit::{Bench, candles_from_closes};
///
/// let btc = candles_from_closes(Interval::M5, &[100.0, 101.0]);
/// let eth = candles_from_closes(Interval::M5, &[10.0, 10.2]);
/// let mut bench = Bench::<Up>::new().param("rise", 0.1);
/// let signals = bench.feed_all(&[("BTCUSDT", &btc), ("ETHUSDT", &eth)]);
/// assert_eq!(signals.iter().map(|signal| signal.symbol.as_str()).collect::<Vec<_>>(), ["BTCUSDT", "ETHUSDT"]);
/// ```
pub struct Bench<T: Trader> {
    params: Vec<(String, Value)>,
    running: Option<(Runtime<T>, Subscription)>,
    ids: HashMap<String, u32>,
    fed: HashMap<(u32, u32), Fed>,
    plots: Vec<Vec<f64>>,
}

/// What a stream has seen.
#[derive(Debug, Clone, Copy, Default)]
struct Fed {
    candles: usize,
    last_open_ms: Option<i64>,
}

impl<T: Trader> Default for Bench<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Trader> Bench<T> {
    /// A trader with the default parameters.
    #[must_use]
    pub fn new() -> Self {
        native::with(|host| *host = native::NativeHost::default());
        Self {
            params: T::Params::specs().into_iter().map(|spec| (spec.name.to_owned(), spec.default)).collect(),
            running: None,
            ids: HashMap::new(),
            fed: HashMap::new(),
            plots: Vec::new(),
        }
    }

    /// Sets a parameter, before the first candle.
    ///
    /// # Panics
    ///
    /// If there is no parameter of that name, its bounds do not hold the value, or candles were fed.
    #[must_use]
    pub fn param(mut self, name: &str, value: impl ParamType) -> Self {
        assert!(self.running.is_none(), "set parameter {name:?} before the first candle");
        let specs = T::Params::specs();
        let Some((at, spec)) = specs.iter().enumerate().find(|(_, spec)| spec.name == name) else {
            panic!("no parameter {name:?}");
        };
        if let Some(number) = value.bound() {
            let fits =
                spec.minimum.is_none_or(|least| number >= least) && spec.maximum.is_none_or(|most| number <= most);
            assert!(fits, "parameter {name:?} is {number}, which the host would refuse: it is out of its bounds");
        }
        self.params[at].1 = value.value();
        self
    }

    /// Feeds candles of one symbol, oldest first, and returns the signals. May be called again to go on.
    ///
    /// # Panics
    ///
    /// If the trader does not subscribe to the interval of a candle, or refuses its parameters.
    pub fn feed(&mut self, symbol: &str, candles: &[Candle]) -> Vec<Signal> {
        self.feed_all(&[(symbol, candles)])
    }

    /// Feeds candles of several symbols and intervals in the order in which the host delivers them: by close time, at one
    /// close the longer interval first, all symbols of one close in one batch.
    ///
    /// # Panics
    ///
    /// As [`feed`](Self::feed).
    pub fn feed_all(&mut self, streams: &[(&str, &[Candle])]) -> Vec<Signal> {
        let ids: Vec<u32> = streams.iter().map(|(symbol, _)| self.id(symbol)).collect();
        let mut closes: Vec<(u32, &Candle)> =
            ids.iter().zip(streams).flat_map(|(id, (_, candles))| candles.iter().map(|candle| (*id, candle))).collect();
        closes.sort_by_key(|(id, candle)| (candle.close_time_ms(), std::cmp::Reverse(candle.interval), *id));
        closes
            .chunk_by(|(_, a), (_, b)| (a.close_time_ms(), a.interval) == (b.close_time_ms(), b.interval))
            .flat_map(|batch| self.close(batch))
            .collect()
    }

    /// The lines that the trader has logged so far.
    #[must_use]
    pub fn logged(&self) -> Vec<(Level, String)> {
        native::with(|host| host.logged.clone())
    }

    /// The plotted values of every candle so far, in the order of delivery.
    #[must_use]
    pub fn plots(&self) -> &[Vec<f64>] {
        &self.plots
    }

    fn close(&mut self, batch: &[(u32, &Candle)]) -> Vec<Signal> {
        let Some((runtime, subscription)) = self.running.as_mut() else {
            return Vec::new();
        };
        let first = batch[0].1;
        let interval = match subscription.needs.iter().position(|need| need.interval == first.interval) {
            Some(at) => at as u32,
            None => panic!("{} does not subscribe to {}", T::NAME, first.interval),
        };
        for (id, candle) in batch {
            let fed = self.fed.entry((*id, interval)).or_default();
            let due = fed.last_open_ms.map(|open| open + candle.interval.as_ms());
            if let Some(due) = due.filter(|due| *due < candle.open_time_ms) {
                runtime.on_gap(*id, interval, due, candle.open_time_ms);
            }
            fed.last_open_ms = Some(candle.open_time_ms);
        }
        let symbols: Vec<u32> = batch.iter().map(|(id, _)| *id).collect();
        let mut values = Vec::with_capacity(batch.len() * VALUES_PER_CANDLE);
        for (id, candle) in batch {
            let Candle { open, high, low, close, volume, quote_volume, taker_volume, trades, .. } = **candle;
            values.extend([open, high, low, close, volume, quote_volume, taker_volume, trades]);
            native::with(|host| host.closed.entry((*id, interval)).or_default().push(**candle));
        }
        let plotted = runtime.on_close(interval, first.open_time_ms, &symbols, &values);
        let width = plotted.len() / batch.len();
        let emitted = native::with(|host| std::mem::take(&mut host.emitted));
        let signals = emitted
            .into_iter()
            .map(|(index, tag)| {
                let (id, candle) = batch[index as usize];
                Signal {
                    symbol: self
                        .ids
                        .iter()
                        .find(|(_, known)| **known == id)
                        .map(|(name, _)| name.clone())
                        .unwrap_or_default(),
                    tag: T::TAGS[tag as usize].name(),
                    index: self.fed.get(&(id, interval)).map_or(0, |fed| fed.candles),
                    candle: *candle,
                    plots: plotted[index as usize * width..(index as usize + 1) * width].to_vec(),
                }
            })
            .collect();
        for (at, (id, _)) in batch.iter().enumerate() {
            self.fed.entry((*id, interval)).or_default().candles += 1;
            self.plots.push(plotted[at * width..(at + 1) * width].to_vec());
        }
        signals
    }

    fn id(&mut self, symbol: &str) -> u32 {
        if let Some(id) = self.ids.get(symbol) {
            return *id;
        }
        let id = self.ids.len() as u32;
        self.ids.insert(symbol.to_owned(), id);
        match &mut self.running {
            Some((runtime, _)) => runtime.on_symbols(vec![(id, symbol.to_owned())], &[]),
            None => match Runtime::init(self.params.clone(), vec![(id, symbol.to_owned())]) {
                Ok((runtime, subscription)) => {
                    native::with(|host| {
                        host.lookbacks = subscription.needs.iter().map(|need| need.lookback).collect();
                    });
                    self.running = Some((runtime, subscription));
                }
                Err(error) => panic!("{} refuses its parameters: {error}", T::NAME),
            },
        }
        id
    }
}

/// Candles that close at these prices, each opening where the one before closed, volume 1, the first one opening at the first
/// price at 2024-01-01T00:00Z.
///
/// ```
/// use vyx_sdk::{Interval, testkit::candles_from_closes};
///
/// let candles = candles_from_closes(Interval::H1, &[100.0, 102.0]);
/// assert_eq!((candles[1].open, candles[1].high, candles[1].open_time_ms), (100.0, 102.0, 1_704_070_800_000));
/// ```
#[must_use]
pub fn candles_from_closes(interval: Interval, closes: &[f64]) -> Vec<Candle> {
    /// A Monday, so that every interval up to a week may begin there, and three days as well.
    const START_MS: i64 = 1_704_067_200_000;
    let mut open = closes.first().copied().unwrap_or(0.0);
    let mut candles = Vec::with_capacity(closes.len());
    for (at, &close) in closes.iter().enumerate() {
        candles.push(Candle {
            interval,
            open_time_ms: START_MS + at as i64 * interval.as_ms(),
            open,
            high: open.max(close),
            low: open.min(close),
            close,
            volume: 1.0,
            quote_volume: close,
            taker_volume: 0.5,
            trades: 1.0,
        });
        open = close;
    }
    candles
}

/// A seeded random walk around 100 with calm and wild stretches: enough to make most traders speak.
///
/// ```
/// use vyx_sdk::{Interval, testkit::random_walk};
///
/// let walk = random_walk(Interval::M5, 42, 1_000);
/// assert_eq!(walk, random_walk(Interval::M5, 42, 1_000), "the same seed, the same walk");
/// ```
#[must_use]
pub fn random_walk(interval: Interval, seed: u64, count: usize) -> Vec<Candle> {
    let mut state = seed;
    let mut next = move || {
        // splitmix64, Steele, Lea and Flood 2014
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    };
    let mut price = 100.0_f64;
    let closes: Vec<f64> = (0..count)
        .map(|at| {
            let wild = if at / 97 % 4 == 3 { 4.0 } else { 1.0 };
            price = (price * (1.0 + (next() - 0.5) * 0.006 * wild)).clamp(1.0, 10_000.0);
            price
        })
        .collect();
    let mut candles = candles_from_closes(interval, &closes);
    for candle in &mut candles {
        let reach = candle.close * 0.001 * next();
        candle.high += reach;
        candle.low -= reach;
        candle.volume = 10.0 + 90.0 * next() * if next() > 0.97 { 12.0 } else { 1.0 };
        candle.quote_volume = candle.volume * candle.close;
        candle.taker_volume = candle.volume * next();
        candle.trades = (candle.volume * 3.0).floor();
    }
    candles
}
