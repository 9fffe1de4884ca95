//! A toggle that meets something else: a read that is under way, another toggle, a host that is down.

use std::time::Duration;

use rustix::process::Signal;

use vyx_supabase::{Effect, Entry, Fault, Match};

use crate::toggle::{GOLDEN, NEIGHBOUR, assert_silent, newest_ms, two, wait_for_signals};
use crate::world::{Trader, component, other_bytes};

/// Longer than it takes to disable a trader and to hear of it.
const SLOW: Effect = Effect::Delay(Duration::from_secs(4));

fn is_held(entry: &Entry) -> bool {
    entry.fault == Some("delay") && entry.status.is_none()
}

/// The read has its rows already, the trader among them as enabled, and waits for the page that says that there are no more.
#[test]
fn a_read_that_began_before_the_disable_does_not_start_the_trader_again() {
    let world = two();
    let mut host = world.shared().start();
    host.wait_for_realtime();
    wait_for_signals(&world, GOLDEN);
    let second_page = Match::any().method("GET").path("/rest/v1/traders").query("*id=gt.*");
    world.standin.fault(Fault::new(second_page, SLOW).times(1));
    world.run("update traders set description = 'changed'");
    world.standin.wait_until_blocking("a read that waits", |requests| requests.iter().any(is_held));
    world.enable(GOLDEN, false);
    host.wait_for("stopped, as it was disabled or deleted");
    world.standin.wait_until_blocking("its end", |requests| {
        requests.iter().any(|entry| entry.fault == Some("delay") && entry.status.is_some())
    });
    assert_silent(&world, &host, GOLDEN, NEIGHBOUR, 100);
    host.wait_for_state("Golden Cross", "stopped");
    assert_eq!(host.log().matches("started Golden Cross").count(), 1, "{}", host.log());
}

/// It was enabled, its module is on its way, and it is disabled before that arrives.
#[test]
fn a_trader_that_is_disabled_while_its_module_comes_does_not_start() {
    let world = two();
    let late = "1a7e0000-0000-4000-8000-000000000003";
    world.add(Trader::built_in(late, "Late", "pulse").disabled());
    let sha256 = world.publish(None, &other_bytes(component("pulse"), "late"));
    world.set_version(late, &sha256, "{}");
    let mut host = world.shared().start();
    host.wait_for_realtime();
    world.standin.fault(Fault::new(Match::any().path(&format!("*{sha256}.wasm")), SLOW).times(1));
    world.enable(late, true);
    world.standin.wait_until_blocking("a download that waits", |requests| requests.iter().any(is_held));
    world.enable(late, false);
    world.standin.wait_until_blocking("its end", |requests| {
        requests.iter().any(|entry| entry.fault == Some("delay") && entry.status.is_some())
    });
    assert_silent(&world, &host, late, NEIGHBOUR, 50);
    host.wait_for_state("Late", "stopped");
    assert_eq!(world.count(&newest_ms(late)), 0);
    assert!(!host.log().contains("started Late"), "{}", host.log());
    // What was refused then starts when it is asked for again.
    world.enable(late, true);
    host.wait_for("started Late");
    wait_for_signals(&world, late);
}

#[test]
fn off_and_on_again_says_nothing_twice() {
    let world = two();
    let mut host = world.shared().start();
    host.wait_for_realtime();
    wait_for_signals(&world, GOLDEN);
    for round in 0..5 {
        if round % 2 == 0 {
            world.enable(GOLDEN, false);
            world.enable(GOLDEN, true);
        } else {
            // Nobody ever saw it disabled, and yet it is told of.
            world.run(&format!(
                "begin; update traders set enabled = false where id = '{GOLDEN}';
                 update traders set enabled = true where id = '{GOLDEN}'; commit"
            ));
        }
        host.wait_for("stopped, as it was disabled or deleted");
        host.wait_for("started Golden Cross");
    }
    let now_ms = host.last_close_ms();
    world.wait_for("signals", &newest_ms(GOLDEN), |close_ms| close_ms > now_ms + 20 * 60_000);
    host.wait_for_state("Golden Cross", "running");
    assert_eq!(host.doubled(), Some(0.0));
    host.assert_nothing_refused();
    let twice = format!(
        "select count(*) from (select from signals where trader_id = '{GOLDEN}'
            group by symbol, timestamp having count(*) > 1) as twice"
    );
    assert_eq!(world.count(&twice), 0);
}

/// What passed while it was disabled is not for it, also when it ran before the host went down.
#[test]
fn a_trader_that_was_disabled_while_the_host_was_down_does_not_run() {
    let world = two();
    let host = world.shared().start();
    wait_for_signals(&world, GOLDEN);
    assert_eq!(host.end(Signal::TERM).0, 0);
    let stopped_ms = world.count(&newest_ms(GOLDEN));
    world.enable(GOLDEN, false);
    // Two candles a second: the warm-up of the trader reaches into the time when it was disabled.
    let mut host = world.shared().env("FEED_SPEED", "120").start();
    host.wait_for_realtime();
    world.wait_for("the neighbour", &newest_ms(NEIGHBOUR), |close_ms| close_ms > stopped_ms + 10 * 60_000);
    assert_eq!(world.count(&newest_ms(GOLDEN)), stopped_ms);
    assert_eq!(host.states()["Golden Cross"], "stopped");

    // The neighbour shows which candles it may not speak of.
    let off_until_ms = host.last_close_ms();
    world.enable(GOLDEN, true);
    host.wait_for("started Golden Cross");
    world.wait_for("signals", &newest_ms(GOLDEN), |close_ms| close_ms > off_until_ms + 5 * 60_000);
    let between = format!(
        "select count(*) from signals where trader_id = '{GOLDEN}'
            and timestamp > to_timestamp({stopped_ms} / 1000.0) and timestamp <= to_timestamp({off_until_ms} / 1000.0)"
    );
    assert_eq!(world.count(&between), 0, "of candles that closed while it was disabled");
    host.assert_nothing_refused();
}
