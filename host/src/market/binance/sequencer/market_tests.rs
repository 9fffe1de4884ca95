//! A random market with all faults at once: whatever happens, each symbol is told what the archive has.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::market::binance::wire::Kline;
use crate::market::segment::{Segment, Telling};

const MINUTE: i64 = 60_000;
const START: i64 = 1_735_689_600_000;
const LANES: [Interval; 3] = [Interval::M15, Interval::M5, Interval::M1];
const FORMING: f64 = 9e9;

/// Of a thousand candles or questions so many; and times in milliseconds.
#[derive(Clone, Debug, Default)]
struct Faults {
    dropped: u64,
    repeated: u64,
    early_x: u64,
    holes: u64,
    failed: u64,
    /// Longest delay of the socket.
    delay_ms: u64,
    /// After its close, until REST has a candle.
    rest_ms: u64,
    /// Longest way of a question and its answer.
    answer_ms: u64,
    /// Nothing at all is heard; only the socket is silent.
    outages: Vec<(i64, i64)>,
    silences: Vec<(i64, i64)>,
    /// When further symbols join, milliseconds after the start, and how long they stay.
    joins: Vec<(i64, i64)>,
}

impl Faults {
    fn is_out(&self, at_ms: i64) -> bool {
        self.outages.iter().any(|(from, until)| (*from..*until).contains(&(at_ms - START)))
    }

    fn is_silent(&self, at_ms: i64) -> bool {
        self.is_out(at_ms) || self.silences.iter().any(|(from, until)| (*from..*until).contains(&(at_ms - START)))
    }
}

struct Random(u64);

impl Random {
    fn below(&mut self, below: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % below.max(1)
    }

    fn of_thousand(&mut self, often: u64) -> bool {
        self.below(1_000) < often
    }
}

#[derive(Clone, Debug)]
enum Event {
    Look,
    Join(u32),
    Leave(u32),
    Candle { symbol: u32, interval: Interval, open_ms: i64, values: Values, is_closed: bool },
    Answer(Ask),
}

type Key = (u32, Interval, i64);

struct Market {
    symbols: u32,
    minutes: i64,
    faults: Faults,
    random: Random,
    holes: BTreeSet<Key>,
    rest_from_ms: BTreeMap<Key, i64>,
}

fn values_of((symbol, interval, open_ms): Key) -> Values {
    let price = 10.0 + f64::from(symbol) + (open_ms - START) as f64 / 1e9 + interval.ordinal() as f64 / 1e3;
    [price, price, price, price, 1.0, price, 0.5, 7.0]
}

impl Market {
    fn exists(&self, key: Key) -> bool {
        !self.holes.contains(&key)
    }

    fn rows(&self, ask: &Ask, now_ms: i64) -> Vec<Kline> {
        let (symbol, interval) = (ask.symbol.0, ask.interval);
        let first_ms = interval.open_of(ask.from_ms + interval.as_ms() - 1);
        let opens =
            (0..1_000).map(|number| first_ms + number * interval.as_ms()).take_while(|open_ms| *open_ms <= now_ms);
        let is_there = |open_ms: &i64| {
            let key = (symbol, interval, *open_ms);
            self.exists(key) && self.rest_from_ms.get(&key).is_none_or(|from_ms| *from_ms <= now_ms)
        };
        let row = |open_ms| {
            let is_closed = interval.close_of(open_ms) < now_ms;
            let values = if is_closed { values_of((symbol, interval, open_ms)) } else { [FORMING; 8] };
            Kline { open_ms, values }
        };
        opens.filter(is_there).map(row).collect()
    }

    fn events(&mut self) -> BTreeMap<(i64, u64), Event> {
        let mut events = BTreeMap::new();
        let mut number = 0;
        let mut put = |at_ms: i64, event: Event| {
            number += 1;
            events.insert((at_ms, number), event);
        };
        let until_ms = START + (self.minutes + 3) * MINUTE;
        for at_ms in (START..until_ms).step_by(500) {
            put(at_ms, Event::Look);
        }
        for (symbol, (at_ms, stays_ms)) in (self.symbols..).zip(&self.faults.joins) {
            put(START + at_ms, Event::Join(symbol));
            put(START + at_ms + stays_ms, Event::Leave(symbol));
        }
        for symbol in 0..self.symbols + self.faults.joins.len() as u32 {
            for interval in LANES {
                for open_ms in (START..START + self.minutes * MINUTE).step_by(interval.as_ms() as usize) {
                    let key = (symbol, interval, open_ms);
                    let close_ms = interval.close_of(open_ms);
                    if self.random.of_thousand(self.faults.holes) {
                        self.holes.insert(key);
                        continue;
                    }
                    self.rest_from_ms.insert(key, close_ms + 1 + self.random.below(self.faults.rest_ms + 1) as i64);
                    let candle = |values, is_closed| Event::Candle { symbol, interval, open_ms, values, is_closed };
                    if self.random.of_thousand(self.faults.early_x) {
                        put(close_ms - self.random.below(20_000) as i64, candle([FORMING; 8], true));
                    }
                    put(close_ms - 1_000, candle([FORMING; 8], false));
                    let times = if self.random.of_thousand(self.faults.dropped) {
                        0
                    } else {
                        1 + usize::from(self.random.of_thousand(self.faults.repeated))
                    };
                    for _ in 0..times {
                        let delay_ms = 1 + self.random.below(self.faults.delay_ms + 1) as i64;
                        put(close_ms + delay_ms, candle(values_of(key), true));
                    }
                }
            }
        }
        events
    }
}

/// What was told so far, checked as it comes.
#[derive(Default)]
struct Told {
    last_live_ms: i64,
    /// Symbols that everybody knows.
    here: BTreeSet<u32>,
    next_id: u32,
    past: BTreeSet<Key>,
    last: BTreeMap<u32, (i64, Reverse<Interval>)>,
    candles: BTreeSet<Key>,
    gaps: BTreeSet<Key>,
    lagging: BTreeSet<u32>,
    late: usize,
    named_lagging: usize,
}

impl Told {
    fn take(&mut self, segment: &Segment, now_ms: i64) {
        for (symbol, _) in segment.joined() {
            assert_eq!(symbol.0, self.next_id, "ids without a gap");
            self.next_id += 1;
            self.here.insert(symbol.0);
        }
        if segment.telling() == Telling::History {
            for batch in segment.closes().flat_map(|close| close.batches()) {
                for (symbol, values, _) in batch.rows() {
                    let key = (symbol.0, batch.interval, batch.open_time_ms);
                    assert_eq!(*values, values_of(key));
                    assert!(!self.candles.contains(&key), "what was told is not history");
                    self.past.insert(key);
                }
            }
            return;
        }
        let is_live = segment.telling() == Telling::Live;
        let lagging: BTreeSet<u32> = segment.lagging().iter().map(|symbol| symbol.0).collect();
        if is_live {
            assert!(segment.lagging().is_sorted());
            self.named_lagging += lagging.len();
            self.lagging = lagging;
        } else {
            assert_eq!(segment.len(), 1, "one close at a time");
            self.late += segment.candles();
        }
        for close in segment.closes() {
            let close_ms = close.close_time_ms();
            assert!(close_ms < now_ms, "told before its close");
            if is_live {
                assert!(close_ms > self.last_live_ms, "live closes rise");
                self.last_live_ms = close_ms;
            } else {
                // The others may have had nothing at this close.
                self.last_live_ms = self.last_live_ms.max(close_ms);
            }
            for gap in close.gaps() {
                for open_ms in (gap.from_open_ms..gap.until_open_ms).step_by(gap.interval.as_ms() as usize) {
                    assert!(self.gaps.insert((gap.symbol.0, gap.interval, open_ms)), "each hole is told once");
                }
            }
            for batch in close.batches() {
                for (symbol, values, _) in batch.rows() {
                    let key = (symbol.0, batch.interval, batch.open_time_ms);
                    assert!(!segment.gone().contains(&symbol), "who goes has been told all");
                    assert!(self.here.contains(&symbol.0), "nobody is told of a symbol before it has joined");
                    assert_eq!(self.lagging.contains(&symbol.0), !is_live, "who lags is told late: {key:?}");
                    assert_eq!(*values, values_of(key));
                    let place = (close_ms, Reverse(batch.interval));
                    assert!(self.last.get(&symbol.0).is_none_or(|last| *last < place), "in order within a symbol");
                    self.last.insert(symbol.0, place);
                    assert!(self.candles.insert(key), "each once");
                }
            }
        }
        for symbol in segment.gone() {
            assert!(self.here.remove(&symbol.0), "who goes was there");
        }
    }
}

fn run(symbols: u32, minutes: i64, seed: u64, faults: Faults) -> Told {
    let mut market = Market {
        symbols,
        minutes,
        faults,
        random: Random(seed | 1),
        holes: BTreeSet::new(),
        rest_from_ms: BTreeMap::new(),
    };
    let mut events = market.events();
    let mut sequencer = Sequencer::new(START - 1, START);
    for symbol in 0..symbols {
        sequencer.with(SymbolId(symbol), &format!("S{symbol}"));
    }
    for interval in LANES {
        sequencer.want(interval, 0);
    }
    sequencer.begin();
    let mut told = Told { here: (0..symbols).collect(), next_id: symbols, ..Told::default() };
    let (mut on_the_way, mut number) = (BTreeSet::new(), 1 << 40);
    while let Some(((at_ms, _), event)) = events.pop_first() {
        let is_out = market.faults.is_out(at_ms);
        match event {
            Event::Look if is_out => continue,
            Event::Look => sequencer.clock(at_ms),
            Event::Join(symbol) => sequencer.join(SymbolId(symbol), &format!("S{symbol}")),
            // Nobody says so meanwhile.
            Event::Leave(_) if is_out => continue,
            Event::Leave(symbol) => sequencer.leave(SymbolId(symbol)),
            Event::Candle { .. } if market.faults.is_silent(at_ms) => continue,
            Event::Candle { symbol, interval, open_ms, values, is_closed } => {
                sequencer.clock(at_ms);
                sequencer.candle(SymbolId(symbol), interval, open_ms, values, (is_closed, at_ms));
            }
            Event::Answer(ask) => {
                assert!(on_the_way.remove(&(ask.symbol, ask.interval, ask.from_ms)));
                if is_out || market.random.of_thousand(market.faults.failed) {
                    sequencer.failed(&ask);
                } else {
                    let rows = market.rows(&ask, at_ms);
                    sequencer.answered(&ask, &rows, rows.len() >= 1_000);
                }
            }
        }
        while on_the_way.len() < 8 {
            let live = sequencer.ask_live(|_, _| true);
            let Some(ask) = live.or_else(|| sequencer.ask_history(|_, _| true)) else { break };
            let is_new = on_the_way.insert((ask.symbol, ask.interval, ask.from_ms));
            assert!(is_new, "nothing is asked twice at once");
            let way_ms = 20 + market.random.below(market.faults.answer_ms + 1) as i64;
            number += 1;
            events.insert((at_ms + way_ms, number), Event::Answer(ask));
        }
        let mut segment = Segment::new();
        let most = 1 + market.random.below(64) as usize;
        while sequencer.next(most, &mut segment).unwrap() {
            told.take(&segment, at_ms);
        }
    }
    let surely_ms = START + minutes * MINUTE;
    for symbol in 0..symbols {
        for interval in LANES {
            let is_of = |key: &&Key| (key.0, key.1) == (symbol, interval);
            let last_ms = told.candles.iter().filter(is_of).map(|key| key.2).max().unwrap_or(START);
            for open_ms in (START..surely_ms - interval.as_ms() + 1).step_by(interval.as_ms() as usize) {
                let key = (symbol, interval, open_ms);
                assert_eq!(
                    told.candles.contains(&key),
                    market.exists(key),
                    "{key:?} at {}",
                    (open_ms - START) / MINUTE
                );
                assert_eq!(told.gaps.contains(&key), !market.exists(key) && open_ms < last_ms, "gap {key:?}");
            }
        }
    }
    check_joined(&told, &market);
    told
}

/// One that has joined was told everything: as history what closed before, and all after its first close.
fn check_joined(told: &Told, market: &Market) {
    for (symbol, (at_ms, stays_ms)) in (market.symbols..).zip(&market.faults.joins) {
        let left_ms = START + at_ms + stays_ms - 2 * MINUTE;
        let until_ms = left_ms.min(START + market.minutes * MINUTE);
        for interval in LANES {
            let of = |keys: &BTreeSet<Key>| -> Vec<i64> {
                keys.iter().filter(|key| (key.0, key.1) == (symbol, interval)).map(|key| key.2).collect()
            };
            let (past, live) = (of(&told.past), of(&told.candles));
            let (Some(first_ms), Some(from_ms)) = (live.first(), past.first()) else { continue };
            assert!(*from_ms < START, "history reaches back");
            for open_ms in (START..until_ms - interval.as_ms() + 1).step_by(interval.as_ms() as usize) {
                let keys = if open_ms < *first_ms { &told.past } else { &told.candles };
                let key = (symbol, interval, open_ms);
                assert_eq!(keys.contains(&key), market.exists(key), "{key:?} of one that joined");
            }
        }
    }
}

fn spans() -> impl Strategy<Value = Vec<(i64, i64)>> {
    proptest::collection::vec((0..30 * MINUTE, 1_000..9 * MINUTE), 0..3)
        .prop_map(|spans| spans.into_iter().map(|(from, length)| (from, from + length)).collect())
}

fn joins() -> impl Strategy<Value = Vec<(i64, i64)>> {
    proptest::collection::vec((0..30 * MINUTE, 0..40 * MINUTE), 0..4).prop_map(|mut joins| {
        // Ids are given as they come.
        joins.sort_unstable();
        joins
    })
}

prop_compose! {
    fn any_faults()(
        dropped in 0..500_u64, repeated in 0..500_u64, early_x in 0..300_u64, holes in prop_oneof![Just(0), 0..300_u64],
        failed in 0..500_u64, delay_ms in 0..90_000_u64, rest_ms in 0..29_000_u64, answer_ms in 0..9_000_u64,
        outages in spans(), silences in spans(), joins in joins(),
    ) -> Faults {
        Faults { dropped, repeated, early_x, holes, failed, delay_ms, rest_ms, answer_ms, outages, silences, joins }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_is_told_equals_the_archive(symbols in 1..6_u32, seed: u64, faults in any_faults()) {
        run(symbols, 40, seed, faults);
    }

    #[test]
    fn delays_inside_the_deadline_make_nobody_late(
        symbols in 1..6_u32, seed: u64, dropped in 0..700_u64, repeated in 0..500_u64, early_x in 0..300_u64,
        delay_ms in 0..8_000_u64, rest_ms in 0..1_500_u64, answer_ms in 0..800_u64,
    ) {
        let faults = Faults { dropped, repeated, early_x, delay_ms, rest_ms, answer_ms, ..Faults::default() };
        let told = run(symbols, 40, seed, faults);
        prop_assert_eq!((told.late, told.named_lagging), (0, 0));
    }

    #[test]
    fn an_outage_of_everything_leaves_nobody_behind(symbols in 1..6_u32, seed: u64, outages in spans(), answer_ms in 0..800_u64) {
        let faults = Faults { outages, answer_ms, delay_ms: 500, ..Faults::default() };
        let told = run(symbols, 40, seed, faults);
        prop_assert_eq!((told.late, told.named_lagging), (0, 0));
    }
}
