//! Keys and tokens. What can be known of a key without asking the project is checked here; whether it has the privilege
//! is proved by `host_selfcheck`.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;

use super::url::ProjectUrl;
use crate::ids::UserId;

/// A key shorter than this was cut off; the shortest that Supabase makes has over 40 characters.
const SHORTEST: usize = 20;
/// Before this many days a key that ends soon is worth a warning.
const EXPIRY_WARNING_DAYS: i64 = 30;
const DAY_S: i64 = 86_400;

const FIX: &str = "set it to a secret key (sb_secret_...) of this project, in the dashboard under Settings > API keys";

/// A key of a project's backend, which sees every row. It has the right form and, if it is a JWT, the right claims.
#[derive(Clone)]
pub struct ServiceKey {
    secret: SecretString,
    kind: KeyKind,
}

/// The form of a service key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyKind {
    /// A JWT, which Supabase retires at the end of 2026.
    Legacy(Claims),
    /// `sb_secret_...`.
    Secret,
}

/// What a legacy key says of itself. Not verified: only the project can.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claims {
    /// The role in the database.
    pub role: String,
    /// The project, absent in keys of self-hosted ones.
    pub project_ref: Option<String>,
    /// When it ends, in seconds since 1970.
    pub expires_s: Option<i64>,
}

/// Why a text is not a service key of the project. Holds nothing of the text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{problem}; {fix}")]
pub struct KeyFault {
    pub(crate) problem: String,
    pub(crate) fix: String,
}

impl KeyFault {
    fn new(problem: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { problem: problem.into(), fix: fix.into() }
    }
}

impl ServiceKey {
    /// Reads a service key of the project at `url`. White space around it is dropped; `now_s` is in seconds since 1970.
    ///
    /// # Errors
    ///
    /// If it is a key of another kind, role or project, has expired, or is no key at all.
    pub fn parse(text: &str, url: &ProjectUrl, now_s: i64) -> Result<Self, KeyFault> {
        let key = clean(text)?;
        let secret = || SecretString::from(key.to_owned());
        if key.starts_with("sb_secret_") {
            return Ok(Self { secret: secret(), kind: KeyKind::Secret });
        }
        if key.starts_with("sb_publishable_") {
            return Err(KeyFault::new("is a publishable key, which sees only what everybody may see", FIX));
        }
        if !key.starts_with("eyJ") {
            return Err(KeyFault::new("is not a key of supabase: it begins neither with sb_secret_ nor with eyJ", FIX));
        }
        let claims = Claims::decode(key)?;
        match claims.role.as_str() {
            "service_role" => {}
            "anon" => {
                let problem = "is the anon key, which sees only what everybody may see";
                return Err(KeyFault::new(problem, FIX));
            }
            "authenticated" => return Err(KeyFault::new("is the token of a user, not a service key", FIX)),
            _ => return Err(KeyFault::new("is a jwt of another role than service_role", FIX)),
        }
        if let Some(expires_s) = claims.expires_s.filter(|expires_s| *expires_s <= now_s) {
            return Err(KeyFault::new(format!("has expired on {}", date(expires_s)), FIX));
        }
        if let Some(project) = url.project_ref().filter(|project| claims.project_ref.as_deref() != Some(*project)) {
            let of = match claims.project_ref.as_deref().filter(|other| is_ref(other)) {
                Some(other) => format!("project {other}"),
                None => "another project".to_owned(),
            };
            let fix = format!("take key and SUPABASE_URL of one project, as the url is that of {project}");
            return Err(KeyFault::new(format!("is a key of {of}"), fix));
        }
        Ok(Self { secret: secret(), kind: KeyKind::Legacy(claims) })
    }

    /// Its form.
    pub fn kind(&self) -> &KeyKind {
        &self.kind
    }

    /// What an operator should hear although the key works today.
    pub fn warnings(&self, now_s: i64) -> Vec<String> {
        let KeyKind::Legacy(claims) = &self.kind else {
            return Vec::new();
        };
        let mut warnings = vec![format!("is a legacy key, which supabase retires at the end of 2026; {FIX}")];
        match claims.expires_s {
            None => warnings.push("has no expiry, and realtime refuses such keys".to_owned()),
            Some(expires_s) if expires_s - now_s < EXPIRY_WARNING_DAYS * DAY_S => {
                let days = (expires_s - now_s) / DAY_S;
                warnings.push(format!("expires in {days} days, on {}; {FIX}", date(expires_s)));
            }
            Some(_) => {}
        }
        warnings
    }

    /// Whether it is the same key.
    pub fn is_same(&self, other: &Self) -> bool {
        self.secret.expose_secret() == other.secret.expose_secret()
    }
}

impl fmt::Debug for ServiceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServiceKey").field("kind", &self.kind).finish_non_exhaustive()
    }
}

impl Claims {
    fn decode(key: &str) -> Result<Self, KeyFault> {
        let broken = || KeyFault::new("is not a whole jwt: it was cut off or changed", "copy it again, all of it");
        let mut parts = key.split('.');
        let (Some(_), Some(payload), Some(signature), None) = (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(broken());
        };
        let bytes = URL_SAFE_NO_PAD.decode(payload).map_err(|_| broken())?;
        let claims: Value = serde_json::from_slice(&bytes).map_err(|_| broken())?;
        if signature.is_empty() || !claims.is_object() {
            return Err(broken());
        }
        let text = |name: &str| claims.get(name).and_then(Value::as_str).map(str::to_owned);
        let expires = claims.get("exp");
        // The claim may be any number; its whole seconds are what counts.
        #[expect(clippy::cast_possible_truncation, reason = "saturates, which is as far away")]
        let expires_s = expires.and_then(|exp| exp.as_i64().or_else(|| exp.as_f64().map(|exp| exp as i64)));
        Ok(Self { role: text("role").unwrap_or_default(), project_ref: text("ref"), expires_s })
    }
}

/// The key without white space around it, once nothing in it shows that it was pasted wrongly.
fn clean(text: &str) -> Result<&str, KeyFault> {
    let key = text.trim();
    if key.contains(['"', '\'', '`']) {
        return Err(KeyFault::new("has quotes in it", "set it without quotes"));
    }
    if key.contains(['\n', '\r']) {
        return Err(KeyFault::new("has a line break in it", "set it on one line"));
    }
    if key.contains(char::is_whitespace) {
        return Err(KeyFault::new("has blanks in it", "set it without them"));
    }
    if key.len() < SHORTEST {
        let problem = format!("is too short: {} characters", key.len());
        return Err(KeyFault::new(problem, "copy it again, all of it"));
    }
    if !key.chars().all(|c| c.is_ascii_graphic()) {
        return Err(KeyFault::new("has characters in it that no key has", "copy it again"));
    }
    Ok(key)
}

/// Only what has the form of a reference is shown of a foreign claim.
fn is_ref(text: &str) -> bool {
    (1..=40).contains(&text.len()) && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit())
}

fn date(seconds: i64) -> String {
    match jiff::Timestamp::from_second(seconds) {
        Ok(time) => time.strftime("%Y-%m-%d").to_string(),
        Err(_) => "a day that no calendar has".to_owned(),
    }
}

/// As whom requests are made.
#[derive(Clone)]
pub enum Credentials {
    /// The host and operators: every row.
    Service(ServiceKey),
    /// An author: what row-level security lets the user of the token see and write.
    User(UserCredentials),
}

/// A publishable (or anon) key, and the token of a signed-in user.
#[derive(Clone)]
pub struct UserCredentials {
    publishable: SecretString,
    token: SecretString,
}

impl UserCredentials {
    /// Reads both. A service key is refused here: what it wrote would be nobody's.
    ///
    /// # Errors
    ///
    /// For the publishable key (first) or the token (second).
    pub fn parse(publishable: &str, token: &str) -> Result<Self, (UserPart, KeyFault)> {
        Ok(Self {
            publishable: publishable_key(publishable)
                .map_err(|fault| (UserPart::Publishable, fault))?
                .to_owned()
                .into(),
            token: user_token(token).map_err(|fault| (UserPart::Token, fault))?.to_owned().into(),
        })
    }
}

impl UserCredentials {
    /// The user that the token says it is of. Not verified: only the project can.
    pub fn user(&self) -> Option<UserId> {
        let claims = payload(self.token.expose_secret())?;
        claims.get("sub").and_then(Value::as_str)?.parse().ok()
    }
}

/// The claims of a JWT, not verified.
fn payload(token: &str) -> Option<Value> {
    let bytes = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
    serde_json::from_slice(&bytes).ok()
}

/// Which part of [`UserCredentials`] is at fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UserPart {
    /// The publishable key.
    Publishable,
    /// The user's token.
    Token,
}

fn publishable_key(text: &str) -> Result<&str, KeyFault> {
    let fix = "set it to the publishable key (sb_publishable_...), in the dashboard under Settings > API keys";
    let key = clean(text)?;
    if key.starts_with("sb_secret_") {
        return Err(KeyFault::new("is a secret key, which must not leave the backend", fix));
    }
    if key.starts_with("sb_publishable_") {
        return Ok(key);
    }
    let role = key.starts_with("eyJ").then(|| Claims::decode(key)).transpose()?.map(|claims| claims.role);
    match role.as_deref() {
        Some("anon") => Ok(key),
        Some("service_role") => Err(KeyFault::new("is a service key, which must not leave the backend", fix)),
        _ => Err(KeyFault::new("is not a publishable key", fix)),
    }
}

fn user_token(text: &str) -> Result<&str, KeyFault> {
    let fix = "set it to the access token of your session";
    let token = clean(text)?;
    if token.starts_with("eyJ") && Claims::decode(token)?.role == "authenticated" {
        return Ok(token);
    }
    Err(KeyFault::new("is not the token of a signed-in user", fix))
}

impl Credentials {
    /// The headers of a request. `apikey` always; `Authorization` for a JWT only, since beside an `sb_secret_` key it would
    /// win and be refused.
    pub(super) fn headers(&self) -> HeaderMap {
        let bearer = match self {
            Self::Service(ServiceKey { kind: KeyKind::Secret, .. }) => None,
            Self::Service(key) => Some(&key.secret),
            Self::User(user) => Some(&user.token),
        };
        let mut headers = HeaderMap::new();
        insert(&mut headers, HeaderName::from_static("apikey"), self.api_key());
        if let Some(bearer) = bearer {
            insert(&mut headers, AUTHORIZATION, &format!("Bearer {}", bearer.expose_secret()));
        }
        headers
    }

    pub(super) fn api_key(&self) -> &str {
        match self {
            Self::Service(key) => key.secret.expose_secret(),
            Self::User(user) => user.publishable.expose_secret(),
        }
    }

    /// The JWT that a join of a channel carries. The server keeps the token of the connection for `sb_` keys.
    pub(super) fn channel_token(&self) -> Option<&SecretString> {
        match self {
            Self::Service(ServiceKey { kind: KeyKind::Secret, .. }) => None,
            Self::Service(key) => Some(&key.secret),
            Self::User(user) => Some(&user.token),
        }
    }
}

fn insert(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    // A key is graphic ASCII, which is what a header may hold.
    if let Ok(mut value) = HeaderValue::from_str(value) {
        value.set_sensitive(true);
        headers.insert(name, value);
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Service(key) => key.fmt(f),
            Self::User(_) => f.write_str("UserCredentials"),
        }
    }
}

impl fmt::Debug for UserCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UserCredentials")
    }
}

#[cfg(test)]
#[path = "key_tests.rs"]
mod tests;
