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
use crate::faults::{Effect, Hit, Kind, Subject};
use crate::journal::Connection;
use crate::listen::Peer;
use crate::{Shared, random};

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
    /// It is reset.
    Cut,
    /// Nobody looks at it any more.
    HalfOpen,
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
    /// Whether nothing is sent any more but pings.
    is_silent: bool,
    /// When it is closed at the latest, by the clock of the exchange.
    ends_ms: i64,
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
        let mut session = Session {
            ends_ms: opened_ms.saturating_add(shared.setup.life_ms),
            shared: Arc::clone(&shared),
            id,
            place,
            socket,
            is_combined,
            streams,
            messages: VecDeque::new(),
            pinged: VecDeque::new(),
            is_silent: false,
        };
        session.subscribed();
        let end = session.run(&mut told).await.unwrap_or(End::Gone("the connection broke"));
        let ending = match &end {
            End::Gone(why) => (*why).to_owned(),
            End::Close(code, reason) => {
                let frame = CloseFrame { code: *code, reason: (*reason).into() };
                let _ = session.socket.send(Message::Close(Some(frame))).await;
                format!("{code} {reason}")
            }
            End::Cut => "cut".to_owned(),
            End::HalfOpen => "half-open".to_owned(),
        };
        shared.book.connection(place, |connection| {
            connection.closed_ms = Some(shared.clock.now_ms());
            connection.ending = Some(ending);
        });
        match end {
            End::Gone(_) | End::Close(..) => {}
            End::Cut => peer.cut(),
            End::HalfOpen => {
                shared.hub.subscribe(id, BTreeSet::new());
                // The socket stays as it is; what comes in fills the buffers of the system.
                while let Some(word) = told.recv().await {
                    if matches!(word, Told::Strike(Effect::Cut)) {
                        break;
                    }
                }
                peer.cut();
            }
        }
        shared.hub.leave(id);
    }
}

impl Session {
    async fn run(&mut self, told: &mut mpsc::UnboundedReceiver<Told>) -> Result<End, axum::Error> {
        let shared = Arc::clone(&self.shared);
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
                    Some(Told::Event(event)) => if let Some(end) = self.event(&event).await? {
                        return Ok(end);
                    },
                    Some(Told::Strike(effect)) => if let Some(end) = self.suffer(effect, 0).await? {
                        return Ok(end);
                    },
                    None => return Ok(End::Gone("the exchange ended")),
                },
                _ = pings.tick() => self.ping().await?,
                () = tokio::time::sleep(pong_left), if !self.pinged.is_empty() => {
                    return Ok(End::Close(1008, "Pong timeout"));
                }
                () = shared.clock.until(self.ends_ms) => return Ok(End::Close(1001, "Connection lifetime exceeded")),
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
                let stream = names.iter().find_map(|name| Stream::parse(name));
                match self.hit(Kind::Subscribe, stream.as_ref().map(|stream| (stream, 0))).map(|hit| hit.effect) {
                    Some(Effect::RefuseSubscribe) => {
                        return self.send(control::refusal(Some(&id), 2, "Invalid request: try again later")).await;
                    }
                    Some(Effect::IgnoreSubscribe) => return Ok(()),
                    Some(_) => return self.send(control::done(&id, &Value::Null)).await,
                    None => {}
                }
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

    /// The first fault that hits it, entered in the journal.
    fn hit(&self, kind: Kind, candle: Option<(&Stream, i64)>) -> Option<Hit> {
        let now_ms = self.shared.clock.now_ms();
        let subject = Subject { kind, now_ms, candle, request: None, connection: Some(self.place) };
        let hit = self.shared.faults.first(&subject)?;
        self.struck_by(hit.effect.name());
        Some(hit)
    }

    fn struck_by(&self, name: &'static str) {
        self.shared.book.connection(self.place, |connection| connection.faults.push(name));
    }

    /// An event comes: to be told, unless a fault has it otherwise.
    async fn event(&mut self, event: &Event) -> Result<Option<End>, axum::Error> {
        // Since it was sent here the stream may have been unsubscribed.
        let name = event.stream.name();
        if !self.streams.contains(&name) {
            return Ok(None);
        }
        if event.is_close
            && let Some(hit) = self.hit(Kind::Connection, Some((&event.stream, event.open_ms)))
            && let Some(end) = self.strike(hit.effect, hit.bits).await?
        {
            return Ok(Some(end));
        }
        if self.is_silent {
            return Ok(None);
        }
        let text = if self.is_combined {
            format!(r#"{{"stream":"{name}","data":{}}}"#, event.data)
        } else {
            event.data.clone()
        };
        // Entered first, so that whoever has got it finds it there.
        self.shared.book.connection(self.place, |connection| {
            connection.events += 1;
            connection.closes += u64::from(event.is_close);
        });
        self.send(text).await?;
        Ok(None)
    }

    async fn suffer(&mut self, effect: Effect, bits: u64) -> Result<Option<End>, axum::Error> {
        self.struck_by(effect.name());
        self.strike(effect, bits).await
    }

    /// Does to the connection what a fault says.
    async fn strike(&mut self, effect: Effect, bits: u64) -> Result<Option<End>, axum::Error> {
        match effect {
            Effect::Silent => self.is_silent = true,
            Effect::HalfOpen => return Ok(Some(End::HalfOpen)),
            Effect::Cut => return Ok(Some(End::Cut)),
            Effect::Close(code) => return Ok(Some(End::Close(code, "Going away"))),
            Effect::Shutdown(range) => {
                let now_ms = self.shared.clock.now_ms();
                let after_ms = range.start() + random::below(bits, range.end() - range.start() + 1);
                self.ends_ms = self.ends_ms.min(now_ms + after_ms);
                let event_ms = now_ms + self.shared.clock.event_skew_ms();
                let data = format!(r#"{{"e":"serverShutdown","E":{event_ms}}}"#);
                let text = format!(r#"{{"stream":"!serverShutdown","data":{data}}}"#);
                self.send(if self.is_combined { text } else { data }).await?;
            }
            Effect::Garbage(garbage) if !self.is_silent => self.socket.send(garbage.message()).await?,
            _ => {}
        }
        Ok(None)
    }

    async fn ping(&mut self) -> Sent {
        let payload = self.shared.clock.said_ms().to_string();
        self.pinged.push_back((payload.clone(), Instant::now()));
        self.socket.send(Message::Ping(payload.into())).await
    }

    async fn send(&mut self, text: String) -> Sent {
        if self.is_silent {
            return Ok(());
        }
        self.socket.send(Message::Text(text.into())).await
    }
}
