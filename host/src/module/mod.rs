//! From bytes to a module that may run: one way, for the host, the command line and the tests.

mod cache;
mod compile;
mod componentize;
pub mod digest;
mod native;
mod scan;
mod verdict;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use serde_json::Map;
use wasmtime::Engine;
use wasmtime::component::Component;

pub use cache::Cache;
pub use compile::{CHILD_COMMAND, Compiler, compile_child};
pub use componentize::componentize;
pub use digest::{Digest, InvalidDigest};
pub use verdict::{Module, Refusal, Rule, Verdict};

use crate::market::Offer;
use crate::sandbox::{
    Fault, Fresh, Linked, Manifest, Metering, Outcome, ParamValue, StopFlag, Subscription, Ticker, engine, limits,
};
use compile::CompileError;

/// The engine, and the modules that it has admitted.
pub struct Modules {
    engine: Engine,
    ticker: Ticker,
    metering: Metering,
    compiler: Compiler,
    cache: Option<Cache>,
    loaded: Mutex<HashMap<Digest, Weak<Module>>>,
}

impl Modules {
    /// An engine without modules. Without a cache everything is compiled at every start.
    ///
    /// # Errors
    ///
    /// If this machine cannot run what Cranelift makes, or has no thread to spare.
    pub fn new(metering: Metering, compiler: Compiler, cache: Option<Cache>) -> anyhow::Result<Self> {
        let engine = engine(metering).map_err(|error| anyhow::anyhow!("wasmtime does not start: {error}"))?;
        let ticker = Ticker::start(&engine)?;
        Ok(Self { engine, ticker, metering, compiler, cache, loaded: Mutex::default() })
    }

    /// The engine.
    #[must_use]
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Ticks of the epoch so far, each 10 ms.
    #[must_use]
    pub fn ticks(&self) -> u64 {
        self.ticker.ticks()
    }

    /// Whether fuel is counted.
    #[must_use]
    pub fn metering(&self) -> Metering {
        self.metering
    }

    /// Judges the bytes of a module, and compiles them if they may run.
    ///
    /// # Errors
    ///
    /// The first rule that they break. They are hashed before they are parsed, and parsed whole before anything is compiled.
    pub fn admit(&self, bytes: &[u8]) -> Verdict {
        if bytes.len() > limits::MODULE_BYTES {
            return Err(Refusal::new(
                Rule::Size,
                format!("it has {} bytes, at most {} are allowed", bytes.len(), limits::MODULE_BYTES),
            ));
        }
        let digest = Digest::of(bytes);
        if let Some(module) = self.loaded(digest) {
            return Ok(module);
        }
        let cached = self.cache.as_ref().and_then(|cache| cache.load(&self.engine, digest));
        let scan = scan::scan(bytes, cached.is_some())?;
        let component = match cached {
            Some(component) => component,
            None => self.compile(digest, bytes)?,
        };
        let linked = Linked::new(&self.engine, scan.abi, &component)
            .map_err(|error| Refusal::new(Rule::World, format!("{:#}", error)))?;
        let (manifest, subscription) = self.introduce(&linked)?;
        let module = Arc::new(Module {
            digest,
            size_bytes: bytes.len(),
            abi: scan.abi,
            sdk: scan.sdk,
            manifest,
            subscription,
            linked,
        });
        self.lock().insert(digest, Arc::downgrade(&module));
        Ok(module)
    }

    /// Judges bytes that must have this digest.
    ///
    /// # Errors
    ///
    /// As [`admit`](Self::admit), and if they have another one.
    pub fn admit_as(&self, digest: Digest, bytes: &[u8]) -> Verdict {
        let actual = Digest::of(bytes);
        if actual != digest {
            return Err(Refusal::new(Rule::Digest, format!("the bytes hash to {actual}, {digest} was asked for")));
        }
        self.admit(bytes)
    }

    /// A module that is already admitted and in use.
    #[must_use]
    pub fn loaded(&self, digest: Digest) -> Option<Arc<Module>> {
        self.lock().get(&digest).and_then(Weak::upgrade)
    }

    fn compile(&self, digest: Digest, bytes: &[u8]) -> Result<Component, Refusal> {
        let code = self.compiler.compile(bytes, self.metering).map_err(|error| match error {
            CompileError::Module(reason) => Refusal::new(Rule::Compile, reason),
            CompileError::Host(reason) => Refusal { host_fault: true, ..Refusal::new(Rule::Compile, reason) },
        })?;
        if let Some(cache) = &self.cache {
            match cache.store(&self.engine, digest, &code) {
                // Read back as at the next start: mapped from the file it costs no memory of its own.
                Ok(()) => {
                    if let Some(component) = cache.load(&self.engine, digest) {
                        return Ok(component);
                    }
                }
                Err(error) => tracing::warn!(%digest, %error, "compiled code could not be kept, is the disk full?"),
            }
        }
        native::load_bytes(&self.engine, &code).map_err(|error| Refusal {
            host_fault: true,
            ..Refusal::new(Rule::Compile, format!("the compiled code does not load: {error:#}"))
        })
    }

    /// Lets the module describe itself, and start with its own defaults.
    fn introduce(&self, linked: &Linked) -> Result<(Manifest, Subscription), Refusal> {
        let refusal = |rule| {
            move |fault: Fault| Refusal {
                rule,
                reason: fault.to_string(),
                host_fault: fault.outcome == Outcome::HostFault,
            }
        };
        let manifest = self.fresh(linked).and_then(|mut fresh| fresh.describe()).map_err(refusal(Rule::Describe))?;
        let defaults = manifest.params(&Map::new()).map_err(|error| Refusal::new(Rule::Describe, error.to_string()))?;
        let subscription = self.subscribe(linked, &manifest, &defaults).map_err(refusal(Rule::Init))?;
        Ok((manifest, subscription))
    }

    /// What a module wants with these parameters, before it knows a symbol.
    ///
    /// # Errors
    ///
    /// A fault, parameters that the trader refuses, or a subscription that breaks a rule.
    pub fn subscription(&self, module: &Module, params: &[(String, ParamValue)]) -> Result<Subscription, Fault> {
        self.subscribe(&module.linked, &module.manifest, params)
    }

    fn subscribe(
        &self,
        linked: &Linked,
        manifest: &Manifest,
        params: &[(String, ParamValue)],
    ) -> Result<Subscription, Fault> {
        let (instance, _) = self.fresh(linked)?.init(manifest, params, &Offer::nothing())?;
        Ok(instance.subscription().clone())
    }

    fn fresh(&self, linked: &Linked) -> Result<Fresh, Fault> {
        Fresh::instantiate(&self.engine, linked, self.metering, &StopFlag::new())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Digest, Weak<Module>>> {
        self.loaded.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
