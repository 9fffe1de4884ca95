//! Connections to the database, and the transaction that a request runs in.

use std::error::Error as StdError;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_postgres::types::private::BytesMut;
use tokio_postgres::types::{Format, IsNull, ToSql, Type};
use tokio_postgres::{Client, Config, NoTls, Row, Transaction};

/// As PostgREST has by default on a small project.
const SIZE: usize = 10;

/// As PostgREST's `db-pool-acquisition-timeout`.
const ACQUISITION: Duration = Duration::from_secs(10);

pub(crate) struct Pool {
    config: Config,
    idle: Mutex<Vec<Client>>,
    permits: Arc<Semaphore>,
}

/// Why there is no connection.
pub(crate) enum NoConnection {
    /// All are busy.
    Timeout,
    /// The server cannot be reached.
    Unreachable,
}

impl Pool {
    pub(crate) fn new(config: Config) -> Self {
        Self { config, idle: Mutex::default(), permits: Arc::new(Semaphore::new(SIZE)) }
    }

    pub(crate) fn config(&self) -> &Config {
        &self.config
    }

    pub(crate) async fn get(&self) -> Result<Lease<'_>, NoConnection> {
        let permit = tokio::time::timeout(ACQUISITION, Arc::clone(&self.permits).acquire_owned()).await;
        let Ok(Ok(permit)) = permit else {
            return Err(NoConnection::Timeout);
        };
        while let Some(client) = self.pop() {
            if !client.is_closed() {
                return Ok(Lease { client, pool: self, _permit: permit });
            }
        }
        let (client, connection) = self.config.connect(NoTls).await.map_err(|_| NoConnection::Unreachable)?;
        tokio::spawn(connection);
        Ok(Lease { client, pool: self, _permit: permit })
    }

    fn pop(&self) -> Option<Client> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }
}

/// A connection in use. It goes back by [`Lease::done`]; dropped in the middle of something it is closed.
pub(crate) struct Lease<'p> {
    pub(crate) client: Client,
    pool: &'p Pool,
    _permit: OwnedSemaphorePermit,
}

impl Lease<'_> {
    pub(crate) fn done(self) {
        self.pool.idle.lock().unwrap_or_else(PoisonError::into_inner).push(self.client);
    }
}

/// Who runs a transaction.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    pub(crate) role: String,
    pub(crate) claims: Value,
}

impl Caller {
    pub(crate) fn anon() -> Self {
        Self { role: "anon".to_owned(), claims: serde_json::json!({"role": "anon"}) }
    }

    /// The role of the claims; without one it is anon, as PostgREST has it.
    pub(crate) fn of(claims: Value) -> Self {
        let role = claims["role"].as_str().unwrap_or("anon").to_owned();
        Self { role, claims }
    }

    /// Begins a transaction in which the role's grants and policies hold and its statement timeout runs.
    pub(crate) async fn begin<'c>(
        &self,
        client: &'c mut Client,
        read_only: bool,
        statement_timeout: Option<Duration>,
    ) -> Result<Transaction<'c>, tokio_postgres::Error> {
        let transaction = client.build_transaction().read_only(read_only).start().await?;
        let timeout = statement_timeout.map(|timeout| timeout.as_millis().to_string());
        let claims = self.claims.to_string();
        transaction.query_one(SET_UP, &[&self.role, &claims, &timeout]).await?;
        Ok(transaction)
    }
}

/// The settings of a request. The role comes last: the others may need more rights than it has.
const SET_UP: &str = "
    with wanted (role, claims, timeout) as (values ($1::text, $2::text, $3::text)),
    configured (role, timeout) as (
        select rolname, split_part(setting, '=', 2) from pg_catalog.pg_roles, unnest(rolconfig) setting
        where split_part(setting, '=', 1) = 'statement_timeout'
    )
    select set_config('statement_timeout', coalesce(
            wanted.timeout,
            (select timeout from configured where configured.role = wanted.role),
            (select timeout from configured where configured.role = 'authenticator'),
            '8s'), true),
        set_config('search_path', 'public, extensions', true),
        set_config('request.jwt.claims', wanted.claims, true),
        set_config('role', wanted.role, true)
    from wanted";

/// A statement that is put together from text and parameters.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sql {
    text: String,
    params: Vec<Untyped>,
}

impl Sql {
    pub(crate) fn new(text: &str) -> Self {
        Self { text: text.to_owned(), params: Vec::new() }
    }

    pub(crate) fn push(&mut self, text: &str) -> &mut Self {
        self.text.push_str(text);
        self
    }

    pub(crate) fn param(&mut self, value: &str) -> &mut Self {
        self.params.push(Untyped(value.to_owned()));
        self.text.push_str(&format!("${}", self.params.len()));
        self
    }

    pub(crate) async fn query_one(&self, transaction: &Transaction<'_>) -> Result<Row, tokio_postgres::Error> {
        let params: Vec<&(dyn ToSql + Sync)> = self.params.iter().map(|param| param as &(dyn ToSql + Sync)).collect();
        transaction.query_one(&self.text, &params).await
    }
}

/// A name as SQL has it.
pub(crate) fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A text as SQL has it.
pub(crate) fn literal(text: &str) -> String {
    let quoted = text.replace('\'', "''");
    if text.contains('\\') { format!("E'{}'", quoted.replace('\\', "\\\\")) } else { format!("'{quoted}'") }
}

/// A parameter in its text form: the server finds the type and reports what does not fit, as it does for PostgREST.
#[derive(Clone, Debug)]
struct Untyped(String);

impl ToSql for Untyped {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn StdError + Sync + Send>> {
        out.extend_from_slice(self.0.as_bytes());
        Ok(IsNull::No)
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    fn to_sql_checked(&self, ty: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn StdError + Sync + Send>> {
        self.to_sql(ty, out)
    }

    fn encode_format(&self, _: &Type) -> Format {
        Format::Text
    }
}
