//! Errors of Storage: HTTP 400 for nearly all of them, the real status as a string in the body.

use axum::response::Response;
use serde_json::json;

use crate::keys::TokenError;
use crate::pool::NoConnection;
use crate::response;

#[derive(Debug)]
pub(crate) struct StorageError {
    http_status: u16,
    status: u16,
    error: String,
    code: String,
    message: String,
}

impl StorageError {
    pub(crate) fn new(status: u16, code: &str, error: &str, message: impl Into<String>) -> Self {
        let http_status = if status == 500 { 500 } else { 400 };
        Self { http_status, status, error: error.to_owned(), code: code.to_owned(), message: message.into() }
    }

    pub(crate) fn invalid(message: &str) -> Self {
        Self::new(400, "InvalidRequest", "InvalidRequest", message)
    }

    pub(crate) fn no_route(method: &str, path: &str) -> Self {
        let mut error = Self::new(404, "InternalError", "Not Found", format!("Route {method}:/{path} not found"));
        error.http_status = 404;
        error
    }

    pub(crate) fn no_bucket() -> Self {
        Self::new(404, "NoSuchBucket", "Bucket not found", "Bucket not found")
    }

    pub(crate) fn no_object() -> Self {
        Self::new(404, "NoSuchKey", "not_found", "Object not found")
    }

    pub(crate) fn object_exists() -> Self {
        Self::new(409, "KeyAlreadyExists", "Duplicate", "The resource already exists")
    }

    pub(crate) fn bucket_exists() -> Self {
        Self::new(409, "BucketAlreadyExists", "Duplicate", "The resource already exists")
    }

    pub(crate) fn too_large() -> Self {
        Self::new(413, "EntityTooLarge", "Payload too large", "The object exceeded the maximum allowed size")
    }

    pub(crate) fn mime_type(mime_type: &str) -> Self {
        let message = format!("mime type {mime_type} is not supported");
        Self::new(415, "InvalidMimeType", "invalid_mime_type", message)
    }

    pub(crate) fn range() -> Self {
        let mut error = Self::new(416, "InvalidRange", "invalid_range", "The requested range is not satisfiable");
        error.http_status = 416;
        error
    }

    pub(crate) fn token(error: &TokenError) -> Self {
        let message = match error {
            TokenError::Parts(_) | TokenError::Malformed => "Invalid Compact JWS",
            TokenError::Signature => "signature verification failed",
            TokenError::Expired => "\"exp\" claim timestamp check failed",
            TokenError::NotYetValid => "\"nbf\" claim timestamp check failed",
        };
        Self::new(403, "AccessDenied", "Unauthorized", message)
    }

    pub(crate) fn into_response(self) -> Response {
        let body = json!({
            "statusCode": self.status.to_string(), "error": self.error, "code": self.code, "message": self.message,
        });
        response::json(self.http_status, body.to_string())
    }
}

impl From<tokio_postgres::Error> for StorageError {
    fn from(error: tokio_postgres::Error) -> Self {
        let Some(error) = error.as_db_error() else {
            return Self::new(500, "DatabaseError", "DatabaseError", "the connection to the database broke");
        };
        match error.code().code() {
            "42501" if error.message().contains("row-level security") => {
                let message = "new row violates row-level security policy";
                Self::new(403, "AccessDenied", "Unauthorized", message)
            }
            "42501" => Self::new(403, "AccessDenied", "Unauthorized", error.message()),
            "23503" => Self::no_bucket(),
            "23505" => Self::object_exists(),
            "57014" => Self::new(544, "DatabaseTimeout", "DatabaseTimeout", "The connection to the database timed out"),
            _ => Self::new(500, "DatabaseError", "DatabaseError", error.message()),
        }
    }
}

impl From<NoConnection> for StorageError {
    fn from(_: NoConnection) -> Self {
        let mut error =
            Self::new(429, "SlowDown", "too_many_connections", "Too many connections issued to the database");
        error.http_status = 429;
        error
    }
}
