//! The running set: delivers closes to every trader on the worker threads, and commits what they found.
//!
//! A trader has a slot, and its runner stands behind a lock of its own. Stopping takes three steps: under the gate that every
//! commit takes, the slot is retired, so that nothing of it is committed any more; its guest is told to stop; then its runner is
//! taken and the store dropped, by the stopping thread if the trader is idle. So no other trader can delay it.

mod deliver;
mod market;
pub mod observe;
mod ready;
mod room;
mod status;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::{Duration, Instant};

pub use deliver::Delivered;
pub use ready::{Begin, Reading, Ready};
pub use room::room;
pub use status::{Status, Tally};

use self::market::Market;
use self::observe::{Effect, Inserted, Observer, Start};
use self::ready::Bars;
use super::plan::Version;
use super::reproduce::Rerun;
use super::runner::{Counts, Judged, Runner};
use super::warm_up::WarmUps;
use super::watchdog::Watchdog;
use super::witness::Witness;
use crate::ids::TraderId;
use crate::market::Symbols;
use crate::module::{Digest, Module, Modules};
use crate::ownership::OwnedTrader;
use crate::sandbox::{LogLine, Need, StopFlag};

/// Log lines of stopped traders that are kept until somebody takes them.
const LAST_WORDS_KEPT: usize = 1_000;

/// A trader that runs here.
struct Slot {
    owned: OwnedTrader,
    version: Version,
    params_hash: Digest,
    module: Arc<Module>,
    stop: StopFlag,
    /// The candles that it subscribed to.
    needs: Vec<Need>,
    /// Set under the gate, and checked under it before anything is committed.
    retired: AtomicBool,
    /// How far its findings have been committed. Written under the gate.
    committed: Mutex<Judged>,
    /// CPU time of its evaluations, nanoseconds; 0 where nobody counts it.
    cpu_ns: AtomicU64,
    /// Live and historical signals that were committed. What was found and not committed does not count. Written under the gate.
    signals: AtomicU64,
    historical: AtomicU64,
    /// Whether its counts are among those of the past. Written under the runner's lock.
    is_past: AtomicBool,
    runner: Mutex<Runner>,
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

/// See the module.
pub struct Fleet {
    modules: Arc<Modules>,
    market: Market,
    pool: rayon::ThreadPool,
    watchdog: Watchdog,
    warm_ups: WarmUps,
    slots: RwLock<BTreeMap<TraderId, Arc<Slot>>>,
    bars: Mutex<Bars>,
    /// What traders did in versions that do not run any more.
    past: Mutex<BTreeMap<TraderId, Tally>>,
    /// What those wrote whose words nobody had taken when they were stopped, with their names.
    last_words: Mutex<Vec<(String, LogLine)>>,
    gate: Mutex<()>,
    /// Close time of the newest delivery.
    now_ms: Mutex<i64>,
    /// Whether any candle was told: until then history is also that of traders which have not started.
    has_begun: AtomicBool,
    /// Candles of the chart that each signal carries.
    chart_candles: AtomicUsize,
    /// How many traders it may hold.
    room: usize,
    counts_cpu: bool,
    observer: Option<Arc<dyn Observer>>,
    witness: Option<Arc<dyn Witness>>,
    rerun: Rerun,
    is_replay: bool,
    /// Whether the feed loads history by itself.
    loads_history: bool,
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
            market: Market::default(),
            watchdog: Watchdog::start(workers)?,
            pool,
            warm_ups: WarmUps::default(),
            slots: RwLock::default(),
            bars: Mutex::default(),
            past: Mutex::default(),
            last_words: Mutex::default(),
            gate: Mutex::default(),
            now_ms: Mutex::new(i64::MIN),
            has_begun: AtomicBool::new(false),
            chart_candles: AtomicUsize::new(0),
            room: room(),
            counts_cpu: false,
            observer: None,
            witness: None,
            rerun: Rerun::default(),
            is_replay: false,
            loads_history: false,
        })
    }

    /// Counts the CPU time of each trader. Two clock readings for each trader and close, so only where somebody asks for it.
    #[must_use]
    pub fn counting_cpu(mut self) -> Self {
        self.counts_cpu = true;
        self
    }

    /// Tells somebody what traders make of each candle.
    #[must_use]
    pub fn witnessed_by(mut self, witness: Option<Arc<dyn Witness>>) -> Self {
        self.witness = witness;
        self
    }

    /// Lets no trader start before the feed has said that the history is there which the trader declared, and lets go of history
    /// that nobody needs any more: for a feed that loads history by itself.
    #[must_use]
    pub fn waiting_for_history(mut self) -> Self {
        self.loads_history = true;
        self
    }

    /// The modules that its traders are made of.
    #[must_use]
    pub fn modules(&self) -> &Arc<Modules> {
        &self.modules
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
        let replaced = self.slots().get(&id).cloned();
        if let Some(replaced) = &replaced {
            self.retire(replaced, Effect::Retired(id));
        }
        let judged = match (&replaced, &begin) {
            (Some(slot), _) => lock(&slot.committed).clone(),
            (None, Begin::Resume(resume)) => Judged::up_to(resume.judged_ms),
            (None, Begin::At(judged_ms)) => Judged::up_to(*judged_ms),
            (None, Begin::Anew(enabled_ms)) => Judged::up_to((*lock(&self.now_ms)).max(enabled_ms.unwrap_or(i64::MIN))),
        };
        let anew = Begin::At(judged.all_ms());
        let stop = if self.is_replay { StopFlag::scripted() } else { StopFlag::new() };
        let mut runner = Runner::new(module.clone(), params, stop.clone(), judged.clone());
        match (&replaced, &begin) {
            (Some(slot), _) => runner = runner.replacing(&mut lock(&slot.runner), &self.symbols()),
            (None, Begin::Resume(resume)) => runner = runner.resumed(resume, &self.symbols()),
            (None, _) => {}
        }
        let params_hash = version.key.params.hash();
        let slot = Arc::new(Slot {
            owned,
            version,
            params_hash,
            module,
            stop,
            needs: subscription.needs,
            retired: AtomicBool::new(false),
            committed: Mutex::new(judged),
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
            self.tell(Effect::Removed(id));
            return false;
        }
        // A delivery looks at the traders and at the candles that they need at once.
        let start = match (&replaced, &begin) {
            (Some(_), _) => Start::Replacing,
            (None, Begin::Resume(_)) => Start::At(&begin),
            (None, _) => Start::At(&anew),
        };
        self.tell(Effect::Inserted(Inserted { owned: &slot.owned, version: &slot.version, start }));
        slots.insert(id, slot);
        self.market.needs_changed();
        true
    }

    /// Stops a trader, and returns once its store is dropped: how long that took, or nothing if it does not run.
    pub fn remove(&self, id: TraderId) -> Option<Duration> {
        let started = Instant::now();
        let slot = self.slots.write().unwrap_or_else(PoisonError::into_inner).remove(&id)?;
        self.retire(&slot, Effect::Removed(id));
        Some(started.elapsed())
    }

    fn retire(&self, slot: &Slot, effect: Effect<'_>) {
        {
            let _gate = lock(&self.gate);
            slot.retired.store(true, Ordering::Release);
            self.tell(effect);
        }
        slot.stop.stop(self.modules.engine());
        let mut runner = lock(&slot.runner);
        runner.take_log();
        runner.drop_instance();
        let lines = runner.take_lines();
        if !lines.is_empty() {
            let mut last_words = lock(&self.last_words);
            let room = LAST_WORDS_KEPT.saturating_sub(last_words.len());
            last_words.extend(lines.into_iter().take(room).map(|line| (slot.owned.name().to_owned(), line)));
        }
        if !slot.is_past.swap(true, Ordering::AcqRel) {
            lock(&self.past).entry(slot.owned.id()).or_default().add(&slot.tally(&runner));
        }
    }

    fn slots(&self) -> std::sync::RwLockReadGuard<'_, BTreeMap<TraderId, Arc<Slot>>> {
        self.slots.read().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A panic of a worker has nothing to do with the state that it held: every runner is replaced whole after a fault.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
