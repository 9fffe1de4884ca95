//! What `vyx run` needs beside an identity and a project: where candles come from, where it listens.

use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;

use secrecy::SecretString;
use url::{Host, Url};

use super::{
    ADMIN_TOKEN, ALLOW_TEST_FEED, BINANCE_API_URL, BINANCE_WS_URL, FEED, FEED_SPEED, MIN_VOLUME, Misconfigured, PORT,
    Place, SYMBOL_COUNT, SYMBOLS, Variable, quoted, raw, text,
};
use crate::market::Symbols;

/// Shortest admin token: shorter ones can be guessed over the network.
const MIN_TOKEN_CHARS: usize = 16;
/// Most symbols: more than any exchange has.
const MAX_SYMBOLS: usize = 2_000;
/// Symbols where nobody says how many.
const DEFAULT_SYMBOLS: usize = 100;
/// Where the status pages are, if nobody says.
const DEFAULT_PORT: u16 = 8080;

/// The exchange, if nobody says which.
const BINANCE: &str = "https://data-api.binance.vision";
/// Its streams, if nobody says where they are.
const BINANCE_STREAMS: &str = "wss://data-stream.binance.vision";
/// Least 24 h quote volume, if nobody says.
const DEFAULT_MIN_VOLUME: f64 = 100_000.0;

/// Where candles come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FeedChoice {
    /// The exchange.
    Binance,
    /// Candle files.
    Replay {
        /// A file, or a folder of files.
        path: PathBuf,
    },
    /// A made-up market.
    Synthetic {
        /// Its seed.
        seed: u64,
    },
}

impl FeedChoice {
    /// Whether its candles are not those of the market now.
    #[must_use]
    pub const fn is_test(&self) -> bool {
        !matches!(self, Self::Binance)
    }
}

impl fmt::Display for FeedChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Binance => f.write_str("binance"),
            Self::Replay { path } => write!(f, "replay:{}", crate::text::shown(&path.to_string_lossy(), 200)),
            Self::Synthetic { seed } => write!(f, "synthetic:{seed}"),
        }
    }
}

/// How fast candle time passes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Speed {
    /// As fast as possible.
    Max,
    /// This many times as fast as the clock.
    Times(f64),
}

impl std::str::FromStr for Speed {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "max" {
            return Ok(Self::Max);
        }
        let factor = text.strip_suffix('x').unwrap_or(text).parse::<f64>().ok();
        match factor.filter(|factor| *factor >= 0.001 && *factor <= 1e9) {
            Some(factor) => Ok(Self::Times(factor)),
            None => Err(format!("{text:?} is not a speed, give max or a factor such as 60")),
        }
    }
}

/// The environment of `vyx run`.
#[derive(Debug, Clone)]
pub struct ServiceConfig {
    /// Where candles come from.
    pub feed: FeedChoice,
    /// How fast the candles of a test feed come.
    pub feed_speed: Speed,
    /// Whether a test feed may run against a project that is not on loopback.
    pub allow_test_feed: bool,
    /// Which symbols of the exchange, if they are named.
    pub symbols: Option<Vec<String>>,
    /// How many symbols.
    pub symbol_count: usize,
    /// Least 24 h quote volume of a symbol, USDT.
    pub min_volume: f64,
    /// The exchange's REST interface.
    pub exchange: Url,
    /// The exchange's streams.
    pub streams: Url,
    /// Where the status pages are.
    pub port: u16,
    /// What opens the status pages to other machines.
    pub admin_token: Option<SecretString>,
    /// Where to record what is done, if anywhere.
    pub record: Option<Place>,
}

impl ServiceConfig {
    /// Reads the environment.
    ///
    /// # Errors
    ///
    /// The first variable that cannot be used.
    pub fn from_env(lookup: impl Fn(&str) -> Option<OsString>) -> Result<Self, Misconfigured> {
        let feed = text(&lookup, &FEED)?.map_or(Ok(FeedChoice::Binance), |value| feed(&value))?;
        let speed = text(&lookup, &FEED_SPEED)?;
        let feed_speed = match &speed {
            None => Speed::Times(1.0),
            Some(value) if feed.is_test() => value.parse().map_err(|_| {
                Misconfigured::value(&FEED_SPEED, value, "is not a speed", "use max or a factor such as 60")
            })?,
            Some(value) => {
                let fix = "unset it; only replay: and synthetic: have a speed";
                return Err(Misconfigured::value(&FEED_SPEED, value, "does not go with the exchange", fix));
            }
        };
        Ok(Self {
            feed,
            feed_speed,
            allow_test_feed: switch(&lookup, &ALLOW_TEST_FEED)?,
            symbols: symbols(&lookup)?,
            min_volume: number(&lookup, &MIN_VOLUME, 0.0..=f64::MAX)?.unwrap_or(DEFAULT_MIN_VOLUME),
            exchange: address(&lookup, &BINANCE_API_URL, BINANCE, ["https", "http"])?,
            streams: address(&lookup, &BINANCE_WS_URL, BINANCE_STREAMS, ["wss", "ws"])?,
            symbol_count: number(&lookup, &SYMBOL_COUNT, 1..=MAX_SYMBOLS)?.unwrap_or(DEFAULT_SYMBOLS),
            port: number(&lookup, &PORT, 0..=u16::MAX)?.unwrap_or(DEFAULT_PORT),
            admin_token: admin_token(&lookup)?,
            record: Place::from_env(&lookup),
        })
    }

    /// Refuses made-up signals in a real project, where each of them would be paid for.
    ///
    /// # Errors
    ///
    /// If the feed is a test feed, the project is real, and nobody allowed it.
    pub fn check_feed(&self, project_is_loopback: bool) -> Result<(), Misconfigured> {
        if !self.feed.is_test() || project_is_loopback || self.allow_test_feed {
            return Ok(());
        }
        Err(Misconfigured::value(
            &FEED,
            &self.feed.to_string(),
            "invents signals, which would enter a real project and start the paid analysis",
            "unset it, or set ALLOW_TEST_FEED=1 if that is what you want",
        ))
    }
}

fn feed(value: &str) -> Result<FeedChoice, Misconfigured> {
    let refuse = |problem: &str, fix: &str| Err(Misconfigured::value(&FEED, value, problem, fix));
    match value.split_once(':') {
        None if value == "binance" => Ok(FeedChoice::Binance),
        Some(("replay", "")) => refuse("names no file", "name a candle file or a folder of them, as in replay:candles"),
        Some(("replay", path)) => Ok(FeedChoice::Replay { path: path.into() }),
        Some(("synthetic", seed)) => match seed.parse() {
            Ok(seed) => Ok(FeedChoice::Synthetic { seed }),
            Err(_) => refuse("has no seed", "give a whole number, as in synthetic:1"),
        },
        _ => refuse("is not a feed", "use binance, replay:PATH or synthetic:SEED"),
    }
}

fn symbols(lookup: &impl Fn(&str) -> Option<OsString>) -> Result<Option<Vec<String>>, Misconfigured> {
    let Some(value) = text(lookup, &SYMBOLS)? else { return Ok(None) };
    let names: Vec<String> = value.split(',').map(|name| name.trim().to_owned()).collect();
    if names.len() > MAX_SYMBOLS {
        return Err(Misconfigured::value(
            &SYMBOLS,
            &value,
            "names too many symbols",
            format!("name at most {MAX_SYMBOLS}"),
        ));
    }
    match names.iter().find(|name| Symbols::valid_name(name).is_err()) {
        Some(_) => Err(Misconfigured::value(
            &SYMBOLS,
            &value,
            "has a name that no symbol has",
            "use names with commas between them, as in BTCUSDT,ETHUSDT",
        )),
        None => Ok(Some(names)),
    }
}

/// An address of a scheme that is encrypted, or on this machine of one that is not.
fn address(
    lookup: &impl Fn(&str) -> Option<OsString>,
    variable: &Variable,
    default: &str,
    [safe, plain]: [&str; 2],
) -> Result<Url, Misconfigured> {
    let value = text(lookup, variable)?.unwrap_or_else(|| default.to_owned());
    let refuse = |problem: &str| {
        let fix = format!("use an address such as {default}");
        Err(Misconfigured::value(variable, &value, problem, fix))
    };
    let Ok(url) = Url::parse(&value) else { return refuse("is not an address") };
    let is_local = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => return refuse("names no host"),
    };
    if url.scheme() != safe && !(url.scheme() == plain && is_local) {
        return refuse(&format!("is not a {safe} address"));
    }
    if url.path() != "/" || url.query().is_some() {
        return refuse("has a path");
    }
    Ok(url)
}

fn admin_token(lookup: &impl Fn(&str) -> Option<OsString>) -> Result<Option<SecretString>, Misconfigured> {
    let Some(value) = raw(lookup, &ADMIN_TOKEN)? else { return Ok(None) };
    let refuse = |problem: &str| {
        let fix = format!("use at least {MIN_TOKEN_CHARS} letters, digits or punctuation marks, or unset it");
        Err(Misconfigured::value(&ADMIN_TOKEN, &value, problem, fix))
    };
    if value.is_empty() {
        return refuse("is empty");
    }
    if !value.bytes().all(|byte| byte.is_ascii_graphic()) {
        return refuse("has spaces or characters that a header cannot carry");
    }
    if value.len() < MIN_TOKEN_CHARS {
        return refuse("is too short");
    }
    Ok(Some(SecretString::from(value)))
}

fn switch(lookup: &impl Fn(&str) -> Option<OsString>, variable: &Variable) -> Result<bool, Misconfigured> {
    match text(lookup, variable)?.as_deref() {
        None | Some("0" | "false") => Ok(false),
        Some("1" | "true") => Ok(true),
        Some(other) => Err(Misconfigured::value(variable, other, "is neither on nor off", "use 1 or 0")),
    }
}

fn number<N: std::str::FromStr + PartialOrd + fmt::Display>(
    lookup: &impl Fn(&str) -> Option<OsString>,
    variable: &Variable,
    range: std::ops::RangeInclusive<N>,
) -> Result<Option<N>, Misconfigured> {
    let Some(value) = text(lookup, variable)? else { return Ok(None) };
    match value.parse::<N>() {
        Ok(number) if range.contains(&number) => Ok(Some(number)),
        _ => {
            let fix = format!("use {}", variable.values);
            Err(Misconfigured::value(variable, &value, "is out of range", fix))
        }
    }
}

/// The name of a feed for the outbox, which keeps a cursor for each.
#[must_use]
pub fn feed_name(feed: &FeedChoice) -> String {
    match feed {
        FeedChoice::Binance => "binance".to_owned(),
        other => quoted(&other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(set: &[(&str, &str)]) -> Result<ServiceConfig, String> {
        let lookup = |name: &str| set.iter().find(|(key, _)| *key == name).map(|(_, value)| OsString::from(value));
        ServiceConfig::from_env(lookup).map_err(|error| error.to_string())
    }

    #[test]
    fn the_exchange_is_the_default() {
        let config = read(&[]).unwrap();
        assert_eq!((config.feed, config.port, config.symbol_count), (FeedChoice::Binance, 8080, 100));
        assert!(config.admin_token.is_none());
    }

    #[test]
    fn feeds_are_read() {
        let feed = |value| read(&[("FEED", value)]).map(|config| config.feed);
        assert_eq!(feed("replay:/candles"), Ok(FeedChoice::Replay { path: "/candles".into() }));
        assert_eq!(feed("synthetic:7"), Ok(FeedChoice::Synthetic { seed: 7 }));
        assert_eq!(
            feed("kraken").unwrap_err(),
            r#"FEED="kraken" is not a feed; use binance, replay:PATH or synthetic:SEED"#
        );
        assert_eq!(
            feed("synthetic:").unwrap_err(),
            r#"FEED="synthetic:" has no seed; give a whole number, as in synthetic:1"#
        );
        assert!(read(&[("FEED_SPEED", "60")]).unwrap_err().contains("does not go with the exchange"));
        assert_eq!(read(&[("FEED", "synthetic:1"), ("FEED_SPEED", "max")]).unwrap().feed_speed, Speed::Max);
    }

    #[test]
    fn invented_signals_do_not_enter_a_real_project() {
        let config = read(&[("FEED", "synthetic:1")]).unwrap();
        assert!(config.check_feed(true).is_ok());
        let error = config.check_feed(false).unwrap_err().to_string();
        assert!(error.contains("ALLOW_TEST_FEED=1"), "{error}");
        assert!(read(&[("FEED", "synthetic:1"), ("ALLOW_TEST_FEED", "1")]).unwrap().check_feed(false).is_ok());
        assert!(read(&[]).unwrap().check_feed(false).is_ok());
    }

    #[test]
    fn a_bad_token_is_refused_and_never_shown() {
        for token in ["", "short", "with spaces in the middle of it"] {
            let error = read(&[("ADMIN_TOKEN", token)]).unwrap_err();
            assert!(error.starts_with("ADMIN_TOKEN=(hidden)"), "{error}");
        }
        let config = read(&[("ADMIN_TOKEN", "0123456789abcdef")]).unwrap();
        assert!(!format!("{config:?}").contains("0123456789abcdef"));
    }

    #[test]
    fn numbers_out_of_range_name_the_range() {
        assert_eq!(
            read(&[("PORT", "70000")]).unwrap_err(),
            r#"PORT="70000" is out of range; use a whole number from 0 to 65535"#
        );
        assert!(read(&[("SYMBOL_COUNT", "0")]).is_err());
        assert!(read(&[("MIN_VOLUME", "-1")]).is_err() && read(&[("MIN_VOLUME", "NaN")]).is_err());
    }

    #[test]
    fn the_exchange_and_its_symbols() {
        let config = read(&[("SYMBOLS", "BTCUSDT, ETHUSDT"), ("BINANCE_API_URL", "http://127.0.0.1:9")]).unwrap();
        assert_eq!(config.symbols.unwrap(), ["BTCUSDT", "ETHUSDT"]);
        assert_eq!(config.exchange.as_str(), "http://127.0.0.1:9/");
        assert!(read(&[]).unwrap().exchange.as_str().starts_with("https://"));
        for url in ["ftp://x", "http://example.com", "https://example.com/api", "x"] {
            assert!(read(&[("BINANCE_API_URL", url)]).unwrap_err().starts_with("BINANCE_API_URL"), "{url}");
        }
        let streams = |url| read(&[("BINANCE_WS_URL", url)]).map(|config| config.streams.to_string());
        assert_eq!(streams("ws://127.0.0.1:9").unwrap(), "ws://127.0.0.1:9/");
        for url in ["ws://example.com", "https://example.com", "wss://example.com/stream"] {
            assert!(streams(url).unwrap_err().starts_with("BINANCE_WS_URL"), "{url}");
        }
        assert!(read(&[("SYMBOLS", "BTC USDT")]).unwrap_err().contains("no symbol has"));
    }
}
