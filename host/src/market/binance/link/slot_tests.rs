use proptest::prelude::*;

use super::*;
use crate::market::interval::Interval;

fn streams(numbers: impl IntoIterator<Item = usize>) -> BTreeSet<StreamKey> {
    let stream = |number| StreamKey { symbol: format!("COIN{number}USDT"), interval: Interval::M1 };
    numbers.into_iter().map(stream).collect()
}

fn lost(was_healthy: bool) -> Ended {
    Ended { end: End::Lost("cut".to_owned()), was_healthy }
}

fn silent() -> Ended {
    Ended { end: End::Silent(Duration::from_secs(20)), was_healthy: false }
}

/// Whether who holds these orders still has someone who wants it.
fn is_wanted(orders: &watch::Receiver<Wanted>) -> bool {
    orders.has_changed().is_ok()
}

const SETTLED: Report = Report::Settled { revision: 1 };
const HOUR: Duration = Duration::from_secs(3_600);

#[test]
fn it_is_settled_when_its_connection_is_for_what_is_wanted_now() {
    let now = Instant::now();
    let mut slot = Slot::new(streams(0..2), now);
    assert_eq!(slot.opens_at(), Some(now));
    let orders = slot.open(1, now);
    assert_eq!(orders.borrow().streams, streams(0..2));
    assert!(!slot.is_settled());
    slot.report(1, SETTLED, now);
    assert!(slot.is_settled());
    slot.want(streams(0..2));
    assert!(slot.is_settled(), "nothing changed");
    slot.want(streams(1..3));
    assert!(!slot.is_settled());
    assert_eq!(*orders.borrow(), Wanted { revision: 2, streams: streams(1..3) });
    slot.report(1, SETTLED, now);
    assert!(!slot.is_settled(), "that report was late");
    slot.report(1, Report::Settled { revision: 2 }, now);
    assert!(slot.is_settled());
}

#[test]
fn a_lost_connection_is_made_anew_after_waits_that_grow() {
    let mut now = Instant::now();
    let mut slot = Slot::new(streams(0..1), now);
    for failures in 0..20_u32 {
        slot.open(u64::from(failures), now);
        assert!(slot.opens_at().is_some_and(|at| at > now), "not two at once");
        assert_eq!(slot.ended(u64::from(failures), lost(false), now).as_deref(), Some("cut"));
        let longest = (RECONNECT_FIRST * 2_u32.pow(failures.min(10))).min(RECONNECT_MOST);
        let opens_at = slot.opens_at().unwrap();
        assert!(opens_at >= now && opens_at <= now + longest);
        now = opens_at;
    }
    slot.open(100, now);
    slot.ended(100, lost(true), now);
    assert!(slot.opens_at().unwrap() <= now + RECONNECT_FIRST, "the last one had been good");
}

#[test]
fn a_connection_is_replaced_before_the_exchange_ends_it() {
    let now = Instant::now();
    let mut slot = Slot::new(streams(0..1), now);
    let old = slot.open(1, now);
    slot.report(1, SETTLED, now);
    let renew_at = slot.opens_at().unwrap();
    assert!(renew_at > now + 22 * HOUR && renew_at < now + 23 * HOUR);

    let new = slot.open(2, renew_at);
    assert!(slot.is_settled() && slot.opens_at().is_none() && slot.closes_at().is_none());
    slot.report(2, SETTLED, renew_at);
    assert!(slot.is_settled() && is_wanted(&old), "what is on its way is still heard");
    assert_eq!(slot.closes_at(), Some(renew_at + LINGER));
    slot.close(renew_at + LINGER / 2);
    assert!(is_wanted(&old));
    slot.close(renew_at + LINGER);
    assert!(!is_wanted(&old) && is_wanted(&new));
    assert!(slot.opens_at().unwrap() > renew_at + 22 * HOUR);
    assert_eq!(slot.ended(1, lost(true), renew_at + LINGER), None, "nobody misses it");
}

#[test]
fn a_successor_that_fails_is_tried_again_and_nothing_is_lost() {
    let now = Instant::now();
    let mut slot = Slot::new(streams(0..1), now);
    let old = slot.open(1, now);
    slot.report(1, SETTLED, now);
    let renew_at = slot.opens_at().unwrap();
    slot.open(2, renew_at);
    assert_eq!(slot.ended(2, lost(false), renew_at), None);
    assert!(slot.is_settled() && is_wanted(&old));
    let again_at = slot.opens_at().unwrap();
    assert!(again_at >= renew_at && again_at <= renew_at + RECONNECT_FIRST);
    // The old one ends before the new one is there: that is a loss, but the new one is under way.
    let new = slot.open(3, again_at);
    assert_eq!(slot.ended(1, lost(true), again_at).as_deref(), Some("cut"));
    assert!(!slot.is_settled() && is_wanted(&new));
    slot.report(3, SETTLED, again_at);
    assert!(slot.is_settled());
}

#[test]
fn a_successor_has_to_hold_what_is_wanted_by_then() {
    let now = Instant::now();
    let mut slot = Slot::new(streams(0..1), now);
    let old = slot.open(1, now);
    slot.report(1, SETTLED, now);
    slot.open(2, now + 23 * HOUR);
    slot.want(streams(0..2));
    slot.report(2, SETTLED, now + 23 * HOUR);
    assert_eq!(slot.closes_at(), None);
    assert!(is_wanted(&old));
    slot.report(2, Report::Settled { revision: 2 }, now + 23 * HOUR);
    assert!(slot.is_settled() && slot.closes_at().is_some());
}

#[test]
fn a_shutdown_replaces_at_once_unless_they_follow_each_other() {
    let now = Instant::now();
    let mut slot = Slot::new(streams(0..1), now);
    slot.open(1, now);
    slot.report(1, SETTLED, now);
    let later = now + HOUR;
    slot.report(1, Report::Leaving, later);
    assert_eq!(slot.opens_at(), Some(later));
    let next = slot.open(2, later);
    slot.report(2, Report::Leaving, later);
    assert!(!is_wanted(&next), "one that leaves as well is no successor");
    let opens_at = slot.opens_at().unwrap();
    assert!(opens_at <= later + RECONNECT_FIRST);
    slot.open(3, opens_at);
    slot.report(3, SETTLED, opens_at);
    assert!(slot.opens_at().unwrap() > later + 22 * HOUR, "all is well again");
    let mut waits = BTreeSet::new();
    for number in 4..20 {
        slot.report(number - 1, Report::Leaving, later);
        waits.insert(slot.opens_at().unwrap() - later);
        slot.open(number, later);
        slot.report(number, SETTLED, later);
    }
    assert!(waits.last().is_some_and(|longest| *longest > RECONNECT_FIRST), "{waits:?}");
}

#[test]
fn silence_again_and_again_is_a_quiet_market() {
    let now = Instant::now();
    let mut slot = Slot::new(streams(0..1), now);
    let patience: Vec<u64> = (0..6)
        .map(|number| {
            let patience = slot.patience();
            slot.open(number, now);
            assert_eq!(slot.ended(number, silent(), now).as_deref(), Some("no candle for 20 s"));
            patience.as_secs()
        })
        .collect();
    assert_eq!(patience, [20, 40, 80, 160, 160, 160]);
    slot.silences = u32::MAX;
    assert_eq!(slot.patience(), SILENT_MOST);
    slot.open(7, now);
    slot.ended(7, lost(true), now);
    assert_eq!(slot.patience(), SILENT);
}

#[test]
fn shares_are_even_and_empty_ones_are_used_first() {
    let mut shares = Vec::new();
    share_out(&mut shares, &streams(0..600), 300);
    assert_eq!(shares.iter().map(BTreeSet::len).collect::<Vec<_>>(), [300, 300]);
    share_out(&mut shares, &streams(0..601), 300);
    assert_eq!(shares.iter().map(BTreeSet::len).collect::<Vec<_>>(), [300, 300, 1]);
    share_out(&mut shares, &streams(1_000..1_010), 300);
    assert_eq!(shares.iter().map(BTreeSet::len).collect::<Vec<_>>(), [10, 0, 0]);
    share_out(&mut shares, &BTreeSet::new(), 300);
    assert!(shares.iter().all(BTreeSet::is_empty));
}

proptest! {
    #[test]
    fn every_stream_has_one_place_and_keeps_it(
        changes in prop::collection::vec(prop::collection::btree_set(0..60_usize, 0..60), 1..10),
        most in 1..10_usize,
    ) {
        let mut shares: Vec<BTreeSet<StreamKey>> = Vec::new();
        for numbers in changes {
            let wanted = streams(numbers);
            let before = shares.clone();
            share_out(&mut shares, &wanted, most);
            prop_assert!(shares.iter().all(|share| share.len() <= most));
            prop_assert_eq!(shares.iter().map(BTreeSet::len).sum::<usize>(), wanted.len());
            prop_assert_eq!(&shares.iter().flatten().cloned().collect::<BTreeSet<_>>(), &wanted);
            for (before, after) in before.iter().zip(&shares) {
                prop_assert!(before.intersection(&wanted).all(|stream| after.contains(stream)));
            }
            shares.retain(|share| !share.is_empty());
        }
    }
}
