//! /metrics in the OpenMetrics text format: each trader, and each promise that the host makes. Made anew from a snapshot at every
//! scrape, so that a trader that is gone leaves no series behind.

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeCounterValue, EncodeGaugeValue, EncodeMetric, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;

use super::health::Report;
use super::state::{Observed, OutboxView, TraderView};
use crate::market::{MarketStatus, MarketView};
use crate::signal::outbox::{LaneStatus, Table};

/// What the page is.
pub(super) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The page.
pub(super) fn text(observed: &Observed) -> String {
    let mut registry = Registry::with_prefix("vyx");
    registry.register(
        "disable_heard_to_dropped_seconds",
        "From the news that a trader is disabled to its dropped store",
        observed.latencies.heard_to_dropped.clone(),
    );
    registry.register(
        "disable_committed_to_dropped_seconds",
        "From the commit that disabled a trader, by the clock of the database, to its dropped store",
        observed.latencies.committed_to_dropped.clone(),
    );
    registry.register_collector(Box::new(Scrape {
        traders: observed.traders(),
        report: observed.report(),
        outbox: observed.outbox(),
        realtime_live: observed.realtime.borrow().is_live(),
        workers_overdue: observed.fleet.overdue(),
        market: observed.market.get().map(MarketStatus::get),
    }));
    let mut page = String::new();
    // Writing to a string cannot fail.
    let _ = text::encode(&mut page, &registry);
    page
}

#[derive(Debug)]
struct Scrape {
    traders: Vec<TraderView>,
    report: Report,
    outbox: OutboxView,
    realtime_live: bool,
    workers_overdue: u64,
    market: Option<MarketView>,
}

/// A name, what it means, and a sample for each trader that has one.
struct PerTrader<'a, 'e> {
    encoder: &'a mut DescriptorEncoder<'e>,
    traders: &'a [TraderView],
}

impl PerTrader<'_, '_> {
    fn counter<N: EncodeCounterValue>(
        &mut self,
        name: &str,
        help: &str,
        of: impl Fn(&TraderView) -> N,
    ) -> Result<(), fmt::Error> {
        let mut family = self.encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
        for trader in self.traders {
            let labels = [("trader_id", trader.id.to_string())];
            ConstCounter::new(of(trader)).encode(family.encode_family(&labels)?)?;
        }
        Ok(())
    }

    fn gauge<N: EncodeGaugeValue>(
        &mut self,
        name: &str,
        help: &str,
        of: impl Fn(&TraderView) -> N,
    ) -> Result<(), fmt::Error> {
        let mut family = self.encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
        for trader in self.traders {
            let labels = [("trader_id", trader.id.to_string())];
            ConstGauge::new(of(trader)).encode(family.encode_family(&labels)?)?;
        }
        Ok(())
    }
}

impl Collector for Scrape {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        self.encode_traders(&mut encoder)?;
        self.encode_promises(&mut encoder)?;
        if let Some(market) = &self.market {
            encode_market(market, &mut encoder)?;
        }
        self.encode_outbox(&mut encoder)
    }
}

impl Scrape {
    fn encode_traders(&self, encoder: &mut DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let mut each = PerTrader { encoder, traders: &self.traders };
        each.gauge("trader_live", "1 while an instance is there", |trader| i64::from(trader.live))?;
        each.counter("trader_calls", "Calls with closed candles", |trader| trader.counts.calls)?;
        each.counter("trader_evaluations", "Candles looked at", |trader| trader.counts.evaluations)?;
        each.counter("trader_cpu_seconds", "CPU time of its evaluations", |trader| trader.cpu_seconds)?;
        each.gauge("trader_peak_memory_bytes", "Most memory that an instance held", |trader| {
            i64::try_from(trader.counts.peak_memory_bytes).unwrap_or(i64::MAX)
        })?;
        each.counter("trader_signals", "Live signals found and kept", |trader| trader.counts.signals)?;
        each.counter("trader_historical_signals", "Signals of warm-ups", |trader| trader.counts.historical_signals)?;
        each.counter("trader_held_back_signals", "Signals that cooldown or a limit held back", |trader| {
            trader.counts.held_back
        })?;
        each.counter("trader_restarts", "Instances made after the first", |trader| {
            trader.counts.instances.saturating_sub(1)
        })?;
        let mut family =
            encoder.encode_descriptor("trader_faults", "Calls by how they ended badly", None, MetricType::Counter)?;
        for trader in &self.traders {
            for (outcome, count) in &trader.counts.faults {
                let labels = [("trader_id", trader.id.to_string()), ("outcome", outcome.as_str().to_owned())];
                ConstCounter::new(*count).encode(family.encode_family(&labels)?)?;
            }
        }
        let mut family = encoder.encode_descriptor("traders", "Traders by state", None, MetricType::Gauge)?;
        for state in ["running", "stopped", "error"] {
            let count = self.traders.iter().filter(|trader| trader.state == state).count();
            let labels = [("state", state)];
            ConstGauge::new(i64::try_from(count).unwrap_or(i64::MAX)).encode(family.encode_family(&labels)?)?;
        }
        Ok(())
    }

    fn encode_promises(&self, encoder: &mut DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let mut gauge = |name: &str, help: &str, value: f64| {
            ConstGauge::new(value).encode(encoder.encode_descriptor(name, help, None, MetricType::Gauge)?)
        };
        let as_f64 = |yes: bool| if yes { 1.0 } else { 0.0 };
        gauge("ready", "1 while every promise is kept", as_f64(self.report.ready))?;
        gauge("evaluating", "1 while traders are evaluated", as_f64(self.report.evaluating))?;
        gauge("realtime_live", "1 while changes are heard at once", as_f64(self.realtime_live))?;
        let read = self.report.last_good_read_seconds.map_or(f64::INFINITY, |seconds| seconds as f64);
        gauge("last_good_reconcile_seconds", "Time since the registry was last read whole", read)?;
        let close = self.report.last_close_ms.map_or(f64::NAN, |close_ms| close_ms as f64 / 1_000.0);
        gauge("last_close_timestamp_seconds", "Close time of the newest candle delivered", close)?;
        let overdue = ConstCounter::new(self.workers_overdue);
        let help = "Times that one trader held a worker for long";
        overdue.encode(encoder.encode_descriptor("workers_overdue", help, None, MetricType::Counter)?)
    }

    fn encode_outbox(&self, encoder: &mut DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let OutboxView { queued, queued_bytes, oldest_seconds, dead, sender } = &self.outbox;
        let mut gauge = |name: &str, help: &str, value: f64| {
            ConstGauge::new(value).encode(encoder.encode_descriptor(name, help, None, MetricType::Gauge)?)
        };
        gauge("outbox_signals", "Signals that wait to be sent", *queued as f64)?;
        gauge("outbox_bytes", "Bytes of the signals that wait to be sent", *queued_bytes as f64)?;
        gauge("outbox_oldest_seconds", "Age of the oldest signal that waits", *oldest_seconds)?;
        let mut counter = |name: &str, help: &str, of: fn(&LaneStatus) -> u64| {
            let mut family = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
            for table in Table::ALL {
                let labels = [("table", table.as_str())];
                ConstCounter::new(of(sender.of(table))).encode(family.encode_family(&labels)?)?;
            }
            Ok(())
        };
        counter("signals_sent", "Signals that were new to the database", |lane| lane.new)?;
        let help = "Signals that the database had already; when it grows all the time, a second host runs";
        counter("signals_duplicate", help, |lane| lane.duplicates)?;
        counter("signals_retries", "Requests that had to be repeated", |lane| lane.retries)?;
        let mut family = encoder.encode_descriptor(
            "signals_dead",
            "Signals that the database refused for good",
            None,
            MetricType::Counter,
        )?;
        for (code, count) in dead {
            ConstCounter::new(*count).encode(family.encode_family(&[("code", code.clone())])?)?;
        }
        Ok(())
    }
}

/// How the market is heard.
fn encode_market(market: &MarketView, encoder: &mut DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
    let mut gauge = |name: &str, help: &str, value: f64| {
        ConstGauge::new(value).encode(encoder.encode_descriptor(name, help, None, MetricType::Gauge)?)
    };
    gauge("market_symbols", "Symbols that are watched", market.symbols as f64)?;
    gauge("market_streams", "Streams that traders want from the exchange", market.streams as f64)?;
    gauge("market_connected", "1 while all of them are heard", if market.is_connected { 1.0 } else { 0.0 })?;
    gauge("market_weight_used", "Weight of this minute, as the exchange counts it", f64::from(market.weight_used))?;
    gauge("market_lagging_symbols", "Symbols whose candles are later than those of others", market.lagging as f64)?;
    let offset = market.clock_offset_ms.map_or(f64::NAN, |offset_ms| offset_ms as f64 / 1_000.0);
    gauge("market_clock_offset_seconds", "By how much the exchange's clock is ahead of the host's", offset)?;
    let since = market.last_close_ms.map_or(f64::NAN, |last_ms| market.now_ms.saturating_sub(last_ms) as f64 / 1_000.0);
    gauge("market_last_close_seconds", "Time since the last close that was told, by the exchange's clock", since)?;
    let mut counter = |name: &str, help: &str, value: u64| {
        ConstCounter::new(value).encode(encoder.encode_descriptor(name, help, None, MetricType::Counter)?)
    };
    counter("market_messages", "Messages about candles", market.messages)?;
    counter("market_lost_connections", "Connections that were lost or could not be made", market.lost_connections)?;
    counter("market_late_candles", "Candles told after those of other symbols", market.late)?;
    counter("market_backfilled_candles", "Candles that had to be asked for", market.backfilled)?;
    counter("market_gaps", "Gaps told to traders", market.gaps)
}
