//! One run of a trader over closes: an instance as the host makes it, called as the host calls it, and what it said of each candle.

use std::ops::Range;
use std::sync::Arc;

use super::market::Market;
use super::said::{Lane, Said};
use crate::market::{BatchRef, CloseRef, Gap, History, Segment, SymbolId, VALUES_PER_CANDLE};
use crate::module::{Module, Modules};
use crate::sandbox::{Fault, Fresh, Instance, LogLine, ParamValue, StopFlag, Subscription};
use crate::supervisor::close_moment;

/// A trader that is checked.
#[derive(Clone, Copy)]
pub(super) struct Trader<'a> {
    pub(super) modules: &'a Modules,
    pub(super) module: &'a Module,
    pub(super) params: &'a [(String, ParamValue)],
}

/// A call that did not return.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Stumble {
    pub(super) fault: Fault,
    /// The symbols in hand, their interval, and when their candle closed.
    pub(super) place: Option<(Vec<String>, crate::market::Interval, i64)>,
}

impl Stumble {
    /// Where and how, in words.
    pub(super) fn words(&self) -> String {
        let Some((symbols, interval, close_ms)) = &self.place else { return self.fault.to_string() };
        let who = match symbols.as_slice() {
            [symbol] => symbol.clone(),
            symbols => format!("{} symbols", symbols.len()),
        };
        format!("{} at {who} {interval} {}", self.fault, close_moment(*close_ms))
    }
}

/// The stumble of one symbol alone, if one of those in hand stumbles alone over the same closes.
pub(super) fn alone(trader: Trader<'_>, market: &Market, closes: Range<usize>, stumble: Stumble) -> Stumble {
    let Some((symbols, _, close_ms)) = stumble.place.as_ref().filter(|(symbols, ..)| symbols.len() > 1) else {
        return stumble;
    };
    for symbol in symbols.iter().filter_map(|symbol| market.offer.id(symbol)) {
        let played = Play::start(trader, market).and_then(|mut play| {
            let upto = closes.clone().filter_map(|at| market.closes.close(at));
            for close in upto.take_while(|close| close.close_time_ms() <= *close_ms) {
                play.close(close, |id| id == symbol.0)?;
            }
            Ok(())
        });
        if let Err(of_one) = played {
            return of_one;
        }
    }
    stumble
}

impl From<Fault> for Stumble {
    fn from(fault: Fault) -> Self {
        Self { fault, place: None }
    }
}

/// See the module.
pub(super) struct Play<'a> {
    instance: Instance,
    subscription: Subscription,
    market: &'a Market,
    /// By id: whether the trader wants it.
    is_wanted: Vec<bool>,
    /// By index of the interval and id: whether it has seen a candle.
    has_seen: Vec<Vec<bool>>,
    pub(super) said: Said,
    /// What it logged.
    pub(super) log: Logged,
    /// What it said of candles that closed before this is not kept.
    keep_from_ms: i64,
    /// What the next batch is cut to.
    rows: Rows,
}

/// How much a trader logged.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Logged {
    minute: i64,
    bytes: usize,
    /// The most in a minute of candle time.
    pub(super) most_bytes: usize,
    /// Lines that were too many.
    pub(super) dropped: u64,
}

impl Logged {
    fn count(&mut self, close_ms: i64, lines: &[LogLine], dropped: u64) {
        let minute = close_ms.div_euclid(60_000);
        if minute != self.minute {
            (self.minute, self.bytes) = (minute, 0);
        }
        self.bytes += lines.iter().map(|line| line.text.len()).sum::<usize>();
        self.most_bytes = self.most_bytes.max(self.bytes);
        self.dropped += dropped;
    }
}

/// Some rows of a batch.
#[derive(Default)]
struct Rows {
    symbols: Vec<u32>,
    values: Vec<f64>,
}

impl<'a> Play<'a> {
    /// An instance for all that there is of a market.
    pub(super) fn start(trader: Trader<'_>, market: &'a Market) -> Result<Self, Stumble> {
        Self::start_from(trader, market, |_, _| 0)
    }

    /// Makes an instance that has seen nothing, and sees declared streams of other symbols from the candle on that `first` says of a
    /// symbol and an index of an interval.
    pub(super) fn start_from(
        trader: Trader<'_>,
        market: &'a Market,
        first: impl Fn(SymbolId, usize) -> i64,
    ) -> Result<Self, Stumble> {
        let Trader { modules, module, params } = trader;
        let fresh = Fresh::instantiate(modules.engine(), &module.linked, modules.metering(), &StopFlag::new())?;
        let (mut instance, _) = fresh.init(&module.manifest, params, &market.offer)?;
        instance.lend(Some(market.history.clone()));
        let subscription = instance.subscription().clone();
        let ids = market.offer.names().len();
        let is_named = |id: usize| {
            let name = market.name(id as u32);
            subscription.symbols.is_empty()
                || subscription.symbols.iter().any(|symbol| symbol.eq_ignore_ascii_case(name))
        };
        for (symbol, interval) in &subscription.other_streams {
            if let Some(id) = market.offer.id(symbol) {
                instance.sees_from(*interval, id.0, first(id, *interval));
            }
        }
        Ok(Self {
            market,
            is_wanted: (0..ids).map(is_named).collect(),
            has_seen: vec![vec![false; ids]; subscription.needs.len()],
            said: Said::new(
                subscription.needs.iter().map(|need| need.interval).collect(),
                market.names.len(),
                module.manifest.plot_width(),
            ),
            log: Logged::default(),
            keep_from_ms: i64::MIN,
            rows: Rows::default(),
            instance,
            subscription,
        })
    }

    /// Reads this and no more of the market.
    pub(super) fn knowing(mut self, history: Arc<History>) -> Self {
        self.instance.lend(Some(history));
        self
    }

    /// Keeps only what is said of candles that close at or after this.
    pub(super) fn keep_from(mut self, close_ms: i64) -> Self {
        self.keep_from_ms = close_ms;
        self
    }

    /// Lets go of what was said so far.
    pub(super) fn forget(&mut self) {
        for lane in &mut self.said.lanes {
            *lane = Lane::default();
        }
    }

    pub(super) fn instance(&self) -> &Instance {
        &self.instance
    }

    /// Whether it is given candles of a symbol.
    pub(super) fn wants(&self, symbol: u32) -> bool {
        self.is_wanted.get(symbol as usize).copied() == Some(true)
    }

    pub(super) fn subscription(&self) -> &Subscription {
        &self.subscription
    }

    /// Plays closes in the order and in the batches of the host.
    pub(super) fn closes(&mut self, segment: &Segment, range: Range<usize>) -> Result<(), Stumble> {
        for close in range.filter_map(|at| segment.close(at)) {
            self.close(close, |_| true)?;
        }
        Ok(())
    }

    /// Plays what closed at one time, of some symbols.
    pub(super) fn close(&mut self, close: CloseRef<'_>, is_played: impl Fn(u32) -> bool) -> Result<(), Stumble> {
        for gap in close.gaps().iter().filter(|gap| is_played(gap.symbol.0)) {
            self.gap(gap)?;
        }
        for batch in close.batches() {
            self.part(batch, &is_played)?;
        }
        Ok(())
    }

    /// Tells that candles are missing, as the host does: of streams that it has seen.
    pub(super) fn gap(&mut self, gap: &Gap) -> Result<(), Stumble> {
        let id = gap.symbol.0;
        let Some(interval) = self.subscription.index_of(gap.interval) else { return Ok(()) };
        let has_seen = self.has_seen.get(interval).and_then(|seen| seen.get(id as usize)).copied();
        if has_seen != Some(true) {
            return Ok(());
        }
        self.instance.on_gap(id, interval, gap.from_open_ms, gap.until_open_ms).map_err(|fault| Stumble {
            fault,
            place: Some((
                vec![self.market.name(id).to_owned()],
                gap.interval,
                gap.interval.close_of(gap.until_open_ms),
            )),
        })
    }

    /// One call with the rows of a batch that are played.
    pub(super) fn part(&mut self, batch: BatchRef<'_>, is_played: impl Fn(u32) -> bool) -> Result<(), Stumble> {
        let Some(interval) = self.subscription.index_of(batch.interval) else { return Ok(()) };
        self.rows.symbols.clear();
        self.rows.values.clear();
        for (symbol, values, _) in batch.rows() {
            if self.wants(symbol.0) && is_played(symbol.0) {
                self.rows.symbols.push(symbol.0);
                self.rows.values.extend_from_slice(values);
            }
        }
        let Rows { symbols, values } = &self.rows;
        if symbols.is_empty() {
            return Ok(());
        }
        let Some(seen) = self.has_seen.get_mut(interval) else { return Ok(()) };
        for symbol in symbols {
            if let Some(seen) = seen.get_mut(*symbol as usize).filter(|seen| !**seen) {
                *seen = true;
                self.instance.sees_from(interval, *symbol, batch.open_time_ms);
            }
        }
        debug_assert_eq!(values.len(), symbols.len() * VALUES_PER_CANDLE);
        let called = self.instance.on_close(interval, batch.open_time_ms, batch.close_time_ms, symbols, values);
        let evaluated = called.map_err(|fault| Stumble {
            fault,
            place: Some((
                symbols.iter().map(|id| self.market.name(*id).to_owned()).collect(),
                batch.interval,
                batch.close_time_ms,
            )),
        })?;
        if batch.close_time_ms >= self.keep_from_ms {
            let width = self.said.width;
            let mut emissions = evaluated.emissions.iter().peekable();
            for (row, symbol) in symbols.iter().enumerate() {
                let mut tags = 0;
                while let Some(emission) = emissions.next_if(|emission| emission.index as usize == row) {
                    tags |= 1_u32.checked_shl(emission.tag).unwrap_or(0);
                }
                let Some(place) = self.market.places.get(*symbol as usize).copied().flatten() else { continue };
                let Some(lane) = self.said.lane(interval, place) else { continue };
                lane.opens_ms.push(batch.open_time_ms);
                lane.tags.push(tags);
                lane.plots.extend_from_slice(evaluated.plots.get(row * width..(row + 1) * width).unwrap_or_default());
            }
        }
        let (lines, dropped) = self.instance.take_log();
        self.log.count(batch.close_time_ms, &lines, dropped);
        Ok(())
    }

    /// What it said.
    pub(super) fn end(mut self) -> Said {
        self.said.fuel = self.instance.fuel().unwrap_or(0);
        self.said
    }
}
