//! From what a replay saw to the data of a report.

use std::collections::BTreeMap;

use super::collect::{Collector, Seen, Stream};
use super::columns;
use super::data::{Cost, GapData, ParamSet, Report, Returns, SignalData, StreamData, Trader, Wanted};
use super::forward::{Fired, HORIZONS};
use super::spread::Spread;
use crate::market::{Interval, SymbolId, Symbols};
use crate::module::Digest;
use crate::sandbox::{Manifest, Outcome, Param, ParamValue, Plot, Subscription, Tag, limits};
use crate::signal::StampedSignal;
use crate::supervisor::{Counts, FaultReport};
use crate::text::shown;

/// What is known of a replay beside what was collected.
#[derive(Debug, Clone, Copy)]
pub struct About<'a> {
    /// What the trader says of itself.
    pub manifest: &'a Manifest,
    /// The module that ran.
    pub module_sha256: Digest,
    /// Its size.
    pub module_bytes: usize,
    /// The ABI version that it speaks.
    pub abi: &'static str,
    /// What it ran with.
    pub params: &'a [(String, ParamValue)],
    /// What it subscribed to.
    pub subscription: &'a Subscription,
    /// How its calls ended, of what is shown.
    pub counts: &'a Counts,
    /// Whether it used up its strikes.
    pub quarantined: bool,
    /// The symbols of the feed.
    pub symbols: &'a Symbols,
    /// Signals that closed before are not shown, UTC milliseconds.
    pub from_ms: Option<i64>,
    /// Signals that closed later are not shown, UTC milliseconds.
    pub to_ms: Option<i64>,
}

/// Places of the streams that are shown.
type Places = BTreeMap<(SymbolId, Interval), usize>;

impl Report {
    /// Takes what was collected.
    #[must_use]
    pub fn of(collector: &Collector, about: &About<'_>) -> Self {
        let seen = collector.take();
        let width = about.manifest.plot_width();
        let mut places = Places::new();
        let mut streams = Vec::new();
        for ((symbol, interval), stream) in about.shown_streams(&seen) {
            places.insert((symbol, interval), streams.len());
            streams.push(stream.data(about.name(symbol), interval, width));
        }
        let fired = about.fired(&seen);
        let signals = fired.iter().filter_map(|(signal, fired)| signal_data(&seen, &places, signal, fired)).collect();
        let all: Vec<&Fired> = fired.iter().map(|(_, fired)| fired).collect();
        let returns = Returns {
            horizons: HORIZONS.to_vec(),
            tags: seen.closes.after(all.iter().copied()),
            every_candle: seen
                .closes
                .after_any(all.iter().copied(), |interval, open_ms| about.is_shown(interval.close_of(open_ms))),
        };
        Self {
            trader: about.trader(),
            params: about.params(),
            tags: about.manifest.tags.iter().map(tag).collect(),
            plots: about.manifest.plots.iter().map(plot).collect(),
            subscription: about.wanted(),
            from_ms: about.from_ms,
            to_ms: about.to_ms,
            streams,
            signals,
            gaps: gaps(&seen, &places),
            returns,
            cost: about.cost(seen),
        }
    }
}

impl About<'_> {
    fn is_shown(&self, close_ms: i64) -> bool {
        self.from_ms.is_none_or(|from_ms| close_ms >= from_ms) && self.to_ms.is_none_or(|to_ms| close_ms <= to_ms)
    }

    fn name(&self, symbol: SymbolId) -> &str {
        self.symbols.name(symbol).unwrap_or_default()
    }

    /// The streams that the trader was called for or reads beside; all of the feed if it was called for none.
    fn shown_streams<'s>(&self, seen: &'s Seen) -> Vec<((SymbolId, Interval), &'s Stream)> {
        let needs = &self.subscription.needs;
        let is_other = |key: &(SymbolId, Interval)| {
            self.subscription.other_streams.iter().any(|(symbol, at)| {
                self.symbols.id(symbol) == Some(key.0) && needs.get(*at).is_some_and(|need| need.interval == key.1)
            })
        };
        let was_called = |stream: &Stream| stream.evaluated.contains(&true);
        let any = seen.streams.values().any(was_called);
        let is_shown = |(key, stream): &(&(SymbolId, Interval), &Stream)| !any || was_called(stream) || is_other(key);
        seen.streams.iter().filter(is_shown).map(|(key, stream)| (*key, stream)).collect()
    }

    fn fired<'s>(&self, seen: &'s Seen) -> Vec<(&'s StampedSignal, Fired)> {
        let shown = seen.signals.iter().filter(|signal| self.is_shown(signal.timestamp().as_millisecond()));
        shown
            .filter_map(|signal| {
                let fired = Fired {
                    symbol: self.symbols.id(signal.symbol())?,
                    interval: signal.interval().parse().ok()?,
                    open_time_ms: signal.open_time().as_millisecond(),
                    tag: signal.tag().to_owned(),
                };
                Some((signal, fired))
            })
            .collect()
    }

    fn trader(&self) -> Trader {
        let manifest = self.manifest;
        Trader {
            name: shown(&manifest.name, limits::TITLE_BYTES),
            summary: shown(&manifest.summary, limits::HELP_BYTES),
            sdk: shown(&manifest.sdk, limits::TITLE_BYTES),
            abi: self.abi,
            module_sha256: self.module_sha256,
            module_bytes: self.module_bytes,
        }
    }

    fn params(&self) -> Vec<ParamSet> {
        let described = |param: &Param| Param {
            name: param.name.clone(),
            help: shown(&param.help, limits::HELP_BYTES),
            default: value(&param.default),
            minimum: param.minimum,
            maximum: param.maximum,
            choices: param.choices.iter().map(|choice| shown(choice, limits::TITLE_BYTES)).collect(),
        };
        let set = |param: &Param| {
            let given = self.params.iter().find(|(name, _)| *name == param.name);
            let given = given.map_or(&param.default, |(_, value)| value);
            ParamSet { value: value(given), described: described(param) }
        };
        self.manifest.params.iter().map(set).collect()
    }

    fn wanted(&self) -> Wanted {
        let Subscription { needs, symbols, other_streams, hygiene, .. } = self.subscription;
        let other = |(symbol, at): &(String, usize)| {
            let need = needs.get(*at)?;
            Some(format!("{}:{}", shown(symbol, limits::NAME_BYTES), need.interval))
        };
        Wanted {
            needs: needs.clone(),
            symbols: symbols.iter().map(|symbol| shown(symbol, limits::NAME_BYTES)).collect(),
            other_streams: other_streams.iter().filter_map(other).collect(),
            hygiene: *hygiene,
        }
    }

    fn cost(&self, seen: Seen) -> Cost {
        let counts = self.counts;
        let calls: Vec<_> = seen.calls.iter().filter(|call| self.is_shown(call.close_time_ms)).collect();
        let mut outcomes = counts.faults.clone();
        outcomes.insert(Outcome::Ok, calls.len() as u64);
        let fault = |fault: FaultReport| FaultReport { reason: shown(&fault.reason, limits::LOG_LINE_BYTES), ..fault };
        Cost {
            evaluations: counts.evaluations,
            held_back: counts.held_back,
            instances: counts.instances,
            outcomes,
            quarantined: self.quarantined,
            faults: seen.faults.into_iter().filter(|fault| self.is_shown(fault.close_time_ms)).map(fault).collect(),
            over_limit: counts.over_limit,
            log_lines_dropped: counts.log_lines_dropped,
            longest_call_fuel: counts.most_fuel,
            longest_call_symbols: counts.most_fuel_symbols,
            fuel: Spread::of(calls.iter().filter_map(|call| call.fuel).collect()),
            fuel_total: counts.fuel,
            peak_memory_bytes: counts.peak_memory_bytes,
            memory_budget_bytes: limits::MEMORY_BYTES,
            cpu_budget_ms: limits::CPU_PER_CALL.as_millis(),
        }
    }
}

impl Stream {
    fn data(&self, symbol: &str, interval: Interval, width: usize) -> StreamData {
        let [open, high, low, close, volume] = self.values.each_ref().map(|values| columns::exact(values));
        let line = |line: usize| {
            let values: Vec<f64> = self.plots.iter().skip(line).step_by(width).copied().collect();
            columns::line(&values)
        };
        StreamData {
            symbol: symbol.to_owned(),
            interval,
            interval_ms: interval.as_ms(),
            candles: self.open_times_ms.len(),
            evaluated: self.evaluated.iter().filter(|evaluated| **evaluated).count(),
            runs: columns::runs(&self.open_times_ms, interval.as_ms()),
            open,
            high,
            low,
            close,
            volume,
            lines: (0..width).map(line).collect(),
        }
    }
}

fn signal_data(seen: &Seen, places: &Places, signal: &StampedSignal, fired: &Fired) -> Option<SignalData> {
    let Fired { symbol, interval, open_time_ms, .. } = fired;
    let stream = *places.get(&(*symbol, *interval))?;
    let candle = seen.streams.get(&(*symbol, *interval))?.place(*open_time_ms)?;
    let after = |candles: &u32| seen.closes.return_percent(*symbol, *interval, *open_time_ms, *candles);
    let provenance = signal.provenance();
    Some(SignalData {
        stream,
        candle,
        open_time_ms: *open_time_ms,
        close_time_ms: signal.timestamp().as_millisecond(),
        tag: signal.tag().to_owned(),
        price: signal.price(),
        after_percent: HORIZONS.iter().map(|candles| after(candles).map(millionths)).collect(),
        warm: provenance.warm,
        historical: signal.is_historical(),
        missing_base_candles: provenance.missing_base_candles,
        missing_streams: provenance.missing_streams.clone(),
    })
}

fn gaps(seen: &Seen, places: &Places) -> Vec<GapData> {
    let data = |gap: &crate::market::Gap| {
        Some(GapData {
            stream: *places.get(&(gap.symbol, gap.interval))?,
            from_open_ms: gap.from_open_ms,
            until_open_ms: gap.until_open_ms,
            missing: (gap.until_open_ms - gap.from_open_ms) / gap.interval.as_ms(),
        })
    };
    seen.gaps.iter().filter_map(data).collect()
}

/// More digits than anybody reads would only make the file longer.
fn millionths(value: f64) -> f64 {
    (value * 1e6).round() / 1e6
}

fn value(value: &ParamValue) -> ParamValue {
    match value {
        ParamValue::Text(text) => ParamValue::Text(shown(text, 4 * limits::TEXT_CHARACTERS)),
        other => other.clone(),
    }
}

fn tag(tag: &Tag) -> Tag {
    Tag { name: tag.name.clone(), help: shown(&tag.help, limits::HELP_BYTES) }
}

fn plot(plot: &Plot) -> Plot {
    Plot { title: shown(&plot.title, limits::TITLE_BYTES), ..plot.clone() }
}
