//! The messages of the exchange's streams, both ways.

use std::borrow::Cow;

use serde::Deserialize;
use serde::de::{Deserializer, Error as _};

use super::{KlineEvent, StreamKey};
use crate::market::interval::Interval;

/// What a message says.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Incoming {
    Kline(KlineEvent),
    /// A request was granted.
    Granted(u64),
    /// A request, or something else that was sent, was refused, with this code.
    Refused(i64),
    /// The server goes down soon.
    Shutdown,
    /// Nothing that the host knows.
    Unknown,
}

impl Incoming {
    /// Reads a message, once.
    pub(super) fn read(text: &str) -> Self {
        let Ok(frame) = serde_json::from_str::<Frame<'_>>(text) else { return Self::Unknown };
        if let Some(fault) = frame.error {
            return Self::Refused(fault.code);
        }
        // The wrapper of combined streams, or a bare event.
        let (event, event_ms, kline) = match frame.data {
            Some(data) => (data.event, data.event_ms, data.kline),
            None => (frame.event, frame.event_ms, frame.kline),
        };
        match (&*event, kline, frame.id, frame.code) {
            ("kline", Some(kline), ..) => kline.read(event_ms).map_or(Self::Unknown, Self::Kline),
            ("serverShutdown", ..) => Self::Shutdown,
            ("", None, _, Some(code)) => Self::Refused(code),
            ("", None, Some(id), None) => Self::Granted(id),
            _ => Self::Unknown,
        }
    }
}

/// Everything that a message may be; the exchange has no field that says which it is.
#[derive(Deserialize)]
struct Frame<'a> {
    #[serde(borrow)]
    data: Option<Event<'a>>,
    #[serde(rename = "e", borrow, default)]
    event: Cow<'a, str>,
    #[serde(rename = "E", default)]
    event_ms: i64,
    #[serde(rename = "k", borrow)]
    kline: Option<Kline<'a>>,
    id: Option<u64>,
    error: Option<Fault>,
    code: Option<i64>,
}

#[derive(Deserialize)]
struct Event<'a> {
    #[serde(rename = "e", borrow, default)]
    event: Cow<'a, str>,
    #[serde(rename = "E", default)]
    event_ms: i64,
    #[serde(rename = "k", borrow)]
    kline: Option<Kline<'a>>,
}

#[derive(Deserialize)]
struct Fault {
    code: i64,
}

/// A candle. Prices and amounts are texts.
#[derive(Deserialize)]
struct Kline<'a> {
    #[serde(rename = "t")]
    open_ms: i64,
    #[serde(rename = "T")]
    close_ms: i64,
    #[serde(rename = "s", borrow)]
    symbol: Cow<'a, str>,
    #[serde(rename = "i", borrow)]
    interval: Cow<'a, str>,
    #[serde(rename = "o", deserialize_with = "number")]
    open: f64,
    #[serde(rename = "h", deserialize_with = "number")]
    high: f64,
    #[serde(rename = "l", deserialize_with = "number")]
    low: f64,
    #[serde(rename = "c", deserialize_with = "number")]
    close: f64,
    #[serde(rename = "v", deserialize_with = "number")]
    volume: f64,
    #[serde(rename = "q", deserialize_with = "number")]
    quote_volume: f64,
    #[serde(rename = "V", deserialize_with = "number")]
    taker_volume: f64,
    #[serde(rename = "n")]
    trades: u32,
    #[serde(rename = "x")]
    is_closed: bool,
}

impl Kline<'_> {
    /// `None` if it is no candle of its interval: other units of time, or another length.
    fn read(self, event_ms: i64) -> Option<KlineEvent> {
        let interval = *Interval::ALL.iter().find(|interval| interval.as_str() == self.interval)?;
        let is_whole = interval.may_open_at(self.open_ms) && interval.close_of(self.open_ms) == self.close_ms;
        (is_whole && event_ms > 0).then(|| KlineEvent {
            symbol: self.symbol.into_owned(),
            interval,
            open_ms: self.open_ms,
            close_ms: self.close_ms,
            values: [
                self.open,
                self.high,
                self.low,
                self.close,
                self.volume,
                self.quote_volume,
                self.taker_volume,
                f64::from(self.trades),
            ],
            is_closed: self.is_closed,
            event_ms,
        })
    }
}

/// The text of a number. Correctly rounded, as in candle files, so that a replay of the archive sees the same bits.
fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    let text = <Cow<'de, str>>::deserialize(deserializer)?;
    // The standard library also reads `nan` and `inf`.
    text.parse().ok().filter(|value: &f64| value.is_finite()).ok_or_else(|| D::Error::custom("not a number"))
}

/// What is asked of the exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Method {
    Subscribe,
    Unsubscribe,
}

/// A request that is being written, within the bounds of one message.
#[derive(Debug)]
pub(super) struct Request {
    text: String,
    streams: usize,
    id: u64,
    most_streams: usize,
    most_bytes: usize,
}

/// What comes after the streams, with the longest id.
const TAIL_BYTES: usize = r#"],"id":18446744073709551615}"#.len();

impl Request {
    pub(super) fn new(method: Method, id: u64, most_streams: usize, most_bytes: usize) -> Self {
        let method = match method {
            Method::Subscribe => "SUBSCRIBE",
            Method::Unsubscribe => "UNSUBSCRIBE",
        };
        Self { text: format!(r#"{{"method":"{method}","params":["#), streams: 0, id, most_streams, most_bytes }
    }

    /// Adds a stream; whether it had room.
    pub(super) fn add(&mut self, stream: &StreamKey) -> bool {
        let symbol = stream.symbol.to_ascii_lowercase();
        // As JSON, though symbols are letters and digits: a strange one is then refused, and not taken for something else.
        let name = serde_json::Value::from(format!("{symbol}@kline_{}", stream.interval)).to_string();
        let is_room =
            self.text.len() + name.len() + 1 + TAIL_BYTES <= self.most_bytes && self.streams < self.most_streams;
        // The first one goes in anyway, or nothing ever would.
        if !is_room && self.streams > 0 {
            return false;
        }
        if self.streams > 0 {
            self.text.push(',');
        }
        self.text.push_str(&name);
        self.streams += 1;
        true
    }

    pub(super) fn is_empty(&self) -> bool {
        self.streams == 0
    }

    pub(super) fn into_text(self) -> String {
        let Self { mut text, id, .. } = self;
        text.push_str(&format!(r#"],"id":{id}}}"#));
        text
    }
}

#[cfg(test)]
#[path = "message_tests.rs"]
mod tests;
