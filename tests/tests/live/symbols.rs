//! Symbols that come and go.

use serde_json::json;
use vyx_host::market::{SymbolId, Telling};
use vyx_host::signal::StampedSignal;
use vyx_host::supervisor::Begin;

use super::world::{Disk, MINUTE_MS, START_MS, deliver, enter, fleet, id, lines, name, play, segment, status, ups};

/// What a symbol did before it joined, and its first candle with it.
fn join(fleet: &vyx_host::supervisor::Fleet, disk: &mut Disk, symbol: u32, minute: i64, others: &[u32]) {
    let past: Vec<(i64, Vec<u32>)> = (minute - 20..minute).map(|minute| (minute, vec![symbol])).collect();
    deliver(fleet, disk, &segment(Telling::History, &past, |_| {}));
    let mut here = others.to_vec();
    here.push(symbol);
    let joins = segment(Telling::Live, &[(minute, here)], |builder| builder.joined(SymbolId(symbol), &name(symbol)));
    deliver(fleet, disk, &joins);
}

fn leave(fleet: &vyx_host::supervisor::Fleet, disk: &mut Disk, symbol: u32, minute: i64, others: &[u32]) {
    let goes = segment(Telling::Live, &[(minute, others.to_vec())], |builder| builder.gone(SymbolId(symbol)));
    deliver(fleet, disk, &goes);
}

#[test]
fn a_symbol_that_joins_is_warmed_up_alone_and_tells_its_past_as_history() {
    let (fleet, mut disk) = (fleet(2), Disk::default());
    enter(&fleet, 1, &json!({}), Begin::Anew(None));
    play(&fleet, &mut disk, 0..30, &[0, 1]);
    assert_eq!(lines(&fleet), ["trader 1: init S00USDT S01USDT"]);
    let before = disk.minutes("S00USDT", true);
    join(&fleet, &mut disk, 2, 30, &[0, 1]);
    play(&fleet, &mut disk, 31..40, &[0, 1, 2]);
    assert_eq!(lines(&fleet), ["trader 1: came 2 S02USDT"]);
    // Its first candle that the instance sees is that of the beginning of the warm-up.
    assert_eq!(disk.minutes("S02USDT", true), ups(2, 21..30));
    assert_eq!(disk.minutes("S02USDT", false), ups(2, 30..40));
    assert_eq!(disk.minutes("S00USDT", true), before, "the others have told theirs");
    assert_eq!(disk.minutes("S00USDT", false), ups(0, 1..40));
    let status = status(&fleet, 1);
    assert_eq!((status.counts.instances, status.last_fault), (1, None));

    leave(&fleet, &mut disk, 1, 40, &[0, 2]);
    play(&fleet, &mut disk, 41..45, &[0, 2]);
    assert_eq!(lines(&fleet), ["trader 1: gone 1 S01USDT"]);
    assert_eq!(disk.minutes("S01USDT", false), ups(1, 1..40));
    assert_eq!(fleet.history_size().streams, 4, "nothing of it is kept");

    // It comes back as another one; whoever starts now hears of those alone that are on offer.
    let past: Vec<(i64, Vec<u32>)> = (25..45).map(|minute| (minute, vec![3])).collect();
    deliver(&fleet, &mut disk, &segment(Telling::History, &past, |_| {}));
    let joins = segment(Telling::Live, &[(45, vec![0, 2, 3])], |builder| builder.joined(SymbolId(3), "S01USDT"));
    deliver(&fleet, &mut disk, &joins);
    assert_eq!(lines(&fleet), ["trader 1: came 3 S01USDT"]);
    enter(&fleet, 2, &json!({}), Begin::Anew(None));
    play(&fleet, &mut disk, 46..50, &[0, 2, 3]);
    assert_eq!(lines(&fleet), ["trader 2: init S00USDT S02USDT S01USDT"]);
    assert_eq!(fleet.history_copies(), 0);
}

#[test]
fn a_trader_hears_of_the_symbols_in_its_list_alone() {
    let (fleet, mut disk) = (fleet(1), Disk::default());
    enter(&fleet, 1, &json!({"only": "S00USDT,S02USDT"}), Begin::Anew(None));
    play(&fleet, &mut disk, 0..25, &[0]);
    join(&fleet, &mut disk, 1, 25, &[0]);
    join(&fleet, &mut disk, 2, 26, &[0, 1]);
    play(&fleet, &mut disk, 27..35, &[0, 1, 2]);
    leave(&fleet, &mut disk, 1, 35, &[0, 2]);
    leave(&fleet, &mut disk, 2, 36, &[0]);
    assert_eq!(lines(&fleet), ["trader 1: init S00USDT", "trader 1: came 2 S02USDT", "trader 1: gone 2 S02USDT"],);
    assert_eq!(disk.minutes("S02USDT", false), ups(2, 26..36));
    assert!(disk.minutes("S01USDT", false).is_empty() && disk.minutes("S01USDT", true).is_empty());
    assert_eq!(status(&fleet, 1).last_fault, None);
}

/// Symbols that look at each other cannot be warmed up one by one.
#[test]
fn a_trader_that_reads_other_streams_is_started_anew_when_a_symbol_joins() {
    let (fleet, mut disk) = (fleet(2), Disk::default());
    enter(&fleet, 1, &json!({"other": "S00USDT"}), Begin::Anew(None));
    play(&fleet, &mut disk, 0..30, &[0, 1]);
    join(&fleet, &mut disk, 2, 30, &[0, 1]);
    play(&fleet, &mut disk, 31..35, &[0, 1, 2]);
    assert_eq!(lines(&fleet)[0], "trader 1: init S00USDT S01USDT");
    assert_eq!(status(&fleet, 1).counts.instances, 2);
    assert_eq!(disk.minutes("S01USDT", false), ups(1, 1..35), "no candle is lost and none told twice");
    assert_eq!(disk.minutes("S01USDT", true), [0; 0]);
    assert_eq!(disk.minutes("S02USDT", true), ups(2, 21..30));
    assert_eq!(disk.minutes("S02USDT", false), ups(2, 30..35));
    leave(&fleet, &mut disk, 0, 35, &[1, 2]);
    play(&fleet, &mut disk, 36..38, &[1, 2]);
    assert_eq!(status(&fleet, 1).counts.instances, 3, "the one that it reads is gone");
    assert_eq!(status(&fleet, 1).last_fault, None);
}

/// It joins without its candle, which comes late and is news, although the trader is started anew for its sake.
#[test]
fn a_symbol_that_lags_as_it_joins_loses_nothing() {
    let (fleet, mut disk) = (fleet(1), Disk::default());
    enter(&fleet, 1, &json!({"only": "S00USDT,S01USDT", "other": "S00USDT"}), Begin::Anew(None));
    play(&fleet, &mut disk, 0..25, &[0]);
    let past: Vec<(i64, Vec<u32>)> = (5..25).map(|minute| (minute, vec![1])).collect();
    deliver(&fleet, &mut disk, &segment(Telling::History, &past, |_| {}));
    let joins = segment(Telling::Live, &[(25, vec![0])], |builder| {
        builder.joined(SymbolId(1), &name(1));
        builder.lagging(SymbolId(1));
    });
    deliver(&fleet, &mut disk, &joins);
    let lags = segment(Telling::Live, &[(26, vec![0])], |builder| builder.lagging(SymbolId(1)));
    deliver(&fleet, &mut disk, &lags);
    for minute in [25, 26] {
        deliver(&fleet, &mut disk, &segment(Telling::Late, &[(minute, vec![1])], |_| {}));
    }
    play(&fleet, &mut disk, 27..35, &[0, 1]);
    assert_eq!(disk.minutes("S01USDT", false), ups(1, 25..35));
    assert_eq!(disk.minutes("S00USDT", false), ups(0, 1..35));
    assert_eq!(status(&fleet, 1).last_fault, None);
}

/// A symbol that was refused while its history was loaded is told to come and to go at once: ids are told without a gap.
#[test]
fn a_symbol_that_goes_as_it_comes_is_heard_of_by_nobody() {
    let (fleet, mut disk) = (fleet(1), Disk::default());
    enter(&fleet, 1, &json!({}), Begin::Anew(None));
    enter(&fleet, 2, &json!({"only": "S00USDT,S01USDT", "other": "S00USDT"}), Begin::Anew(None));
    play(&fleet, &mut disk, 0..25, &[0]);
    let instances = || [1, 2].map(|trader| status(&fleet, trader).counts.instances);
    let before = instances();
    lines(&fleet);
    let both = segment(Telling::Live, &[(25, vec![0])], |builder| {
        builder.joined(SymbolId(1), &name(1));
        builder.gone(SymbolId(1));
    });
    disk.refuse = 1;
    deliver(&fleet, &mut disk, &both);
    assert!(!fleet.symbols().is_on(SymbolId(1)));
    enter(&fleet, 3, &json!({}), Begin::Anew(None));
    join(&fleet, &mut disk, 2, 26, &[0]);
    play(&fleet, &mut disk, 27..30, &[0, 2]);
    let told = lines(&fleet);
    assert!(told.contains(&"trader 1: came 2 S02USDT".to_owned()), "{told:?}");
    assert!(told.contains(&"trader 3: init S00USDT S02USDT".to_owned()), "{told:?}");
    assert!(!told.iter().any(|line| line.contains("S01USDT")), "{told:?}");
    // One more each for the delivery that was refused; the second one reads other streams, and S02USDT joins.
    assert_eq!(instances(), [before[0] + 1, before[1] + 2]);
    assert_eq!([1, 2, 3].map(|trader| status(&fleet, trader).last_fault), [None, None, None]);
}

/// Nobody waited for its history. When that comes, the next instance has seen it, and nothing is told twice.
#[test]
fn a_symbol_whose_history_comes_later_is_warm_from_then_on() {
    let (fleet, mut disk) = (fleet(1), Disk::default());
    enter(&fleet, 1, &json!({}), Begin::Anew(None));
    play(&fleet, &mut disk, 0..25, &[0]);
    let joins = segment(Telling::Live, &[(25, vec![0, 1])], |builder| builder.joined(SymbolId(1), &name(1)));
    deliver(&fleet, &mut disk, &joins);
    play(&fleet, &mut disk, 26..29, &[0, 1]);
    let is_warm = |disk: &Disk, minutes: std::ops::Range<i64>| -> Vec<bool> {
        let of = |signal: &&StampedSignal| {
            let minute = (signal.open_time().as_millisecond() - START_MS) / MINUTE_MS;
            signal.symbol() == "S01USDT" && signal.interval() == "1m" && minutes.contains(&minute)
        };
        disk.signals.iter().filter(of).map(|signal| signal.provenance().warm).collect()
    };
    assert!(is_warm(&disk, 25..29).iter().all(|warm| !warm));
    let past: Vec<(i64, Vec<u32>)> = (5..25).map(|minute| (minute, vec![1])).collect();
    deliver(&fleet, &mut disk, &segment(Telling::History, &past, |_| {}));
    play(&fleet, &mut disk, 29..40, &[0, 1]);
    let warm = is_warm(&disk, 29..40);
    assert!(!warm.is_empty() && warm.iter().all(|warm| *warm), "{warm:?}");
    // The first candle had none before it.
    assert_eq!(disk.minutes("S01USDT", false), ups(1, 26..40));
    assert_eq!(disk.minutes("S00USDT", false), ups(0, 1..40));
    assert_eq!(status(&fleet, 1).counts.instances, 2);
}

/// Who lags before it is known who is wanted holds nobody back for ever.
#[test]
fn a_symbol_that_nobody_wants_has_no_cursor() {
    let (fleet, mut disk) = (fleet(2), Disk::default());
    enter(&fleet, 1, &json!({"only": "S00USDT"}), Begin::Anew(None));
    for minute in 0..5 {
        let lags = segment(Telling::Live, &[(minute, vec![0])], |builder| builder.lagging(SymbolId(1)));
        deliver(&fleet, &mut disk, &lags);
    }
    assert_eq!(disk.judged[&id(1)], disk.close_ms);
}

/// A fault there is a fault like any other: the next instance is told of the symbol when it begins.
#[test]
fn a_fault_at_the_coming_of_a_symbol_is_a_strike() {
    let (fleet, mut disk) = (fleet(2), Disk::default());
    enter(&fleet, 1, &json!({"trap_on": "S02USDT"}), Begin::Anew(None));
    play(&fleet, &mut disk, 0..30, &[0, 1]);
    join(&fleet, &mut disk, 2, 30, &[0, 1]);
    let struck = status(&fleet, 1);
    assert_eq!((struck.strikes, struck.live), (1, false));
    assert_eq!(struck.last_fault.unwrap().reason, "on-symbols: panicked at S02USDT came");
    play(&fleet, &mut disk, 31..35, &[0, 1, 2]);
    assert!(status(&fleet, 1).live);
    assert_eq!(disk.minutes("S01USDT", false), ups(1, 1..35));
    assert_eq!(disk.minutes("S02USDT", true), ups(2, 22..30), "its past is told by the instance that knows it");
    assert_eq!(disk.minutes("S02USDT", false), ups(2, 30..35));
}

/// What holds a trader back goes with the symbol.
#[test]
fn a_symbol_that_lags_and_leaves_holds_nobody_back() {
    let (fleet, mut disk) = (fleet(2), Disk::default());
    enter(&fleet, 1, &json!({}), Begin::Anew(None));
    play(&fleet, &mut disk, 0..5, &[0, 1]);
    let lagging = |minute| segment(Telling::Live, &[(minute, vec![0])], |builder| builder.lagging(SymbolId(1)));
    let before = disk.judged[&id(1)];
    for minute in 5..8 {
        deliver(&fleet, &mut disk, &lagging(minute));
    }
    assert_eq!(disk.judged[&id(1)], before);
    leave(&fleet, &mut disk, 1, 8, &[0]);
    assert_eq!(disk.judged[&id(1)], disk.close_ms);
}
