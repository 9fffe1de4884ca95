//! What stands in front of the services: it checks `apikey`, and puts a token in the place of an opaque key.

use axum::http::{HeaderMap, header};
use axum::response::Response;

use crate::Shared;
use crate::response::json;

pub(crate) const NO_KEY: &str =
    r#"{"message":"No API key found in request","hint":"No `apikey` request header or url param was found."}"#;
pub(crate) const INVALID_KEY: &str =
    r#"{"message":"Invalid API key","hint":"Double check your Supabase `anon` or `service_role` API key."}"#;
const LEGACY_OFF: &str =
    r#"{"message":"Legacy API keys are disabled","hint":"Your legacy API keys (anon, service_role) were disabled."}"#;
const BROWSER: &str = r#"{"message":"Forbidden use of secret API key in browser","hint":"Secret API keys can only be used in a protected environment and should never be used in a browser. Delete this secret API key immediately."}"#;

/// A request that passed. The services check the token themselves.
pub(crate) struct Passed {
    /// What stands in `Authorization: Bearer` behind the gateway; none for another scheme, which services take for anon.
    pub(crate) token: Option<String>,
}

/// Checks the key of a request. `query_key` is the parameter `apikey`, which a WebSocket has to use.
pub(crate) fn check(shared: &Shared, headers: &HeaderMap, query_key: Option<&str>) -> Result<Passed, &'static str> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let key = text("apikey").or(query_key).filter(|key| !key.is_empty()).ok_or(NO_KEY)?;
    let keys = &shared.keys;
    let role = keys.opaque_role(key);
    if role.is_none() && !keys.is_legacy(key) {
        return Err(INVALID_KEY);
    }
    if role.is_none() && !shared.settings().legacy_keys {
        return Err(LEGACY_OFF);
    }
    if role == Some("service_role") && text("user-agent").is_some_and(|agent| agent.starts_with("Mozilla/")) {
        return Err(BROWSER);
    }
    // A WebSocket lives on its token, so that it is the longer one.
    let life_s = if query_key.is_some() { 24 * 3600 } else { 300 };
    let minted = || role.map_or_else(|| key.to_owned(), |role| keys.mint(role, life_s));
    let token = match text(header::AUTHORIZATION.as_str()) {
        None => Some(minted()),
        // Only a key that is repeated word for word is swapped; anything else is the services' to judge.
        Some(authorization) => match authorization.strip_prefix("Bearer ") {
            Some(bearer) if bearer == key => Some(minted()),
            Some(bearer) => Some(bearer.to_owned()),
            None => None,
        },
    };
    Ok(Passed { token })
}

pub(crate) fn refuse(body: &'static str) -> Response {
    json(401, body)
}
