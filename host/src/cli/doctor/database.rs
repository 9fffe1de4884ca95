//! What the project says.

use std::time::Instant;

use jiff::Timestamp;
use serde::Deserialize;

use super::environment::Environment;
use super::{Findings, writers};
use crate::cli::project::retried;
use crate::config::RunModeEnv;
use crate::ownership::Scope;
use crate::registry::Selfcheck;
use crate::supabase::{Class, Query, Supabase};
use crate::text::shown;

const MIGRATE: &str = "apply the migrations in supabase/migrations";
/// A clock that is off by more makes the host ask for candles at the wrong moment.
const CLOCK_WARN_MS: i64 = 2_000;
/// What token checks allow.
const CLOCK_FAIL_MS: i64 = 30_000;
/// Contradictory rows that are named.
const NAMED: usize = 3;

/// Asks everything, as far as there are answers. Returns how many traders this host would run.
pub(super) async fn look(environment: &Environment, findings: &mut Findings) -> Option<u64> {
    const ASKED: [&str; 8] = ["reachable", "schema", "grants", "publication", "bucket", "fly app", "rows", "writers"];
    let skip = |findings: &mut Findings, from: usize, why: &str| {
        for name in ASKED.iter().skip(from) {
            findings.skip(name, why);
        }
    };
    let Some(project) = &environment.project else {
        skip(findings, 0, "without project and key nothing can be asked");
        return None;
    };
    let client = match Supabase::new(project.url.clone(), project.credentials.clone()) {
        Ok(client) => client,
        Err(error) => {
            let text = error.to_string();
            let (message, fix) = text.rsplit_once("; ").unwrap_or((&text, "look at the certificates"));
            findings.fail("reachable", message, fix);
            skip(findings, 1, "the project was not reached");
            return None;
        }
    };
    // Schema and grants are the same for everybody.
    let anybody = RunModeEnv::SharedBackend { fly_app_name: None };
    let env = environment.identity.as_ref().unwrap_or(&anybody);
    let mut asked = (Timestamp::now(), Instant::now());
    let answer = retried(|| {
        asked = (Timestamp::now(), Instant::now());
        Selfcheck::ask(&client, env)
    });
    let check = match answer.await {
        Ok(check) => check,
        Err(error) => {
            let text = error.to_string();
            let what = text.split("; ").next().unwrap_or_default().to_owned();
            let key = "set SUPABASE_SERVICE_ROLE_KEY to a secret key (sb_secret_…) of the project in SUPABASE_URL";
            match error.class() {
                Class::Unauthorized => {
                    findings.is_misconfigured = true;
                    findings.fail("reachable", format!("the project refuses the key: {what}"), key);
                }
                Class::Forbidden { .. } => {
                    findings.is_misconfigured = true;
                    findings.fail("reachable", "the key is not a service role's: it may not call host_selfcheck", key);
                }
                Class::SchemaMissing => {
                    findings.ok("reachable", "the project answers");
                    findings.fail("schema", "the database has no function host_selfcheck", MIGRATE);
                    skip(findings, 2, "without host_selfcheck it is not known");
                    return None;
                }
                _ => {
                    findings.fail("reachable", what, "look at SUPABASE_URL, the network and the status of the project")
                }
            }
            skip(findings, 1, "the project was not reached");
            return None;
        }
    };
    let took = asked.1.elapsed();
    findings.ok("reachable", format!("answered in {} ms, as role {}", took.as_millis(), check.role));
    // The database looked at its clock somewhere between question and answer.
    let took_ms = i64::try_from(took.as_millis()).unwrap_or(i64::MAX);
    clock(check.database_time.as_millisecond() - asked.0.as_millisecond() - took_ms / 2, findings);
    schema(&check, findings);
    app(environment, &check, findings);
    traders(environment, &check, findings);
    contradictions(&client, findings).await;
    writers::look(&client, findings).await;
    check.traders.as_ref().map(|counts| counts.enabled_owned)
}

fn clock(off_ms: i64, findings: &mut Findings) {
    let words = format!(
        "{:.1} s {} the database",
        off_ms.unsigned_abs() as f64 / 1e3,
        if off_ms > 0 { "behind" } else { "ahead of" }
    );
    let fix = "let the clock of this machine be set by ntp";
    match off_ms.abs() {
        off if off > CLOCK_FAIL_MS => findings.fail("clock", words, fix),
        off if off > CLOCK_WARN_MS => findings.warn("clock", words, fix),
        _ => findings.ok("clock", words),
    }
}

fn schema(check: &Selfcheck, findings: &mut Findings) {
    if !check.bypasses_rls {
        findings.fail(
            "role",
            format!("role {} sees only what row-level security lets it", check.role),
            "set SUPABASE_SERVICE_ROLE_KEY to a secret key (sb_secret_…)",
        );
    }
    match (check.missing.is_empty(), check.signals_id_unique) {
        (true, true) => findings.ok("schema", "all tables and columns are there"),
        (false, _) => findings.fail("schema", format!("the database lacks {}", check.missing.join(", ")), MIGRATE),
        (true, false) => {
            findings.fail("schema", "signals.id is not unique, so a repeated insert would double a signal", MIGRATE);
        }
    }
    if check.missing_grants.is_empty() {
        findings.ok("grants", "all there");
    } else {
        let what = format!("role {} lacks {}", check.role, check.missing_grants.join(", "));
        findings.fail("grants", what, MIGRATE);
    }
    if check.traders_in_publication {
        findings.ok("publication", "changes of traders are heard at once");
    } else {
        let what = "traders is not in the publication supabase_realtime, so a toggle is seen by polling, after 5 s";
        findings.warn("publication", what, MIGRATE);
    }
    match &check.bucket {
        Some(bucket) if !bucket.exists => findings.fail("bucket", "there is no bucket trader-modules", MIGRATE),
        Some(bucket) if bucket.public => {
            findings.fail("bucket", "everybody may read the bucket trader-modules", "make it private in the dashboard");
        }
        Some(_) => findings.ok("bucket", "trader-modules is there, and private"),
        None => findings.fail("bucket", "the project has no storage", "enable the storage, then apply the migrations"),
    }
}

fn app(environment: &Environment, check: &Selfcheck, findings: &mut Findings) {
    let Some(identity) = &environment.identity else {
        findings.skip("fly app", "without a run mode it is not known whose it is");
        return;
    };
    match Scope::resolve(identity, &check.user_fly_apps()) {
        Ok(scope) => findings.ok("fly app", format!("it runs {scope}")),
        Err(error) => findings.misconfigured("fly app", &error),
    }
}

fn traders(environment: &Environment, check: &Selfcheck, findings: &mut Findings) {
    if environment.identity.is_none() {
        return;
    }
    // A role that may not read them was told above.
    let Some(counts) = &check.traders else {
        findings.skip("traders", "this role may not read them");
        return;
    };
    let words = format!("{} enabled for this host, {} in all", counts.enabled_owned, counts.total);
    if counts.enabled_owned == 0 {
        findings.warn("traders", words, "enable one; `vyx traders --all` lists them");
    } else {
        findings.ok("traders", words);
    }
}

async fn contradictions(client: &Supabase, findings: &mut Findings) {
    #[derive(Deserialize)]
    struct Row {
        id: String,
        name: Option<String>,
        reason: String,
    }
    let query = Query::new("trader_contradictions", "id,name,reason").order("id.asc");
    match retried(|| client.select::<Row>(&query, 500)).await {
        Ok(rows) if rows.is_empty() => findings.ok("rows", "no trader contradicts itself"),
        Ok(rows) => {
            let named = rows.iter().take(NAMED).map(|row| {
                let (id, name) = (shown(&row.id, 8), shown(row.name.as_deref().unwrap_or_default(), 40));
                format!("{} \"{name}\": {}", id.trim_end_matches('…'), shown(&row.reason, 120))
            });
            let named = named.collect::<Vec<_>>().join(", ");
            let more = if rows.len() > NAMED { format!(", and {} more", rows.len() - NAMED) } else { String::new() };
            findings.warn(
                "rows",
                format!("the host does not run these: {named}{more}"),
                "correct them; select * from trader_contradictions lists all",
            );
        }
        Err(error) => findings.fail("rows", error.to_string(), MIGRATE),
    }
}
