//! The address of a project, and what is reached below it.

use std::fmt;
use std::net::IpAddr;

use secrecy::SecretString;
use url::{Host, Url};

/// The address of a Supabase project: `https://<ref>.supabase.co`, or http on this machine. It has no path and no user.
#[derive(Clone, PartialEq, Eq)]
pub struct ProjectUrl(Url);

/// Why a text is not the address of a project.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{problem}; {fix}")]
pub struct UrlFault {
    pub(crate) problem: &'static str,
    pub(crate) fix: String,
    /// What of the text may be shown: no user, no password, no query. `None`: nothing.
    pub(crate) shown: Option<String>,
}

const FIX: &str = "use https://<ref>.supabase.co, the project URL in the dashboard under Settings > API";

impl ProjectUrl {
    /// Reads the address of a project.
    ///
    /// # Errors
    ///
    /// If it is none, with what it seems to be instead.
    pub fn parse(text: &str) -> Result<Self, UrlFault> {
        // What may hold a secret is not shown, and is recognised before anything is parsed.
        let hidden = |problem, fix: &str| UrlFault { problem, fix: fix.to_owned(), shown: None };
        let start = text.trim_start().trim_start_matches(['"', '\'']).to_lowercase();
        if start.starts_with("postgres:") || start.starts_with("postgresql:") {
            return Err(hidden("is the address of the database, with its password", FIX));
        }
        if start.starts_with("eyj") || start.starts_with("sb_") {
            return Err(hidden("is a key", "set the address here and the key in SUPABASE_SERVICE_ROLE_KEY"));
        }
        let url = Url::parse(text).ok().filter(Url::has_host);
        let shown = url.as_ref().map(bare);
        let fault = |problem, fix: &str| UrlFault { problem, fix: fix.to_owned(), shown: shown.clone() };
        if text.contains(['"', '\'']) {
            return Err(fault("has quotes in it", "set it without quotes"));
        }
        // The parser would drop them silently, inside as well.
        if text.contains(|c: char| c.is_whitespace() || c.is_control()) {
            return Err(fault("has blanks or a line break in it", "set it without them"));
        }
        let url = url.ok_or_else(|| hidden("is not a url", FIX))?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(fault("has a user in it", FIX));
        }
        if let Some(project) = dashboard(&url) {
            let fix = project.map_or_else(|| FIX.to_owned(), |name| format!("use https://{name}.supabase.co"));
            return Err(fault("is the address of the dashboard", &fix));
        }
        let project = Self(url);
        if let Some(name) = project.host().strip_prefix("db.").filter(|_| project.host().contains(".supabase.")) {
            return Err(fault("is the address of the database", &format!("use https://{name}")));
        }
        match project.0.scheme() {
            "https" => {}
            "http" if project.is_loopback() => {}
            _ => return Err(fault("is not https", "use https:// (http is for this machine only)")),
        }
        if project.0.path() != "/" {
            return Err(fault("has a path", &format!("use {project}")));
        }
        if project.0.query().is_some() || project.0.fragment().is_some() {
            return Err(fault("has a query or a fragment", &format!("use {project}")));
        }
        Ok(project)
    }

    /// The host name or address.
    pub fn host(&self) -> &str {
        self.0.host_str().unwrap_or_default()
    }

    /// Whether it is this machine.
    pub fn is_loopback(&self) -> bool {
        match self.0.host() {
            Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
            Some(Host::Ipv4(address)) => IpAddr::V4(address).is_loopback(),
            Some(Host::Ipv6(address)) => IpAddr::V6(address).is_loopback(),
            None => false,
        }
    }

    /// Whether it is reached without TLS, which is so on this machine only.
    pub(super) fn is_plain(&self) -> bool {
        self.0.scheme() == "http"
    }

    /// The reference of the project, where the host name says it: not on this machine, not at a domain of one's own.
    pub fn project_ref(&self) -> Option<&str> {
        let (name, domain) = self.host().split_once('.')?;
        matches!(domain, "supabase.co" | "supabase.in" | "supabase.net").then_some(name)
    }

    /// The address of a table or a view.
    pub fn rest(&self, table: &str) -> Url {
        self.join(&["rest", "v1", table])
    }

    /// The address of a function.
    pub fn rpc(&self, function: &str) -> Url {
        self.join(&["rest", "v1", "rpc", function])
    }

    /// An address of the storage service. Slashes separate the parts of `path`.
    pub fn storage(&self, path: &str) -> Url {
        let parts: Vec<&str> = ["storage", "v1"].into_iter().chain(path.split('/')).collect();
        self.join(&parts)
    }

    /// The address of the realtime socket. A secret: the gateway takes the key from its query.
    pub fn realtime(&self, api_key: &str) -> SecretString {
        let mut url = self.join(&["realtime", "v1", "websocket"]);
        url.query_pairs_mut().append_pair("apikey", api_key).append_pair("vsn", "2.0.0");
        let url = String::from(url);
        SecretString::from(match url.strip_prefix("http") {
            Some(rest) => format!("ws{rest}"),
            None => url,
        })
    }

    fn join(&self, parts: &[&str]) -> Url {
        let mut url = self.0.clone();
        // Never fails: the address has a host. Each part is encoded, so none can lead elsewhere.
        if let Ok(mut path) = url.path_segments_mut() {
            path.clear().extend(parts);
        }
        url
    }
}

/// The address without what may be a secret.
fn bare(url: &Url) -> String {
    let mut url = url.clone();
    // Both fail only where there is no host, and then there is no user either.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.set_query(None);
    url.set_fragment(None);
    // A key that was pasted behind the address.
    if ["sb_", "eyJ"].iter().any(|begin| url.path().contains(begin)) {
        url.set_path("");
    }
    url.into()
}

/// Whether it is the dashboard, and of which project.
fn dashboard(url: &Url) -> Option<Option<String>> {
    if !matches!(url.host_str()?, "supabase.com" | "www.supabase.com" | "app.supabase.com" | "app.supabase.io") {
        return None;
    }
    let mut parts = url.path_segments()?;
    let project = parts.find(|part| *part == "project").and_then(|_| parts.next());
    let is_ref = |name: &&str| name.len() == 20 && name.chars().all(|c| c.is_ascii_lowercase());
    Some(project.filter(is_ref).map(str::to_owned))
}

impl fmt::Display for ProjectUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.origin().ascii_serialization())
    }
}

impl fmt::Debug for ProjectUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ProjectUrl({self})")
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;

    #[test]
    fn addresses_are_below_the_project() {
        let url = ProjectUrl::parse("https://abcdefghijklmnopqrst.supabase.co/").unwrap();
        assert_eq!(url.to_string(), "https://abcdefghijklmnopqrst.supabase.co");
        assert_eq!(url.project_ref(), Some("abcdefghijklmnopqrst"));
        assert_eq!(url.rest("traders").as_str(), format!("{url}/rest/v1/traders"));
        assert_eq!(url.rpc("host_selfcheck").as_str(), format!("{url}/rest/v1/rpc/host_selfcheck"));
        assert_eq!(url.storage("bucket/trader-modules").as_str(), format!("{url}/storage/v1/bucket/trader-modules"));
        assert_eq!(url.rest("../auth?x").as_str(), format!("{url}/rest/v1/..%2Fauth%3Fx"));
        let socket = url.realtime("sb_secret_a+b");
        let expected = "wss://abcdefghijklmnopqrst.supabase.co/realtime/v1/websocket?apikey=sb_secret_a%2Bb&vsn=2.0.0";
        assert_eq!(socket.expose_secret(), expected);
        assert!(!format!("{socket:?}").contains("sb_secret"));
    }

    #[test]
    fn http_is_for_this_machine_only() {
        for local in ["http://127.0.0.1:54321", "http://localhost:54321", "http://[::1]:1", "http://127.9.9.9"] {
            let url = ProjectUrl::parse(local).unwrap();
            assert!(url.is_loopback() && url.project_ref().is_none(), "{local}");
            assert_eq!(url.to_string(), local);
            assert!(url.realtime("k").expose_secret().starts_with("ws://"));
        }
        for far in ["http://abc.supabase.co", "http://10.0.0.1", "http://localhost.example.org", "ftp://127.0.0.1"] {
            assert_eq!(ProjectUrl::parse(far).unwrap_err().problem, "is not https", "{far}");
        }
        assert_eq!(ProjectUrl::parse("https://data.example.org").unwrap().project_ref(), None);
    }

    #[test]
    fn what_it_is_instead_is_said_and_no_secret_shown() {
        let cases = [
            ("", "is not a url"),
            ("abc.supabase.co", "is not a url"),
            ("localhost:54321", "is not a url"),
            ("https://", "is not a url"),
            ("postgresql://postgres:hunter2@db.abc.supabase.co:5432/postgres", "is the address of the database"),
            ("postgres://postgres:[hunter2]@db.abc.supabase.co/postgres", "is the address of the database"),
            ("\"postgres://postgres:hunter2@db.abc.supabase.co/postgres\"", "is the address of the database"),
            ("eyJhbGciOi.hunter2.x", "is a key"),
            ("sb_secret_hunter2", "is a key"),
            ("https://me:hunter2@abc.supabase.co", "has a user in it"),
            ("https://abc.supabase.co?apikey=hunter2", "has a query or a fragment"),
            ("https://abc.supabase.co/rest/v1", "has a path"),
            ("https://abc.supabase.co/sb_secret_hunter2", "has a path"),
            ("https://abc.supabase.co/rest/eyJhbGciOi.hunter2.x", "has a path"),
            ("\"https://abc.supabase.co\"", "has quotes in it"),
            ("https://abc.supabase.co ", "has blanks or a line break in it"),
            ("https://abc.supabase.co\n", "has blanks or a line break in it"),
            ("https://supabase.com/dashboard", "is the address of the dashboard"),
        ];
        for (text, problem) in cases {
            let fault = ProjectUrl::parse(text).unwrap_err();
            assert!(fault.problem.starts_with(problem), "{text}: {fault:?}");
            assert!(!format!("{fault:?} {fault}").contains("hunter2"), "{fault:?}");
        }
        let fault =
            ProjectUrl::parse("https://supabase.com/dashboard/project/abcdefghijklmnopqrst/settings").unwrap_err();
        assert_eq!(fault.fix, "use https://abcdefghijklmnopqrst.supabase.co");
        let fault = ProjectUrl::parse("https://abc.supabase.co/rest/v1").unwrap_err();
        assert_eq!(fault.fix, "use https://abc.supabase.co");
    }
}
