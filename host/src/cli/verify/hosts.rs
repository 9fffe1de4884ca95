//! The status pages of a host, as it answers now.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use reqwest::Client;
use reqwest::redirect::Policy;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use url::{Host as UrlHost, Url};

use crate::cli::failure::Failure;
use crate::config::{ADMIN_TOKEN, quoted};
use crate::ids::TraderId;
use crate::text::shown;
use crate::tls;

/// A host that answers no page in this time is not well.
const TIMEOUT: Duration = Duration::from_secs(15);

/// Where a host's pages are.
#[derive(Debug, Clone)]
pub(super) struct Host(Url);

impl FromStr for Host {
    type Err = String;

    /// The token goes to it, so it must not go over an open line.
    fn from_str(text: &str) -> Result<Self, String> {
        let example = "give one like http://127.0.0.1:8080, which `fly proxy 8080` opens";
        let mut url: Url = text.parse().map_err(|_| format!("{} is not a url; {example}", quoted(text)))?;
        let private = match url.host() {
            Some(UrlHost::Ipv4(ip)) => ip.is_loopback() || ip.is_private(),
            Some(UrlHost::Ipv6(ip)) => ip.is_loopback() || ip.is_unique_local(),
            Some(UrlHost::Domain(name)) => {
                name == "localhost" || name.ends_with(".internal") || name.ends_with(".flycast")
            }
            None => false,
        };
        match url.scheme() {
            "https" => {}
            "http" if private => {}
            "http" => return Err(format!("{} would carry ADMIN_TOKEN over an open line; use https", quoted(text))),
            _ => return Err(format!("{} is not a url of a host; {example}", quoted(text))),
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(format!("the url must have no user or password in it; {example}"));
        }
        url.set_path("/");
        url.set_query(None);
        url.set_fragment(None);
        Ok(Self(url))
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str().trim_end_matches('/'))
    }
}

/// A trader, as a host tells it.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Runs {
    pub(super) id: TraderId,
    pub(super) name: String,
    pub(super) state: String,
}

#[derive(Debug, Deserialize)]
struct Traders {
    traders: Vec<Runs>,
}

#[derive(Debug, Default, Deserialize)]
struct Health {
    status: String,
    #[serde(default)]
    runs: Option<String>,
    report: Report,
}

#[derive(Debug, Default, Deserialize)]
struct Report {
    #[serde(default)]
    problems: Vec<String>,
}

/// What a host says.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    pub(super) host: String,
    pub(super) is_ok: bool,
    /// Whose traders it runs, in its own words.
    pub(super) runs: Option<String>,
    pub(super) problems: Vec<String>,
    pub(super) traders: Vec<Runs>,
}

impl Answer {
    /// Traders that it evaluates.
    pub(super) fn running(&self) -> impl Iterator<Item = &Runs> {
        self.traders.iter().filter(|trader| trader.state == "running")
    }
}

/// Asks all of them; a host that does not answer is a failure of the command, since nothing is known then.
pub(super) async fn ask(hosts: &[Host], token: Option<&SecretString>) -> Result<Vec<Answer>, Failure> {
    let mut answers = Vec::new();
    for host in hosts {
        answers.push(host.ask(token).await?);
    }
    Ok(answers)
}

impl Host {
    pub(super) async fn ask(&self, token: Option<&SecretString>) -> Result<Answer, Failure> {
        let health: Health = self.get("health", None).await?;
        let traders = self.traders(token).await?;
        Ok(Answer {
            host: self.to_string(),
            is_ok: health.status == "ok",
            runs: health.runs.map(|runs| shown(&runs, 200)),
            problems: health.report.problems.iter().map(|problem| shown(problem, 300)).collect(),
            traders,
        })
    }

    pub(super) async fn traders(&self, token: Option<&SecretString>) -> Result<Vec<Runs>, Failure> {
        Ok(self.get::<Traders>("api/traders", token).await?.traders)
    }

    async fn get<T: DeserializeOwned>(&self, page: &str, token: Option<&SecretString>) -> Result<T, Failure> {
        let cannot = |what: &str| Failure::fault(format!("{self}/{page} {what}"));
        tls::install();
        let mut builder = Client::builder().timeout(TIMEOUT).redirect(Policy::none()).no_proxy();
        if self.0.scheme() == "http" {
            // No certificate is looked at, so none need be installed.
            builder = builder.tls_certs_only([]);
        }
        let client = builder.build().map_err(|_| cannot("needs tls; install the root certificates"))?;
        let url = self.0.join(page).map_err(|_| cannot("is no address"))?;
        let mut request = client.get(url);
        if let Some(token) = token {
            request = request.bearer_auth(token.expose_secret());
        }
        let down = "does not answer; is the host running, and is this its address?";
        let response = request.send().await.map_err(|error| match tls::reason(&error) {
            Some(why) => cannot(&format!("does not answer: {why}")),
            None => cannot(down),
        })?;
        match response.status().as_u16() {
            200 => response.json().await.map_err(|_| cannot("is not a page of vyx; give the address of a host")),
            401 if token.is_some() => Err(Failure::config(format!(
                "{self}/{page} refuses {0}=(hidden); set it to the token that this host was given",
                ADMIN_TOKEN.name
            ))),
            401 => Err(Failure::config(format!(
                "{} is not set, and {self}/{page} needs it; set it to the token that this host was given",
                ADMIN_TOKEN.name
            ))),
            status => Err(cannot(&format!("answers with status {status}; look at its log"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_goes_over_private_lines_only() {
        for url in [
            "https://vyx-app.fly.dev",
            "http://127.0.0.1:8080",
            "http://[fdaa::1]:8080",
            "http://vyx-app.internal:8080",
            "http://localhost:8080/health",
        ] {
            assert!(url.parse::<Host>().is_ok(), "{url}");
        }
        assert!("http://vyx-app.fly.dev".parse::<Host>().unwrap_err().contains("use https"));
        for url in ["vyx-app", "ftp://vyx-app", "https://a:b@vyx-app", ""] {
            assert!(url.parse::<Host>().unwrap_err().contains("http://127.0.0.1:8080"), "{url}");
        }
        assert_eq!("http://localhost:1/health?x#y".parse::<Host>().unwrap().to_string(), "http://localhost:1");
    }
}
