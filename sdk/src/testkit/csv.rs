//! Candles that were written down.

use crate::{Candle, Interval};

/// Fields of a plain row, and of one as Binance writes it.
const PLAIN: usize = 6;
const KLINE: usize = 12;
/// As milliseconds this is the year 5138: a later time is in microseconds.
const MICROSECONDS_FROM: i64 = 100_000_000_000_000;

/// Candles of a CSV file: `open_time,open,high,low,close,volume` with a header or without, or the 12 columns of Binance; times in
/// UTC milliseconds or microseconds. For `include_str!`, so that a test needs no file at run time.
///
/// A plain row has no quote volume, taker volume and trades: they are NaN, as a host gives them. `vyx test` reads more kinds of
/// files than this.
///
/// ```
/// use vyx_sdk::{Interval, testkit::candles_from_csv};
///
/// let text = "open_time,open,high,low,close,volume
/// 1767571200000,100,103,99,102,7.5
/// 1767571500000,102,104,101,103.5,6
/// ";
/// let candles = candles_from_csv(Interval::M5, text);
/// assert_eq!((candles.len(), candles[1].close), (2, 103.5));
/// assert!(candles[1].trades.is_nan());
/// ```
///
/// # Panics
///
/// With the line, if a row cannot be read, does not open where a candle of `interval` does, or is not after the one before.
#[must_use]
pub fn candles_from_csv(interval: Interval, text: &str) -> Vec<Candle> {
    let mut candles: Vec<Candle> = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let fields: Vec<&str> = line.split(',').map(str::trim).collect();
        let is_header = number == 1 && fields[0].parse::<f64>().is_err();
        if is_header || line.trim().is_empty() {
            continue;
        }
        let candle = candle(interval, &fields).unwrap_or_else(|what| panic!("line {number}: {what}"));
        if let Some(last) = candles.last() {
            assert!(last.open_time_ms < candle.open_time_ms, "line {number}: it does not open after the line before");
        }
        candles.push(candle);
    }
    candles
}

fn candle(interval: Interval, fields: &[&str]) -> Result<Candle, String> {
    if fields.len() != PLAIN && fields.len() != KLINE {
        return Err(format!("{} columns; give open_time,open,high,low,close,volume", fields.len()));
    }
    let number = |at: usize, name: &str| match fields.get(at) {
        None => Ok(f64::NAN),
        Some(text) => match text.parse::<f64>() {
            Ok(value) if value.is_finite() => Ok(value),
            _ => Err(format!("{name} is {text:?}; give a number")),
        },
    };
    let time: i64 = fields[0].parse().map_err(|_| format!("open_time is {:?}; give milliseconds", fields[0]))?;
    let open_time_ms = if time >= MICROSECONDS_FROM { time.div_euclid(1000) } else { time };
    // Weeks begin on a Monday, and 1970 began on a Thursday.
    let shift_ms = if interval == Interval::W1 { 4 * Interval::D1.as_ms() } else { 0 };
    if (open_time_ms - shift_ms).rem_euclid(interval.as_ms()) != 0 {
        return Err(format!("no candle of {interval} opens at {time}"));
    }
    Ok(Candle {
        interval,
        open_time_ms,
        open: number(1, "open")?,
        high: number(2, "high")?,
        low: number(3, "low")?,
        close: number(4, "close")?,
        volume: number(5, "volume")?,
        quote_volume: number(7, "quote volume")?,
        taker_volume: number(9, "taker volume")?,
        trades: number(8, "trades")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_binance_are_read_whole() {
        let row = "1767571200000000,1,4,0.5,2,10,1767571259999999,20,7,4,8,0";
        let candle = candles_from_csv(Interval::M1, row)[0];
        assert_eq!(candle.open_time_ms, 1_767_571_200_000);
        assert_eq!((candle.volume, candle.quote_volume, candle.trades, candle.taker_volume), (10.0, 20.0, 7.0, 4.0));
    }

    #[test]
    #[should_panic(expected = "line 2: no candle of 5m opens at 1767571260000")]
    fn a_row_of_another_interval_is_named() {
        let _ = candles_from_csv(Interval::M5, "open_time,open,high,low,close,volume\n1767571260000,1,1,1,1,1\n");
    }

    #[test]
    #[should_panic(expected = "line 1: close is \"x\"; give a number")]
    fn a_value_that_is_no_number_is_named() {
        let _ = candles_from_csv(Interval::M5, "1767571200000,1,1,1,x,1");
    }

    #[test]
    #[should_panic(expected = "line 2: it does not open after the line before")]
    fn rows_out_of_order_are_named() {
        let _ = candles_from_csv(Interval::W1, "1767571200000,1,1,1,1,1\n1767571200000,1,1,1,1,1");
    }
}
