//! What the traders share of the market: the symbols on offer, and the candles. Both stand still while a delivery runs and are changed
//! in place between two.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use super::observe::Effect;
use super::{Fleet, Slot, lock};
use crate::ids::TraderId;
use crate::market::{History, HistorySize, Interval, Offer, Segment, Symbols};

/// Candles of each interval that somebody needs.
pub(super) type Needs = BTreeMap<Interval, u32>;

/// See the module.
#[derive(Default)]
pub(super) struct Market {
    offer: RwLock<Arc<Offer>>,
    history: Mutex<Arc<History>>,
    /// Kept whatever traders say.
    floor: Mutex<Needs>,
    /// Traders came since their needs were last looked at.
    has_new_needs: AtomicBool,
    /// What is kept from the next delivery on, and no more.
    settled: Mutex<Option<Needs>>,
    /// How often the history was found in use between two deliveries.
    copies: AtomicU64,
}

impl Market {
    pub(super) fn needs_changed(&self) {
        self.has_new_needs.store(true, Ordering::Release);
    }

    /// What is kept of the candles, changed in place: nobody else holds them now.
    fn change<R>(&self, change: impl FnOnce(&mut History) -> R) -> R {
        let mut held = lock(&self.history);
        if Arc::get_mut(&mut held).is_none() {
            self.copies.fetch_add(1, Ordering::Relaxed);
            tracing::warn!("host fault: an instance kept the history after its delivery, so all of it is copied");
        }
        change(Arc::make_mut(&mut held))
    }

    /// Lets go of what nobody needs. Not within a delivery.
    pub(super) fn trim(&self) {
        self.change(History::trim);
    }
}

impl Fleet {
    /// The symbols on offer.
    #[must_use]
    pub fn symbols(&self) -> Arc<Offer> {
        self.market.offer.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Tells the symbols. Only the first call counts: from then on they come and go by what segments say.
    pub fn offer(&self, symbols: Symbols) {
        let mut offer = self.market.offer.write().unwrap_or_else(PoisonError::into_inner);
        if offer.names().is_empty() {
            self.tell(Effect::Offered(&symbols));
            *offer = Arc::new(Offer::from(symbols));
        }
    }

    /// Keeps history for an interval whatever traders ask for.
    pub fn keep_history(&self, interval: Interval, candles: usize) {
        self.tell(Effect::HistoryKept(interval, candles));
        let candles = u32::try_from(candles).unwrap_or(u32::MAX);
        let mut floor = lock(&self.market.floor);
        let kept = floor.entry(interval).or_default();
        *kept = candles.max(*kept);
        self.market.needs_changed();
    }

    /// Gives every signal a chart of so many candles.
    pub fn keep_chart(&self, candles: usize) {
        self.tell(Effect::ChartKept(candles));
        self.chart_candles.store(candles, Ordering::Release);
        self.market.needs_changed();
    }

    /// Candles of each interval that the traders need which run now: for warm-up, columns, charts, and the 24 h figures.
    #[must_use]
    pub fn needs(&self) -> BTreeMap<Interval, u32> {
        self.needs_of(&self.slots())
    }

    fn needs_of(&self, slots: &BTreeMap<TraderId, Arc<Slot>>) -> Needs {
        let chart = u32::try_from(self.chart_candles.load(Ordering::Acquire)).unwrap_or(u32::MAX);
        let mut needs = lock(&self.market.floor).clone();
        for need in slots.values().flat_map(|slot| &slot.needs) {
            let candles = needs.entry(need.interval).or_default();
            *candles = need.warm_up.max(need.lookback).max(chart).max(*candles);
        }
        for (interval, candles) in &mut needs {
            *candles = u32::try_from(History::least(*interval, *candles as usize)).unwrap_or(u32::MAX);
        }
        needs
    }

    /// Says that the set of traders is complete for now: candles that none of them needs are let go of with the next delivery. To be
    /// called where no trader is on its way into the fleet. A feed that does not load history by itself has told its candles once
    /// and for all, so nothing of them is let go. Returns what is needed, for the feed to keep the same.
    pub fn settle(&self) -> BTreeMap<Interval, u32> {
        let needs = self.needs();
        if self.loads_history {
            let mut kept = needs.clone();
            let mut settled = lock(&self.market.settled);
            // What was not needed for a while has a hole by now, although no delivery has let go of it yet.
            if let Some(before) = settled.take() {
                kept.retain(|interval, _| before.contains_key(interval));
            }
            *settled = Some(kept);
        }
        needs
    }

    /// Does as [`settle`](Self::settle) did when it was observed.
    pub fn settle_as(&self, needs: BTreeMap<Interval, u32>) {
        *lock(&self.market.settled) = Some(needs);
    }

    /// How much history is held.
    #[must_use]
    pub fn history_size(&self) -> HistorySize {
        lock(&self.market.history).size()
    }

    /// How often the history had to be copied since somebody held it between two deliveries: a mistake of the host.
    #[must_use]
    pub fn history_copies(&self) -> u64 {
        self.market.copies.load(Ordering::Relaxed)
    }

    /// Takes in what a segment says of the market, before any of these traders is called. Told again, it changes nothing.
    pub(super) fn take_in(&self, segment: &Segment, slots: &BTreeMap<TraderId, Arc<Slot>>) -> Arc<History> {
        if !segment.joined().is_empty() || !segment.gone().is_empty() {
            let mut held = self.market.offer.write().unwrap_or_else(PoisonError::into_inner);
            let mut offer = Offer::clone(&held);
            for (symbol, name) in segment.joined() {
                // One that goes as it comes was taken in before, where the segment is told again.
                let is_done = segment.gone().contains(symbol) && offer.name(*symbol).is_some();
                if let Err(error) = if is_done { Ok(()) } else { offer.join(*symbol, name) } {
                    tracing::error!(%error, "host fault");
                }
            }
            segment.gone().iter().for_each(|symbol| offer.leave(*symbol));
            *held = Arc::new(offer);
        }
        let settled = lock(&self.market.settled).take();
        if let Some(needs) = &settled {
            self.tell(Effect::Settled(needs));
        }
        let is_new = self.market.has_new_needs.swap(false, Ordering::AcqRel);
        let required = is_new.then(|| self.needs_of(slots));
        self.market.change(|history| {
            if let Some(needs) = settled {
                history.keep_only(&needs);
            }
            for (interval, candles) in required.into_iter().flatten() {
                history.require(interval, candles as usize);
            }
            segment.gone().iter().for_each(|symbol| history.forget(*symbol));
            history.append(segment);
        });
        lock(&self.market.history).clone()
    }

    /// Whether a trader has the history that it declared. Where the feed does not load any, what was delivered has to do.
    pub(super) fn may_start(&self, slot: &Slot, history: &History) -> bool {
        let is_there =
            |need: &crate::sandbox::Need| history.filled(need.interval) >= need.warm_up.max(need.lookback) as usize;
        !self.loads_history || slot.needs.iter().all(is_there)
    }
}
