//! Which symbols are watched, and when that changes.
//!
//! Named symbols are watched while they trade. Otherwise it is the first so many USDT pairs by 24 h quote volume, looked at anew each
//! hour: a pair that is watched stays while it is among the first six fifths of that number and has four fifths of the least volume;
//! the places that are free then go to the first that are not watched yet. Names are never judged: JUPUSDT and SUPERUSDT are pairs
//! like all others.
//!
//! An answer that would take away more than half of the symbols counts when the next one says the same.

use std::collections::{BTreeSet, HashMap};

use super::wire::{ExchangeInfo, Ticker24h};

/// Which symbols.
#[derive(Debug, Clone, PartialEq)]
pub enum Choice {
    /// These.
    Listed(Vec<String>),
    /// The first so many by 24 h quote volume in USDT, of those with at least so much of it.
    Top {
        /// How many.
        count: usize,
        /// Least 24 h quote volume, USDT.
        min_volume: f64,
    },
}

impl Choice {
    /// The symbols to watch, the most traded first, for somebody who watches these now.
    pub(super) fn of(&self, info: &ExchangeInfo, tickers: &[Ticker24h], watched: &[String]) -> Vec<String> {
        match self {
            Self::Listed(names) => {
                let trading = trading(info);
                names.iter().filter(|name| trading.contains(name.as_str())).cloned().collect()
            }
            Self::Top { count, min_volume } => top(info, tickers, watched, *count, *min_volume),
        }
    }

    /// Those of the watched symbols that still trade; of named ones, those that trade again as well.
    pub(super) fn after(&self, info: &ExchangeInfo, watched: &[String]) -> Vec<String> {
        match self {
            Self::Listed(_) => self.of(info, &[], watched),
            Self::Top { .. } => {
                let trading = trading(info);
                watched.iter().filter(|name| trading.contains(name.as_str())).cloned().collect()
            }
        }
    }
}

/// Statuses come and go; whatever is not this word is not trading.
fn trading(info: &ExchangeInfo) -> BTreeSet<&str> {
    let trading = info.symbols.iter().filter(|listed| listed.status == "TRADING" && listed.is_spot_trading_allowed);
    trading.map(|listed| listed.symbol.as_str()).collect()
}

fn top(info: &ExchangeInfo, tickers: &[Ticker24h], watched: &[String], count: usize, min_volume: f64) -> Vec<String> {
    let volumes: HashMap<&str, f64> =
        tickers.iter().map(|ticker| (ticker.symbol.as_str(), ticker.quote_volume)).collect();
    let trading = trading(info);
    let mut ranked: Vec<(f64, &str)> = info
        .symbols
        .iter()
        .filter(|listed| listed.quote_asset == "USDT" && trading.contains(listed.symbol.as_str()))
        .filter_map(|listed| Some((*volumes.get(listed.symbol.as_str())?, listed.symbol.as_str())))
        .collect();
    ranked.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
    let is_watched = |name: &str| watched.iter().any(|watched| watched == name);
    let stays = |(rank, (volume, name)): &(usize, &(f64, &str))| {
        is_watched(name) && rank * 5 < count * 6 && *volume >= min_volume * 0.8
    };
    let staying: BTreeSet<&str> =
        ranked.iter().enumerate().filter(stays).take(count).map(|(_, (_, name))| *name).collect();
    let mut free = count - staying.len();
    let takes = |(volume, name): &&(f64, &str)| {
        let enters = !staying.contains(name) && *volume >= min_volume && free > 0;
        free -= usize::from(enters);
        enters || staying.contains(name)
    };
    ranked.iter().filter(takes).map(|(_, name)| (*name).to_owned()).collect()
}

/// What has changed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Change {
    pub(super) gone: Vec<String>,
    pub(super) joined: Vec<String>,
}

/// The symbols that are watched.
#[derive(Debug)]
pub(super) struct Watched {
    names: Vec<String>,
    /// What an answer said that is hard to believe.
    doubted: Option<BTreeSet<String>>,
}

impl Watched {
    pub(super) fn new(names: Vec<String>) -> Self {
        Self { names, doubted: None }
    }

    pub(super) fn names(&self) -> &[String] {
        &self.names
    }

    /// This one is not watched any more, whatever was chosen.
    pub(super) fn give_up(&mut self, name: &str) {
        self.names.retain(|watched| watched != name);
    }

    /// Takes a new choice in, unless it is hard to believe and was not said before.
    pub(super) fn update(&mut self, chosen: Vec<String>) -> Change {
        let set: BTreeSet<String> = chosen.iter().cloned().collect();
        let kept = self.names.iter().filter(|name| set.contains(*name)).count();
        if kept * 2 < self.names.len() && self.doubted.as_ref() != Some(&set) {
            tracing::warn!(watched = self.names.len(), left = kept, "most symbols are said not to trade; asking again");
            self.doubted = Some(set);
            return Change::default();
        }
        self.doubted = None;
        let gone = self.names.iter().filter(|name| !set.contains(*name)).cloned().collect();
        let joined = chosen.iter().filter(|name| !self.names.contains(name)).cloned().collect();
        self.names = chosen;
        Change { gone, joined }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::market::binance::wire::Listed;

    fn info(listed: &[(&str, &str)]) -> ExchangeInfo {
        let symbols = listed.iter().map(|(symbol, status)| Listed {
            symbol: (*symbol).to_owned(),
            status: (*status).to_owned(),
            quote_asset: if symbol.ends_with("BTC") { "BTC" } else { "USDT" }.to_owned(),
            is_spot_trading_allowed: true,
        });
        ExchangeInfo { rate_limits: Vec::new(), symbols: symbols.collect() }
    }

    fn tickers(volumes: &[(&str, f64)]) -> Vec<Ticker24h> {
        let ticker = |(symbol, quote_volume): &(&str, f64)| Ticker24h {
            symbol: (*symbol).to_owned(),
            quote_volume: *quote_volume,
        };
        volumes.iter().map(ticker).collect()
    }

    fn names(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn a_pair_enters_among_the_first_and_leaves_when_it_is_well_behind() {
        let listed: Vec<String> = (0..14).map(|number| format!("S{number}USDT")).collect();
        let info = info(&listed.iter().map(|name| (name.as_str(), "TRADING")).collect::<Vec<_>>());
        let choice = Choice::Top { count: 10, min_volume: 100.0 };
        let volumes: Vec<(&str, f64)> =
            listed.iter().enumerate().map(|(rank, name)| (name.as_str(), 1_000.0 - rank as f64)).collect();
        assert_eq!(choice.of(&info, &tickers(&volumes), &[]), listed[..10]);
        // Number 11 and 12 are watched, and stay; 13 is watched and goes.
        let watched: Vec<String> = [&listed[..7], &listed[10..13]].concat();
        let kept: Vec<String> = [&listed[..8], &listed[10..12]].concat();
        assert_eq!(choice.of(&info, &tickers(&volumes), &watched), kept);
        // Too little volume to enter, enough to stay.
        let thin = tickers(&[("S0USDT", 90.0), ("S1USDT", 90.0), ("S2USDT", 79.0)]);
        assert_eq!(choice.of(&info, &thin, &names("S1USDT S2USDT")), names("S1USDT"));
    }

    #[test]
    fn whatever_status_is_not_trading_ends_a_symbol() {
        let choice = Choice::Top { count: 5, min_volume: 0.0 };
        let info =
            info(&[("AUSDT", "TRADING"), ("BUSDT", "CANCEL_ONLY"), ("CUSDT", "SOMETHING_NEW"), ("ABTC", "TRADING")]);
        assert_eq!(choice.after(&info, &names("AUSDT BUSDT CUSDT")), names("AUSDT"));
        let all = tickers(&[("AUSDT", 1.0), ("BUSDT", 2.0), ("CUSDT", 3.0), ("ABTC", 4.0)]);
        assert_eq!(choice.of(&info, &all, &[]), names("AUSDT"));
        let named = Choice::Listed(names("BUSDT AUSDT"));
        assert_eq!(named.after(&info, &names("BUSDT")), names("AUSDT"));
    }

    #[test]
    fn an_answer_that_is_hard_to_believe_counts_the_second_time() {
        let mut watched = Watched::new(names("A B C D"));
        assert_eq!(watched.update(Vec::new()), Change::default());
        assert_eq!(watched.update(names("A")), Change::default(), "it says something else");
        let change = watched.update(names("A"));
        assert_eq!(change.gone, names("B C D"));
        let change = watched.update(names("A E"));
        assert_eq!((change.gone, change.joined), (Vec::new(), names("E")));
        assert_eq!(watched.names(), names("A E"));
    }
}
