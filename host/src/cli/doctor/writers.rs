//! A trader that two hosts emit for: the old one writes no provenance, this one always does. Where the old one still wrote after
//! this one had begun, both run it.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

use super::Findings;
use crate::cli::project::retried;
use crate::ids::TraderId;
use crate::supabase::{ApiError, Filter, Query, Supabase};

/// How far back is looked.
const DAYS: i64 = 3;
/// The newest signals of old hosts that are looked at.
const SIGNALS: usize = 1_000;
/// Traders that are looked at, each with a request of its own.
const TRADERS: usize = 50;
const NAMED: usize = 3;

#[derive(Debug, Deserialize)]
struct Signal {
    trader_id: TraderId,
    created_at: Timestamp,
}

pub(super) async fn look(client: &Supabase, findings: &mut Findings) {
    match shared(client).await {
        Ok(both) if both.is_empty() => {
            findings.ok("writers", format!("no trader was emitted for by two hosts in the last {DAYS} days"));
        }
        Ok(both) => {
            let named: Vec<String> = both.iter().take(NAMED).map(ToString::to_string).collect();
            let more = if both.len() > NAMED { format!(", and {} more", both.len() - NAMED) } else { String::new() };
            findings.fail(
                "writers",
                format!(
                    "two hosts emit for {}{more}: an old one wrote signals after this one had begun",
                    named.join(", ")
                ),
                "stop the old host for these traders",
            );
        }
        Err(error) => findings.fail("writers", error.to_string(), "mend what is said above, then look again"),
    }
}

async fn shared(client: &Supabase) -> Result<Vec<TraderId>, ApiError> {
    let since = Timestamp::now() - SignedDuration::from_hours(24 * DAYS);
    let cloud = || Filter::eq("source", "cloud").and(Filter::gte("created_at", since));
    let query = Query::new("signals", "trader_id,created_at")
        .filter(cloud().and(Filter::is_null("provenance")))
        .order("created_at.desc");
    let old: Vec<Signal> = retried(|| client.select(&query, SIGNALS)).await?;
    let mut last: BTreeMap<TraderId, Timestamp> = BTreeMap::new();
    for signal in &old {
        let at = last.entry(signal.trader_id).or_insert(signal.created_at);
        *at = (*at).max(signal.created_at);
    }
    let mut both = Vec::new();
    for (trader, last) in last.into_iter().take(TRADERS) {
        let query = Query::new("signals", "trader_id,created_at").filter(
            cloud()
                .and(Filter::eq("trader_id", trader))
                .and(Filter::is_not_null("provenance"))
                .and(Filter::lt("created_at", last)),
        );
        let before: Vec<Signal> = retried(|| client.select(&query, 1)).await?;
        if !before.is_empty() {
            both.push(trader);
        }
    }
    Ok(both)
}
