//! The link against an exchange in memory, under a clock that jumps to the next timer when nothing else is to do.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::io::DuplexStream;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio::time::{sleep, sleep_until, timeout_at};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{WebSocketStream, accept_async, client_async_with_config};

use super::super::limits::{ANSWER, LINGER, MESSAGE_BYTES, OPEN, RATE_PERIOD, RECONNECT_MOST, SILENT};
use super::super::{KlineEvent, Link, dial};
use super::*;
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
        self.heard.recv().await.expect("a link")
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

#[tokio::test(start_paused = true)]
async fn it_is_up_when_everything_is_acknowledged() {
    let mut test = Test::start();
    test.link.want(streams(0..250));
    let mut peer = test.peer().await;
    let first = peer.request().await.unwrap();
    peer.grant(&first).await;
    // Heard before all is subscribed, and the next request comes though nothing was said of the first.
    peer.kline(OPEN_MS + 1).await;
    assert_eq!(test.heard().await, event(OPEN_MS + 1));
    let second = peer.request().await.unwrap();
    assert!(test.heard.is_empty());
    peer.grant(&second).await;
    assert_eq!(test.heard().await, Heard::Up);
    assert_eq!(peer.held, names(&streams(0..250)));
    peer.kline(OPEN_MS + 2).await;
    assert_eq!(test.heard().await, event(OPEN_MS + 2));
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_not_answered_ends_the_connection() {
    let mut test = Test::start();
    test.link.want(streams(0..2));
    let mut peer = test.peer().await;
    peer.request().await.unwrap();
    let asked = Instant::now();
    // What else comes is no answer.
    peer.say(r#"{"result":null,"id":99}"#).await;
    peer.kline(OPEN_MS + 1).await;
    assert_eq!(test.down().await, "the exchange does not answer a request");
    assert_eq!(asked.elapsed().as_secs(), ANSWER.as_secs());
    assert_eq!(peer.request().await, None);
    test.up(2).await;
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_refused_ends_the_connection() {
    let mut test = Test::start();
    test.link.want(streams(0..2));
    for refusal in [r#"{"error":{"code":2,"msg":"hunter2"},"id":1}"#, r#"{"code":2,"msg":"hunter2"}"#] {
        let mut peer = test.peer().await;
        peer.request().await.unwrap();
        peer.say(refusal).await;
        assert_eq!(test.down().await, "the exchange refuses a request, code 2");
        assert_eq!(peer.request().await, None);
    }
    test.up(2).await;
}

#[tokio::test(start_paused = true)]
async fn a_connection_without_candles_is_dead_whatever_its_pings_say() {
    let mut test = Test::start();
    test.link.want(streams(0..2));
    let mut peer = test.up(2).await;
    peer.kline(OPEN_MS + 5).await;
    let last = Instant::now();
    let pinger = tokio::spawn(async move {
        // Nor is it news what was said before.
        while peer.socket.send(Message::Ping("x".into())).await.is_ok()
            && peer.socket.send(Message::text(kline(OPEN_MS + 5))).await.is_ok()
        {
            sleep(Duration::from_secs(1)).await;
        }
    });
    assert_eq!(test.down().await, "no candle for 20 s");
    assert_eq!(last.elapsed().as_secs(), SILENT.as_secs());
    test.up(2).await;
    pinger.abort();
}

#[tokio::test(start_paused = true)]
async fn a_half_open_connection_is_noticed() {
    let mut test = Test::start();
    test.link.want(streams(0..2));
    // Nobody reads or writes at the other end, and nobody closes it.
    let _half_open = test.up(2).await;
    assert_eq!(test.down().await, "no candle for 20 s");
    test.up(2).await;
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_never_gets_there_is_given_up() {
    let mut test = Test::start();
    test.link.want(streams(0..2));
    let begin = Instant::now();
    let _silent = test.ends.recv().await.unwrap();
    assert_eq!(test.down().await, "no connection in time");
    assert_eq!(begin.elapsed().as_secs(), OPEN.as_secs());
    let peer = test.up(2).await;
    drop(peer);
    assert!(!test.down().await.is_empty());
    let mut peer = test.up(2).await;
    peer.socket.close(None).await.unwrap();
    assert_eq!(test.down().await, "the exchange closed the connection");
    let mut peer = test.up(2).await;
    // The connection is closed before all of it is sent.
    let _ = peer.socket.send(Message::text("x".repeat(MESSAGE_BYTES + 1))).await;
    assert_eq!(test.down().await, "a message is too large");
    test.up(2).await;
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_is_answered_by_a_successor_before_anything_is_closed() {
    for is_bare in [false, true] {
        let mut test = Test::start();
        test.link.want(streams(0..2));
        let mut old = test.up(2).await;
        old.kline(OPEN_MS + 1).await;
        old.shut_down(is_bare).await;
        old.shut_down(is_bare).await;
        let mut new = test.peer().await;
        let request = new.request().await.unwrap();
        // The old one is heard until the new one is acknowledged, and a little longer.
        assert_eq!(test.heard().await, event(OPEN_MS + 1));
        old.kline(OPEN_MS + 2).await;
        assert_eq!(test.heard().await, event(OPEN_MS + 2));
        new.grant(&request).await;
        let acknowledged = Instant::now();
        new.kline(OPEN_MS + 3).await;
        assert_eq!(test.heard().await, event(OPEN_MS + 3));
        old.kline(OPEN_MS + 3).await;
        assert_eq!(test.heard().await, event(OPEN_MS + 3), "twice, as promised");
        assert_eq!(old.request().await, None);
        assert_eq!(acknowledged.elapsed().as_secs(), LINGER.as_secs());
        new.kline(OPEN_MS + 4).await;
        assert_eq!(test.heard().await, event(OPEN_MS + 4), "and nothing was ever down");
        assert!(test.ends.is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn a_connection_is_replaced_before_it_is_a_day_old() {
    let mut test = Test::start();
    test.link.want(streams(0..2));
    let begin = Instant::now();
    let old = test.peer().await.serve();
    assert_eq!(test.said().await, Heard::Up);
    // The first successor is not granted anything, and the old one stays.
    let _deaf = test.successor().await;
    let new = test.successor().await.serve();
    let opened = Instant::now();
    while opened.elapsed() < Duration::from_secs(60) {
        assert!(matches!(test.heard().await, Heard::Kline(_)));
    }
    let (old, closed) = old.await.unwrap();
    assert_eq!(old.held, names(&streams(0..2)));
    assert!(opened - begin > Duration::from_secs(22 * 3_600) && closed - begin < Duration::from_secs(24 * 3_600));
    assert!(closed >= opened + LINGER && !new.is_finished());
}

#[tokio::test(start_paused = true)]
async fn many_streams_are_spread_and_asked_for_in_time_with_the_limits() {
    let mut test = Test::start();
    let wanted = streams(0..600);
    test.link.want(wanted.clone());
    let (mut a, mut b) = (test.peer().await, test.peer().await);
    tokio::join!(a.grant_all(300), b.grant_all(300));
    assert_eq!(test.said().await, Heard::Up);
    assert!(a.held.is_disjoint(&b.held));
    assert!(&a.held | &b.held == names(&wanted));
    // Changes that ask for more than one may send.
    let (a, b) = (a.serve(), b.serve());
    for from in 1..20 {
        test.link.want(streams(from * 10..from * 10 + 600));
        sleep(Duration::from_millis(100)).await;
    }
    // Those in between may have been up for a moment.
    let settled = Instant::now() + Duration::from_secs(30);
    while let Ok(heard) = timeout_at(settled, test.heard()).await {
        assert!(!matches!(heard, Heard::Down(_)), "{heard:?}");
    }
    test.link.want(BTreeSet::new());
    let ((a, _), (b, _)) = (a.await.unwrap(), b.await.unwrap());
    assert!(&a.held | &b.held == names(&streams(190..790)));
    for peer in [a, b] {
        assert!(peer.requests.len() > 8);
        assert!(peer.requests.windows(5).all(|five| five[4] - five[0] >= RATE_PERIOD), "{:?}", peer.requests);
    }
}

#[tokio::test(start_paused = true)]
async fn pongs_count_towards_the_rate() {
    let mut test = Test::start();
    test.link.want(streams(0..1));
    let mut peer = test.up(1).await;
    sleep(RATE_PERIOD).await;
    for _ in 0..4 {
        peer.socket.send(Message::Ping("x".into())).await.unwrap();
        assert!(matches!(peer.socket.next().await, Some(Ok(Message::Pong(_)))));
    }
    let pinged = Instant::now();
    test.link.want(streams(0..2));
    peer.grant_all(2).await;
    assert!(pinged.elapsed() >= RATE_PERIOD);
    assert_eq!(test.said().await, Heard::Up);
}

#[tokio::test(start_paused = true)]
async fn attempts_are_spread_out_and_limited() {
    let mut test = Test::with(usize::MAX, 1_024);
    test.link.want(streams(0..600));
    let begin = Instant::now();
    let mut downs: BTreeMap<u64, usize> = BTreeMap::new();
    while let Ok(reason) = timeout_at(begin + ATTEMPTS_PERIOD * 4, test.down()).await {
        assert_eq!(reason, "the handshake was refused with status 403");
        *downs.entry(begin.elapsed().as_secs() / ATTEMPTS_PERIOD.as_secs()).or_default() += 1;
    }
    assert!(downs.values().all(|attempts| *attempts <= ATTEMPTS), "{downs:?}");
    assert!(downs.values().all(|attempts| *attempts >= 10), "{downs:?}");
}

#[tokio::test(start_paused = true)]
async fn shares_that_fail_together_stay_within_the_limit() {
    let mut test = Test::with(usize::MAX, 1_024);
    // 34 connections, which fail at once and begin with short waits.
    test.link.want(streams(0..10_000));
    let begin = Instant::now();
    let mut downs = 0;
    while let Ok(heard) = timeout_at(begin + ATTEMPTS_PERIOD - RECONNECT_MOST, test.heard.recv()).await {
        assert!(matches!(heard, Some(Heard::Down(_))), "{heard:?}");
        downs += 1;
    }
    assert_eq!(downs, ATTEMPTS);
}

#[tokio::test(start_paused = true)]
async fn what_is_wanted_may_change_at_any_time() {
    let mut test = Test::start();
    test.link.want(streams(0..2));
    let mut peer = test.up(2).await;
    test.link.want(streams(1..3));
    let give_up = peer.request().await.unwrap();
    assert_eq!((&give_up["method"], &give_up["params"]), (&json!("UNSUBSCRIBE"), &json!(["coin000usdt@kline_1m"])));
    // Before it is answered.
    test.link.want(streams(2..4));
    let mut ids = vec![give_up];
    while peer.held != names(&streams(2..4)) {
        ids.push(peer.request().await.unwrap());
    }
    for request in ids.iter().rev() {
        assert!(test.heard.is_empty());
        peer.grant(request).await;
    }
    assert_eq!(test.said().await, Heard::Up);
    test.link.want(streams(2..4));
    // Nothing is wanted: nothing is connected, and nothing is down.
    test.link.want(BTreeSet::new());
    assert_eq!(peer.request().await, None);
    test.link.want(streams(7..8));
    let peer = test.up(1).await;
    assert_eq!(peer.held, names(&streams(7..8)));
}

#[tokio::test(start_paused = true)]
async fn what_is_wanted_is_remembered_over_a_loss() {
    let mut test = Test::start();
    test.link.want(streams(0..2));
    drop(test.up(2).await);
    test.down().await;
    test.link.want(streams(5..9));
    assert_eq!(test.up(4).await.held, names(&streams(5..9)));
}

#[tokio::test(start_paused = true)]
async fn garbage_is_passed_over() {
    let mut test = Test::start();
    test.link.want(streams(0..2));
    let mut peer = test.up(2).await;
    for garbage in ["", "{", "null", r#"{"id":77,"result":null}"#, r#"{"stream":"x","data":{"e":"trade","E":1}}"#] {
        peer.say(garbage).await;
    }
    peer.say(kline(OPEN_MS + 1).replace(r#""o":"1""#, r#""o":"NaN""#)).await;
    peer.socket.send(Message::binary(vec![0, 159, 146, 150])).await.unwrap();
    peer.socket.send(Message::Pong("unasked".into())).await.unwrap();
    peer.kline(OPEN_MS + 2).await;
    assert_eq!(test.heard().await, event(OPEN_MS + 2));
}

#[tokio::test(start_paused = true)]
async fn a_slow_consumer_is_waited_for_and_the_exchange_is_not_blamed() {
    let mut test = Test::with(0, 1);
    test.link.want(streams(0..2));
    let mut peer = test.up(2).await;
    let talker = tokio::spawn(async move {
        for number in 1..=2_000 {
            peer.kline(OPEN_MS + number).await;
        }
        peer
    });
    for number in 1..=2_000 {
        if number % 500 == 1 {
            sleep(SILENT * 10).await;
            assert!(number > 1_500 || !talker.is_finished(), "what nobody takes is not read");
        }
        assert_eq!(test.heard().await, event(OPEN_MS + number));
    }
    let _quiet = talker.await.unwrap();
    assert_eq!(test.down().await, "no candle for 20 s");
}

#[tokio::test(start_paused = true)]
async fn it_ends_when_it_is_dropped_or_nobody_listens() {
    let mut test = Test::start();
    test.link.want(streams(0..2));
    let mut peer = test.up(2).await;
    drop(test.link);
    assert_eq!(peer.request().await, None);
    assert!(test.ends.recv().await.is_none(), "and does not come back");

    let mut test = Test::start();
    test.link.want(streams(0..2));
    let mut peer = test.up(2).await;
    drop(test.heard);
    assert_eq!(peer.request().await, None);
    assert!(test.ends.recv().await.is_none());
}
