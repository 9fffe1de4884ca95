//! Every request: entered in the log, hit by faults, checked by the gateway, handled by its service.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::{ConnectInfo, FromRequestParts as _, Request, State};
use axum::http::request::Parts;
use axum::response::{IntoResponse as _, Response};
use url::form_urlencoded;

use crate::Shared;
use crate::connection::Peer;
use crate::faults::{Answer, Described, Effect};
use crate::gateway::{self, Passed};
use crate::log::Entry;
use crate::realtime::Handshake;
use crate::{response, rest, storage};

/// More than any bucket takes.
const MAX_BODY_BYTES: usize = 64 * 1024 * 1024;

const WEBSOCKET: &str = "/realtime/v1/websocket";

pub(crate) async fn serve(
    State(shared): State<Arc<Shared>>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    let path = parts.uri.path().to_owned();
    let raw_query = parts.uri.query().unwrap_or_default();
    let (query, query_key) = split_key(raw_query);
    let passed = gateway::check(&shared, &parts.headers, query_key.as_deref().filter(|_| path == WEBSOCKET));
    let role = role_of(&shared, &passed);
    let entry = Entry {
        method: parts.method.to_string(),
        path: path.clone(),
        query: query.clone(),
        role: role.clone(),
        status: None,
        fault: None,
    };
    let index = shared.log.begin(entry);
    let described =
        Described { method: parts.method.as_str(), path: &path, query: &query, role: &role, headers: &parts.headers };
    let fault = shared.faults.take(&described);
    if let Some((_, effect)) = &fault {
        shared.log.update(index, |entry| entry.fault = Some(effect.name()));
    }
    let hang = async |id| {
        shared.faults.removed(id).await;
        peer.cut();
        response::empty(500)
    };
    match &fault {
        Some((_, Effect::Respond(answer))) => {
            shared.log.update(index, |entry| entry.status = Some(answer.status));
            return canned(answer);
        }
        Some((id, Effect::Hang)) => return hang(*id).await,
        Some((_, Effect::CutBefore)) => {
            peer.cut();
            return response::empty(500);
        }
        Some((_, Effect::Delay(time))) => tokio::time::sleep(*time).await,
        Some((_, Effect::HangAfterCommit | Effect::CutAfterCommit)) | None => {}
    }
    let Ok(body) = axum::body::to_bytes(body, MAX_BODY_BYTES).await else {
        shared.log.update(index, |entry| entry.status = Some(413));
        return response::json(413, r#"{"message":"Request size limit exceeded"}"#);
    };
    // A client that goes away does not stop what it asked for.
    let handled = tokio::spawn(route(Arc::clone(&shared), peer.clone(), parts, path, query, body, passed)).await;
    let answer = handled.unwrap_or_else(|_| response::json(500, r#"{"message":"An unexpected error occurred"}"#));
    match fault {
        Some((id, Effect::HangAfterCommit)) => return hang(id).await,
        Some((_, Effect::CutAfterCommit)) => {
            peer.cut();
            return response::empty(500);
        }
        _ => {}
    }
    shared.log.update(index, |entry| entry.status = Some(answer.status().as_u16()));
    answer
}

async fn route(
    shared: Arc<Shared>,
    peer: Peer,
    mut parts: Parts,
    path: String,
    query: String,
    body: Bytes,
    passed: Result<Passed, &'static str>,
) -> Response {
    let token = match passed {
        Ok(passed) => passed.token,
        Err(body) => return gateway::refuse(body),
    };
    if path == WEBSOCKET {
        let upgrade = match WebSocketUpgrade::from_request_parts(&mut parts, &()).await {
            Ok(upgrade) => upgrade,
            Err(refused) => return refused.into_response(),
        };
        let handshake =
            Handshake { shared, peer, version: Handshake::version(&query), token: token.unwrap_or_default() };
        return upgrade.max_message_size(5_000_000).on_upgrade(|socket| handshake.serve(socket));
    }
    let Some(decoded) = decode(&path) else {
        return response::json(400, r#"{"message":"the path is not valid UTF-8"}"#);
    };
    let Parts { method, headers, .. } = parts;
    if let Some(path) = decoded.strip_prefix("/rest/v1/") {
        let request = rest::Request { method, path: path.to_owned(), query, headers, body, token };
        return rest::handle(&shared, request).await;
    }
    if let Some(path) = decoded.strip_prefix("/storage/v1/") {
        let request = storage::Request { method, path: path.to_owned(), headers, body, token };
        return storage::handle(&shared, request).await;
    }
    response::json(404, r#"{"message":"no Route matched with those values"}"#)
}

fn canned(answer: &Answer) -> Response {
    let mut response = response::empty(answer.status);
    for (name, value) in &answer.headers {
        response::set(&mut response, name, value);
    }
    *response.body_mut() = answer.body.clone().into();
    response
}

/// The role that the services will see, for the log and the rules.
fn role_of(shared: &Shared, passed: &Result<Passed, &'static str>) -> String {
    match passed {
        Err(_) => "none".to_owned(),
        Ok(Passed { token: None }) => "anon".to_owned(),
        Ok(Passed { token: Some(token) }) => match shared.keys.verify(token) {
            Ok(claims) => claims["role"].as_str().unwrap_or("anon").to_owned(),
            Err(_) => "none".to_owned(),
        },
    }
}

/// The query without `apikey`, and that.
fn split_key(query: &str) -> (String, Option<String>) {
    let is_key = |pair: &&str| pair.split('=').next() == Some("apikey");
    let rest = query.split('&').filter(|pair| !is_key(pair)).collect::<Vec<_>>().join("&");
    let key = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "apikey");
    (rest, key.map(|(_, key)| key.into_owned()))
}

/// Percent-decoding of a path, in which `+` is a plus.
fn decode(path: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digits = [rest.next()?, rest.next()?];
            bytes.push(u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_is_taken_out_of_the_query() {
        let (query, key) = split_key("vsn=2.0.0&apikey=a%2Eb&x=1");
        assert_eq!((query.as_str(), key.as_deref()), ("vsn=2.0.0&x=1", Some("a.b")));
    }

    #[test]
    fn paths_are_decoded() {
        assert_eq!(decode("/a%20b/%C3%A4+").as_deref(), Some("/a b/ä+"));
        assert_eq!(decode("/%zz"), None);
        assert_eq!(decode("/%2"), None);
    }
}
