//! WebSocket: combined and raw streams of candles.

mod control;
mod hub;
mod publish;
mod session;
mod stream;

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::extract::ws::WebSocketUpgrade;
use axum::extract::{FromRequestParts as _, Request};
use axum::response::{IntoResponse as _, Response};
use url::form_urlencoded;

use crate::Shared;
use crate::listen::Peer;
use crate::rest::html;
pub(crate) use hub::Hub;
pub(crate) use publish::run as publish;
use session::Opening;
pub(crate) use stream::Stream;

/// Opens a WebSocket, or refuses it.
pub(crate) async fn upgrade(shared: Arc<Shared>, peer: Peer, request: Request) -> Response {
    let (mut parts, _) = request.into_parts();
    let (path, query) = (parts.uri.path().to_owned(), parts.uri.query().unwrap_or_default().to_owned());
    let upgrade = match WebSocketUpgrade::from_request_parts(&mut parts, &()).await {
        Ok(upgrade) => upgrade,
        Err(refused) => return refused.into_response(),
    };
    if !shared.hub.may_connect(&shared.setup.limits) {
        shared.book.change(|journal| journal.refused += 1);
        return html(429);
    }
    let streams: BTreeSet<String> = match path.strip_prefix("/ws/") {
        Some(streams) => named(streams),
        None => form_urlencoded::parse(query.as_bytes())
            .filter(|(name, _)| name == "streams")
            .flat_map(|(_, streams)| named(&streams))
            .collect(),
    };
    if streams.len() > shared.setup.limits.streams {
        shared.book.change(|journal| journal.refused += 1);
        return html(400);
    }
    let opening = Opening { shared, peer, is_combined: path == "/stream", path, streams };
    upgrade.on_upgrade(|socket| opening.serve(socket))
}

fn named(streams: &str) -> BTreeSet<String> {
    streams.split('/').filter(|stream| !stream.is_empty()).map(str::to_owned).collect()
}
