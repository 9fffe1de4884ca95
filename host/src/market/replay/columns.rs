//! Which field of a row is what.

use super::error::shown;
use crate::market::candle::Column;

/// Fields of a Binance kline row: open time, five values, close time, quote volume, trades, taker base, taker quote, unused.
const KLINE_FIELDS: usize = 12;
/// Fields of a plain row.
const PLAIN_FIELDS: usize = 6;

/// Names that people give to the columns, without case and punctuation.
const ALIASES: [(Column, &[&str]); Column::ALL.len()] = [
    (Column::Open, &["open", "o", "openprice"]),
    (Column::High, &["high", "h", "highprice"]),
    (Column::Low, &["low", "l", "lowprice"]),
    (Column::Close, &["close", "c", "closeprice"]),
    (Column::Volume, &["volume", "v", "vol", "basevolume", "baseassetvolume", "baseassetvol"]),
    (Column::QuoteVolume, &["quotevolume", "quoteassetvolume", "quoteassetvol", "quotevol", "q", "turnover"]),
    (
        Column::TakerVolume,
        &[
            "takervolume",
            "takerbuyvolume",
            "takerbuybasevolume",
            "takerbuybaseassetvolume",
            "takerbasevol",
            "takerbuybase",
        ],
    ),
    (Column::Trades, &["trades", "count", "numberoftrades", "numtrades", "tradecount", "tradescount", "n"]),
];
const TIME_ALIASES: &[&str] = &["opentime", "opentimems", "time", "timestamp", "timestampms", "unix", "t", "ts"];
const CLOSE_TIME_ALIASES: &[&str] = &["closetime"];

/// Where the fields of a row are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Columns {
    /// How many fields a row has.
    pub(super) fields: usize,
    pub(super) open_time: usize,
    pub(super) close_time: Option<usize>,
    /// In the order of `Column`; only those that may be absent are ever none.
    pub(super) values: [Option<usize>; Column::ALL.len()],
}

impl Columns {
    /// Without a header the number of fields tells.
    pub(super) fn by_count(fields: usize) -> Result<Self, String> {
        let [open, high, low, close, volume] = [1, 2, 3, 4, 5].map(Some);
        match fields {
            PLAIN_FIELDS => Ok(Self {
                fields,
                open_time: 0,
                close_time: None,
                values: [open, high, low, close, volume, None, None, None],
            }),
            KLINE_FIELDS => Ok(Self {
                fields,
                open_time: 0,
                close_time: Some(6),
                values: [open, high, low, close, volume, Some(7), Some(9), Some(8)],
            }),
            _ => Err(format!(
                "{fields} columns and no header; give open_time,open,high,low,close,volume, or the 12 columns of Binance \
                 klines, or add a header that names the columns, separated by commas"
            )),
        }
    }

    /// By the names in a header.
    pub(super) fn by_name<'a>(header: impl Iterator<Item = &'a [u8]> + Clone) -> Result<Self, String> {
        let names: Vec<String> = header
            .clone()
            .map(|name| {
                name.iter().filter(|b| b.is_ascii_alphanumeric()).map(|b| b.to_ascii_lowercase() as char).collect()
            })
            .collect();
        let find = |column: &str, aliases: &[&str]| {
            let mut places = names.iter().enumerate().filter(|(_, name)| aliases.contains(&name.as_str()));
            let first = places.next().map(|(place, _)| place);
            match places.next() {
                Some(_) => Err(format!("two columns of the header both mean {column}; rename or remove one")),
                None => Ok(first),
            }
        };
        let missing = |column: &str| {
            let found: Vec<String> = header.clone().take(20).map(shown).collect();
            format!(
                "the header has no {column} column (it has {}); name the columns \
                 open_time,open,high,low,close,volume, separated by commas",
                found.join(", ")
            )
        };
        let open_time = find("open_time", TIME_ALIASES)?.ok_or_else(|| missing("open_time"))?;
        let close_time = find("close_time", CLOSE_TIME_ALIASES)?;
        let mut values = [None; Column::ALL.len()];
        for ((column, aliases), value) in ALIASES.into_iter().zip(&mut values) {
            *value = find(column.as_str(), aliases)?;
            if value.is_none() && column <= Column::Volume {
                return Err(missing(column.as_str()));
            }
        }
        Ok(Self { fields: names.len(), open_time, close_time, values })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn by_name(header: &str) -> Result<Columns, String> {
        Columns::by_name(header.split(',').map(str::as_bytes))
    }

    #[test]
    fn headers_of_the_wild_are_understood() {
        let futures = "open_time,open,high,low,close,volume,close_time,quote_volume,count,taker_buy_volume,taker_buy_quote_volume,ignore";
        assert_eq!(by_name(futures), Columns::by_count(12));
        assert_eq!(by_name("Open Time,Open,High,Low,Close,Volume"), Columns::by_count(6));
        let shuffled = by_name("symbol,v,c,l,h,o,timestamp,turnover").unwrap();
        assert_eq!(
            (shuffled.open_time, shuffled.fields, shuffled.values[0], shuffled.values[5]),
            (6, 8, Some(5), Some(7))
        );
    }

    #[test]
    fn headers_that_lack_or_double_a_column_are_refused() {
        insta::assert_snapshot!(by_name("open_time,open,high,close,volume").unwrap_err(), @"the header has no low column (it has open_time, open, high, close, volume); name the columns open_time,open,high,low,close,volume, separated by commas");
        insta::assert_snapshot!(by_name("date;open;high;low;close;volume").unwrap_err(), @"the header has no open_time column (it has date;open;high;low;close;volume); name the columns open_time,open,high,low,close,volume, separated by commas");
        insta::assert_snapshot!(by_name("unix,timestamp,open,high,low,close,volume").unwrap_err(), @"two columns of the header both mean open_time; rename or remove one");
        insta::assert_snapshot!(Columns::by_count(1).unwrap_err(), @"1 columns and no header; give open_time,open,high,low,close,volume, or the 12 columns of Binance klines, or add a header that names the columns, separated by commas");
    }
}
