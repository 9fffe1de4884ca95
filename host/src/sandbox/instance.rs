//! One live trader: a store of its own, thrown away whole at the first fault.

use std::sync::Arc;
use std::time::Duration;

use wasmtime::{Engine, Store};

use super::abi::{Guest, Linked};
use super::cell::{Cell, Emission, LogLine, Misuse};
use super::engine::Metering;
use super::leash::{Cut, Leash};
use super::limits;
use super::manifest::{Manifest, Subscription};
use super::outcome::{Fault, Outcome};
use super::param::ParamValue;
use crate::market::{History, Offer};
use crate::text::shown;

/// Fuel that an instance starts with: more than its CPU budgets can burn.
const FUEL: u64 = u64::MAX / 2;

/// Ends the guest of a store from any thread.
#[derive(Debug, Clone)]
pub struct StopFlag(Arc<Leash>);

impl Default for StopFlag {
    fn default() -> Self {
        Self::new()
    }
}

impl StopFlag {
    /// A flag that is not set.
    #[must_use]
    pub fn new() -> Self {
        Self(Arc::default())
    }

    /// One of a replay: its guest is cut off where it was when it was recorded.
    #[must_use]
    pub fn scripted() -> Self {
        Self(Arc::new(Leash::scripted()))
    }

    /// Adds to the places where a replay cuts the guest off.
    pub fn add_to_script(&self, cuts: &[Cut]) {
        self.0.add_to_script(cuts);
    }

    /// Where the guest was cut off for its CPU time since this was last asked.
    #[must_use]
    pub fn take_cuts(&self) -> Vec<Cut> {
        self.0.take_cuts()
    }

    /// Whether a warm-up ends after the last call, since it has burnt too much.
    pub fn ends_warm_up(&self, is_over: impl FnOnce() -> bool) -> bool {
        self.0.ends_warm_up(is_over)
    }

    /// Sets it and lets an epoch pass at once, so that a guest in an endless loop ends now and not at the next tick.
    pub fn stop(&self, engine: &Engine) {
        self.0.stop();
        engine.increment_epoch();
    }

    /// Whether it was set.
    #[inline]
    #[must_use]
    pub fn is_set(&self) -> bool {
        self.0.is_stopped()
    }
}

/// A trader that has not been told its parameters.
pub struct Fresh {
    store: Store<Cell>,
    guest: Guest,
    metering: Metering,
}

/// A trader that takes candles.
pub struct Instance {
    store: Store<Cell>,
    guest: Guest,
    metering: Metering,
    subscription: Subscription,
    plot_width: usize,
    reads_columns: bool,
    evaluations: u64,
}

/// What a batch left behind.
#[derive(Debug)]
pub struct Evaluated<'a> {
    /// Sorted, each once.
    pub emissions: &'a [Emission],
    /// The plotted values, symbol by symbol.
    pub plots: Vec<f64>,
    /// Fuel that the call burnt; none without metering.
    pub fuel: Option<u64>,
}

impl Fresh {
    /// Makes an instance in a store of its own.
    ///
    /// # Errors
    ///
    /// A fault in the module's start functions or in what they allocate.
    pub fn instantiate(engine: &Engine, linked: &Linked, metering: Metering, stop: &StopFlag) -> Result<Self, Fault> {
        let mut store = Store::new(engine, Cell::new(stop.0.clone()));
        store.limiter(|cell| cell);
        store.set_hostcall_fuel(limits::HOSTCALL_BYTES);
        store.epoch_deadline_callback(|mut cx| Ok(cx.data_mut().look()));
        store.set_epoch_deadline(1);
        if metering == Metering::Fuel {
            store.set_fuel(FUEL).map_err(|error| Fault::new(Outcome::HostFault, "instantiate", error.to_string()))?;
        }
        store.data_mut().begin(limits::CPU_INIT);
        heed_script(&mut store, "instantiate")?;
        match linked.instantiate(&mut store) {
            Ok(guest) => Ok(Self { store, guest, metering }),
            Err(error) => Err(fault(&mut store, "instantiate", &error)),
        }
    }

    /// What the trader says of itself.
    ///
    /// # Errors
    ///
    /// A fault, or a description that breaks a rule.
    pub fn describe(&mut self) -> Result<Manifest, Fault> {
        self.store.data_mut().begin(limits::CPU_DESCRIBE);
        let described =
            self.guest.describe(&mut self.store).map_err(|error| fault(&mut self.store, "describe", &error))?;
        Manifest::check(described).map_err(|error| Fault::new(Outcome::Refused, "describe", error.to_string()))
    }

    /// Tells it its parameters and the symbols on offer.
    ///
    /// # Errors
    ///
    /// A fault, parameters that it refuses, or a subscription that breaks a rule.
    pub fn init(
        mut self,
        manifest: &Manifest,
        params: &[(String, ParamValue)],
        offer: &Offer,
    ) -> Result<(Instance, Vec<LogLine>), Fault> {
        let budget = limits::CPU_PER_SYMBOL.saturating_mul(u32::try_from(offer.len()).unwrap_or(u32::MAX));
        self.store.data_mut().begin(limits::CPU_INIT + budget);
        heed_script(&mut self.store, "init")?;
        let refused = |reason: String| Fault::new(Outcome::Refused, "init", reason);
        let subscribed = self
            .guest
            .init(&mut self.store, params, offer.listed())
            .map_err(|error| fault(&mut self.store, "init", &error))?
            .map_err(|reason| refused(shown(&reason, limits::LOG_LINE_BYTES)))?;
        let subscription = Subscription::check(subscribed).map_err(|error| refused(error.to_string()))?;
        let cell = self.store.data_mut();
        cell.open_market(subscription.clone(), offer, manifest.tags.len());
        let reads_columns = cell.reads_columns();
        let (lines, _) = cell.take_log();
        let Self { store, guest, metering } = self;
        let plot_width = manifest.plot_width();
        Ok((Instance { store, guest, metering, subscription, plot_width, reads_columns, evaluations: 0 }, lines))
    }
}

impl Instance {
    /// What it wants to see.
    #[must_use]
    pub fn subscription(&self) -> &Subscription {
        &self.subscription
    }

    /// Lends it the candles for the time of a delivery; nothing takes them back. Without them it reads nothing.
    #[inline]
    pub fn lend(&mut self, history: Option<Arc<History>>) {
        self.store.data_mut().lend(history);
    }

    /// The instance sees a stream from this candle on. Must be said for every stream before its first candle is delivered.
    #[inline]
    pub fn sees_from(&mut self, interval: usize, symbol: u32, open_ms: i64) {
        if self.reads_columns {
            self.store.data_mut().sees_from(interval, symbol, open_ms);
        }
    }

    /// Delivers the candles of one interval that closed at one time. `interval` is the subscription's index.
    ///
    /// # Errors
    ///
    /// A fault: the instance must be dropped, and nothing of this call counts.
    #[inline]
    pub fn on_close(
        &mut self,
        interval: usize,
        open_time_ms: i64,
        close_time_ms: i64,
        symbols: &[u32],
        values: &[f64],
    ) -> Result<Evaluated<'_>, Fault> {
        let cell = self.store.data_mut();
        cell.begin_batch(close_time_ms, symbols);
        cell.log_minute(close_time_ms);
        self.evaluations += symbols.len() as u64;
        heed_script(&mut self.store, "on-close")?;
        let interval = interval as u32;
        let before = self.fuel();
        let called = self.guest.on_close(&mut self.store, interval, open_time_ms, close_time_ms, symbols, values);
        let plots = match called {
            Ok(plots) => plots,
            Err(error) => return Err(fault(&mut self.store, "on-close", &error)),
        };
        if plots.len() != symbols.len() * self.plot_width {
            return Err(Fault::new(
                Outcome::Trap,
                "on-close",
                format!(
                    "returned {} plot values for {} symbols, the description says {} a symbol",
                    plots.len(),
                    symbols.len(),
                    self.plot_width
                ),
            ));
        }
        let fuel = self.fuel().zip(before).map(|(now, before)| now.saturating_sub(before));
        let cell = self.store.data_mut();
        cell.end();
        if cell.emissions.len() > limits::SIGNALS_PER_CANDLE {
            let of_one = |run: &[Emission]| run.len() > limits::SIGNALS_PER_CANDLE;
            if cell.emissions.chunk_by(|a, b| a.index == b.index).any(of_one) {
                return Err(Fault::new(
                    Outcome::Trap,
                    "on-close",
                    format!("emitted more than {} signals for one candle", limits::SIGNALS_PER_CANDLE),
                ));
            }
        }
        Ok(Evaluated { emissions: &self.store.data().emissions, plots, fuel })
    }

    /// Tells it that candles are missing.
    ///
    /// # Errors
    ///
    /// A fault: the instance must be dropped.
    pub fn on_gap(&mut self, symbol: u32, interval: usize, first_ms: i64, until_ms: i64) -> Result<(), Fault> {
        self.store.data_mut().begin(limits::cpu_of_batch(1));
        heed_script(&mut self.store, "on-gap")?;
        self.guest
            .on_gap(&mut self.store, symbol, interval as u32, first_ms, until_ms)
            .map_err(|error| fault(&mut self.store, "on-gap", &error))
    }

    /// Tells it that symbols came and went.
    ///
    /// # Errors
    ///
    /// A fault: the instance must be dropped.
    pub fn on_symbols(&mut self, added: &[(u32, String)], gone: &[u32]) -> Result<(), Fault> {
        self.store.data_mut().begin(limits::cpu_of_batch(added.len() + gone.len()));
        heed_script(&mut self.store, "on-symbols")?;
        self.guest
            .on_symbols(&mut self.store, added, gone)
            .map_err(|error| fault(&mut self.store, "on-symbols", &error))
    }

    /// Takes the lines that it logged, and how many more were dropped.
    #[inline]
    pub fn take_log(&mut self) -> (Vec<LogLine>, u64) {
        if self.store.data().has_log() { self.store.data_mut().take_log() } else { (Vec::new(), 0) }
    }

    /// Candles that it has looked at.
    #[must_use]
    pub fn evaluations(&self) -> u64 {
        self.evaluations
    }

    /// The most memory that it held, bytes.
    #[must_use]
    pub fn peak_memory_bytes(&self) -> usize {
        self.store.data().peak_memory_bytes
    }

    /// Fuel burnt so far; none without metering.
    #[must_use]
    pub fn fuel(&self) -> Option<u64> {
        match self.metering {
            Metering::Off => None,
            Metering::Fuel => self.store.get_fuel().ok().map(|left| FUEL - left),
        }
    }
}

/// Cuts a call off that was cut off when it was recorded: nothing of it counted, so it need not be made.
#[inline]
fn heed_script(store: &mut Store<Cell>, during: &'static str) -> Result<(), Fault> {
    if !store.data().is_cut_by_script() {
        return Ok(());
    }
    store.data_mut().end();
    Err(Fault::new(Outcome::CpuDeadline, during, "cut off, as it was recorded"))
}

/// Says how a call ended. The store is poisoned and must be dropped.
fn fault(store: &mut Store<Cell>, during: &'static str, error: &wasmtime::Error) -> Fault {
    let cell = store.data_mut();
    cell.end();
    if let Some(outcome) = cell.cut {
        let reason = match outcome {
            Outcome::Killed => "stopped by the host".to_owned(),
            _ => format!("used up its CPU time of {}", millis(cell.budget())),
        };
        return Fault { outcome, during, reason };
    }
    if let Some(reason) = cell.memory_denied.take() {
        return Fault { outcome: Outcome::MemoryLimit, during, reason };
    }
    if let Some(words) = cell.last_words.take() {
        return Fault { outcome: Outcome::Trap, during, reason: format!("panicked at {words}") };
    }
    if let Some(misuse) = error.downcast_ref::<Misuse>() {
        return Fault { outcome: Outcome::Trap, during, reason: shown(&misuse.0, limits::LOG_LINE_BYTES) };
    }
    let reason = match error.downcast_ref::<wasmtime::Trap>() {
        Some(trap) => trap.to_string(),
        None => error.root_cause().to_string(),
    };
    Fault { outcome: Outcome::Trap, during, reason: shown(&reason, limits::LOG_LINE_BYTES) }
}

fn millis(time: Duration) -> String {
    format!("{} ms", time.as_millis())
}
