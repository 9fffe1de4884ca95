//! History that the feed loads, and how a candle came.

use std::collections::BTreeMap;

use serde_json::json;
use vyx_host::market::{Interval, Segment, SymbolId, Telling};
use vyx_host::supervisor::Begin;

use super::world::{Disk, MINUTE_MS, START_MS, deliver, enter, fleet, id, past, play, segment, status, ups};

/// What closes until the history is there is news; what closed before the trader came is history.
#[test]
fn a_trader_waits_for_the_history_that_it_declared() {
    let (fleet, mut disk) = (fleet(2).waiting_for_history(), Disk::default());
    fleet.bootstrap(&segment(Telling::Live, &[(99, vec![0, 1])], |_| {}));
    enter(&fleet, 1, &json!({"warm_up": 40}), Begin::Anew(None));
    play(&fleet, &mut disk, 100..103, &[0, 1]);
    deliver(&fleet, &mut disk, &Segment::new());
    assert!(!status(&fleet, 1).live && disk.live.is_empty() && disk.historical.is_empty());
    deliver(&fleet, &mut disk, &past(0..60, &[0, 1], Some(20)));
    assert!(!status(&fleet, 1).live, "that is not enough");
    assert_eq!(disk.judged[&id(1)], START_MS + 100 * MINUTE_MS - 1, "it stands where it came");
    deliver(&fleet, &mut disk, &past(60..100, &[0, 1], None));
    assert!(!status(&fleet, 1).live, "nothing is said yet of how far it reaches");
    deliver(&fleet, &mut disk, &past(0..0, &[], Some(40)));
    assert!(status(&fleet, 1).live, "it needs no close to start");
    assert_eq!(disk.minutes("S01USDT", true), ups(1, 61..100));
    play(&fleet, &mut disk, 103..106, &[0, 1]);
    assert_eq!(disk.minutes("S01USDT", false), ups(1, 100..106));
    assert_eq!((status(&fleet, 1).last_fault, fleet.history_copies()), (None, 0));
}

/// Enabling needs no close: the very next delivery shows what the trader would have said.
#[test]
fn a_trader_that_is_enabled_again_shows_its_history_at_once() {
    let (fleet, mut disk) = (fleet(1).waiting_for_history(), Disk::default());
    deliver(&fleet, &mut disk, &past(0..60, &[0], Some(60)));
    enter(&fleet, 1, &json!({}), Begin::Anew(None));
    play(&fleet, &mut disk, 60..65, &[0]);
    fleet.remove(id(1));
    play(&fleet, &mut disk, 65..70, &[0]);
    let (live, historical) = (disk.live.len(), disk.historical.len());
    enter(&fleet, 1, &json!({}), Begin::Anew(None));
    let delivered = deliver(&fleet, &mut disk, &Segment::new());
    assert_eq!((disk.live.len(), delivered.historical as usize), (live, disk.historical.len() - historical));
    assert!(disk.minutes("S00USDT", true).ends_with(&ups(0, 61..70)));
    play(&fleet, &mut disk, 70..73, &[0]);
    let told = disk.minutes("S00USDT", false);
    assert_eq!(told, [ups(0, 60..65), ups(0, 70..73)].concat(), "live from the next close on");
}

#[test]
fn history_is_as_long_as_the_traders_need_that_run() {
    let (fleet, mut disk) = (fleet(1).waiting_for_history(), Disk::default());
    assert!(fleet.needs().is_empty());
    enter(&fleet, 1, &json!({"warm_up": 2_000}), Begin::Anew(None));
    enter(&fleet, 2, &json!({"warm_up": 300}), Begin::Anew(None));
    assert_eq!(fleet.needs(), BTreeMap::from([(Interval::M1, 2_000), (Interval::M5, 2_000)]));
    deliver(&fleet, &mut disk, &past(-6_000..0, &[0], Some(2_000)));
    let full = fleet.history_size();
    assert!(status(&fleet, 1).live && full.candles >= 2 * 1_200, "{full:?}");
    fleet.remove(id(1));
    // A day of each is needed for the 24 h figures.
    assert_eq!(fleet.needs(), BTreeMap::from([(Interval::M1, 1_440), (Interval::M5, 300)]));
    deliver(&fleet, &mut disk, &Segment::new());
    assert_eq!(fleet.history_size(), full, "somebody may be on the way who needs it");
    fleet.settle();
    deliver(&fleet, &mut disk, &Segment::new());
    assert!(fleet.history_size().bytes < full.bytes, "{:?} after {full:?}", fleet.history_size());
    fleet.remove(id(2));
    fleet.settle();
    deliver(&fleet, &mut disk, &Segment::new());
    assert_eq!(fleet.history_size().bytes, 0);
    assert_eq!(fleet.history_copies(), 0);
}

#[test]
fn a_signal_says_whether_its_candle_came_late_or_was_asked_for() {
    let (fleet, mut disk) = (fleet(2), Disk::default());
    enter(&fleet, 1, &json!({}), Begin::Anew(None));
    play(&fleet, &mut disk, 0..10, &[0, 1]);
    for minute in 10..20 {
        let lags = segment(Telling::Live, &[(minute, vec![0])], |builder| builder.lagging(SymbolId(1)));
        deliver(&fleet, &mut disk, &lags);
    }
    let late: Vec<(i64, Vec<u32>)> = (10..20).map(|minute| (minute, vec![1])).collect();
    deliver(&fleet, &mut disk, &segment(Telling::Late, &late, |_| {}));
    play(&fleet, &mut disk, 20..30, &[0, 1]);
    let (mut marked, mut plain) = (0, 0);
    for signal in disk.signals.iter().filter(|signal| signal.interval() == "1m") {
        let minute = (signal.open_time().as_millisecond() - START_MS) / MINUTE_MS;
        let is_late = signal.symbol() == "S01USDT" && (10..20).contains(&minute);
        let provenance = signal.provenance();
        assert_eq!((provenance.late, provenance.backfilled), (is_late, is_late), "{} {minute}", signal.symbol());
        let json = serde_json::to_value(signal).unwrap();
        assert_eq!(json["provenance"]["late"].as_bool(), is_late.then_some(true), "only where it is so");
        if is_late { marked += 1 } else { plain += 1 }
    }
    assert!(marked > 2 && plain > 10, "{marked} {plain}");
    assert_eq!(disk.minutes("S01USDT", false), ups(1, 1..30));
}

/// The last trader is switched off, so nothing is heard, and on again hours later: it does not go on where the market was then.
#[test]
fn a_trader_that_comes_back_to_an_idle_feed_has_seen_what_closed_meanwhile() {
    let (fleet, mut disk) = (fleet(1).waiting_for_history(), Disk::default());
    deliver(&fleet, &mut disk, &past(0..60, &[0], Some(60)));
    enter(&fleet, 1, &json!({}), Begin::Anew(None));
    play(&fleet, &mut disk, 60..65, &[0]);
    fleet.remove(id(1));
    fleet.settle();
    // The feed begins anew with what has closed.
    let close_ms = |minute: i64| START_MS + (minute + 1) * MINUTE_MS - 1;
    enter(&fleet, 1, &json!({}), Begin::Anew(Some(close_ms(599))));
    fleet.settle();
    deliver(&fleet, &mut disk, &Segment::new());
    assert!(!status(&fleet, 1).live, "what is there ends hours ago");
    let before = disk.historical.len();
    deliver(&fleet, &mut disk, &past(560..600, &[0], Some(20)));
    assert!(status(&fleet, 1).live);
    assert!(disk.historical.len() > before && disk.minutes("S00USDT", true).ends_with(&ups(0, 591..600)));
    play(&fleet, &mut disk, 600..610, &[0]);
    assert_eq!(disk.minutes("S00USDT", false), [ups(0, 60..65), ups(0, 600..610)].concat());
}
