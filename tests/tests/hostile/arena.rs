//! A fleet with a made-up market, a healthy trader, and whoever is put beside it.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock};

use serde_json::{Map, Value};
use vyx_host::ids::TraderId;
use vyx_host::market::{Feed, Interval, Segment, SyntheticFeed};
use vyx_host::module::{Compiler, Modules, Refusal};
use vyx_host::ownership::{OwnedTrader, Scope};
use vyx_host::registry::{ModuleRef, TraderRow};
use vyx_host::sandbox::{LogLine, Metering};
use vyx_host::signal::{Burst, Sink, StampedSignal};
use vyx_host::supervisor::plan::Version;
use vyx_host::supervisor::{Fleet, Ready, Status};

/// Open time of the first live candle.
pub const START_MS: i64 = 1_767_571_200_000;
/// Candles before it, for warm-ups.
pub const HISTORY: usize = 60;
/// Live closes.
pub const CLOSES: usize = 90;
/// Open time of the candle at which most of the corpus turns hostile.
pub const TURN_MS: i64 = START_MS + 30 * 60_000;

/// The modules of this test process; compiled by the real child process.
pub fn modules() -> &'static Arc<Modules> {
    static MODULES: OnceLock<Arc<Modules>> = OnceLock::new();
    MODULES.get_or_init(|| {
        let compiler = Compiler::Child(beside("VYX_BIN", "debug/vyx"));
        Arc::new(Modules::new(Metering::Off, compiler, None).unwrap())
    })
}

/// The bytes of a component of the corpus.
pub fn component(name: &str) -> Vec<u8> {
    if name == "hostile-table-bomb" {
        return wat::parse_file("hostile/wat/hostile_table_bomb.wat").unwrap();
    }
    let path = beside("VYX_TRADERS", "traders").join(format!("{name}.wasm"));
    std::fs::read(&path).unwrap()
}

/// A trader that takes part.
#[derive(Clone)]
pub struct Contestant {
    pub name: &'static str,
    pub params: Map<String, Value>,
}

impl Contestant {
    pub fn new(name: &'static str) -> Self {
        Self { name, params: Map::new() }
    }

    pub fn with(mut self, param: &str, value: impl Into<Value>) -> Self {
        self.params.insert(param.into(), value.into());
        self
    }
}

/// Signals as they are kept.
#[derive(Clone, Default)]
pub struct Kept(Arc<Mutex<Vec<StampedSignal>>>);

impl Sink for Kept {
    fn accept(&mut self, burst: &Burst<'_>) -> io::Result<()> {
        self.0.lock().unwrap().extend_from_slice(burst.signals);
        Ok(())
    }
}

impl Kept {
    /// The signals of a trader as JSON lines.
    pub fn of(&self, name: &str) -> Vec<String> {
        let kept = self.0.lock().unwrap();
        kept.iter().filter(|signal| signal.trader() == name).map(|s| serde_json::to_string(s).unwrap()).collect()
    }
}

/// A fleet whose market has a past.
pub struct Arena {
    pub fleet: Arc<Fleet>,
    pub kept: Kept,
    feed: SyntheticFeed,
}

impl Arena {
    pub fn new(symbols: usize) -> Self {
        let first_ms = START_MS - HISTORY as i64 * 60_000;
        let mut feed = SyntheticFeed::new(7, symbols, first_ms, None).unwrap();
        feed.want(&[Interval::M1]).unwrap();
        let fleet = Fleet::new(modules().clone(), feed.symbols().clone(), 2).unwrap();
        fleet.keep_history(Interval::M1, 2_000);
        let mut segment = Segment::new();
        feed.next(HISTORY, &mut segment).unwrap();
        fleet.bootstrap(&segment);
        Self { fleet: Arc::new(fleet), kept: Kept::default(), feed }
    }

    /// Puts a trader in.
    pub fn enter(&self, contestant: &Contestant) -> Result<TraderId, String> {
        let bytes = component(contestant.name);
        let modules = modules();
        let module = modules.admit(&bytes).map_err(|refusal: Refusal| refusal.to_string())?;
        let params = module.manifest.params(&contestant.params).map_err(|error| error.to_string())?;
        let subscription = modules.subscription(&module, &params).map_err(|fault| fault.to_string())?;
        let owned = owned(contestant, ModuleRef { digest: module.digest, place: String::new() });
        let (id, version) = (owned.id(), Version::of(&owned));
        let ready = Ready { owned, version, module, params, subscription, resume: None };
        assert!(self.fleet.insert(ready, self.fleet.begin_read()));
        Ok(id)
    }

    /// Lets the market go on for so many closes, one delivery each.
    pub fn play(&mut self, closes: usize) {
        let mut segment = Segment::new();
        for _ in 0..closes {
            self.feed.next(1, &mut segment).unwrap();
            self.fleet.deliver(&segment, &mut self.kept).unwrap();
        }
    }
}

fn owned(contestant: &Contestant, module: ModuleRef) -> OwnedTrader {
    let id = uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_OID, contestant.name.as_bytes());
    let row = TraderRow {
        id: TraderId::new(id),
        name: contestant.name.to_owned(),
        is_built_in: Some(true),
        user_id: None,
        enabled: Some(true),
        module: Some(module),
        params: contestant.params.clone(),
    };
    Scope::local().admit(row).unwrap()
}

/// What a whole game left behind.
pub struct Game {
    pub signals: Vec<String>,
    pub status: Status,
    pub lines: Vec<LogLine>,
}

/// Plays a whole game of a contestant beside the healthy trader, whose signals must be those that it has alone.
pub fn beside_healthy(contestant: &Contestant, symbols: usize) -> Game {
    let mut arena = Arena::new(symbols);
    arena.enter(&Contestant::new("healthy")).unwrap();
    arena.enter(contestant).unwrap();
    arena.play(CLOSES);
    assert_healthy(&arena, symbols);
    let lines = arena.fleet.take_lines().into_iter().filter(|(name, _)| name == contestant.name).map(|(_, l)| l);
    let mut status: BTreeMap<String, Status> =
        arena.fleet.status().into_iter().map(|status| (status.name.clone(), status)).collect();
    Game {
        signals: arena.kept.of(contestant.name),
        status: status.remove(contestant.name).unwrap(),
        lines: lines.collect(),
    }
}

/// The healthy neighbour has said exactly what it says alone.
pub fn assert_healthy(arena: &Arena, symbols: usize) {
    let alone = healthy_alone(symbols);
    assert!(alone.len() > 50, "the healthy trader hardly speaks: {}", alone.len());
    assert!(arena.kept.of("healthy") == alone, "the healthy neighbour's signals changed");
}

fn healthy_alone(symbols: usize) -> Vec<String> {
    let mut arena = Arena::new(symbols);
    arena.enter(&Contestant::new("healthy")).unwrap();
    arena.play(CLOSES);
    arena.kept.of("healthy")
}

fn beside(variable: &str, below_target: &str) -> PathBuf {
    std::env::var_os(variable)
        .map_or_else(|| std::env::current_exe().unwrap().ancestors().nth(3).unwrap().join(below_target), PathBuf::from)
}
