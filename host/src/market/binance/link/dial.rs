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
        crate::tls::install();
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
        Error::Io(error) if let Some(why) = crate::tls::reason(error) => why.to_owned(),
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use futures_util::{SinkExt as _, StreamExt as _};
    use tokio::net::TcpListener;
    use tokio::runtime::Handle;
    use tokio::sync::mpsc;
    use tokio_tungstenite::accept_hdr_async;
    use tokio_tungstenite::tungstenite::Message;
    use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
    use tokio_tungstenite::tungstenite::http::StatusCode;

    use super::super::{Heard, Link, StreamKey};
    use super::*;
    use crate::market::interval::Interval;

    #[tokio::test]
    #[expect(clippy::result_large_err, reason = "the library's signature of a refusal")]
    async fn it_connects_to_the_combined_streams_below_the_address() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let base: Url = format!("ws://{address}/hunter2/").parse().unwrap();
        let (tell, mut heard) = mpsc::channel(16);
        let link = Link::start(&Handle::current(), base, tell);
        link.want(BTreeSet::from([StreamKey { symbol: "BTCUSDT".to_owned(), interval: Interval::M1 }]));

        let (socket, _) = listener.accept().await.unwrap();
        let refuse = |_: &Request, _: Response| {
            let mut refusal = ErrorResponse::new(None);
            *refusal.status_mut() = StatusCode::FORBIDDEN;
            Err(refusal)
        };
        assert!(accept_hdr_async(socket, refuse).await.is_err());
        let reason = "the handshake was refused with status 403".to_owned();
        assert_eq!(heard.recv().await, Some(Heard::Down(reason)), "the address is not told");

        let (socket, _) = listener.accept().await.unwrap();
        let check = |request: &Request, response| {
            assert_eq!(request.uri().path(), "/hunter2/stream");
            assert!(request.headers()["user-agent"].to_str().unwrap().starts_with("vyx/"));
            Ok(response)
        };
        let mut socket = accept_hdr_async(socket, check).await.unwrap();
        let request = r#"{"method":"SUBSCRIBE","params":["btcusdt@kline_1m"],"id":1}"#;
        assert_eq!(socket.next().await.unwrap().unwrap(), Message::text(request));
        socket.send(Message::text(r#"{"result":null,"id":1}"#)).await.unwrap();
        assert_eq!(heard.recv().await, Some(Heard::Up));
        drop(link);
        assert!(!matches!(socket.next().await, Some(Ok(Message::Text(_)))));
    }

    #[tokio::test]
    async fn an_address_that_is_none_is_a_reason_like_others() {
        for base in ["http://127.0.0.1:1/", "ws://127.0.0.1:1/"] {
            assert!(Dial::new(&base.parse().unwrap()).connect().await.is_err());
        }
    }
}
