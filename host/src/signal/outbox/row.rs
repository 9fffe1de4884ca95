//! A signal as a row of the database.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use crate::ids::{FlyAppId, TraderId, UserId};
use crate::signal::{Kline, Provenance, StampedSignal};

/// The columns of every row, in both tables. Each row names all of them: the database takes a batch of rows with one set of
/// keys only.
pub const COLUMNS: [&str; 16] = [
    "id",
    "trader_id",
    "user_id",
    "symbol",
    "interval",
    "timestamp",
    "price_at_signal",
    "change_percent_at_signal",
    "volume_at_signal",
    "count",
    "source",
    "fly_app_id",
    "indicator_data",
    "metadata",
    "provenance",
    "tag",
];

/// Where a row belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Table {
    /// Live signals. An insert has the signal analysed, which costs money.
    Signals,
    /// What a trader would have said during its warm-up.
    HistoricalSignals,
}

impl Table {
    /// Both, the urgent one first.
    pub const ALL: [Self; 2] = [Self::Signals, Self::HistoricalSignals];

    /// As the database spells it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Signals => "signals",
            Self::HistoricalSignals => "historical_signals",
        }
    }

    /// As the outbox stores it. Never change one: rows would change their table.
    pub(super) const fn number(self) -> i64 {
        match self {
            Self::Signals => 0,
            Self::HistoricalSignals => 1,
        }
    }

    pub(super) const fn of_number(number: i64) -> Option<Self> {
        match number {
            0 => Some(Self::Signals),
            1 => Some(Self::HistoricalSignals),
            _ => None,
        }
    }
}

/// A signal that no row can hold: a mistake of the host.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("cannot store signal {id} of trader {trader}: {what} is not a number that JSON has")]
pub struct RowFault {
    id: Uuid,
    trader: TraderId,
    what: &'static str,
}

/// A row that is ready to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The id of the signal.
    pub id: Uuid,
    /// Where it belongs.
    pub table: Table,
    /// The JSON object with the keys of [`COLUMNS`].
    pub json: String,
    /// The signal as it is shown to people: the JSON line, which has no candles.
    pub brief: String,
}

impl Row {
    /// The row of a signal.
    ///
    /// # Errors
    ///
    /// If a number is not finite: as JSON it would turn into a null, and be refused much later.
    pub fn of(signal: &StampedSignal) -> Result<Self, RowFault> {
        let fault = |what| RowFault { id: signal.id(), trader: signal.trader_id(), what };
        let finite = |value: Option<f64>, what| match value {
            Some(value) if !value.is_finite() => Err(fault(what)),
            value => Ok(value),
        };
        let columns = Columns {
            id: signal.id(),
            trader_id: signal.trader_id(),
            user_id: signal.user_id(),
            symbol: signal.symbol(),
            interval: signal.interval(),
            timestamp: with_ms(signal.timestamp()),
            price_at_signal: finite(Some(signal.price()), "price_at_signal")?,
            change_percent_at_signal: finite(signal.change_percent(), "change_percent_at_signal")?,
            volume_at_signal: finite(signal.volume(), "volume_at_signal")?,
            count: signal.count(),
            source: signal.source().as_str(),
            fly_app_id: signal.fly_app_id(),
            indicator_data: indicator_data(signal),
            metadata: Metadata { open_time: with_ms(signal.open_time()) },
            provenance: signal.provenance(),
            tag: signal.tag(),
        };
        let text = |error: serde_json::Error| {
            tracing::error!(%error, "a signal cannot be written as JSON");
            fault("the row")
        };
        Ok(Self {
            id: signal.id(),
            table: if signal.is_historical() { Table::HistoricalSignals } else { Table::Signals },
            json: serde_json::to_string(&columns).map_err(text)?,
            brief: serde_json::to_string(signal).map_err(text)?,
        })
    }
}

/// Options are written as null, so that all rows have the same keys.
#[derive(Serialize)]
struct Columns<'a> {
    id: Uuid,
    trader_id: TraderId,
    user_id: Option<UserId>,
    symbol: &'a str,
    interval: &'a str,
    timestamp: String,
    price_at_signal: Option<f64>,
    change_percent_at_signal: Option<f64>,
    volume_at_signal: Option<f64>,
    count: u32,
    source: &'static str,
    fly_app_id: Option<FlyAppId>,
    indicator_data: BTreeMap<&'a str, Series>,
    metadata: Metadata,
    provenance: &'a Provenance,
    tag: &'a str,
}

#[derive(Serialize)]
struct Metadata {
    /// When the candle opened: with trader, symbol, interval and tag it makes the id.
    open_time: String,
}

/// One entry of `indicator_data`, as the charts of the web app read it.
#[derive(Serialize)]
#[serde(untagged)]
enum Series {
    Plot(Vec<Point>),
    Klines(Vec<Bar>),
}

#[derive(Serialize)]
struct Point {
    /// Close time, milliseconds.
    x: i64,
    y: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    y2: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    y3: Option<f64>,
}

#[derive(Serialize)]
struct Bar {
    /// Close time, milliseconds.
    x: i64,
    o: f64,
    h: f64,
    l: f64,
    c: f64,
    v: Option<f64>,
}

impl Bar {
    /// None if a price is missing: a chart cannot draw such a candle.
    fn of(kline: &Kline) -> Option<Self> {
        let Kline { close_ms, open, high, low, close, volume } = *kline;
        let is_whole = [open, high, low, close].iter().all(|price| price.is_finite());
        let v = Some(volume).filter(|volume| volume.is_finite());
        is_whole.then_some(Self { x: close_ms, o: open, h: high, l: low, c: close, v })
    }
}

fn indicator_data(signal: &StampedSignal) -> BTreeMap<&str, Series> {
    let x = signal.timestamp().as_millisecond();
    let mut data: BTreeMap<&str, Series> = signal
        .plots()
        .iter()
        .map(|(plot, lines)| {
            let mut lines = lines.iter().map(|line| line.filter(|value| value.is_finite()));
            let [y, y2, y3] = std::array::from_fn(|_| lines.next().flatten());
            let is_there = y.is_some() || y2.is_some() || y3.is_some();
            let points = if is_there { vec![Point { x, y, y2, y3 }] } else { Vec::new() };
            (plot.as_str(), Series::Plot(points))
        })
        .collect();
    data.insert("klines", Series::Klines(signal.chart().iter().filter_map(Bar::of).collect()));
    data
}

/// RFC 3339 in UTC with three digits after the second.
fn with_ms(time: Timestamp) -> String {
    format!("{time:.3}")
}

#[cfg(test)]
#[path = "row_tests.rs"]
mod tests;
