//! A stand-in for Binance spot: the REST questions that the host asks, on a clock of its own, with the faults of the real one.

use std::collections::{HashMap, HashSet, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Instant;

use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};
use vyx_host::market::Interval;

use crate::world::runtime;

/// Refusals that are answered before anything else.
#[derive(Clone)]
pub struct Refusal {
    pub status: u16,
    pub body: &'static str,
    pub retry_after_s: Option<u64>,
}

pub struct Market {
    began: (Instant, i64),
    /// Market time per clock time; zero: it stands still until it is set.
    factor: f64,
    pub symbols: Vec<(String, &'static str, f64)>,
    /// Candles that are not there before this market time.
    pub late: HashMap<(String, i64), i64>,
    pub holes: HashSet<(String, i64)>,
    pub refusals: VecDeque<Refusal>,
    /// Whether every answer is a refusal.
    pub down: bool,
    pub weight: u32,
    pub asked: u64,
}

impl Market {
    pub fn now_ms(&self) -> i64 {
        let (began, began_ms) = self.began;
        began_ms + (began.elapsed().as_secs_f64() * 1_000.0 * self.factor) as i64
    }

    pub fn set_now_ms(&mut self, now_ms: i64) {
        self.began = (Instant::now(), now_ms);
    }
}

pub struct Exchange {
    address: SocketAddr,
    market: Arc<Mutex<Market>>,
}

impl Exchange {
    /// A market of these symbols that begins at `now_ms` and runs so many times faster than the clock.
    pub fn start(symbols: &[&str], now_ms: i64, factor: f64) -> Self {
        let listed = symbols.iter().enumerate();
        let market = Arc::new(Mutex::new(Market {
            began: (Instant::now(), now_ms),
            factor,
            symbols: listed.map(|(rank, name)| ((*name).to_owned(), "TRADING", 1e9 - rank as f64 * 1e6)).collect(),
            late: HashMap::new(),
            holes: HashSet::new(),
            refusals: VecDeque::new(),
            down: false,
            weight: 0,
            asked: 0,
        }));
        let app = Router::new()
            .route("/api/v3/time", get(time))
            .route("/api/v3/exchangeInfo", get(info))
            .route("/api/v3/ticker/24hr", get(tickers))
            .route("/api/v3/klines", get(klines))
            .with_state(market.clone());
        let listener = runtime().block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        runtime().spawn(async move { axum::serve(listener, app).await });
        Self { address, market }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn market(&self) -> MutexGuard<'_, Market> {
        self.market.lock().unwrap()
    }
}

type Shared = State<Arc<Mutex<Market>>>;

fn answer(market: &mut Market, weight: u32, body: impl FnOnce(&Market) -> Value) -> Response {
    market.asked += 1;
    market.weight += weight;
    if market.down {
        return (StatusCode::SERVICE_UNAVAILABLE, "<html>down</html>").into_response();
    }
    if let Some(Refusal { status, body, retry_after_s }) = market.refusals.pop_front() {
        let mut headers = HeaderMap::new();
        if let Some(seconds) = retry_after_s {
            headers.insert("retry-after", seconds.into());
        }
        return (StatusCode::from_u16(status).unwrap(), headers, body).into_response();
    }
    let mut response = Json(body(market)).into_response();
    response.headers_mut().insert("x-mbx-used-weight-1m", HeaderValue::from(market.weight % 1_000));
    response
}

async fn time(State(market): Shared) -> Response {
    answer(&mut market.lock().unwrap(), 1, |market| json!({ "serverTime": market.now_ms() }))
}

async fn info(State(market): Shared) -> Response {
    answer(&mut market.lock().unwrap(), 20, |market| {
        let listed = |(symbol, status, _): &(String, &str, f64)| {
            let quote = if symbol.ends_with("BTC") { "BTC" } else { "USDT" };
            json!({ "symbol": symbol, "status": status, "quoteAsset": quote, "isSpotTradingAllowed": true, "orderTypes": [] })
        };
        json!({
            "timezone": "UTC",
            "rateLimits": [{ "rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": 6000 }],
            "symbols": market.symbols.iter().map(listed).collect::<Vec<_>>(),
        })
    })
}

async fn tickers(State(market): Shared) -> Response {
    answer(&mut market.lock().unwrap(), 80, |market| {
        let ticker = |(symbol, _, volume): &(String, &str, f64)| json!({ "symbol": symbol, "lastPrice": "1.0", "volume": "1.0", "quoteVolume": volume.to_string() });
        market.symbols.iter().map(ticker).collect()
    })
}

async fn klines(State(market): Shared, Query(asked): Query<HashMap<String, String>>) -> Response {
    let mut market = market.lock().unwrap();
    let symbol = asked["symbol"].clone();
    if !market.symbols.iter().any(|(name, _, _)| *name == symbol) {
        market.asked += 1;
        return (StatusCode::BAD_REQUEST, r#"{"code":-1121,"msg":"Invalid symbol."}"#).into_response();
    }
    answer(&mut market, 2, |market| {
        let interval: Interval = asked["interval"].parse().unwrap();
        let (from_ms, limit): (i64, usize) = (asked["startTime"].parse().unwrap(), asked["limit"].parse().unwrap());
        let now_ms = market.now_ms();
        let first_ms = interval.open_of(from_ms + interval.as_ms() - 1);
        let opens = (0..).map(|number| first_ms + number * interval.as_ms()).take_while(|open_ms| *open_ms <= now_ms);
        let is_there = |open_ms: &i64| {
            let key = (symbol.clone(), *open_ms);
            interval != Interval::M1
                || (!market.holes.contains(&key) && market.late.get(&key).is_none_or(|from_ms| *from_ms <= now_ms))
        };
        // The last row is the forming candle, as the real one's is: its high is absurd, so that whoever takes it is seen.
        let row = |open_ms: i64| {
            let forming = interval.close_of(open_ms) >= now_ms;
            let price = 100 + (open_ms / interval.as_ms()) % 50;
            let high = if forming { 1_000_000 } else { price + 2 };
            json!([
                open_ms,
                price.to_string(),
                high.to_string(),
                (price - 1).to_string(),
                (price + 1).to_string(),
                "10.5",
                interval.close_of(open_ms),
                "1050.25",
                77,
                "5.25",
                "525.125",
                "0"
            ])
        };
        opens.filter(is_there).take(limit).map(row).collect()
    })
}
