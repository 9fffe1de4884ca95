//! Plain clients of REST and WebSocket.

use std::sync::OnceLock;
use std::time::Duration;

use futures_util::{FutureExt as _, SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};
use vyx_exchange::Exchange;

/// 2025-01-01 00:00 UTC.
pub const START_MS: i64 = 1_735_689_600_000;
pub const MINUTE_MS: i64 = 60_000;

/// Longer than anything takes; what has not come by then never will.
const HANG: Duration = Duration::from_secs(60);

fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap())
}

/// Waits for what must come.
pub fn wait<T>(what: &str, work: impl Future<Output = T>) -> T {
    runtime().block_on(async { tokio::time::timeout(HANG, work).await.unwrap_or_else(|_| panic!("no {what}")) })
}

/// An answer of REST.
pub struct Answer {
    pub status: u16,
    pub headers: reqwest::header::HeaderMap,
    pub text: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("not JSON: {}", self.text))
    }

    pub fn number(&self, header: &str) -> u64 {
        self.headers[header].to_str().unwrap().parse().unwrap()
    }

    /// The code of a refusal.
    pub fn code(&self) -> i64 {
        self.json()["code"].as_i64().unwrap()
    }
}

/// Asks; an error is a connection that broke.
pub fn try_get(exchange: &Exchange, path_and_query: &str) -> Result<Answer, reqwest::Error> {
    vyx_host::tls::install();
    let client = reqwest::Client::builder().no_proxy().tls_certs_only([]).build().unwrap();
    let url = format!("{}{path_and_query}", exchange.rest_url());
    wait("answer", async {
        let answer = client.get(url).send().await?;
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        Ok(Answer { status, headers, text: answer.text().await? })
    })
}

pub fn get(exchange: &Exchange, path_and_query: &str) -> Answer {
    try_get(exchange, path_and_query).unwrap()
}

/// The rows of a question for candles.
pub fn klines(exchange: &Exchange, query: &str) -> Vec<Value> {
    let answer = get(exchange, &format!("/api/v3/klines?{query}"));
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.json().as_array().unwrap().clone()
}

/// A WebSocket.
pub struct Socket(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Socket {
    pub fn open(exchange: &Exchange, path: &str) -> Self {
        Self::try_open(exchange, path).unwrap()
    }

    pub fn try_open(exchange: &Exchange, path: &str) -> Result<Self, Error> {
        let url = format!("{}{path}", exchange.ws_url());
        wait("connection", async { Ok(Self(tokio_tungstenite::connect_async(url).await?.0)) })
    }

    pub fn say(&mut self, text: &str) {
        wait("way to say it", self.0.send(Message::text(text))).unwrap();
    }

    pub fn send(&mut self, message: Message) {
        wait("way to send it", self.0.send(message)).unwrap();
    }

    /// The next frame, whatever it is; pings are answered on the way.
    pub fn frame(&mut self) -> Result<Message, Error> {
        wait("frame", self.0.next()).unwrap_or(Err(Error::ConnectionClosed))
    }

    /// Whether nothing but pings has come, and it is still open.
    pub fn is_mute(&mut self) -> bool {
        wait("look", async {
            loop {
                match self.0.next().now_or_never() {
                    None => return true,
                    Some(Some(Ok(Message::Ping(_)))) => {}
                    Some(_) => return false,
                }
            }
        })
    }

    /// The next JSON.
    pub fn json(&mut self) -> Value {
        loop {
            match self.frame().unwrap() {
                Message::Text(text) => return serde_json::from_str(&text).unwrap(),
                Message::Ping(_) | Message::Pong(_) => {}
                other => panic!("{other:?}"),
            }
        }
    }

    /// The `data` of the next event that is wanted.
    pub fn event(&mut self, wanted: impl Fn(&Value) -> bool) -> Value {
        loop {
            let message = self.json();
            if message.get("stream").is_some() && wanted(&message["data"]) {
                return message["data"].clone();
            }
        }
    }

    /// The `data` of the next close.
    pub fn close(&mut self) -> Value {
        self.event(|data| data["k"]["x"] == true)
    }

    /// Asks and waits for the answer, past events.
    pub fn ask(&mut self, method: &str, params: Value, id: u64) -> Value {
        self.say(&json!({"method": method, "params": params, "id": id}).to_string());
        loop {
            let message = self.json();
            if message.get("id").is_some() {
                return message;
            }
        }
    }

    pub fn subscribe(&mut self, streams: &[&str]) {
        assert_eq!(self.ask("SUBSCRIBE", json!(streams), 1), json!({"result": null, "id": 1}));
    }

    /// The code and the reason of the close frame that must come.
    pub fn ending(&mut self) -> (u16, String) {
        loop {
            if let Message::Close(frame) = self.frame().unwrap() {
                let frame = frame.unwrap();
                return (frame.code.into(), frame.reason.to_string());
            }
        }
    }
}

/// What an event says of a candle, as a host reads it: open time and values.
pub fn values(kline: &Value) -> (i64, [f64; 8]) {
    let number = |field: &str| kline[field].as_str().unwrap().parse::<f64>().unwrap();
    let values = ["o", "h", "l", "c", "v", "q", "V"].map(number);
    let [open, high, low, close, volume, quote, taker] = values;
    (kline["t"].as_i64().unwrap(), [open, high, low, close, volume, quote, taker, kline["n"].as_f64().unwrap()])
}

/// The same of a row of REST.
pub fn row_values(row: &Value) -> (i64, [f64; 8]) {
    let number = |place: usize| row[place].as_str().unwrap().parse::<f64>().unwrap();
    let [open, high, low, close, volume, quote, taker] = [1, 2, 3, 4, 5, 7, 9].map(number);
    (row[0].as_i64().unwrap(), [open, high, low, close, volume, quote, taker, row[8].as_f64().unwrap()])
}
