//! Brings the running set to what the registry says. It takes no input but the whole of both: whatever woke it does not matter.

mod prepare;
mod told;

use std::collections::BTreeMap;

pub use told::{Change, State, Verdict};

use super::fleet::{Begin, Fleet, Reading};
use super::last_good::LastGood;
use super::plan::{Action, Running, Version, VersionKey, Why, plan};
use crate::ids::TraderId;

use crate::module::{Module, Modules};
use crate::ownership::{Attribution, OwnedTrader, Refusal as NotRun, Scope};
use crate::registry::{Registry, Snapshot, TraderRow};
use crate::sandbox::{Fault, ParamValue, Subscription};
use jiff::Timestamp;
use serde_json::{Map, Value};

/// How often the last good version is looked for before a trader is left alone until the next change.
const ROUNDS: usize = 4;

/// See the module.
pub struct Reconciler {
    scope: Scope,
    running: BTreeMap<TraderId, Running>,
    names: BTreeMap<TraderId, String>,
    last_good: Option<LastGood>,
    /// The good versions before the last ones, until those have shown that they do not crash later.
    good_before: BTreeMap<TraderId, VersionKey>,
    /// Said before: told again only after it changed.
    told: BTreeMap<String, String>,
    unfit: BTreeMap<TraderId, String>,
    verdicts: BTreeMap<TraderId, Verdict>,
}

/// Parameters that fit a module and the candles, and what it subscribes to with them.
#[derive(Debug, Clone)]
pub struct Fitted {
    /// All parameters, in order.
    pub params: Vec<(String, ParamValue)>,
    /// What it wants with them.
    pub subscription: Subscription,
    /// What was changed to fit the candles, to be told.
    pub note: Option<String>,
}

/// Checks the parameters of a module and asks the feed for its candles, or says why that cannot be.
pub type Fit<'a> = dyn FnMut(&Modules, &Module, Map<String, Value>) -> Result<Fitted, Fault> + 'a;

/// How far traders had been judged when this host last stopped.
pub trait Cursors {
    /// Where a trader begins that was last enabled then.
    fn begin(&self, trader: TraderId, enabled_at: Option<Timestamp>) -> Begin;

    /// Those that ran and were not forgotten since.
    fn traders(&self) -> Vec<TraderId>;

    /// The trader was stopped: when it starts again, it starts anew.
    fn forget(&mut self, trader: TraderId);
}

/// What a pass is carried out with.
pub struct Means<'a, 'w> {
    /// Where the modules come from.
    pub registry: &'a mut dyn Registry,
    /// What runs.
    pub fleet: &'a Fleet,
    /// Asks the feed for the candles of a trader.
    pub fit: &'a mut Fit<'w>,
    /// When the read of the snapshot began.
    pub read: Reading,
    /// When traders were last enabled, where that is known.
    pub enabled_at: &'a BTreeMap<TraderId, Timestamp>,
    /// What is remembered across restarts; none in the local runner.
    pub cursors: Option<&'a mut dyn Cursors>,
}

impl Reconciler {
    /// Starts from nothing running.
    #[must_use]
    pub fn new(scope: Scope, last_good: Option<LastGood>) -> Self {
        Self {
            scope,
            running: BTreeMap::new(),
            names: BTreeMap::new(),
            last_good,
            good_before: BTreeMap::new(),
            told: BTreeMap::new(),
            unfit: BTreeMap::new(),
            verdicts: BTreeMap::new(),
        }
    }

    /// What there is to say of every trader that is ours, or was until the last pass.
    #[must_use]
    pub fn verdicts(&self) -> &BTreeMap<TraderId, Verdict> {
        &self.verdicts
    }

    /// One pass: everything that must stop is stopped before anything starts.
    pub fn reconcile(&mut self, snapshot: &Snapshot, means: &mut Means<'_, '_>) -> Vec<Change> {
        let mut changes = Vec::new();
        let mut verdicts = BTreeMap::new();
        let mut owned = self.owned(snapshot, &mut changes, &mut verdicts);
        owned.retain(|id, _| !means.fleet.is_barred(*id, means.read));
        let desired: BTreeMap<TraderId, Version> =
            owned.iter().map(|(id, trader)| (*id, Version::of(trader))).collect();
        self.note_stopped(means);
        self.note_absent(&desired, means);
        self.remember_good(means.fleet);
        for running in self.running.values_mut() {
            running.unavailable.clear();
        }
        self.note_quarantined(means.fleet, &mut changes);
        for id in desired.keys() {
            let good = self.last_good.as_ref().and_then(|kept| kept.get(*id));
            let running = self.running.entry(*id).or_default();
            running.last_good = running.last_good.take().or(good.map(|(key, _)| key));
        }
        for _ in 0..ROUNDS {
            let actions = plan(&desired, &self.running);
            if actions.is_empty() {
                break;
            }
            for action in actions {
                self.apply(action, &owned, means, &mut changes);
            }
        }
        self.running.retain(|id, running| {
            running.active.is_some() || desired.contains_key(id) || !running.quarantined.is_empty()
        });
        self.judge(&owned, &desired, verdicts);
        means.fleet.settle();
        changes
    }

    /// Traders that were stopped without waiting for this pass.
    fn note_stopped(&mut self, means: &mut Means<'_, '_>) {
        for (id, running) in &mut self.running {
            if running.active.is_some() && !means.fleet.holds(*id) {
                running.active = None;
                if let Some(cursors) = &mut means.cursors {
                    cursors.forget(*id);
                }
            }
        }
    }

    /// Traders that ran when the host last stopped and must not run now. Nobody stops them here, so they are forgotten here: one
    /// that is enabled later does not say what it would have said meanwhile.
    fn note_absent(&self, desired: &BTreeMap<TraderId, Version>, means: &mut Means<'_, '_>) {
        let Some(cursors) = &mut means.cursors else { return };
        for id in cursors.traders() {
            let is_active = self.running.get(&id).is_some_and(|running| running.active.is_some());
            if !is_active && !desired.contains_key(&id) {
                cursors.forget(id);
            }
        }
    }

    /// What is to be said of each trader after the pass, beside what its row alone gave away.
    fn judge(
        &mut self,
        owned: &BTreeMap<TraderId, OwnedTrader>,
        desired: &BTreeMap<TraderId, Version>,
        mut verdicts: BTreeMap<TraderId, Verdict>,
    ) {
        for (id, trader) in owned {
            let active = self.running.get(id).and_then(|running| running.active.as_ref());
            let is_wanted = active == desired.get(id);
            let verdict = Verdict {
                name: trader.name().to_owned(),
                state: if active.is_some() { State::Running } else { State::Error },
                reason: if is_wanted { None } else { self.unfit.get(id).cloned() },
                version: active.map(|version| version.key.clone()),
            };
            verdicts.insert(*id, verdict);
        }
        for (id, before) in &self.verdicts {
            if before.state != State::Stopped && !verdicts.contains_key(id) {
                let stopped = Verdict { state: State::Stopped, reason: None, version: None, ..before.clone() };
                verdicts.insert(*id, stopped);
            }
        }
        self.verdicts = verdicts;
    }

    /// Stops what these rows do not allow to run, and starts nothing: it needs no modules, so it waits for none.
    pub fn stop_disallowed(
        &mut self,
        rows: &[TraderRow],
        fleet: &Fleet,
        mut cursors: Option<&mut dyn Cursors>,
    ) -> Vec<Change> {
        let allowed: BTreeMap<TraderId, Attribution> =
            rows.iter().filter_map(|row| Some((row.id, self.scope.judge(row).ok()?))).collect();
        let mut changes = Vec::new();
        for (id, running) in &mut self.running {
            let Some(active) = &running.active else { continue };
            if allowed.get(id) != Some(&active.attribution) {
                fleet.remove(*id);
                running.active = None;
                if let Some(cursors) = &mut cursors {
                    cursors.forget(*id);
                }
                let name = self.names.get(id).cloned().unwrap_or_else(|| id.to_string());
                changes.push(Change::Stopped(name, words(Why::NotDesired)));
            }
        }
        changes
    }

    /// The rows that are ours; the others with a reason, where there is something to say.
    fn owned(
        &mut self,
        snapshot: &Snapshot,
        changes: &mut Vec<Change>,
        verdicts: &mut BTreeMap<TraderId, Verdict>,
    ) -> BTreeMap<TraderId, OwnedTrader> {
        let mut owned = BTreeMap::new();
        let mut said = BTreeMap::new();
        for row in &snapshot.traders {
            match row {
                Ok(row) => {
                    let (id, name) = (row.id, row.name.clone());
                    match self.scope.admit(row.clone()) {
                        Ok(trader) => {
                            self.names.insert(id, name);
                            owned.insert(id, trader);
                        }
                        Err(NotRun::NotOurs) => {}
                        Err(NotRun::Disabled) => {
                            verdicts.insert(id, Verdict { name, state: State::Stopped, reason: None, version: None });
                        }
                        Err(reason) => {
                            let reason = reason.to_string();
                            verdicts.insert(id, Verdict::error(&name, &reason));
                            said.insert(name, reason);
                        }
                    }
                }
                Err(invalid) => {
                    if let Some(id) = invalid.id {
                        verdicts.insert(id, Verdict::error(&invalid.name, &invalid.reason));
                    }
                    said.insert(invalid.name.clone(), invalid.reason.clone());
                }
            }
        }
        for (name, reason) in &said {
            if self.told.get(name) != Some(reason) {
                changes.push(Change::Rejected(name.clone(), reason.clone()));
            }
        }
        for problem in &snapshot.problems {
            if !self.told.contains_key(problem) {
                changes.push(Change::Problem(problem.clone()));
            }
            said.insert(problem.clone(), String::new());
        }
        self.told = said;
        owned
    }

    fn note_quarantined(&mut self, fleet: &Fleet, changes: &mut Vec<Change>) {
        for status in fleet.status().into_iter().filter(|status| status.quarantined) {
            fleet.remove(status.id);
            let mut reason = "quarantined until its module or its parameters change".to_owned();
            if let Some(fault) = &status.last_fault {
                let again = fleet.reproduce(&status, fault);
                reason = format!("{reason}, its last fault was {fault}; see it again: {again}");
            }
            self.unfit.insert(status.id, reason.clone());
            changes.push(Change::Rejected(status.name, reason));
            let running = self.running.entry(status.id).or_default();
            if running.last_good.as_ref() == Some(&status.version.key) {
                running.last_good = self.good_before.remove(&status.id);
                if let (Some(kept), Some(key)) = (&mut self.last_good, &running.last_good) {
                    keep(kept, status.id, key);
                }
            }
            running.quarantined.insert(status.version.key);
            running.active = None;
        }
    }

    /// A version that runs is worth keeping. A fault that it has got over is not held against it: what would take its place may
    /// be worse.
    fn remember_good(&mut self, fleet: &Fleet) {
        for status in fleet.status() {
            let Some(running) = self.running.get_mut(&status.id) else { continue };
            if !status.live
                || status.strikes > 0
                || status.counts.evaluations == 0
                || running.last_good.as_ref() == Some(&status.version.key)
            {
                continue;
            }
            if let Some(before) = running.last_good.replace(status.version.key.clone()) {
                self.good_before.insert(status.id, before);
            }
            if let Some(kept) = &mut self.last_good {
                keep(kept, status.id, &status.version.key);
            }
        }
    }

    fn apply(
        &mut self,
        action: Action,
        owned: &BTreeMap<TraderId, OwnedTrader>,
        means: &mut Means<'_, '_>,
        changes: &mut Vec<Change>,
    ) {
        match action {
            Action::Stop { id, why } => {
                means.fleet.remove(id);
                if let Some(running) = self.running.get_mut(&id) {
                    running.active = None;
                }
                if let Some(cursors) = &mut means.cursors {
                    cursors.forget(id);
                }
                changes.push(Change::Stopped(self.name(id), words(why)));
            }
            Action::Start { id, version } => {
                let change = self.start(id, version, owned, means, Change::Started);
                changes.extend(change);
            }
            Action::Reload { id, to, .. } => {
                let change = self.start(id, to, owned, means, Change::Reloaded);
                changes.extend(change);
            }
        }
    }

    fn name(&self, id: TraderId) -> String {
        self.names.get(&id).cloned().unwrap_or_else(|| id.to_string())
    }
}

fn keep(kept: &mut LastGood, id: TraderId, key: &VersionKey) {
    let params: Map<String, Value> = serde_json::from_str(key.params.as_str()).unwrap_or_default();
    if let Err(error) = kept.remember(id, key.digest, &params) {
        tracing::warn!(trader_id = %id, %error, "the last good version could not be kept");
    }
}

const fn words(why: Why) -> &'static str {
    match why {
        Why::NotDesired => "disabled, deleted or no longer ours",
        Why::NothingToRun => "no version of it can run",
        Why::OwnerChanged => "it belongs to somebody else now",
    }
}
