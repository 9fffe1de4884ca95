//! Everything together against a model: whatever fails, and wherever the host crashes, the database ends with exactly the signals
//! that were kept, once, in order.

use std::collections::BTreeSet;
use std::time::Duration;

use proptest::prelude::*;
use uuid::Uuid;

use super::fixtures::{Database, Fault, ids, keep, open, trader};
use super::{Drained, Outbox, Sender, Table};
use crate::signal::StampedSignal;

/// What happens between two crashes.
#[derive(Debug, Clone)]
struct Life {
    /// Signals of each burst, and whether they are historical. Some are those of an earlier burst: a candle judged again.
    bursts: Vec<Vec<(u8, bool)>>,
    /// What the requests meet, one after another.
    faults: Vec<Fault>,
    /// Seconds between two bursts, and after the last one until the crash. It crashes at once where a request hangs.
    pause_s: u64,
}

fn a_fault() -> impl Strategy<Value = Fault> {
    prop_oneof![
        4 => Just(Fault::None),
        2 => Just(Fault::CutBefore),
        2 => Just(Fault::CutAfter),
        1 => Just(Fault::Busy),
        1 => Just(Fault::Slow),
        1 => Just(Fault::TooLarge),
        1 => Just(Fault::Unauthorized),
        1 => Just(Fault::Hang),
        1 => Just(Fault::HangAfter),
    ]
}

fn a_life() -> impl Strategy<Value = Life> {
    let burst = proptest::collection::vec((any::<u8>(), proptest::bool::weighted(0.2)), 0..20);
    (proptest::collection::vec(burst, 0..6), proptest::collection::vec(a_fault(), 0..24), 0..200_u64)
        .prop_map(|(bursts, faults, pause_s)| Life { bursts, faults, pause_s })
}

fn signal(minute: u8, historical: bool) -> StampedSignal {
    StampedSignal::sample(trader(1), i64::from(minute), "up", historical)
}

/// Lives until it crashes.
fn live(outbox: Outbox, database: &Database, life: &Life) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        database.fail(life.faults.clone());
        let sender = Sender::start(outbox.clone(), database.clone());
        let crash = database.hangs();
        tokio::pin!(crash);
        let mut is_over = false;
        for burst in &life.bursts {
            let signals: Vec<StampedSignal> =
                burst.iter().map(|(minute, historical)| signal(*minute, *historical)).collect();
            keep(&outbox, &signals);
            // Time is paused: it passes only where the sender has nothing to do but wait.
            if !is_over {
                is_over = tokio::time::timeout(Duration::from_secs(life.pause_s), &mut crash).await.is_ok();
            }
        }
        drop(sender);
    });
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn every_signal_arrives_once_and_poison_is_dead(
        lives in proptest::collection::vec(a_life(), 1..5),
        poison in proptest::collection::btree_set(any::<u8>(), 0..12),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let database = Database::default();
        for minute in &poison {
            database.refuse(signal(*minute, false).id(), "23514");
        }
        for life in &lives {
            live(open(dir.path()), &database, life);
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        let outbox = open(dir.path());
        database.fail([]);
        let drained = runtime.block_on(async {
            Sender::start(outbox.clone(), database.clone()).drain(Duration::from_secs(3_600)).await
        });
        prop_assert_eq!(drained, Drained { left: 0 });

        let mut dead = 0;
        for table in Table::ALL {
            let mut seen = BTreeSet::new();
            let kept: Vec<StampedSignal> = lives
                .iter()
                .flat_map(|life| life.bursts.iter().flatten())
                .filter(|(_, historical)| *historical == (table == Table::HistoricalSignals))
                .filter(|(minute, _)| seen.insert(*minute))
                .map(|(minute, historical)| signal(*minute, *historical))
                .collect();
            let poisonous: BTreeSet<Uuid> = poison.iter().map(|minute| signal(*minute, false).id()).collect();
            let (bad, good): (Vec<Uuid>, Vec<Uuid>) = ids(&kept).into_iter().partition(|id| poisonous.contains(id));
            prop_assert_eq!(database.ids(table), good);
            dead += bad.len() as u64;
        }
        prop_assert_eq!(outbox.dead_counts().unwrap().values().sum::<u64>(), dead);
    }
}
