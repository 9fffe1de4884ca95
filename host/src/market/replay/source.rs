//! Which file holds which candles.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use super::error::{ReplayError, shown_path};
use crate::market::interval::{Interval, IntervalError};
use crate::market::symbol::Symbols;

/// A candle file. Read from `SYMBOL:INTERVAL=FILE`, or from a file name that tells both, such as `BTCUSDT-1m-2025-01.zip`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CandleSource {
    /// Name of the symbol, upper case.
    pub symbol: String,
    /// The interval of its candles.
    pub interval: Interval,
    /// The file.
    pub path: PathBuf,
}

impl CandleSource {
    /// A file that is known to hold these candles.
    pub fn new(symbol: &str, interval: Interval, path: impl Into<PathBuf>) -> Result<Self, ReplayError> {
        let path = path.into();
        let symbol = Symbols::valid_name(symbol)
            .map_err(|error| ReplayError::Argument { argument: shown_path(&path), problem: error.to_string() })?;
        Ok(Self { symbol, interval, path })
    }

    /// A file whose name tells what it holds.
    pub fn from_path(path: &Path) -> Result<Self, ReplayError> {
        let error = |problem: String| ReplayError::Name { argument: shown_path(path), problem };
        let Some(name) = path.file_name() else {
            return Err(error("it names no file".to_owned()));
        };
        let name = name.to_string_lossy();
        let stem = name.split_once('.').map_or(name.as_ref(), |(stem, _)| stem);
        let mut parts = stem.split('-');
        let symbol = Symbols::valid_name(parts.next().unwrap_or_default()).map_err(|e| error(e.to_string()))?;
        let Some(interval) = parts.next() else {
            return Err(error("its name has no interval after the symbol".to_owned()));
        };
        let interval = interval.parse().map_err(|e: IntervalError| match interval {
            // The name is understood; it is the candles that nobody can use.
            "1s" | "1mo" | "1M" => ReplayError::Argument { argument: shown_path(path), problem: e.to_string() },
            _ => error(e.to_string()),
        })?;
        Ok(Self { symbol, interval, path: path.to_owned() })
    }
}

impl FromStr for CandleSource {
    type Err = ReplayError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // An `=` may also stand in the path of a plain file, but then no `SYMBOL:INTERVAL` stands before it.
        let explicit = text.split_once('=').and_then(|(what, path)| Some((what.split_once(':')?, path)));
        let Some(((symbol, interval), path)) = explicit.filter(|((symbol, _), _)| !symbol.contains(['/', '\\'])) else {
            return Self::from_path(Path::new(text));
        };
        let error = |problem: String| ReplayError::Argument { argument: shown_path(Path::new(text)), problem };
        if path.is_empty() {
            return Err(error("no file after `=`; write SYMBOL:INTERVAL=FILE".to_owned()));
        }
        Ok(Self {
            symbol: Symbols::valid_name(symbol).map_err(|e| error(e.to_string()))?,
            interval: interval.parse().map_err(|e: IntervalError| error(e.to_string()))?,
            path: PathBuf::from(path),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_arguments_tell_what_is_inside() {
        for (text, symbol, interval, path) in [
            ("BTCUSDT-1m-2025-01.zip", "BTCUSDT", Interval::M1, "BTCUSDT-1m-2025-01.zip"),
            ("a=b/BTCBUSD-1m-binance-2022-12-13.csv", "BTCBUSD", Interval::M1, "a=b/BTCBUSD-1m-binance-2022-12-13.csv"),
            ("x/ethusdt-1h.json", "ETHUSDT", Interval::H1, "x/ethusdt-1h.json"),
            ("ethusdt:1w=/some where/a=b:c.csv", "ETHUSDT", Interval::W1, "/some where/a=b:c.csv"),
        ] {
            let source: CandleSource = text.parse().unwrap();
            assert_eq!(
                (source.symbol.as_str(), source.interval, source.path.to_str().unwrap()),
                (symbol, interval, path)
            );
        }
    }

    #[test]
    fn what_cannot_be_told_is_refused() {
        let message = |text: &str| text.parse::<CandleSource>().unwrap_err().to_string();
        insta::assert_snapshot!(message("BTCUSDT-1mo-2025-01.zip"), @"cannot use `BTCUSDT-1mo-2025-01.zip`: `1mo` is not an interval (months differ in length; 1m is a minute); use one of 1m, 3m, 5m, 15m, 30m, 1h, 2h, 4h, 6h, 8h, 12h, 1d, 3d, 1w");
        insta::assert_snapshot!(message("candles.csv"), @"cannot tell symbol and interval of `candles.csv`: its name has no interval after the symbol; name the file like BTCUSDT-1m-2025-01.csv, or write BTCUSDT:1m=candles.csv");
        insta::assert_snapshot!(message("BTC_USDT-1m.csv"), @"cannot tell symbol and interval of `BTC_USDT-1m.csv`: `BTC_USDT` is not a symbol; use 2 to 30 letters and digits such as BTCUSDT; name the file like BTCUSDT-1m-2025-01.csv, or write BTCUSDT:1m=BTC_USDT-1m.csv");
        insta::assert_snapshot!(message("BTCUSDT:1M=x.csv"), @"cannot use `BTCUSDT:1M=x.csv`: `1M` is not an interval (months differ in length; 1m is a minute); use one of 1m, 3m, 5m, 15m, 30m, 1h, 2h, 4h, 6h, 8h, 12h, 1d, 3d, 1w");
        insta::assert_snapshot!(message("B:1m=x.csv"), @"cannot use `B:1m=x.csv`: `B` is not a symbol; use 2 to 30 letters and digits such as BTCUSDT");
        insta::assert_snapshot!(message("BTCUSDT:1m="), @"cannot use `BTCUSDT:1m=`: no file after `=`; write SYMBOL:INTERVAL=FILE");
        insta::assert_snapshot!(message(""), @"cannot tell symbol and interval of ``: it names no file; name the file like BTCUSDT-1m-2025-01.csv, or write BTCUSDT:1m=");
        insta::assert_snapshot!(message("/"), @"cannot tell symbol and interval of `/`: it names no file; name the file like BTCUSDT-1m-2025-01.csv, or write BTCUSDT:1m=/");
    }
}
