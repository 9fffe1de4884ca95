//! `/api/v3/exchangeInfo`.

use serde_json::{Value, json};

use super::error::Wrong;
use super::params::Params;
use crate::Shared;
use crate::symbol::{Symbol, TRADING};

/// What a symbol may be asked by; a status that is newer than its client may be answered, but not asked for.
const STATUSES: [&str; 5] = [TRADING, "END_OF_DAY", "HALT", "BREAK", "CANCEL_ONLY"];
const PERMISSIONS: [&str; 3] = ["SPOT", "MARGIN", "LEVERAGED"];

pub(super) fn answer(shared: &Shared, params: &Params) -> Result<Value, Wrong> {
    let symbols = params.symbols()?;
    let permissions = params.text("permissions")?.map(permissions).transpose()?;
    let status = params.text("symbolStatus")?;
    let with_sets = params.text("showPermissionSets")? != Some("false");
    params.end()?;
    if symbols.is_some() && (permissions.is_some() || status.is_some()) {
        return Err(Wrong::combination());
    }
    if status.is_some_and(|status| !STATUSES.contains(&status)) {
        return Err(Wrong::symbol_status());
    }
    let now_ms = shared.clock.now_ms();
    let market = shared.market();
    let mut listed: Vec<&Symbol> = market.listed(now_ms).collect();
    if let Some(symbols) = &symbols {
        let is_known = |name: &String| listed.iter().any(|symbol| symbol.listing.symbol == *name);
        if !symbols.names.iter().all(is_known) {
            return Err(Wrong::symbol());
        }
        listed.retain(|symbol| symbols.names.contains(&symbol.listing.symbol));
    }
    if permissions.is_some_and(|asked| !asked.iter().any(|permission| permission == "SPOT")) {
        listed.clear();
    }
    listed.retain(|symbol| status.is_none_or(|status| symbol.status(now_ms) == status));
    let limit = |kind: &str, interval: &str, number: u32, limit: u32| json!({"rateLimitType": kind, "interval": interval, "intervalNum": number, "limit": limit});
    Ok(json!({
        "timezone": "UTC",
        "serverTime": shared.clock.said_ms(),
        "rateLimits": [
            limit("REQUEST_WEIGHT", "MINUTE", 1, shared.weights().limit()),
            limit("ORDERS", "SECOND", 10, 100),
            limit("ORDERS", "DAY", 1, 200_000),
            limit("RAW_REQUESTS", "MINUTE", 5, 300_000),
        ],
        "exchangeFilters": [],
        "symbols": listed.iter().map(|symbol| entry(symbol, now_ms, with_sets)).collect::<Vec<_>>(),
    }))
}

fn permissions(text: &str) -> Result<Vec<String>, Wrong> {
    let list: Vec<String> = if text.starts_with('[') {
        serde_json::from_str(text).map_err(|_| Wrong::invalid("permissions"))?
    } else {
        vec![text.to_owned()]
    };
    let is_known = |name: &String| PERMISSIONS.contains(&name.as_str()) || name.starts_with("TRD_GRP_");
    if list.iter().all(is_known) { Ok(list) } else { Err(Wrong::invalid("permissions")) }
}

fn entry(symbol: &Symbol, now_ms: i64, with_sets: bool) -> Value {
    let listing = &symbol.listing;
    let mut entry = json!({
        "symbol": listing.symbol,
        "status": symbol.status(now_ms),
        "baseAsset": listing.base_asset,
        "baseAssetPrecision": 8,
        "quoteAsset": listing.quote_asset,
        "quotePrecision": 8,
        "quoteAssetPrecision": 8,
        "baseCommissionPrecision": 8,
        "quoteCommissionPrecision": 8,
        "orderTypes": ["LIMIT", "LIMIT_MAKER", "MARKET", "STOP_LOSS_LIMIT", "TAKE_PROFIT_LIMIT"],
        "icebergAllowed": true,
        "ocoAllowed": true,
        "otoAllowed": true,
        "quoteOrderQtyMarketAllowed": true,
        "allowTrailingStop": true,
        "cancelReplaceAllowed": true,
        "amendAllowed": true,
        "isSpotTradingAllowed": true,
        "isMarginTradingAllowed": false,
        "filters": [],
        "permissions": [],
        "defaultSelfTradePreventionMode": "EXPIRE_MAKER",
        "allowedSelfTradePreventionModes": ["EXPIRE_TAKER", "EXPIRE_MAKER", "EXPIRE_BOTH"],
    });
    if with_sets {
        entry["permissionSets"] = json!([["SPOT"]]);
    }
    entry
}
