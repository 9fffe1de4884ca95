//! Brings a segment to every trader, and commits what they found.

use std::cmp::Reverse;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use rayon::prelude::*;

use super::observe::Effect;
use super::{Fleet, Slot, lock};
use crate::ids::TraderId;
use crate::market::{History, Offer, Segment, Telling};
use crate::sandbox::{Outcome, thread_cpu};
use crate::signal::{Burst, Finding, Origin, Sink, StampedSignal};
use crate::supervisor::runner::{Judged, Surroundings};

/// What a trader found in a delivery.
struct Found {
    findings: Vec<Finding>,
    judged: Judged,
    quarantined: bool,
}

impl Default for Found {
    fn default() -> Self {
        Self { findings: Vec::new(), judged: Judged::up_to(i64::MIN), quarantined: false }
    }
}

/// What a delivery lends to every trader.
#[derive(Clone, Copy)]
struct Lent<'a> {
    history: &'a Arc<History>,
    offer: &'a Offer,
    now_ms: i64,
}

/// What a delivery did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Delivered {
    /// Live signals committed.
    pub signals: u64,
    /// Historical signals committed.
    pub historical: u64,
    /// A trader has used up its strikes: the reconciler has something to do.
    pub quarantined: bool,
}

impl Fleet {
    /// Takes candles in that no trader is called for: what was there before the host started.
    pub fn bootstrap(&self, segment: &Segment) {
        self.wait_for_observer();
        let slots = self.slots();
        self.tell(Effect::TakenIn(segment));
        drop(self.take_in(segment, &slots));
        self.market.trim();
        self.pass_by(segment, slots.values());
    }

    /// Candles that nobody is called for are history to traders that have not started. After the first candle that was told this does
    /// not hold for what the feed loads: it may have closed since a trader came. But it is the time: while nobody ran, nothing was told.
    fn pass_by<'a>(&self, segment: &Segment, slots: impl IntoIterator<Item = &'a Arc<Slot>>) {
        let Some(last_ms) = segment.last_close_ms() else { return };
        {
            let mut now_ms = lock(&self.now_ms);
            *now_ms = last_ms.max(*now_ms);
        }
        if segment.telling() == Telling::History && self.has_begun.load(Ordering::Acquire) {
            return;
        }
        for slot in slots {
            let mut runner = lock(&slot.runner);
            runner.judged_up_to(last_ms);
            lock(&slot.committed).clone_from(runner.judged());
        }
    }

    /// Delivers a segment to every trader and commits what they found. An empty one only starts those that have not started, and so
    /// does one of history once it says how far that reaches.
    ///
    /// # Errors
    ///
    /// If the sink does not take the signals. Then nothing of it counts, and the same segment may be delivered again.
    pub fn deliver(&self, segment: &Segment, sink: &mut dyn Sink) -> io::Result<Delivered> {
        self.wait_for_observer();
        let (slots, history) = {
            // Who comes meanwhile is not part of it, nor is what they need.
            let slots = self.slots();
            self.tell(Effect::Delivering(segment));
            let history = self.take_in(segment, &slots);
            (slots.values().cloned().collect::<Vec<Arc<Slot>>>(), history)
        };
        let is_history = segment.telling() == Telling::History;
        if is_history {
            self.pass_by(segment, &slots);
            let offer = self.symbols();
            slots.iter().for_each(|slot| lock(&slot.runner).history_came(segment, &offer));
        } else if !segment.is_empty() {
            self.has_begun.store(true, Ordering::Release);
        }
        if is_history && segment.filled().is_empty() && segment.joined().is_empty() && segment.gone().is_empty() {
            drop(history);
            self.tell(Effect::Kept(&[]));
            return Ok(Delivered::default());
        }
        let last_ms = segment.last_close_ms().filter(|_| !is_history);
        // Candle time never runs backwards, whatever comes late.
        let now_ms = (*lock(&self.now_ms)).max(last_ms.unwrap_or(i64::MIN));
        let offer = self.symbols();
        let lent = Lent { history: &history, offer: &offer, now_ms };
        let found: Vec<Found> = match slots.as_slice() {
            // Alone it needs no hand-over to another thread.
            [alone] => vec![self.run(alone, segment, lent)],
            _ => self.pool.install(|| slots.par_iter().map(|slot| self.run(slot, segment, lent)).collect()),
        };
        self.warm_ups.clear();
        *lock(&self.now_ms) = now_ms;
        drop(history);
        self.market.trim();
        self.commit(&slots, found, now_ms, sink).inspect_err(|_| self.roll_back(&slots))
    }

    /// Nothing of a delivery was kept: every trader goes back to where it was.
    fn roll_back(&self, slots: &[Arc<Slot>]) {
        for slot in slots {
            lock(&slot.runner).undo();
        }
    }

    fn run(&self, slot: &Slot, segment: &Segment, lent: Lent<'_>) -> Found {
        let mut runner = lock(&slot.runner);
        if slot.retired.load(Ordering::Acquire) {
            return Found::default();
        }
        let _busy = self.watchdog.busy(self.pool.current_thread_index(), slot.owned.name());
        let began = self.counts_cpu.then(thread_cpu);
        let around = Surroundings {
            engine: self.modules.engine(),
            metering: self.modules.metering(),
            history: lent.history,
            offer: lent.offer,
            warm_ups: &self.warm_ups,
            chart_candles: self.chart_candles.load(Ordering::Acquire),
            witness: self.witness.as_deref().map(|witness| (witness, slot.owned.id())),
        };
        let host_faults = runner.faults(Outcome::HostFault);
        let (now_ms, may_start) = (lent.now_ms, runner.is_live() || self.may_start(slot, lent.history));
        // A mistake of the host in one trader's hands must not end the evaluation of all.
        let ran = catch_unwind(AssertUnwindSafe(|| runner.run(segment, now_ms, may_start, around)));
        let findings = ran.unwrap_or_else(|_| {
            runner.host_failed(now_ms);
            Vec::new()
        });
        self.tell_chance(slot, &runner, host_faults);
        if let Some(witness) = &self.witness {
            runner.faults_of_delivery().iter().for_each(|fault| witness.faulted(slot.owned.id(), fault));
        }
        if let Some(began) = began {
            let took = thread_cpu().saturating_sub(began);
            slot.cpu_ns.fetch_add(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
        }
        Found { findings, judged: runner.judged().clone(), quarantined: runner.is_quarantined() }
    }

    /// Hands the findings to the sink, in the order of candle time and then of the traders' ids, whatever thread found them.
    fn commit(
        &self,
        slots: &[Arc<Slot>],
        found: Vec<Found>,
        close_ms: i64,
        sink: &mut dyn Sink,
    ) -> io::Result<Delivered> {
        let mut delivered =
            Delivered { quarantined: found.iter().any(|found| found.quarantined), ..Delivered::default() };
        let _gate = lock(&self.gate);
        let mut order: Vec<(&Arc<Slot>, Finding)> = Vec::new();
        let mut cursors: Vec<(&Arc<Slot>, Judged)> = Vec::new();
        let mut durable: Vec<(TraderId, i64)> = Vec::new();
        for (slot, found) in slots.iter().zip(found) {
            if !slot.retired.load(Ordering::Acquire) {
                durable.push((slot.owned.id(), found.judged.least_ms()));
                cursors.push((slot, found.judged));
                order.extend(found.findings.into_iter().map(|finding| (slot, finding)));
            }
        }
        order.sort_by_key(|(_, finding)| (finding.close_time_ms, Reverse(finding.interval)));
        let offer = self.symbols();
        let mut signals = Vec::with_capacity(order.len());
        let mut counted = Vec::with_capacity(order.len());
        for (slot, finding) in order {
            let params_hash = slot.params_hash;
            let origin = Origin { trader: &slot.owned, module: &slot.module, params_hash };
            match StampedSignal::stamp(origin, offer.names(), finding) {
                Ok(signal) => {
                    counted.push((slot, signal.is_historical()));
                    signals.push(signal);
                }
                Err(error) => tracing::error!(%error, "host fault"),
            }
        }
        let burst = Burst { signals: &signals, close_ms, cursors: &durable };
        sink.accept(&burst).inspect_err(|_| self.tell(Effect::Undone))?;
        self.tell(Effect::Kept(&signals));
        delivered.historical = signals.iter().filter(|signal| signal.is_historical()).count() as u64;
        delivered.signals = signals.len() as u64 - delivered.historical;
        for (slot, is_historical) in counted {
            let count = if is_historical { &slot.historical } else { &slot.signals };
            count.fetch_add(1, Ordering::AcqRel);
        }
        for (slot, judged) in cursors {
            *lock(&slot.committed) = judged;
        }
        Ok(delivered)
    }
}
