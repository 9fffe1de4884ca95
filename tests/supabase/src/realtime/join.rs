//! What a client asks for when it joins a channel.

use serde_json::{Value, json};

use super::capture::Change;
use super::filter::Filter;
use crate::Shared;
use crate::keys::TokenError;
use crate::pool::Caller;

/// One entry of `config.postgres_changes`.
#[derive(Clone, Debug)]
pub(crate) struct Binding {
    pub(crate) id: u64,
    pub(crate) event: String,
    pub(crate) schema: String,
    /// `*` for all.
    pub(crate) table: String,
    pub(crate) filters: Vec<Filter>,
    filter_text: Option<String>,
    select: Option<Vec<String>>,
    /// As it was asked for, with its id: the reply to the join.
    pub(crate) echo: Value,
}

impl Binding {
    /// The bindings of a join, and what is wrong with their filters.
    pub(crate) fn all(payload: &Value) -> (Vec<Self>, Option<String>) {
        let mut problem = None;
        let asked = payload["config"]["postgres_changes"].as_array().into_iter().flatten();
        let bindings = asked.filter(|asked| asked.is_object()).map(|asked| {
            let text = |key: &str| asked[key].as_str().unwrap_or("*").to_owned();
            let id = hash(&asked.to_string());
            let mut echo = asked.clone();
            echo["id"] = json!(id);
            let filter_text = asked["filter"].as_str().map(str::to_owned);
            let filters = Filter::parse_all(filter_text.as_deref().unwrap_or_default()).unwrap_or_else(|error| {
                problem = Some(error);
                Vec::new()
            });
            let select = asked["select"].as_array();
            Self {
                id,
                event: text("event").to_ascii_uppercase(),
                schema: asked["schema"].as_str().unwrap_or("public").to_owned(),
                table: text("table"),
                filters,
                filter_text,
                select: select.map(|list| list.iter().filter_map(Value::as_str).map(str::to_owned).collect()),
                echo,
            }
        });
        let bindings = bindings.collect();
        (bindings, problem)
    }

    pub(crate) fn parameters(&self) -> String {
        let filters = self.filter_text.as_deref().unwrap_or_default();
        format!("event: {}, schema: {}, table: {}, filters: [{filters}]", self.event, self.schema, self.table)
    }

    pub(crate) fn wants(&self, change: &Change) -> bool {
        let is = |wanted: &str, value: &str| wanted == "*" || wanted == value;
        is(&self.event, &change.kind)
            && is(&self.schema, &change.schema)
            && is(&self.table, &change.table)
            && self.filters.iter().all(|filter| filter.passes(&change.filtered))
    }

    /// The columns that are wanted of a change; none if all are.
    pub(crate) fn selected(&self, change: &Change) -> Option<Vec<String>> {
        self.select.as_ref().map(|select| select.iter().chain(&change.keys).cloned().collect())
    }
}

/// The same binding has the same number in every join, as on the real server.
fn hash(text: &str) -> u64 {
    let hash = text
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    hash >> 37
}

/// Who a channel reads as, and until when (seconds since 1970).
#[derive(Clone, Debug)]
pub(crate) struct Access {
    pub(crate) caller: Caller,
    pub(crate) until_s: u64,
}

impl Access {
    /// By the token of the message, or that of the connection; opaque keys in a message are ignored.
    pub(crate) fn of(shared: &Shared, payload: &Value, connection_token: &str) -> Result<Self, String> {
        let token = payload["access_token"].as_str().filter(|token| !token.starts_with("sb_"));
        let claims =
            shared.keys.verify(token.unwrap_or(connection_token)).map_err(|error| reason(&error).to_owned())?;
        let (Some(_), Some(until_s)) = (claims["role"].as_str(), claims["exp"].as_u64()) else {
            return Err("InvalidJWTToken: Fields `role` and `exp` are required in JWT".to_owned());
        };
        if until_s <= crate::keys::now_s() {
            return Err(reason(&TokenError::Expired).to_owned());
        }
        Ok(Self { caller: Caller::of(claims), until_s })
    }
}

fn reason(error: &TokenError) -> &'static str {
    match error {
        TokenError::Expired | TokenError::NotYetValid => "InvalidJWTToken: Token has expired",
        TokenError::Signature => "JwtSignatureError: Failed to validate JWT signature",
        TokenError::Parts(_) | TokenError::Malformed => "MalformedJWT: The token provided is not a valid JWT",
    }
}
