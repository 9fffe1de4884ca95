use std::path::Path;

use crate::ids::TraderId;
use crate::signal::outbox::fixtures::{IDENTITY, open, trader};
use crate::signal::outbox::{Bounds, Outbox};
use crate::signal::{Burst, StampedSignal};

fn tell(outbox: &Outbox, close_ms: i64, cursors: &[(TraderId, i64)]) {
    outbox.keep(&Burst { signals: &[], close_ms, cursors }).unwrap();
}

/// What is on disk is what is in memory.
fn reopened(outbox: Outbox, dir: &Path, traders: &[TraderId]) -> Outbox {
    let said = |outbox: &Outbox| {
        let judged: Vec<Option<i64>> = traders.iter().map(|trader| outbox.judged(*trader)).collect();
        (outbox.feed_cursor(), outbox.earliest_cursor(), outbox.traders(), judged)
    };
    let before = said(&outbox);
    drop(outbox);
    let outbox = open(dir);
    assert_eq!(said(&outbox), before);
    outbox
}

#[test]
fn cursors_come_back_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let outbox = open(dir.path());
    let (a, b) = (trader(1), trader(2));
    assert_eq!((outbox.feed_cursor(), outbox.earliest_cursor(), outbox.judged(a)), (None, None, None));

    tell(&outbox, 100, &[(a, 100), (b, 40)]);
    let outbox = reopened(outbox, dir.path(), &[a, b]);
    assert_eq!((outbox.feed_cursor(), outbox.earliest_cursor()), (Some(100), Some(40)));
    assert_eq!((outbox.judged(a), outbox.judged(b), outbox.judged(trader(3))), (Some(100), Some(40), None));

    tell(&outbox, 200, &[(a, 200), (b, 200)]);
    let outbox = reopened(outbox, dir.path(), &[a, b]);
    assert_eq!((outbox.earliest_cursor(), outbox.judged(b)), (Some(200), Some(200)), "it has caught up");
}

#[test]
fn a_trader_that_a_burst_does_not_name_stays_where_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let outbox = open(dir.path());
    let (a, b) = (trader(1), trader(2));
    tell(&outbox, 100, &[(a, 100), (b, 100)]);
    tell(&outbox, 200, &[(b, 200)]);
    let outbox = reopened(outbox, dir.path(), &[a, b]);
    assert_eq!((outbox.judged(a), outbox.judged(b)), (Some(100), Some(200)));
    tell(&outbox, 300, &[(a, 300), (b, 300)]);
    assert_eq!(outbox.judged(a), Some(300));
}

#[test]
fn the_feed_does_not_go_back_while_traders_catch_up() {
    let dir = tempfile::tempdir().unwrap();
    let outbox = open(dir.path());
    let (a, b) = (trader(1), trader(2));
    tell(&outbox, 300, &[(a, 300), (b, 100)]);
    tell(&outbox, 200, &[(a, 300), (b, 200)]);
    let outbox = reopened(outbox, dir.path(), &[a, b]);
    assert_eq!((outbox.feed_cursor(), outbox.judged(a), outbox.judged(b)), (Some(300), Some(300), Some(200)));
    tell(&outbox, 300, &[(a, 300), (b, 300)]);
    assert_eq!(outbox.earliest_cursor(), Some(300));
}

#[test]
fn a_trader_that_was_stopped_is_forgotten() {
    let dir = tempfile::tempdir().unwrap();
    let outbox = open(dir.path());
    let (a, b) = (trader(1), trader(2));
    tell(&outbox, 100, &[(a, 100), (b, 40)]);
    outbox.forget_trader(b).unwrap();
    outbox.forget_trader(b).unwrap();
    let outbox = reopened(outbox, dir.path(), &[a, b]);
    assert_eq!((outbox.judged(b), outbox.earliest_cursor(), outbox.traders()), (None, Some(100), vec![a]));
    outbox.forget_trader(a).unwrap();
    assert_eq!(outbox.earliest_cursor(), Some(100), "the feed's own");
}

#[test]
fn before_the_first_candle_there_is_no_cursor() {
    let dir = tempfile::tempdir().unwrap();
    let outbox = open(dir.path());
    let a = trader(1);
    tell(&outbox, i64::MIN, &[(a, i64::MIN)]);
    assert_eq!((outbox.feed_cursor(), outbox.earliest_cursor(), outbox.judged(a)), (None, None, None));
    tell(&outbox, 100, &[(a, i64::MIN)]);
    assert_eq!((outbox.feed_cursor(), outbox.earliest_cursor(), outbox.judged(a)), (Some(100), Some(100), None));
}

#[test]
fn each_feed_has_its_own() {
    let dir = tempfile::tempdir().unwrap();
    let outbox = open(dir.path());
    tell(&outbox, 100, &[(trader(1), 100)]);
    drop(outbox);
    let outbox = Outbox::open(dir.path(), IDENTITY, "another", Bounds::default()).unwrap();
    assert_eq!((outbox.feed_cursor(), outbox.judged(trader(1))), (None, None));
}

/// Of live signals only: nobody was told the others.
#[test]
fn the_last_signal_of_each_kind_is_known_after_a_restart_until_its_trader_is_forgotten() {
    let dir = tempfile::tempdir().unwrap();
    let outbox = open(dir.path());
    let sample = |minute, tag: &str, historical| StampedSignal::sample(trader(1), minute, tag, historical);
    let signals = [sample(3, "up", false), sample(7, "up", false), sample(5, "down", false), sample(9, "down", true)];
    outbox.keep(&Burst { signals: &signals, close_ms: 100, cursors: &[(trader(1), 100)] }).unwrap();
    // A candle that is judged again does not lead back.
    outbox.keep(&Burst { signals: &signals[..1], close_ms: 200, cursors: &[(trader(1), 200)] }).unwrap();
    let outbox = reopened(outbox, dir.path(), &[trader(1)]);
    let told: Vec<(String, i64)> =
        outbox.told(trader(1)).unwrap().into_iter().map(|told| (told.tag, told.open_time_ms)).collect();
    let open_ms = |signal: &StampedSignal| signal.open_time().as_millisecond();
    assert_eq!(told, [("down".to_owned(), open_ms(&signals[2])), ("up".to_owned(), open_ms(&signals[1]))]);
    outbox.forget_trader(trader(1)).unwrap();
    assert_eq!(outbox.told(trader(1)).unwrap(), []);
}
