//! From what should run and what does run to what must be done. Pure: it takes no event and keeps nothing, so a missed
//! event costs time and never correctness (invariant 4).

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use serde_json::{Map, Value};

use crate::ids::TraderId;
use crate::module::digest::Digest;
use crate::ownership::{Attribution, OwnedTrader};

/// Parameters in one spelling: compact JSON with sorted keys, so that equal ones compare equal however they were stored.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Params(Arc<str>);

impl Params {
    /// These parameters.
    pub fn of(params: &Map<String, Value>) -> Self {
        let mut text = String::new();
        write_object(params, &mut text);
        Self(text.into())
    }

    /// As JSON text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The sha256 of the text, for a signal's provenance.
    pub fn hash(&self) -> Digest {
        Digest::of(self.0.as_bytes())
    }
}

impl fmt::Debug for Params {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Params({})", self.0)
    }
}

/// Sorts by itself: whether `serde_json` does depends on a feature that any other crate may switch.
fn write_object(object: &Map<String, Value>, text: &mut String) {
    let sorted: BTreeMap<_, _> = object.iter().collect();
    text.push('{');
    for (at, (key, value)) in sorted.into_iter().enumerate() {
        if at > 0 {
            text.push(',');
        }
        text.push_str(&Value::from(key.as_str()).to_string());
        text.push(':');
        write_value(value, text);
    }
    text.push('}');
}

fn write_value(value: &Value, text: &mut String) {
    match value {
        Value::Object(object) => write_object(object, text),
        Value::Array(values) => {
            text.push('[');
            for (at, value) in values.iter().enumerate() {
                if at > 0 {
                    text.push(',');
                }
                write_value(value, text);
            }
            text.push(']');
        }
        leaf => text.push_str(&leaf.to_string()),
    }
}

/// What a trader computes with: what is quarantined, and what is kept as last good.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VersionKey {
    /// The module.
    pub digest: Digest,
    /// The parameters.
    pub params: Params,
}

/// A trader as it runs. The name and the row's `version` are not in it: they change nothing that it does.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version {
    /// What it computes with.
    pub key: VersionKey,
    /// Whom its signals belong to.
    pub attribution: Attribution,
}

impl Version {
    /// The version that a row asks for.
    pub fn of(trader: &OwnedTrader) -> Self {
        let key = VersionKey { digest: trader.module().digest, params: Params::of(trader.params()) };
        Self { key, attribution: trader.attribution() }
    }
}

/// What the supervisor knows of a trader, whether it runs at the moment or not.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Running {
    /// The version that runs, is being started, or waits for its backoff; `None` when nothing of it is there.
    pub active: Option<Version>,
    /// The last one that ran well.
    pub last_good: Option<VersionKey>,
    /// Those that were refused or have used up their strikes. Kept while the trader is away as well: to disable and
    /// enable it does not make them better.
    pub quarantined: BTreeSet<VersionKey>,
    /// Those that cannot be fetched at the moment; emptied when it is time to try again.
    pub unavailable: BTreeSet<VersionKey>,
}

impl Running {
    fn can_run(&self, key: &VersionKey) -> bool {
        !self.quarantined.contains(key) && !self.unavailable.contains(key)
    }

    /// The version to run, if any. The last good one runs in the name of the present owner, never of a former one.
    fn choose(&self, wanted: &Version) -> Option<Version> {
        if self.can_run(&wanted.key) {
            return Some(wanted.clone());
        }
        let key = self.last_good.clone().filter(|key| self.can_run(key))?;
        Some(Version { key, attribution: wanted.attribution })
    }
}

/// Why a trader is stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// It was disabled or deleted, or is no longer ours.
    NotDesired,
    /// Its version is quarantined or gone, and there is no last good one.
    NothingToRun,
    /// Its signals belong to someone else from now on. A reload would let the old instance speak until the new one is
    /// ready.
    OwnerChanged,
}

/// What must be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Drop the instance.
    Stop {
        /// The trader.
        id: TraderId,
        /// The reason.
        why: Why,
    },
    /// Make an instance of `to`, then drop that of `from`.
    Reload {
        /// The trader.
        id: TraderId,
        /// What runs.
        from: Version,
        /// What shall run.
        to: Version,
    },
    /// Make an instance.
    Start {
        /// The trader.
        id: TraderId,
        /// What shall run.
        version: Version,
    },
}

/// All that must be done: first the stops, then the reloads, then the starts, each in the order of the ids.
pub fn plan(desired: &BTreeMap<TraderId, Version>, running: &BTreeMap<TraderId, Running>) -> Vec<Action> {
    let unknown = Running::default();
    let (mut stops, mut reloads, mut starts) = (Vec::new(), Vec::new(), Vec::new());
    let ids: BTreeSet<TraderId> = desired.keys().chain(running.keys()).copied().collect();
    for id in ids {
        let wanted = desired.get(&id);
        let known = running.get(&id).unwrap_or(&unknown);
        let target = wanted.and_then(|wanted| known.choose(wanted));
        match (known.active.clone(), target) {
            (None, None) => {}
            (None, Some(version)) => starts.push(Action::Start { id, version }),
            (Some(_), None) => {
                let why = if wanted.is_some() { Why::NothingToRun } else { Why::NotDesired };
                stops.push(Action::Stop { id, why });
            }
            (Some(from), Some(to)) if from == to => {}
            (Some(from), Some(to)) if from.attribution == to.attribution => {
                reloads.push(Action::Reload { id, from, to });
            }
            (Some(_), Some(version)) => {
                stops.push(Action::Stop { id, why: Why::OwnerChanged });
                starts.push(Action::Start { id, version });
            }
        }
    }
    stops.append(&mut reloads);
    stops.append(&mut starts);
    stops
}

#[cfg(test)]
mod tests;
