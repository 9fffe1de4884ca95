use std::path::Path;
use std::sync::Mutex;
use std::time::Instant;

use super::*;
use crate::ids::TraderId;
use crate::market::{Feed as _, SyntheticFeed};
use crate::module::{Compiler, Modules};
use crate::sandbox::Metering;
use crate::signal::outbox::{Bounds, Table};
use crate::signal::{Burst, StampedSignal};

/// Longer than anything takes.
const HANG: Duration = Duration::from_secs(60);

/// An evaluation without traders that may evaluate, whose outbox takes one signal.
fn evaluation(dir: &Path) -> Evaluation {
    let modules = Modules::new(Metering::Off, Compiler::InProcess, None).unwrap();
    let feed = SyntheticFeed::new(1, 2, 0, None).unwrap();
    let fleet = Fleet::new(Arc::new(modules), feed.symbols().clone(), 1).unwrap();
    let health = Health::new();
    health.proved();
    health.good_read();
    health.feed(FeedState::Running);
    Evaluation {
        fleet: Arc::new(fleet),
        feed: Arc::new(Mutex::new(Box::new(feed))),
        speed: Speed::Max,
        outbox: Outbox::open(dir, "me", "synthetic", Bounds { rows: 1, bytes: u64::MAX }).unwrap(),
        health: Arc::new(health),
        wake: Wake::default(),
        nudges: Nudges::new().0,
        faults: Arc::default(),
        latencies: Arc::default(),
        history: Before::Until(None),
    }
}

/// Delivers a close while `check` looks on, which returns once it may be delivered.
fn deliver(mut evaluation: Evaluation, check: impl FnOnce()) -> Outbox {
    let (outbox, wake) = (evaluation.outbox.clone(), evaluation.wake.clone());
    evaluation.feed.lock().unwrap().want(&[crate::market::Interval::M1]).unwrap();
    let segment = evaluation.next(1).unwrap().unwrap();
    let delivering = std::thread::spawn(move || evaluation.deliver(&segment));
    // A bell that is heard was heard by the wait for what is in the way.
    wake.ring();
    let deadline = Instant::now() + HANG;
    while wake.is_rung() {
        assert!(Instant::now() < deadline && !delivering.is_finished(), "it does not wait");
        std::thread::yield_now();
    }
    assert_eq!(outbox.feed_cursor(), None);
    check();
    wake.ring();
    assert!(delivering.join().unwrap());
    outbox
}

#[test]
fn after_minutes_without_a_good_read_nothing_is_evaluated_until_there_is_one() {
    let dir = tempfile::tempdir().unwrap();
    let evaluation = evaluation(dir.path());
    let health = evaluation.health.clone();
    health.age_last_read(NO_GOOD_READ);
    let outbox = deliver(evaluation, || {
        let report = health.report();
        assert!(!report.ready && !report.evaluating, "{report:?}");
        assert!(report.problems[0].contains("evaluation is suspended"), "{report:?}");
        health.good_read();
    });
    assert!(outbox.feed_cursor().is_some(), "the candle waited");
    assert!(health.report().ready);
}

#[test]
fn a_full_outbox_holds_evaluation_up_until_signals_leave() {
    let dir = tempfile::tempdir().unwrap();
    let evaluation = evaluation(dir.path());
    let (health, outbox) = (evaluation.health.clone(), evaluation.outbox.clone());
    let trader = TraderId::new(uuid::Uuid::from_u128(1));
    let waiting = [StampedSignal::sample(trader, 1, "up", false)];
    outbox.keep(&Burst { signals: &waiting, close_ms: i64::MIN, cursors: &[] }).unwrap();
    let outbox = deliver(evaluation, || {
        let report = health.report();
        assert!(report.problems[0].contains("the outbox is full, evaluation waits"), "{report:?}");
        let batch = outbox.next_batch(Table::Signals, 10, 1_000_000).unwrap();
        outbox.settle(&batch.queued).unwrap();
    });
    assert!(outbox.feed_cursor().is_some(), "the candle waited");
    assert!(health.report().ready);
}
