use std::sync::Arc;

use tokio::sync::Notify;

use super::*;
use crate::signal::outbox::fixtures::{Database, Fault, historical, ids, keep, live, open};
use crate::signal::outbox::{BATCH_ROWS, LaneStatus};

const HOUR: Duration = Duration::from_secs(3600);

/// Waits for a status, an hour at most. Time is paused, and goes on only when nothing else can.
async fn until(sender: &Sender, is_it: impl FnMut(&SenderStatus) -> bool) -> SenderStatus {
    let mut status = sender.status();
    let found = tokio::time::timeout(HOUR, status.wait_for(is_it)).await;
    found.expect("it never comes to that").unwrap().clone()
}

#[tokio::test(start_paused = true)]
async fn signals_arrive_in_order_live_ones_first() {
    let dir = tempfile::tempdir().unwrap();
    let outbox = open(dir.path());
    let database = Database::default();
    keep(&outbox, &[historical(0..5), live(5..10)].concat());
    let sender = Sender::start(outbox.clone(), database.clone());
    until(&sender, |status| status.historical_signals.new == 5).await;
    assert_eq!(database.requests(), [(Table::Signals, 5), (Table::HistoricalSignals, 5)]);
    keep(&outbox, &live(10..12));
    let status = until(&sender, |status| status.signals.new == 7).await;
    assert_eq!(database.ids(Table::Signals), ids(&live(5..12)));
    assert_eq!(database.ids(Table::HistoricalSignals), ids(&historical(0..5)));
    assert!(status.signals.last_success_ms.is_some());
    assert_eq!(outbox.depth().rows(), 0);
    assert_eq!(sender.drain(HOUR).await, Drained { left: 0 });
}

#[tokio::test(start_paused = true)]
async fn what_was_committed_before_a_cut_counts_as_a_duplicate() {
    let dir = tempfile::tempdir().unwrap();
    let outbox = open(dir.path());
    let database = Database::failing([Fault::CutAfter, Fault::CutBefore]);
    keep(&outbox, &live(0..5));
    let sender = Sender::start(outbox, database.clone());
    let status = until(&sender, |status| status.signals.duplicates == 5).await;
    assert_eq!(database.ids(Table::Signals), ids(&live(0..5)));
    let LaneStatus { new, retries, trouble, failures_in_a_row, .. } = status.signals;
    assert_eq!((new, retries, trouble, failures_in_a_row), (0, 2, None, 0));
}

#[tokio::test(start_paused = true)]
async fn it_never_gives_up_and_tries_with_a_single_row() {
    let dir = tempfile::tempdir().unwrap();
    let outbox = open(dir.path());
    let database = Database::failing([Fault::CutBefore; 40]);
    keep(&outbox, &live(0..300));
    let sender = Sender::start(outbox, database.clone());
    let status = until(&sender, |status| status.signals.failures_in_a_row == 40).await;
    let trouble = status.signals.trouble.unwrap();
    assert_eq!((trouble.code.as_str(), trouble.needs_mending), ("timeout", false));
    until(&sender, |status| status.signals.new == 300).await;
    let sizes: Vec<usize> = database.requests().iter().map(|(_, rows)| *rows).collect();
    assert_eq!(sizes[..5], [BATCH_ROWS.min(sizes[0]); 5]);
    assert_eq!(sizes[5..41], [1; 36]);
    assert!(sizes[41] > 1, "one row has shown that it works");
    assert_eq!(database.ids(Table::Signals), ids(&live(0..300)));
}

#[tokio::test(start_paused = true)]
async fn poison_is_buried_and_the_rest_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let outbox = open(dir.path());
    let signals = live(0..100);
    let database = Database::default();
    let poison = [0, 41, 42, 99];
    poison.iter().for_each(|minute| database.refuse(signals[*minute].id(), "23514"));
    keep(&outbox, &signals);
    let sender = Sender::start(outbox.clone(), database.clone());
    let status = until(&sender, |status| status.signals.new + status.signals.dead == 100).await;
    let mut good = ids(&signals);
    for minute in poison.iter().rev() {
        good.remove(*minute);
    }
    assert_eq!(database.ids(Table::Signals), good);
    assert_eq!((status.signals.dead, status.signals.trouble), (4, None));
    assert_eq!(outbox.dead_counts().unwrap().into_iter().collect::<Vec<_>>(), [("23514".to_owned(), 4)]);
}

#[tokio::test(start_paused = true)]
async fn a_wrong_key_is_reported_until_it_is_mended() {
    let dir = tempfile::tempdir().unwrap();
    let outbox = open(dir.path());
    let database = Database::failing([Fault::Unauthorized; 3]);
    keep(&outbox, &live(0..3));
    let sender = Sender::start(outbox, database.clone());
    let status = until(&sender, |status| status.signals.retries == 1).await;
    let (table, trouble) = status.needs_mending().unwrap();
    assert_eq!((table, trouble.code.as_str()), (Table::Signals, "401"));
    let status = until(&sender, |status| status.signals.new == 3).await;
    assert_eq!(status.needs_mending(), None);
    assert_eq!(status.signals.dead, 0);
}

#[tokio::test(start_paused = true)]
async fn a_table_that_is_missing_does_not_hold_up_the_other() {
    let dir = tempfile::tempdir().unwrap();
    let outbox = open(dir.path());
    let database = Database::default();
    database.drop_table(Table::HistoricalSignals);
    keep(&outbox, &historical(0..3));
    let sender = Sender::start(outbox.clone(), database.clone());
    until(&sender, |status| status.historical_signals.retries == 2).await;
    keep(&outbox, &live(0..3));
    let status = until(&sender, |status| status.signals.new == 3).await;
    assert_eq!(status.needs_mending().map(|(table, _)| table), Some(Table::HistoricalSignals));
    database.make_table(Table::HistoricalSignals);
    until(&sender, |status| status.historical_signals.new == 3).await;
}

#[tokio::test(start_paused = true)]
async fn an_outbox_that_fails_is_reported_and_tried_again() {
    let dir = tempfile::tempdir().unwrap();
    let outbox = open(dir.path());
    let database = Database::default();
    keep(&outbox, &live(0..3));
    outbox
        .reader()
        .execute_batch("create trigger refuse before insert on sent begin select raise(abort, 'no'); end")
        .unwrap();
    let sender = Sender::start(outbox.clone(), database.clone());
    let status = until(&sender, |status| status.signals.retries == 3).await;
    assert_eq!(status.needs_mending().map(|(_, trouble)| trouble.code.as_str()), Some("outbox"));
    outbox.reader().execute_batch("drop trigger refuse").unwrap();
    let status = until(&sender, |status| status.signals.duplicates == 3).await;
    assert_eq!(status.needs_mending(), None);
    assert_eq!(database.ids(Table::Signals), ids(&live(0..3)));
}

#[tokio::test(start_paused = true)]
async fn a_drain_sends_what_waits() {
    let dir = tempfile::tempdir().unwrap();
    let outbox = open(dir.path());
    let database = Database::failing([Fault::CutBefore, Fault::CutAfter]);
    let sender = Sender::start(outbox.clone(), database.clone());
    keep(&outbox, &[live(0..250), historical(0..250)].concat());
    assert_eq!(sender.drain(HOUR).await, Drained { left: 0 });
    assert_eq!(database.ids(Table::Signals), ids(&live(0..250)));
    assert_eq!(database.ids(Table::HistoricalSignals), ids(&historical(0..250)));
}

#[tokio::test(start_paused = true)]
async fn a_drain_ends_when_it_has_to() {
    for fault in [Fault::Hang, Fault::Unauthorized] {
        let dir = tempfile::tempdir().unwrap();
        let outbox = open(dir.path());
        keep(&outbox, &live(0..3));
        let sender = Sender::start(outbox.clone(), Database::failing([fault; 100]));
        let started = Instant::now();
        assert_eq!(sender.drain(Duration::from_secs(10)).await, Drained { left: 3 });
        assert!(started.elapsed() <= Duration::from_secs(11), "of paused time");
        drop(outbox);
        assert_eq!(open(dir.path()).depth().signals, 3);
    }
}

/// Says when it is dropped.
struct Guarded(Database, Arc<Notify>);

impl Deliver for Guarded {
    async fn insert(
        &self,
        table: Table,
        columns: &'static [&'static str],
        rows: &[String],
    ) -> Result<Inserted, DeliverError> {
        self.0.insert(table, columns, rows).await
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        self.1.notify_one();
    }
}

#[tokio::test(start_paused = true)]
async fn it_ends_with_its_handle() {
    let dir = tempfile::tempdir().unwrap();
    for faults in [Vec::new(), vec![Fault::Hang], vec![Fault::Unauthorized]] {
        let outbox = open(dir.path());
        keep(&outbox, &live(0..3));
        let ended = Arc::new(Notify::new());
        let sender = Sender::start(outbox, Guarded(Database::failing(faults), ended.clone()));
        drop(sender);
        ended.notified().await;
    }
}
