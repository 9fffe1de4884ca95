//! Does again what was recorded, with the same fleet, and compares what comes of it byte for byte.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use serde::Serialize;
use serde_json::{Map, Value};

use super::format::{Beginning, Delivery, Done, Insert};
use super::reader::{RecordingError, Session, Step};
use super::{About, compare};
use crate::ids::{TraderId, UserId};
use crate::market::Segment;
use crate::module::{Digest, Modules};
use crate::ownership::Scope;
use crate::registry::{ModuleRef, TraderRow};
use crate::signal::hygiene::LastTold;
use crate::signal::{Burst, Sink};
use crate::supervisor::plan::Version;
use crate::supervisor::{Begin, Fleet, Ready, Resume};

/// The bytes of a module by its digest and the user whose trader runs it, or why they cannot be had.
pub type Fetch<'a> = dyn FnMut(Digest, Option<UserId>) -> Result<Vec<u8>, String> + 'a;

/// What the replay of a session has shown.
#[derive(Debug, Default, Serialize)]
pub struct Proof {
    /// The session's id.
    pub session: String,
    /// What the host said of itself.
    pub host: About,
    /// Candles that were delivered, history included.
    pub candles: u64,
    /// Of each trader, by id.
    pub traders: BTreeMap<TraderId, TraderProof>,
    /// What is not as it was recorded, beside signals.
    pub faults: Vec<String>,
    /// What was left out.
    pub notes: Vec<String>,
    /// Every signal that was recorded, where somebody asked for them.
    #[serde(skip)]
    pub stored: Vec<Stored>,
}

/// What the replay of a trader has shown.
#[derive(Debug, Default, Serialize)]
pub struct TraderProof {
    /// Its name.
    pub name: String,
    /// Signals that were recorded.
    pub recorded: u64,
    /// Those that came out the same, byte for byte.
    pub equal: u64,
    /// Those that did not come.
    pub missing: u64,
    /// Signals that came and were not recorded.
    pub extra: u64,
    /// Signals that came, and were not the same.
    pub different: u64,
    /// Signals that were recorded while the trader could not be replayed.
    pub not_proved: u64,
    /// Why it could not.
    pub reason: Option<String>,
    /// The first signal that is missing, extra or different.
    pub first: Option<Difference>,
    /// How often it was cut off for its CPU time, which was done again where it was recorded.
    pub cut_off: u64,
}

/// Where a signal is not what it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// The signal's id.
    pub signal: String,
    /// Its symbol, interval and candle.
    pub candle: String,
    /// The field.
    pub field: String,
    /// What was recorded.
    pub recorded: String,
    /// What came out.
    pub replayed: String,
}

/// A signal that was recorded, as its row must be.
#[derive(Debug, Clone, PartialEq)]
pub struct Stored {
    /// Its trader.
    pub trader: TraderId,
    /// Its id.
    pub id: String,
    /// In which table.
    pub historical: bool,
    /// Its price.
    pub price: f64,
    /// Its plots.
    pub plots: Value,
}

impl TraderProof {
    /// Whether every signal came out the same, and none beside.
    #[must_use]
    pub fn is_proved(&self) -> bool {
        self.missing + self.extra + self.different + self.not_proved == 0 && self.reason.is_none()
    }
}

impl Proof {
    /// Whether all of it is as it was.
    #[must_use]
    pub fn is_proved(&self) -> bool {
        self.faults.is_empty() && self.traders.values().all(TraderProof::is_proved)
    }
}

/// Replays a session. With `keep` every recorded signal is kept, to be compared with its row.
///
/// # Errors
///
/// If it cannot be read to its end, or a thread cannot be started.
pub fn replay(
    session: &Session,
    modules: &Arc<Modules>,
    workers: usize,
    keep: bool,
    fetch: &mut Fetch<'_>,
) -> Result<Proof, RecordingError> {
    let no_threads = |error: anyhow::Error| RecordingError::Read {
        file: "the session".to_owned(),
        error: io::Error::other(format!("no worker threads: {error}")),
    };
    let fleet = Fleet::waiting(modules.clone(), workers).map_err(no_threads)?.replaying();
    let proof = Proof { session: session.id.clone(), ..Proof::default() };
    let mut again = Again { fleet, modules: modules.clone(), away: BTreeMap::new(), proof, keep };
    let mut steps = session.steps()?;
    let mut segment = Segment::new();
    while let Some(step) = steps.next(&mut segment)? {
        match step {
            Step::About(about) => {
                if about.loads_history {
                    again.fleet = again.fleet.waiting_for_history();
                }
                again.proof.host = about;
            }
            Step::Settled(needs) => again.fleet.settle_as(needs),
            Step::Offered(symbols) => again.fleet.offer(symbols),
            Step::History(interval, candles) => again.fleet.keep_history(interval, candles),
            Step::Chart(candles) => again.fleet.keep_chart(candles),
            Step::Insert(insert) => again.insert(insert, fetch),
            Step::Retire(trader) => again.fleet.retire_for_replacement(trader),
            Step::Remove(trader) => {
                again.fleet.remove(trader);
            }
            Step::Segment { delivery, signals, is_intact, place } => {
                if !is_intact {
                    again.proof.faults.push(format!(
                        "{place}: its candles are not those that were recorded; take the files from a backup"
                    ));
                }
                again.segment(&segment, &delivery, &signals);
            }
        }
    }
    again.proof.notes.append(&mut steps.notes);
    Ok(again.proof)
}

/// A fleet to which everything is done again.
struct Again {
    fleet: Fleet,
    modules: Arc<Modules>,
    /// Traders that cannot be replayed at present: what they say proves nothing.
    away: BTreeMap<TraderId, String>,
    proof: Proof,
    keep: bool,
}

impl Again {
    fn insert(&mut self, insert: Insert, fetch: &mut Fetch<'_>) {
        let id = insert.trader;
        self.trader(id).name.clone_from(&insert.name);
        let replaces = insert.begin == Beginning::Replacing;
        let made = if replaces && (self.away.contains_key(&id) || !self.fleet.holds(id)) {
            Err(self.away.get(&id).cloned().unwrap_or_else(|| "the version before it is unknown".to_owned()))
        } else {
            self.ready(insert, fetch)
        };
        match made {
            Ok(ready) => {
                self.away.remove(&id);
                self.fleet.insert(ready, self.fleet.begin_read());
            }
            Err(reason) => self.give_up(id, reason),
        }
    }

    /// A trader that cannot be replayed from here on.
    fn give_up(&mut self, id: TraderId, reason: String) {
        self.fleet.remove(id);
        self.trader(id).reason.get_or_insert_with(|| reason.clone());
        self.away.insert(id, reason);
    }

    fn ready(&self, insert: Insert, fetch: &mut Fetch<'_>) -> Result<Ready, String> {
        let digest = insert.module_sha256;
        let module = match self.modules.loaded(digest) {
            Some(module) => module,
            None => {
                let bytes = fetch(digest, insert.user_id)?;
                self.modules.admit_as(digest, &bytes).map_err(|refusal| refusal.to_string())?
            }
        };
        let params: Map<String, Value> = serde_json::from_str(&insert.params)
            .map_err(|error| format!("its parameters cannot be read: {error}; take the file from a backup"))?;
        let owner = match (insert.user_id, insert.fly_app_id) {
            (Some(user), Some(app)) => Some((user, app)),
            (None, None) => None,
            _ => return Err("it has a user or an app alone; take the file from a backup".to_owned()),
        };
        let row = TraderRow {
            id: insert.trader,
            name: insert.name,
            is_built_in: Some(owner.is_none()),
            user_id: insert.user_id,
            enabled: Some(true),
            module: Some(ModuleRef { digest, place: "recorded".to_owned() }),
            params: params.clone(),
        };
        let owned = Scope::recorded(owner).admit(row).map_err(|refusal| refusal.to_string())?;
        let version = Version::of(&owned);
        if version.key.params.as_str() != insert.params {
            return Err("its parameters do not read back as they were".to_owned());
        }
        let params = module.manifest.params(&params).map_err(|error| error.to_string())?;
        let subscription = self.modules.subscription(&module, &params).map_err(|fault| fault.to_string())?;
        let begin = match insert.begin {
            Beginning::Replacing => Begin::Anew(None),
            Beginning::At { judged_ms } => Begin::At(judged_ms),
            Beginning::Resume { judged_ms, told } => {
                let told = told.into_iter().map(|told| LastTold {
                    symbol: told.symbol,
                    interval: told.interval,
                    tag: told.tag,
                    open_time_ms: told.open_time_ms,
                });
                Begin::Resume(Resume { judged_ms, told: told.collect() })
            }
        };
        Ok(Ready { owned, version, module, params, subscription, begin })
    }

    fn segment(&mut self, segment: &Segment, delivery: &Delivery, signals: &[String]) {
        if !delivery.again {
            self.proof.candles += segment.candles() as u64;
        }
        for (id, cuts) in &delivery.cut_off {
            self.fleet.add_to_script(*id, cuts);
            self.trader(*id).cut_off += cuts.len() as u64;
        }
        let mut found = Collected { is_refused: delivery.done == Done::Undone, signals: Vec::new() };
        match delivery.done {
            Done::TakenIn => self.fleet.bootstrap(segment),
            // A refused delivery is undone as it was then.
            Done::Kept | Done::Undone => drop(self.fleet.deliver(segment, &mut found)),
        }
        for id in &delivery.host_failed {
            self.give_up(*id, "the host failed with it, which a replay cannot repeat".to_owned());
        }
        let ids: Vec<TraderId> = self.proof.traders.keys().copied().collect();
        for id in ids {
            if !self.fleet.take_cuts(id).is_empty() {
                self.give_up(id, "a call did not end here that had ended when it was recorded".to_owned());
            }
        }
        self.compare(signals, found.signals);
    }

    fn compare(&mut self, recorded: &[String], replayed: Vec<(TraderId, String)>) {
        let same = recorded.len() == replayed.len() && recorded.iter().zip(&replayed).all(|(was, (_, is))| was == is);
        if same && self.away.is_empty() && !self.keep {
            for (id, _) in &replayed {
                let trader = self.trader(*id);
                trader.recorded += 1;
                trader.equal += 1;
            }
            return;
        }
        let mut rest: BTreeMap<(TraderId, String), (String, Value)> = BTreeMap::new();
        for (id, json) in replayed.into_iter().filter(|(id, _)| !self.away.contains_key(id)) {
            let value: Value = serde_json::from_str(&json).unwrap_or_default();
            rest.insert((id, compare::text(&value, "id")), (json, value));
        }
        for was in recorded {
            let value: Value = serde_json::from_str(was).unwrap_or_default();
            let signal = compare::text(&value, "id");
            let Ok(id) = compare::text(&value, "trader_id").parse::<TraderId>() else {
                self.proof.faults.push("a signal names no trader; take the file from a backup".to_owned());
                continue;
            };
            if self.keep {
                self.proof.stored.extend(compare::stored(id, &value));
            }
            let is_away = self.away.contains_key(&id);
            let trader = self.trader(id);
            trader.recorded += 1;
            if is_away {
                trader.not_proved += 1;
                continue;
            }
            match rest.remove(&(id, signal)) {
                Some((is, _)) if is == *was => trader.equal += 1,
                Some((_, is)) => {
                    trader.different += 1;
                    trader.first.get_or_insert_with(|| compare::difference(&value, &is));
                }
                None => {
                    trader.missing += 1;
                    trader.first.get_or_insert_with(|| compare::lone(&value, "a signal", "none"));
                }
            }
        }
        for ((id, _), (_, value)) in rest {
            let trader = self.trader(id);
            trader.extra += 1;
            trader.first.get_or_insert_with(|| compare::lone(&value, "none", "a signal"));
        }
    }

    fn trader(&mut self, id: TraderId) -> &mut TraderProof {
        self.proof.traders.entry(id).or_default()
    }
}

/// Takes the signals of a delivery, or refuses them.
struct Collected {
    is_refused: bool,
    signals: Vec<(TraderId, String)>,
}

impl Sink for Collected {
    fn accept(&mut self, burst: &Burst<'_>) -> io::Result<()> {
        if self.is_refused {
            return Err(io::Error::other("refused, as it was recorded"));
        }
        for signal in burst.signals {
            self.signals.push((signal.trader_id(), serde_json::to_string(signal)?));
        }
        Ok(())
    }
}
