//! Questions to the exchange, within the weight that it states.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use reqwest::{Client, StatusCode, Url};

use super::symbols::Choice;
use super::weight::{Purpose, Weight};
use super::wire::{self, ExchangeInfo, Fault, Kline, Ticker24h, Time};
use crate::market::interval::Interval;
use crate::tls;

/// TCP and TLS together.
const CONNECT: Duration = Duration::from_secs(5);
/// A whole request; the list of all markets is some megabytes.
const REQUEST: Duration = Duration::from_secs(20);
/// A question for a candle that is missed: the market waits for it ten seconds, and half of that leaves time to ask again.
const LIVE: Duration = Duration::from_secs(5);
/// Bytes of an answer.
const ANSWER_BYTES: usize = 64 << 20;
/// Candles of an answer, as many as the exchange gives. They cost the same as one.
pub(super) const PAGE: usize = 1_000;
/// Weights of the questions, as documented by the exchange.
pub(super) const KLINES_WEIGHT: u32 = 2;
const TIME_WEIGHT: u32 = 1;
const INFO_WEIGHT: u32 = 20;
const TICKERS_WEIGHT: u32 = 80;
/// Choosing the symbols anew.
pub(super) const SYMBOLS_WEIGHT: u32 = INFO_WEIGHT + TICKERS_WEIGHT;
/// Where the weight of the minute is used up: what is left is known after the next answer.
const USED_UP: Duration = Duration::from_secs(5);
/// Where it limits an address and does not say for how long.
const LIMITED: Duration = Duration::from_secs(60);
/// Longest obeyed wait: bans of an address last up to three days, and each question prolongs them.
const WAIT_MOST: Duration = Duration::from_secs(3 * 86_400);

/// Why the exchange did not answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExchangeError {
    /// It asks to be left alone.
    #[error("the exchange limits this address, it is asked again in {} s", .0.as_secs())]
    Limited(Duration),
    /// It has no such market any more.
    #[error("the exchange does not list the symbol")]
    NoSuchSymbol,
    /// No answer, or one that is none.
    #[error("the exchange does not answer: {0}")]
    NoAnswer(String),
}

impl ExchangeError {
    /// How long to wait at least.
    #[must_use]
    pub const fn wait(&self) -> Option<Duration> {
        match self {
            Self::Limited(wait) => Some(*wait),
            _ => None,
        }
    }
}

/// A client of the public market data.
#[derive(Debug)]
pub struct Exchange {
    http: Client,
    base: Url,
    weight: Weight,
    /// Nothing is asked before.
    blocked_until: Mutex<Option<Instant>>,
}

impl Exchange {
    /// A client. Nothing is sent yet.
    ///
    /// # Errors
    ///
    /// If TLS cannot be set up.
    pub fn new(base: Url) -> Result<Self, ExchangeError> {
        tls::install();
        let mut builder = Client::builder()
            .user_agent(concat!("vyx/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT)
            .timeout(REQUEST)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy();
        if base.scheme() == "http" {
            builder = builder.tls_certs_only([]);
        }
        let http = builder.build().map_err(|_| no_answer("tls cannot be set up; install the root certificates"))?;
        Ok(Self { http, base, weight: Weight::new(), blocked_until: Mutex::new(None) })
    }

    /// The exchange's clock, UTC milliseconds.
    ///
    /// # Errors
    ///
    /// If it does not answer.
    pub async fn time_ms(&self) -> Result<i64, ExchangeError> {
        let time: Time = decode(&self.get("time", &[], (TIME_WEIGHT, Purpose::Time)).await?)?;
        Ok(time.server_time)
    }

    /// The markets to watch, the most traded first. A listed one that does not trade is left out, with a warning.
    ///
    /// # Errors
    ///
    /// If the exchange does not answer.
    pub async fn choose(&self, choice: &Choice) -> Result<Vec<String>, ExchangeError> {
        let chosen = self.choose_again(choice, &[], &BTreeSet::new()).await?;
        if let Choice::Listed(names) = choice {
            for name in names.iter().filter(|name| !chosen.contains(name)) {
                tracing::warn!(symbol = name, "the exchange does not trade the symbol, it is left out");
            }
        }
        Ok(chosen)
    }

    /// The same, for somebody who watches these symbols and wants none of others.
    pub(super) async fn choose_again(
        &self,
        choice: &Choice,
        watched: &[String],
        without: &BTreeSet<String>,
    ) -> Result<Vec<String>, ExchangeError> {
        let mut info = self.info().await?;
        info.leave_out(without);
        let tickers: Vec<Ticker24h> = match choice {
            Choice::Listed(_) => Vec::new(),
            Choice::Top { .. } => {
                decode(&self.get("ticker/24hr", &[("type", "MINI")], (TICKERS_WEIGHT, Purpose::Live)).await?)?
            }
        };
        Ok(choice.of(&info, &tickers, watched))
    }

    /// All markets with their statuses.
    pub(super) async fn info(&self) -> Result<ExchangeInfo, ExchangeError> {
        let cost = (INFO_WEIGHT, Purpose::Live);
        let info: ExchangeInfo = decode(&self.get("exchangeInfo", &[("permissions", "SPOT")], cost).await?)?;
        for limit in &info.rate_limits {
            if limit.rate_limit_type == "REQUEST_WEIGHT" && limit.interval == "MINUTE" && limit.interval_num == 1 {
                self.weight.limit(limit.limit);
            }
        }
        Ok(info)
    }

    /// The weight of this minute.
    pub(super) fn weight(&self) -> &Weight {
        &self.weight
    }

    /// The candles of a symbol that open at or after this, oldest first, at most a thousand; the last may be forming.
    pub(super) async fn klines(
        &self,
        symbol: &str,
        interval: Interval,
        from_ms: i64,
        purpose: Purpose,
    ) -> Result<Vec<Kline>, ExchangeError> {
        let (from, limit) = (from_ms.max(0).to_string(), PAGE.to_string());
        let query = [
            ("symbol", symbol),
            ("interval", interval.as_str()),
            ("startTime", from.as_str()),
            ("limit", limit.as_str()),
        ];
        let answer = self.get("klines", &query, (KLINES_WEIGHT, purpose));
        let body = if purpose == Purpose::Live {
            tokio::time::timeout(LIVE, answer).await.unwrap_or_else(|_| Err(no_answer("no answer in time")))?
        } else {
            answer.await?
        };
        wire::klines(&body).map_err(|_| no_answer("candles in another shape than expected"))
    }

    /// How long nothing may be asked, if so.
    pub(super) fn blocked_for(&self) -> Option<Duration> {
        let until = *self.blocked_until.lock().unwrap_or_else(PoisonError::into_inner);
        until.map(|until| until.saturating_duration_since(Instant::now())).filter(|wait| !wait.is_zero())
    }

    fn block(&self, wait: Duration) -> ExchangeError {
        *self.blocked_until.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now() + wait);
        ExchangeError::Limited(wait)
    }

    async fn get(
        &self,
        path: &str,
        query: &[(&str, &str)],
        (weight, purpose): (u32, Purpose),
    ) -> Result<Vec<u8>, ExchangeError> {
        if let Some(wait) = self.blocked_for() {
            return Err(ExchangeError::Limited(wait));
        }
        let Some(taken) = self.weight.take(weight, purpose) else { return Err(ExchangeError::Limited(USED_UP)) };
        let mut url =
            self.base.join(&format!("/api/v3/{path}")).map_err(|_| no_answer("its address cannot be built"))?;
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let mut answer = self.http.get(url).send().await.map_err(|error| {
            no_answer(if error.is_timeout() {
                "no answer in time"
            } else if let Some(why) = tls::reason(&error) {
                why
            } else if error.is_connect() {
                "no connection"
            } else {
                "the connection broke"
            })
        })?;
        let header = |name: &str| answer.headers().get(name)?.to_str().ok()?.trim().parse::<u64>().ok();
        if let Some(used) = header("x-mbx-used-weight-1m") {
            taken.says(u32::try_from(used).unwrap_or(u32::MAX));
        }
        let status = answer.status();
        if status == StatusCode::TOO_MANY_REQUESTS || status == StatusCode::IM_A_TEAPOT {
            let wait = header("retry-after").map_or(LIMITED, Duration::from_secs).min(WAIT_MOST);
            return Err(self.block(wait));
        }
        let mut body = Vec::new();
        while let Some(part) = answer.chunk().await.map_err(|_| no_answer("the answer was cut off"))? {
            if body.len() + part.len() > ANSWER_BYTES {
                return Err(no_answer("the answer is too large"));
            }
            body.extend_from_slice(&part);
        }
        if status.is_success() {
            return Ok(body);
        }
        match serde_json::from_slice::<Fault>(&body).map(|fault| fault.code) {
            Ok(-1121 | -1220) => Err(ExchangeError::NoSuchSymbol),
            Ok(-1003) => Err(self.block(LIMITED)),
            Ok(code) => Err(no_answer(&format!("code {code}, status {}", status.as_u16()))),
            Err(_) => Err(no_answer(&format!("status {}", status.as_u16()))),
        }
    }
}

fn no_answer(what: &str) -> ExchangeError {
    ExchangeError::NoAnswer(what.to_owned())
}

fn decode<T: serde::de::DeserializeOwned>(body: &[u8]) -> Result<T, ExchangeError> {
    serde_json::from_slice(body).map_err(|_| no_answer("an answer in another shape than expected"))
}
