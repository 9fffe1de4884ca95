//! Faults that tests inject: rules that say which requests they hit, how often, and what happens to them.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::http::HeaderMap;
use tokio::sync::watch;

/// Which requests a rule hits. Everything that is not named matches.
#[derive(Clone, Debug, Default)]
pub struct Match {
    method: Option<String>,
    path: Option<String>,
    query: Option<String>,
    role: Option<String>,
    header: Option<(String, String)>,
}

impl Match {
    /// Every request.
    pub fn any() -> Self {
        Self::default()
    }

    /// Requests of one method.
    pub fn method(mut self, method: &str) -> Self {
        self.method = Some(method.to_owned());
        self
    }

    /// Requests for a path; `*` stands for any text: `/rest/v1/*`.
    pub fn path(mut self, pattern: &str) -> Self {
        self.path = Some(pattern.to_owned());
        self
    }

    /// Requests whose query, as sent, fits this pattern: `*id=gt.*`.
    pub fn query(mut self, pattern: &str) -> Self {
        self.query = Some(pattern.to_owned());
        self
    }

    /// Requests that run as a role; `none` are those that the gateway refuses.
    pub fn role(mut self, role: &str) -> Self {
        self.role = Some(role.to_owned());
        self
    }

    /// Requests with a header whose value fits this pattern.
    pub fn header(mut self, name: &str, pattern: &str) -> Self {
        self.header = Some((name.to_owned(), pattern.to_owned()));
        self
    }

    fn fits(&self, request: &Described<'_>) -> bool {
        let is = |wanted: &Option<String>, value: &str| wanted.as_deref().is_none_or(|wanted| wanted == value);
        let fits = |wanted: &Option<String>, value: &str| wanted.as_deref().is_none_or(|wanted| glob(wanted, value));
        let header = self.header.as_ref().is_none_or(|(name, pattern)| {
            let value = request.headers.get(name).and_then(|value| value.to_str().ok());
            value.is_some_and(|value| glob(pattern, value))
        });
        is(&self.method, request.method)
            && fits(&self.path, request.path)
            && fits(&self.query, request.query)
            && is(&self.role, request.role)
            && header
    }
}

/// What a rule sees of a request.
pub(crate) struct Described<'a> {
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    pub(crate) query: &'a str,
    pub(crate) role: &'a str,
    pub(crate) headers: &'a HeaderMap,
}

/// An answer that a rule gives in the place of the service.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The headers, content type included.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: String,
}

/// What happens to a request that a rule hits.
#[derive(Clone, Debug)]
pub enum Effect {
    /// It is not handled; this is the answer.
    Respond(Answer),
    /// It is handled after this time.
    Delay(Duration),
    /// It is not handled and gets no answer. The connection stays open until the client or the rule goes away.
    Hang,
    /// It is handled (a write is committed) and gets no answer, as [`Effect::Hang`].
    HangAfterCommit,
    /// It is not handled; the connection is closed without an answer.
    CutBefore,
    /// It is handled (a write is committed); the connection is closed without an answer.
    CutAfterCommit,
}

impl Effect {
    /// An answer with a JSON body.
    pub fn json(status: u16, body: &str) -> Self {
        let headers = vec![("content-type".to_owned(), "application/json; charset=utf-8".to_owned())];
        Self::Respond(Answer { status, headers, body: body.to_owned() })
    }

    /// An error in the shape of PostgREST.
    pub fn postgrest(status: u16, code: &str, message: &str) -> Self {
        let body = serde_json::json!({"code": code, "details": null, "hint": null, "message": message});
        Self::json(status, &body.to_string()).with_header("proxy-status", &format!("PostgREST; error={code}"))
    }

    /// PostgREST, before it has read the schema: 503 PGRST002, `Retry-After` 1.
    pub fn schema_cache_not_loaded() -> Self {
        let message = "Could not query the database for the schema cache. Retrying.";
        Self::postgrest(503, "PGRST002", message).with_header("retry-after", "1")
    }

    /// PostgREST, all connections busy: 504 PGRST003.
    pub fn pool_timeout() -> Self {
        Self::postgrest(504, "PGRST003", "Timed out acquiring connection from connection pool.")
    }

    /// PostgreSQL, statement timeout: 500 57014.
    pub fn statement_timeout() -> Self {
        Self::postgrest(500, "57014", "canceling statement due to statement timeout")
    }

    /// The gateway, key unknown: 401 without a code.
    pub fn invalid_api_key() -> Self {
        Self::json(401, crate::gateway::INVALID_KEY)
    }

    /// The gateway, too many requests: 429 with `Retry-After`.
    pub fn rate_limited(retry_after_s: u64) -> Self {
        let body = r#"{"message":"API rate limit exceeded"}"#;
        Self::json(429, body).with_header("retry-after", &retry_after_s.to_string())
    }

    /// The page that the edge in front of the gateway shows: HTML, any status (520 to 527 are its own).
    pub fn html(status: u16) -> Self {
        let body =
            format!("<!DOCTYPE html>\n<html><head><title>{status}</title></head><body>Error {status}</body></html>\n");
        let headers = vec![("content-type".to_owned(), "text/html; charset=UTF-8".to_owned())];
        Self::Respond(Answer { status, headers, body })
    }

    /// Adds a header to an answer; other effects stay as they are.
    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        if let Self::Respond(answer) = &mut self {
            answer.headers.push((name.to_owned(), value.to_owned()));
        }
        self
    }

    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Respond(_) => "respond",
            Self::Delay(_) => "delay",
            Self::Hang => "hang",
            Self::HangAfterCommit => "hang after commit",
            Self::CutBefore => "cut before commit",
            Self::CutAfterCommit => "cut after commit",
        }
    }
}

/// A rule: requests that match get the effect, every time until it is removed, unless it says otherwise.
#[derive(Clone, Debug)]
pub struct Fault {
    matching: Match,
    effect: Effect,
    times: Option<u64>,
    /// Of 2^32.
    chance: u64,
    random: u64,
}

impl Fault {
    /// A rule that hits every request that matches.
    pub fn new(matching: Match, effect: Effect) -> Self {
        Self { matching, effect, times: None, chance: 1 << 32, random: 0 }
    }

    /// Hits this many requests, then no more.
    pub fn times(mut self, times: u64) -> Self {
        self.times = Some(times);
        self
    }

    /// Hits a matching request with this probability (0 to 1). The same seed hits the same requests.
    pub fn probability(mut self, probability: f64, seed: u64) -> Self {
        self.chance = (probability.clamp(0.0, 1.0) * 4_294_967_296.0) as u64;
        self.random = seed;
        self
    }

    fn hits(&mut self, request: &Described<'_>) -> bool {
        if self.times == Some(0) || !self.matching.fits(request) {
            return false;
        }
        if split_mix(&mut self.random) >> 32 >= self.chance {
            return false;
        }
        self.times = self.times.map(|times| times - 1);
        true
    }
}

/// Names a rule that is in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FaultId(u64);

#[derive(Clone, Default)]
pub(crate) struct Faults(Arc<Inner>);

#[derive(Default)]
struct Inner {
    rules: Mutex<Rules>,
    changed: watch::Sender<()>,
}

#[derive(Default)]
struct Rules {
    next: u64,
    list: Vec<(FaultId, Fault, u64)>,
    /// How often the rules that are gone had hit.
    gone: Vec<(FaultId, u64)>,
}

impl Faults {
    pub(crate) fn add(&self, fault: Fault) -> FaultId {
        let mut rules = self.rules();
        rules.next += 1;
        let id = FaultId(rules.next);
        rules.list.push((id, fault, 0));
        id
    }

    pub(crate) fn remove(&self, id: FaultId) {
        self.remove_where(|other| other == id);
    }

    pub(crate) fn clear(&self) {
        self.remove_where(|_| true);
    }

    fn remove_where(&self, gone: impl Fn(FaultId) -> bool) {
        let mut rules = self.rules();
        let Rules { list, gone: history, .. } = &mut *rules;
        history.extend(list.iter().filter(|(id, ..)| gone(*id)).map(|(id, _, hits)| (*id, *hits)));
        list.retain(|(id, ..)| !gone(*id));
        drop(rules);
        self.0.changed.send_replace(());
    }

    pub(crate) fn hits(&self, id: FaultId) -> u64 {
        let rules = self.rules();
        let current = rules.list.iter().find(|(other, ..)| *other == id).map(|(.., hits)| *hits);
        current.or_else(|| rules.gone.iter().find(|(other, _)| *other == id).map(|(_, hits)| *hits)).unwrap_or(0)
    }

    /// The first rule that hits the request.
    pub(crate) fn take(&self, request: &Described<'_>) -> Option<(FaultId, Effect)> {
        let mut rules = self.rules();
        let (id, fault, hits) = rules.list.iter_mut().find_map(|rule| rule.1.hits(request).then_some(rule))?;
        *hits += 1;
        Some((*id, fault.effect.clone()))
    }

    /// Returns when the rule is no longer in force.
    pub(crate) async fn removed(&self, id: FaultId) {
        let mut changed = self.0.changed.subscribe();
        while self.rules().list.iter().any(|(other, ..)| *other == id) {
            if changed.changed().await.is_err() {
                return;
            }
        }
    }

    fn rules(&self) -> std::sync::MutexGuard<'_, Rules> {
        self.0.rules.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether the text fits the pattern, in which `*` stands for any text.
fn glob(pattern: &str, text: &str) -> bool {
    let Some((start, rest)) = pattern.split_once('*') else {
        return pattern == text;
    };
    let Some(text) = text.strip_prefix(start) else {
        return false;
    };
    (0..=text.len()).filter(|&at| text.is_char_boundary(at)).any(|at| glob(rest, &text[at..]))
}

/// SplitMix64: a seed gives the same faults on every machine.
fn split_mix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut value = *state;
    value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_text() {
        assert!(glob("/rest/v1/*", "/rest/v1/traders"));
        assert!(glob("*id=gt.*", "select=id&id=gt.1&limit=5"));
        assert!(glob("/a", "/a"));
        assert!(!glob("/a", "/ab"));
        assert!(!glob("/rest/*/x", "/rest/v1/y"));
    }

    #[test]
    fn a_rule_hits_as_often_as_it_says() {
        let headers = HeaderMap::new();
        let request =
            Described { method: "POST", path: "/rest/v1/signals", query: "", role: "anon", headers: &headers };
        let faults = Faults::default();
        let first = faults.add(Fault::new(Match::any().method("POST"), Effect::CutBefore).times(2));
        let never = faults.add(Fault::new(Match::any().role("service_role"), Effect::Hang));
        let hits = (0..5).filter(|_| faults.take(&request).is_some()).count();
        assert_eq!(hits, 2);
        faults.clear();
        assert_eq!((faults.hits(first), faults.hits(never)), (2, 0));
        let rule = |seed| Fault::new(Match::any(), Effect::CutBefore).probability(0.5, seed);
        let pattern = |mut fault: Fault| (0..64).map(|_| fault.hits(&request)).collect::<Vec<_>>();
        assert_eq!(pattern(rule(7)), pattern(rule(7)));
        assert!(pattern(rule(7)).contains(&true) && pattern(rule(7)).contains(&false));
    }
}
