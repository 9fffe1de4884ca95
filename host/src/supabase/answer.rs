//! What comes back: refusals of three services in their different shapes, counts in headers, bodies up to a size.

use std::time::Duration;

use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;
use reqwest::Response;
use reqwest::header::{CONTENT_RANGE, CONTENT_TYPE, HeaderMap, RETRY_AFTER};
use serde_json::Value;

use super::timeouts::RETRY_AFTER_MOST;
use crate::text::shown;

/// A hint of the server as it is shown; one that names a grant is half as long.
const HINT_BYTES: usize = 300;
/// Longest code that is believed to be one.
const CODE_BYTES: usize = 40;
/// Longest name of a schema, table and column together.
const SUBJECT_BYTES: usize = 128;

/// An answer that refuses, as far as it can be trusted and shown.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Refusal {
    /// The real status: the storage writes it into the body.
    pub status: u16,
    pub code: Option<String>,
    /// The constraint, column, table or function that the message names.
    pub subject: Option<String>,
    pub hint: Option<String>,
    pub retry_after: Option<Duration>,
    /// A page for people instead of an answer for programs.
    pub is_page: bool,
    pub is_storage: bool,
}

impl Refusal {
    /// Reads a refusal, whatever its shape: PostgREST, gateway, storage, a page, nothing.
    pub(super) fn read(status: u16, headers: &HeaderMap, body: &[u8], is_storage: bool) -> Self {
        let parsed: Option<Value> = serde_json::from_slice(body).ok().filter(Value::is_object);
        let field = |name: &str| parsed.as_ref().and_then(|body| body.get(name));
        let text = |name: &str| field(name).and_then(Value::as_str);
        // A text today, a number in other versions.
        let told = field("statusCode").and_then(|told| match told {
            Value::String(told) => told.parse().ok(),
            other => other.as_u64().and_then(|told| u16::try_from(told).ok()),
        });
        Self {
            status: told.filter(|told| is_storage && (400..600).contains(told)).unwrap_or(status),
            code: text("code").filter(|code| is_code(code)).map(str::to_owned).or_else(|| proxy_code(headers)),
            subject: text("message").and_then(subject),
            hint: text("hint").map(|hint| shown(hint, HINT_BYTES)),
            retry_after: retry_after(headers),
            is_page: parsed.is_none() && is_page(headers, body),
            is_storage,
        }
    }
}

/// The code in `Proxy-Status: PostgREST; error=<code>`, which answers without a body carry as well.
fn proxy_code(headers: &HeaderMap) -> Option<String> {
    let value = headers.get("proxy-status")?.to_str().ok()?;
    let code = value.split(';').find_map(|part| part.trim().strip_prefix("error="))?.trim().trim_matches('"');
    is_code(code).then(|| code.to_owned())
}

fn is_code(text: &str) -> bool {
    (1..=CODE_BYTES).contains(&text.len()) && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// What stands before a name in a message, and what ends the name.
const NAMED: [(&str, char); 11] = [
    ("constraint \"", '"'),
    ("Could not find the table '", '\''),
    ("Could not find the function ", '('),
    ("Could not find the '", '\''),
    ("column \"", '"'),
    ("relation \"", '"'),
    ("policy for table \"", '"'),
    ("permission denied for table ", ' '),
    ("permission denied for function ", ' '),
    ("permission denied for view ", ' '),
    ("column ", ' '),
];

/// The name that a message is about: of a constraint, column, table or function, never a value of a row. A trigger of ours
/// puts the name of its rule before a colon.
fn subject(message: &str) -> Option<String> {
    let named = NAMED.iter().find_map(|(before, end)| message.split_once(before)?.1.split(*end).next());
    let rule = message.split_once(':').map(|(rule, _)| rule).filter(|rule| rule.contains('_'));
    named.or(rule).filter(|name| is_name(name)).map(str::to_owned)
}

fn is_name(text: &str) -> bool {
    let of_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | '.');
    (1..=SUBJECT_BYTES).contains(&text.len())
        && text.chars().all(of_name)
        && text.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
}

fn is_page(headers: &HeaderMap, body: &[u8]) -> bool {
    let told = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    told.is_some_and(|told| told.trim_start().to_ascii_lowercase().starts_with("text/html"))
        || body.trim_ascii_start().starts_with(b"<")
}

/// `Retry-After` in its two forms, seconds and a date.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let told = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let seconds = told.parse::<u64>().ok().or_else(|| {
        let at = DateTimeParser::new().parse_timestamp(told).ok()?;
        u64::try_from(at.as_second().saturating_sub(Timestamp::now().as_second())).ok()
    })?;
    Some(Duration::from_secs(seconds).min(RETRY_AFTER_MOST))
}

/// The total in `Content-Range: 0-9/1234` or `*/1234`.
pub(super) fn total(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_RANGE)?.to_str().ok()?.rsplit_once('/')?.1.trim().parse().ok()
}

/// Whether the server says that it honoured a preference.
pub(super) fn applied(headers: &HeaderMap, preference: &str) -> bool {
    let values = headers.get_all("preference-applied").iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|value| value.trim() == preference)
}

/// Why a body was not read.
#[derive(Debug)]
pub(super) enum BodyFault {
    /// It has more bytes than it may have.
    TooLarge,
    /// The connection ended before it did.
    Transport(reqwest::Error),
}

/// The whole body, in pieces handed to `take`, unless it has more than `most` bytes: by its header, or by what comes.
pub(super) async fn read(response: &mut Response, most: usize, mut take: impl FnMut(&[u8])) -> Result<(), BodyFault> {
    let told = response.content_length().map(|told| usize::try_from(told).unwrap_or(usize::MAX));
    if told.is_some_and(|told| told > most) {
        return Err(BodyFault::TooLarge);
    }
    let mut got = 0_usize;
    while let Some(piece) = response.chunk().await.map_err(BodyFault::Transport)? {
        got = got.saturating_add(piece.len());
        if got > most {
            return Err(BodyFault::TooLarge);
        }
        take(&piece);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;

    use super::*;

    fn headers(set: &[(&'static str, &str)]) -> HeaderMap {
        set.iter().map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_str(value).unwrap())).collect()
    }

    fn read(status: u16, set: &[(&'static str, &str)], body: &str, is_storage: bool) -> Refusal {
        Refusal::read(status, &headers(set), body.as_bytes(), is_storage)
    }

    #[test]
    fn all_shapes_are_read() {
        let postgrest = read(
            403,
            &[],
            r#"{"code":"42501","details":{"any":1},"hint":"Grant the required privileges","message":"permission denied for table traders"}"#,
            false,
        );
        assert_eq!(postgrest.code.as_deref(), Some("42501"));
        assert_eq!(postgrest.subject.as_deref(), Some("traders"));
        assert_eq!(postgrest.hint.as_deref(), Some("Grant the required privileges"));
        let minimal = read(500, &[], r#"{"code":"57014","message":"canceling statement"}"#, false);
        assert_eq!((minimal.code.as_deref(), minimal.hint), (Some("57014"), None));
        let gateway = read(401, &[], r#"{"message":"Invalid API key","hint":"Double check"}"#, false);
        assert_eq!((gateway.status, gateway.code, gateway.is_page), (401, None, false));
        let head = read(503, &[("proxy-status", "PostgREST; error=PGRST002")], "", false);
        assert_eq!(head.code.as_deref(), Some("PGRST002"));
        let storage = read(400, &[], r#"{"statusCode":"404","error":"not_found","code":"NoSuchKey"}"#, true);
        assert_eq!((storage.status, storage.code.as_deref()), (404, Some("NoSuchKey")));
        assert_eq!(read(400, &[], r#"{"statusCode":409,"error":"Duplicate"}"#, true).status, 409);
        assert_eq!(read(400, &[], r#"{"statusCode":"200"}"#, true).status, 400);
        assert_eq!(read(400, &[], r#"{"statusCode":"404"}"#, false).status, 400);
        assert!(read(520, &[("content-type", "text/html; charset=UTF-8")], "", false).is_page);
        assert!(read(502, &[], "\n <!DOCTYPE html><html>", false).is_page);
        for odd in ["", "null", "[]", "\"x\"", "{\"code\":1}", "{\"code\":\"a b\"}", "{\"code\":\"\"}", "{"] {
            let odd = read(500, &[], odd, false);
            assert_eq!((odd.code, odd.is_page), (None, false));
        }
    }

    #[test]
    fn names_are_taken_of_messages_and_values_never() {
        let named = [
            (
                r#"insert or update on table "signals" violates foreign key constraint "signals_trader_id_fkey""#,
                "signals_trader_id_fkey",
            ),
            (
                r#"new row for relation "signals" violates check constraint "signals_source_check""#,
                "signals_source_check",
            ),
            (r#"null value in column "symbol" of relation "signals" violates not-null constraint"#, "symbol"),
            ("column traders.module_sha256 does not exist", "traders.module_sha256"),
            ("Could not find the 'tag' column of 'signals' in the schema cache", "tag"),
            ("Could not find the table 'public.trader_modules' in the schema cache", "public.trader_modules"),
            (
                "Could not find the function public.host_selfcheck(run_mode) in the schema cache",
                "public.host_selfcheck",
            ),
            (r#"relation "public.traders" does not exist"#, "public.traders"),
            ("signals_ownership_guard: a built-in trader's signal has no app", "signals_ownership_guard"),
        ];
        for (message, name) in named {
            assert_eq!(subject(message).as_deref(), Some(name), "{message}");
        }
        for message in [
            r#"invalid input syntax for type uuid: "my secret""#,
            r#"constraint "Robert'); drop""#,
            "column \u{1b}[2J does not exist",
            "",
        ] {
            assert_eq!(subject(message), None, "{message}");
        }
        assert_eq!(subject(&format!("constraint \"{}\"", "x".repeat(129))), None);
    }

    #[test]
    fn headers_are_read() {
        assert_eq!(total(&headers(&[("content-range", "0-499/2500")])), Some(2500));
        assert_eq!(total(&headers(&[("content-range", "*/0")])), Some(0));
        for odd in ["0-9/*", "*/*", "", "7", "0-9/-1"] {
            assert_eq!(total(&headers(&[("content-range", odd)])), None, "{odd}");
        }
        let set = headers(&[("preference-applied", "resolution=ignore-duplicates, count=exact")]);
        assert!(applied(&set, "count=exact") && applied(&set, "resolution=ignore-duplicates"));
        assert!(!applied(&set, "resolution") && !applied(&headers(&[]), "count=exact"));
        let after = |value| retry_after(&headers(&[("retry-after", value)]));
        assert_eq!(after("7"), Some(Duration::from_secs(7)));
        assert_eq!(after("86400"), Some(RETRY_AFTER_MOST));
        assert_eq!(after("Wed, 21 Oct 2065 07:28:00 GMT"), Some(RETRY_AFTER_MOST));
        assert_eq!((after("Wed, 21 Oct 2015 07:28:00 GMT"), after("soon"), after("-1")), (None, None, None));
    }
}
