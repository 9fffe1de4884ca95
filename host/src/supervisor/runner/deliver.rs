//! One batch to one instance, and what it found.

use std::collections::BTreeMap;

use super::{Mask, Runner, Seen, Surroundings, Wants};
use crate::market::{BatchRef, Column, Gap, SymbolId, VALUES_PER_CANDLE};
use crate::sandbox::{Fault, limits};
use crate::signal::hygiene::Asking;
use crate::signal::{Finding, klines};
use crate::supervisor::witness::Evaluation;

/// Findings of one delivery that keep their chart, if they are historical: a trader that finds something at every candle of its
/// warm-up would otherwise hold a chart of some kilobytes for each.
const CHARTS_KEPT: usize = 200;

/// Which findings of a batch are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tell {
    /// All: those at or before the cursor as historical.
    All,
    /// Those after the cursor: the others were told before.
    News,
    /// None: the batch only brings the state up to date.
    Nothing,
}

/// The rows of a batch that a trader wants, where it does not want all.
#[derive(Default)]
pub(super) struct Rows {
    symbols: Vec<u32>,
    values: Vec<f64>,
    missing: Vec<u32>,
    backfilled: Vec<bool>,
}

impl Runner {
    /// Delivers what the trader wants of a batch.
    pub(super) fn batch(&mut self, batch: BatchRef<'_>, tell: Tell, around: Surroundings<'_>) -> Result<(), Fault> {
        let (Some(instance), Some(wants)) = (self.instance.as_mut(), self.wants.as_ref()) else {
            return Ok(());
        };
        let Some(interval) = wants.subscription.index_of(batch.interval) else {
            return Ok(());
        };
        let masks = &self.masks;
        let batch = if wants.symbols.is_none() && masks.is_empty() {
            batch
        } else {
            self.rows.fill(batch, |symbol| is_given(wants, masks, symbol))
        };
        if batch.symbols.is_empty() {
            return Ok(());
        }
        let Some(seen) = self.seen.get_mut(interval) else { return Ok(()) };
        let highest = batch.symbols.last().map_or(0, |last| *last as usize + 1);
        if seen.len() < highest {
            seen.resize(highest, Seen::default());
        }
        for symbol in batch.symbols {
            if let Some(seen) = seen.get_mut(*symbol as usize) {
                if seen.candles == 0 {
                    seen.first_open_ms = batch.open_time_ms;
                    instance.sees_from(interval, *symbol, batch.open_time_ms);
                }
                seen.candles = seen.candles.saturating_add(1);
            }
        }
        self.counts.calls += 1;
        let evaluated =
            instance.on_close(interval, batch.open_time_ms, batch.close_time_ms, batch.symbols, batch.values)?;
        if let Some((witness, trader)) = around.witness.filter(|_| tell != Tell::Nothing) {
            witness.evaluated(&Evaluation {
                trader,
                interval: batch.interval,
                open_time_ms: batch.open_time_ms,
                symbols: batch.symbols,
                plots: &evaluated.plots,
                fuel: evaluated.fuel,
            });
        }
        self.counts.longest(evaluated.fuel.unwrap_or(0), batch.symbols.len());
        if evaluated.emissions.is_empty() {
            return Ok(());
        }
        let width = self.module.manifest.plot_width();
        for emission in evaluated.emissions {
            let row = emission.index as usize;
            let (Some(symbol), Some(values)) =
                (batch.symbols.get(row), batch.values.get(row * VALUES_PER_CANDLE..(row + 1) * VALUES_PER_CANDLE))
            else {
                continue;
            };
            let historical = self.judged.has(*symbol, batch.close_time_ms, batch.interval);
            if tell == Tell::Nothing {
                continue;
            }
            let asking = Asking {
                symbol: *symbol,
                interval: batch.interval,
                tag: emission.tag,
                open_time_ms: batch.open_time_ms,
            };
            if tell == Tell::News && historical && !self.newcomers.contains(symbol) {
                self.keeper.was_emitted(asking);
                continue;
            }
            if !self.keeper.keep(&wants.subscription.hygiene, asking, !historical) {
                continue;
            }
            let seen = seen.get(*symbol as usize).copied().unwrap_or_default();
            let warm_up = wants.subscription.needs.get(interval).map_or(0, |need| need.warm_up);
            let history = around.history;
            let has_candle = |(symbol, interval): &&(SymbolId, usize)| {
                wants.subscription.needs.get(*interval).is_some_and(|need| {
                    let due = need.interval.open_of(batch.close_time_ms + 1) - need.interval.as_ms();
                    history.stream(*symbol, need.interval).is_some_and(|stream| {
                        let end = stream.len_at(batch.close_time_ms);
                        end.checked_sub(1).and_then(|last| stream.open_times().get(last)) == Some(&due)
                    })
                })
            };
            let streams_missing = wants.others.iter().filter(|other| !has_candle(other));
            if historical {
                self.counts.historical_signals += 1;
            } else {
                self.counts.signals += 1;
            }
            let stream = history.stream(SymbolId(*symbol), batch.interval);
            let came = stream.and_then(|stream| stream.came_at(batch.close_time_ms)).unwrap_or_default();
            self.found.push(Finding {
                symbol: SymbolId(*symbol),
                interval: batch.interval,
                open_time_ms: batch.open_time_ms,
                close_time_ms: batch.close_time_ms,
                tag: emission.tag as usize,
                price: values.get(Column::Close.ordinal()).copied().unwrap_or(f64::NAN),
                ticker: stream.and_then(|stream| stream.ticker_at(batch.close_time_ms)),
                plots: evaluated.plots.get(row * width..(row + 1) * width).unwrap_or_default().to_vec(),
                chart: stream
                    .map(|stream| klines(stream, batch.close_time_ms, around.chart_candles))
                    .unwrap_or_default(),
                historical,
                warm: seen.candles > warm_up,
                first_open_ms: seen.first_open_ms,
                missing: batch.missing.get(row).copied().unwrap_or(0),
                late: came.late,
                backfilled: came.backfilled,
                streams_missing: streams_missing
                    .filter_map(|(symbol, interval)| {
                        let need = wants.subscription.needs.get(*interval)?;
                        Some(format!("{}:{}", around.offer.name(*symbol)?, need.interval))
                    })
                    .collect(),
            });
            let older = self.found.len().checked_sub(CHARTS_KEPT + 1).and_then(|older| self.found.get_mut(older));
            if let Some(older) = older.filter(|older| older.historical) {
                older.chart = Vec::new();
            }
            self.historical += usize::from(historical);
            if self.historical >= 2 * limits::HISTORICAL_SIGNALS {
                self.historical = keep_newest_historical(&mut self.found);
            }
        }
        Ok(())
    }

    pub(super) fn gap(&mut self, gap: &Gap) -> Result<(), Fault> {
        let (Some(instance), Some(wants)) = (self.instance.as_mut(), self.wants.as_ref()) else {
            return Ok(());
        };
        let Some(interval) = wants.subscription.index_of(gap.interval) else {
            return Ok(());
        };
        let symbol = gap.symbol.0;
        let has_seen = self.seen.get(interval).and_then(|seen| seen.get(symbol as usize));
        if !is_given(wants, &self.masks, symbol) || has_seen.is_none_or(|seen| seen.candles == 0) {
            return Ok(());
        }
        instance.on_gap(symbol, interval, gap.from_open_ms, gap.until_open_ms)
    }
}

impl Rows {
    /// The rows of a batch whose symbol is wanted.
    pub(super) fn fill<'a>(&'a mut self, batch: BatchRef<'a>, is_wanted: impl Fn(u32) -> bool) -> BatchRef<'a> {
        self.symbols.clear();
        self.values.clear();
        self.missing.clear();
        self.backfilled.clear();
        for ((symbol, values, missing), backfilled) in batch.rows().zip(batch.backfilled) {
            if is_wanted(symbol.0) {
                self.symbols.push(symbol.0);
                self.values.extend_from_slice(values);
                self.missing.push(missing);
                self.backfilled.push(*backfilled);
            }
        }
        let Self { symbols, values, missing, backfilled } = self;
        BatchRef { symbols, values, missing, backfilled, ..batch }
    }
}

/// Lets go of the oldest historical findings above the limit, and says how many are left. It goes through all of them.
pub(super) fn keep_newest_historical(found: &mut Vec<Finding>) -> usize {
    let historical = found.iter().filter(|finding| finding.historical).count();
    let mut surplus = historical.saturating_sub(limits::HISTORICAL_SIGNALS);
    let kept = historical - surplus;
    if surplus > 0 {
        found.retain(|finding| {
            let is_surplus = finding.historical && surplus > 0;
            surplus -= usize::from(is_surplus);
            !is_surplus
        });
    }
    kept
}

pub(super) fn is_given(wants: &Wants, masks: &BTreeMap<u32, Mask>, symbol: u32) -> bool {
    wants.symbols.as_ref().is_none_or(|wanted| wanted.binary_search(&symbol).is_ok()) && !is_masked(masks, symbol)
}

pub(super) fn is_masked(masks: &BTreeMap<u32, Mask>, symbol: u32) -> bool {
    masks.get(&symbol).is_some_and(|mask| mask.masked)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::market::Interval;

    fn finding(minute: i64, historical: bool) -> Finding {
        Finding {
            symbol: SymbolId(0),
            interval: Interval::M1,
            open_time_ms: minute * 60_000,
            close_time_ms: minute * 60_000 + 59_999,
            tag: 0,
            price: 1.0,
            ticker: None,
            plots: Vec::new(),
            chart: Vec::new(),
            historical,
            warm: true,
            first_open_ms: 0,
            missing: 0,
            late: false,
            backfilled: false,
            streams_missing: Vec::new(),
        }
    }

    #[test]
    fn a_chatty_warm_up_keeps_its_newest_signals_and_every_live_one() {
        let most = limits::HISTORICAL_SIGNALS as i64;
        let mut found: Vec<Finding> = (0..most + 500).map(|minute| finding(minute, true)).collect();
        found.extend((most + 500..most + 600).map(|minute| finding(minute, false)));
        assert_eq!(keep_newest_historical(&mut found), limits::HISTORICAL_SIGNALS);
        let minutes: Vec<i64> = found.iter().map(|finding| finding.open_time_ms / 60_000).collect();
        assert_eq!(minutes, (500..most + 600).collect::<Vec<_>>());
        assert_eq!(keep_newest_historical(&mut found), limits::HISTORICAL_SIGNALS, "and no more are let go");
        assert_eq!(found.len() as i64, most + 100);
    }
}
