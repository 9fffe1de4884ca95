//! The link against an exchange in memory, under a clock that jumps to the next timer when nothing else is to do.

mod faults;
mod rates;
mod succession;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::io::DuplexStream;
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{WebSocketStream, accept_async, client_async_with_config};

use super::dial::{self, Connect};
use super::{Heard, KlineEvent, Link, StreamKey};
use crate::market::interval::Interval;

/// 2025-01-01 00:00 UTC.
const OPEN_MS: i64 = 1_735_689_600_000;
/// Between two candles of a peer that serves itself.
const EVERY: Duration = Duration::from_secs(10);

/// Opens pipes to the test instead of sockets.
#[derive(Clone)]
struct Pipes {
    ends: mpsc::UnboundedSender<DuplexStream>,
    refusals: Arc<AtomicUsize>,
}

impl Connect for Pipes {
    type Stream = DuplexStream;

    async fn connect(&self) -> Result<WebSocketStream<DuplexStream>, String> {
        if self.refusals.try_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok() {
            return Err("the handshake was refused with status 403".to_owned());
        }
        let (ours, theirs) = tokio::io::duplex(1 << 16);
        self.ends.send(theirs).map_err(|_| "the test is over".to_owned())?;
        let (socket, _) = client_async_with_config("ws://localhost/stream", ours, Some(dial::config()))
            .await
            .map_err(|error| dial::why(&error))?;
        Ok(socket)
    }
}

/// The exchange's side of one connection.
struct Peer {
    socket: WebSocketStream<DuplexStream>,
    /// Names that are subscribed.
    held: BTreeSet<String>,
    /// When requests came.
    requests: Vec<Instant>,
}

impl Peer {
    async fn accept(end: DuplexStream) -> Self {
        Self { socket: accept_async(end).await.unwrap(), held: BTreeSet::new(), requests: Vec::new() }
    }

    /// The next request; `None` if the connection was closed.
    async fn request(&mut self) -> Option<Value> {
        loop {
            match self.socket.next().await? {
                Ok(Message::Text(text)) => return Some(self.take(&text)),
                Ok(Message::Close(_)) | Err(_) => return None,
                Ok(_) => {}
            }
        }
    }

    fn take(&mut self, text: &str) -> Value {
        let request: Value = serde_json::from_str(text).unwrap();
        self.requests.push(Instant::now());
        for name in request["params"].as_array().unwrap() {
            let name = name.as_str().unwrap().to_owned();
            assert!(if request["method"] == "SUBSCRIBE" { self.held.insert(name) } else { self.held.remove(&name) });
        }
        request
    }

    async fn say(&mut self, text: impl Into<String>) {
        self.socket.send(Message::text(text.into())).await.unwrap();
    }

    async fn grant(&mut self, request: &Value) {
        self.say(json!({"result": null, "id": request["id"]}).to_string()).await;
    }

    /// Grants requests until so many streams are subscribed.
    async fn grant_all(&mut self, streams: usize) {
        loop {
            let request = self.request().await.expect("a request");
            self.grant(&request).await;
            if self.held.len() == streams {
                return;
            }
        }
    }

    async fn kline(&mut self, event_ms: i64) {
        self.say(kline(event_ms)).await;
    }

    async fn shut_down(&mut self, is_bare: bool) {
        let event = json!({"e": "serverShutdown", "E": OPEN_MS});
        let combined = json!({"stream": "!serverShutdown", "data": event});
        self.say(if is_bare { event } else { combined }.to_string()).await;
    }

    /// Grants everything and has news again and again, until the connection is closed: the peer, and when that was.
    fn serve(mut self) -> JoinHandle<(Self, Instant)> {
        let begin = Instant::now();
        tokio::spawn(async move {
            let mut due = Instant::now();
            loop {
                tokio::select! {
                    request = self.request() => match request {
                        Some(request) => self.grant(&request).await,
                        None => return (self, Instant::now()),
                    },
                    () = sleep_until(due) => {
                        due += EVERY;
                        let event_ms = OPEN_MS + 1 + begin.elapsed().as_millis() as i64;
                        if self.socket.send(Message::text(kline(event_ms))).await.is_err() {
                            return (self, Instant::now());
                        }
                    }
                }
            }
        })
    }
}

fn kline(event_ms: i64) -> String {
    let candle = json!({"t": OPEN_MS, "T": OPEN_MS + 59_999, "s": "COIN000USDT", "i": "1m", "o": "1", "h": "4", "l": "0.5",
        "c": "2", "v": "10", "q": "15", "V": "5", "Q": "7", "n": 3, "x": false, "f": 1, "L": 3, "B": "0"});
    let event = json!({"e": "kline", "E": event_ms, "s": "COIN000USDT", "k": candle});
    json!({"stream": "coin000usdt@kline_1m", "data": event}).to_string()
}

fn event(event_ms: i64) -> Heard {
    Heard::Kline(KlineEvent {
        symbol: "COIN000USDT".to_owned(),
        interval: Interval::M1,
        open_ms: OPEN_MS,
        close_ms: OPEN_MS + 59_999,
        values: [1.0, 4.0, 0.5, 2.0, 10.0, 15.0, 5.0, 3.0],
        is_closed: false,
        event_ms,
    })
}

fn streams(numbers: impl IntoIterator<Item = usize>) -> BTreeSet<StreamKey> {
    let stream = |number| StreamKey { symbol: format!("COIN{number:03}USDT"), interval: Interval::M1 };
    numbers.into_iter().map(stream).collect()
}

fn names(streams: &BTreeSet<StreamKey>) -> BTreeSet<String> {
    streams.iter().map(|key| format!("{}@kline_{}", key.symbol.to_lowercase(), key.interval)).collect()
}

/// A link and the exchange's side of it.
struct Test {
    link: Link,
    heard: mpsc::Receiver<Heard>,
    ends: mpsc::UnboundedReceiver<DuplexStream>,
}

impl Test {
    fn start() -> Self {
        Self::with(0, 1_024)
    }

    fn with(refusals: usize, capacity: usize) -> Self {
        let (sender, ends) = mpsc::unbounded_channel();
        let pipes = Pipes { ends: sender, refusals: Arc::new(AtomicUsize::new(refusals)) };
        let (tell, heard) = mpsc::channel(capacity);
        Self { link: Link::connecting(&Handle::current(), pipes, tell), heard, ends }
    }

    async fn peer(&mut self) -> Peer {
        let end = self.ends.recv().await.expect("a connection");
        Peer::accept(end).await
    }

    /// The next connection, before which nothing but candles is heard.
    async fn successor(&mut self) -> Peer {
        let end = loop {
            tokio::select! {
                end = self.ends.recv() => break end.expect("a connection"),
                heard = self.heard.recv() => assert!(matches!(heard, Some(Heard::Kline(_))), "{heard:?}"),
            }
        };
        Peer::accept(end).await
    }

    /// A connection on which so many streams are subscribed, and that was said.
    async fn up(&mut self, streams: usize) -> Peer {
        let mut peer = self.peer().await;
        peer.grant_all(streams).await;
        assert_eq!(self.said().await, Heard::Up);
        peer
    }

    async fn heard(&mut self) -> Heard {
        // Nothing takes a day; what waits for it hangs.
        timeout(Duration::from_secs(86_400), self.heard.recv()).await.expect("something to hear").expect("a link")
    }

    /// The next that is no candle.
    async fn said(&mut self) -> Heard {
        loop {
            let heard = self.heard().await;
            if !matches!(heard, Heard::Kline(_)) {
                return heard;
            }
        }
    }

    async fn down(&mut self) -> String {
        match self.said().await {
            Heard::Down(reason) => reason,
            other => panic!("{other:?}"),
        }
    }
}
