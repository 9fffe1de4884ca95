//! What both programs need: components, candles, a fleet.
#![allow(dead_code, reason = "each program uses a part of it")]

use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Once};

use serde_json::{Map, Value};
use uuid::Uuid;
use vyx_host::ids::TraderId;
use vyx_host::market::{Column, Interval, Segment, SymbolId, Symbols, VALUES_PER_CANDLE, Values};
use vyx_host::module::{Compiler, Module, Modules};
use vyx_host::ownership::Scope;
use vyx_host::registry::{ModuleRef, TraderRow};
use vyx_host::sandbox::Metering;
use vyx_host::signal::{Burst, Sink};
use vyx_host::supervisor::plan::Version;
use vyx_host::supervisor::{Fleet, Ready};

/// The host that this run measures: of the same build.
pub const VYX: &str = env!("CARGO_BIN_EXE_vyx");
/// 2025-01-01T00:00Z.
const START_MS: i64 = 1_735_689_600_000;
/// Closes after which the prices begin anew: few enough to stay in the cache, as candles that just came in are.
pub const ROUND: usize = 128;
/// Worker threads, as on a machine with two cores.
pub const WORKERS: usize = 2;

/// The bytes of a trader of `tests/bench-traders`, which are built first if they changed.
pub fn component(name: &str) -> Vec<u8> {
    static BUILT: Once = Once::new();
    BUILT.call_once(|| {
        let traders = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/bench-traders");
        let built = Command::new(VYX).arg("build").arg(traders).arg("--examples").output().unwrap();
        assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    });
    let target = Path::new(VYX).parent().and_then(Path::parent).unwrap();
    let path: PathBuf = target.join("traders").join(format!("{name}.wasm"));
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

pub fn modules() -> Arc<Modules> {
    Arc::new(Modules::new(Metering::Off, Compiler::InProcess, None).unwrap())
}

pub fn symbols(count: usize) -> Symbols {
    let mut symbols = Symbols::new();
    for at in 0..count {
        symbols.intern(&format!("S{at:04}USDT")).unwrap();
    }
    symbols
}

/// Open time of the close with this number.
pub fn open_ms(close: usize) -> i64 {
    START_MS + close as i64 * Interval::M1.as_ms()
}

/// A seeded walk of [`ROUND`] candles for each symbol, which ends where it began.
pub struct Walk {
    rows: Vec<Vec<f64>>,
    pub ids: Vec<u32>,
}

impl Walk {
    pub fn new(symbols: usize) -> Self {
        let mut state = 7_u64;
        let mut next = move || {
            // splitmix64, Steele, Lea and Flood 2014
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut z = state;
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
        };
        let mut prices = vec![100.0_f64; symbols];
        let rows = (0..ROUND)
            .map(|at| {
                let mut values = Vec::with_capacity(symbols * VALUES_PER_CANDLE);
                for price in &mut prices {
                    let open = *price;
                    let pull = (100.0 - open) / (ROUND - at) as f64;
                    let close = open + pull + (next() - 0.5) * 0.6;
                    *price = close;
                    let (high, low) = (open.max(close) + 0.05 * next(), open.min(close) - 0.05 * next());
                    let volume = 10.0 + 90.0 * next();
                    values.extend([open, high, low, close, volume, volume * close, volume * next(), 300.0]);
                }
                values
            })
            .collect();
        Self { rows, ids: (0..symbols as u32).collect() }
    }

    /// The values of the close with this number, symbol by symbol.
    #[inline]
    pub fn values(&self, close: usize) -> &[f64] {
        &self.rows[close % ROUND]
    }

    /// The closes of one symbol over so many candles.
    pub fn closes(&self, symbol: usize, candles: usize) -> Vec<f64> {
        let at = symbol * VALUES_PER_CANDLE + Column::Close.ordinal();
        (0..candles).map(|close| self.values(close)[at]).collect()
    }

    /// One-minute candles of so many closes.
    pub fn segment(&self, first: usize, closes: usize) -> Segment {
        let mut segment = Segment::new();
        let mut builder = segment.builder();
        for close in first..first + closes {
            builder.batch(Interval::M1, open_ms(close)).unwrap();
            let (rows, _) = self.values(close).as_chunks::<VALUES_PER_CANDLE>();
            for (symbol, values) in self.ids.iter().zip(rows) {
                let values: &Values = values;
                builder.row(SymbolId(*symbol), values, 0).unwrap();
            }
        }
        builder.finish().unwrap();
        segment
    }
}

/// Counts signals and drops them.
#[derive(Default)]
pub struct Counting(pub usize);

impl Sink for Counting {
    fn accept(&mut self, burst: &Burst<'_>) -> io::Result<()> {
        self.0 += burst.signals.len();
        Ok(())
    }
}

pub fn trader_id(number: usize) -> TraderId {
    TraderId::new(Uuid::from_u128(number as u128 + 1))
}

pub fn params(given: &[(&str, f64)]) -> Map<String, Value> {
    given.iter().map(|(name, value)| ((*name).to_owned(), Value::from(*value))).collect()
}

/// A trader as the reconciler would hand it over.
pub fn ready(modules: &Modules, module: &Arc<Module>, number: usize, given: &Map<String, Value>) -> Ready {
    let row = TraderRow {
        id: trader_id(number),
        name: format!("trader {number}"),
        is_built_in: Some(true),
        user_id: None,
        enabled: Some(true),
        module: Some(ModuleRef { digest: module.digest, place: "bench".to_owned() }),
        params: given.clone(),
    };
    let owned = Scope::local().admit(row).unwrap();
    let params = module.manifest.params(given).unwrap();
    let subscription = modules.subscription(module, &params).unwrap();
    Ready { version: Version::of(&owned), owned, module: module.clone(), params, subscription, resume: None }
}

/// A fleet whose traders are warm, and the number of the next close.
pub struct Market {
    pub fleet: Fleet,
    pub walk: Walk,
    pub next: usize,
}

impl Market {
    pub fn new(trader: &str, traders: usize, symbol_count: usize, given: &[(&str, f64)]) -> Self {
        let modules = modules();
        let module = modules.admit(&component(trader)).unwrap();
        let fleet = Fleet::new(modules.clone(), symbols(symbol_count), WORKERS).unwrap();
        let given = params(given);
        for number in 0..traders {
            assert!(fleet.insert(ready(&modules, &module, number, &given), fleet.begin_read()));
        }
        let walk = Walk::new(symbol_count);
        fleet.bootstrap(&walk.segment(0, ROUND));
        fleet.deliver(&Segment::new(), &mut Counting::default()).unwrap();
        assert!(fleet.status().iter().all(|status| status.live));
        Self { fleet, walk, next: ROUND }
    }

    /// The next closes.
    pub fn segment(&mut self, closes: usize) -> Segment {
        let segment = self.walk.segment(self.next, closes);
        self.next += closes;
        segment
    }
}
