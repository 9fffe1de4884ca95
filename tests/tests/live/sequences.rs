//! Random sequences of what a live feed says, beside the same candles in order: every signal is told, and told as news.

use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::{Value, json};
use vyx_host::market::{Segment, SymbolId, Telling};
use vyx_host::supervisor::{Begin, Fleet};

use super::world::{self, Disk, MINUTE_MS, START_MS, Told, deliver, enter, fleet, segment, status};

const SYMBOLS: u32 = 4;
const MINUTES: i64 = 150;
/// Nobody lags longer: a trader that was struck looks back as far as its warm-up, and no further.
const LONGEST_LAG: i64 = 5;
const TRADERS: u8 = 4;
/// One of them loses what lies near a candle at which it faults, of this symbol alone; what it tells, it tells once.
const POISONED: u8 = 4;
/// Calls of an instance before it traps: at any batch of a close, and seldom enough that nobody is quarantined.
const TRAPS: std::ops::Range<u32> = 50..90;
/// Minutes after those that count: time for a trader that was struck at the end to come back.
const AFTER: i64 = 6;

/// What happens at a minute.
#[derive(Debug, Clone)]
struct Step {
    /// Symbols that begin to lag, and for how many minutes.
    lags: Vec<(u32, i64)>,
    /// How many of the minutes that a symbol lacks come in one segment.
    in_one: usize,
    refusals: u8,
    then: Then,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Then {
    Nothing,
    /// The host stops and goes on where it was.
    Restart,
    /// Another version of this trader takes its place.
    Swap(u8),
    /// Traders that wait are started.
    Idle,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let lag = (1..SYMBOLS, 1..=LONGEST_LAG);
    let then = prop_oneof![
        20 => Just(Then::Nothing),
        1 => Just(Then::Restart),
        2 => (1..=TRADERS).prop_map(Then::Swap),
        2 => Just(Then::Idle),
    ];
    let lags = prop_oneof![5 => Just(Vec::new()), 1 => proptest::collection::vec(lag, 1..3)];
    let refusals = prop_oneof![6 => Just(0_u8), 1 => 1..4_u8];
    let step = (lags, 1..4_usize, refusals, then).prop_map(|(lags, in_one, refusals, then)| Step {
        lags,
        in_one,
        refusals,
        then,
    });
    proptest::collection::vec(step, MINUTES as usize)
}

/// What makes traders fault.
#[derive(Debug, Clone, Default)]
struct Faults {
    trap_at_call: u32,
    /// Symbols and minutes.
    poison: Vec<(u32, i64)>,
}

/// Fewer than lead to quarantine.
fn faults() -> impl Strategy<Value = Faults> {
    let poison = proptest::collection::vec((1..SYMBOLS, 20..MINUTES), 0..4);
    (TRAPS, poison).prop_map(|(trap_at_call, poison)| Faults { trap_at_call, poison })
}

/// One that never faults, one that traps now and then, one that wants some symbols only, one that cannot bear some candles.
fn params(trader: u8, version: i64, faults: &Faults) -> Value {
    match trader {
        1 => json!({ "number": version }),
        2 => json!({ "number": version, "trap_at_call": faults.trap_at_call }),
        POISONED => json!({ "number": version, "poison": world::poison(&faults.poison) }),
        _ => json!({ "number": version, "only": "S00USDT,S02USDT" }),
    }
}

fn new_fleet(faults: &Faults, begin: impl Fn(u8) -> Begin) -> Fleet {
    let fleet = fleet(SYMBOLS);
    (1..=TRADERS).for_each(|trader| enter(&fleet, trader, &params(trader, 0, faults), begin(trader)));
    fleet
}

/// All candles, in order.
fn in_order() -> BTreeSet<Told> {
    let (fleet, mut disk) = (new_fleet(&Faults::default(), |_| Begin::Anew(None)), Disk::default());
    world::play(&fleet, &mut disk, 0..MINUTES + AFTER, &[0, 1, 2, 3]);
    within(disk.set())
}

/// What the feed has not told yet of each symbol.
struct Feed {
    missing: Vec<Vec<i64>>,
    lags_until: Vec<i64>,
}

impl Feed {
    fn new() -> Self {
        Self { missing: vec![Vec::new(); SYMBOLS as usize], lags_until: vec![0; SYMBOLS as usize] }
    }

    /// What comes late before this minute, in pieces.
    fn late(&mut self, minute: i64, in_one: usize) -> Vec<Segment> {
        let mut pieces = Vec::new();
        for symbol in 0..SYMBOLS {
            let missing = &mut self.missing[symbol as usize];
            let all = self.lags_until[symbol as usize] <= minute;
            while !missing.is_empty() && (all || missing.len() > in_one) {
                let minutes: Vec<(i64, Vec<u32>)> =
                    missing.drain(..in_one.min(missing.len())).map(|minute| (minute, vec![symbol])).collect();
                pieces.push(segment(Telling::Late, &minutes, |_| {}));
            }
        }
        pieces
    }

    fn live(&mut self, minute: i64) -> Segment {
        let (mut here, mut lagging) = (Vec::new(), Vec::new());
        for symbol in 0..SYMBOLS {
            let missing = &mut self.missing[symbol as usize];
            if self.lags_until[symbol as usize] > minute || !missing.is_empty() {
                missing.push(minute);
                lagging.push(symbol);
            } else {
                here.push(symbol);
            }
        }
        segment(Telling::Live, &[(minute, here)], |builder| {
            lagging.iter().for_each(|symbol| builder.lagging(SymbolId(*symbol)));
        })
    }
}

/// What was told live; the same id twice counts as a fault unless the host was stopped between.
fn disturbed(steps: &[Step], faults: &Faults) -> Result<BTreeSet<Told>, TestCaseError> {
    let mut fleet = new_fleet(faults, |_| Begin::Anew(None));
    let (mut disk, mut feed) = (Disk::default(), Feed::new());
    let mut told = BTreeSet::new();
    let mut since_start = 0;
    for (minute, step) in (0..).zip(steps) {
        for late in feed.late(minute, step.in_one) {
            deliver(&fleet, &mut disk, &late);
        }
        for (symbol, minutes) in &step.lags {
            let until = &mut feed.lags_until[*symbol as usize];
            *until = (*until).max(minute + minutes).min(minute + LONGEST_LAG);
        }
        // One that lags is not let lag longer by another word.
        for symbol in 0..SYMBOLS as usize {
            if let Some(first) = feed.missing[symbol].first() {
                feed.lags_until[symbol] = feed.lags_until[symbol].min(first + LONGEST_LAG);
            }
        }
        disk.refuse = step.refusals;
        deliver(&fleet, &mut disk, &feed.live(minute));
        match step.then {
            Then::Nothing => {}
            Then::Idle => {
                deliver(&fleet, &mut disk, &Segment::new());
            }
            Then::Swap(trader) => enter(&fleet, trader, &params(trader, minute + 1, faults), Begin::Anew(None)),
            Then::Restart => {
                check(&fleet)?;
                unique(&disk.live[since_start..])?;
                since_start = disk.live.len();
                told.extend(disk.set());
                fleet = new_fleet(faults, |trader| disk.resume(world::id(trader)));
                // What all have judged is history; the rest is told again, and nobody lags any more.
                let least_ms = disk.judged.values().min().copied().unwrap().max(START_MS - 1);
                let judged = (least_ms + 1 - START_MS) / MINUTE_MS;
                disk.close_ms = 0;
                for before in 0..judged {
                    fleet.bootstrap(&segment(Telling::Live, &[(before, vec![0, 1, 2, 3])], |_| {}));
                }
                feed = Feed::new();
                world::play(&fleet, &mut disk, judged..minute + 1, &[0, 1, 2, 3]);
            }
        }
    }
    for symbol in &mut feed.lags_until {
        *symbol = 0;
    }
    for late in feed.late(MINUTES, 3) {
        deliver(&fleet, &mut disk, &late);
    }
    world::play(&fleet, &mut disk, MINUTES..MINUTES + AFTER, &[0, 1, 2, 3]);
    check(&fleet)?;
    unique(&disk.live[since_start..])?;
    told.extend(disk.set());
    Ok(within(told))
}

fn within(mut told: BTreeSet<Told>) -> BTreeSet<Told> {
    told.retain(|(.., open_ms)| *open_ms < START_MS + MINUTES * MINUTE_MS);
    told
}

fn unique(told: &[Told]) -> Result<(), TestCaseError> {
    let mut seen = BTreeSet::new();
    for told in told {
        prop_assert!(seen.insert(told), "told twice: {told:?}");
    }
    Ok(())
}

fn check(fleet: &Fleet) -> Result<(), TestCaseError> {
    prop_assert_eq!(fleet.history_copies(), 0);
    for trader in 1..=TRADERS {
        let status = status(fleet, trader);
        prop_assert!(!status.quarantined, "{}: {:?}", status.name, status.last_fault);
        let is_expected = status
            .last_fault
            .as_ref()
            .is_none_or(|fault| ["call ", " at "].iter().any(|why| fault.reason.contains(why)));
        prop_assert!(is_expected, "{}: {:?}", status.name, status.last_fault);
    }
    Ok(())
}

#[test]
fn whatever_comes_late_every_signal_is_told_once_and_as_news() {
    let whole = in_order();
    assert!(whole.len() > 800, "{}", whole.len());
    let config =
        ProptestConfig { cases: 48, failure_persistence: None, max_shrink_iters: 300, ..ProptestConfig::default() };
    proptest!(config, |(steps in steps(), faults in faults())| {
        let told = disturbed(&steps, &faults)?;
        let is_spared = |told: &&Told| told.0 != world::id(POISONED) || told.1 == world::name(0);
        let lost: Vec<_> = whole.difference(&told).filter(is_spared).collect();
        let invented: Vec<_> = told.difference(&whole).collect();
        prop_assert!(lost.is_empty() && invented.is_empty(), "lost {lost:?}, invented {invented:?}");
    });
}
