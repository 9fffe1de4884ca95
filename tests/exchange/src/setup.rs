//! What an exchange begins with.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result};
use vyx_host::market::Interval;

use crate::kline::Kline;

/// 2017-08-17, the first day of BTCUSDT.
pub(crate) const FIRST_DAY_MS: i64 = 1_502_928_000_000;

/// Assets that others are priced in; a longer name stands before those that it ends with.
const QUOTES: [&str; 12] = ["FDUSD", "USDT", "USDC", "BUSD", "TUSD", "BTC", "ETH", "BNB", "EUR", "TRY", "BRL", "USD"];

/// What an exchange begins with.
#[derive(Clone, Debug)]
pub struct Setup {
    /// Its clock at the start, UTC.
    pub now_ms: i64,
    /// How many times faster than the real clock it runs; with zero it stands still until it is set.
    pub factor: f64,
    /// The candles are a function of it.
    pub seed: u64,
    /// The markets.
    pub listings: Vec<Listing>,
    /// How often a stream tells the forming candle, in exchange time; zero for never.
    pub forming_every_ms: i64,
    /// The least real time between two rounds of forming candles, so that a fast clock floods nobody.
    pub forming_pause: Duration,
    /// How long after its end a close is sent, in exchange time: at least, and at most.
    pub close_after_ms: (i64, i64),
    /// What it refuses.
    pub limits: Limits,
    /// Real time between pings.
    pub ping_every: Duration,
    /// Real time within which a ping must be answered.
    pub pong_within: Duration,
    /// How long a WebSocket lives, in exchange time.
    pub life_ms: i64,
}

/// What the exchange refuses.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Weight a minute.
    pub weight: u32,
    /// How many times faster than the real clock minutes of weight and of connections pass. Seconds in `Retry-After` are
    /// real ones all the same, so at 60 a limit is over within a second.
    pub factor: f64,
    /// How many requests are refused with 429 in a minute before the address is banned with 418.
    pub refusals: u32,
    /// How long a ban lasts, real time.
    pub ban: Duration,
    /// Messages a second on one connection, pongs included.
    pub messages: usize,
    /// Streams on one connection.
    pub streams: usize,
    /// Connections in five minutes.
    pub connections: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            weight: 6_000,
            factor: 1.0,
            refusals: 10,
            ban: Duration::from_secs(120),
            messages: 5,
            streams: 1_024,
            connections: 300,
        }
    }
}

impl Setup {
    /// Markets of these names, made from a seed, the most traded first.
    pub fn new(symbols: &[&str], now_ms: i64, factor: f64) -> Self {
        Self {
            now_ms,
            factor,
            seed: 1,
            listings: symbols.iter().map(|symbol| Listing::new(symbol)).collect(),
            forming_every_ms: 2_000,
            forming_pause: Duration::from_millis(250),
            close_after_ms: (10, 250),
            limits: Limits::default(),
            ping_every: Duration::from_secs(20),
            pong_within: Duration::from_secs(60),
            life_ms: 24 * 3_600_000,
        }
    }
}

/// One market.
#[derive(Clone, Debug)]
pub struct Listing {
    /// Its name.
    pub symbol: String,
    /// What is traded.
    pub base_asset: String,
    /// What it is priced in.
    pub quote_asset: String,
    /// Its status at the start, any text.
    pub status: String,
    /// There are no candles before this.
    pub listed_ms: i64,
    /// What the 24 h ticker says, whatever the candles say.
    pub quote_volume: Option<f64>,
    /// Candles of this interval in place of those that are made from the seed, in order of time. Longer ones are made of them.
    pub candles: Option<(Interval, Vec<Kline>)>,
}

impl Listing {
    /// A market that trades.
    pub fn new(symbol: &str) -> Self {
        let quote = QUOTES.into_iter().find(|quote| symbol.len() > quote.len() && symbol.ends_with(quote));
        let (base, quote) = symbol.split_at(symbol.len() - quote.map_or(symbol.len() / 2, str::len));
        Self {
            symbol: symbol.to_owned(),
            base_asset: base.to_owned(),
            quote_asset: quote.to_owned(),
            status: "TRADING".to_owned(),
            listed_ms: FIRST_DAY_MS,
            quote_volume: None,
            candles: None,
        }
    }

    /// A market whose candles are those of a file of data.binance.vision, or of one with the first six of its columns.
    ///
    /// # Errors
    ///
    /// The file cannot be read, or is none of those.
    pub fn from_csv(symbol: &str, interval: Interval, path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        let lines = text.lines().filter(|line| line.starts_with(|first: char| first.is_ascii_digit()));
        let candles: Result<Vec<Kline>> = lines.map(Kline::from_line).collect();
        let candles = candles.with_context(|| format!("cannot read {}", path.display()))?;
        Ok(Self { listed_ms: 0, candles: Some((interval, candles)), ..Self::new(symbol) })
    }

    /// The same with another status.
    pub fn status(self, status: &str) -> Self {
        Self { status: status.to_owned(), ..self }
    }

    /// The same with a 24 h quote volume that its candles do not have.
    pub fn quote_volume(self, quote_volume: f64) -> Self {
        Self { quote_volume: Some(quote_volume), ..self }
    }

    /// The same, listed only at this time.
    pub fn listed_ms(self, listed_ms: i64) -> Self {
        Self { listed_ms, ..self }
    }
}
