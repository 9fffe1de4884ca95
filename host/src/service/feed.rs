//! The feed of a deployment: the exchange, or for tests candle files and a made-up market.

use std::path::Path;
use std::sync::{Arc, Mutex};

use tokio::runtime::Handle;

use super::StartError;
use super::evaluation::Before;
use super::health::Health;
use crate::config::{FEED, FeedChoice, Misconfigured, SYMBOLS, ServiceConfig};
use crate::market::{
    Bell, BinanceFeed, BinanceStart, CATCH_UP_MS, CandleInput, Choice, Exchange, ExchangeError, Feed, Interval,
    MarketStatus, ReplayFeed, SharedFeed, SyntheticFeed,
};
use crate::supabase::timeouts::Waits;

/// What a test feed delivers from the beginning. Any other interval begins with the next close.
pub(super) const INTERVALS: [Interval; 6] =
    [Interval::M1, Interval::M5, Interval::M15, Interval::H1, Interval::H4, Interval::D1];
/// Candles of each of them: the default warm-up of a trader.
pub(super) const HISTORY_CANDLES: usize = 1_000;

/// A feed that is ready to be read.
pub(super) struct Connected {
    pub(super) feed: SharedFeed,
    /// Which of its candles are history for everybody.
    pub(super) history: Before,
    /// Where the feed follows the clock.
    pub(super) market: Option<Market>,
}

/// Where the market was when the host came.
#[derive(Debug, Clone)]
pub(super) struct Market {
    pub(super) status: MarketStatus,
    /// Before this nothing is told live.
    pub(super) floor_ms: i64,
    /// What closes after this is told live.
    pub(super) anchor_ms: i64,
}

/// A test feed; none where the exchange is asked for.
pub(super) fn of_files_or_made_up(service: &ServiceConfig) -> Result<Option<Connected>, StartError> {
    let bad = |error: String| {
        let fix = "use candle files that `vyx test` reads";
        StartError::Misconfigured(Misconfigured::value(&FEED, &service.feed.to_string(), error, fix))
    };
    let (feed, history_until_ms): (Box<dyn Feed>, Option<i64>) = match &service.feed {
        FeedChoice::Binance => return Ok(None),
        FeedChoice::Replay { path } => {
            let sources = candle_files(path).map_err(bad)?;
            (Box::new(ReplayFeed::new(sources).map_err(|error| bad(error.to_string()))?), None)
        }
        FeedChoice::Synthetic { seed } => {
            let start_ms = SyntheticFeed::FIRST_LIVE_MS - SyntheticFeed::HISTORY_MINUTES * 60_000;
            let feed = SyntheticFeed::new(*seed, service.symbol_count, start_ms, None);
            (Box::new(feed.map_err(|error| bad(error.to_string()))?), Some(SyntheticFeed::FIRST_LIVE_MS - 1))
        }
    };
    Ok(Some(Connected { feed: wanting_all(feed), history: Before::Until(history_until_ms), market: None }))
}

/// The exchange, once it answers.
pub(super) async fn connect(
    service: &ServiceConfig,
    judged_ms: Option<i64>,
    health: &Health,
    bell: Bell,
) -> Result<Connected, StartError> {
    let exchange = Exchange::new(service.exchange.clone()).map_err(|error| StartError::Host(error.to_string()))?;
    let choice = match &service.symbols {
        Some(names) => Choice::Listed(names.clone()),
        None => Choice::Top { count: service.symbol_count, min_volume: service.min_volume },
    };
    let mut waits = Waits::of_requests();
    let mut told = None;
    let (now_ms, names) = loop {
        match ask(&exchange, &choice).await {
            Ok((_, names)) if names.is_empty() && service.symbols.is_some() => {
                let listed = service.symbols.as_ref().map(|names| names.join(",")).unwrap_or_default();
                let fix = "name symbols that Binance spot trades";
                return Err(Misconfigured::value(&SYMBOLS, &listed, "leaves no symbol to watch", fix).into());
            }
            Ok(answer) if !answer.1.is_empty() => break answer,
            // In a maintenance of the exchange nothing trades.
            other => {
                let error = other
                    .err()
                    .unwrap_or_else(|| ExchangeError::NoAnswer("no pair trades with MIN_VOLUME at present".to_owned()));
                let text = error.to_string();
                if told.as_ref() != Some(&text) {
                    tracing::warn!("{text}; nothing runs until it does");
                    health.feed_trouble(Some(&text));
                    told = Some(text);
                }
                tokio::time::sleep(waits.next(error.wait())).await;
            }
        }
    };
    health.feed_trouble(None);
    let floor_ms = now_ms - CATCH_UP_MS;
    let anchor_ms = judged_ms.map_or(now_ms, |judged_ms| judged_ms.max(floor_ms).min(now_ms));
    tracing::info!(symbols = names.len(), "the exchange is reached");
    let start = BinanceStart { streams: service.streams.clone(), choice, names, anchor_ms, now_ms };
    let feed = BinanceFeed::start(exchange, &Handle::current(), start, bell)
        .map_err(|error| StartError::Host(error.to_string()))?;
    let market = Market { status: feed.status(), floor_ms, anchor_ms };
    Ok(Connected { feed: Arc::new(Mutex::new(Box::new(feed))), history: Before::Told, market: Some(market) })
}

async fn ask(exchange: &Exchange, choice: &Choice) -> Result<(i64, Vec<String>), ExchangeError> {
    Ok((exchange.time_ms().await?, exchange.choose(choice).await?))
}

/// What the candles cannot be made into is refused to the trader that asks for it.
fn wanting_all(mut feed: Box<dyn Feed>) -> SharedFeed {
    for interval in INTERVALS {
        let _ = feed.want(&[interval]);
    }
    Arc::new(Mutex::new(feed))
}

fn candle_files(path: &Path) -> Result<Vec<CandleInput>, String> {
    let cannot = |error: std::io::Error| format!("cannot be read: {error}");
    if !std::fs::metadata(path).map_err(cannot)?.is_dir() {
        return Ok(vec![CandleInput::from_path(path).map_err(|error| error.to_string())?]);
    }
    let mut files = Vec::new();
    for entry in std::fs::read_dir(path).map_err(cannot)? {
        let file = entry.map_err(cannot)?.path();
        if file.extension().is_some_and(|extension| ["csv", "zip", "json"].iter().any(|known| extension == *known)) {
            files.push(file);
        }
    }
    files.sort();
    files.iter().map(|file| CandleInput::from_path(file).map_err(|error| error.to_string())).collect()
}
