//! Sockets to the exchange.

use std::future::Future;

use reqwest::Url;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Error;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::error::ProtocolError;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async_with_config};

use super::limits::MESSAGE_BYTES;

/// Opens sockets.
pub(super) trait Connect: Clone + Send + Sync + 'static {
    /// What the frames go over.
    type Stream: AsyncRead + AsyncWrite + Unpin + Send;

    /// A socket after its handshake; or why there is none, in words that hold no address.
    fn connect(&self) -> impl Future<Output = Result<WebSocketStream<Self::Stream>, String>> + Send;
}

/// Opens sockets to the combined streams below an address.
#[derive(Clone)]
pub(super) struct Dial {
    url: String,
}

impl Dial {
    pub(super) fn new(base: &Url) -> Self {
        crate::supabase::install_tls();
        Self { url: format!("{}/stream", base.as_str().trim_end_matches('/')) }
    }
}

impl Connect for Dial {
    type Stream = MaybeTlsStream<TcpStream>;

    async fn connect(&self) -> Result<WebSocketStream<Self::Stream>, String> {
        let mut request = self.url.as_str().into_client_request().map_err(|error| why(&error))?;
        let agent = HeaderValue::from_static(concat!("vyx/", env!("CARGO_PKG_VERSION")));
        request.headers_mut().insert("User-Agent", agent);
        let (socket, _) =
            connect_async_with_config(request, Some(config()), true).await.map_err(|error| why(&error))?;
        Ok(socket)
    }
}

pub(super) fn config() -> WebSocketConfig {
    WebSocketConfig::default().max_message_size(Some(MESSAGE_BYTES)).max_frame_size(Some(MESSAGE_BYTES))
}

/// An error in our own words: those of the library may hold the address, or what was sent.
pub(super) fn why(error: &Error) -> String {
    match error {
        Error::ConnectionClosed | Error::AlreadyClosed => "the connection is closed".to_owned(),
        Error::Io(error) => format!("the connection broke, {}", error.kind()),
        Error::Tls(_) => "tls failed".to_owned(),
        Error::Capacity(_) => "a message is too large".to_owned(),
        Error::Url(_) => "the address cannot be connected to".to_owned(),
        Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => "the connection broke".to_owned(),
        Error::Protocol(_) | Error::Utf8(_) | Error::AttackAttempt => "the exchange breaks the protocol".to_owned(),
        Error::Http(response) => format!("the handshake was refused with status {}", response.status().as_u16()),
        _ => "the connection failed".to_owned(),
    }
}
