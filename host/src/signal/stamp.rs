//! Gives a finding its identity. The only place that makes a signal: everything that says whose it is comes from the host.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use super::identity::SignalKey;
use super::{Finding, Kline};
use crate::ids::{FlyAppId, TraderId, UserId};
use crate::market::Symbols;
use crate::module::{Digest, Module};
use crate::ownership::{OwnedTrader, Source};

/// What computed a finding.
#[derive(Debug, Clone, Copy)]
pub struct Origin<'a> {
    /// Whose it is.
    pub trader: &'a OwnedTrader,
    /// The module that ran.
    pub module: &'a Module,
    /// The sha256 of the parameters that it ran with.
    pub params_hash: Digest,
}

/// With it the signal can be replayed bit for bit.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Provenance {
    /// The sha256 of the module.
    pub module_sha256: Digest,
    /// The ABI version that it spoke.
    pub abi: &'static str,
    /// The SDK that built it.
    pub sdk: String,
    /// The sha256 of the parameters.
    pub params_sha256: Digest,
    /// Open time of the first candle of the stream that the instance saw.
    pub first_candle: Timestamp,
    /// Whether the declared warm-up had been seen before this candle.
    pub warm: bool,
    /// Base candles that an aggregated candle lacks.
    pub missing_base_candles: u32,
    /// The candle came after its deadline, when later candles of other symbols had been told.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub late: bool,
    /// The candle had to be asked for, since the exchange did not tell it by itself.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub backfilled: bool,
    /// Declared other streams that had no candle at this close.
    pub missing_streams: Vec<String>,
}

/// A signal with an identity: a row of `signals`. Nothing outside of this file can make one.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StampedSignal {
    id: Uuid,
    trader_id: TraderId,
    trader: String,
    user_id: Option<UserId>,
    fly_app_id: Option<FlyAppId>,
    source: Source,
    symbol: String,
    interval: &'static str,
    timestamp: Timestamp,
    open_time: Timestamp,
    tag: String,
    price_at_signal: f64,
    change_percent_at_signal: Option<f64>,
    volume_at_signal: Option<f64>,
    count: u32,
    historical: bool,
    plots: BTreeMap<String, Vec<Option<f64>>>,
    provenance: Provenance,
    #[serde(skip)]
    chart: Vec<Kline>,
}

/// A finding that names what is not there: a mistake of the host.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot stamp a signal of {trader}: {what} is unknown")]
pub struct Unstampable {
    trader: String,
    what: String,
}

impl StampedSignal {
    /// Stamps a finding. The id is a function of trader, symbol, interval, candle and tag alone, so the same finding made twice
    /// is one signal.
    ///
    /// # Errors
    ///
    /// If the finding names a symbol, tag or time that does not exist.
    pub fn stamp(origin: Origin<'_>, symbols: &Symbols, finding: Finding) -> Result<Self, Unstampable> {
        let Origin { trader, module, params_hash } = origin;
        let unknown = |what: String| Unstampable { trader: trader.name().to_owned(), what };
        let symbol =
            symbols.name(finding.symbol).ok_or_else(|| unknown(format!("symbol {}", finding.symbol.index())))?;
        let tag = module.manifest.tags.get(finding.tag).ok_or_else(|| unknown(format!("tag {}", finding.tag)))?;
        let time = |ms: i64| Timestamp::from_millisecond(ms).map_err(|_| unknown(format!("time {ms} ms")));
        let interval = finding.interval.as_str();
        let key = SignalKey { trader: trader.id(), symbol, interval, open_ms: finding.open_time_ms, tag: &tag.name };
        let attribution = trader.attribution();
        Ok(Self {
            id: key.id(),
            trader_id: trader.id(),
            trader: trader.name().to_owned(),
            user_id: attribution.user_id(),
            fly_app_id: attribution.fly_app_id(),
            source: attribution.source(),
            symbol: symbol.to_owned(),
            interval,
            timestamp: time(finding.close_time_ms)?,
            open_time: time(finding.open_time_ms)?,
            tag: tag.name.clone(),
            price_at_signal: finding.price,
            change_percent_at_signal: finding
                .ticker
                .map(|ticker| ticker.change_percent)
                .filter(|value| value.is_finite()),
            volume_at_signal: finding.ticker.map(|ticker| ticker.quote_volume).filter(|value| value.is_finite()),
            count: 1,
            historical: finding.historical,
            plots: plots(module, &finding.plots),
            provenance: Provenance {
                module_sha256: module.digest,
                abi: module.abi.as_str(),
                sdk: module.manifest.sdk.clone(),
                params_sha256: params_hash,
                first_candle: time(finding.first_open_ms)?,
                warm: finding.warm,
                missing_base_candles: finding.missing,
                late: finding.late,
                backfilled: finding.backfilled,
                missing_streams: finding.streams_missing,
            },
            chart: finding.chart,
        })
    }

    /// The same finding always has the same.
    #[must_use]
    pub fn id(&self) -> Uuid {
        self.id
    }

    /// The trader's id.
    #[must_use]
    pub fn trader_id(&self) -> TraderId {
        self.trader_id
    }

    /// The trader's name.
    #[must_use]
    pub fn trader(&self) -> &str {
        &self.trader
    }

    /// The market.
    #[must_use]
    pub fn symbol(&self) -> &str {
        &self.symbol
    }

    /// The interval of the candle.
    #[must_use]
    pub fn interval(&self) -> &'static str {
        self.interval
    }

    /// The close time of the candle.
    #[must_use]
    pub fn timestamp(&self) -> Timestamp {
        self.timestamp
    }

    /// The kind of signal.
    #[must_use]
    pub fn tag(&self) -> &str {
        &self.tag
    }

    /// The close of the candle.
    #[must_use]
    pub fn price(&self) -> f64 {
        self.price_at_signal
    }

    /// Change over 24 h, percent.
    #[must_use]
    pub fn change_percent(&self) -> Option<f64> {
        self.change_percent_at_signal
    }

    /// The owner; none of a built-in trader.
    #[must_use]
    pub fn user_id(&self) -> Option<UserId> {
        self.user_id
    }

    /// The user's app; none of a built-in trader.
    #[must_use]
    pub fn fly_app_id(&self) -> Option<FlyAppId> {
        self.fly_app_id
    }

    /// Where it was found.
    #[must_use]
    pub fn source(&self) -> Source {
        self.source
    }

    /// The open time of the candle.
    #[must_use]
    pub fn open_time(&self) -> Timestamp {
        self.open_time
    }

    /// Quote volume of 24 h.
    #[must_use]
    pub fn volume(&self) -> Option<f64> {
        self.volume_at_signal
    }

    /// How often it was seen.
    #[must_use]
    pub fn count(&self) -> u32 {
        self.count
    }

    /// The plotted values of the candle by the id of their plot, one for each line; a hole is none.
    #[must_use]
    pub fn plots(&self) -> &BTreeMap<String, Vec<Option<f64>>> {
        &self.plots
    }

    /// What it takes to replay it.
    #[must_use]
    pub fn provenance(&self) -> &Provenance {
        &self.provenance
    }

    /// The candles up to this one, oldest first.
    #[must_use]
    pub fn chart(&self) -> &[Kline] {
        &self.chart
    }

    /// Whether it was found while warm-up was replayed.
    #[must_use]
    pub fn is_historical(&self) -> bool {
        self.historical
    }
}

#[cfg(test)]
impl StampedSignal {
    /// A signal without a trader behind it, for tests of what comes after the stamp: of a candle of 1m that opened at so many
    /// minutes.
    pub(crate) fn sample(trader: TraderId, minute: i64, tag: &str, historical: bool) -> Self {
        let time = |ms| Timestamp::from_millisecond(ms).unwrap();
        let open_ms = minute * 60_000;
        let key = SignalKey { trader, symbol: "BTCUSDT", interval: "1m", open_ms, tag };
        Self {
            id: key.id(),
            trader_id: trader,
            trader: "Sample".into(),
            user_id: None,
            fly_app_id: None,
            source: Source::Cloud,
            symbol: "BTCUSDT".into(),
            interval: "1m",
            timestamp: time(open_ms + 59_999),
            open_time: time(open_ms),
            tag: tag.into(),
            price_at_signal: 101.5,
            change_percent_at_signal: None,
            volume_at_signal: None,
            count: 1,
            historical,
            plots: BTreeMap::new(),
            provenance: Provenance {
                module_sha256: Digest::of(b"module"),
                abi: "1.0.0",
                sdk: "vyx-sdk 0.1.0".into(),
                params_sha256: Digest::of(b"params"),
                first_candle: time(0),
                warm: true,
                missing_base_candles: 0,
                late: false,
                backfilled: false,
                missing_streams: Vec::new(),
            },
            chart: Vec::new(),
        }
    }

    pub(in crate::signal) fn owned_by(mut self, user: UserId, app: FlyAppId) -> Self {
        (self.user_id, self.fly_app_id) = (Some(user), Some(app));
        self
    }

    pub(in crate::signal) fn priced(mut self, price: f64, ticker: Option<(f64, f64)>) -> Self {
        self.price_at_signal = price;
        self.change_percent_at_signal = ticker.map(|(change, _)| change);
        self.volume_at_signal = ticker.map(|(_, volume)| volume);
        self
    }

    pub(in crate::signal) fn drawn(mut self, plots: &[(&str, &[Option<f64>])], chart: Vec<Kline>) -> Self {
        self.plots = plots.iter().map(|(plot, lines)| ((*plot).to_owned(), lines.to_vec())).collect();
        self.chart = chart;
        self
    }
}

/// The plotted values by the id of their plot; a hole is null.
fn plots(module: &Module, values: &[f64]) -> BTreeMap<String, Vec<Option<f64>>> {
    let mut rest = values.iter().map(|value| value.is_finite().then_some(*value));
    module
        .manifest
        .plots
        .iter()
        .map(|plot| (plot.id.clone(), rest.by_ref().take(plot.lines as usize).collect()))
        .collect()
}
