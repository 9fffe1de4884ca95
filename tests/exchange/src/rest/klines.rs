//! `/api/v3/klines`.

use serde_json::Value;
use vyx_host::market::Interval;

use super::error::Wrong;
use super::params::{Params, checked};
use crate::Shared;
use crate::market::Question;

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
    let rows = shared.market().klines(name, &asked, now_ms, |_| true).ok_or_else(Wrong::symbol)?;
    Ok(rows.iter().map(|kline| kline.row(interval)).collect())
}
