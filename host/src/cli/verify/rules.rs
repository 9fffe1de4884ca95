//! The rules, judged on what was read. Pure.

use std::collections::{BTreeMap, BTreeSet};

use super::Evidence;
use super::hosts::Answer;
use super::rows::{Rows, SignalRow, TraderRow};
use crate::ids::{TraderId, UserId};
use crate::text::shown;

/// Faults that are told one by one; the rest is counted.
const TOLD: usize = 5;

fn name(trader: &TraderRow) -> String {
    format!("{} \"{}\"", trader.id, shown(&trader.name, 60))
}

fn is_built_in(trader: &TraderRow) -> bool {
    trader.is_built_in == Some(true) && trader.user_id.is_none()
}

/// The user of a user's trader.
fn user_of(trader: &TraderRow) -> Option<UserId> {
    trader.user_id.filter(|_| trader.is_built_in == Some(false))
}

fn tell(evidence: &mut Evidence, faults: Vec<String>) {
    let more = faults.len().saturating_sub(TOLD);
    faults.into_iter().take(TOLD).for_each(|fault| evidence.fault(fault));
    if more > 0 {
        evidence.fault(format!("and {more} more"));
    }
}

/// Signals that break a rule, told once for each trader.
fn signals(
    rows: &Rows,
    of: impl Fn(&TraderRow) -> bool,
    wrong: impl Fn(&TraderRow, &SignalRow) -> Option<&'static str>,
) -> (usize, usize, Vec<String>) {
    let (mut count, mut traders, mut faults) = (0, BTreeSet::new(), BTreeMap::new());
    for signal in &rows.signals {
        let Some(trader) = rows.traders.get(&signal.trader_id).filter(|trader| of(trader)) else { continue };
        count += 1;
        traders.insert(trader.id);
        if let Some(what) = wrong(trader, signal) {
            *faults.entry((trader.id, what)).or_insert(0_usize) += 1;
        }
    }
    let words = |((id, what), count): ((TraderId, &str), usize)| {
        let trader = rows.traders.get(&id).map_or_else(|| id.to_string(), name);
        format!("{count} signals of {trader} {what}")
    };
    (count, traders.len(), faults.into_iter().map(words).collect())
}

/// A host is well, and runs what is enabled.
fn host(answer: &Answer, evidence: &mut Evidence) {
    let running = answer.running().count();
    evidence.saw(format!(
        "{} runs {running} traders; it says it runs {}",
        answer.host,
        answer.runs.as_deref().unwrap_or("nothing yet")
    ));
    if !answer.is_ok {
        let problems = answer.problems.join(", ");
        evidence.fault(format!(
            "{} is not well: {}",
            answer.host,
            if problems.is_empty() { "see /health" } else { &problems }
        ));
    }
}

/// Enabled traders with a module that a host does not list, and running ones that are disabled.
fn complete(rows: &Rows, answer: &Answer, of: impl Fn(&TraderRow) -> bool, evidence: &mut Evidence) {
    let listed: BTreeSet<TraderId> = answer.traders.iter().map(|trader| trader.id).collect();
    let mut faults = Vec::new();
    for trader in rows.traders.values().filter(|trader| of(trader)) {
        if trader.enabled == Some(true) && trader.module_sha256.is_some() && !listed.contains(&trader.id) {
            faults.push(format!("{} has not loaded {}", answer.host, name(trader)));
        }
    }
    for running in answer.running() {
        if rows.traders.get(&running.id).is_some_and(|trader| trader.enabled != Some(true)) {
            faults.push(format!("{} runs {}, which is disabled", answer.host, running.id));
        }
    }
    tell(evidence, faults);
}

/// Test 1.
pub(super) fn shared(rows: &Rows, answers: &[Answer]) -> Evidence {
    let mut evidence = Evidence::default();
    let (count, traders, faults) = signals(rows, is_built_in, |_, signal| match (signal.fly_app_id, signal.user_id) {
        (Some(_), _) => Some("carry an app, and must not: fly_app_id"),
        (None, Some(_)) => Some("carry a user, and must not: user_id"),
        (None, None) => None,
    });
    if count > 0 {
        evidence.saw(format!("{count} signals of {traders} built-in traders were looked at"));
    } else {
        evidence.note("no signal of a built-in trader in this time");
    }
    tell(&mut evidence, faults);
    let states = rows.states.iter().filter(|state| state.is_running());
    let running = states.filter(|state| rows.traders.get(&state.trader_id).is_some_and(is_built_in)).count();
    if running > 0 {
        evidence.saw(format!("{running} built-in traders are reported as running"));
    }
    for answer in answers {
        host(answer, &mut evidence);
        let foreign = answer.traders.iter().filter(|trader| !rows.traders.get(&trader.id).is_some_and(is_built_in));
        let foreign = foreign
            .map(|trader| format!("{} has {}, which is not built in", answer.host, of_host(trader.id, &trader.name)));
        tell(&mut evidence, foreign.collect());
        complete(rows, answer, is_built_in, &mut evidence);
    }
    evidence
}

fn of_host(id: TraderId, name: &str) -> String {
    format!("{id} \"{}\"", shown(name, 60))
}

/// Test 2.
pub(super) fn dedicated(rows: &Rows, answers: &[Answer]) -> Evidence {
    let mut evidence = Evidence::default();
    let apps: BTreeMap<UserId, _> = rows.apps.iter().map(|app| (app.user_id, app.id)).collect();
    let (count, traders, faults) = signals(
        rows,
        |trader| user_of(trader).is_some(),
        |trader, signal| match signal.fly_app_id {
            None => Some("have no app: fly_app_id is null"),
            Some(app) if trader.user_id.and_then(|user| apps.get(&user)) != Some(&app) => {
                Some("carry the app of another user: fly_app_id")
            }
            Some(_) if signal.user_id != trader.user_id => Some("carry another user than their trader: user_id"),
            Some(_) => None,
        },
    );
    if count > 0 {
        evidence.saw(format!("{count} signals of {traders} users' traders were looked at"));
    } else {
        evidence.note("no signal of a user's trader in this time");
    }
    tell(&mut evidence, faults);
    for answer in answers {
        host(answer, &mut evidence);
        let owners: BTreeSet<UserId> =
            answer.traders.iter().filter_map(|trader| user_of(rows.traders.get(&trader.id)?)).collect();
        let mut faults: Vec<String> = answer
            .traders
            .iter()
            .filter(|trader| rows.traders.get(&trader.id).and_then(user_of).is_none())
            .map(|trader| format!("{} has {}, which is no user's", answer.host, of_host(trader.id, &trader.name)))
            .collect();
        if owners.len() > 1 {
            faults.push(format!("{} has traders of {} users", answer.host, owners.len()));
        }
        tell(&mut evidence, faults);
        if let Some(user) = owners.first().filter(|_| owners.len() == 1) {
            complete(rows, answer, |trader| user_of(trader) == Some(*user), &mut evidence);
        }
    }
    evidence
}

/// The part of test 3 that needs no change: nothing runs that is disabled, and no signal is of a candle after it was.
pub(super) fn disabled(rows: &Rows, evidence: &mut Evidence) {
    let is_off = |trader: &TraderRow| trader.enabled == Some(false);
    let late = |trader: &TraderRow, signal: &SignalRow| match (trader.disabled_at, trader.enabled_at) {
        (Some(disabled), _) if is_off(trader) && signal.timestamp > disabled => {
            Some("are of candles that closed after it was disabled")
        }
        (Some(disabled), Some(enabled))
            if !is_off(trader) && signal.timestamp > disabled && signal.timestamp < enabled =>
        {
            Some("are of candles that closed while it was disabled")
        }
        _ => None,
    };
    let (_, _, faults) = signals(rows, |_| true, late);
    tell(evidence, faults);
    let off: BTreeSet<TraderId> =
        rows.traders.values().filter(|trader| is_off(trader)).map(|trader| trader.id).collect();
    let running: Vec<TraderId> = rows
        .states
        .iter()
        .filter(|state| state.is_running())
        .map(|state| state.trader_id)
        .filter(|id| off.contains(id))
        .collect();
    let words = |id: &TraderId| {
        format!("{} is disabled, and reported as running", rows.traders.get(id).map_or_else(|| id.to_string(), name))
    };
    tell(evidence, running.iter().map(words).collect());
    if off.is_empty() {
        evidence.note("no trader is disabled");
    } else {
        evidence.note(format!(
            "{} disabled traders were looked at: no state and no signal says that one runs",
            off.len() - running.len()
        ));
    }
}

/// Test 4.
pub(super) fn separate(rows: &Rows, shared: &[Answer], dedicated: &[Answer]) -> Evidence {
    let mut evidence = Evidence::default();
    let (mut looked_at, mut faults) = (0, Vec::new());
    for state in rows.states.iter().filter(|state| state.is_running()) {
        let (Some(trader), Some(mode)) = (rows.traders.get(&state.trader_id), state.run_mode()) else { continue };
        looked_at += 1;
        match mode {
            "shared_backend" if !is_built_in(trader) => faults.push(format!("the shared app runs {}", name(trader))),
            "user_dedicated" if user_of(trader).is_none() => {
                faults.push(format!("a dedicated app runs {}", name(trader)));
            }
            _ => {}
        }
    }
    if looked_at > 0 {
        evidence.saw(format!("{looked_at} running traders are reported by an app of the right kind, or told above"));
    }
    let mut places: BTreeMap<TraderId, BTreeSet<&str>> = BTreeMap::new();
    for answer in shared.iter().chain(dedicated) {
        for trader in &answer.traders {
            places.entry(trader.id).or_default().insert(&answer.host);
        }
    }
    if !shared.is_empty() || !dedicated.is_empty() {
        evidence.saw(format!("{} traders of {} hosts were compared", places.len(), shared.len() + dedicated.len()));
    }
    for (id, hosts) in places.iter().filter(|(_, hosts)| hosts.len() > 1) {
        let hosts: Vec<&str> = hosts.iter().copied().collect();
        faults.push(format!("{id} is in {}", hosts.join(" and in ")));
    }
    tell(&mut evidence, faults);
    if !evidence.judged {
        evidence.note("no host has reported a running trader, and no host was named");
    }
    evidence
}
