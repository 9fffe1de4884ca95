//! A fresh database for a test, and short ways to act in it.

use std::fmt;
use std::sync::atomic::{AtomicU32, Ordering};

use tokio_postgres::{Client, NoTls, SimpleQueryMessage};
use vyx_supabase::cluster::Cluster;
use vyx_supabase::people::{USERS_SQL, traders_sql};

pub use vyx_supabase::people::{ALICE, ALICES_APP, ALICES_TRADER, BOB, BOBS_APP, BOBS_TRADER, BUILT_IN};

/// A digest; nothing has to hash to it here.
pub const DIGEST: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

/// A session in a database of its own.
pub struct Db {
    client: Client,
    /// The database, as the superuser.
    pub url: String,
}

/// What PostgreSQL said to a statement that it refused.
#[derive(Debug)]
pub struct Refusal {
    pub code: String,
    pub constraint: Option<String>,
    pub message: String,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:?}: {}", self.code, self.constraint, self.message)
    }
}

impl Db {
    /// Production schema and migrations, two users, three traders. The session is the superuser's.
    pub async fn world() -> Self {
        let db = Self::connect(&Cluster::shared().create_database(&unused_name()).unwrap()).await;
        db.people().await;
        db
    }

    /// Nothing in it; `schema` and `migrations` fill it.
    pub async fn plain() -> Self {
        Self::connect(&Cluster::shared().create_plain_database(&unused_name()).unwrap()).await
    }

    /// Another session in the same database.
    pub async fn connect(url: &str) -> Self {
        let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
        tokio::spawn(connection);
        Self { client, url: url.to_owned() }
    }

    /// The database's address as the role that applies migrations.
    pub fn url_of_postgres(&self) -> String {
        self.url.replace("supabase_admin@", "postgres@")
    }

    /// Adds the users and traders of `world`.
    pub async fn people(&self) {
        self.run(USERS_SQL).await;
        self.run(&traders_sql("1m MACD Cross Below 40")).await;
    }

    /// From here on the session is that of a user of the web app.
    pub async fn become_user(&self, user: &str) {
        self.become_role("authenticated").await;
        let claims = format!(r#"{{"sub": "{user}", "role": "authenticated"}}"#);
        self.run(&format!("select set_config('request.jwt.claims', '{claims}', false)")).await;
    }

    /// From here on the session has this role.
    pub async fn become_role(&self, role: &str) {
        self.become_superuser().await;
        self.run(&format!("set role {role}")).await;
    }

    pub async fn become_superuser(&self) {
        self.run("reset role; select set_config('request.jwt.claims', '', false)").await;
    }

    /// Runs statements that must succeed.
    pub async fn run(&self, statements: &str) {
        if let Err(refusal) = self.attempt(statements).await {
            panic!("{refusal}\n{statements}");
        }
    }

    /// Runs statements and returns what became of them.
    pub async fn attempt(&self, statements: &str) -> Result<(), Refusal> {
        self.client.batch_execute(statements).await.map_err(|error| {
            let Some(error) = error.as_db_error() else { panic!("{error}") };
            Refusal {
                code: error.code().code().to_owned(),
                constraint: error.constraint().map(str::to_owned),
                message: error.message().to_owned(),
            }
        })
    }

    /// Runs statements that must be refused with this code, and returns the refusal.
    pub async fn refused(&self, code: &str, statements: &str) -> Refusal {
        match self.attempt(statements).await {
            Ok(()) => panic!("not refused: {statements}"),
            Err(refusal) => {
                assert_eq!(refusal.code, code, "{refusal}");
                refusal
            }
        }
    }

    /// Runs statements that a rule of this name must refuse as a violated check.
    pub async fn refused_by(&self, constraint: &str, statements: &str) -> Refusal {
        let refusal = self.refused("23514", statements).await;
        assert_eq!(refusal.constraint.as_deref(), Some(constraint), "{refusal}");
        refusal
    }

    /// The rows of a query, the columns of each joined by a blank; `null` for null.
    pub async fn rows(&self, query: &str) -> Vec<String> {
        let messages = self.client.simple_query(query).await.unwrap_or_else(|error| panic!("{error:?}\n{query}"));
        let rows = messages.into_iter().filter_map(|message| match message {
            SimpleQueryMessage::Row(row) => {
                let cells: Vec<_> = (0..row.len()).map(|i| row.get(i).unwrap_or("null").to_owned()).collect();
                Some(cells.join(" "))
            }
            _ => None,
        });
        rows.collect()
    }

    /// The one cell that a query gives.
    pub async fn value(&self, query: &str) -> String {
        let rows = self.rows(query).await;
        assert_eq!(rows.len(), 1, "{query} gave {rows:?}");
        rows[0].clone()
    }

    /// How many rows a statement wrote.
    pub async fn count(&self, statement: &str) -> u64 {
        self.client.execute(statement, &[]).await.unwrap_or_else(|error| panic!("{error:?}\n{statement}"))
    }

    /// How many rows a table has.
    pub async fn size(&self, table: &str) -> String {
        self.value(&format!("select count(*) from {table}")).await
    }

    /// Sets a trader's flag and times as if it had happened then; the triggers would take the present.
    pub async fn toggled(&self, trader: &str, enabled: bool, enabled_at: &str, disabled_at: &str) {
        self.become_superuser().await;
        self.run(&format!(
            "set session_replication_role = replica;
             update traders set enabled = {enabled}, enabled_at = {enabled_at}, disabled_at = {disabled_at}
             where id = '{trader}';
             set session_replication_role = origin"
        ))
        .await;
    }
}

fn unused_name() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("test_{}", NEXT.fetch_add(1, Ordering::Relaxed))
}

/// A signal that somebody writes.
#[derive(Clone)]
pub struct Signal {
    pub id: String,
    pub trader: &'static str,
    pub user: Option<&'static str>,
    pub app: Option<&'static str>,
    pub source: &'static str,
    /// An SQL expression.
    pub closed_at: &'static str,
}

impl Signal {
    /// As the host writes it for the built-in trader.
    pub fn built_in() -> Self {
        Self {
            id: uuid::Uuid::new_v4().to_string(),
            trader: BUILT_IN,
            user: None,
            app: None,
            source: "cloud",
            closed_at: "now()",
        }
    }

    /// As the host writes it for Alice's trader.
    pub fn alices() -> Self {
        Self { trader: ALICES_TRADER, user: Some(ALICE), app: Some(ALICES_APP), ..Self::built_in() }
    }

    pub fn sql(&self) -> String {
        let quoted = |id: Option<&str>| id.map_or("null".to_owned(), |id| format!("'{id}'"));
        format!(
            "insert into signals (id, trader_id, user_id, symbol, interval, timestamp, price_at_signal, count, source, fly_app_id)
             values ('{}', '{}', {}, 'BTCUSDT', '5m', {}, 100, 1, '{}', {})",
            self.id,
            self.trader,
            quoted(self.user),
            self.closed_at,
            self.source,
            quoted(self.app)
        )
    }

    /// As the host sends it: what is there already is left alone.
    pub fn sql_ignoring_duplicates(&self) -> String {
        format!("{} on conflict (id) do nothing", self.sql())
    }
}
