//! One WebSocket: what it is subscribed to, what it is told, and how it ends.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::ws::{CloseFrame, Message, WebSocket};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::control::{self, Asked, Control};
use super::hub::{Event, Told};
use super::stream::Stream;
use crate::Shared;
use crate::journal::Connection;
use crate::listen::Peer;

const SECOND: Duration = Duration::from_secs(1);

/// What the handshake says.
pub(super) struct Opening {
    pub(super) shared: Arc<Shared>,
    pub(super) peer: Peer,
    pub(super) path: String,
    pub(super) is_combined: bool,
    pub(super) streams: BTreeSet<String>,
}

/// How a WebSocket ends.
enum End {
    /// The client closed it, or is gone.
    Gone(&'static str),
    /// It is closed, with a code and a reason.
    Close(u16, &'static str),
}

/// An error of the connection: the client is gone.
type Sent = Result<(), axum::Error>;

struct Session {
    shared: Arc<Shared>,
    id: u64,
    place: usize,
    socket: WebSocket,
    is_combined: bool,
    streams: BTreeSet<String>,
    /// When the messages of the last second came.
    messages: VecDeque<Instant>,
    /// The pings that were not answered, and when they were sent.
    pinged: VecDeque<(String, Instant)>,
}

impl Opening {
    /// Serves the socket to its end.
    pub(super) async fn serve(self, socket: WebSocket) {
        let Self { shared, peer, path, is_combined, streams } = self;
        let (id, mut told) = shared.hub.enter();
        let opened_ms = shared.clock.now_ms();
        let place = shared.book.change(|journal| {
            journal.connections.push(Connection { path, opened_ms, ..Connection::default() });
            journal.connections.len() - 1
        });
        let (messages, pinged) = (VecDeque::new(), VecDeque::new());
        let mut session =
            Session { shared: Arc::clone(&shared), id, place, socket, is_combined, streams, messages, pinged };
        session.subscribed();
        let end = session.run(opened_ms, &mut told).await.unwrap_or(End::Gone("the connection broke"));
        shared.hub.leave(id);
        let ending = match end {
            End::Gone(why) => why.to_owned(),
            End::Close(code, reason) => {
                let frame = CloseFrame { code, reason: reason.into() };
                let _ = session.socket.send(Message::Close(Some(frame))).await;
                format!("{code} {reason}")
            }
        };
        shared.book.connection(place, |connection| {
            connection.closed_ms = Some(shared.clock.now_ms());
            connection.ending = Some(ending);
        });
        drop(peer);
    }
}

impl Session {
    async fn run(&mut self, opened_ms: i64, told: &mut mpsc::UnboundedReceiver<Told>) -> Result<End, axum::Error> {
        let shared = Arc::clone(&self.shared);
        let mut life = std::pin::pin!(shared.clock.until(opened_ms.saturating_add(shared.setup.life_ms)));
        let mut pings = tokio::time::interval(shared.setup.ping_every);
        pings.tick().await;
        loop {
            let oldest = self.pinged.front().map_or(Duration::ZERO, |(_, at)| at.elapsed());
            let pong_left = shared.setup.pong_within.saturating_sub(oldest);
            tokio::select! {
                message = self.socket.recv() => match message {
                    Some(Ok(Message::Close(_))) => return Ok(End::Gone("the client closed it")),
                    None | Some(Err(_)) => return Ok(End::Gone("the client is gone")),
                    Some(Ok(message)) => if let Some(end) = self.receive(message).await? {
                        return Ok(end);
                    },
                },
                word = told.recv() => match word {
                    Some(Told::Event(event)) => self.tell(&event).await?,
                    None => return Ok(End::Gone("the exchange ended")),
                },
                _ = pings.tick() => self.ping().await?,
                () = tokio::time::sleep(pong_left), if !self.pinged.is_empty() => {
                    return Ok(End::Close(1008, "Pong timeout"));
                }
                () = &mut life => return Ok(End::Close(1001, "Connection lifetime exceeded")),
            }
        }
    }

    /// Takes a message; ends the connection if there are too many.
    async fn receive(&mut self, message: Message) -> Result<Option<End>, axum::Error> {
        let now = Instant::now();
        while self.messages.front().is_some_and(|at| now - *at >= SECOND) {
            self.messages.pop_front();
        }
        self.messages.push_back(now);
        let in_a_second = self.messages.len();
        self.shared.book.connection(self.place, |connection| {
            connection.messages += 1;
            connection.most_in_a_second = connection.most_in_a_second.max(in_a_second);
        });
        if in_a_second > self.shared.setup.limits.messages {
            return Ok(Some(End::Close(1008, "Too many requests")));
        }
        match message {
            Message::Text(text) => self.obey(&text).await?,
            Message::Pong(payload) => {
                let answered = self.pinged.iter().position(|(sent, _)| sent.as_bytes() == payload.as_ref());
                if let Some(place) = answered {
                    self.pinged.drain(..=place);
                    self.shared.book.connection(self.place, |connection| connection.pongs += 1);
                }
            }
            // Pings are answered by the library.
            Message::Ping(_) | Message::Binary(_) | Message::Close(_) => {}
        }
        Ok(None)
    }

    async fn obey(&mut self, text: &str) -> Sent {
        let Control { id, asked } = match Control::parse(text) {
            Ok(control) => control,
            Err(answer) => return self.send(answer).await,
        };
        let mut result = Value::Null;
        match asked {
            Asked::Subscribe(names) => {
                self.shared.book.connection(self.place, |connection| connection.subscribes.push(names.len()));
                let mut streams = self.streams.clone();
                streams.extend(names);
                if streams.len() > self.shared.setup.limits.streams {
                    return self.send(control::refusal(Some(&id), 4, "Too many subscriptions")).await;
                }
                self.streams = streams;
                self.subscribed();
            }
            Asked::Unsubscribe(names) => {
                self.streams.retain(|stream| !names.contains(stream));
                self.subscribed();
            }
            Asked::List => result = json!(self.streams),
            Asked::SetCombined(is_combined) => self.is_combined = is_combined,
            Asked::GetCombined => result = json!(self.is_combined),
        }
        self.send(control::done(&id, &result)).await
    }

    /// What it is subscribed to has changed.
    fn subscribed(&self) {
        let streams = self.streams.iter().filter_map(|name| Stream::parse(name)).collect();
        self.shared.hub.subscribe(self.id, streams);
        self.shared.book.connection(self.place, |connection| {
            connection.streams = self.streams.clone();
            connection.streams_ever.extend(self.streams.iter().cloned());
        });
    }

    async fn tell(&mut self, event: &Event) -> Sent {
        // Between two words of the hub it may have been unsubscribed.
        let name = event.stream.name();
        if !self.streams.contains(&name) {
            return Ok(());
        }
        let text = if self.is_combined {
            format!(r#"{{"stream":"{name}","data":{}}}"#, event.data)
        } else {
            event.data.clone()
        };
        self.send(text).await?;
        self.shared.book.connection(self.place, |connection| {
            connection.events += 1;
            connection.closes += u64::from(event.is_close);
        });
        Ok(())
    }

    async fn ping(&mut self) -> Sent {
        let payload = self.shared.clock.said_ms().to_string();
        self.pinged.push_back((payload.clone(), Instant::now()));
        self.socket.send(Message::Ping(payload.into())).await
    }

    async fn send(&mut self, text: String) -> Sent {
        self.socket.send(Message::Text(text.into())).await
    }
}
