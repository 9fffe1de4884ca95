//! Everything that decides what a fleet says, told in the order in which it took effect: the same fleet to which the same is done in the
//! same order commits the same signals.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Begin, Fleet, Slot};
use crate::ids::TraderId;
use crate::market::{Interval, Segment, Symbols};
use crate::ownership::OwnedTrader;
use crate::sandbox::{Cut, Outcome};
use crate::signal::StampedSignal;
use crate::supervisor::plan::Version;
use crate::supervisor::runner::Runner;

/// What changes a fleet.
#[derive(Debug)]
pub enum Effect<'a> {
    /// The symbols on offer.
    Offered(&'a Symbols),
    /// Candles of an interval that are kept whatever traders ask for.
    HistoryKept(Interval, usize),
    /// Candles of the chart of a signal, which are kept as well.
    ChartKept(usize),
    /// Candles of each interval that are kept from this delivery on, and no more.
    Settled(&'a BTreeMap<Interval, u32>),
    /// Candles that no trader is called for.
    TakenIn(&'a Segment),
    /// Candles are about to be brought to the traders that are there now. What is inserted before the delivery has ended is not
    /// part of it.
    Delivering(&'a Segment),
    /// In the delivery that is under way a trader was cut off for its CPU time.
    CutOff(TraderId, &'a [Cut]),
    /// In the delivery that is under way the host itself failed with a trader, which nobody can repeat.
    HostFailed(TraderId),
    /// The delivery has ended: this was committed.
    Kept(&'a [StampedSignal]),
    /// The delivery has ended: nothing of it was kept, and all of it was undone.
    Undone,
    /// A trader was taken in.
    Inserted(Inserted<'a>),
    /// Nothing of this trader is committed any more; it waits to be replaced.
    Retired(TraderId),
    /// A trader was stopped.
    Removed(TraderId),
}

/// A trader that was taken in.
#[derive(Debug)]
pub struct Inserted<'a> {
    /// Whose it is.
    pub owned: &'a OwnedTrader,
    /// What runs.
    pub version: &'a Version,
    /// Where it begins.
    pub start: Start<'a>,
}

/// Where a trader begins.
#[derive(Debug)]
pub enum Start<'a> {
    /// Where the one stood that it replaces.
    Replacing,
    /// Where it stood when the host last stopped, or judged up to that close time.
    At(&'a Begin),
}

/// Told of every effect, some of them under the locks that make their order. It must not call the fleet.
pub trait Observer: Send + Sync {
    /// Asked before each delivery, under no lock: the only place where it may wait.
    fn make_room(&self);

    /// What took effect.
    fn observe(&self, effect: Effect<'_>);
}

impl Fleet {
    /// Tells somebody what is done to it.
    #[must_use]
    pub fn observed_by(mut self, observer: Option<Arc<dyn Observer>>) -> Self {
        self.observer = observer;
        self
    }

    /// Cuts traders off where they are told to be cut off, and not by the clock: to replay what was observed.
    #[must_use]
    pub fn replaying(mut self) -> Self {
        self.is_replay = true;
        self
    }

    /// Adds to the places where a replay cuts a trader off.
    pub fn add_to_script(&self, id: TraderId, cuts: &[Cut]) {
        if let Some(slot) = self.slots().get(&id) {
            slot.stop.add_to_script(cuts);
        }
    }

    /// Where a trader was cut off for its CPU time since this was last asked: in a replay, what never ended.
    #[must_use]
    pub fn take_cuts(&self, id: TraderId) -> Vec<Cut> {
        self.slots().get(&id).map(|slot| slot.stop.take_cuts()).unwrap_or_default()
    }

    /// Retires a trader that is about to be replaced.
    pub fn retire_for_replacement(&self, id: TraderId) {
        let slot = self.slots().get(&id).cloned();
        if let Some(slot) = slot {
            self.retire(&slot, Effect::Retired(id));
        }
    }

    /// Lets the observer catch up, where nobody waits for a lock.
    pub(super) fn wait_for_observer(&self) {
        if let Some(observer) = &self.observer {
            observer.make_room();
        }
    }

    #[inline]
    pub(super) fn tell(&self, effect: Effect<'_>) {
        if let Some(observer) = &self.observer {
            observer.observe(effect);
        }
    }

    /// Tells what happened to a trader in the delivery that does not follow from its candles.
    pub(super) fn tell_chance(&self, slot: &Slot, runner: &Runner, host_faults: u64) {
        if self.observer.is_none() {
            return;
        }
        let id = slot.owned.id();
        let cuts = slot.stop.take_cuts();
        if !cuts.is_empty() {
            self.tell(Effect::CutOff(id, &cuts));
        }
        if runner.faults(Outcome::HostFault) > host_faults {
            self.tell(Effect::HostFailed(id));
        }
    }
}
