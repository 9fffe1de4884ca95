//! Traders, candles, and what was told.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, LazyLock};

use serde_json::{Map, Value};
use vyx_host::ids::TraderId;
use vyx_host::market::{Interval, Segment, SymbolId, Symbols, Telling, Values};
use vyx_host::module::{Compiler, Digest, Module, Modules};
use vyx_host::ownership::{OwnedTrader, Scope};
use vyx_host::registry::{ModuleRef, TraderRow};
use vyx_host::sandbox::Metering;
use vyx_host::signal::hygiene::LastTold;
use vyx_host::signal::{Burst, Sink, StampedSignal};
use vyx_host::supervisor::plan::Version;
use vyx_host::supervisor::{Begin, Delivered, Fleet, Ready, Resume, Status};

/// A Monday at noon: a boundary of every interval up to 12h.
pub const START_MS: i64 = 1_767_571_200_000;
pub const MINUTE_MS: i64 = 60_000;

/// Trader, symbol, interval and open time.
pub type Told = (TraderId, String, &'static str, i64);

/// Keeps what it is given, unless it is told not to.
#[derive(Default)]
pub struct Disk {
    /// In the order of their telling.
    pub live: Vec<Told>,
    pub historical: Vec<Told>,
    pub signals: Vec<StampedSignal>,
    pub judged: BTreeMap<TraderId, i64>,
    pub close_ms: i64,
    pub refuse: u8,
}

impl Sink for Disk {
    fn accept(&mut self, burst: &Burst<'_>) -> io::Result<()> {
        if self.refuse > 0 {
            self.refuse -= 1;
            return Err(io::Error::other("no space left"));
        }
        assert!(burst.close_ms >= self.close_ms || self.close_ms == 0, "candle time ran backwards");
        self.close_ms = burst.close_ms;
        for signal in burst.signals {
            let told = (
                signal.trader_id(),
                signal.symbol().to_owned(),
                signal.interval(),
                signal.open_time().as_millisecond(),
            );
            if signal.is_historical() { &mut self.historical } else { &mut self.live }.push(told);
            self.signals.push(signal.clone());
        }
        self.judged.extend(burst.cursors.iter().copied());
        Ok(())
    }
}

impl Disk {
    pub fn set(&self) -> BTreeSet<Told> {
        self.live.iter().cloned().collect()
    }

    /// What was told live, by symbol and minute, and how often.
    pub fn minutes(&self, symbol: &str, historical: bool) -> Vec<i64> {
        let told = if historical { &self.historical } else { &self.live };
        let of_symbol = told.iter().filter(|told| told.1 == symbol && told.2 == "1m");
        of_symbol.map(|told| (told.3 - START_MS) / MINUTE_MS).collect()
    }

    /// Where a trader stands that is started again.
    pub fn resume(&self, trader: TraderId) -> Begin {
        let mut last: BTreeMap<(String, &str), i64> = BTreeMap::new();
        for (_, symbol, interval, open_ms) in self.live.iter().filter(|told| told.0 == trader) {
            let newest = last.entry((symbol.clone(), interval)).or_insert(*open_ms);
            *newest = (*newest).max(*open_ms);
        }
        let told = last.into_iter().map(|((symbol, interval), open_time_ms)| LastTold {
            symbol,
            interval: interval.to_owned(),
            tag: "up".to_owned(),
            open_time_ms,
        });
        // One that was never given a candle has no cursor.
        match self.judged[&trader] {
            i64::MIN => Begin::Anew(None),
            judged_ms => Begin::Resume(Resume { judged_ms, told: told.collect() }),
        }
    }
}

fn beside(variable: &str, below_target: &str) -> PathBuf {
    std::env::var_os(variable)
        .map_or_else(|| std::env::current_exe().unwrap().ancestors().nth(3).unwrap().join(below_target), PathBuf::from)
}

fn modules() -> &'static (Arc<Modules>, Arc<Module>) {
    static MODULES: LazyLock<(Arc<Modules>, Arc<Module>)> = LazyLock::new(|| {
        let compiler = Compiler::Child(beside("VYX_BIN", "debug/vyx"));
        let modules = Arc::new(Modules::new(Metering::Off, compiler, None).unwrap());
        let bytes = std::fs::read(beside("VYX_TRADERS", "traders").join("roll-call.wasm")).unwrap();
        let module = modules.admit(&bytes).unwrap();
        (modules, module)
    });
    &MODULES
}

pub fn id(number: u8) -> TraderId {
    format!("00000000-0000-4000-8000-0000000000{number:02x}").parse().unwrap()
}

fn owned(number: u8, params: Map<String, Value>, digest: Digest) -> OwnedTrader {
    let row = TraderRow {
        id: id(number),
        name: format!("trader {number}"),
        is_built_in: Some(true),
        user_id: None,
        enabled: Some(true),
        module: Some(ModuleRef { digest, place: String::new() }),
        params,
    };
    Scope::local().admit(row).unwrap()
}

/// A fleet over so many symbols.
pub fn fleet(symbols: u32) -> Fleet {
    let mut names = Symbols::new();
    (0..symbols).for_each(|symbol| {
        names.intern(&name(symbol)).unwrap();
    });
    Fleet::new(modules().0.clone(), names, 2).unwrap()
}

pub fn name(symbol: u32) -> String {
    format!("S{symbol:02}USDT")
}

/// Puts a trader in, or another version of it in its place.
pub fn enter(fleet: &Fleet, number: u8, params: &Value, begin: Begin) {
    let (modules, module) = modules();
    let given = params.as_object().unwrap().clone();
    let owned = owned(number, given.clone(), module.digest);
    let params = module.manifest.params(&given).unwrap();
    let subscription = modules.subscription(module, &params).unwrap();
    let ready = Ready { version: Version::of(&owned), owned, module: module.clone(), params, subscription, begin };
    assert!(fleet.insert(ready, fleet.begin_read()));
}

pub fn status(fleet: &Fleet, number: u8) -> Status {
    fleet.status().into_iter().find(|status| status.id == id(number)).unwrap()
}

/// What a trader wrote since this was last asked.
pub fn lines(fleet: &Fleet) -> Vec<String> {
    fleet.take_lines().into_iter().map(|(trader, line)| format!("{trader}: {}", line.text)).collect()
}

/// Symbols and minutes at whose 1m candles a trader traps.
pub fn poison(candles: &[(u32, i64)]) -> String {
    let candle = |(symbol, minute): &(u32, i64)| format!("{}@{}", name(*symbol), START_MS + minute * MINUTE_MS);
    candles.iter().map(candle).collect::<Vec<_>>().join(",")
}

/// Prices that go up and down without a rule, the same each time they are asked for.
pub fn candle(symbol: u32, interval: Interval, open_ms: i64) -> Values {
    let price = |open_ms: i64| {
        let mut z = (open_ms as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ (u64::from(symbol) << 40) ^ interval as u64;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        100.0 + ((z >> 40) as f64) / 1e6
    };
    let (open, close) = (price(open_ms - 1), price(open_ms));
    [open, open.max(close), open.min(close), close, 1.0, 2.0, 0.5, 3.0]
}

/// The intervals that close with this minute, longer ones first.
pub fn closing(minute: i64) -> impl Iterator<Item = (Interval, i64)> {
    let close_ms = START_MS + (minute + 1) * MINUTE_MS;
    [Interval::M5, Interval::M1].into_iter().filter_map(move |interval| {
        (close_ms % interval.as_ms() == 0).then_some((interval, close_ms - interval.as_ms()))
    })
}

/// Fills a segment with the candles of minutes, each with its symbols.
pub fn segment(telling: Telling, minutes: &[(i64, Vec<u32>)], more: impl FnOnce(&mut Saying<'_>)) -> Segment {
    let mut segment = Segment::new();
    let mut builder = segment.builder();
    builder.telling(telling);
    more(&mut builder);
    for (minute, symbols) in minutes.iter().filter(|(_, symbols)| !symbols.is_empty()) {
        for (interval, open_ms) in closing(*minute) {
            builder.batch(interval, open_ms).unwrap();
            for symbol in symbols {
                builder
                    .row_from(SymbolId(*symbol), &candle(*symbol, interval, open_ms), 0, telling == Telling::Late)
                    .unwrap();
            }
        }
    }
    builder.finish().unwrap();
    segment
}

/// What the feed has loaded, and how much of it is there if it says so.
pub fn past(minutes: std::ops::Range<i64>, symbols: &[u32], filled: Option<u32>) -> Segment {
    let minutes: Vec<(i64, Vec<u32>)> = minutes.map(|minute| (minute, symbols.to_vec())).collect();
    segment(Telling::History, &minutes, |builder| {
        for interval in filled.iter().flat_map(|_| [Interval::M5, Interval::M1]) {
            builder.filled(interval, filled.unwrap_or_default());
        }
    })
}

/// What else a segment says.
pub type Saying<'a> = vyx_host::market::SegmentBuilder<'a>;

/// Delivers until it is kept.
pub fn deliver(fleet: &Fleet, disk: &mut Disk, segment: &Segment) -> Delivered {
    loop {
        if let Ok(delivered) = fleet.deliver(segment, disk) {
            return delivered;
        }
    }
}

/// Plays minutes of so many symbols, one delivery each.
pub fn play(fleet: &Fleet, disk: &mut Disk, minutes: std::ops::Range<i64>, symbols: &[u32]) {
    for minute in minutes {
        deliver(fleet, disk, &segment(Telling::Live, &[(minute, symbols.to_vec())], |_| {}));
    }
}

/// Minutes at which the trader speaks of a symbol: where a candle closes above the one before.
pub fn ups(symbol: u32, minutes: std::ops::Range<i64>) -> Vec<i64> {
    let close = |minute: i64| candle(symbol, Interval::M1, START_MS + minute * MINUTE_MS)[3];
    minutes.filter(|minute| close(*minute) > close(minute - 1)).collect()
}
