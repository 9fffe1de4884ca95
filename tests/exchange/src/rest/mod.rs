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
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use serde_json::{Value, json};

use crate::Shared;
use crate::journal::Asked;
use crate::listen::Peer;
use crate::socket;
use error::Wrong;
use params::Params;
use weight::Verdict;
pub(crate) use weight::Weights;

pub(crate) async fn serve(
    State(shared): State<Arc<Shared>>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    request: Request,
) -> Response {
    let path = request.uri().path().to_owned();
    if path == "/stream" || path == "/ws" || path.starts_with("/ws/") {
        return socket::upgrade(shared, peer, request).await;
    }
    let query = request.uri().query().unwrap_or_default().to_owned();
    let params = Params::new(&query);
    let weight = weight_of(&path, &params);
    let place = shared.book.change(|journal| {
        let at_ms = shared.clock.now_ms();
        journal.requests.push(Asked {
            at_ms,
            path: path.clone(),
            query: query.clone(),
            weight,
            status: None,
            fault: None,
        });
        journal.requests.len() - 1
    });
    let verdict = shared.weights().ask(weight, shared.clock.said_ms());
    let (response, used) = match verdict {
        Verdict::Pass(used) => (answer(&shared, &path, &Params::new(&query)), used),
        Verdict::Refuse { status, wait, body, used } => {
            let mut response = json_response(status, &body);
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(wait.as_secs_f64().ceil() as u64));
            (response, used)
        }
    };
    shared.book.change(|journal| journal.most_weight = journal.most_weight.max(used));
    finish(&shared, place, response, used)
}

fn finish(shared: &Shared, place: usize, mut response: Response, used: u32) -> Response {
    for name in ["x-mbx-used-weight", "x-mbx-used-weight-1m"] {
        response.headers_mut().insert(name, HeaderValue::from(used));
    }
    shared.book.request(place, |asked| asked.status = Some(response.status().as_u16()));
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

/// The page of the edge in front of the exchange.
pub(crate) fn html(status: u16) -> Response {
    let body = format!(
        "<html>\n<head><title>{status}</title></head>\n<body>\n<center><h1>{status}</h1></center>\n</body>\n</html>\n"
    );
    text(status, "text/html", body)
}

fn text(status: u16, content_type: &'static str, body: String) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, [(CONTENT_TYPE, content_type)], body).into_response()
}
