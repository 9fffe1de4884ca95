//! `vyx signals`: what traders said last.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde_json::Value;

use super::failure::Failure;
use super::project::{Column, IdPrefix, Project, Table, block_on, width};
use super::terminal::{minute, print_line};
use crate::ids::TraderId;
use crate::supabase::{Filter, Query};
use crate::text::shown;

/// Narrower than this a line has no room for the year and the 24 h figure.
const NARROW: usize = 90;

/// Lists signals, the newest candles first.
///
/// An operator sees all of them (SUPABASE_SERVICE_ROLE_KEY), an author those of the own traders and of those built in
/// (SUPABASE_PUBLISHABLE_KEY and SUPABASE_USER_TOKEN).
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  vyx signals --limit 50
  vyx signals --trader 5048128b --historical --json

Exit codes:
  0   done
  1   the project does not answer
  2   the arguments cannot be used
  78  the environment is misconfigured")]
pub(super) struct Args {
    /// Only of this trader: its id, or at least the first 4 digits of it.
    #[arg(long, value_name = "ID")]
    trader: Option<IdPrefix>,
    /// How many.
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=1_000))]
    limit: u16,
    /// Those that were found while a trader was warmed up, instead of the live ones.
    #[arg(long)]
    historical: bool,
    /// Print each signal as a JSON object on a line of its own.
    #[arg(long)]
    json: bool,
}

const COLUMNS: &str = "id,trader_id,user_id,symbol,interval,timestamp,price_at_signal,change_percent_at_signal,\
                       volume_at_signal,source,fly_app_id,tag,provenance,created_at";

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let project = Project::of_operator_or_author()?;
    let table = if args.historical { "historical_signals" } else { "signals" };
    let (signals, names) = block_on(async {
        let mut query = Query::new(table, COLUMNS).order("timestamp.desc,id.asc");
        if let Some(trader) = &args.trader {
            query = query.filter(trader.filter("trader_id"));
        }
        let signals: Vec<Value> = project.tried(|| project.client.select(&query, args.limit.into())).await?;
        let names = names(&project, &signals).await?;
        Ok((signals, names))
    })?;
    if args.json {
        for mut signal in signals {
            let name = trader_of(&signal).and_then(|id| names.get(&id)).cloned();
            if let Value::Object(fields) = &mut signal {
                fields.insert("trader".to_owned(), name.into());
            }
            print_line(signal);
        }
        return Ok(());
    }
    if signals.is_empty() {
        print_line("no signals");
        return Ok(());
    }
    for line in lines(&signals, &names, width()) {
        print_line(line);
    }
    Ok(())
}

async fn names(project: &Project, signals: &[Value]) -> Result<BTreeMap<TraderId, String>, Failure> {
    #[derive(serde::Deserialize)]
    struct Named {
        id: TraderId,
        name: String,
    }
    /// As many ids as an address has room for.
    const ASKED: usize = 100;
    let ids: Vec<TraderId> = signals.iter().filter_map(trader_of).collect::<BTreeSet<_>>().into_iter().collect();
    let mut names = BTreeMap::new();
    for ids in ids.chunks(ASKED) {
        let query = Query::new("traders", "id,name").filter(Filter::any_of("id", ids));
        let named: Vec<Named> = project.tried(|| project.client.select(&query, ASKED)).await?;
        names.extend(named.into_iter().map(|named| (named.id, named.name)));
    }
    Ok(names)
}

fn trader_of(signal: &Value) -> Option<TraderId> {
    signal.get("trader_id")?.as_str()?.parse().ok()
}

fn lines(signals: &[Value], names: &BTreeMap<TraderId, String>, width: usize) -> Vec<String> {
    let rows = signals.iter().map(|signal| {
        let text = |column: &str, most| shown(signal.get(column).and_then(Value::as_str).unwrap_or("-"), most);
        let number = |column: &str| match signal.get(column) {
            Some(Value::Number(number)) => number.to_string(),
            _ => "-".to_owned(),
        };
        let change = signal.get("change_percent_at_signal").and_then(Value::as_f64);
        let trader = trader_of(signal);
        let name = trader.and_then(|id| Some(shown(names.get(&id)?, 80)));
        [
            closed(signal.get("timestamp")),
            text("symbol", 20),
            text("interval", 5),
            number("price_at_signal"),
            change.map_or_else(|| "-".to_owned(), |change| format!("{change:+.2}%")),
            text("tag", 40),
            name.or_else(|| trader.map(|id| id.to_string())).unwrap_or_else(|| "-".to_owned()),
        ]
    });
    if width >= NARROW {
        let mut table = Table::new([
            Column::left("CANDLE CLOSED"),
            Column::left("SYMBOL"),
            Column::left("INT"),
            Column::right("PRICE"),
            Column::right("24 H"),
            Column::cut("SIGNAL"),
            Column::cut("TRADER"),
        ]);
        rows.for_each(|row| table.row(row));
        return table.lines(width);
    }
    let mut table = Table::new([
        Column::left("CLOSED"),
        Column::cut("SYMBOL"),
        Column::left("INT"),
        Column::right("PRICE"),
        Column::cut("SIGNAL"),
        Column::cut("TRADER"),
    ]);
    for [time, symbol, interval, price, _, tag, trader] in rows {
        let time = time.split_once('-').map_or(time.clone(), |(_, day)| day.to_owned());
        table.row([time, symbol, interval, price, tag, trader]);
    }
    table.lines(width)
}

/// When the candle closed, as people write it.
fn closed(timestamp: Option<&Value>) -> String {
    let text = timestamp.and_then(Value::as_str).unwrap_or("-");
    match text.parse::<Timestamp>() {
        Ok(time) => minute(time.as_millisecond()),
        Err(_) => shown(text, 30),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn world() -> (Vec<Value>, BTreeMap<TraderId, String>) {
        let signal = |id: u8, symbol: &str, price: f64, change: Option<f64>, tag: Option<&str>| {
            json!({
                "id": "00000000-0000-5000-8000-000000000001", "trader_id": format!("{id:08x}-0000-4000-8000-000000000001"),
                "symbol": symbol, "interval": "15m", "timestamp": "2026-11-24T10:14:59.999+00:00",
                "price_at_signal": price, "change_percent_at_signal": change, "tag": tag,
            })
        };
        let signals = vec![
            signal(1, "BTCUSDT", 98_123.45, Some(-1.234), Some("oversold-bounce")),
            signal(1, "1000SATSUSDT", 0.000_123_4, None, None),
            signal(2, "ETHUSDT", 3_456.7, Some(0.5), Some("long\u{1b}[2J")),
        ];
        let id = |id: u8| format!("{id:08x}-0000-4000-8000-000000000001").parse::<TraderId>().unwrap();
        (signals, BTreeMap::from([(id(1), "StochRSI Overbought Short".to_owned())]))
    }

    #[test]
    fn the_tables_of_a_narrow_and_a_wide_terminal() {
        let (signals, names) = world();
        let narrow = lines(&signals, &names, 60);
        assert!(narrow.iter().all(|line| line.chars().count() <= 60), "{narrow:?}");
        insta::assert_snapshot!("narrow", narrow.join("\n"));
        insta::assert_snapshot!("wide", lines(&signals, &names, 120).join("\n"));
    }
}
