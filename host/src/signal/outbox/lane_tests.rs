use std::collections::VecDeque;

use proptest::prelude::*;

use super::*;

fn error(refusal: Refusal, after: Option<Duration>) -> DeliverError {
    DeliverError { refusal, code: "x".into(), reason: "x".into(), after }
}

#[test]
fn waits_double_up_to_a_minute() {
    let now = Instant::now();
    let mut lane = Lane::new(now);
    let waits: Vec<f64> = (0..10)
        .map(|_| {
            assert_eq!(lane.after(200, 1, Err(&error(Refusal::Retry, None)), now, 1.0), Next::Again);
            (lane.not_before - now).as_secs_f64()
        })
        .collect();
    assert_eq!(waits, [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0, 60.0]);
    lane.after(200, 1, Err(&error(Refusal::Retry, None)), now, 0.25);
    assert_eq!(lane.not_before - now, Duration::from_secs(15), "drawn from the whole range");
}

#[test]
fn the_server_may_ask_for_more_but_not_for_ever() {
    let now = Instant::now();
    for (asked, waited) in [(30, 30), (600, 600), (86_400, 600)] {
        let mut lane = Lane::new(now);
        lane.after(1, 1, Err(&error(Refusal::Retry, Some(Duration::from_secs(asked)))), now, 1.0);
        assert_eq!(lane.not_before - now, Duration::from_secs(waited));
    }
}

#[test]
fn what_needs_mending_is_tried_every_minute_or_so() {
    let now = Instant::now();
    for (drawn, waited) in [(0.0, 30), (1.0, 60)] {
        let mut lane = Lane::new(now);
        for _ in 0..3 {
            lane.after(1, 1, Err(&error(Refusal::NeedsMending, None)), now, drawn);
            assert_eq!(lane.not_before - now, Duration::from_secs(waited));
        }
    }
}

#[test]
fn after_five_failures_a_single_row_finds_out() {
    let now = Instant::now();
    let mut lane = Lane::new(now);
    let rows: Vec<usize> = (0..7)
        .map(|_| {
            lane.after(lane.rows(), 1, Err(&error(Refusal::Retry, None)), now, 0.0);
            lane.rows()
        })
        .collect();
    assert_eq!(rows, [200, 200, 200, 200, 1, 1, 1]);
    lane.after(1, 1, Ok(()), now, 0.0);
    assert_eq!((lane.rows(), lane.failures), (200, 0));
}

#[test]
fn what_is_too_much_is_halved() {
    let now = Instant::now();
    let mut lane = Lane::new(now);
    lane.after(200, 800_000, Err(&error(Refusal::TooLarge, None)), now, 1.0);
    assert_eq!((lane.rows(), lane.bytes(), lane.not_before), (100, 400_000, now));
    lane.after(100, 400_000, Err(&error(Refusal::Halve, None)), now, 1.0);
    assert_eq!((lane.rows(), lane.bytes()), (50, 400_000));
    assert!(lane.not_before > now, "the database is not hurried");
    lane.after(1, 1, Err(&error(Refusal::Halve, None)), now, 1.0);
    assert_eq!(lane.rows(), 1, "a single row that takes too long is tried again");
    assert_eq!(lane.after(1, 1, Err(&error(Refusal::TooLarge, None)), now, 1.0), Next::Bury);
}

proptest! {
    #[test]
    fn poison_is_found_and_nothing_else(poison in proptest::collection::vec(any::<bool>(), 1..600)) {
        let now = Instant::now();
        let mut lane = Lane::new(now);
        let mut queue: VecDeque<bool> = poison.iter().copied().collect();
        let (mut requests, mut sent, mut buried) = (0, 0, 0);
        while !queue.is_empty() {
            let rows = lane.rows().min(queue.len());
            prop_assert!((1..=BATCH_ROWS).contains(&rows));
            let is_bad = queue.iter().take(rows).any(|is_poison| *is_poison);
            let refused = error(Refusal::Reject, None);
            let next = lane.after(rows, rows, if is_bad { Err(&refused) } else { Ok(()) }, now, 1.0);
            requests += 1;
            match next {
                Next::Settle => sent += queue.drain(..rows).count(),
                Next::Bury => {
                    prop_assert_eq!((rows, queue.pop_front()), (1, Some(true)));
                    buried += 1;
                }
                Next::Again => prop_assert!(rows > 1),
            }
            prop_assert_eq!(lane.not_before, now, "one bad row delays nobody");
        }
        prop_assert_eq!(buried, poison.iter().filter(|is_poison| **is_poison).count());
        prop_assert_eq!(sent + buried, poison.len());
        // To halve 200 takes eight requests, and as many to grow back.
        prop_assert!(requests <= 20 * (buried + 1));
    }
}

#[test]
fn draws_lie_between_nothing_and_all() {
    let draws: Vec<f64> = (0..1_000).map(|_| draw()).collect();
    assert!(draws.iter().all(|drawn| (0.0..=1.0).contains(drawn)));
    assert!(draws.iter().any(|drawn| *drawn < 0.25) && draws.iter().any(|drawn| *drawn > 0.75));
}
