//! `/api/v3/klines`.

use serde_json::Value;
use vyx_host::market::Interval;

use super::error::Wrong;
use super::params::{Params, checked};
use crate::faults::{Effect, Kind, Subject};
use crate::market::Question;
use crate::socket::Stream;
use crate::{Kline, Shared, garble};

const LIMIT: i64 = 500;
const LIMIT_MOST: i64 = 1_000;

pub(super) fn answer(shared: &Shared, params: &Params) -> Result<Value, Wrong> {
    let name = checked("symbol", params.mandatory("symbol")?)?;
    let interval: Interval = params.mandatory("interval")?.parse().map_err(|_| Wrong::interval())?;
    let (from_ms, until_ms) = (params.number("startTime")?, params.number("endTime")?);
    let limit = params.number("limit")?.unwrap_or(LIMIT);
    params.text("timeZone")?;
    params.end()?;
    if limit == 0 {
        return Err(Wrong::invalid("limit"));
    }
    // More than a thousand is not refused, but not given either.
    let limit = limit.min(LIMIT_MOST) as usize;
    let asked = Question { interval, from_ms, until_ms, limit };
    let now_ms = shared.clock.now_ms();
    let stream = Stream { symbol: name.to_owned(), interval };
    let subject = |kind: Kind, open_ms: i64| Subject {
        kind,
        now_ms,
        candle: Some((&stream, open_ms)),
        request: None,
        connection: None,
    };
    let latest_ms = shared.faults.latest_row_ms();
    let is_there = |open_ms: i64| {
        let since_ms = now_ms - interval.close_of(open_ms);
        // What closed long ago is there whatever a rule says, and is not asked about.
        since_ms > latest_ms
            || shared.faults.all(&subject(Kind::LateRow, open_ms)).iter().all(|hit| match &hit.effect {
                Effect::LateRow(range) => hit.drawn(range) <= since_ms,
                _ => true,
            })
    };
    let klines = shared.market().klines(name, &asked, now_ms, is_there).ok_or_else(Wrong::symbol)?;
    let row = |kline: &Kline| {
        let mut row = kline.row(interval);
        if let Some(hit) = shared.faults.first(&subject(Kind::BadRow, kline.open_ms)) {
            garble::row(&mut row, hit.bits);
        }
        row
    };
    Ok(klines.iter().map(row).collect())
}

/// What a request for candles is about.
pub(super) fn stream(params: &Params) -> Option<Stream> {
    let symbol = params.text("symbol").ok()??.to_owned();
    let interval = params.text("interval").ok()??.parse().ok()?;
    Some(Stream { symbol, interval })
}
