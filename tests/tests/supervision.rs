//! The reconciler over a registry whose answers change: what runs when a version is refused, is quarantined or cannot be had.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Map, Value};
use vyx_host::ids::TraderId;
use vyx_host::market::{Feed, Interval, Segment, SyntheticFeed};
use vyx_host::module::{Compiler, Digest, Module, Modules};
use vyx_host::ownership::Scope;
use vyx_host::registry::{ModuleRef, Registry, RegistryError, Snapshot, TraderRow};
use vyx_host::sandbox::{Fault, Metering, Outcome};
use vyx_host::signal::{Burst, Sink};
use vyx_host::supervisor::{Change, Fitted, Fleet, LastGood, Means, Reconciler};

const START_MS: i64 = 1_767_571_200_000;

/// A registry in memory.
#[derive(Default)]
struct Rows {
    rows: BTreeMap<TraderId, (bool, Digest, Map<String, Value>)>,
    modules: BTreeMap<Digest, Vec<u8>>,
}

impl Registry for Rows {
    fn snapshot(&mut self) -> Result<Snapshot, RegistryError> {
        let row = |(id, (enabled, digest, params)): (&TraderId, &(bool, Digest, Map<String, Value>))| {
            Ok(TraderRow {
                id: *id,
                name: "the trader".into(),
                is_built_in: Some(true),
                user_id: None,
                enabled: Some(*enabled),
                module: Some(ModuleRef { digest: *digest, place: String::new() }),
                params: params.clone(),
            })
        };
        Ok(Snapshot { traders: self.rows.iter().map(row).collect(), ..Snapshot::default() })
    }

    fn module(&mut self, module: &ModuleRef) -> Result<Vec<u8>, RegistryError> {
        self.modules.get(&module.digest).cloned().ok_or_else(|| RegistryError::new("the module store is out"))
    }
}

#[derive(Default)]
struct Count(usize);

impl Sink for Count {
    fn accept(&mut self, burst: &Burst<'_>) -> io::Result<()> {
        self.0 += burst.signals.len();
        Ok(())
    }
}

struct World {
    fleet: Fleet,
    feed: SyntheticFeed,
    reconciler: Reconciler,
    registry: Rows,
    sink: Count,
}

fn id() -> TraderId {
    "00000000-0000-4000-8000-0000000000a1".parse().unwrap()
}

fn component(name: &str) -> Vec<u8> {
    std::fs::read(beside("VYX_TRADERS", "traders").join(format!("{name}.wasm"))).unwrap()
}

fn beside(variable: &str, below_target: &str) -> PathBuf {
    std::env::var_os(variable)
        .map_or_else(|| std::env::current_exe().unwrap().ancestors().nth(3).unwrap().join(below_target), PathBuf::from)
}

impl World {
    fn new(kept: &Path) -> Self {
        let compiler = Compiler::Child(beside("VYX_BIN", "debug/vyx"));
        let modules = Arc::new(Modules::new(Metering::Off, compiler, None).unwrap());
        let mut feed = SyntheticFeed::new(3, 3, START_MS, None).unwrap();
        feed.want(&[Interval::M1]).unwrap();
        let fleet = Fleet::new(modules, feed.symbols().clone(), 2).unwrap();
        let reconciler = Reconciler::new(Scope::local(), Some(LastGood::open(kept).unwrap()));
        Self { fleet, feed, reconciler, registry: Rows::default(), sink: Count::default() }
    }

    fn set(&mut self, enabled: bool, module: &str, params: &str) -> Digest {
        let bytes = component(module);
        let digest = Digest::of(&bytes);
        self.registry.modules.insert(digest, bytes);
        self.registry.rows.insert(id(), (enabled, digest, serde_json::from_str(params).unwrap()));
        digest
    }

    fn reconcile(&mut self) -> Vec<Change> {
        let read = self.fleet.begin_read();
        let snapshot = self.registry.snapshot().unwrap();
        let mut fit = |modules: &Modules, module: &Module, given: Map<String, Value>| {
            let refused = |reason: String| Fault::new(Outcome::Refused, "init", reason);
            let params = module.manifest.params(&given).map_err(|error| refused(error.to_string()))?;
            let subscription = modules.subscription(module, &params)?;
            Ok(Fitted { params, subscription, note: None })
        };
        let registry: &mut dyn Registry = &mut self.registry;
        let mut means = Means {
            registry,
            fleet: &self.fleet,
            fit: &mut fit,
            read,
            enabled_at: &snapshot.enabled_at,
            cursors: None,
        };
        self.reconciler.reconcile(&snapshot, &mut means)
    }

    /// Candles pass; returns how many signals came.
    fn play(&mut self, closes: usize) -> usize {
        let before = self.sink.0;
        let mut segment = Segment::new();
        for _ in 0..closes {
            self.feed.next(1, &mut segment).unwrap();
            self.fleet.deliver(&segment, &mut self.sink).unwrap();
        }
        self.sink.0 - before
    }

    fn running(&self) -> Option<Digest> {
        self.fleet.status().first().map(|status| status.version.key.digest)
    }
}

fn rejected(changes: &[Change], words: &str) -> bool {
    changes.iter().any(|change| matches!(change, Change::Rejected(_, reason) if reason.contains(words)))
}

#[test]
fn a_new_version_that_is_refused_leaves_the_last_good_one_running() {
    let kept = tempfile::tempdir().unwrap();
    let mut world = World::new(kept.path());
    let good = world.set(true, "healthy", "{}");
    assert_eq!(world.reconcile(), [Change::Started("the trader".into())]);
    assert!(world.play(20) > 0);
    world.set(true, "hostile-loop-in-describe", "{}");
    let changes = world.reconcile();
    assert!(rejected(&changes, "refused (describe)"), "{changes:?}");
    assert_eq!(world.running(), Some(good));
    assert!(world.play(20) > 0, "it speaks on");
    assert_eq!(world.reconcile(), [], "the refused one is not tried again");
}

#[test]
fn a_new_version_that_is_quarantined_is_replaced_by_the_last_good_one() {
    let kept = tempfile::tempdir().unwrap();
    let mut world = World::new(kept.path());
    let good = world.set(true, "healthy", "{}");
    world.reconcile();
    world.play(20);
    let bad = world.set(true, "hostile-trap", "{}");
    world.reconcile();
    assert_eq!(world.running(), Some(bad));
    world.play(20);
    let changes = world.reconcile();
    assert!(rejected(&changes, "quarantined until its module or its parameters change"), "{changes:?}");
    assert_eq!(world.running(), Some(good));
    assert!(world.play(20) > 0, "the last good version speaks");
}

/// Disabling and enabling does not forgive; other parameters do.
#[test]
fn a_quarantine_ends_when_digest_or_parameters_change() {
    let kept = tempfile::tempdir().unwrap();
    let mut world = World::new(kept.path());
    world.set(true, "hostile-trap", "{}");
    world.reconcile();
    world.play(20);
    world.reconcile();
    assert_eq!(world.running(), None);
    world.set(false, "hostile-trap", "{}");
    world.reconcile();
    world.set(true, "hostile-trap", "{}");
    world.reconcile();
    assert_eq!(world.running(), None);
    world.set(true, "hostile-trap", r#"{"from_ms": 4000000000000}"#);
    assert_eq!(world.reconcile(), [Change::Started("the trader".into())]);
    assert!(world.play(20) > 0);
}

#[test]
fn the_last_good_version_survives_a_restart_without_the_module_store() {
    let kept = tempfile::tempdir().unwrap();
    let mut world = World::new(kept.path());
    let good = world.set(true, "healthy", "{}");
    world.reconcile();
    world.play(20);
    world.reconcile();
    drop(world);

    let mut world = World::new(kept.path());
    world.set(true, "healthy", "{}");
    world.registry.modules.clear();
    assert_eq!(world.reconcile(), [Change::Started("the trader".into())]);
    assert_eq!(world.running(), Some(good));
    assert!(world.play(20) > 0);
}

#[test]
fn a_module_that_cannot_be_fetched_is_tried_again_and_told_once() {
    let kept = tempfile::tempdir().unwrap();
    let mut world = World::new(kept.path());
    world.set(true, "healthy", "{}");
    let modules = std::mem::take(&mut world.registry.modules);
    let changes = world.reconcile();
    assert!(rejected(&changes, "the module store is out"), "{changes:?}");
    assert_eq!(world.reconcile(), [], "told once");
    world.registry.modules = modules;
    assert_eq!(world.reconcile(), [Change::Started("the trader".into())]);
}

/// Between two versions no candle is lost and none is judged twice.
#[test]
fn a_reload_goes_on_where_the_old_version_ended() {
    let kept = tempfile::tempdir().unwrap();
    let (mut whole, mut swapped) = (World::new(kept.path()), World::new(kept.path()));
    whole.set(true, "hostile-one-symbol", r#"{"symbol": "NONE"}"#);
    whole.reconcile();
    let at_once = whole.play(60);
    swapped.set(true, "hostile-one-symbol", r#"{"symbol": "NONE"}"#);
    swapped.reconcile();
    let mut told = swapped.play(30);
    swapped.set(true, "hostile-one-symbol", r#"{"symbol": "NOBODY"}"#);
    assert_eq!(swapped.reconcile(), [Change::Reloaded("the trader".into())]);
    let historical = |world: &World| world.fleet.status()[0].counts.historical_signals as usize;
    told += swapped.play(30) - historical(&swapped);
    assert_eq!(told, at_once);
}

/// It ran well long enough to be taken for a good version.
#[test]
fn a_version_that_crashes_later_is_replaced_by_the_one_before() {
    let kept = tempfile::tempdir().unwrap();
    let mut world = World::new(kept.path());
    let good = world.set(true, "healthy", "{}");
    world.reconcile();
    world.play(20);
    let from_ms = START_MS + 40 * 60_000;
    let bad = world.set(true, "hostile-trap", &format!(r#"{{"from_ms": {from_ms}}}"#));
    world.reconcile();
    world.play(10);
    world.reconcile();
    assert_eq!(world.running(), Some(bad));
    world.play(20);
    world.reconcile();
    assert_eq!(world.running(), Some(good));
    assert!(world.play(20) > 0);
    drop(world);
    let mut world = World::new(kept.path());
    world.set(true, "hostile-trap", "{}");
    world.registry.modules.clear();
    world.reconcile();
    assert_eq!(world.running(), Some(good), "it is the one that is kept");
}
