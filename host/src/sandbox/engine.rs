//! The wasmtime engine, set up for bit-identical results, and the thread that lets time pass in it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use wasmtime::{Config, Engine};

use super::limits;

/// How often a running guest looks at its budget. Stopping does not wait for it.
const TICK: Duration = Duration::from_millis(10);

/// Whether the cost of a call is counted in instructions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Metering {
    /// Production: only CPU time.
    Off,
    /// The local runner: fuel as well, the same number on every machine.
    Fuel,
}

/// Makes the engine. All that decides what a guest can compute is here, so that two hosts of one version agree to the bit.
///
/// # Errors
///
/// If this machine cannot run the code that Cranelift makes.
pub fn engine(metering: Metering) -> wasmtime::Result<Engine> {
    Engine::new(&config(metering))
}

/// The configuration of [`engine`], which the compiling child needs as well.
fn config(metering: Metering) -> Config {
    let mut config = Config::new();
    config
        .wasm_component_model(true)
        .epoch_interruption(true)
        .consume_fuel(metering == Metering::Fuel)
        .cranelift_nan_canonicalization(true)
        .wasm_relaxed_simd(false)
        .relaxed_simd_deterministic(true)
        .wasm_memory64(false)
        .wasm_multi_memory(false)
        .max_wasm_stack(limits::STACK_BYTES)
        .parallel_compilation(false);
    config
}

/// Raises the epoch every 10 ms while it lives, and counts the ticks.
#[derive(Debug)]
pub struct Ticker {
    ticks: Arc<AtomicU64>,
}

impl Ticker {
    /// Starts the thread, which ends when the ticker is dropped. It holds the engine weakly.
    ///
    /// # Errors
    ///
    /// If no thread can be started.
    pub fn start(engine: &Engine) -> std::io::Result<Self> {
        let ticks = Arc::new(AtomicU64::new(0));
        let alive = Arc::downgrade(&ticks);
        let engine = engine.weak();
        std::thread::Builder::new().name("vyx-epoch".into()).spawn(move || {
            loop {
                std::thread::sleep(TICK);
                let (Some(ticks), Some(engine)) = (alive.upgrade(), engine.upgrade()) else {
                    return;
                };
                engine.increment_epoch();
                ticks.fetch_add(1, Ordering::Relaxed);
            }
        })?;
        Ok(Self { ticks })
    }

    /// Ticks so far.
    #[must_use]
    pub fn ticks(&self) -> u64 {
        self.ticks.load(Ordering::Relaxed)
    }
}
