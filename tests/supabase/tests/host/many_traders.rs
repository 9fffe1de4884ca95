//! More traders than the platform gives in one answer.

use rustix::process::Signal;

use crate::world::{Trader, World, wait};

const FIRST: &str = "00000000-0000-4000-8000-000000000000";
const TRADERS: i64 = 2_500;

/// Production failure: an unbounded select, cut at 1,000 rows without a word.
#[test]
fn an_unbounded_select_that_lost_all_traders_but_the_first_thousand() {
    let world = World::new();
    // They never speak: what counts is who runs.
    let silent = r#"{"every": 100000}"#;
    world.add(Trader::built_in(FIRST, "trader 0", "pulse").params(silent));
    world.run(&format!(
        "insert into traders (id, name, description, filter, strategy, is_built_in, ownership_type, enabled, module_sha256, params)
         select ('00000000-0000-4000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, 'trader ' || n, '', '{{}}', '{{}}', true, 'system',
             true, t.module_sha256, t.params
         from generate_series(1, {}) as n, traders t where t.id = '{FIRST}'",
        TRADERS - 1
    ));
    let running = |host: &crate::process::Running| host.metric("vyx_traders{state=\"running\"}");
    let host = world.shared().env("SYMBOL_COUNT", "1").env("FEED_SPEED", "60").start();
    wait("all of them", || (running(&host) == Some(TRADERS as f64)).then_some(()));
    host.wait_until_ready();
    let paged =
        |entries: &[vyx_supabase::Entry]| entries.iter().filter(|entry| entry.is("GET", "/rest/v1/traders")).count();
    assert!(paged(&world.standin.requests()) >= 6, "five pages of 500, and an empty one");

    // A limit of the server below our own cuts every page.
    world.standin.set_max_rows(300);
    let last = format!("00000000-0000-4000-8000-{:012x}", TRADERS - 1);
    world.enable(&last, false);
    host.reload();
    wait("the last one stopped", || (running(&host) == Some(TRADERS as f64 - 1.0)).then_some(()));
    assert_eq!(host.metric("vyx_traders{state=\"stopped\"}"), Some(1.0));
    world.enable(&last, true);
    host.reload();
    wait("all of them again", || (running(&host) == Some(TRADERS as f64)).then_some(()));
    let (status, page) = host.get("/ready");
    assert_eq!((status, page.as_str()), (200, r#"{"problems":[],"ready":true,"warnings":[]}"#));
    world.wait_for("their states", "select count(*) from trader_state where state = 'running'", |n| n == TRADERS);
    assert_eq!(host.end(Signal::TERM).0, 0);
}
