//! After a fault: who is to blame, and what goes on.

use std::sync::Arc;

use super::deliver::{Rows, Tell, is_given, is_masked};
use super::{Counts, Failed, Mask, Runner, Surroundings, Wants};
use crate::market::{BatchRef, Column, History, Interval, Offer, SymbolId};
use crate::sandbox::{Fault, Fresh, Outcome, limits, thread_cpu};
use crate::signal::hygiene::Keeper;
use crate::supervisor::backoff::Backoff;
use crate::supervisor::warm_up::{Position, first_of};

impl Runner {
    /// After a fault in a live batch: brings a new instance to this batch, finds the symbols at fault, and delivers the rest.
    pub(super) fn recover(&mut self, fault: Fault, batch: BatchRef<'_>, around: Surroundings<'_>) -> bool {
        // What follows repeats calls, and with them their words.
        self.take_log();
        let now_ms = batch.close_time_ms;
        let symbols = self.wanted_of(batch);
        let failed = Failed { fault, at: Some((now_ms, batch.interval, symbols)) };
        if !failed.fault.outcome.is_strike() || !self.isolate(&failed, around) {
            self.strike(&failed, now_ms, around.offer);
            return false;
        }
        if !self.start_or_strike(Position::at(now_ms, batch.interval), now_ms, around) {
            return false;
        }
        let tell = self.tell();
        if let Err(fault) = self.batch(batch, tell, around) {
            self.strike(&Failed { fault, ..failed }, now_ms, around.offer);
            return false;
        }
        true
    }

    /// Tries the symbols of a batch one by one, and masks those that fault. False if that explains nothing: then the fault is the
    /// trader's as a whole.
    pub(super) fn isolate(&mut self, failed: &Failed, around: Surroundings<'_>) -> bool {
        let Some((close_ms, interval, symbols)) = &failed.at else {
            return false;
        };
        let universe = self.universe(around.offer);
        let has_others = self.wants.as_ref().is_some_and(|wants| !wants.others.is_empty());
        if has_others || universe < 2 {
            return false;
        }
        let position = Position::at(*close_ms, *interval);
        let mut culprits: Vec<(u32, Fault)> = Vec::new();
        let mut poisoned = true;
        for symbol in symbols {
            // Symbols know nothing of each other, so each is brought here alone: the past of another one cannot get in the way.
            if poisoned && self.renew(around).is_err() {
                return false;
            }
            let fed = self.feed(position, Some(*symbol), None, Tell::Nothing, around).map_err(|failed| failed.fault);
            let Err(fault) = fed.and_then(|()| self.probe(*symbol, *interval, *close_ms, around)) else {
                poisoned = false;
                continue;
            };
            if !fault.outcome.is_strike() || culprits.len() == limits::ISOLATED_FAULTS || culprits.len() + 1 == universe
            {
                return false;
            }
            culprits.push((*symbol, fault));
            poisoned = true;
        }
        let fault_ms = (*close_ms).max(self.faults_from_ms);
        let is_news = culprits.iter().any(|(symbol, _)| !self.masks.contains_key(symbol));
        for (symbol, fault) in &culprits {
            self.mask(*symbol, *interval, (*close_ms, fault_ms), fault, around.offer);
        }
        // A symbol that keeps faulting waits longer each time; only a new one is held against the trader.
        if is_news {
            self.backoff.fault(fault_ms);
        }
        !culprits.is_empty() && !self.backoff.is_quarantined()
    }

    /// One candle of one symbol, for its fault alone.
    fn probe(&mut self, symbol: u32, interval: Interval, close_ms: i64, around: Surroundings<'_>) -> Result<(), Fault> {
        let index = self.wants.as_ref().and_then(|wants| wants.subscription.index_of(interval));
        let (Some(instance), Some(index)) = (self.instance.as_mut(), index) else {
            return Ok(());
        };
        let open_ms = interval.open_of(close_ms);
        let Some(stream) = around.history.stream(SymbolId(symbol), interval) else { return Ok(()) };
        let Some(at) = stream.len_at(close_ms).checked_sub(1) else { return Ok(()) };
        let values = Column::ALL.map(|column| stream.column(column).get(at).copied().unwrap_or(f64::NAN));
        instance.sees_from(index, symbol, open_ms);
        instance.on_close(index, open_ms, close_ms, &[symbol], &values).map(|_| ())
    }

    /// Sets a symbol aside after a fault in the candle that closed then; its wait counts from the second time.
    fn mask(
        &mut self,
        symbol: u32,
        interval: Interval,
        (close_ms, fault_ms): (i64, i64),
        fault: &Fault,
        offer: &Offer,
    ) {
        // One whose lifting failed stays where it was judged.
        self.judged.set_apart(symbol);
        let new = || Mask { backoff: Backoff::of_symbol(), masked: false };
        let mask = self.masks.entry(symbol).or_insert_with(new);
        mask.masked = true;
        mask.backoff.fault(fault_ms);
        let named = offer.name(SymbolId(symbol)).unwrap_or_default().to_owned();
        self.report(fault, vec![named], Some(interval), close_ms);
    }

    /// Gives masked symbols back whose time has come, each warmed up alone. False if nothing can be delivered now.
    pub(super) fn unmask(&mut self, now_ms: i64, around: Surroundings<'_>) -> bool {
        self.masks.retain(|_, mask| mask.masked || mask.backoff.strikes() > 0);
        let due: Vec<u32> = self
            .masks
            .iter()
            .filter(|(_, mask)| mask.masked && mask.backoff.may_run(now_ms))
            .map(|(symbol, _)| *symbol)
            .collect();
        for symbol in due {
            if let Some(mask) = self.masks.get_mut(&symbol) {
                mask.masked = false;
            }
            if !self.warm_up_alone(symbol, Position::before(now_ms), now_ms, around) {
                return false;
            }
        }
        true
    }

    /// Brings one symbol to where the others are. It is set aside if it faults. False if nothing can be delivered now.
    pub(super) fn warm_up_alone(
        &mut self,
        symbol: u32,
        position: Position,
        now_ms: i64,
        around: Surroundings<'_>,
    ) -> bool {
        let (found, keeper, counts) = (self.found.len(), self.keeper.clone(), self.counts.clone());
        let Err(failed) = self.feed(position, Some(symbol), None, Tell::News, around) else {
            self.newcomers.remove(&symbol);
            self.has_fed(position, Some(symbol), None, around);
            return true;
        };
        match &failed.at {
            // What went before the candle at fault is told, and judged.
            Some((close_ms, interval, _)) => {
                self.has_fed(Position::at(*close_ms, *interval), Some(symbol), None, around);
            }
            None => self.forget_found(found, keeper, &counts),
        }
        if !failed.fault.outcome.is_strike() {
            self.strike(&failed, now_ms, around.offer);
            return false;
        }
        let interval = failed.at.as_ref().map_or(Interval::M1, |(_, interval, _)| *interval);
        self.mask(symbol, interval, (now_ms, now_ms), &failed.fault, around.offer);
        self.start_or_strike(position, now_ms, around)
    }

    /// Brings a new instance to a position. Symbols that fault on the way are masked; any other fault is a strike.
    pub(super) fn start_or_strike(&mut self, position: Position, now_ms: i64, around: Surroundings<'_>) -> bool {
        // After a fault nothing is looked for further back than the warm-up, since the candle at fault would be met again and again.
        // What is met on the way is set aside, and the rest goes on from where it was judged.
        let reaches_back = self.backoff.strikes() == 0;
        for _ in 0..=limits::ISOLATED_FAULTS {
            let judged_ms = if reaches_back { self.to_judge_after() } else { None };
            // Before a first start all is history worth telling; what was judged once is not told again.
            let tell = if self.has_started { Tell::News } else { Tell::All };
            let (found, keeper, counts) = (self.found.len(), self.keeper.clone(), self.counts.clone());
            let replayed = self.renew(around).and_then(|()| self.feed(position, None, judged_ms, tell, around));
            let Err(failed) = replayed else {
                if self.has_started {
                    self.drop_log();
                }
                self.has_started = true;
                let masks = &self.masks;
                self.newcomers.retain(|symbol| is_masked(masks, *symbol));
                self.has_fed(position, None, judged_ms, around);
                return true;
            };
            self.forget_found(found, keeper, &counts);
            if !failed.fault.outcome.is_strike() || !self.isolate(&failed, around) {
                self.strike(&failed, now_ms, around.offer);
                return false;
            }
        }
        let fault = Fault::new(Outcome::Trap, "warm-up", "too many symbols fault");
        self.strike(&Failed { fault, at: None }, now_ms, around.offer);
        false
    }

    /// Nothing of what was found since counts: it is found again.
    fn forget_found(&mut self, found: usize, keeper: Keeper, counts: &Counts) {
        self.found.truncate(found);
        self.keeper = keeper;
        self.counts.historical_signals = counts.historical_signals;
        self.counts.signals = counts.signals;
    }

    /// Makes an instance that has seen nothing.
    fn renew(&mut self, around: Surroundings<'_>) -> Result<(), Failed> {
        self.drop_instance();
        let plain = |fault| Failed { fault, at: None };
        let fresh =
            Fresh::instantiate(around.engine, &self.module.linked, around.metering, &self.stop).map_err(plain)?;
        let (mut instance, lines) = fresh.init(&self.module.manifest, &self.params, around.offer).map_err(plain)?;
        instance.lend(Some(around.history.clone()));
        self.counts.instances += 1;
        self.keep_lines(lines, 0);
        let subscription = Arc::new(instance.subscription().clone());
        let ids = |names: &[String]| {
            let mut ids: Vec<u32> = names.iter().filter_map(|name| Some(around.offer.id(name)?.0)).collect();
            ids.sort_unstable();
            ids
        };
        self.seen = vec![Vec::new(); subscription.needs.len()];
        self.wants = Some(Wants {
            symbols: (!subscription.symbols.is_empty()).then(|| ids(&subscription.symbols)),
            others: subscription
                .other_streams
                .iter()
                .filter_map(|(symbol, interval)| Some((around.offer.id(symbol)?, *interval)))
                .collect(),
            subscription,
        });
        self.instance = Some(instance);
        // Until it is known who is wanted, whoever lags has a cursor of its own.
        if let Some(wanted) = self.wants.as_ref().and_then(|wants| wants.symbols.as_deref()) {
            self.judged.keep_only(wanted);
        }
        Ok(())
    }

    /// Feeds the warm-up up to a position, of one symbol or of all, and what closed after `judged_ms`.
    fn feed(
        &mut self,
        position: Position,
        only: Option<u32>,
        judged_ms: Option<i64>,
        tell: Tell,
        around: Surroundings<'_>,
    ) -> Result<(), Failed> {
        let host = |reason: String| Failed { fault: Fault::new(Outcome::HostFault, "warm-up", reason), at: None };
        let Some(subscription) = self.wants.as_ref().map(|wants| wants.subscription.clone()) else {
            return Ok(());
        };
        self.see_others(around.history, judged_ms, position);
        let segment = around
            .warm_ups
            .get(around.history, around.offer, &subscription.needs, judged_ms, position)
            .map_err(|error| host(error.to_string()))?;
        let mut one = Rows::default();
        let began = thread_cpu();
        for close in segment.closes() {
            if self.stop.ends_warm_up(|| thread_cpu().saturating_sub(began) > limits::CPU_WARM_UP) {
                let reason = format!("the warm-up burnt more than {} s of CPU time", limits::CPU_WARM_UP.as_secs());
                return Err(Failed { fault: Fault::new(Outcome::CpuDeadline, "warm-up", reason), at: None });
            }
            for gap in close.gaps().iter().filter(|gap| only.is_none_or(|only| only == gap.symbol.0)) {
                self.gap(gap).map_err(|fault| Failed { fault, at: None })?;
            }
            for batch in close.batches() {
                let batch = match only {
                    None => batch,
                    Some(only) => one.fill(batch, |symbol| symbol == only),
                };
                self.batch(batch, tell, around).map_err(|fault| Failed {
                    fault,
                    at: Some((batch.close_time_ms, batch.interval, self.wanted_of(batch))),
                })?;
            }
        }
        Ok(())
    }

    /// What a warm-up up to there has told counts as judged, symbol by symbol: one that lags may end before the others, and a start
    /// without a close, or before one that faults, goes further than the last close that was judged.
    fn has_fed(&mut self, position: Position, only: Option<u32>, judged_ms: Option<i64>, around: Surroundings<'_>) {
        let Some(wants) = &self.wants else { return };
        let until_ms = position.close_ms() - 1;
        for need in wants.subscription.needs.iter().filter(|need| need.warm_up > 0 || judged_ms.is_some()) {
            let streams = around.history.streams(need.interval);
            for (SymbolId(symbol), stream) in streams.filter(|(symbol, _)| around.offer.is_on(*symbol)) {
                if only.is_some_and(|only| only != symbol) || !is_given(wants, &self.masks, symbol) {
                    continue;
                }
                let newest = |end: usize| Some(need.interval.close_of(*stream.open_times().get(end.checked_sub(1)?)?));
                if let Some(close_ms) = newest(stream.len_at(until_ms)) {
                    self.judged.close_of(symbol, close_ms);
                }
                // Of one symbol, longer intervals of the close in hand have been told as well; those of all were before.
                let longer_ms = newest(stream.len_at(position.last_close_ms(need.interval)));
                if only.is_some() && longer_ms == Some(position.close_ms()) {
                    self.judged.batch_of(symbol, position.close_ms(), need.interval);
                }
            }
        }
    }

    /// Close time after which candles are still to be judged: those that passed while another version was replaced or quarantined,
    /// or while the module could not be had.
    fn to_judge_after(&self) -> Option<i64> {
        let least_ms = self.judged.least_of(|symbol| !is_masked(&self.masks, symbol));
        (self.judged.all_ms() != i64::MIN).then_some(least_ms)
    }

    /// Streams of other symbols are seen as far back as their own warm-up would reach.
    fn see_others(&mut self, history: &History, judged_ms: Option<i64>, position: Position) {
        let (Some(instance), Some(wants)) = (self.instance.as_mut(), self.wants.as_ref()) else {
            return;
        };
        for (symbol, index) in &wants.others {
            let Some(need) = wants.subscription.needs.get(*index) else { continue };
            let first_ms = history.stream(*symbol, need.interval).and_then(|stream| {
                let end = stream.len_at(position.last_close_ms(need.interval));
                stream.open_times().get(first_of(stream, need, judged_ms, end)).copied()
            });
            instance.sees_from(*index, symbol.0, first_ms.unwrap_or(i64::MIN));
        }
    }

    pub(super) fn wanted_of(&self, batch: BatchRef<'_>) -> Vec<u32> {
        let Some(wants) = &self.wants else { return Vec::new() };
        let is_given = |symbol: &u32| is_given(wants, &self.masks, *symbol);
        batch.symbols.iter().copied().filter(is_given).collect()
    }

    fn universe(&self, offer: &Offer) -> usize {
        match self.wants.as_ref().and_then(|wants| wants.symbols.as_ref()) {
            Some(wanted) => wanted.len(),
            None => offer.len(),
        }
    }
}
