//! `/api/v3/ticker/24hr`.

use serde_json::{Value, json};

use super::error::Wrong;
use super::params::Params;
use crate::Shared;
use crate::amount::Amount;
use crate::market::Day;

pub(super) fn answer(shared: &Shared, params: &Params) -> Result<Value, Wrong> {
    let symbols = params.symbols()?;
    let is_full = match params.text("type")? {
        None | Some("FULL") => true,
        Some("MINI") => false,
        Some(_) => return Err(Wrong::ticker_type()),
    };
    let status = params.text("symbolStatus")?;
    params.end()?;
    let now_ms = shared.clock.now_ms();
    let mut market = shared.market();
    let listed: Vec<(String, String)> =
        market.listed(now_ms).map(|symbol| (symbol.listing.symbol.clone(), symbol.status(now_ms).to_owned())).collect();
    let fits =
        |name: &str| listed.iter().any(|(other, has)| other == name && status.is_none_or(|status| has == status));
    let names: Vec<String> = match &symbols {
        None => listed.iter().map(|(name, _)| name.clone()).filter(|name| fits(name)).collect(),
        Some(symbols) => {
            for name in &symbols.names {
                if !listed.iter().any(|(other, _)| other == name) {
                    return Err(Wrong::symbol());
                }
                if !symbols.is_list && !fits(name) {
                    return Err(Wrong::other_status());
                }
            }
            symbols.names.iter().filter(|name| fits(name)).cloned().collect()
        }
    };
    let mut entries = names.iter().filter_map(|name| market.day(name, now_ms).map(|day| entry(name, &day, is_full)));
    if symbols.is_some_and(|symbols| !symbols.is_list) {
        return entries.next().ok_or_else(Wrong::symbol);
    }
    Ok(entries.collect())
}

fn entry(symbol: &str, day: &Day, is_full: bool) -> Value {
    let price = |of: fn(&crate::Kline) -> Amount| day.kline.as_ref().map_or(Amount::default(), of);
    let (open, last) = (price(|kline| kline.open), price(|kline| kline.close));
    let volume = price(|kline| kline.volume);
    let trades = day.kline.as_ref().map_or(0, |kline| kline.trades);
    let first = if trades == 0 { -1 } else { day.open_ms / 60_000 };
    let mut entry = json!({
        "symbol": symbol,
        "openPrice": open.to_string(),
        "highPrice": price(|kline| kline.high).to_string(),
        "lowPrice": price(|kline| kline.low).to_string(),
        "lastPrice": last.to_string(),
        "volume": volume.to_string(),
        "quoteVolume": day.quote_volume,
        "openTime": day.open_ms,
        "closeTime": day.close_ms,
        "firstId": first,
        "lastId": if trades == 0 { -1 } else { first + trades as i64 - 1 },
        "count": trades,
    });
    if is_full {
        let change = Amount(last.0 - open.0);
        let percent = if open.0 == 0 { 0.0 } else { change.as_f64() / open.as_f64() * 100.0 };
        let average = if volume.0 == 0 {
            Amount::default()
        } else {
            Amount(price(|k| k.quote_volume).0 * 100_000_000 / volume.0)
        };
        let more = json!({
            "priceChange": change.to_string(),
            "priceChangePercent": format!("{percent:.3}"),
            "weightedAvgPrice": average.to_string(),
            "prevClosePrice": open.to_string(),
            "lastQty": "1.00000000",
            "bidPrice": last.to_string(),
            "bidQty": "1.00000000",
            "askPrice": last.to_string(),
            "askQty": "1.00000000",
        });
        if let (Value::Object(entry), Value::Object(more)) = (&mut entry, more) {
            entry.extend(more);
        }
    }
    entry
}
