use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use super::*;
use crate::signal::StampedSignal;
use crate::signal::outbox::fixtures::{FEED, IDENTITY, historical, ids, keep, live, open, trader};
use crate::signal::outbox::{BATCH_BYTES, BATCH_ROWS, Batch, Recent, State};

fn head(outbox: &Outbox, table: Table) -> Batch {
    outbox.next_batch(table, BATCH_ROWS, BATCH_BYTES).unwrap()
}

fn waiting(outbox: &Outbox, table: Table) -> Vec<uuid::Uuid> {
    head(outbox, table).queued.iter().map(|queued| queued.id).collect()
}

#[test]
fn signals_wait_in_order_each_for_its_table() {
    let dir = tempfile::tempdir().unwrap();
    let outbox = open(dir.path());
    let (a, old, b) = (live([5, 2]), historical([7, 1]), live([9]));
    keep(&outbox, &[a.clone(), old.clone()].concat());
    keep(&outbox, &b);
    for outbox in [outbox.clone(), outbox] {
        assert_eq!(waiting(&outbox, Table::Signals), ids(&[a.clone(), b.clone()].concat()));
        assert_eq!(waiting(&outbox, Table::HistoricalSignals), ids(&old));
        let depth = outbox.depth();
        assert_eq!((depth.signals, depth.historical_signals), (3, 2));
    }
    assert_eq!(waiting(&open(dir.path()), Table::Signals).len(), 3);
}

#[test]
fn rows_are_those_that_were_found() {
    let dir = tempfile::tempdir().unwrap();
    let outbox = open(dir.path());
    let signals = live(0..3);
    keep(&outbox, &signals);
    let batch = head(&outbox, Table::Signals);
    let rows: Vec<String> = signals.iter().map(|signal| Row::of(signal).unwrap().json).collect();
    assert_eq!(batch.bytes, format!("[{}]", rows.join(",")).len() + 1);
    assert_eq!(batch.rows, rows);
}

#[test]
fn a_batch_keeps_both_limits_but_is_never_empty() {
    let dir = tempfile::tempdir().unwrap();
    let outbox = open(dir.path());
    keep(&outbox, &live(0..10));
    let row = Row::of(&live([0])[0]).unwrap().json.len() + 1;
    let batch = |rows, bytes| outbox.next_batch(Table::Signals, rows, bytes).unwrap().rows.len();
    assert_eq!(batch(4, BATCH_BYTES), 4);
    assert_eq!(batch(200, 2 + 3 * row + 20), 3);
    assert_eq!(batch(200, 1), 1);
}

#[test]
fn what_is_there_or_was_sent_or_refused_is_passed_over() {
    let dir = tempfile::tempdir().unwrap();
    let outbox = open(dir.path());
    let signals = live(0..3);
    keep(&outbox, &signals);
    keep(&outbox, &signals);
    assert_eq!(waiting(&outbox, Table::Signals), ids(&signals));
    let queued = head(&outbox, Table::Signals).queued;
    outbox.settle(&queued[..1]).unwrap();
    outbox.bury(&queued[1], "23514", "the guard refuses it").unwrap();
    keep(&outbox, &signals);
    assert_eq!(waiting(&outbox, Table::Signals), ids(&signals[2..]));
    keep(&outbox, &historical(0..3));
    assert_eq!(outbox.depth().historical_signals, 3, "the tables know nothing of each other");
}

#[test]
fn depth_follows_what_comes_and_goes() {
    let dir = tempfile::tempdir().unwrap();
    let outbox = open(dir.path());
    keep(&outbox, &[live(0..5), historical(0..5)].concat());
    let queued = head(&outbox, Table::Signals).queued;
    outbox.settle(&queued[..2]).unwrap();
    outbox.settle(&queued[..2]).unwrap();
    outbox.bury(&queued[2], "23514", "refused").unwrap();
    outbox.bury(&queued[2], "23514", "refused").unwrap();
    let depth = outbox.depth();
    assert_eq!((depth.signals, depth.historical_signals), (2, 5));
    assert_eq!(outbox.dead_counts().unwrap(), BTreeMap::from([("23514".to_owned(), 1)]));
    drop(outbox);
    assert_eq!(open(dir.path()).depth(), depth, "counted anew at the opening");
}

#[test]
fn it_is_full_at_either_bound_and_warns_before() {
    let dir = tempfile::tempdir().unwrap();
    let row = Row::of(&live([0])[0]).unwrap();
    let bytes = (row.json.len() + row.brief.len()) as u64;
    for bounds in [Bounds { rows: 10, bytes: u64::MAX }, Bounds { rows: u64::MAX, bytes: 10 * bytes - 50 }] {
        let dir = dir.path().join(bounds.rows.to_string());
        let outbox = Outbox::open(&dir, IDENTITY, FEED, bounds).unwrap();
        keep(&outbox, &live(0..7));
        assert!(outbox.has_room() && !outbox.is_nearly_full());
        keep(&outbox, &live(7..9));
        assert!(outbox.has_room() && outbox.is_nearly_full());
        keep(&outbox, &live(9..12));
        assert!(!outbox.has_room(), "a burst is taken in whole, though it goes beyond");
        assert_eq!(outbox.depth().signals, 12);
        outbox.settle(&head(&outbox, Table::Signals).queued[..5]).unwrap();
        assert!(outbox.has_room() && !outbox.is_nearly_full());
    }
}

#[test]
fn a_burst_without_news_writes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let outbox = open(dir.path());
    let burst = Burst { signals: &[], close_ms: 100, cursors: &[(trader(1), 100)] };
    let changes = |outbox: &Outbox| lock(&outbox.0.writer).connection.total_changes();
    outbox.keep(&burst).unwrap();
    let before = changes(&outbox);
    assert!(before > 0);
    outbox.keep(&burst).unwrap();
    assert_eq!(changes(&outbox), before);
}

#[test]
fn a_burst_is_kept_whole_or_not_at_all() {
    let dir = tempfile::tempdir().unwrap();
    let outbox = open(dir.path());
    let refuse = "create trigger refuse before insert on trader begin select raise(abort, 'no'); end";
    lock(&outbox.0.writer).connection.execute_batch(refuse).unwrap();
    let signals = live([1]);
    let error = outbox.keep(&Burst { signals: &signals, close_ms: 100, cursors: &[(trader(1), 100)] }).unwrap_err();
    assert!(error.to_string().starts_with("cannot use the outbox: no; "), "{error}");
    assert_eq!((outbox.depth(), outbox.feed_cursor(), outbox.judged(trader(1))), (Depth::default(), None, None));
    drop(outbox);
    let outbox = open(dir.path());
    assert_eq!((waiting(&outbox, Table::Signals), outbox.feed_cursor()), (Vec::new(), None));
}

#[test]
fn the_last_signals_say_what_became_of_them() {
    let dir = tempfile::tempdir().unwrap();
    let outbox = open(dir.path());
    let signals = live(0..4);
    keep(&outbox, &signals);
    let queued = head(&outbox, Table::Signals).queued;
    assert!(outbox.oldest_queued_ms().unwrap().is_some());
    outbox.settle(&queued[..1]).unwrap();
    outbox.bury(&queued[1], "23503", "its trader was deleted").unwrap();
    let recent = outbox.recent(Table::Signals, 3).unwrap();
    let states: Vec<&State> = recent.iter().map(|recent| &recent.state).collect();
    let dead = State::Dead { code: "23503".into(), reason: "its trader was deleted".into() };
    assert_eq!(states, [&State::Queued, &State::Queued, &dead]);
    let shown: Vec<&str> = recent.iter().filter_map(|recent| recent.signal["id"].as_str()).collect();
    let expected: Vec<String> = signals[1..].iter().rev().map(|signal| signal.id().to_string()).collect();
    assert_eq!(shown, expected);
    let all = outbox.recent(Table::Signals, 100).unwrap();
    assert_eq!(all.last().map(|recent| &recent.state), Some(&State::Sent));
    let Recent { settled_ms, queued_ms, .. } = all.last().unwrap();
    assert!(settled_ms.unwrap() >= *queued_ms);
    let json = serde_json::to_value(&recent[2]).unwrap();
    assert_eq!((&json["state"], &json["code"]), (&"dead".into(), &"23503".into()));
    assert_eq!(outbox.recent(Table::HistoricalSignals, 3).unwrap(), []);
}

#[test]
fn sent_signals_are_remembered_for_a_while_in_each_table() {
    let dir = tempfile::tempdir().unwrap();
    let outbox = open(dir.path());
    let kept = i64::from(crate::signal::outbox::SENT_KEPT);
    keep(&outbox, &live([0]));
    outbox.settle(&head(&outbox, Table::Signals).queued).unwrap();
    keep(&outbox, &historical(0..kept + 10));
    while outbox.depth().historical_signals > 0 {
        outbox.settle(&head(&outbox, Table::HistoricalSignals).queued).unwrap();
    }
    assert_eq!(outbox.recent(Table::HistoricalSignals, 5_000).unwrap().len(), kept as usize);
    assert_eq!(outbox.recent(Table::Signals, 5_000).unwrap().len(), 1);
}

#[test]
fn both_sides_work_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let outbox = open(dir.path());
    std::thread::scope(|scope| {
        scope.spawn(|| (0..200).for_each(|minute| keep(&outbox, &live([minute]))));
        let mut sent = Vec::new();
        while sent.len() < 200 {
            let batch = head(&outbox, Table::Signals);
            outbox.settle(&batch.queued).unwrap();
            sent.extend(batch.queued.iter().map(|queued| queued.id));
        }
        assert_eq!(sent, ids(&live(0..200)));
    });
    assert_eq!(outbox.depth(), Depth::default());
}

const CHILD_DIR: &str = "VYX_TEST_OUTBOX_CHILD";

/// The child of the test below: keeps signals one by one, and says so after each. Without the variable there is nothing to do.
#[test]
fn child_that_is_killed() {
    let Ok(dir) = std::env::var(CHILD_DIR) else { return };
    let outbox = open(Path::new(&dir));
    for minute in 0.. {
        let signals = live([minute]);
        let close_ms = signals[0].timestamp().as_millisecond();
        outbox.keep(&Burst { signals: &signals, close_ms, cursors: &[(trader(1), close_ms)] }).unwrap();
        println!("kept {minute}");
    }
}

#[test]
fn what_was_kept_survives_a_kill() {
    let dir = tempfile::tempdir().unwrap();
    let name = "signal::outbox::store::tests::child_that_is_killed";
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([name, "--exact", "--nocapture"])
        .env(CHILD_DIR, dir.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let said = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let last = said.filter(|line| line.starts_with("kept ")).nth(40).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    let told: i64 = last["kept ".len()..].parse().unwrap();

    let outbox = open(dir.path());
    assert_eq!(outbox.moved_aside(), None);
    let kept = outbox.depth().signals as i64;
    assert!(kept > told, "{kept} signals are there, {told} was told");
    let wait: Vec<uuid::Uuid> = ids(&live(0..kept));
    assert_eq!(outbox.next_batch(Table::Signals, usize::MAX, usize::MAX).unwrap().queued.len(), wait.len());
    assert_eq!(waiting(&outbox, Table::Signals), wait[..wait.len().min(BATCH_ROWS)]);
    let last: StampedSignal = live([kept - 1]).remove(0);
    assert_eq!(outbox.feed_cursor(), Some(last.timestamp().as_millisecond()), "the cursor came with the signals");
    assert_eq!(outbox.judged(trader(1)), outbox.feed_cursor());
}
