//! Every request: entered in the journal, weighed, answered.

mod error;
mod info;
mod klines;
mod params;
mod ticker;
mod weight;

use std::sync::Arc;

use axum::extract::{ConnectInfo, Request, State};
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use serde_json::{Value, json};

use crate::Shared;
use crate::faults::{Answer, Effect, Kind, Subject};
use crate::journal::Asked;
use crate::listen::Peer;
use crate::socket;
use params::Params;
use weight::Verdict;
pub(crate) use weight::{Weights, banned_body};

pub(crate) async fn serve(
    State(shared): State<Arc<Shared>>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    request: Request,
) -> Response {
    let path = request.uri().path().to_owned();
    let query = request.uri().query().unwrap_or_default().to_owned();
    let params = Params::new(&query);
    let is_socket = path == "/stream" || path == "/ws" || path.starts_with("/ws/");
    let weight = if is_socket { 0 } else { weight_of(&path, &params) };
    let at_ms = shared.clock.now_ms();
    let stream = klines::stream(&params);
    let hit = shared.faults.first(&Subject {
        kind: Kind::Request,
        now_ms: at_ms,
        candle: stream.as_ref().map(|stream| (stream, 0)),
        request: Some((&path, &query)),
        connection: None,
    });
    let fault = hit.as_ref().map(|hit| hit.effect.name());
    // Entered when it is known what will happen to it, so that whoever sees it may end the rule.
    let place = shared.book.change(|journal| {
        journal.requests.push(Asked { at_ms, path: path.clone(), query: query.clone(), weight, status: None, fault });
        journal.requests.len() - 1
    });
    match hit.map(|hit| (hit.id, hit.effect)) {
        Some((_, Effect::Respond(answer))) => return answered(&shared, place, canned(answer)),
        Some((id, Effect::Hang)) => {
            shared.faults.removed(id).await;
            peer.cut();
            return html(500);
        }
        Some((_, Effect::CutRequest)) => {
            peer.cut();
            return html(500);
        }
        Some((_, Effect::Delay(time))) => tokio::time::sleep(time).await,
        _ => {}
    }
    if is_socket {
        let response = socket::upgrade(Arc::clone(&shared), peer, request).await;
        return answered(&shared, place, response);
    }
    let verdict = shared.weights().ask(weight, shared.clock.said_ms());
    let (mut response, used) = match verdict {
        Verdict::Pass(used) => (answer(&shared, &path, &Params::new(&query)), used),
        Verdict::Refuse { status, wait, body, used } => {
            let mut response = json_response(status, &body);
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(wait.as_secs_f64().ceil() as u64));
            (response, used)
        }
    };
    for name in ["x-mbx-used-weight", "x-mbx-used-weight-1m"] {
        response.headers_mut().insert(name, HeaderValue::from(used));
    }
    shared.book.change(|journal| journal.most_weight = journal.most_weight.max(used));
    answered(&shared, place, response)
}

fn answered(shared: &Shared, place: usize, response: Response) -> Response {
    shared.book.request(place, |asked| asked.status = Some(response.status().as_u16()));
    response
}

fn canned(answer: Answer) -> Response {
    let mut response = Response::new(answer.body.into());
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    for (name, value) in &answer.headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

fn weight_of(path: &str, params: &Params) -> u32 {
    match path {
        "/api/v3/klines" => 2,
        "/api/v3/exchangeInfo" => 20,
        "/api/v3/ticker/24hr" => match params.symbols() {
            Ok(Some(symbols)) => match symbols.names.len() {
                0..=20 => 2,
                21..=100 => 40,
                _ => 80,
            },
            Ok(None) => 80,
            Err(_) => 1,
        },
        _ => 1,
    }
}

fn answer(shared: &Shared, path: &str, params: &Params) -> Response {
    let answered = match path {
        "/api/v3/ping" => params.end().map(|()| json!({})),
        "/api/v3/time" => params.end().map(|()| json!({"serverTime": shared.clock.said_ms()})),
        "/api/v3/exchangeInfo" => info::answer(shared, params),
        "/api/v3/ticker/24hr" => ticker::answer(shared, params),
        "/api/v3/klines" => klines::answer(shared, params),
        _ => return html(404),
    };
    match answered {
        Ok(body) => json_response(200, &body),
        Err(wrong) => json_response(400, &wrong.body()),
    }
}

fn json_response(status: u16, body: &Value) -> Response {
    text(status, "application/json;charset=UTF-8", body.to_string())
}

/// An answer of the edge in front of the exchange.
pub(crate) fn html(status: u16) -> Response {
    text(status, "text/html", page(status))
}

/// What such an answer shows.
pub(crate) fn page(status: u16) -> String {
    format!(
        "<html>\n<head><title>{status}</title></head>\n<body>\n<center><h1>{status}</h1></center>\n</body>\n</html>\n"
    )
}

fn text(status: u16, content_type: &'static str, body: String) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, [(CONTENT_TYPE, content_type)], body).into_response()
}
