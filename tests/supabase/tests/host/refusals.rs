//! What Supabase refuses while the host runs: each row of the table of errors, on the read of traders and on the insert of signals.

use rustix::process::Signal;
use vyx_supabase::{Effect, Fault, Match};

use crate::misconfigured::only_line;
use crate::process::Running;
use crate::world::{Trader, World, wait};

const PULSE: &str = "73d7da06-0000-4000-8000-000000000001";
const NAME: &str = "Golden Cross";

fn world() -> World {
    let world = World::new();
    world.add(Trader::built_in(PULSE, NAME, "pulse"));
    world
}

fn pg(status: u16, code: &str) -> Effect {
    Effect::postgrest(status, code, "refused by a rule of the test")
}

fn reads() -> Match {
    Match::any().method("GET").path("/rest/v1/traders")
}

fn inserts() -> Match {
    Match::any().method("POST").path("/rest/v1/signals")
}

/// Every minute of every symbol from the first signal to the last one, once.
fn nothing_is_missing(world: &World) {
    let holes = "select count(*) from (
        select count(*) as n, extract(epoch from max(timestamp) - min(timestamp))::bigint / 60 + 1 as minutes
        from signals group by symbol
    ) as s where n <> minutes";
    assert_eq!(world.count(holes), 0);
}

fn outbox_is_empty(host: &Running) {
    wait("an empty outbox", || {
        (host.page("/health")["outbox"]["sender"]["signals"]["trouble"].is_null()).then_some(())
    });
}

/// What is unready and what is only told; in both cases the traders run on.
#[test]
fn the_last_good_set_runs_on_whatever_is_said_to_a_read() {
    let world = world();
    let host = world.shared().start();
    host.wait_until_ready();
    host.wait_for_state(NAME, "running");
    let unready = true;
    let rows: Vec<(Effect, &str, bool)> = vec![
        // The key: never silent.
        (
            Effect::invalid_api_key(),
            "status 401; the key or token is refused: check SUPABASE_SERVICE_ROLE_KEY",
            unready,
        ),
        (pg(401, "PGRST301"), "PGRST301 (status 401); the key or token is refused", unready),
        (pg(401, "PGRST302"), "PGRST302 (status 401); the key or token is refused", unready),
        (pg(401, "PGRST303"), "PGRST303 (status 401); the key or token is refused", unready),
        (pg(401, "22023"), "22023 (status 401); the key or token is refused", unready),
        // Grants.
        (pg(403, "42501"), "42501 (status 403); permission denied: check the role of the key and the grants", unready),
        (pg(401, "42501"), "42501 (status 401); permission denied", unready),
        // The schema.
        (pg(404, "PGRST205"), "PGRST205 (status 404); it is not in the database: apply the migrations", !unready),
        (pg(404, "42P01"), "42P01 (status 404); it is not in the database", !unready),
        (pg(400, "42703"), "42703 (status 400); it is not in the database", !unready),
        // Our own request.
        (pg(400, "PGRST100"), "PGRST100 (status 400); host and server do not fit together", !unready),
        (pg(400, "22P02"), "22P02 (status 400); the request is refused for good", !unready),
        (pg(418, "XX999"), "XX999 (status 418); the request is refused for good", !unready),
        // What passes.
        (Effect::statement_timeout(), "57014 (status 500); the statement took too long", !unready),
        (pg(503, "57P01"), "57P01 (status 503); it is tried again", !unready),
        (pg(500, "40001"), "40001 (status 500); it is tried again", !unready),
        (pg(500, "40P01"), "40P01 (status 500); it is tried again", !unready),
        (pg(405, "25006"), "25006 (status 405); the database is read-only, its disk may be full", !unready),
        (Effect::schema_cache_not_loaded(), "PGRST002 (status 503); it is tried again", !unready),
        (pg(503, "PGRST000"), "PGRST000 (status 503); it is tried again", !unready),
        (pg(503, "PGRST001"), "PGRST001 (status 503); it is tried again", !unready),
        (pg(503, "08006"), "08006 (status 503); it is tried again", !unready),
        (Effect::pool_timeout(), "PGRST003 (status 504); it is tried again", !unready),
        (pg(503, "53300"), "53300 (status 503); it is tried again", !unready),
        (pg(503, "53200"), "53200 (status 503); it is tried again", !unready),
        (pg(503, "53100"), "53100 (status 503); it is tried again", !unready),
        (Effect::rate_limited(1), "status 429; it is tried again", !unready),
        (Effect::html(520), "status 520; it is tried again", !unready),
        (Effect::html(403), "status 403; it is tried again", !unready),
        (Effect::html(200), "the answer is not json (status 200); it is tried again", !unready),
        (Effect::json(502, "{}"), "status 502; it is tried again", !unready),
        (pg(500, "XX000"), "XX000 (status 500); it is tried again", !unready),
        (Effect::CutBefore, "it is tried again", !unready),
        // A list without its count, and one that is shorter than its count.
        (Effect::json(200, "[]"), "no count of the rows", !unready),
        (Effect::json(200, "[]").with_header("content-range", "*/5"), "0 of 5 rows came", !unready),
    ];
    for (effect, words, is_unready) in rows {
        let before = host.page("/health")["report"]["last_close_ms"].as_i64();
        let fault = world.standin.fault(Fault::new(reads(), effect));
        host.reload();
        wait(words, || host.get("/ready").1.contains(words).then_some(()));
        let (status, page) = host.get("/ready");
        assert_eq!(status, if is_unready { 503 } else { 200 }, "{words}: {page}");
        assert!(is_unready || page.contains("the last good set of traders runs on: cannot read traders: "), "{page}");
        assert_eq!(host.metric("vyx_ready"), Some(if is_unready { 0.0 } else { 1.0 }), "{words}");
        assert_eq!(host.states()[NAME], "running", "{words}");
        wait("the next close", || (host.page("/health")["report"]["last_close_ms"].as_i64() > before).then_some(()));
        world.standin.remove_fault(fault);
        host.reload();
        wait("no more of it", || {
            (host.get("/ready") == (200, r#"{"problems":[],"ready":true,"warnings":[]}"#.into())).then_some(())
        });
    }
    let (code, log) = host.end(Signal::TERM);
    assert_eq!(code, 0, "{log}");
    assert_eq!(log.matches("\"stopped Golden Cross").count(), 0, "{log}");
    nothing_is_missing(&world);
}

/// What passes is sent again, what is poison is set aside with its reason; nothing else is lost or doubled.
#[test]
fn signals_are_sent_again_or_set_aside_as_the_table_of_errors_says() {
    let world = world();
    let host = world.shared().start();
    host.wait_until_ready();
    world.wait_for("signals", "select count(*) from signals", |signals| signals > 0);

    let passing: Vec<(Effect, &str)> = vec![
        (pg(503, "57P01"), "57P01"),
        (pg(500, "40001"), "40001"),
        (pg(500, "40P01"), "40P01"),
        (Effect::schema_cache_not_loaded(), "PGRST002"),
        (pg(503, "PGRST000"), "PGRST000"),
        (pg(503, "PGRST001"), "PGRST001"),
        (pg(503, "08006"), "08006"),
        (Effect::pool_timeout(), "PGRST003"),
        (pg(503, "53300"), "53300"),
        (pg(503, "53200"), "53200"),
        (pg(503, "53100"), "53100"),
        (pg(500, "XX000"), "XX000"),
        (Effect::rate_limited(1), "429"),
        (Effect::json(502, "{}"), "502"),
        (Effect::html(520), "520"),
        (Effect::html(400), "400"),
        (Effect::statement_timeout(), "57014"),
        (Effect::CutBefore, "no answer"),
        (Effect::CutAfterCommit, "no answer"),
    ];
    let through = |host: &Running| host.log().matches("signals get through again").count();
    for (effect, code) in passing {
        let (before, dead) = (through(&host), host.log().matches("refuses a signal for good").count());
        // Two, since a client may send again by itself what was cut before it was answered.
        let times = if code == "no answer" { 2 } else { 1 };
        world.standin.fault(Fault::new(inserts(), effect).times(times));
        wait(code, || (through(&host) > before).then_some(()));
        let told = format!("\"code\":\"{code}\"");
        let log = host.log();
        assert!(
            log.lines().any(|line| line.contains("they wait in the outbox") && line.contains(&told)),
            "{code}: {log}"
        );
        assert_eq!(log.matches("refuses a signal for good").count(), dead, "{code}");
        assert_eq!(host.get("/ready").0, 200, "{code}");
    }
    assert!(host.metric("vyx_signals_retries_total{table=\"signals\"}") >= Some(17.0));
    let doubles = host.metric("vyx_signals_duplicate_total{table=\"signals\"}");
    assert!(doubles >= Some(1.0), "what was committed and not answered was sent again: {doubles:?}");
    nothing_is_missing(&world);

    let poison = [
        (pg(409, "23503"), "23503"),
        (pg(409, "23505"), "23505"),
        (pg(400, "23514"), "23514"),
        (pg(400, "23502"), "23502"),
        (pg(400, "22P02"), "22P02"),
        (pg(400, "22007"), "22007"),
        (pg(400, "22008"), "22008"),
        (pg(400, "22003"), "22003"),
        (pg(400, "22P05"), "22P05"),
        (pg(400, "PGRST100"), "PGRST100"),
        (pg(400, "PGRST102"), "PGRST102"),
        (pg(500, "21000"), "21000"),
        (pg(400, "P0001"), "P0001"),
        (Effect::json(413, "{}"), "413"),
        (pg(422, "PGRST499"), "PGRST499"),
    ];
    let mut codes = Vec::new();
    for (effect, code) in poison {
        let metric = format!("vyx_signals_dead_total{{code=\"{code}\"}}");
        let fault = world.standin.fault(Fault::new(inserts(), effect));
        wait(code, || (host.metric(&metric) >= Some(1.0)).then_some(()));
        world.standin.remove_fault(fault);
        let page = host.page("/api/signals?limit=1000");
        let dead = page["signals"].as_array().unwrap().iter().find(|signal| signal["code"] == code).cloned();
        let dead = dead.unwrap_or_else(|| panic!("{code} is not on the page: {page}"));
        assert_eq!((&dead["state"], &dead["signal"]["trader_id"]), (&"dead".into(), &PULSE.into()));
        assert!(dead["reason"].as_str().unwrap().starts_with("cannot insert into signals: "), "{dead}");
        assert_eq!(host.get("/ready").0, 200, "{code}: a poisonous row is no trouble of the host");
        codes.push(code);
    }
    let dead: i64 = codes
        .iter()
        .map(|code| host.metric(&format!("vyx_signals_dead_total{{code=\"{code}\"}}")).unwrap() as i64)
        .sum();
    outbox_is_empty(&host);
    let (code, log) = host.end(Signal::TERM);
    assert_eq!(code, 0, "{log}");
    let missing = "select sum(minutes - n)::bigint from (
        select count(*) as n, extract(epoch from max(timestamp) - min(timestamp))::bigint / 60 + 1 as minutes
        from signals group by symbol
    ) as s";
    let missing = world.count(missing);
    assert!(missing <= dead, "{missing} signals are missing, and only {dead} were set aside");
}

/// One bad row does not hold up the others: the database itself refuses those of one symbol.
#[test]
fn a_poisonous_row_is_found_in_its_batch() {
    let world = world();
    // A batch with all of them, and nothing else going on.
    let hang = world.standin.fault(Fault::new(inserts(), Effect::Hang));
    let host = world.shared().start();
    wait("a batch", || (host.metric("vyx_outbox_signals") >= Some(60.0)).then_some(()));
    world.run(
        "create function refuse() returns trigger language plpgsql as $$ begin
            if extract(minute from new.timestamp)::int % 10 = 3 then
                raise exception 'no_threes: not at this minute' using errcode = '23514';
            end if;
            return new;
         end $$;
         create trigger refuse before insert on signals for each row execute function refuse()",
    );
    world.standin.remove_fault(hang);
    wait("the bad ones", || (host.metric("vyx_signals_dead_total{code=\"23514\"}") >= Some(6.0)).then_some(()));
    world.wait_for("the good ones", "select count(*) from signals", |signals| signals > 60);
    let (code, log) = host.end(Signal::TERM);
    assert_eq!(code, 0, "{log}");
    assert!(log.contains("23514 (status 400) for no_threes; the database refuses a row for good"), "{log}");
    let holes = "select count(*) from (
        select symbol, generate_series(min(timestamp), max(timestamp), interval '1 minute') as minute
        from signals group by symbol
    ) as m where extract(minute from minute)::int % 10 <> 3
        and not exists (select from signals s where s.symbol = m.symbol and s.timestamp = m.minute)";
    assert_eq!(world.count(holes), 0, "only the bad ones are missing");
}

/// The statement takes too long for so many rows: half of them, until it does not.
#[test]
fn a_statement_timeout_halves_the_batch() {
    let world = world();
    let hang = world.standin.fault(Fault::new(inserts(), Effect::Hang));
    let host = world.shared().start();
    wait("a batch", || (host.metric("vyx_outbox_signals") >= Some(64.0)).then_some(()));
    world.run(
        "create function slow() returns trigger language plpgsql as $$ begin
            if (select count(*) from new_rows) > 20 then
                raise exception 'canceling statement due to statement timeout' using errcode = '57014';
            end if;
            return null;
         end $$;
         create trigger slow after insert on signals referencing new table as new_rows
            for each statement execute function slow()",
    );
    world.standin.remove_fault(hang);
    world.wait_for("the signals", "select count(*) from signals", |signals| signals >= 64);
    let log = host.log();
    assert!(log.contains("\"code\":\"57014\""), "{log}");
    assert_eq!(host.metric("vyx_signals_dead_total"), None, "nothing is set aside");
    host.end(Signal::TERM);
    nothing_is_missing(&world);
}

/// Too large for the gateway: halved as well, at once, and nothing is lost.
#[test]
fn a_batch_that_is_too_large_is_halved() {
    let world = world();
    let hang = world.standin.fault(Fault::new(inserts(), Effect::Hang));
    let host = world.shared().start();
    wait("a batch", || (host.metric("vyx_outbox_signals") >= Some(64.0)).then_some(()));
    let large = world.standin.fault(Fault::new(inserts(), Effect::json(413, "{}")).times(3));
    world.standin.remove_fault(hang);
    world.wait_for("the signals", "select count(*) from signals", |signals| signals >= 64);
    assert_eq!(world.standin.fault_hits(large), 3);
    assert_eq!(host.metric("vyx_signals_dead_total"), None, "nothing is set aside");
    host.end(Signal::TERM);
    nothing_is_missing(&world);
}

/// What a person has to mend: unready with the reason, tried again slowly, kept on disk over any number of restarts.
#[test]
fn signals_that_wait_for_somebody_to_mend_something_are_kept() {
    let world = world();
    let rows = [
        (Effect::invalid_api_key(), "401", "the key or token is refused"),
        (pg(401, "PGRST301"), "PGRST301", "the key or token is refused"),
        (pg(401, "PGRST302"), "PGRST302", "the key or token is refused"),
        (pg(401, "PGRST303"), "PGRST303", "the key or token is refused"),
        (pg(401, "22023"), "22023", "the key or token is refused"),
        (pg(403, "42501"), "42501", "permission denied"),
        (pg(401, "42501"), "42501", "permission denied"),
        (pg(404, "PGRST205"), "PGRST205", "apply the migrations"),
        (pg(404, "42P01"), "42P01", "apply the migrations"),
        (pg(404, "PGRST202"), "PGRST202", "apply the migrations"),
        (pg(400, "PGRST204"), "PGRST204", "apply the migrations"),
        (pg(400, "42P10"), "42P10", "apply the migrations"),
        // What stands before the database, and gives no code, cannot blame a row.
        (Effect::json(402, "{}"), "402", "status 402"),
        (Effect::json(422, "{}"), "422", "status 422"),
    ];
    for (effect, code, words) in rows {
        let fault = world.standin.fault(Fault::new(inserts(), effect));
        let host = world.shared().start();
        let trouble = wait(code, || {
            let trouble = host.page("/health")["outbox"]["sender"]["signals"]["trouble"].clone();
            (!trouble.is_null()).then_some(trouble)
        });
        assert_eq!((&trouble["code"], &trouble["needs_mending"]), (&code.into(), &true.into()));
        let (status, page) = host.get("/ready");
        assert_eq!(status, 503, "{page}");
        assert!(
            page.contains("signals cannot be written: cannot insert into signals: ") && page.contains(words),
            "{page}"
        );
        let (code, log) = host.end(Signal::TERM);
        assert_eq!(code, 0, "{log}");
        assert!(log.contains("signals are left in the outbox, the next start sends them"), "{log}");
        world.standin.remove_fault(fault);
    }
    assert_eq!(world.count("select count(*) from signals"), 0);

    // A full disk passes by itself, but slowly: told, and no reason to be taken out of service.
    let fault = world.standin.fault(Fault::new(inserts(), pg(405, "25006")));
    let host = world.shared().start();
    let words = "the database is read-only, its disk may be full: enlarge it in the dashboard";
    wait(words, || host.get("/ready").1.contains(words).then_some(()));
    host.wait_until_ready();
    assert_eq!(host.end(Signal::TERM).0, 0);
    world.standin.remove_fault(fault);

    let host = world.shared().start();
    world.wait_for("all of them", "select count(*) from signals", |signals| signals > 30);
    assert_eq!(host.metric("vyx_signals_dead_total"), None, "nothing is set aside");
    host.end(Signal::TERM);
    nothing_is_missing(&world);
}

/// The grants are lost while it runs: it says which, runs on, and after a restart does not start without them.
#[test]
fn grants_that_are_revoked_while_it_runs() {
    let world = world();
    let host = world.shared().start();
    host.wait_until_ready();
    world.wait_for("signals", "select count(*) from signals", |signals| signals > 0);
    world.run("revoke insert on signals from service_role; revoke select on traders from service_role");
    host.reload();
    for words in
        ["cannot read traders: 42501 (status 403) for traders", "cannot insert into signals: 42501 (status 403)"]
    {
        wait(words, || host.get("/ready").1.contains(words).then_some(()));
    }
    assert_eq!(host.get("/ready").0, 503);
    assert_eq!(host.states()[NAME], "running");
    let (code, log) = host.end(Signal::TERM);
    assert_eq!(code, 0, "{log}");
    let (code, line) = only_line(world.shared());
    assert_eq!(
        (code, line.as_str()),
        (
            78,
            "vyx: role service_role lacks signals: INSERT, traders: SELECT; apply the migrations in supabase/migrations"
        )
    );
    world.run("grant insert on signals to service_role; grant select on traders to service_role");
    let before = world.count("select count(*) from signals");
    let host = world.shared().start();
    host.wait_until_ready();
    world.wait_for("what waited", "select count(*) from signals", |signals| signals > before + 10);
    host.end(Signal::TERM);
    nothing_is_missing(&world);
}

/// A key is revoked and put back, as in a rotation: unready with the reason all the while, and nothing stops.
#[test]
fn a_key_that_is_revoked_for_a_while() {
    let world = world();
    let mut host = world.shared().start();
    host.wait_until_ready();
    host.wait_for("realtime is live");
    world.wait_for("signals", "select count(*) from signals", |signals| signals > 0);
    world.standin.fault(Fault::new(Match::any(), Effect::invalid_api_key()));
    world.standin.realtime().cut();
    host.reload();
    host.wait_for("signals do not get through");
    wait("the reason", || {
        host.get("/ready").1.contains("cannot read traders: status 401; the key or token is refused").then_some(())
    });
    let (status, page) = host.get("/ready");
    assert_eq!(status, 503, "{page}");
    assert!(page.contains("check SUPABASE_SERVICE_ROLE_KEY"), "{page}");
    wait("realtime down", || host.page("/health")["realtime"].as_str()?.starts_with("down").then_some(()));
    wait("evaluation goes on", || (host.metric("vyx_outbox_signals") > Some(30.0)).then_some(()));
    assert_eq!(host.states()[NAME], "running");
    world.standin.clear_faults();
    host.reload();
    host.wait_until_ready();
    wait("realtime", || (host.metric("vyx_realtime_live") == Some(1.0)).then_some(()));
    let (code, log) = host.end(Signal::TERM);
    assert_eq!(code, 0, "{log}");
    assert!(log.contains("the registry can be read again") && log.contains("signals get through again"), "{log}");
    nothing_is_missing(&world);
}
