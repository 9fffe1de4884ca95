//! What a full disk does: a sink takes nothing for a while, and the same candles are delivered again. The signals are those of a
//! fleet whose sink never failed: none is missing, none comes twice. And the same when the host stops and goes on.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use proptest::prelude::*;
use serde_json::{Map, json};
use vyx_host::ids::TraderId;
use vyx_host::market::{Feed, Interval, Segment, SyntheticFeed};
use vyx_host::module::{Compiler, Digest, Modules};
use vyx_host::ownership::{OwnedTrader, Scope};
use vyx_host::registry::{ModuleRef, TraderRow};
use vyx_host::sandbox::Metering;
use vyx_host::signal::outbox::{Bounds, Outbox};
use vyx_host::signal::{Burst, Sink};
use vyx_host::supervisor::plan::Version;
use vyx_host::supervisor::{Begin, Fleet, Ready, Resume};

const START_MS: i64 = 1_767_571_200_000;
const SYMBOLS: usize = 4;
const CLOSES: usize = 120;

/// By when and what: historical ones last.
type Told = (bool, i64, String, String);

/// Keeps what it is given, unless it is told not to.
#[derive(Default)]
struct Disk {
    told: Vec<Told>,
    refuse: u8,
}

impl Sink for Disk {
    fn accept(&mut self, burst: &Burst<'_>) -> io::Result<()> {
        if self.refuse > 0 {
            self.refuse -= 1;
            return Err(io::Error::other("no space left"));
        }
        self.told.extend(burst.signals.iter().map(|signal| {
            let open_ms = signal.open_time().as_millisecond();
            (signal.is_historical(), open_ms, signal.symbol().to_owned(), signal.trader_id().to_string())
        }));
        Ok(())
    }
}

struct Both<'a>(&'a mut Disk, Outbox);

impl Sink for Both<'_> {
    fn accept(&mut self, burst: &Burst<'_>) -> io::Result<()> {
        self.1.accept(burst)?;
        self.0.accept(burst)
    }
}

fn beside(variable: &str, below_target: &str) -> PathBuf {
    std::env::var_os(variable)
        .map_or_else(|| std::env::current_exe().unwrap().ancestors().nth(3).unwrap().join(below_target), PathBuf::from)
}

fn modules() -> Arc<Modules> {
    Arc::new(Modules::new(Metering::Off, Compiler::Child(beside("VYX_BIN", "debug/vyx")), None).unwrap())
}

/// Traders of one module: one that only cools down, one that loses a symbol as well, one that always speaks.
fn trader(number: u8, params: &serde_json::Value, digest: Digest) -> OwnedTrader {
    let row = TraderRow {
        id: format!("00000000-0000-4000-8000-0000000000{number:02x}").parse().unwrap(),
        name: format!("trader {number}"),
        is_built_in: Some(true),
        user_id: None,
        enabled: Some(true),
        module: Some(ModuleRef { digest, place: String::new() }),
        params: params.as_object().unwrap().clone(),
    };
    Scope::local().admit(row).unwrap()
}

fn feed() -> SyntheticFeed {
    let mut feed = SyntheticFeed::new(5, SYMBOLS, START_MS, None).unwrap();
    feed.want(&[Interval::M1]).unwrap();
    feed
}

/// A fleet of three traders; `resume` says where one stood.
fn fleet(modules: &Arc<Modules>, feed: &SyntheticFeed, resume: impl Fn(TraderId) -> Option<Resume>) -> Fleet {
    let bytes = std::fs::read(beside("VYX_TRADERS", "traders").join("hostile-one-symbol.wasm")).unwrap();
    let digest = Digest::of(&bytes);
    let module = modules.loaded(digest).unwrap_or_else(|| modules.admit(&bytes).unwrap());
    let fleet = Fleet::new(modules.clone(), feed.symbols().clone(), 2).unwrap();
    let first = feed.symbols().iter().next().unwrap().1.to_owned();
    let from_ms = START_MS + 30 * 60_000;
    let params = [
        json!({"symbol": "NONE", "cooldown": 3}),
        json!({"symbol": first, "from_ms": from_ms, "cooldown": 5}),
        json!({"symbol": "NONE"}),
    ];
    for (number, params) in (1..).zip(&params) {
        let owned = trader(number, params, digest);
        let given: Map<_, _> = owned.params().clone();
        let params = module.manifest.params(&given).unwrap();
        let subscription = modules.subscription(&module, &params).unwrap();
        let begin = resume(owned.id()).map_or(Begin::Anew(None), Begin::Resume);
        let ready = Ready { version: Version::of(&owned), owned, module: module.clone(), params, subscription, begin };
        assert!(fleet.insert(ready, fleet.begin_read()));
    }
    fleet
}

/// Plays all candles in segments of this many closes; before each, so many refusals.
fn play(fleet: &Fleet, feed: &mut SyntheticFeed, disk: &mut Disk, segments: &[(usize, u8)]) {
    let mut segment = Segment::new();
    for (closes, refusals) in segments {
        feed.next(*closes, &mut segment).unwrap();
        disk.refuse = *refusals;
        while fleet.deliver(&segment, disk).is_err() {}
    }
}

fn sorted(mut told: Vec<Told>) -> Vec<Told> {
    told.sort();
    told
}

/// Splits [`CLOSES`] into segments that the disk refuses up to seven times: more than a trader has strikes.
fn segments() -> impl Strategy<Value = Vec<(usize, u8)>> {
    proptest::collection::vec((1..24_usize, prop_oneof![3 => Just(0_u8), 2 => 1..8_u8]), 1..40).prop_map(|mut parts| {
        let mut left = CLOSES;
        parts.retain_mut(|(closes, _)| {
            *closes = (*closes).min(left);
            left -= *closes;
            *closes > 0
        });
        parts.extend((left > 0).then_some((left, 1)));
        parts
    })
}

#[test]
fn what_a_full_disk_refused_is_told_once_when_there_is_room() {
    let modules = modules();
    let (mut whole, mut candles) = (Disk::default(), feed());
    let undisturbed = fleet(&modules, &candles, |_| None);
    play(&undisturbed, &mut candles, &mut whole, &vec![(1, 0); CLOSES]);
    let whole = sorted(whole.told);
    assert!(whole.len() > 100, "{}", whole.len());
    let config = ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |(segments in segments())| {
        let (mut disk, mut candles) = (Disk::default(), feed());
        let fleet = fleet(&modules, &candles, |_| None);
        play(&fleet, &mut candles, &mut disk, &segments);
        prop_assert_eq!(sorted(disk.told), whole.clone());
        for status in fleet.status() {
            prop_assert!(!status.quarantined, "{}: {:?}", status.name, status.last_fault);
        }
    });
}

/// A cooldown that began before the restart goes on after it, also where the warm-up does not reach back to it.
#[test]
fn a_restart_neither_shortens_nor_forgets_a_cooldown() {
    let modules = modules();
    let (mut whole, mut candles) = (Disk::default(), feed());
    play(&fleet(&modules, &candles, |_| None), &mut candles, &mut whole, &[(CLOSES, 0)]);
    let cooling: Vec<Told> = whole.told.into_iter().filter(|told| told.3.ends_with("01")).collect();
    assert!(cooling.len() > 20, "{}", cooling.len());
    for stop in [13, 30, 31, 32, 33, 57] {
        let dir = tempfile::tempdir().unwrap();
        let open = || Outbox::open(dir.path(), "test", "synthetic", Bounds::default()).unwrap();
        let mut disk = Disk::default();
        let mut candles = feed();
        let mut segment = Segment::new();
        {
            let fleet = fleet(&modules, &candles, |_| None);
            candles.next(stop, &mut segment).unwrap();
            fleet.deliver(&segment, &mut Both(&mut disk, open())).unwrap();
        }
        let outbox = open();
        let resume = |id| Some(Resume { judged_ms: outbox.judged(id)?, told: outbox.told(id).unwrap() });
        let fleet = fleet(&modules, &candles, resume);
        fleet.bootstrap(&segment);
        play(&fleet, &mut candles, &mut disk, &[(CLOSES - stop, 0)]);
        let told: Vec<Told> = disk.told.into_iter().filter(|told| told.3.ends_with("01")).collect();
        assert_eq!(sorted(told), sorted(cooling.clone()), "stopped after {stop} closes");
    }
}
