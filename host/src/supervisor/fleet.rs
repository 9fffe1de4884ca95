//! The running set: delivers closes to every trader on the worker threads, and commits what they found.
//!
//! A trader has a slot, and its runner stands behind a lock of its own. Stopping takes three steps: under the gate that every
//! commit takes, the slot is retired, so that nothing of it is committed any more; its guest is told to stop; then its runner is
//! taken and the store dropped, by the stopping thread if the trader is idle. So no other trader can delay it.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock};
use std::time::{Duration, Instant};

use rayon::prelude::*;

use super::plan::Version;
use super::runner::{Counts, FaultReport, Resume, Runner, Surroundings};
use super::warm_up::WarmUps;
use super::watchdog::Watchdog;
use crate::ids::TraderId;
use crate::market::{History, Interval, Segment, Symbols};
use crate::module::{Digest, Module, Modules};
use crate::ownership::OwnedTrader;
use crate::sandbox::{LogLine, ParamValue, SharedHistory, StopFlag, Subscription, thread_cpu};
use crate::signal::{Burst, Finding, Origin, Sink, StampedSignal};

/// A trader that runs here.
struct Slot {
    owned: OwnedTrader,
    version: Version,
    params_hash: Digest,
    module: Arc<Module>,
    stop: StopFlag,
    /// Set under the gate, and checked under it before anything is committed.
    retired: AtomicBool,
    /// Close time up to which its findings have been committed. Written under the gate.
    committed_ms: AtomicI64,
    /// CPU time of its evaluations, nanoseconds; 0 where nobody counts it.
    cpu_ns: AtomicU64,
    /// Live and historical signals that were committed. What was found and not committed does not count. Written under the gate.
    signals: AtomicU64,
    historical: AtomicU64,
    /// Whether its counts are among those of the past. Written under the runner's lock.
    is_past: AtomicBool,
    runner: Mutex<Runner>,
}

/// What a trader did in all of its versions since the host started.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    /// Its counts.
    pub counts: Counts,
    /// CPU time of its evaluations, where it is counted.
    pub cpu: Duration,
}

impl Tally {
    fn add(&mut self, other: &Self) {
        self.counts.add(&other.counts);
        self.cpu += other.cpu;
    }
}

impl Slot {
    fn tally(&self, runner: &Runner) -> Tally {
        let counts = Counts {
            signals: self.signals.load(Ordering::Acquire),
            historical_signals: self.historical.load(Ordering::Acquire),
            ..runner.counts()
        };
        Tally { counts, cpu: Duration::from_nanos(self.cpu_ns.load(Ordering::Relaxed)) }
    }
}

/// What a trader found in a delivery.
struct Found {
    findings: Vec<Finding>,
    cursor_ms: i64,
    /// As `cursor_ms`, of the symbol that lags most.
    judged_ms: i64,
    quarantined: bool,
}

impl Default for Found {
    fn default() -> Self {
        Self { findings: Vec::new(), cursor_ms: i64::MIN, judged_ms: i64::MIN, quarantined: false }
    }
}

/// A trader that shall run: owned, admitted, its parameters checked.
pub struct Ready {
    /// Whose it is.
    pub owned: OwnedTrader,
    /// What runs.
    pub version: Version,
    /// Its module.
    pub module: Arc<Module>,
    /// Its parameters.
    pub params: Vec<(String, ParamValue)>,
    /// What it wants with them.
    pub subscription: Subscription,
    /// Where it begins.
    pub begin: Begin,
}

/// Where a trader begins that does not take another one's place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Begin {
    /// It has said nothing yet. What it says of candles that are there already is historical, and so is what closes up to this time:
    /// when it was enabled, where the feed follows the clock.
    Anew(Option<i64>),
    /// It ran when this host last stopped.
    Resume(Resume),
}

/// When a read of the registry began. What was stopped later than that, the read cannot start again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reading(u64);

/// Traders that were stopped without a read of the registry.
#[derive(Debug, Default)]
struct Bars {
    /// Stops so far.
    count: u64,
    /// The number of the last stop of a trader.
    stops: BTreeMap<TraderId, u64>,
}

/// What a delivery did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Delivered {
    /// Live signals committed.
    pub signals: u64,
    /// Historical signals committed.
    pub historical: u64,
    /// A trader has used up its strikes: the reconciler has something to do.
    pub quarantined: bool,
}

/// How a trader does.
#[derive(Debug, Clone)]
pub struct Status {
    /// Its id.
    pub id: TraderId,
    /// Its name.
    pub name: String,
    /// What runs.
    pub version: Version,
    /// Whether an instance is there.
    pub live: bool,
    /// Whether it has used up its strikes.
    pub quarantined: bool,
    /// Faults since it last ran well for long enough.
    pub strikes: u32,
    /// The counts of this version.
    pub counts: Counts,
    /// Those of all its versions.
    pub total: Tally,
    /// Its last fault.
    pub last_fault: Option<FaultReport>,
    /// What it subscribes to, once it has started.
    pub subscription: Option<Subscription>,
}

/// See the module.
pub struct Fleet {
    modules: Arc<Modules>,
    /// Told once, before the first trader; none are on offer until then.
    symbols: OnceLock<Symbols>,
    none: Symbols,
    history: SharedHistory,
    pool: rayon::ThreadPool,
    watchdog: Watchdog,
    warm_ups: WarmUps,
    slots: RwLock<BTreeMap<TraderId, Arc<Slot>>>,
    bars: Mutex<Bars>,
    /// What traders did in versions that do not run any more.
    past: Mutex<BTreeMap<TraderId, Tally>>,
    gate: Mutex<()>,
    /// Close time of the newest delivery.
    now_ms: Mutex<i64>,
    /// Candles of the chart that each signal carries.
    chart_candles: AtomicUsize,
    /// How many traders it may hold.
    room: usize,
    counts_cpu: bool,
}

impl Fleet {
    /// An empty fleet over these symbols.
    ///
    /// # Errors
    ///
    /// If the worker threads cannot be started.
    pub fn new(modules: Arc<Modules>, symbols: Symbols, workers: usize) -> anyhow::Result<Self> {
        let fleet = Self::waiting(modules, workers)?;
        fleet.offer(symbols);
        Ok(fleet)
    }

    /// An empty fleet that is told its symbols later.
    ///
    /// # Errors
    ///
    /// If the worker threads cannot be started.
    pub fn waiting(modules: Arc<Modules>, workers: usize) -> anyhow::Result<Self> {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(workers)
            .thread_name(|worker| format!("vyx-worker-{worker}"))
            .build()?;
        Ok(Self {
            modules,
            symbols: OnceLock::new(),
            none: Symbols::new(),
            history: Arc::new(RwLock::new(History::new())),
            watchdog: Watchdog::start(workers)?,
            pool,
            warm_ups: WarmUps::default(),
            slots: RwLock::default(),
            bars: Mutex::default(),
            past: Mutex::default(),
            gate: Mutex::default(),
            now_ms: Mutex::new(i64::MIN),
            chart_candles: AtomicUsize::new(0),
            room: room(),
            counts_cpu: false,
        })
    }

    /// Counts the CPU time of each trader. Two clock readings for each trader and close, so only where somebody asks for it.
    #[must_use]
    pub fn counting_cpu(mut self) -> Self {
        self.counts_cpu = true;
        self
    }

    /// The modules that its traders are made of.
    #[must_use]
    pub fn modules(&self) -> &Arc<Modules> {
        &self.modules
    }

    /// The symbols on offer.
    #[must_use]
    pub fn symbols(&self) -> &Symbols {
        self.symbols.get().unwrap_or(&self.none)
    }

    /// Tells the symbols. Only the first call counts: traders have seen those.
    pub fn offer(&self, symbols: Symbols) {
        let _ = self.symbols.set(symbols);
    }

    /// Whether one more trader can be held. Each live instance takes some memory mappings, of which the system allows a process
    /// a number; where it ends, even the host's own allocations fail.
    ///
    /// # Errors
    ///
    /// In words, with the number and what to do.
    pub fn has_room(&self) -> Result<(), String> {
        let traders = self.slots().len();
        if traders < self.room {
            return Ok(());
        }
        Err(format!("{traders} traders run, as many as vm.max_map_count allows; raise it or run fewer"))
    }

    /// To be asked before the registry is read.
    #[must_use]
    pub fn begin_read(&self) -> Reading {
        Reading(lock(&self.bars).count)
    }

    /// Whether the trader was stopped after the read began.
    #[must_use]
    pub fn is_barred(&self, id: TraderId, since: Reading) -> bool {
        lock(&self.bars).stops.get(&id).is_some_and(|stop| *stop > since.0)
    }

    /// Stops a trader at once, whatever a read that is under way will say: only one that begins later can start it again.
    /// Returns as [`remove`](Self::remove) does.
    pub fn bar(&self, id: TraderId) -> Option<Duration> {
        {
            let mut bars = lock(&self.bars);
            bars.count += 1;
            let count = bars.count;
            bars.stops.insert(id, count);
        }
        self.remove(id)
    }

    /// Takes a trader in, in place of the one with its id. It starts with the next delivery, judged as far as the one that it
    /// replaces: between the two no candle is lost and none is judged twice. False if it was stopped since the registry was read.
    pub fn insert(&self, ready: Ready, read: Reading) -> bool {
        let Ready { owned, version, module, params, subscription, begin } = ready;
        let id = owned.id();
        self.require(&subscription);
        let replaced = self.slots().get(&id).cloned();
        if let Some(replaced) = &replaced {
            self.retire(replaced);
        }
        let cursor_ms = match (&replaced, &begin) {
            (Some(slot), _) => slot.committed_ms.load(Ordering::Acquire),
            (None, Begin::Resume(resume)) => resume.judged_ms,
            (None, Begin::Anew(enabled_ms)) => (*lock(&self.now_ms)).max(enabled_ms.unwrap_or(i64::MIN)),
        };
        let stop = StopFlag::new();
        let mut runner = Runner::new(module.clone(), params, stop.clone(), cursor_ms);
        if let (None, Begin::Resume(resume)) = (&replaced, &begin) {
            runner = runner.resumed(resume, self.symbols());
        }
        let params_hash = version.key.params.hash();
        let slot = Arc::new(Slot {
            owned,
            version,
            params_hash,
            module,
            stop,
            retired: AtomicBool::new(false),
            committed_ms: AtomicI64::new(cursor_ms),
            cpu_ns: AtomicU64::new(0),
            signals: AtomicU64::new(0),
            historical: AtomicU64::new(0),
            is_past: AtomicBool::new(false),
            runner: Mutex::new(runner),
        });
        // A stop takes the bars before it takes the slot out, so it either finds the slot or is found here.
        let bars = lock(&self.bars);
        let mut slots = self.slots.write().unwrap_or_else(PoisonError::into_inner);
        if bars.stops.get(&id).is_some_and(|stop| *stop > read.0) {
            slots.remove(&id);
            return false;
        }
        slots.insert(id, slot);
        true
    }

    /// Stops a trader, and returns once its store is dropped: how long that took, or nothing if it does not run.
    pub fn remove(&self, id: TraderId) -> Option<Duration> {
        let started = Instant::now();
        let slot = self.slots.write().unwrap_or_else(PoisonError::into_inner).remove(&id)?;
        self.retire(&slot);
        Some(started.elapsed())
    }

    fn retire(&self, slot: &Slot) {
        {
            let _gate = lock(&self.gate);
            slot.retired.store(true, Ordering::Release);
        }
        slot.stop.stop(self.modules.engine());
        let mut runner = lock(&slot.runner);
        runner.drop_instance();
        if !slot.is_past.swap(true, Ordering::AcqRel) {
            lock(&self.past).entry(slot.owned.id()).or_default().add(&slot.tally(&runner));
        }
    }

    /// Keeps as much history as a subscription needs.
    fn require(&self, subscription: &Subscription) {
        let mut history = self.history.write().unwrap_or_else(PoisonError::into_inner);
        for need in &subscription.needs {
            let chart = self.chart_candles.load(Ordering::Acquire);
            history.require(need.interval, chart.max(need.warm_up.max(need.lookback) as usize));
        }
    }

    /// Keeps history for an interval before any trader asks for it.
    pub fn keep_history(&self, interval: Interval, candles: usize) {
        self.history.write().unwrap_or_else(PoisonError::into_inner).require(interval, candles);
    }

    /// Gives every signal a chart of so many candles. To be called before traders are taken in: only what they need from then on
    /// is kept that long.
    pub fn keep_chart(&self, candles: usize) {
        self.chart_candles.store(candles, Ordering::Release);
    }

    /// Takes candles in that no trader is called for: what was there before the host started.
    pub fn bootstrap(&self, segment: &Segment) {
        let mut history = self.history.write().unwrap_or_else(PoisonError::into_inner);
        history.append(segment);
        history.trim();
        if let Some(last_ms) = segment.last_close_ms() {
            *lock(&self.now_ms) = last_ms;
            for slot in self.slots().values() {
                lock(&slot.runner).judged_up_to(last_ms);
                slot.committed_ms.fetch_max(last_ms, Ordering::AcqRel);
            }
        }
    }

    /// Delivers a segment to every trader and commits what they found. An empty one only starts those that have not started.
    ///
    /// # Errors
    ///
    /// If the sink does not take the signals. Then nothing of it counts, and the same segment may be delivered again.
    pub fn deliver(&self, segment: &Segment, sink: &mut dyn Sink) -> io::Result<Delivered> {
        {
            let mut history = self.history.write().unwrap_or_else(PoisonError::into_inner);
            history.append(segment);
        }
        let now_ms = segment.last_close_ms().unwrap_or(*lock(&self.now_ms));
        let slots: Vec<Arc<Slot>> = self.slots().values().cloned().collect();
        let found: Vec<Found> = match slots.as_slice() {
            // Alone it needs no hand-over to another thread.
            [alone] => vec![self.run(alone, segment, now_ms)],
            _ => self.pool.install(|| slots.par_iter().map(|slot| self.run(slot, segment, now_ms)).collect()),
        };
        self.warm_ups.clear();
        *lock(&self.now_ms) = now_ms;
        self.history.write().unwrap_or_else(PoisonError::into_inner).trim();
        self.commit(&slots, found, now_ms, sink).inspect_err(|_| self.roll_back(&slots))
    }

    /// Nothing of a delivery was kept: every trader goes back to where it was.
    fn roll_back(&self, slots: &[Arc<Slot>]) {
        for slot in slots {
            lock(&slot.runner).undo();
        }
    }

    fn run(&self, slot: &Slot, segment: &Segment, now_ms: i64) -> Found {
        let mut runner = lock(&slot.runner);
        if slot.retired.load(Ordering::Acquire) {
            return Found::default();
        }
        let _busy = self.watchdog.busy(self.pool.current_thread_index(), slot.owned.name());
        let began = self.counts_cpu.then(thread_cpu);
        let around = Surroundings {
            engine: self.modules.engine(),
            metering: self.modules.metering(),
            history: &self.history,
            symbols: self.symbols(),
            warm_ups: &self.warm_ups,
            chart_candles: self.chart_candles.load(Ordering::Acquire),
        };
        // A mistake of the host in one trader's hands must not end the evaluation of all.
        let ran = catch_unwind(AssertUnwindSafe(|| runner.run(segment, now_ms, around)));
        let findings = ran.unwrap_or_else(|_| {
            runner.host_failed(now_ms);
            Vec::new()
        });
        if let Some(began) = began {
            let took = thread_cpu().saturating_sub(began);
            slot.cpu_ns.fetch_add(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
        }
        Found {
            findings,
            cursor_ms: runner.cursor_ms(),
            judged_ms: runner.judged_ms(),
            quarantined: runner.is_quarantined(),
        }
    }

    /// Hands the findings to the sink, in the order of candle time and then of the traders' ids, whatever thread found them.
    fn commit(
        &self,
        slots: &[Arc<Slot>],
        found: Vec<Found>,
        close_ms: i64,
        sink: &mut dyn Sink,
    ) -> io::Result<Delivered> {
        let mut delivered =
            Delivered { quarantined: found.iter().any(|found| found.quarantined), ..Delivered::default() };
        let _gate = lock(&self.gate);
        let mut order: Vec<(&Arc<Slot>, Finding)> = Vec::new();
        let mut cursors: Vec<(&Arc<Slot>, i64)> = Vec::new();
        let mut durable: Vec<(TraderId, i64)> = Vec::new();
        for (slot, found) in slots.iter().zip(found) {
            if !slot.retired.load(Ordering::Acquire) {
                cursors.push((slot, found.cursor_ms));
                durable.push((slot.owned.id(), found.judged_ms));
                order.extend(found.findings.into_iter().map(|finding| (slot, finding)));
            }
        }
        order.sort_by_key(|(_, finding)| (finding.close_time_ms, Reverse(finding.interval)));
        let mut signals = Vec::with_capacity(order.len());
        let mut counted = Vec::with_capacity(order.len());
        for (slot, finding) in order {
            let params_hash = slot.params_hash;
            let origin = Origin { trader: &slot.owned, module: &slot.module, params_hash };
            match StampedSignal::stamp(origin, self.symbols(), finding) {
                Ok(signal) => {
                    counted.push((slot, signal.is_historical()));
                    signals.push(signal);
                }
                Err(error) => tracing::error!(%error, "host fault"),
            }
        }
        sink.accept(&Burst { signals: &signals, close_ms, cursors: &durable })?;
        delivered.historical = signals.iter().filter(|signal| signal.is_historical()).count() as u64;
        delivered.signals = signals.len() as u64 - delivered.historical;
        for (slot, is_historical) in counted {
            let count = if is_historical { &slot.historical } else { &slot.signals };
            count.fetch_add(1, Ordering::AcqRel);
        }
        for (slot, cursor_ms) in cursors {
            slot.committed_ms.store(cursor_ms, Ordering::Release);
        }
        Ok(delivered)
    }

    /// Log lines that traders wrote since this was last asked, with the trader's name.
    pub fn take_lines(&self) -> Vec<(String, LogLine)> {
        let slots: Vec<Arc<Slot>> = self.slots().values().cloned().collect();
        slots
            .iter()
            .flat_map(|slot| {
                let name = slot.owned.name();
                lock(&slot.runner).take_lines().into_iter().map(move |line| (name.to_owned(), line))
            })
            .collect()
    }

    /// How every trader does.
    #[must_use]
    pub fn status(&self) -> Vec<Status> {
        let slots: Vec<Arc<Slot>> = self.slots().values().cloned().collect();
        slots
            .iter()
            .map(|slot| {
                let runner = lock(&slot.runner);
                let own = slot.tally(&runner);
                let mut total = lock(&self.past).get(&slot.owned.id()).cloned().unwrap_or_default();
                if !slot.is_past.load(Ordering::Acquire) {
                    total.add(&own);
                }
                Status {
                    id: slot.owned.id(),
                    name: slot.owned.name().to_owned(),
                    version: slot.version.clone(),
                    live: runner.is_live(),
                    quarantined: runner.is_quarantined(),
                    strikes: runner.strikes(),
                    counts: own.counts,
                    total,
                    last_fault: runner.last_fault().cloned(),
                    subscription: runner.subscription().cloned(),
                }
            })
            .collect()
    }

    /// What a trader did in versions that do not run any more.
    #[must_use]
    pub fn past(&self, id: TraderId) -> Tally {
        lock(&self.past).get(&id).cloned().unwrap_or_default()
    }

    /// Whether a trader runs, or waits for its backoff.
    #[must_use]
    pub fn holds(&self, id: TraderId) -> bool {
        self.slots().contains_key(&id)
    }

    /// Close time of the newest candle that was delivered or taken in.
    #[must_use]
    pub fn now_ms(&self) -> i64 {
        *lock(&self.now_ms)
    }

    /// Whether a trader is being evaluated at this moment.
    #[must_use]
    pub fn is_evaluating(&self, id: TraderId) -> bool {
        let slot = self.slots().get(&id).cloned();
        slot.is_some_and(|slot| matches!(slot.runner.try_lock(), Err(std::sync::TryLockError::WouldBlock)))
    }

    /// How often a worker was held up by one trader.
    #[must_use]
    pub fn overdue(&self) -> u64 {
        self.watchdog.overdue()
    }

    fn slots(&self) -> std::sync::RwLockReadGuard<'_, BTreeMap<TraderId, Arc<Slot>>> {
        self.slots.read().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A panic of a worker has nothing to do with the state that it held: every runner is replaced whole after a fault.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Mappings of a live instance.
const MAPS_PER_INSTANCE: usize = 4;
/// Mappings that are left to the host: code, threads, its own memory.
const MAPS_OF_HOST: usize = 10_000;
/// What Linux allows where nobody changed it.
const DEFAULT_MAPS: usize = 65_530;

/// How many live instances this machine has memory mappings for.
#[must_use]
pub fn room() -> usize {
    let allowed = std::fs::read_to_string("/proc/sys/vm/max_map_count");
    let allowed = allowed.ok().and_then(|text| text.trim().parse().ok()).unwrap_or(DEFAULT_MAPS);
    allowed.saturating_sub(MAPS_OF_HOST) / MAPS_PER_INSTANCE
}
