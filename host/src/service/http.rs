//! The pages: /health, /ready and /metrics for everybody, /api for this machine or the admin token.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::{ConnectInfo, Query, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router, middleware};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::json;
use tokio::net::TcpListener;

use super::control::Nudges;
use super::state::Observed;
use super::version::Version;
use super::{metrics, realtime};
use crate::signal::outbox::Table;

/// Signals that a page shows at most.
const SIGNALS: usize = 1_000;

struct Shared {
    observed: Observed,
    nudges: Nudges,
    admin_token: Option<SecretString>,
}

/// Serves until `stopped`.
pub(super) async fn serve(
    listener: TcpListener,
    observed: Observed,
    nudges: Nudges,
    admin_token: Option<SecretString>,
    stopped: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    let shared = Arc::new(Shared { observed, nudges, admin_token });
    let admin = Router::new()
        .route("/api/traders", get(traders))
        .route("/api/signals", get(signals))
        .route("/api/reload", post(reload))
        .layer(middleware::from_fn_with_state(shared.clone(), admit));
    let app = Router::new()
        .route("/health", get(health))
        .route("/ready", get(ready))
        .route("/metrics", get(metrics))
        .route("/version", get(version))
        .merge(admin)
        .layer(middleware::map_response(as_told))
        .with_state(shared);
    let app = app.into_make_service_with_connect_info::<SocketAddr>();
    axum::serve(listener, app).with_graceful_shutdown(stopped).await
}

/// Pages hold names and messages of strangers: no browser may take them for anything else than what they are.
async fn as_told(mut response: Response) -> Response {
    response.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

/// Lets this machine in, and whoever has the token. A proxy on this machine speaks for others, so what it forwards needs the token.
async fn admit(
    State(shared): State<Arc<Shared>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
    next: Next,
) -> Response {
    let headers = request.headers();
    let is_forwarded = ["x-forwarded-for", "forwarded", "fly-client-ip"].iter().any(|name| headers.contains_key(*name));
    let is_local = peer.ip().to_canonical().is_loopback() && !is_forwarded;
    if is_local || has_token(headers, shared.admin_token.as_ref()) {
        return next.run(request).await;
    }
    let body = json!({ "error": "this needs `Authorization: Bearer ADMIN_TOKEN`, or a call from the machine itself" });
    (StatusCode::UNAUTHORIZED, [(header::WWW_AUTHENTICATE, "Bearer")], Json(body)).into_response()
}

fn has_token(headers: &HeaderMap, token: Option<&SecretString>) -> bool {
    let given = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    match (given.and_then(|value| value.strip_prefix("Bearer ")), token) {
        // Hashes are compared, so that the time does not tell how much of a guess was right.
        (Some(given), Some(token)) => blake3::hash(given.as_bytes()) == blake3::hash(token.expose_secret().as_bytes()),
        _ => false,
    }
}

/// Answers while the process lives, with what it knows of itself.
async fn health(State(shared): State<Arc<Shared>>) -> Response {
    let observed = shared.observed.clone();
    let body = tokio::task::spawn_blocking(move || {
        let report = observed.report();
        let realtime = realtime::words(&observed.realtime.borrow());
        json!({
            "status": if report.ready { "ok" } else { "degraded" },
            "runs": observed.scope.get(),
            "report": report,
            "realtime": realtime,
            "outbox": observed.outbox(),
        })
    });
    match body.await {
        Ok(body) => Json(body).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

async fn ready(State(shared): State<Arc<Shared>>) -> Response {
    let report = shared.observed.report();
    let status = if report.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let body = json!({ "ready": report.ready, "problems": report.problems, "warnings": report.warnings });
    (status, Json(body)).into_response()
}

async fn metrics(State(shared): State<Arc<Shared>>) -> Response {
    let observed = shared.observed.clone();
    match tokio::task::spawn_blocking(move || metrics::text(&observed)).await {
        Ok(text) => ([(header::CONTENT_TYPE, metrics::CONTENT_TYPE)], text).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

async fn version() -> Response {
    Json(Version::of_this_binary()).into_response()
}

async fn traders(State(shared): State<Arc<Shared>>) -> Response {
    let observed = shared.observed.clone();
    match tokio::task::spawn_blocking(move || observed.traders()).await {
        Ok(traders) => Json(json!({ "traders": traders })).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

#[derive(Deserialize)]
struct Wanted {
    limit: Option<usize>,
    /// Those of warm-ups instead of the live ones.
    #[serde(default)]
    historical: bool,
}

/// The newest signals first, with where they are: queued, sent or dead.
async fn signals(State(shared): State<Arc<Shared>>, Query(wanted): Query<Wanted>) -> Response {
    let limit = wanted.limit.unwrap_or(100).min(SIGNALS);
    let table = if wanted.historical { Table::HistoricalSignals } else { Table::Signals };
    let outbox = shared.observed.outbox.clone();
    match tokio::task::spawn_blocking(move || outbox.recent(table, limit)).await {
        Ok(Ok(signals)) => Json(json!({ "signals": signals })).into_response(),
        Ok(Err(error)) => {
            let body = json!({ "error": format!("the outbox cannot be read: {error}") });
            (StatusCode::INTERNAL_SERVER_ERROR, Json(body)).into_response()
        }
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// Reads the registry now.
async fn reload(State(shared): State<Arc<Shared>>) -> Response {
    shared.nudges.changed();
    (StatusCode::ACCEPTED, Json(json!({ "reload": "asked for" }))).into_response()
}
