//! What the host holds back: the same whether candles are replayed in one piece, come close by close, or come late, and over a restart.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use vyx_host::market::{SymbolId, Telling};
use vyx_host::supervisor::{Begin, Fleet};

use super::world::{Disk, MINUTE_MS, START_MS, Told, candle, closing, deliver, enter, fleet, id, segment, status};

const SYMBOLS: u32 = 4;
const MINUTES: i64 = 120;

/// Rules, with what the trader is told of them.
#[derive(Debug, Clone, Copy, Default)]
struct Rules {
    cooldown_candles: i64,
    cooldown_minutes: i64,
    on_transition: bool,
    max_per_run: usize,
}

impl Rules {
    fn params(self) -> Value {
        json!({
            "cooldown_candles": self.cooldown_candles,
            "cooldown_minutes": self.cooldown_minutes,
            "on_transition": i64::from(self.on_transition),
            "max_per_run": self.max_per_run,
        })
    }

    /// What is left of the signals, by the plainest reading of the rules.
    fn expected(self) -> BTreeSet<Told> {
        let mut last_close: BTreeMap<(u32, &str), f64> = BTreeMap::new();
        let mut emitted: BTreeMap<(u32, &str), i64> = BTreeMap::new();
        let mut kept: BTreeMap<(u32, &str), i64> = BTreeMap::new();
        let mut told = BTreeSet::new();
        for minute in 0..MINUTES {
            for (interval, open_ms) in closing(minute) {
                let mut in_run = 0;
                for symbol in 0..SYMBOLS {
                    let key = (symbol, interval.as_str());
                    let close = candle(symbol, interval, open_ms)[3];
                    let is_up = last_close.insert(key, close).is_some_and(|last| close > last);
                    if !is_up {
                        continue;
                    }
                    let before = emitted.insert(key, open_ms);
                    let follows = before == Some(open_ms - interval.as_ms());
                    let since_ms = kept.get(&key).map(|kept| open_ms - kept);
                    let cools = since_ms.is_some_and(|since_ms| {
                        since_ms <= self.cooldown_candles * interval.as_ms()
                            || since_ms < self.cooldown_minutes * MINUTE_MS
                    });
                    let is_full = self.max_per_run > 0 && in_run >= self.max_per_run;
                    if cools || is_full || (self.on_transition && follows) {
                        continue;
                    }
                    in_run += 1;
                    kept.insert(key, open_ms);
                    told.insert((id(1), super::world::name(symbol), interval.as_str(), open_ms));
                }
            }
        }
        told
    }
}

/// All rules, alone and together.
fn rules() -> Vec<Rules> {
    let none = Rules::default();
    vec![
        none,
        Rules { cooldown_candles: 3, ..none },
        Rules { cooldown_minutes: 7, ..none },
        Rules { cooldown_candles: 1, cooldown_minutes: 12, ..none },
        Rules { on_transition: true, ..none },
        Rules { on_transition: true, cooldown_candles: 4, ..none },
        Rules { max_per_run: 1, ..none },
        Rules { max_per_run: 2, on_transition: true, cooldown_minutes: 3, ..none },
    ]
}

fn started(rules: Rules, begin: Begin) -> Fleet {
    let fleet = fleet(SYMBOLS);
    enter(&fleet, 1, &rules.params(), begin);
    fleet
}

fn all() -> Vec<u32> {
    (0..SYMBOLS).collect()
}

/// As `vyx test` does it: a run of closes in one delivery.
fn replayed(rules: Rules) -> Disk {
    let (fleet, mut disk) = (started(rules, Begin::Anew(None)), Disk::default());
    for from in (0..MINUTES).step_by(50) {
        let minutes: Vec<(i64, Vec<u32>)> = (from..MINUTES.min(from + 50)).map(|minute| (minute, all())).collect();
        deliver(&fleet, &mut disk, &segment(Telling::Live, &minutes, |_| {}));
    }
    assert_eq!(status(&fleet, 1).last_fault, None);
    disk
}

/// As a live host does it: close by close, some of them not kept at first, and started again on the way.
fn live(rules: Rules) -> Disk {
    let (mut fleet, mut disk) = (started(rules, Begin::Anew(None)), Disk::default());
    for minute in 0..MINUTES {
        if minute == 47 || minute == 90 {
            fleet = started(rules, disk.resume(id(1)));
            for before in 0..minute {
                fleet.bootstrap(&segment(Telling::Live, &[(before, all())], |_| {}));
            }
        }
        disk.refuse = u8::from(minute % 11 == 3);
        deliver(&fleet, &mut disk, &segment(Telling::Live, &[(minute, all())], |_| {}));
    }
    assert_eq!(status(&fleet, 1).last_fault, None);
    disk
}

/// Close by close, with two symbols that come late, each in a piece of its own.
fn late(rules: Rules) -> Disk {
    let (fleet, mut disk) = (started(rules, Begin::Anew(None)), Disk::default());
    let lags = |symbol: u32, minute: i64| match symbol {
        0 => (20..26).contains(&minute) || (70..73).contains(&minute),
        2 => (23..40).contains(&minute),
        _ => false,
    };
    let mut waiting: BTreeMap<u32, Vec<i64>> = BTreeMap::new();
    for minute in 0..MINUTES {
        for symbol in all() {
            if lags(symbol, minute) {
                waiting.entry(symbol).or_default().push(minute);
            } else if let Some(minutes) = waiting.remove(&symbol) {
                let minutes: Vec<(i64, Vec<u32>)> = minutes.into_iter().map(|minute| (minute, vec![symbol])).collect();
                disk.refuse = 1;
                deliver(&fleet, &mut disk, &segment(Telling::Late, &minutes, |_| {}));
            }
        }
        let here: Vec<u32> = all().into_iter().filter(|symbol| !lags(*symbol, minute)).collect();
        let live = segment(Telling::Live, &[(minute, here)], |builder| {
            waiting.keys().for_each(|symbol| builder.lagging(SymbolId(*symbol)));
        });
        deliver(&fleet, &mut disk, &live);
    }
    assert_eq!(status(&fleet, 1).last_fault, None);
    disk
}

/// How many were told at each close of each interval.
fn runs(told: &BTreeSet<Told>) -> BTreeMap<(&str, i64), usize> {
    let mut runs = BTreeMap::new();
    for (_, _, interval, open_ms) in told {
        *runs.entry((*interval, *open_ms)).or_default() += 1;
    }
    runs
}

#[test]
fn what_is_held_back_is_the_same_replayed_and_live() {
    for rules in rules() {
        let expected = rules.expected();
        assert!(expected.len() > 60, "{rules:?}: {}", expected.len());
        let (replayed, live) = (replayed(rules), live(rules));
        for (how, disk) in [("replayed", &replayed), ("live", &live)] {
            let told = disk.set();
            assert_eq!(told.len(), disk.live.len(), "{rules:?}, {how}: something was told twice");
            let lost: Vec<_> = expected.difference(&told).take(3).collect();
            let invented: Vec<_> = told.difference(&expected).take(3).collect();
            assert!(lost.is_empty() && invented.is_empty(), "{rules:?}, {how}: lost {lost:?}, invented {invented:?}");
        }
    }
}

/// Which symbols get the room of a close depends on who was there first; how many get it does not, and no other close pays for it.
#[test]
fn a_late_candle_is_held_back_as_it_would_have_been_in_time() {
    for rules in rules() {
        let (expected, told) = (rules.expected(), late(rules).set());
        if rules.max_per_run == 0 {
            assert_eq!(told, expected, "{rules:?}");
            continue;
        }
        let (expected_runs, told_runs) = (runs(&expected), runs(&told));
        assert!(told_runs.values().all(|count| *count <= rules.max_per_run), "{rules:?}: {told_runs:?}");
        let lag_ms = START_MS + 20 * MINUTE_MS;
        let before = |runs: &BTreeMap<(&str, i64), usize>| {
            runs.iter()
                .filter(|((_, open_ms), _)| *open_ms < lag_ms)
                .map(|(run, count)| (run.1, *count))
                .collect::<Vec<_>>()
        };
        assert_eq!(before(&told_runs), before(&expected_runs));
        if !rules.on_transition && rules.cooldown_candles == 0 && rules.cooldown_minutes == 0 {
            // Without other rules each close has as many as it would have had in time.
            assert_eq!(told_runs, expected_runs, "{rules:?}");
        }
    }
}
