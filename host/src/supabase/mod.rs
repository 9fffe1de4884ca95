//! The only part that speaks to Supabase: REST, storage and realtime. It knows of tables and rows, not of traders.

mod answer;
mod error;
mod key;
mod query;
mod realtime;
mod rest;
mod storage;
pub mod timeouts;
mod url;

use std::fmt;
use std::sync::Arc;

use reqwest::redirect::Policy;
use reqwest::{Client, RequestBuilder, Response};

use answer::{BodyFault, Refusal};

use crate::tls;

pub use self::url::{ProjectUrl, UrlFault};
pub use error::{ApiError, Class};
pub use key::{Claims, Credentials, KeyFault, KeyKind, ServiceKey, UserCredentials, UserPart};
pub use query::{Filter, Query};
pub use realtime::{Bell, Realtime, RealtimeState};
pub use rest::Inserted;
pub use storage::{Bucket, MODULE_BUCKET, StorageError, Uploaded, module_path};

/// Plain, since secret keys are refused to whatever looks like a browser.
const USER_AGENT: &str = concat!("vyx/", env!("CARGO_PKG_VERSION"));

/// A Supabase project, as the holder of one key sees it. Cheap to clone; clones share their connections.
#[derive(Clone)]
pub struct Supabase {
    shared: Arc<Shared>,
}

struct Shared {
    http: Client,
    url: ProjectUrl,
    credentials: Credentials,
}

impl Supabase {
    /// A client. Nothing is sent yet.
    ///
    /// # Errors
    ///
    /// If TLS cannot be set up, as on a machine without root certificates.
    pub fn new(url: ProjectUrl, credentials: Credentials) -> Result<Self, ApiError> {
        tls::install();
        let mut builder = Client::builder()
            .user_agent(USER_AGENT)
            .default_headers(credentials.headers())
            .connect_timeout(timeouts::CONNECT)
            .timeout(timeouts::REQUEST)
            // A key goes to the project and nowhere else.
            .redirect(Policy::none())
            .no_proxy()
            .referer(false);
        if url.is_plain() {
            // No certificate is looked at, so none need be installed.
            builder = builder.tls_certs_only([]);
        }
        let http = builder.build().map_err(|_| {
            let reason = "tls cannot be set up; install the root certificates (package ca-certificates)";
            ApiError::own("make a client of supabase", Class::Bug, reason)
        })?;
        Ok(Self { shared: Arc::new(Shared { http, url, credentials }) })
    }

    /// The address of the project.
    pub fn url(&self) -> &ProjectUrl {
        &self.shared.url
    }

    fn http(&self) -> &Client {
        &self.shared.http
    }

    fn credentials(&self) -> &Credentials {
        &self.shared.credentials
    }
}

impl fmt::Debug for Supabase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Supabase").field("url", &self.shared.url).finish_non_exhaustive()
    }
}

/// Which service answers; their refusals differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Service {
    Rest,
    Storage,
}

/// Sends a request. The answer is a success; its body is not read yet.
async fn send(operation: &str, service: Service, request: RequestBuilder) -> Result<Response, ApiError> {
    let mut response = request.send().await.map_err(|error| transport(operation, &error))?;
    if response.status().is_success() {
        return Ok(response);
    }
    let mut body = Vec::new();
    // What is cut off, or goes on for ever, is judged by what came.
    let _ = answer::read(&mut response, timeouts::ERROR_BYTES, |piece| body.extend_from_slice(piece)).await;
    let (status, is_storage) = (response.status().as_u16(), service == Service::Storage);
    let refusal = Refusal::read(status, response.headers(), &body, is_storage);
    Err(ApiError::refused(operation.to_owned(), refusal))
}

/// The whole body of a success.
async fn body(operation: &str, response: &mut Response, most: usize) -> Result<Vec<u8>, ApiError> {
    let mut bytes = Vec::new();
    match answer::read(response, most, |piece| bytes.extend_from_slice(piece)).await {
        Ok(()) => Ok(bytes),
        Err(fault) => Err(body_fault(operation, fault, most)),
    }
}

fn body_fault(operation: &str, fault: BodyFault, most: usize) -> ApiError {
    match fault {
        BodyFault::Transport(error) => transport(operation, &error),
        BodyFault::TooLarge => {
            let reason = format!("the answer has more than {most} bytes");
            ApiError::own(operation.to_owned(), Class::TooLarge, reason)
        }
    }
}

/// A request without an answer, or with half of one. In our own words: those of the library may hold the address.
fn transport(operation: &str, error: &reqwest::Error) -> ApiError {
    if error.is_builder() {
        return ApiError::own(operation.to_owned(), Class::Bug, "the request cannot be built");
    }
    let what = if error.is_timeout() {
        "no answer in time"
    } else if error.is_connect() {
        "no connection"
    } else if error.is_body() || error.is_decode() {
        "the answer was cut off"
    } else {
        "the connection broke"
    };
    let tls = tls::reason(error).map(|why| format!("{what}, {why}"));
    let reason = tls.unwrap_or_else(|| match io_kind(error).map(|kind| kind.to_string()) {
        // What the system does not classify is most often a name that cannot be found.
        Some(kind) if error.is_connect() && kind.contains("uncategorized") => {
            format!("{what}, the host name may be wrong")
        }
        Some(kind) => format!("{what}, {kind}"),
        None => what.to_owned(),
    });
    ApiError::own(operation.to_owned(), Class::Retry { after: None }, reason)
}

/// The kind of the failure of the operating system below an error, if there is one.
fn io_kind(error: &(dyn std::error::Error + 'static)) -> Option<std::io::ErrorKind> {
    let mut below = error.source();
    while let Some(error) = below {
        let kind = error.downcast_ref::<std::io::Error>().map(std::io::Error::kind);
        if let Some(kind) = kind.filter(|kind| *kind != std::io::ErrorKind::Other) {
            return Some(kind);
        }
        below = error.source();
    }
    None
}

#[cfg(test)]
mod server;
#[cfg(test)]
mod tests;
