//! A version that takes the place of another after a fault or a wait: what the other one told is not told again, and nothing is lost.

use serde_json::json;
use vyx_host::market::{Interval, Segment, SymbolId, Telling};
use vyx_host::supervisor::{Begin, Fleet};

use super::world::{
    Disk, MINUTE_MS, START_MS, candle, deliver, enter, fleet, id, lines, past, play, poison, segment, status, ups,
};

/// Candles of symbol 0 in time, and of symbol 1 later.
fn without_the_other(fleet: &Fleet, disk: &mut Disk, minute: i64) {
    deliver(fleet, disk, &segment(Telling::Live, &[(minute, vec![0])], |builder| builder.lagging(SymbolId(1))));
}

fn late(fleet: &Fleet, disk: &mut Disk, minutes: std::ops::Range<i64>) {
    let minutes: Vec<(i64, Vec<u32>)> = minutes.map(|minute| (minute, vec![1])).collect();
    deliver(fleet, disk, &segment(Telling::Late, &minutes, |_| {}));
}

/// Open times, in minutes, of the 5m candles that close above the one before.
fn ups_of_5m(symbol: u32, opens: std::ops::Range<i64>) -> Vec<i64> {
    let close = |minute: i64| candle(symbol, Interval::M5, START_MS + minute * MINUTE_MS)[3];
    opens.step_by(5).filter(|minute| close(*minute) > close(minute - 5)).collect()
}

fn told_of_5m(disk: &Disk, symbol: &str) -> Vec<i64> {
    let told = disk.live.iter().filter(|told| told.1 == symbol && told.2 == "5m");
    told.map(|told| (told.3 - START_MS) / MINUTE_MS).collect()
}

/// One symbol is late while the trader waits after a fault. The next instance finds its candles in the warm-up and tells them.
#[test]
fn what_came_late_during_a_wait_is_told_once() {
    let (first, last) = (16, 30);
    assert!(!ups(1, first..first + 1).is_empty(), "the late candle has a signal");
    let (fleet, mut disk) = (fleet(2), Disk::default());
    // Calls before it: one for each minute, and one more for every fifth.
    let params = |number| json!({ "warm_up": 3, "trap_at_call": (first + 1) + (first + 1) / 5 + 1, "number": number });
    enter(&fleet, 1, &params(0), Begin::Anew(None));
    play(&fleet, &mut disk, 0..first, &[0, 1]);
    without_the_other(&fleet, &mut disk, first);
    without_the_other(&fleet, &mut disk, first + 1);
    assert_eq!((status(&fleet, 1).live, status(&fleet, 1).strikes), (false, 1), "it was struck");
    late(&fleet, &mut disk, first..first + 1);
    assert!(!status(&fleet, 1).live, "and waits");
    without_the_other(&fleet, &mut disk, first + 2);
    assert!(disk.minutes("S01USDT", false).contains(&first), "the next instance tells it");
    enter(&fleet, 1, &params(1), Begin::Anew(None));
    without_the_other(&fleet, &mut disk, first + 3);
    late(&fleet, &mut disk, first + 1..first + 4);
    play(&fleet, &mut disk, first + 4..last, &[0, 1]);
    assert_eq!(disk.minutes("S00USDT", false), ups(0, 1..last));
    assert_eq!(disk.minutes("S01USDT", false), ups(1, 1..last));
}

/// The batch of the longer interval was told, and the next one of the same close faults.
#[test]
fn a_batch_before_the_one_at_fault_is_told_once() {
    let (close, last) = (19, 30);
    assert!(!ups_of_5m(0, close - 4..close).is_empty(), "the longer candle has a signal");
    let (fleet, mut disk) = (fleet(2), Disk::default());
    let params = |number| json!({ "warm_up": 3, "trap_at_call": (close + 1) + (close + 1) / 5, "number": number });
    enter(&fleet, 1, &params(0), Begin::Anew(None));
    play(&fleet, &mut disk, 0..close + 1, &[0, 1]);
    assert_eq!((status(&fleet, 1).live, status(&fleet, 1).strikes), (false, 1), "it was struck");
    assert!(told_of_5m(&disk, "S00USDT").contains(&(close - 4)), "and has told the longer candle");
    enter(&fleet, 1, &params(1), Begin::Anew(None));
    play(&fleet, &mut disk, close + 1..last, &[0, 1]);
    for (symbol, name) in [(0, "S00USDT"), (1, "S01USDT")] {
        assert_eq!(told_of_5m(&disk, name), ups_of_5m(symbol, 5..last));
        assert_eq!(disk.minutes(name, false), ups(symbol, 1..last));
    }
}

/// What closed while a trader waited for its history is told when it starts, without a close.
#[test]
fn what_a_start_without_a_close_tells_is_told_once() {
    let (fleet, mut disk) = (fleet(2).waiting_for_history(), Disk::default());
    fleet.bootstrap(&segment(Telling::Live, &[(99, vec![0, 1])], |_| {}));
    enter(&fleet, 1, &json!({ "number": 0 }), Begin::Anew(None));
    play(&fleet, &mut disk, 100..103, &[0, 1]);
    deliver(&fleet, &mut disk, &past(60..100, &[0, 1], Some(40)));
    assert!(status(&fleet, 1).live && !disk.live.is_empty(), "it starts and tells what is news");
    enter(&fleet, 1, &json!({ "number": 1 }), Begin::Anew(None));
    deliver(&fleet, &mut disk, &Segment::new());
    play(&fleet, &mut disk, 103..110, &[0, 1]);
    assert_eq!(disk.minutes("S00USDT", false), ups(0, 100..110));
    assert_eq!(disk.minutes("S01USDT", false), ups(1, 100..110));
}

/// A market in which nobody is in time: every candle of a symbol is judged for it alone.
#[test]
fn where_all_candles_come_late_each_is_told_once() {
    let (fleet, mut disk) = (fleet(2), Disk::default());
    enter(&fleet, 1, &json!({ "number": 0 }), Begin::Anew(None));
    play(&fleet, &mut disk, 0..20, &[0, 1]);
    late(&fleet, &mut disk, 20..24);
    enter(&fleet, 1, &json!({ "number": 1 }), Begin::Anew(None));
    let minutes: Vec<(i64, Vec<u32>)> = (20..24).map(|minute| (minute, vec![0])).collect();
    deliver(&fleet, &mut disk, &segment(Telling::Late, &minutes, |_| {}));
    play(&fleet, &mut disk, 24..30, &[0, 1]);
    assert_eq!(disk.minutes("S00USDT", false), ups(0, 1..30));
    assert_eq!(disk.minutes("S01USDT", false), ups(1, 1..30));
}

/// A symbol that was set aside is tried again, tells what it can, and faults again.
#[test]
fn what_a_symbol_tells_before_it_faults_again_is_told_once() {
    let (fleet, mut disk) = (fleet(2), Disk::default());
    enter(&fleet, 1, &json!({ "warm_up": 3, "poison": poison(&[(1, 16), (1, 22)]) }), Begin::Anew(None));
    play(&fleet, &mut disk, 0..24, &[0, 1]);
    let before = disk.minutes("S01USDT", false);
    // The trial began with 20, before which its instance had seen nothing.
    assert!(!ups(1, 21..22).is_empty() && before.ends_with(&ups(1, 21..22)), "{before:?}");
    enter(&fleet, 1, &json!({ "warm_up": 3, "number": 1 }), Begin::Anew(None));
    play(&fleet, &mut disk, 24..40, &[0, 1]);
    assert_eq!(disk.minutes("S00USDT", false), ups(0, 1..40));
    let told = disk.minutes("S01USDT", false);
    // What lay between the two candles at fault and before the warm-up of the trial was passed over.
    assert_eq!(told, [ups(1, 1..16), ups(1, 21..40)].concat());
    assert!(!status(&fleet, 1).quarantined);
}

/// A trader has more to judge than its warm-up holds, and one symbol of it is poison: the others lose nothing.
#[test]
fn a_fault_while_it_catches_up_costs_the_others_nothing() {
    let (fleet, mut disk) = (fleet(2).waiting_for_history(), Disk::default());
    fleet.bootstrap(&segment(Telling::Live, &[(99, vec![0, 1])], |_| {}));
    enter(&fleet, 1, &json!({ "warm_up": 3, "poison": poison(&[(1, 105)]) }), Begin::Anew(None));
    play(&fleet, &mut disk, 100..130, &[0, 1]);
    deliver(&fleet, &mut disk, &past(60..100, &[0, 1], Some(40)));
    play(&fleet, &mut disk, 130..140, &[0, 1]);
    assert_eq!(disk.minutes("S00USDT", false), ups(0, 100..140));
    let told = disk.minutes("S01USDT", false);
    assert!(told.ends_with(&ups(1, 131..140)), "{told:?}");
    assert!(status(&fleet, 1).last_fault.is_some_and(|fault| fault.symbols == ["S01USDT"]));
}

/// A cooldown that is longer than the warm-up: a new version does not begin it anew.
#[test]
fn a_cooldown_goes_on_in_the_next_version() {
    let (fleet, mut disk) = (fleet(1), Disk::default());
    let params = |number| json!({ "warm_up": 3, "cooldown_candles": 20, "number": number });
    enter(&fleet, 1, &params(0), Begin::Anew(None));
    for minute in 0..120 {
        if minute % 7 == 6 {
            enter(&fleet, 1, &params(minute), Begin::Anew(None));
        }
        play(&fleet, &mut disk, minute..minute + 1, &[0]);
    }
    let told = disk.minutes("S00USDT", false);
    assert!(told.len() >= 4 && told.windows(2).all(|pair| pair[1] - pair[0] > 20), "{told:?}");
}

/// Whoever stops a faulty trader may be quicker than whoever reads what it wrote.
#[test]
fn the_last_words_of_a_stopped_trader_are_kept() {
    let (fleet, mut disk) = (fleet(1), Disk::default());
    enter(&fleet, 1, &json!({ "poison": poison(&[(0, 3)]) }), Begin::Anew(None));
    play(&fleet, &mut disk, 0..5, &[0]);
    fleet.remove(id(1));
    let said = lines(&fleet);
    assert!(said.iter().any(|line| line.starts_with("trader 1: ") && line.contains("S00USDT at ")), "{said:?}");
    assert!(lines(&fleet).is_empty());
}
