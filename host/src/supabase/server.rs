//! A server on loopback that says what a test tells it to say, and keeps what it was asked.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use tokio::net::TcpListener;

use super::{Credentials, ProjectUrl, ServiceKey, Supabase};

/// A request as it arrived.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    pub method: Method,
    pub uri: Uri,
    pub headers: HeaderMap,
    pub body: String,
}

impl Asked {
    /// A parameter of the address, decoded.
    pub fn parameter(&self, name: &str) -> Option<String> {
        let pairs = url::form_urlencoded::parse(self.uri.query().unwrap_or_default().as_bytes());
        let mut values = pairs.filter(|(key, _)| key == name).map(|(_, value)| value.into_owned());
        values.next()
    }

    /// A header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

type Answer = Box<dyn Fn(&Asked) -> Response + Send + Sync>;

/// The server. Ends with the runtime of the test.
pub(super) struct Server {
    pub url: ProjectUrl,
    asked: Arc<Mutex<Vec<Asked>>>,
}

struct Shared {
    answer: Answer,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Server {
    /// A server that answers every request with this.
    pub async fn start(answer: impl Fn(&Asked) -> Response + Send + Sync + 'static) -> Self {
        let asked = Arc::new(Mutex::new(Vec::new()));
        let shared = Arc::new(Shared { answer: Box::new(answer), asked: Arc::clone(&asked) });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = ProjectUrl::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
        let router = Router::new().fallback(serve).with_state(shared);
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, asked }
    }

    /// A server that answers one request after the other with these, and then with 599.
    pub async fn saying(answers: impl IntoIterator<Item = Response>) -> Self {
        let answers: Mutex<VecDeque<Response>> = Mutex::new(answers.into_iter().collect());
        Self::start(move |_| answers.lock().unwrap().pop_front().unwrap_or_else(|| json(599, "{}"))).await
    }

    /// A client with a secret key.
    pub fn client(&self) -> Supabase {
        self.client_with("sb_secret_hunter2hunter2")
    }

    /// A client with this key.
    pub fn client_with(&self, key: &str) -> Supabase {
        let key = ServiceKey::parse(key, &self.url, 0).unwrap();
        Supabase::new(self.url.clone(), Credentials::Service(key)).unwrap()
    }

    /// What was asked so far.
    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

async fn serve(
    State(shared): State<Arc<Shared>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let asked = Asked { method, uri, headers, body: String::from_utf8_lossy(&body).into_owned() };
    let answer = (shared.answer)(&asked);
    shared.asked.lock().unwrap().push(asked);
    answer
}

/// An answer with this status and JSON.
pub(super) fn json(status: u16, body: &str) -> Response {
    with(status, &[("content-type", "application/json")], body.to_owned())
}

/// An answer with these headers.
pub(super) fn with(status: u16, headers: &[(&str, &str)], body: impl Into<Body>) -> Response {
    let mut builder = Response::builder().status(StatusCode::from_u16(status).unwrap());
    for (name, value) in headers {
        builder = builder.header(*name, *value);
    }
    builder.body(body.into()).unwrap()
}

/// A body that breaks off after these bytes.
pub(super) fn cut(bytes: &'static [u8]) -> Body {
    let pieces = [Ok(Bytes::from_static(bytes)), Err(std::io::Error::other("cut"))];
    Body::from_stream(futures_util::stream::iter(pieces))
}

/// A legacy key for a project on this machine.
pub(super) fn legacy_key() -> String {
    let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
    let claims = r#"{"role":"service_role","exp":4000000000}"#;
    format!("{}.{}.hunter2", part(r#"{"alg":"HS256"}"#), part(claims))
}
