//! Evaluates one version of one trader: makes its instance, warms it up, delivers closes, and survives its faults.
//!
//! A call is a transaction: what a call found counts when it returns. When it faults, the store is thrown away and the batch is
//! tried again symbol by symbol on a new instance. Symbols that fault again are masked, each with a backoff of its own, and the
//! rest of the batch is delivered. What was found twice by this has one id and is told once, since a cursor says how far each
//! symbol has been judged.

mod counts;
mod deliver;
mod judged;
mod late;
mod recover;
mod report;
mod symbols;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use wasmtime::Engine;

pub use counts::{Counts, FaultReport};
pub use judged::Judged;

use self::deliver::{Rows, Tell, is_given, is_masked, keep_newest_historical};
use super::backoff::Backoff;
use super::warm_up::{Position, WarmUps};
use super::witness::Witness;
use crate::ids::TraderId;
use crate::market::{BatchRef, CloseRef, History, Interval, Offer, Segment, SymbolId, Telling};
use crate::module::Module;
use crate::sandbox::{Fault, Instance, LogLine, Metering, ParamValue, StopFlag, Subscription, limits};
use crate::signal::Finding;
use crate::signal::hygiene::{Asking, Keeper, LastTold};

/// What all traders share while a segment is delivered.
#[derive(Clone, Copy)]
pub struct Surroundings<'a> {
    /// The engine that the modules were compiled for.
    pub engine: &'a Engine,
    /// Whether fuel is counted.
    pub metering: Metering,
    /// The candles, those of the segment included.
    pub history: &'a Arc<History>,
    /// The symbols on offer.
    pub offer: &'a Offer,
    /// Warm-ups made for this delivery.
    pub warm_ups: &'a WarmUps,
    /// Candles of the chart that each signal carries.
    pub chart_candles: usize,
    /// Who is told what the trader makes of each candle, and of whom.
    pub witness: Option<(&'a dyn Witness, TraderId)>,
}

/// Where a trader stood when the host last stopped.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Resume {
    /// Close time up to which it had been judged: what it says of later candles is news.
    pub judged_ms: i64,
    /// The last live signal of each kind.
    pub told: Vec<LastTold>,
}

/// What a delivery changes and [`Runner::undo`] puts back.
#[derive(Debug)]
struct Before {
    judged: Judged,
    has_started: bool,
    masks: BTreeMap<u32, Mask>,
    newcomers: BTreeSet<u32>,
    backoff: Backoff,
    signals: u64,
    historical_signals: u64,
}

/// A symbol that the trader is not given for a while.
#[derive(Debug, Clone)]
struct Mask {
    backoff: Backoff,
    masked: bool,
}

/// See the module.
pub struct Runner {
    module: Arc<Module>,
    params: Vec<(String, ParamValue)>,
    stop: StopFlag,
    instance: Option<Instance>,
    /// What the instance wants: known from the first start on.
    wants: Option<Wants>,
    judged: Judged,
    has_started: bool,
    /// What it said before a restart was kept: of candles at or before the cursor nothing is told again.
    restored: bool,
    masks: BTreeMap<u32, Mask>,
    /// Symbols that joined and whose past was not told yet.
    newcomers: BTreeSet<u32>,
    seen: Vec<Vec<Seen>>,
    backoff: Backoff,
    /// While late candles are told: the time that faults count at.
    faults_from_ms: i64,
    keeper: Keeper,
    before: Option<Before>,
    counts: Counts,
    last_fault: Option<FaultReport>,
    /// Faults of the delivery in hand, the first ones.
    faults: Vec<FaultReport>,
    log: Vec<LogLine>,
    found: Vec<Finding>,
    /// About how many of `found` are historical: at least as many as there are.
    historical: usize,
    rows: Rows,
}

/// A subscription with its names resolved.
struct Wants {
    subscription: Arc<Subscription>,
    /// Ascending ids, or all.
    symbols: Option<Vec<u32>>,
    others: Vec<(SymbolId, usize)>,
}

/// How much of a stream the instance has seen.
#[derive(Debug, Clone, Copy, Default)]
struct Seen {
    candles: u32,
    first_open_ms: i64,
}

/// Why an instance could not be brought to a position.
struct Failed {
    fault: Fault,
    /// The batch in hand.
    at: Option<(i64, Interval, Vec<u32>)>,
}

impl Runner {
    /// A runner whose trader has been judged so far: what its first warm-up finds up to there is historical.
    #[must_use]
    pub fn new(module: Arc<Module>, params: Vec<(String, ParamValue)>, stop: StopFlag, judged: Judged) -> Self {
        Self {
            module,
            params,
            stop,
            instance: None,
            wants: None,
            judged,
            has_started: false,
            restored: false,
            masks: BTreeMap::new(),
            newcomers: BTreeSet::new(),
            seen: Vec::new(),
            backoff: Backoff::of_trader(),
            faults_from_ms: i64::MIN,
            keeper: Keeper::default(),
            before: None,
            counts: Counts::default(),
            last_fault: None,
            faults: Vec::new(),
            log: Vec::new(),
            found: Vec::new(),
            historical: 0,
            rows: Rows::default(),
        }
    }

    /// Delivers a segment and returns what was found, in the order of delivery. An instance that is not there is made first if it
    /// may, as of `now_ms` if nothing of the segment is told live.
    pub fn run(&mut self, segment: &Segment, now_ms: i64, may_start: bool, around: Surroundings<'_>) -> Vec<Finding> {
        self.begin();
        self.lend(Some(around.history));
        if !segment.joined().is_empty() || !segment.gone().is_empty() {
            self.symbols_changed(segment, now_ms, around);
        }
        let is_told = !segment.is_empty() && segment.telling() != Telling::History;
        if is_told && segment.telling() == Telling::Live {
            self.note_lagging(segment);
        }
        if self.instance.is_some() || may_start {
            match segment.telling() {
                _ if !is_told => self.start_idle(now_ms, around),
                Telling::Late => self.late(segment, now_ms, around),
                _ => self.live(segment, around),
            }
        }
        self.take_log();
        self.lend(None);
        if self.historical > limits::HISTORICAL_SIGNALS {
            keep_newest_historical(&mut self.found);
        }
        self.historical = 0;
        std::mem::take(&mut self.found)
    }

    /// Goes on where it stood when the host stopped: what it said up to there was told.
    #[must_use]
    pub fn resumed(mut self, resume: &Resume, offer: &Offer) -> Self {
        self.judged = Judged::up_to(resume.judged_ms);
        self.has_started = true;
        self.restored = true;
        for LastTold { symbol, interval, tag, open_time_ms } in &resume.told {
            // The market may have other symbols.
            if let (Some(SymbolId(symbol)), Ok(interval), Some(tag)) =
                (offer.id(symbol), interval.parse(), self.tag(tag))
            {
                self.keeper.was_told(Asking { symbol, interval, tag, open_time_ms: *open_time_ms });
            }
        }
        self
    }

    /// Takes the place of another version that was judged so far: what that one told as news keeps its distance to what this one tells.
    #[must_use]
    pub fn replacing(mut self, other: &mut Self, offer: &Offer) -> Self {
        if other.judged != self.judged {
            // Its last delivery was not committed.
            other.undo();
        }
        for told in other.keeper.told().filter(|told| offer.is_on(SymbolId(told.symbol))) {
            let name = other.module.manifest.tags.get(told.tag as usize).map(|tag| tag.name.as_str());
            if let Some(tag) = name.and_then(|name| self.tag(name)) {
                self.keeper.was_told_before(Asking { tag, ..told });
            }
        }
        self
    }

    /// The tag of a name; another version may know others.
    fn tag(&self, name: &str) -> Option<u32> {
        let tag = self.module.manifest.tags.iter().position(|known| known.name == name)?;
        u32::try_from(tag).ok()
    }

    fn begin(&mut self) {
        self.keeper.begin();
        self.faults.clear();
        self.faults_from_ms = i64::MIN;
        self.before = Some(Before {
            judged: self.judged.clone(),
            has_started: self.has_started,
            masks: self.masks.clone(),
            newcomers: self.newcomers.clone(),
            backoff: self.backoff.clone(),
            signals: self.counts.signals,
            historical_signals: self.counts.historical_signals,
        });
    }

    /// Nothing of the last delivery was kept: all is as it was before it, but for the instance, which is made anew. Delivered
    /// again, it finds the same. Its faults stay counted, and are held against it once.
    pub fn undo(&mut self) {
        self.drop_instance();
        self.found.clear();
        let Some(before) = self.before.take() else { return };
        self.keeper.undo();
        self.judged = before.judged;
        self.has_started = before.has_started;
        self.masks = before.masks;
        self.newcomers = before.newcomers;
        self.backoff = before.backoff;
        self.counts.signals = before.signals;
        self.counts.historical_signals = before.historical_signals;
    }

    /// History has come of which an instance that runs should have seen more: it is made anew with the next close.
    pub fn history_came(&mut self, segment: &Segment, offer: &Offer) {
        let Some(wants) = self.wants.as_ref().filter(|_| self.instance.is_some()) else { return };
        let lacks = |batch: BatchRef<'_>| {
            let Some(interval) = wants.subscription.index_of(batch.interval) else { return false };
            let warm_up = wants.subscription.needs.get(interval).map_or(0, |need| need.warm_up);
            let seen = |symbol: u32| self.seen.get(interval)?.get(symbol as usize).copied();
            let was_before = |symbol: u32| {
                let seen = seen(symbol).unwrap_or_default();
                seen.candles < warm_up && (seen.candles == 0 || batch.open_time_ms < seen.first_open_ms)
            };
            let mut symbols = batch.symbols.iter().copied();
            symbols.any(|symbol| {
                offer.is_on(SymbolId(symbol)) && is_given(wants, &self.masks, symbol) && was_before(symbol)
            })
        };
        if segment.closes().flat_map(|close| close.batches()).any(lacks) {
            self.drop_instance();
        }
    }

    /// A trader that waits to be started is, although nothing has closed.
    fn start_idle(&mut self, now_ms: i64, around: Surroundings<'_>) {
        if self.instance.is_none() && self.backoff.may_run(now_ms) && !self.stop.is_set() {
            self.start_or_strike(Position::before(now_ms.saturating_add(1)), now_ms, around);
        }
    }

    fn live(&mut self, segment: &Segment, around: Surroundings<'_>) {
        for close in segment.closes() {
            if self.stop.is_set() || self.backoff.is_quarantined() {
                break;
            }
            self.close(close, around);
        }
    }

    /// Symbols whose candles of these closes come later keep their place.
    fn note_lagging(&mut self, segment: &Segment) {
        if segment.lagging().is_empty() && !self.judged.has_apart() {
            return;
        }
        let wanted = self.wants.as_ref().and_then(|wants| wants.symbols.as_deref());
        let is_wanted = |symbol: u32| wanted.is_none_or(|wanted| wanted.binary_search(&symbol).is_ok());
        self.judged.lag(segment.lagging(), is_wanted);
    }

    /// For the time of a delivery the instance reads the history, which nobody changes meanwhile.
    fn lend(&mut self, history: Option<&Arc<History>>) {
        if let Some(instance) = &mut self.instance {
            instance.lend(history.cloned());
        }
    }

    /// Which findings of a live candle are told.
    fn tell(&self) -> Tell {
        if self.restored { Tell::News } else { Tell::All }
    }

    /// Drops the instance.
    pub fn drop_instance(&mut self) {
        if let Some(instance) = self.instance.take() {
            self.counts.evaluations += instance.evaluations();
            self.counts.peak_memory_bytes = self.counts.peak_memory_bytes.max(instance.peak_memory_bytes());
            self.counts.fuel += instance.fuel().unwrap_or(0);
        }
    }

    /// Whether it has used up its strikes.
    #[must_use]
    pub fn is_quarantined(&self) -> bool {
        self.backoff.is_quarantined()
    }

    /// Faults since it last ran well for long enough.
    #[must_use]
    pub fn strikes(&self) -> u32 {
        self.backoff.strikes()
    }

    /// Whether an instance is there.
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.instance.is_some()
    }

    /// How far it has been judged.
    #[must_use]
    pub fn judged(&self) -> &Judged {
        &self.judged
    }

    /// Moves the cursor of a trader that has not started: what its warm-up finds up to there is historical.
    pub fn judged_up_to(&mut self, close_ms: i64) {
        if !self.has_started {
            self.judged.raise(close_ms);
        }
    }

    /// The faults of the last delivery, in order, at most so many as are kept.
    #[must_use]
    pub fn faults_of_delivery(&self) -> &[FaultReport] {
        &self.faults
    }

    /// The last fault.
    #[must_use]
    pub fn last_fault(&self) -> Option<&FaultReport> {
        self.last_fault.as_ref()
    }

    /// The counts so far.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let mut counts = self.counts.clone();
        counts.held_back = self.keeper.held_back();
        counts.over_limit = self.keeper.over_limit();
        if let Some(instance) = &self.instance {
            counts.evaluations += instance.evaluations();
            counts.peak_memory_bytes = counts.peak_memory_bytes.max(instance.peak_memory_bytes());
            counts.fuel += instance.fuel().unwrap_or(0);
        }
        counts
    }

    /// The candles that the trader wants, once it has started.
    #[must_use]
    pub fn subscription(&self) -> Option<&Subscription> {
        self.wants.as_ref().map(|wants| &*wants.subscription)
    }

    fn close(&mut self, close: CloseRef<'_>, around: Surroundings<'_>) {
        let now_ms = close.close_time_ms();
        if self.instance.is_none() {
            if !self.backoff.may_run(now_ms) {
                return;
            }
            if !self.start_or_strike(Position::before(now_ms), now_ms, around) {
                return;
            }
        }
        if !self.masks.is_empty() && !self.unmask(now_ms, around) {
            return;
        }
        for gap in close.gaps() {
            if let Err(fault) = self.gap(gap) {
                self.strike(&Failed { fault, at: None }, now_ms, around.offer);
                return;
            }
        }
        let tell = self.tell();
        for batch in close.batches() {
            if let Err(fault) = self.batch(batch, tell, around)
                && !self.recover(fault, batch, around)
            {
                return;
            }
            let masks = &self.masks;
            self.judged.batch(now_ms, batch.interval, |symbol| is_masked(masks, symbol));
        }
        let masks = &self.masks;
        self.judged.close(now_ms, |symbol| is_masked(masks, symbol));
        self.backoff.clean_call(now_ms);
        for mask in self.masks.values_mut().filter(|mask| !mask.masked) {
            mask.backoff.clean_call(now_ms);
        }
    }
}
