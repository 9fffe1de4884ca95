//! One socket from its connect to its end: joins, beats, rejoins. Whether there is another after it is decided elsewhere.

use std::future::Future;
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep_until, timeout};
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::error::ProtocolError;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async_with_config};

use super::protocol::{Bell, Channel, Event};
use crate::supabase::timeouts::{FRAME_BYTES, HEARTBEAT, REJOIN_HEALTHY, SOCKET_OPEN, SOCKET_WRITE, SYSTEM_OK, Waits};
use crate::supabase::{Credentials, ProjectUrl, USER_AGENT};
use crate::tls;

/// What happens on a link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum LinkEvent {
    /// The socket is open, a join was sent.
    Joining,
    /// Changes are delivered from now on.
    Live,
    /// A trader changed.
    Rang(Bell),
    /// The channel broke; it is joined again after the wait.
    Broken { reason: String, wait: Duration },
    /// The socket is closed.
    Ended { reason: String },
}

/// Opens sockets.
pub(super) trait Connect: Clone + Send + Sync + 'static {
    /// What the frames go over.
    type Stream: AsyncRead + AsyncWrite + Unpin + Send;

    /// A socket after its handshake; or why there is none, in words that hold no address.
    fn connect(&self) -> impl Future<Output = Result<WebSocketStream<Self::Stream>, String>> + Send;
}

/// Opens sockets of a project.
#[derive(Clone)]
pub(super) struct Dial {
    url: SecretString,
}

impl Dial {
    pub(super) fn new(url: &ProjectUrl, credentials: &Credentials) -> Self {
        tls::install();
        Self { url: url.realtime(credentials.api_key()) }
    }
}

impl Connect for Dial {
    type Stream = MaybeTlsStream<TcpStream>;

    async fn connect(&self) -> Result<WebSocketStream<Self::Stream>, String> {
        let mut request = self.url.expose_secret().into_client_request().map_err(|error| why(&error))?;
        request.headers_mut().insert("User-Agent", HeaderValue::from_static(USER_AGENT));
        let (socket, _) =
            connect_async_with_config(request, Some(config()), true).await.map_err(|error| why(&error))?;
        Ok(socket)
    }
}

pub(super) fn config() -> WebSocketConfig {
    WebSocketConfig::default().max_message_size(Some(FRAME_BYTES)).max_frame_size(Some(FRAME_BYTES))
}

/// Runs one socket until it ends. `events` closed means that nobody wants it any more.
pub(super) async fn run(connect: impl Connect, channel: Channel, events: mpsc::Sender<LinkEvent>) {
    let connected = match timeout(SOCKET_OPEN, connect.connect()).await {
        Ok(connected) => connected,
        Err(_) => Err("no connection in time".to_owned()),
    };
    let reason = match connected {
        Ok(socket) => Link { socket, channel, events: events.clone() }.run().await,
        Err(reason) => reason,
    };
    // Nobody listens any more: then there is nobody to tell.
    let _ = events.send(LinkEvent::Ended { reason }).await;
}

struct Link<S> {
    socket: WebSocketStream<S>,
    channel: Channel,
    events: mpsc::Sender<LinkEvent>,
}

/// Where the channel of an open socket stands.
enum Phase {
    Joining { until: Instant },
    Live { since: Instant },
    Waiting { until: Instant },
}

impl<S: AsyncRead + AsyncWrite + Unpin> Link<S> {
    /// Why it ended.
    async fn run(mut self) -> String {
        let mut beats = interval_at(Instant::now() + HEARTBEAT, HEARTBEAT);
        beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut waits = Waits::of_realtime();
        let mut phase = match self.join().await {
            Ok(phase) => phase,
            Err(reason) => return reason,
        };
        loop {
            let deadline = match phase {
                Phase::Joining { until } | Phase::Waiting { until } => Some(until),
                Phase::Live { .. } => None,
            };
            let step = tokio::select! {
                frame = self.socket.next() => self.receive(frame),
                _ = beats.tick() => match self.channel.beat() {
                    Some(beat) => self.write(beat).await.map(|()| None),
                    None => Err("no answer to a heartbeat".to_owned()),
                },
                () = at(deadline) => match phase {
                    Phase::Waiting { .. } => match self.join().await {
                        Ok(joining) => {
                            phase = joining;
                            Ok(None)
                        }
                        Err(reason) => Err(reason),
                    },
                    _ => Ok(Some(Event::Broken("the server does not say that the subscription is live".to_owned()))),
                },
                () = self.events.closed() => Err("it is not wanted any more".to_owned()),
            };
            let event = match step {
                Ok(None) => continue,
                Ok(Some(event)) => event,
                Err(reason) => {
                    // The other end may be gone already.
                    let _ = timeout(SOCKET_WRITE, self.socket.close(None)).await;
                    return reason;
                }
            };
            let told = match event {
                Event::Live => {
                    if !matches!(phase, Phase::Live { .. }) {
                        phase = Phase::Live { since: Instant::now() };
                    }
                    LinkEvent::Live
                }
                Event::Rang(bell) => LinkEvent::Rang(bell),
                Event::Broken(reason) => {
                    if matches!(phase, Phase::Live { since } if since.elapsed() >= REJOIN_HEALTHY) {
                        waits.reset();
                    }
                    if let Some(leave) = self.channel.leave()
                        && let Err(reason) = self.write(leave).await
                    {
                        return reason;
                    }
                    let wait = waits.next(None);
                    phase = Phase::Waiting { until: Instant::now() + wait };
                    LinkEvent::Broken { reason, wait }
                }
            };
            if self.events.send(told).await.is_err() {
                return "it is not wanted any more".to_owned();
            }
        }
    }

    async fn join(&mut self) -> Result<Phase, String> {
        let join = self.channel.join();
        self.write(join.expose_secret().to_owned()).await?;
        // Closed events are noticed by the loop.
        let _ = self.events.send(LinkEvent::Joining).await;
        Ok(Phase::Joining { until: Instant::now() + SYSTEM_OK })
    }

    async fn write(&mut self, frame: String) -> Result<(), String> {
        match timeout(SOCKET_WRITE, self.socket.send(Message::text(frame))).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(why(&error)),
            Err(_) => Err("a frame could not be sent in time".to_owned()),
        }
    }

    fn receive(&mut self, frame: Option<Result<Message, Error>>) -> Result<Option<Event>, String> {
        match frame {
            Some(Ok(Message::Text(text))) => Ok(self.channel.receive(&text)),
            Some(Ok(Message::Close(_))) | None => Err("the server closed the socket".to_owned()),
            Some(Ok(_)) => Ok(None),
            Some(Err(error)) => Err(why(&error)),
        }
    }
}

async fn at(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

/// An error in our own words: those of the library may hold the address, and with it the key.
fn why(error: &Error) -> String {
    match error {
        Error::ConnectionClosed | Error::AlreadyClosed => "the socket is closed".to_owned(),
        Error::Io(error) if let Some(why) = tls::reason(error) => why.to_owned(),
        Error::Io(error) => format!("the connection broke, {}", error.kind()),
        Error::Tls(_) => "tls failed".to_owned(),
        Error::Capacity(_) => "a frame is too large".to_owned(),
        Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => "the connection broke".to_owned(),
        Error::Protocol(_) | Error::Utf8(_) | Error::AttackAttempt => "the server breaks the protocol".to_owned(),
        Error::Http(response) => format!("the handshake was refused with status {}", response.status().as_u16()),
        _ => "the socket failed".to_owned(),
    }
}
