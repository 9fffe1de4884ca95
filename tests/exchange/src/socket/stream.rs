//! Names of streams.

use vyx_host::market::Interval;

/// The candles of one market and interval.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Stream {
    /// Upper case.
    pub(crate) symbol: String,
    pub(crate) interval: Interval,
}

impl Stream {
    /// None for a stream of anything else, and for a name that is none: nothing ever comes of them.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        let (symbol, interval) = name.split_once("@kline_")?;
        let is_lower = !symbol.is_empty() && !symbol.bytes().any(|byte| byte.is_ascii_uppercase());
        let interval = interval.parse().ok()?;
        is_lower.then(|| Self { symbol: symbol.to_ascii_uppercase(), interval })
    }

    pub(crate) fn name(&self) -> String {
        format!("{}@kline_{}", self.symbol.to_ascii_lowercase(), self.interval)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back() {
        let stream = Stream { symbol: "BTCUSDT".to_owned(), interval: Interval::H1 };
        assert_eq!(Stream::parse(&stream.name()), Some(stream));
        for name in ["BTCUSDT@kline_1h", "btcusdt@kline_1H", "btcusdt@trade", "@kline_1m", "!miniTicker@arr"] {
            assert_eq!(Stream::parse(name), None);
        }
    }
}
