//! SIGTERM and SIGINT, which mean the same: an end in order. A second one means now.

use rustix::process::Signal;
use vyx_supabase::{Effect, Fault, Match};

use crate::world::{Trader, World, wait};

const PULSE: &str = "73d7da06-0000-4000-8000-000000000001";

fn world() -> World {
    let world = World::new();
    world.add(Trader::built_in(PULSE, "Golden Cross", "pulse"));
    world
}

#[test]
fn either_signal_ends_it_in_order() {
    let world = world();
    for signal in [Signal::TERM, Signal::INT] {
        let host = world.shared().start();
        host.wait_until_ready();
        let before = world.count("select count(*) from signals");
        world.wait_for("signals", "select count(*) from signals", |signals| signals > before);
        let (code, log) = host.end(signal);
        assert_eq!(code, 0, "{log}");
        assert!(log.contains("shutting down") && log.contains("\"bye\""), "{log}");
        assert!(!log.contains("are left in the outbox"), "everything was sent: {log}");
        assert_eq!(world.count("select count(*) from trader_state where state = 'stopped'"), 1);
    }
}

#[test]
fn it_ends_as_well_while_it_waits_for_the_project() {
    let world = world();
    world.standin.down();
    let mut host = world.shared().start();
    host.wait_for("nothing runs until the project answers");
    let (status, page) = host.get("/ready");
    assert_eq!(status, 503, "{page}");
    let (code, log) = host.end(Signal::TERM);
    assert_eq!(code, 0, "{log}");
    world.standin.up();
}

/// Nothing answers: what is not sent in time stays on disk, and the next start sends it.
#[test]
fn it_ends_within_the_drain_although_nobody_answers() {
    let world = world();
    let mut host = world.shared().start();
    host.wait_until_ready();
    world.wait_for("signals", "select count(*) from signals", |signals| signals > 0);
    let hang = world.standin.fault(Fault::new(Match::any(), Effect::Hang));
    wait("a queue", || (host.metric("vyx_outbox_signals") >= Some(10.0)).then_some(()));
    host.signal(Signal::TERM);
    host.wait_for("shutting down");
    // While it drains it says so, and is not ready.
    assert!(host.page("/health")["report"]["draining"] == true);
    assert_eq!(host.get("/ready").0, 503);
    let (code, log) = host.ended();
    assert_eq!(code, 0, "{log}");
    assert!(log.contains("signals are left in the outbox, the next start sends them"), "{log}");
    world.standin.remove_fault(hang);
    let before = world.count("select count(*) from signals");
    let host = world.shared().start();
    world.wait_for("what was left", "select count(*) from signals", |signals| signals >= before + 10);
    host.end(Signal::TERM);
    let holes = "select count(*) from (
        select count(*) as n, extract(epoch from max(timestamp) - min(timestamp))::bigint / 60 + 1 as minutes
        from signals group by symbol
    ) as s where n <> minutes";
    assert_eq!(world.count(holes), 0, "nothing was lost");
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let world = world();
    for (first, second) in [(Signal::TERM, Signal::INT), (Signal::INT, Signal::TERM)] {
        let fault = world.standin.fault(Fault::new(Match::any().method("POST").path("/rest/v1/signals"), Effect::Hang));
        let mut host = world.shared().start();
        host.wait_until_ready();
        wait("a queue", || (host.metric("vyx_outbox_signals") >= Some(1.0)).then_some(()));
        host.signal(first);
        host.wait_for("shutting down");
        host.signal(second);
        let (code, log) = host.ended();
        assert_eq!(code, 130, "{log}");
        assert!(log.contains("told to end a second time"), "{log}");
        world.standin.remove_fault(fault);
    }
}
