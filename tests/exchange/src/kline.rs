//! One candle, exact.

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use vyx_host::market::{Interval, Values};

use crate::amount::Amount;

/// The high of every candle that is still forming: whoever takes one as closed is seen.
pub const FORMING_HIGH: f64 = 99_999_999.0;
const FORMING_HIGH_AMOUNT: Amount = Amount(9_999_999_900_000_000);

/// Trade ids of a minute begin at its number times this.
const TRADES_MOST: i64 = 1 << 20;

/// A candle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kline {
    /// When it opens, UTC.
    pub open_ms: i64,
    /// First price.
    pub open: Amount,
    /// Highest price.
    pub high: Amount,
    /// Lowest price.
    pub low: Amount,
    /// Last price.
    pub close: Amount,
    /// Traded amount, in the base asset.
    pub volume: Amount,
    /// Traded amount, in the quote asset.
    pub quote_volume: Amount,
    /// Number of trades.
    pub trades: u64,
    /// Part of `volume` that takers bought.
    pub taker_volume: Amount,
    /// Part of `quote_volume` that takers bought.
    pub taker_quote_volume: Amount,
}

impl Kline {
    /// Its values as a host reads them, in the order of a batch.
    pub fn values(&self) -> Values {
        [
            self.open.as_f64(),
            self.high.as_f64(),
            self.low.as_f64(),
            self.close.as_f64(),
            self.volume.as_f64(),
            self.quote_volume.as_f64(),
            self.taker_volume.as_f64(),
            self.trades as f64,
        ]
    }

    /// Adds a later candle to it.
    pub(crate) fn extend(&mut self, later: &Self) {
        self.high = self.high.max(later.high);
        self.low = self.low.min(later.low);
        self.close = later.close;
        self.volume += later.volume;
        self.quote_volume += later.quote_volume;
        self.trades += later.trades;
        self.taker_volume += later.taker_volume;
        self.taker_quote_volume += later.taker_quote_volume;
    }

    /// What of it is there after a part of its time.
    pub(crate) fn begun(&self, elapsed_ms: i64, length_ms: i64) -> Self {
        let close = if elapsed_ms * 2 < length_ms { self.open } else { self.close };
        let part = |amount: Amount| amount.part(elapsed_ms, length_ms);
        Self {
            high: self.open.max(close),
            low: self.open.min(close),
            close,
            volume: part(self.volume),
            quote_volume: part(self.quote_volume),
            trades: self.trades * elapsed_ms.unsigned_abs() / length_ms.unsigned_abs().max(1),
            taker_volume: part(self.taker_volume),
            taker_quote_volume: part(self.taker_quote_volume),
            ..*self
        }
    }

    /// Marks it as forming.
    pub(crate) fn forming(self) -> Self {
        Self { high: FORMING_HIGH_AMOUNT, ..self }
    }

    /// The twelve fields of a row of `/api/v3/klines`.
    pub(crate) fn row(&self, interval: Interval) -> Value {
        json!([
            self.open_ms,
            self.open.to_string(),
            self.high.to_string(),
            self.low.to_string(),
            self.close.to_string(),
            self.volume.to_string(),
            interval.close_of(self.open_ms),
            self.quote_volume.to_string(),
            self.trades,
            self.taker_volume.to_string(),
            self.taker_quote_volume.to_string(),
            "0",
        ])
    }

    /// The `k` of a kline event, its fields in the order of the real one.
    pub(crate) fn event(&self, symbol: &str, interval: Interval, is_closed: bool) -> String {
        let first = self.open_ms / 60_000 * TRADES_MOST;
        let (first, last) = if self.trades == 0 { (-1, -1) } else { (first, first + self.trades as i64 - 1) };
        let Self { open_ms, open, high, low, close, volume, quote_volume, trades, taker_volume, taker_quote_volume } =
            self;
        let close_ms = interval.close_of(*open_ms);
        format!(
            concat!(
                r#"{{"t":{open_ms},"T":{close_ms},"s":"{symbol}","i":"{interval}","f":{first},"L":{last},"#,
                r#""o":"{open}","c":"{close}","h":"{high}","l":"{low}","v":"{volume}","n":{trades},"x":{is_closed},"#,
                r#""q":"{quote_volume}","V":"{taker_volume}","Q":"{taker_quote_volume}","B":"0"}}"#
            ),
            open_ms = open_ms,
            close_ms = close_ms,
            symbol = symbol,
            interval = interval,
            first = first,
            last = last,
            open = open,
            close = close,
            high = high,
            low = low,
            volume = volume,
            trades = trades,
            is_closed = is_closed,
            quote_volume = quote_volume,
            taker_volume = taker_volume,
            taker_quote_volume = taker_quote_volume,
        )
    }

    /// A line of a file of data.binance.vision.
    pub(crate) fn line(&self, interval: Interval) -> String {
        format!(
            "{},{},{},{},{},{},{},{},{},{},{},0",
            self.open_ms,
            self.open,
            self.high,
            self.low,
            self.close,
            self.volume,
            interval.close_of(self.open_ms),
            self.quote_volume,
            self.trades,
            self.taker_volume,
            self.taker_quote_volume
        )
    }

    /// Reads such a line; times may be micro- or milliseconds. Of a plain line of six fields the rest is made up.
    pub(crate) fn from_line(line: &str) -> Result<Self> {
        let fields: Vec<&str> = line.trim().split(',').collect();
        let is_plain = fields.len() == 6;
        ensure!(is_plain || fields.len() >= 11, "a line has {} fields; give 12, or 6", fields.len());
        let time: i64 = fields[0].parse().with_context(|| format!("the open time is `{}`", fields[0]))?;
        let amount = |place: usize| fields[place].parse::<Amount>();
        let plain = Self {
            // From 2025 on the files count microseconds.
            open_ms: if time > 100_000_000_000_000 { time / 1_000 } else { time },
            open: amount(1)?,
            high: amount(2)?,
            low: amount(3)?,
            close: amount(4)?,
            volume: amount(5)?,
            quote_volume: amount(4)?.times(amount(5)?),
            trades: u64::from(amount(5)? > Amount::default()),
            taker_volume: amount(5)?.part(1, 2),
            taker_quote_volume: amount(4)?.times(amount(5)?).part(1, 2),
        };
        if is_plain {
            return Ok(plain);
        }
        Ok(Self {
            quote_volume: amount(7)?,
            trades: fields[8].parse().with_context(|| format!("the number of trades is `{}`", fields[8]))?,
            taker_volume: amount(9)?,
            taker_quote_volume: amount(10)?,
            ..plain
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_reads_back_in_either_unit() {
        let line = "1735689600000,93576.00000000,94509.42000000,93489.03000000,94401.14000000,755.99010000,\
                    1735693199999,71036654.18180660,168211,382.18890000,35905442.80149860,0";
        let kline = Kline::from_line(line).unwrap();
        assert_eq!(kline.line(Interval::H1), line);
        let micro = line.replace("1735689600000", "1735689600000000").replace("1735693199999", "1735693199999999");
        assert_eq!(Kline::from_line(&micro).unwrap(), kline);
        assert_eq!(kline.values()[5], 71_036_654.181_806_6);
        let plain = Kline::from_line("1670889600000,2.5,3,2,2.5,4").unwrap();
        assert_eq!(plain.values(), [2.5, 3.0, 2.0, 2.5, 4.0, 10.0, 2.0, 1.0]);
        assert!(Kline::from_line("open_time,open").is_err());
    }
}
