//! Stopping a trader: disabled means dropped, also in an endless loop.

use crate::arena::{Arena, CLOSES, Contestant, START_MS, assert_healthy};

/// Production failure: traders disabled on the 15th still emitting on the 17th.
#[test]
fn a_trader_disabled_in_an_endless_loop_is_dropped_and_says_nothing_more() {
    let mut arena = Arena::new(3);
    arena.enter(&Contestant::new("healthy")).unwrap();
    // It loops from the 41st candle on.
    let looping = Contestant::new("hostile-loop-on-close").with("from_ms", START_MS + 40 * 60_000);
    let id = arena.enter(&looping).unwrap();
    arena.play(40);
    let before = arena.kept.of(looping.name).len();
    assert!(before > 0, "it spoke before");

    let fleet = arena.fleet.clone();
    let stopper = std::thread::spawn(move || {
        // From here on it is called only to loop.
        while !fleet.is_evaluating(id) {
            std::thread::yield_now();
        }
        let took = fleet.remove(id);
        assert!(fleet.status().iter().all(|status| status.id != id));
        took
    });
    arena.play(CLOSES - 40);
    assert!(stopper.join().unwrap().is_some(), "it ran, and was dropped");
    assert_eq!(arena.kept.of(looping.name).len(), before, "nothing was said after the stop");
    assert_healthy(&arena, 3);
}

#[test]
fn a_trader_that_is_stopped_between_closes_says_nothing_more() {
    let mut arena = Arena::new(3);
    arena.enter(&Contestant::new("healthy")).unwrap();
    let id = arena.enter(&Contestant::new("hostile-one-symbol").with("symbol", "NONE")).unwrap();
    arena.play(30);
    let before = arena.kept.of("hostile-one-symbol").len();
    assert!(before > 0);
    assert!(arena.fleet.remove(id).is_some());
    assert!(arena.fleet.remove(id).is_none(), "it is gone");
    arena.play(CLOSES - 30);
    assert_eq!(arena.kept.of("hostile-one-symbol").len(), before);
    assert_healthy(&arena, 3);
}

/// A stop and the commit of what was found race in every possible order; a signal never follows the stop.
#[test]
fn an_evaluation_in_flight_cannot_commit_after_the_stop() {
    for round in 0..40 {
        let mut arena = Arena::new(3);
        let id = arena.enter(&Contestant::new("healthy")).unwrap();
        arena.play(1);
        let (fleet, kept) = (arena.fleet.clone(), arena.kept.clone());
        let stopper = std::thread::spawn(move || {
            for _ in 0..round * 200 {
                std::hint::spin_loop();
            }
            fleet.remove(id);
            kept.of("healthy").len()
        });
        arena.play(10);
        let at_stop = stopper.join().unwrap();
        assert_eq!(arena.kept.of("healthy").len(), at_stop, "round {round}");
    }
}
