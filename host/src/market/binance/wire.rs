//! The exchange's messages, as far as the host reads them.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny};

use crate::market::candle::Values;

/// A row of `/api/v3/klines`: open time, then prices and amounts as texts.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Kline {
    pub(super) open_ms: i64,
    pub(super) values: Values,
}

#[derive(Deserialize)]
struct Row(
    i64,
    #[serde(deserialize_with = "number")] f64,
    #[serde(deserialize_with = "number")] f64,
    #[serde(deserialize_with = "number")] f64,
    #[serde(deserialize_with = "number")] f64,
    #[serde(deserialize_with = "number")] f64,
    IgnoredAny,
    #[serde(deserialize_with = "number")] f64,
    f64,
    #[serde(deserialize_with = "number")] f64,
    IgnoredAny,
    IgnoredAny,
);

/// The text of a number. Correctly rounded, as in candle files, so that a replay of the archive sees the same bits.
fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
    text.parse().map_err(|_| serde::de::Error::custom("not a number"))
}

/// The rows of an answer.
pub(super) fn klines(body: &[u8]) -> Result<Vec<Kline>, serde_json::Error> {
    let rows: Vec<Row> = serde_json::from_slice(body)?;
    let kline = |row: Row| {
        let Row(open_ms, open, high, low, close, volume, _, quote_volume, trades, taker_volume, _, _) = row;
        Kline { open_ms, values: [open, high, low, close, volume, quote_volume, taker_volume, trades] }
    };
    Ok(rows.into_iter().map(kline).collect())
}

/// `/api/v3/time`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Time {
    pub(super) server_time: i64,
}

/// A refusal.
#[derive(Deserialize)]
pub(super) struct Fault {
    pub(super) code: i64,
}

/// `/api/v3/exchangeInfo`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ExchangeInfo {
    #[serde(default)]
    pub(super) rate_limits: Vec<RateLimit>,
    pub(super) symbols: Vec<Listed>,
}

impl ExchangeInfo {
    /// As if these were not there.
    pub(super) fn leave_out(&mut self, names: &BTreeSet<String>) {
        self.symbols.retain(|listed| !names.contains(&listed.symbol));
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RateLimit {
    pub(super) rate_limit_type: String,
    pub(super) interval: String,
    pub(super) interval_num: u32,
    pub(super) limit: u32,
}

/// A market. Statuses come and go, so they are texts.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Listed {
    pub(super) symbol: String,
    pub(super) status: String,
    pub(super) quote_asset: String,
    #[serde(default = "yes")]
    pub(super) is_spot_trading_allowed: bool,
}

const fn yes() -> bool {
    true
}

/// `/api/v3/ticker/24hr`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Ticker24h {
    pub(super) symbol: String,
    #[serde(deserialize_with = "number")]
    pub(super) quote_volume: f64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kline_is_read_in_the_order_of_a_batch() {
        let body =
            br#"[[1499040000000,"0.01634790","0.80000000","0.01575800","0.01577100","148976.11427815",1499644799999,
            "2434.19055334",308,"1756.87402397","28.46694368","0"]]"#;
        let values = [0.01634790, 0.8, 0.01575800, 0.01577100, 148976.11427815, 2434.19055334, 1756.87402397, 308.0];
        assert_eq!(klines(body).unwrap(), [Kline { open_ms: 1_499_040_000_000, values }]);
        assert!(klines(b"[]").unwrap().is_empty());
    }

    #[test]
    fn garbage_is_an_error() {
        for body in
            [&b"{}"[..], b"[[1]]", b"[[1,\"x\",\"1\",\"1\",\"1\",\"1\",2,\"1\",3,\"1\",\"0\",\"0\"]]", b"<html>"]
        {
            assert!(klines(body).is_err());
        }
    }
}
