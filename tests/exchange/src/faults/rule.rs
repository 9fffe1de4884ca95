//! What a fault hits, and how often.

use std::ops::Range;

use vyx_host::market::Interval;

use super::effect::{Effect, Kind};
use crate::socket::Stream;

/// Which events and requests a rule hits. Everything that is not named matches.
#[derive(Clone, Debug, Default)]
pub struct Match {
    symbol: Option<String>,
    interval: Option<Interval>,
    open: Option<Range<i64>>,
    between: Option<Range<i64>>,
    path: Option<String>,
    query: Option<String>,
    connection: Option<usize>,
}

impl Match {
    /// Everything that the effect is for: closes, closes on their way to a connection, SUBSCRIBEs, or requests for REST.
    pub fn any() -> Self {
        Self::default()
    }

    /// Candles of one market.
    pub fn symbol(mut self, symbol: &str) -> Self {
        self.symbol = Some(symbol.to_owned());
        self
    }

    /// Candles of one interval.
    pub fn interval(mut self, interval: Interval) -> Self {
        self.interval = Some(interval);
        self
    }

    /// The candle that opens then.
    pub fn open_ms(self, open_ms: i64) -> Self {
        self.opens(open_ms..open_ms.saturating_add(1))
    }

    /// Candles that open in this time.
    pub fn opens(mut self, open: Range<i64>) -> Self {
        self.open = Some(open);
        self
    }

    /// What happens in this time of the exchange.
    pub fn between(mut self, between: Range<i64>) -> Self {
        self.between = Some(between);
        self
    }

    /// Requests for a path; `*` stands for any text. With `/stream` or `/ws*` it is the opening of a WebSocket.
    pub fn path(mut self, pattern: &str) -> Self {
        self.path = Some(pattern.to_owned());
        self
    }

    /// Requests whose query, as sent, fits this pattern.
    pub fn query(mut self, pattern: &str) -> Self {
        self.query = Some(pattern.to_owned());
        self
    }

    /// One WebSocket, by its place in the journal.
    pub fn connection(mut self, place: usize) -> Self {
        self.connection = Some(place);
        self
    }

    pub(super) fn fits(&self, subject: &Subject<'_>) -> bool {
        let candle = |wanted: &dyn Fn(&Stream, i64) -> bool| subject.candle.is_some_and(|(s, open)| wanted(s, open));
        let request =
            |wanted: &dyn Fn(&str, &str) -> bool| subject.request.is_some_and(|(path, query)| wanted(path, query));
        let is_rest = subject.request.is_none_or(|(path, _)| path.starts_with("/api/"));
        self.symbol.as_ref().is_none_or(|symbol| candle(&|stream, _| stream.symbol == *symbol))
            && self.interval.is_none_or(|interval| candle(&|stream, _| stream.interval == interval))
            && self.open.as_ref().is_none_or(|opens| candle(&|_, open_ms| opens.contains(&open_ms)))
            && self.between.as_ref().is_none_or(|between| between.contains(&subject.now_ms))
            && self.path.as_ref().map_or(is_rest, |pattern| request(&|path, _| glob(pattern, path)))
            && self.query.as_ref().is_none_or(|pattern| request(&|_, query| glob(pattern, query)))
            && self.connection.is_none_or(|place| subject.connection == Some(place))
    }
}

/// What a rule sees.
pub(crate) struct Subject<'a> {
    pub(crate) kind: Kind,
    pub(crate) now_ms: i64,
    pub(crate) candle: Option<(&'a Stream, i64)>,
    pub(crate) request: Option<(&'a str, &'a str)>,
    pub(crate) connection: Option<usize>,
}

/// A rule: what matches gets the effect, every time until it is removed, unless it says otherwise.
#[derive(Clone, Debug)]
pub struct Fault {
    pub(super) matching: Match,
    pub(super) effect: Effect,
    pub(super) times: Option<u64>,
    pub(super) chance: f64,
    pub(super) seed: u64,
}

impl Fault {
    /// A rule that hits all that matches.
    pub fn new(matching: Match, effect: Effect) -> Self {
        Self { matching, effect, times: None, chance: 1.0, seed: 0 }
    }

    /// Hits so often, then no more.
    pub fn times(mut self, times: u64) -> Self {
        self.times = Some(times);
        self
    }

    /// Hits what matches with this probability (0 to 1). With a seed, the same candles are hit, whoever looks and when; of
    /// requests, SUBSCRIBEs and connections those of the same number are.
    pub fn probability(mut self, probability: f64, seed: u64) -> Self {
        (self.chance, self.seed) = (probability, seed);
        self
    }
}

/// Whether the text fits the pattern, in which `*` stands for any text.
fn glob(pattern: &str, text: &str) -> bool {
    let Some((start, rest)) = pattern.split_once('*') else {
        return pattern == text;
    };
    let Some(text) = text.strip_prefix(start) else {
        return false;
    };
    (0..=text.len()).filter(|&at| text.is_char_boundary(at)).any(|at| glob(rest, &text[at..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_text() {
        assert!(glob("/api/*", "/api/v3/time"));
        assert!(glob("*symbol=BTCUSDT&*", "interval=1m&symbol=BTCUSDT&limit=5"));
        assert!(!glob("/ws", "/ws/a"));
    }
}
