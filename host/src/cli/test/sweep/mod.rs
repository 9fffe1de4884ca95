//! One trader with many sets of parameters over the same candles, which are read once. Sets run side by side on all cores; what is
//! printed does not depend on which was ready first.

mod grid;
mod results;
mod table;

use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use serde_json::{Map, Value};

use self::grid::Axis;
use self::results::{Did, Outcome, Set};
use super::Prepared;
use super::costs::Costs;
use super::faults::Run;
use super::play::play;
use super::range::Range;
use super::told::fired;
use crate::cli::drive::{CLOSES_A_SEGMENT, Ending};
use crate::cli::failure::Failure;
use crate::cli::terminal::{Terminal, grouped};
use crate::ids::TraderId;
use crate::market::{Feed as _, ReplayFeed, Segment, Symbols};
use crate::module::Modules;
use crate::report::forward::{Closes, Fired, HorizonReturns};
use crate::signal::{Burst, Sink};
use crate::supervisor::{FaultLog, FaultReport, Fleet, Ready};

/// Sets that share a fleet, and with it what it costs to make segments of candles and to keep their history. Few, since Ctrl-C loses
/// those that are not done.
const SETS_A_FLEET: usize = 4;

pub(super) fn run(mut prepared: Prepared<'_>) -> Result<(), Failure> {
    let (args, terminal) = (prepared.args, prepared.terminal.clone());
    let axes = grid::read(&args.sweep, &prepared.module.manifest, &prepared.given).map_err(Failure::input)?;
    let ending = Ending::on_signals()?;
    let (mut sets, ready) = admitted(&mut prepared, &axes);
    let work = Work {
        modules: &prepared.modules,
        range: prepared.range,
        closes: closes(&prepared.feed, prepared.range)?,
        feed: &prepared.feed,
        terminal: &terminal,
        ending: &ending,
        sets: ready.len(),
        done: AtomicUsize::new(0),
        span: prepared.feed.span_ms(),
        played_ms: AtomicU64::new(0),
    };
    let started = Instant::now();
    let outcomes = work.all(ready, prepared.config.workers.get())?;
    let elapsed = started.elapsed();
    terminal.clear();
    for (number, did) in outcomes {
        if let Some(set) = sets.get_mut(number) {
            set.outcome = Outcome::Done(Box::new(did));
        }
    }

    let module = args.module.display().to_string();
    let results = results::Results { axes: &axes, sets: results::sorted(sets), elapsed };
    if args.json {
        results.print_json(&prepared.module);
    } else if args.csv {
        results.print_csv().map_err(|error| Failure::fault(format!("cannot write the table: {error}")))?;
    } else {
        results.lines(terminal.width(), terminal.has_colours()).iter().for_each(|line| terminal.say(line));
    }
    let first = results.sets.iter().find_map(|set| Some((set, set.done()?.faults.first()?)));
    if let Some((set, fault)) = first {
        let run = Run { module: &module, candles: &args.candles, params: &set.params };
        let count = results.sets.iter().filter_map(Set::done).map(|did| did.fault_count).sum();
        run.tell(std::slice::from_ref(fault), count).iter().for_each(|line| terminal.note(line));
    }
    let (done, all) = (results.done(), results.sets.len());
    if ending.has_come() {
        return Err(Failure::interrupted(format!("stopped: {done} of {all} sets were done")));
    }
    if done == 0 {
        return Err(Failure::input("no set of the sweep can run; see what is said of each"));
    }
    let is_ill = |did: &Did| did.fault_count > 0 || did.quarantined;
    if results.sets.iter().filter_map(Set::done).any(is_ill) { Err(Failure::told()) } else { Ok(()) }
}

/// Every set, and those that can run with their numbers. Which candles they want is known after this.
fn admitted(prepared: &mut Prepared<'_>, axes: &[Axis]) -> (Vec<Set>, Vec<(usize, Ready)>) {
    let (mut sets, mut ready) = (Vec::new(), Vec::new());
    let mut notes: BTreeMap<String, usize> = BTreeMap::new();
    for (number, params) in grid::sets(axes, &prepared.given).into_iter().enumerate() {
        let outcome = match prepared.ready(params.clone(), number) {
            Ok(fitting) => {
                if let Some(note) = fitting.note {
                    *notes.entry(note).or_default() += 1;
                }
                ready.push((number, fitting.ready));
                Outcome::Waiting
            }
            Err(reason) => Outcome::Refused(reason),
        };
        sets.push(Set { params, outcome });
    }
    for (note, count) in notes {
        prepared.terminal.note(&format!("note, of {count} sets: {note}"));
    }
    (sets, ready)
}

/// The closes of every stream that a set runs on.
fn closes(feed: &ReplayFeed, range: Range) -> Result<Closes, Failure> {
    let mut feed = feed.restarted();
    feed.until(range.last_ms());
    let mut closes = Closes::default();
    let mut segment = Segment::new();
    while feed.next_close_ms().is_some() && feed.next(CLOSES_A_SEGMENT, &mut segment).map_err(Failure::input)? {
        closes.take_in(&segment);
    }
    Ok(closes)
}

/// What all threads share.
struct Work<'a> {
    modules: &'a Arc<Modules>,
    range: Range,
    feed: &'a ReplayFeed,
    closes: Closes,
    terminal: &'a Terminal,
    ending: &'a Ending,
    sets: usize,
    done: AtomicUsize,
    /// First and last close of the files.
    span: Option<(i64, i64)>,
    /// Candle time that was played, by all sets together.
    played_ms: AtomicU64,
}

impl Work<'_> {
    /// Runs all sets on so many threads. What is not done at the end is not in the answer.
    fn all(&self, ready: Vec<(usize, Ready)>, workers: usize) -> Result<Vec<(usize, Did)>, Failure> {
        let mut groups: Vec<Vec<(usize, Ready)>> = Vec::new();
        let size = (ready.len() / (2 * workers)).clamp(1, SETS_A_FLEET);
        for (number, set) in ready {
            match groups.last_mut() {
                Some(group) if group.len() < size && is_alike(group, &set) => group.push((number, set)),
                _ => groups.push(vec![(number, set)]),
            }
        }
        let threads = workers.min(groups.len()).max(1);
        // The last one is taken first.
        groups.reverse();
        let (groups, outcomes) = (Mutex::new(groups), Mutex::new(Vec::new()));
        std::thread::scope(|scope| {
            let worker = || -> Result<(), Failure> {
                loop {
                    let group = groups.lock().unwrap_or_else(PoisonError::into_inner).pop();
                    let Some(group) = group.filter(|_| !self.ending.has_come()) else { return Ok(()) };
                    let done = self.group(group)?;
                    outcomes.lock().unwrap_or_else(PoisonError::into_inner).extend(done);
                }
            };
            let running: Vec<_> = (0..threads).map(|_| scope.spawn(worker)).collect();
            let ended = running.into_iter().map(|thread| {
                thread
                    .join()
                    .unwrap_or_else(|_| Err(Failure::fault("the host panicked while it ran a set, see its log")))
            });
            // All are waited for, whatever one of them says.
            ended.collect::<Vec<_>>().into_iter().collect::<Result<Vec<()>, Failure>>()
        })?;
        Ok(outcomes.into_inner().unwrap_or_else(PoisonError::into_inner))
    }

    /// Runs some sets on one thread. Nothing comes of it if it is stopped on the way.
    fn group(&self, group: Vec<(usize, Ready)>) -> Result<Vec<(usize, Did)>, Failure> {
        let symbols = self.feed.symbols();
        let fleet = Fleet::new(self.modules.clone(), symbols.clone(), 1).map_err(Failure::fault)?.counting_cpu();
        let seen = Arc::new(FaultLog::default());
        let fleet = fleet.witnessed_by(Some(seen.clone()));
        let mut feed = self.feed.again();
        let mut numbers = BTreeMap::new();
        for (number, ready) in group {
            let intervals: Vec<_> = ready.subscription.needs.iter().map(|need| need.interval).collect();
            feed.want(&intervals).map_err(Failure::input)?;
            numbers.insert(ready.owned.id(), number);
            fleet.insert(ready, fleet.begin_read());
        }
        let count = numbers.len() as u64;
        let mut from_ms = self.span.map_or(0, |(first_ms, _)| first_ms);
        let mut signals = Signals { symbols, fired: BTreeMap::new() };
        let played = play(&fleet, &mut feed, self.range, self.ending, &mut signals, &mut |_, totals| {
            // What a set has to say is said when it runs alone.
            drop(fleet.take_lines());
            let until_ms = totals.last_close_ms.unwrap_or(from_ms);
            self.tell(until_ms.abs_diff(std::mem::replace(&mut from_ms, until_ms)) * count);
        })?;
        if played.was_stopped {
            return Ok(Vec::new());
        }
        let done = self.done.fetch_add(numbers.len(), Ordering::Relaxed) + numbers.len();
        tracing::debug!(done, of = self.sets, "sets are done");
        let before: BTreeMap<TraderId, _> =
            played.before.into_iter().map(|status| (status.id, status.counts)).collect();
        let mut faults: BTreeMap<TraderId, Vec<FaultReport>> = BTreeMap::new();
        for (id, fault) in seen.take() {
            faults.entry(id).or_default().push(fault);
        }
        let done = fleet.status().into_iter().filter_map(|status| {
            let number = *numbers.get(&status.id)?;
            let counts = status.counts.since(&before.get(&status.id).cloned().unwrap_or_default());
            let fired = signals.fired.remove(&status.id).unwrap_or_default();
            let mut faults = faults.remove(&status.id).unwrap_or_default();
            faults.retain(|fault| self.range.holds(fault.close_time_ms));
            let did = Did {
                signals: fired.len(),
                all: self.all_of(&fired),
                tags: self.closes.after(&fired),
                costs: Costs::of(&counts, (status.counts.fuel, status.total.cpu)),
                fault_count: counts.errors(),
                faults,
                quarantined: status.quarantined,
                counts,
            };
            Some((number, did))
        });
        Ok(done.collect())
    }

    /// What price did after all signals, whatever their tag.
    fn all_of(&self, fired: &[Fired]) -> Vec<HorizonReturns> {
        let alike: Vec<Fired> = fired.iter().map(|fired| Fired { tag: String::new(), ..fired.clone() }).collect();
        self.closes.after(&alike).pop().map(|all| all.horizons).unwrap_or_default()
    }

    fn tell(&self, played_ms: u64) {
        let (first_ms, last_ms) = self.span.unwrap_or_default();
        let all_ms = last_ms.min(self.range.last_ms()).abs_diff(first_ms) * self.sets as u64;
        let played_ms = self.played_ms.fetch_add(played_ms, Ordering::Relaxed) + played_ms;
        let (done, sets) = (self.done.load(Ordering::Relaxed), self.sets);
        let message = format!("{} of {} sets", grouped(done as u64), grouped(sets as u64));
        self.terminal.progress(played_ms.min(all_ms), all_ms, message);
    }
}

/// Sets that want the same candles share a fleet.
fn is_alike(group: &[(usize, Ready)], other: &Ready) -> bool {
    let intervals = |ready: &Ready| ready.subscription.needs.iter().map(|need| need.interval).collect::<Vec<_>>();
    group.first().is_some_and(|(_, first)| intervals(first) == intervals(other))
}

/// Keeps the signals of each set.
struct Signals<'a> {
    symbols: &'a Symbols,
    fired: BTreeMap<TraderId, Vec<Fired>>,
}

impl Sink for Signals<'_> {
    fn accept(&mut self, burst: &Burst<'_>) -> io::Result<()> {
        for signal in burst.signals {
            if let Some(fired) = fired(self.symbols, signal) {
                self.fired.entry(signal.trader_id()).or_default().push(fired);
            }
        }
        Ok(())
    }
}

/// The parameters of a set that are swept, as they are written on the command line.
fn swept(axes: &[Axis], params: &Map<String, Value>) -> Vec<String> {
    let plain = |value: &Value| match value {
        Value::String(text) => text.clone(),
        value => value.to_string(),
    };
    axes.iter().map(|axis| params.get(&axis.name).map(plain).unwrap_or_default()).collect()
}
