//! What went wrong at Supabase, and the one table that says what follows from it.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use super::answer::Refusal;
use super::timeouts::READ_ONLY;

/// What follows from an error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Class {
    /// Try again, for ever. For writes the outcome is unknown, which is why ids are deterministic.
    Retry {
        /// Not before this much time has passed, if the server said so.
        after: Option<Duration>,
    },
    /// Try again with half the rows: the statement took too long.
    RetryHalved,
    /// The key or token is refused: a fault of the configuration. It may be mid-rotation, so test again every 60 s.
    Unauthorized,
    /// The role may not do this: a fault of grants or row-level security.
    Forbidden {
        /// The server's advice, made safe to be shown; it names the grant that is missing.
        hint: Option<String>,
    },
    /// A table, column, function, key or bucket is missing. Within 60 s of a migration it may still appear; after that
    /// the migrations were not applied.
    SchemaMissing,
    /// One of the rows is refused for good: find it by halving, set it aside.
    RowRejected,
    /// Too much in one request: halve it.
    TooLarge,
    /// There is no such object in the storage.
    NotFound,
    /// There is such an object in the storage already.
    AlreadyExists,
    /// A list is not the whole one. It says nothing about what it lacks; read it again.
    Incomplete {
        /// Rows that the server counted.
        expected: u64,
        /// Rows that came.
        got: u64,
    },
    /// Our request, or what answered it, breaks the protocol: the same request will always fail.
    Bug,
}

/// An answer of Supabase that is not what was asked for, or none at all. Shows codes and our own words, never a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiError {
    operation: Cow<'static, str>,
    status: Option<u16>,
    code: Option<String>,
    subject: Option<Box<str>>,
    class: Class,
    reason: Cow<'static, str>,
}

impl ApiError {
    /// An answer that refuses.
    pub(super) fn refused(operation: impl Into<Cow<'static, str>>, refusal: Refusal) -> Self {
        let class = classify(&refusal);
        let Refusal { code, subject, status, .. } = refusal;
        let subject = subject.map(String::into_boxed_str);
        Self { operation: operation.into(), status: Some(status), code, subject, class, reason: Cow::Borrowed("") }
    }

    /// No answer, or one that is no answer.
    pub(super) fn own(
        operation: impl Into<Cow<'static, str>>,
        class: Class,
        reason: impl Into<Cow<'static, str>>,
    ) -> Self {
        let operation = operation.into();
        Self { operation, status: None, code: None, subject: None, class, reason: reason.into() }
    }

    /// An answer that cannot be trusted, although nothing refused it: it counts as none.
    pub fn suspicious(operation: impl Into<Cow<'static, str>>, reason: impl Into<Cow<'static, str>>) -> Self {
        Self::own(operation, Class::Retry { after: None }, reason)
    }

    /// An answer that cannot be trusted, as privileges or the schema are not what the host needs.
    pub fn needs_mending(
        operation: impl Into<Cow<'static, str>>,
        what: impl Into<Cow<'static, str>>,
        fix: impl Into<String>,
    ) -> Self {
        Self::own(operation, Class::Forbidden { hint: Some(fix.into()) }, what)
    }

    /// The same with the status of the answer.
    pub(super) fn with_status(mut self, status: u16) -> Self {
        self.status = Some(status);
        self
    }

    /// The same with what follows here.
    pub(super) fn with_class(mut self, class: Class) -> Self {
        self.class = class;
        self
    }

    /// What follows from it.
    pub fn class(&self) -> &Class {
        &self.class
    }

    /// What was tried, like `insert into signals`.
    pub fn operation(&self) -> &str {
        &self.operation
    }

    /// The code of PostgreSQL, PostgREST or the storage.
    pub fn code(&self) -> Option<&str> {
        self.code.as_deref()
    }

    /// The HTTP status, if there was an answer.
    pub fn status(&self) -> Option<u16> {
        self.status
    }

    /// The constraint, column, table or function that the error names.
    pub fn subject(&self) -> Option<&str> {
        self.subject.as_deref()
    }

    /// Whether the same request may succeed later without anybody mending anything.
    pub fn is_transient(&self) -> bool {
        matches!(self.class, Class::Retry { .. } | Class::RetryHalved | Class::Incomplete { .. })
    }

    /// Whether it is for an operator to mend: key, grants, schema.
    pub fn is_config_fault(&self) -> bool {
        matches!(self.class, Class::Unauthorized | Class::Forbidden { .. } | Class::SchemaMissing)
    }

    /// How long the server asked us to wait.
    pub fn retry_after(&self) -> Option<Duration> {
        match self.class {
            Class::Retry { after } => after,
            _ => None,
        }
    }

    fn advice(&self) -> Cow<'_, str> {
        Cow::Borrowed(match &self.class {
            Class::Retry { .. } if self.code.as_deref() == Some("25006") => {
                "the database is read-only, its disk may be full: enlarge it in the dashboard"
            }
            Class::Retry { .. } | Class::Incomplete { .. } => "it is tried again",
            Class::RetryHalved => "the statement took too long, it is tried again with fewer rows",
            Class::Unauthorized => {
                "the key or token is refused: check SUPABASE_SERVICE_ROLE_KEY (an author: SUPABASE_USER_TOKEN) and SUPABASE_URL"
            }
            Class::Forbidden { hint: Some(hint) } => return Cow::Owned(format!("permission denied: {hint}")),
            Class::Forbidden { hint: None } => "permission denied: check the role of the key and the grants",
            Class::SchemaMissing => "it is not in the database: apply the migrations in supabase/migrations",
            Class::RowRejected if self.operation.starts_with("read ") => "the request is refused for good",
            Class::RowRejected => "the database refuses a row for good",
            Class::TooLarge => "it is too large, send less at once",
            Class::NotFound => "there is no such object, or the key may not see it",
            Class::AlreadyExists => "it exists already",
            Class::Bug => "host and server do not fit together: check the versions of both",
        })
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot {}: ", self.operation)?;
        if !self.reason.is_empty() {
            write!(f, "{}", self.reason)?;
            if let Some(status) = self.status {
                write!(f, " (status {status})")?;
            }
            return write!(f, "; {}", self.advice());
        }
        match (&self.code, self.status) {
            (Some(code), Some(status)) => write!(f, "{code} (status {status})")?,
            (Some(code), None) => write!(f, "{code}")?,
            (None, Some(status)) => write!(f, "status {status}")?,
            (None, None) => f.write_str("no answer")?,
        }
        if let Some(subject) = &self.subject {
            write!(f, " for {subject}")?;
        }
        write!(f, "; {}", self.advice())
    }
}

impl std::error::Error for ApiError {}

/// What follows from a refusal: by its code first, by its status where there is no code that is known.
///
/// A server error is not always worth a retry (21000 is 500), a client error not always for good (25006 is 405).
pub(super) fn classify(refusal: &Refusal) -> Class {
    let after = refusal.retry_after;
    let known = refusal.code.as_deref().and_then(|code| by_code(code, refusal));
    known.unwrap_or_else(|| by_status(refusal, after))
}

fn by_code(code: &str, refusal: &Refusal) -> Option<Class> {
    let retry = Class::Retry { after: refusal.retry_after };
    Some(match code {
        // Keys and tokens.
        "PGRST300" | "PGRST301" | "PGRST302" | "PGRST303" | "22023" | "InvalidJWT" => Class::Unauthorized,
        "42501" | "AccessDenied" => Class::Forbidden { hint: refusal.hint.clone() },
        // Tables, functions, columns, a unique key for on_conflict, buckets.
        "PGRST200" | "PGRST202" | "PGRST204" | "PGRST205" | "42P01" | "42703" | "42883" | "42P10" | "NoSuchBucket" => {
            Class::SchemaMissing
        }
        // Rows: references, uniqueness, checks and triggers, nulls, malformed values, values out of range.
        "23503" | "23505" | "23514" | "23502" | "22P02" | "22007" | "22008" | "22003" | "22P05" => Class::RowRejected,
        // Malformed requests, and one key twice in a batch that merges.
        "PGRST100" | "PGRST102" | "21000" | "InvalidRequest" | "InvalidMimeType" => Class::Bug,
        "57014" => Class::RetryHalved,
        "25006" => Class::Retry { after: Some(refusal.retry_after.unwrap_or(READ_ONLY).max(READ_ONLY)) },
        // The database or its pool: shutting down, in conflict, out of connections, memory or disk, out of reach.
        "57P01" | "57P02" | "57P03" | "40001" | "40P01" | "53300" | "53200" | "53100" => retry,
        "PGRST000" | "PGRST001" | "PGRST002" | "PGRST003" | "SlowDown" | "too_many_connections" => retry,
        _ if code.len() == 5 && code.starts_with("08") => retry,
        "EntityTooLarge" => Class::TooLarge,
        "NoSuchKey" => Class::NotFound,
        "KeyAlreadyExists" => Class::AlreadyExists,
        _ => return None,
    })
}

fn by_status(refusal: &Refusal, after: Option<Duration>) -> Class {
    match refusal.status {
        413 => Class::TooLarge,
        // A page for people comes from something in between, whatever its status.
        _ if refusal.is_page => Class::Retry { after },
        401 => Class::Unauthorized,
        403 => Class::Forbidden { hint: None },
        404 if refusal.is_storage => Class::NotFound,
        409 if refusal.is_storage => Class::AlreadyExists,
        408 | 425 | 429 => Class::Retry { after },
        400..=499 => Class::RowRejected,
        _ => Class::Retry { after },
    }
}

#[cfg(test)]
#[path = "error_tests.rs"]
mod tests;
