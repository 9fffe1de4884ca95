//! From a version that shall run to one that can: fetched, admitted, fitted to the candles.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{Begin, Change, Fitted, Means, Reconciler};
use crate::ids::TraderId;
use crate::module::{Digest, Refusal};
use crate::ownership::OwnedTrader;
use crate::registry::Registry;
use crate::sandbox::Outcome;
use crate::supervisor::fleet::Ready;
use crate::supervisor::plan::{Params, Version, VersionKey};

/// A version that cannot run.
enum Unfit {
    /// Until it changes.
    Refused(String),
    /// Until it is tried again.
    Unavailable(String),
}

impl Unfit {
    fn of_refusal(refusal: Refusal) -> Self {
        let reason = refusal.to_string();
        if refusal.host_fault { Self::Unavailable(reason) } else { Self::Refused(reason) }
    }
}

impl Reconciler {
    pub(super) fn start(
        &mut self,
        id: TraderId,
        version: Version,
        owned: &BTreeMap<TraderId, OwnedTrader>,
        means: &mut Means<'_, '_>,
        done: fn(String) -> Change,
    ) -> Option<Change> {
        let trader = owned.get(&id)?;
        let name = trader.name().to_owned();
        let unfit = match self.prepare(trader, &version, means) {
            Ok((ready, note)) => {
                if !means.fleet.insert(ready, means.read) {
                    return None;
                }
                // The last good version runs because of what is wrong with the one that is wanted.
                if version == Version::of(trader) {
                    self.unfit.remove(&id);
                }
                self.running.entry(id).or_default().active = Some(version);
                let note = note.map(|note| format!(" ({note})")).unwrap_or_default();
                return Some(done(format!("{name}{note}")));
            }
            Err(unfit) => unfit,
        };
        let running = self.running.entry(id).or_default();
        let reason = match unfit {
            Unfit::Refused(reason) => {
                running.quarantined.insert(version.key);
                reason
            }
            Unfit::Unavailable(reason) => {
                running.unavailable.insert(version.key);
                reason
            }
        };
        // What cannot be fetched is tried again and again; it is told again only after it changed.
        let is_news = self.unfit.insert(id, reason.clone()).as_ref() != Some(&reason);
        let runs_on = self.running.get(&id).is_some_and(|running| running.active.is_some());
        let reason = if runs_on { format!("{reason}; the version before runs on") } else { reason };
        is_news.then_some(Change::Rejected(name, reason))
    }

    /// Fetches, admits, and fits the parameters to the candles.
    fn prepare(
        &self,
        trader: &OwnedTrader,
        version: &Version,
        means: &mut Means<'_, '_>,
    ) -> Result<(Ready, Option<String>), Unfit> {
        let key = &version.key;
        means.fleet.has_room().map_err(Unfit::Unavailable)?;
        let modules = means.fleet.modules();
        let module = match modules.loaded(key.digest) {
            Some(module) => module,
            None => {
                let bytes = self.fetch(trader, key, means.registry)?;
                let module = modules.admit_as(key.digest, &bytes).map_err(Unfit::of_refusal)?;
                if let Some(Err(error)) = self.last_good.as_ref().map(|kept| kept.keep_module(key.digest, &bytes)) {
                    tracing::warn!(trader = trader.name(), %error, "its module could not be kept");
                }
                module
            }
        };
        let given: Map<String, Value> = if Params::of(trader.params()) == key.params {
            trader.params().clone()
        } else {
            serde_json::from_str(key.params.as_str()).unwrap_or_default()
        };
        let fitted = (means.fit)(modules, &module, given).map_err(|fault| match fault.outcome {
            Outcome::HostFault => Unfit::Unavailable(fault.to_string()),
            _ => Unfit::Refused(fault.reason),
        })?;
        let Fitted { params, subscription, note } = fitted;
        let enabled_at = means.enabled_at.get(&trader.id()).copied();
        let begin = means.cursors.as_ref().map(|cursors| cursors.begin(trader.id(), enabled_at));
        let begin = begin.unwrap_or(Begin::Anew(None));
        let ready = Ready { owned: trader.clone(), version: version.clone(), module, params, subscription, begin };
        Ok((ready, note))
    }

    /// The bytes of a version: from the registry, or the kept ones where that does not answer.
    fn fetch(&self, trader: &OwnedTrader, key: &VersionKey, registry: &mut dyn Registry) -> Result<Vec<u8>, Unfit> {
        let kept = || self.last_good.as_ref()?.module(key.digest).ok();
        // The digest proves them, wherever they come from; the disk answers also where the storage does not.
        if let Some(bytes) = kept().filter(|bytes| Digest::of(bytes) == key.digest) {
            return Ok(bytes);
        }
        if trader.module().digest != key.digest {
            return Err(Unfit::Unavailable(format!("module {} is not kept any more", key.digest)));
        }
        registry.module(trader.module()).map_err(|error| Unfit::Unavailable(error.to_string()))
    }
}
