//! The status pages: what they say, in which form, and to whom.

use std::collections::BTreeSet;

use rustix::process::Signal;
use serde_json::{Value, json};
use vyx_supabase::{Effect, Fault, Match};

use crate::openmetrics::{Labels, parse, values};
use crate::world::{ALICE, ALICES_APP, ALICES_APP_NAME, Trader, World, json, wait};

const PULSE: &str = "5048128b-9ea9-4af7-b08b-cc1361d552fa";
const TRAP: &str = "5048128b-9ea9-4af7-b08b-cc1361d552fb";
const TOKEN: &str = "0123456789abcdef-admin";
const ADMIN_PAGES: [(&str, &str); 4] = [
    ("GET", "/api/traders"),
    ("GET", "/api/signals"),
    ("GET", "/api/signals?historical=true"),
    ("POST", "/api/reload"),
];

fn world() -> World {
    let world = World::new();
    world.add(Trader::of(ALICE, PULSE, "Pulse", "pulse"));
    world
}

/// Everything a scraper finds: each trader and each promise, in a form that it can read.
#[test]
fn the_metrics_are_openmetrics_and_have_each_trader_and_each_promise() {
    let world = world();
    world.add(Trader::of(ALICE, TRAP, "Trap", "hostile-trap"));
    let mut host = world.dedicated().start();
    // Before anything is proved there are no traders; the page is whole all the same.
    let early = parse(&host.get("/metrics").1);
    assert!(early["vyx_ready"].samples.values().all(|value| *value == 0.0 || *value == 1.0));
    host.wait_until_ready();
    host.wait_for_state("Trap", "error");
    world.wait_for("signals", "select count(*) from signals", |signals| signals > 10);
    host.wait_for("realtime is live");
    world.enable(PULSE, false);
    host.wait_for_state("Pulse", "stopped");
    world.enable(PULSE, true);
    host.wait_for_state("Pulse", "running");
    wait("calls of the new instance", || {
        (host.metric(&format!("vyx_trader_calls_total{{trader_id=\"{PULSE}\"}}")) > Some(0.0)).then_some(())
    });

    let (status, content_type, page) = host.ask("GET", "/metrics", &[]);
    assert_eq!((status, content_type.as_str()), (200, "application/openmetrics-text; version=1.0.0; charset=utf-8"));
    let families = parse(&page);
    let per_trader = [
        ("vyx_trader_live", "gauge"),
        ("vyx_trader_calls", "counter"),
        ("vyx_trader_evaluations", "counter"),
        ("vyx_trader_cpu_seconds", "counter"),
        ("vyx_trader_peak_memory_bytes", "gauge"),
        ("vyx_trader_signals", "counter"),
        ("vyx_trader_historical_signals", "counter"),
        ("vyx_trader_held_back_signals", "counter"),
        ("vyx_trader_restarts", "counter"),
    ];
    for (name, kind) in per_trader {
        let family = families.get(name).unwrap_or_else(|| panic!("{name} is not in {page}"));
        assert_eq!(family.kind, kind, "{name}");
        assert_eq!(values(family, "trader_id"), BTreeSet::from([PULSE.to_owned(), TRAP.to_owned()]), "{name}");
    }
    let of = |family: &str, sample: &str, labels: &[(&str, &str)]| {
        let labels: Labels = labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let samples = &families[family].samples;
        *samples.get(&(sample.to_owned(), labels)).unwrap_or_else(|| panic!("{sample} is not in {samples:?}"))
    };
    let pulse = [("trader_id", PULSE)];
    assert!(of("vyx_trader_calls", "vyx_trader_calls_total", &pulse) > 0.0);
    assert!(of("vyx_trader_cpu_seconds", "vyx_trader_cpu_seconds_total", &pulse) > 0.0);
    assert!(of("vyx_trader_peak_memory_bytes", "vyx_trader_peak_memory_bytes", &pulse) > 65_536.0);
    assert_eq!(of("vyx_trader_live", "vyx_trader_live", &pulse), 1.0);
    assert_eq!(of("vyx_trader_live", "vyx_trader_live", &[("trader_id", TRAP)]), 0.0);
    assert_eq!(of("vyx_traders", "vyx_traders", &[("state", "running")]), 1.0);
    assert_eq!(of("vyx_traders", "vyx_traders", &[("state", "error")]), 1.0);
    let faults = &families["vyx_trader_faults"];
    assert_eq!(faults.kind, "counter");
    for promise in ["vyx_ready", "vyx_evaluating", "vyx_realtime_live"] {
        assert_eq!(of(promise, promise, &[]), 1.0);
    }
    assert!(of("vyx_last_good_reconcile_seconds", "vyx_last_good_reconcile_seconds", &[]) < 60.0);
    assert!(of("vyx_last_close_timestamp_seconds", "vyx_last_close_timestamp_seconds", &[]) > 1.7e9);
    for gauge in ["vyx_outbox_signals", "vyx_outbox_bytes", "vyx_outbox_oldest_seconds"] {
        assert!(of(gauge, gauge, &[]) >= 0.0);
    }
    for counter in ["vyx_signals_sent", "vyx_signals_duplicate", "vyx_signals_retries"] {
        let tables = values(&families[counter], "table");
        assert_eq!(tables, BTreeSet::from(["signals".to_owned(), "historical_signals".to_owned()]), "{counter}");
    }
    assert!(of("vyx_signals_sent", "vyx_signals_sent_total", &[("table", "signals")]) > 10.0);
    for histogram in ["vyx_disable_heard_to_dropped_seconds", "vyx_disable_committed_to_dropped_seconds"] {
        assert_eq!(families[histogram].kind, "histogram");
    }
    let heard = "vyx_disable_heard_to_dropped_seconds";
    assert_eq!(of(heard, &format!("{heard}_count"), &[]), 1.0);

    // A trader that is gone leaves no series behind.
    world.run(&format!("delete from traders where id = '{TRAP}'"));
    host.reload();
    wait("no more of it", || (!host.get("/metrics").1.contains(TRAP)).then_some(()));
    parse(&host.get("/metrics").1);
}

#[test]
fn health_and_version_say_what_runs_and_how_it_is() {
    let world = world();
    let host = world.dedicated().env("FLY_IMAGE_REF", "registry/app@sha256:00\u{1b}[2J").start();
    host.wait_until_ready();
    // The database has them before the host has heard so.
    let sent = || host.page("/health")["outbox"]["sender"]["signals"]["new"].as_u64().filter(|new| *new > 1);
    crate::world::wait("signals that were sent", sent);
    let (status, content_type, text) = host.ask("GET", "/health", &[]);
    assert_eq!((status, content_type.as_str()), (200, "application/json"));
    let health = json(&text);
    assert_eq!(health["status"], "ok", "{health}");
    assert_eq!(health["runs"], format!("the traders of user {ALICE}, as fly app {ALICES_APP}"));
    assert_eq!(health["report"]["problems"], json!([]));
    for (part, value) in [("ready", true), ("evaluating", true), ("draining", false)] {
        assert_eq!(health["report"][part], value, "{health}");
    }
    assert!(health["report"]["last_good_read_seconds"].is_u64() && health["report"]["uptime_seconds"].is_u64());
    assert!(health["outbox"]["queued"].is_u64() && health["outbox"]["sender"]["signals"]["new"].as_u64() > Some(0));

    let (status, content_type, text) = host.ask("GET", "/version", &[]);
    assert_eq!((status, content_type.as_str()), (200, "application/json"));
    let version = json(&text);
    assert_eq!(version["abi"], json!(["1.0.0"]));
    assert_eq!(version["image"], "registry/app@sha256:00\\u{1b}[2J");
    assert!(version["version"].is_string() && version["git_sha"].is_string());

    let (status, _, text) = host.ask("GET", "/api/traders", &[]);
    assert_eq!(status, 200);
    let page = json(&text);
    let trader = &page["traders"][0];
    assert_eq!((&trader["id"], &trader["name"], &trader["state"]), (&PULSE.into(), &"Pulse".into(), &"running".into()));
    assert!(trader["counts"]["calls"].as_u64() > Some(0) && trader["module_sha256"].as_str().unwrap().len() == 64);
    let (_, _, text) = host.ask("GET", "/api/signals?limit=2", &[]);
    let page = json(&text);
    let signals = page["signals"].as_array().unwrap();
    assert_eq!(signals.len(), 2);
    assert!(signals.iter().all(|signal| signal["signal"]["trader_id"] == PULSE));
    assert_eq!(host.ask("GET", "/api/signals?limit=many", &[]).0, 400);
    // What is asked for in the wrong way, or is not there, is told so; the host is none the worse for it.
    assert_eq!(host.ask("GET", "/api/reload", &[]).0, 405);
    assert_eq!(host.ask("GET", "/nothing", &[]).0, 404);
    assert_eq!(host.ask("POST", "/ready", &[]).0, 405);
    assert_eq!(host.ask("GET", "/api/../../etc/passwd", &[]).0, 404);
}

/// /health, /ready, /metrics and /version are for everybody. The rest is for the machine itself, or the token.
#[test]
fn admin_pages_need_the_machine_itself_or_the_token() {
    let world = world();
    let with = world.dedicated().env("ADMIN_TOKEN", TOKEN).start();
    let without = world.host("another").env("RUN_MODE", "shared_backend").env("FLY_APP_NAME", "vyx-app").start();
    with.wait_until_ready();
    without.wait_until_ready();
    let right = format!("Bearer {TOKEN}");
    let forwarded =
        [("x-forwarded-for", "203.0.113.7"), ("forwarded", "for=203.0.113.7"), ("fly-client-ip", "203.0.113.7")];
    for (method, path) in ADMIN_PAGES {
        let fine = if method == "POST" { 202 } else { 200 };
        let asks = |host: &crate::process::Running, headers: &[(&str, &str)]| host.ask(method, path, headers).0;
        assert_eq!((asks(&with, &[]), asks(&without, &[])), (fine, fine), "{path} from this machine");
        for proxy in forwarded {
            assert_eq!((asks(&with, &[proxy]), asks(&without, &[proxy])), (401, 401), "{path} by {proxy:?}");
            assert_eq!(asks(&with, &[proxy, ("authorization", &right)]), fine, "{path}");
            let wrong = [
                "Bearer ".to_owned(),
                format!("Bearer {TOKEN}x"),
                format!("Bearer {}", &TOKEN[..TOKEN.len() - 1]),
                format!("bearer{TOKEN}"),
                format!("Basic {TOKEN}"),
                TOKEN.to_owned(),
            ];
            for wrong in wrong {
                let (status, content_type, text) = with.ask(method, path, &[proxy, ("authorization", &wrong)]);
                assert_eq!((status, content_type.as_str()), (401, "application/json"), "{path} with {wrong}");
                let error = "this needs `Authorization: Bearer ADMIN_TOKEN`, or a call from the machine itself";
                assert_eq!(json(&text), json!({ "error": error }));
            }
            // Without a token there is none that is right.
            for guess in ["Bearer ", "Bearer null", &right] {
                assert_eq!(asks(&without, &[proxy, ("authorization", guess)]), 401, "{path} with {guess}");
            }
        }
    }
    for path in ["/health", "/ready", "/metrics", "/version"] {
        assert_eq!(with.ask("GET", path, &forwarded).0, 200, "{path}");
    }
    // What everybody may read names no trader's signals and no names.
    assert!(!with.ask("GET", "/health", &forwarded).2.contains("Pulse"));
}

/// Asked for, the registry is read at once, and not at the next poll.
#[test]
fn a_reload_reads_the_registry_now() {
    let world = world();
    let mut host = world.dedicated().start();
    host.wait_until_ready();
    host.wait_for("realtime is live");
    // Nothing is heard, and the next poll is half a minute away.
    world.standin.realtime().inject(vyx_supabase::RealtimeFault::DropChanges);
    let reads = || world.standin.count("GET", "/rest/v1/traders");
    let before = reads();
    world.enable(PULSE, false);
    host.reload();
    host.wait_for_state("Pulse", "stopped");
    assert!(reads() > before);
}

/// Each line of the log is one JSON object, whatever happens.
#[test]
fn a_json_log_is_json_line_by_line() {
    let world = world();
    world.add(Trader::of(ALICE, TRAP, "Trap", "hostile-panic"));
    let host = world.dedicated().env("RUST_LOG", "debug").start();
    host.wait_until_ready();
    host.wait_for_state("Trap", "error");
    let fault = world.standin.fault(Fault::new(Match::any(), Effect::html(520)));
    host.reload();
    wait("the outage", || host.log().contains("the traders run on as they were").then_some(()));
    world.standin.remove_fault(fault);
    world.standin.realtime().cut();
    let (code, log) = host.end(Signal::TERM);
    assert_eq!(code, 0, "{log}");
    for line in log.lines() {
        let line: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        assert!(line["timestamp"].is_string() && line["fields"].is_object(), "{line}");
        assert!(["TRACE", "DEBUG", "INFO", "WARN", "ERROR"].contains(&line["level"].as_str().unwrap()), "{line}");
    }
    assert!(log.contains("the market is closed to me"), "the author's own words are there: {log}");

    let refused = world.dedicated().env("FLY_APP_NAME", ALICES_APP_NAME).env("SUPABASE_SERVICE_KEY", "");
    let (code, words) = refused.ends();
    assert_eq!(code, 78);
    for line in words.lines() {
        assert!(serde_json::from_str::<Value>(line).is_ok_and(|line| line.is_object()), "{line}");
    }
}
