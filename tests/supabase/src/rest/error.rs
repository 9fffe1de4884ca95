//! Errors as PostgREST tells them: a code, a status that follows from it, and four fields.

use axum::response::Response;
use serde_json::{Value, json};
use tokio_postgres::error::DbError;

use crate::keys::TokenError;
use crate::pool::NoConnection;
use crate::response;

#[derive(Debug)]
pub(crate) struct RestError {
    status: u16,
    code: String,
    message: String,
    details: Value,
    hint: Value,
    retry_after: bool,
}

impl RestError {
    pub(crate) fn new(status: u16, code: &str, message: impl Into<String>) -> Self {
        Self {
            status,
            code: code.to_owned(),
            message: message.into(),
            details: Value::Null,
            hint: Value::Null,
            retry_after: false,
        }
    }

    pub(crate) fn details(mut self, details: impl Into<String>) -> Self {
        self.details = Value::String(details.into());
        self
    }

    /// A part of the query that cannot be parsed.
    pub(crate) fn query(what: &str, text: &str) -> Self {
        let message = format!("\"failed to parse {what} ({text})\" (line 1, column 1)");
        Self::new(400, "PGRST100", message).details("unexpected input")
    }

    pub(crate) fn unknown_column(table: &str, column: &str) -> Self {
        let message = format!("Could not find the '{column}' column of '{table}' in the schema cache");
        Self::new(400, "PGRST204", message)
    }

    pub(crate) fn not_a_single_row(rows: i64) -> Self {
        Self::new(406, "PGRST116", "Cannot coerce the result to a single JSON object")
            .details(format!("The result contains {rows} rows"))
    }

    /// What PostgREST offers and this stand-in has not.
    pub(crate) fn not_here(what: &str) -> Self {
        Self::new(400, "PGRST127", "Feature not implemented").details(format!("the stand-in has no {what}"))
    }

    pub(crate) fn token(error: &TokenError, old_codes: bool) -> Self {
        match error {
            TokenError::Parts(parts) => Self::new(401, "PGRST301", format!("Expected 3 parts in JWT; got {parts}")),
            TokenError::Malformed => Self::new(401, "PGRST301", "JWT couldn't be decoded"),
            TokenError::Signature => Self::new(401, "PGRST301", "No suitable key or wrong key type")
                .details("None of the keys was able to decode the JWT"),
            TokenError::Expired => Self::new(401, if old_codes { "PGRST301" } else { "PGRST303" }, "JWT expired"),
            TokenError::NotYetValid => {
                Self::new(401, if old_codes { "PGRST301" } else { "PGRST303" }, "JWT not yet valid")
            }
        }
    }

    /// What the database said. `anon` is the role without a token, for which a refusal means: log in.
    pub(crate) fn database(error: &tokio_postgres::Error, anon: bool) -> Self {
        let Some(error) = error.as_db_error() else {
            let mut lost = Self::new(503, "PGRST001", "Database client error. Retrying the connection.");
            lost.retry_after = true;
            return lost;
        };
        let text = |value: Option<&str>| value.map_or(Value::Null, |value| Value::String(value.to_owned()));
        let code = error.code().code();
        Self {
            status: status_of(error, anon),
            code: code.to_owned(),
            message: error.message().to_owned(),
            details: text(error.detail()),
            hint: text(error.hint()),
            retry_after: code == "57P01",
        }
    }

    pub(crate) fn into_response(self, head: bool) -> Response {
        let body = json!({
            "code": self.code, "details": self.details, "hint": self.hint, "message": self.message,
        });
        let body = if head { String::new() } else { body.to_string() };
        let mut response = response::json(self.status, body);
        response::set(&mut response, "proxy-status", &format!("PostgREST; error={}", self.code));
        if self.status == 401 {
            let challenge = if self.code.starts_with("PGRST3") {
                format!("Bearer error=\"invalid_token\", error_description=\"{}\"", self.message)
            } else {
                "Bearer".to_owned()
            };
            response::set(&mut response, "www-authenticate", &challenge);
        }
        if self.retry_after {
            response::set(&mut response, "retry-after", "1");
        }
        response
    }
}

impl From<NoConnection> for RestError {
    fn from(error: NoConnection) -> Self {
        match error {
            NoConnection::Timeout => Self::new(504, "PGRST003", "Timed out acquiring connection from connection pool."),
            NoConnection::Unreachable => {
                let mut error = Self::new(503, "PGRST000", "Database connection error.");
                error.retry_after = true;
                error
            }
        }
    }
}

/// PostgREST's table, in its order.
fn status_of(error: &DbError, anon: bool) -> u16 {
    let code = error.code().code();
    let message = error.message();
    match code {
        "23503" | "23505" => 409,
        "25006" => 405,
        "21000" if message.ends_with("requires a WHERE clause") => 400,
        "21000" => 500,
        "22023" if message.starts_with("role") && message.ends_with("does not exist") => 401,
        "22023" => 400,
        "53400" => 500,
        "57P01" => 503,
        "P0001" => 400,
        "42883" | "42P01" => 404,
        "42P17" => 500,
        "42501" => {
            if anon {
                401
            } else {
                403
            }
        }
        _ => match code.get(..2).unwrap_or_default() {
            "08" | "53" => 503,
            "0L" | "0P" | "28" => 403,
            "09" | "25" | "2D" | "38" | "39" | "3B" | "40" | "54" | "55" | "57" | "58" | "F0" | "HV" | "P0" | "XX" => {
                500
            }
            "PT" => code.get(2..).and_then(|status| status.parse().ok()).unwrap_or(500),
            _ => 400,
        },
    }
}
