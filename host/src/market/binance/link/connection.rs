//! One connection, from its connect to its end: it keeps its streams subscribed and judges the exchange by what comes.
//! Whether there is another after it is decided elsewhere.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::{Error, Message};

use super::book::Book;
use super::dial::{Connect, why};
use super::limits::{HEALTHY, OPEN, RATE, RATE_PERIOD, WRITE};
use super::message::Incoming;
use super::pace::Pace;
use super::{Heard, StreamKey};

/// What is wanted of a connection. A new one has a higher revision.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) revision: u64,
    pub(super) streams: BTreeSet<StreamKey>,
}

/// What a connection tells who runs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Report {
    /// Everything of this revision is subscribed and acknowledged.
    Settled { revision: u64 },
    /// The exchange will close it soon.
    Leaving,
}

/// How a connection ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ended {
    pub(super) end: End,
    /// It had news for a good while.
    pub(super) was_healthy: bool,
}

/// Why a connection ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum End {
    /// It is lost, or was never made: why, in words that may be shown.
    Lost(String),
    /// No news came for so long, while it looked alive.
    Silent(Duration),
    /// Nobody wants it any more.
    Unwanted,
}

impl End {
    fn lost(reason: &str) -> Self {
        Self::Lost(reason.to_owned())
    }
}

/// What a connection is told at its start.
#[derive(Debug)]
pub(super) struct Orders {
    /// By which its reports are told from those of others.
    pub(super) number: u64,
    /// Closed, it means that the connection is not wanted any more.
    pub(super) wanted: watch::Receiver<Wanted>,
    pub(super) reports: mpsc::Sender<(u64, Report)>,
    pub(super) heard: mpsc::Sender<Heard>,
    /// How long it may be silent.
    pub(super) patience: Duration,
}

/// Runs one connection until it ends.
pub(super) async fn run(connect: impl Connect, mut orders: Orders) -> Ended {
    let connected = tokio::select! {
        connected = timeout(OPEN, connect.connect()) => match connected {
            Ok(connected) => connected.map_err(End::Lost),
            Err(_) => Err(End::lost("no connection in time")),
        },
        () = unwanted(&mut orders.wanted) => Err(End::Unwanted),
    };
    match connected {
        Ok(socket) => Connection::new(socket, orders).run().await,
        Err(end) => Ended { end, was_healthy: false },
    }
}

/// Waits until nobody wants the connection any more.
async fn unwanted(wanted: &mut watch::Receiver<Wanted>) {
    while wanted.changed().await.is_ok() {}
}

struct Connection<S> {
    socket: WebSocketStream<S>,
    orders: Orders,
    book: Book,
    /// What the book was told.
    revision: u64,
    /// What was reported to be settled.
    settled: Option<u64>,
    pace: Pace,
    /// The latest time of an event. What is not later is no news: there are connections that repeat what they said.
    newest_ms: i64,
    first_news: Option<Instant>,
    last_news: Instant,
    said_leaving: bool,
    /// Messages that mean nothing here.
    passed_over: u64,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    fn new(socket: WebSocketStream<S>, orders: Orders) -> Self {
        Self {
            socket,
            orders,
            book: Book::default(),
            revision: 0,
            settled: None,
            pace: Pace::new(RATE, RATE_PERIOD),
            newest_ms: i64::MIN,
            first_news: None,
            last_news: Instant::now(),
            said_leaving: false,
            passed_over: 0,
        }
    }

    async fn run(mut self) -> Ended {
        self.take_orders();
        let end = loop {
            if let Err(end) = self.step().await {
                break end;
            }
        };
        // The other end may be gone already.
        let _ = timeout(WRITE, self.socket.close(None)).await;
        if self.passed_over > 0 {
            tracing::debug!(count = self.passed_over, "messages of the exchange were passed over");
        }
        let newsworthy = self.first_news.map(|first| self.last_news.saturating_duration_since(first));
        Ended { end, was_healthy: newsworthy.is_some_and(|time| time >= HEALTHY) }
    }

    fn take_orders(&mut self) {
        let Wanted { revision, streams } = self.orders.wanted.borrow_and_update().clone();
        self.revision = revision;
        self.book.want(streams);
    }

    async fn step(&mut self) -> Result<(), End> {
        let now = Instant::now();
        let may_ask_at = self.pace.free_at(now);
        if may_ask_at <= now
            && let Some(request) = self.book.ask(now)
        {
            self.pace.note(now);
            return self.write(request).await;
        }
        if self.book.is_settled() && self.settled != Some(self.revision) {
            self.settled = Some(self.revision);
            self.report(Report::Settled { revision: self.revision }).await?;
        }
        let ask_at = self.book.is_behind().then_some(may_ask_at);
        let silent_at = self.silent_at();
        let due = [ask_at, self.book.answer_due(), silent_at].into_iter().flatten().min();
        tokio::select! {
            // What has come is read before anything is taken for missing.
            biased;
            changed = self.orders.wanted.changed() => match changed {
                Ok(()) => self.take_orders(),
                Err(_) => return Err(End::Unwanted),
            },
            frame = self.socket.next() => return self.receive(frame).await,
            () = at(due) => {
                let now = Instant::now();
                if self.book.answer_due().is_some_and(|due| due <= now) {
                    return Err(End::lost("the exchange does not answer a request"));
                }
                if silent_at.is_some_and(|due| due <= now) {
                    return Err(End::Silent(self.orders.patience));
                }
            }
        }
        Ok(())
    }

    fn silent_at(&self) -> Option<Instant> {
        self.book.expects_news().then(|| self.last_news + self.orders.patience)
    }

    async fn write(&mut self, request: String) -> Result<(), End> {
        match timeout(WRITE, self.socket.send(Message::text(request))).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(End::Lost(why(&error))),
            Err(_) => Err(End::lost("a request could not be sent in time")),
        }
    }

    async fn receive(&mut self, frame: Option<Result<Message, Error>>) -> Result<(), End> {
        match frame {
            Some(Ok(Message::Text(text))) => self.read(&text).await,
            // The library answers it with the next read, and that answer counts.
            Some(Ok(Message::Ping(_))) => {
                self.pace.note(Instant::now());
                Ok(())
            }
            Some(Ok(Message::Binary(_))) => {
                self.pass_over();
                Ok(())
            }
            Some(Ok(Message::Pong(_) | Message::Frame(_))) => Ok(()),
            Some(Ok(Message::Close(_))) | None => Err(End::lost("the exchange closed the connection")),
            Some(Err(error)) => Err(End::Lost(why(&error))),
        }
    }

    async fn read(&mut self, text: &str) -> Result<(), End> {
        match Incoming::read(text) {
            Incoming::Kline(kline) => {
                if kline.event_ms > self.newest_ms {
                    self.newest_ms = kline.event_ms;
                    self.last_news = Instant::now();
                    self.first_news.get_or_insert(self.last_news);
                }
                self.tell(Heard::Kline(kline)).await
            }
            Incoming::Granted(id) => {
                if self.book.granted(id) {
                    self.last_news = Instant::now();
                } else {
                    self.pass_over();
                }
                Ok(())
            }
            Incoming::Refused(code) => Err(End::Lost(format!("the exchange refuses a request, code {code}"))),
            Incoming::Shutdown if self.said_leaving => Ok(()),
            Incoming::Shutdown => {
                self.said_leaving = true;
                self.report(Report::Leaving).await
            }
            Incoming::Unknown => {
                self.pass_over();
                Ok(())
            }
        }
    }

    fn pass_over(&mut self) {
        if self.passed_over == 0 {
            tracing::warn!("the exchange sent a message that is not understood; it and others like it are passed over");
        }
        self.passed_over += 1;
    }

    async fn report(&mut self, report: Report) -> Result<(), End> {
        self.orders.reports.send((self.orders.number, report)).await.map_err(|_| End::Unwanted)
    }

    /// Waits for a consumer that is slow; meanwhile nothing is read, which is not the exchange's fault.
    async fn tell(&mut self, heard: Heard) -> Result<(), End> {
        let heard = match self.orders.heard.try_send(heard) {
            Ok(()) => return Ok(()),
            Err(TrySendError::Closed(_)) => return Err(End::Unwanted),
            Err(TrySendError::Full(heard)) => heard,
        };
        let begin = Instant::now();
        self.orders.heard.send(heard).await.map_err(|_| End::Unwanted)?;
        let waited = begin.elapsed();
        self.book.excuse(waited);
        self.last_news += waited;
        Ok(())
    }
}

/// Waits until then, or for ever.
pub(super) async fn at(due: Option<Instant>) {
    match due {
        Some(due) => sleep_until(due).await,
        None => std::future::pending().await,
    }
}
