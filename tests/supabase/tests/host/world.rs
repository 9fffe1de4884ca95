//! A project with two users and their apps, and hosts that run on it as processes.

use std::path::PathBuf;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;
use sha2::{Digest as _, Sha256};
use tokio::runtime::Runtime;
use tokio_postgres::{Client, NoTls, Row};
use vyx_supabase::Standin;
use vyx_supabase::cluster::Cluster;

use crate::process::Host;

/// Longer than anything takes; what has not come by then never will.
pub const HANG: Duration = Duration::from_secs(90);

/// How often what tells nobody is looked at.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

pub use vyx_supabase::people::*;

/// The runtime of the tests themselves.
pub fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap())
}

/// A built component.
pub fn component(name: &str) -> Vec<u8> {
    let folder = crate::process::beside("VYX_TRADERS", "traders");
    std::fs::read(folder.join(format!("{name}.wasm"))).unwrap()
}

/// The same component with another digest: what it does is the same.
pub fn other_bytes(mut component: Vec<u8>, note: &str) -> Vec<u8> {
    let length = u8::try_from(note.len()).unwrap();
    // A custom section: its id, its length, the length of its name, its name.
    component.extend([0, length + 1, length]);
    component.extend(note.as_bytes());
    component
}

/// The sha256 of bytes, as the row names it.
pub fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A trader of a row.
pub struct Trader<'a> {
    pub id: &'a str,
    pub name: &'a str,
    /// None for a built-in.
    pub user: Option<&'a str>,
    pub module: &'a str,
    pub params: &'a str,
    pub enabled: bool,
}

impl<'a> Trader<'a> {
    pub fn built_in(id: &'a str, name: &'a str, module: &'a str) -> Self {
        Self { id, name, user: None, module, params: "{}", enabled: true }
    }

    pub fn of(user: &'a str, id: &'a str, name: &'a str, module: &'a str) -> Self {
        Self { user: Some(user), ..Self::built_in(id, name, module) }
    }

    pub fn params(self, params: &'a str) -> Self {
        Self { params, ..self }
    }

    pub fn disabled(self) -> Self {
        Self { enabled: false, ..self }
    }
}

/// The database, the stand-in before it, and a folder for hosts.
pub struct World {
    pub standin: Standin,
    pub dir: tempfile::TempDir,
    client: Client,
    /// A server of its own, where the test stops it; the others share one.
    cluster: Option<Cluster>,
    pub url: String,
}

impl World {
    /// On the server that the tests of this process share.
    pub fn new() -> Self {
        Self::over(Cluster::shared().create_database(&unused_name()).unwrap(), None)
    }

    /// On a server of its own.
    pub fn with_own_server() -> Self {
        let cluster = Cluster::start().unwrap();
        Self::over(cluster.create_database(&unused_name()).unwrap(), Some(cluster))
    }

    fn over(url: String, cluster: Option<Cluster>) -> Self {
        vyx_host::tls::install();
        let client = connect(&url);
        let world =
            Self { standin: Standin::start(&url).unwrap(), dir: tempfile::tempdir().unwrap(), client, cluster, url };
        world.run(USERS_SQL);
        world
    }

    /// The server, to be stopped and started.
    pub fn cluster(&mut self) -> &mut Cluster {
        self.cluster.as_mut().expect("the world was made without a server of its own")
    }

    /// After the server was restarted.
    pub fn reconnect(&mut self) {
        self.client = connect(&self.url);
    }

    /// Statements, as the superuser.
    pub fn run(&self, sql: &str) {
        runtime().block_on(self.client.batch_execute(sql)).unwrap_or_else(|error| panic!("{sql}: {error:?}"));
    }

    pub fn query(&self, sql: &str) -> Vec<Row> {
        runtime().block_on(self.client.query(sql, &[])).unwrap_or_else(|error| panic!("{sql}: {error:?}"))
    }

    /// A number.
    pub fn count(&self, sql: &str) -> i64 {
        self.query(sql)[0].get(0)
    }

    /// Puts the module into the storage and the list of modules, as a publisher would.
    pub fn publish(&self, user: Option<&str>, bytes: &[u8]) -> String {
        let sha256 = digest(bytes);
        let path = format!("{}/{sha256}.wasm", user.unwrap_or("built-in"));
        let request = reqwest::Client::new()
            .post(format!("{}/storage/v1/object/trader-modules/{path}", self.standin.url()))
            .header("apikey", self.standin.service_secret())
            .header("content-type", "application/wasm")
            .body(bytes.to_vec());
        let answer = runtime().block_on(async {
            let answer = request.send().await.unwrap();
            (answer.status(), answer.text().await.unwrap())
        });
        assert!(answer.0.is_success() || answer.1.contains("KeyAlreadyExists"), "{answer:?}");
        let owner = user.map_or("null".to_owned(), |user| format!("'{user}'"));
        self.run(&format!(
            "insert into trader_modules (sha256, user_id, size_bytes, abi, sdk, name, manifest)
             values ('{sha256}', {owner}, {}, '1.0.0', 'test', 'test', '{{}}') on conflict do nothing",
            bytes.len()
        ));
        sha256
    }

    /// Publishes the module of a trader and makes its row.
    pub fn add(&self, trader: Trader<'_>) {
        let sha256 = self.publish(trader.user, &component(trader.module));
        let Trader { id, name, user, params, enabled, .. } = trader;
        let (owner, built_in, kind) = match user {
            Some(user) => (format!("'{user}'"), false, "user"),
            None => ("null".to_owned(), true, "system"),
        };
        self.run(&format!(
            "insert into traders
                (id, name, description, filter, strategy, user_id, is_built_in, ownership_type, enabled, module_sha256, params)
             values ('{id}', '{name}', '', '{{}}', '{{}}', {owner}, {built_in}, '{kind}', {enabled}, '{sha256}', '{params}')"
        ));
    }

    /// Has the row name another module and other parameters.
    pub fn set_version(&self, id: &str, sha256: &str, params: &str) {
        self.run(&format!("update traders set module_sha256 = '{sha256}', params = '{params}' where id = '{id}'"));
    }

    pub fn enable(&self, id: &str, enabled: bool) {
        self.run(&format!("update traders set enabled = {enabled} where id = '{id}'"));
    }

    /// The shared app on this project.
    pub fn shared(&self) -> Host {
        self.host("shared").env("RUN_MODE", "shared_backend").env("FLY_APP_NAME", "vyx-app")
    }

    /// Alice's app on this project.
    pub fn dedicated(&self) -> Host {
        self.host("dedicated")
            .env("RUN_MODE", "user_dedicated")
            .env("USER_ID", ALICE)
            .env("FLY_APP_NAME", ALICES_APP_NAME)
    }

    /// A host on this project with a DATA_DIR of that name, and without an identity.
    pub fn host(&self, name: &str) -> Host {
        Host::new(self.dir.path().join(name))
            .env("SUPABASE_URL", &self.standin.url())
            .env("SUPABASE_SERVICE_ROLE_KEY", &self.standin.service_secret())
            .env("PORT", "0")
            .env("FEED", "synthetic:1")
            .env("SYMBOL_COUNT", "3")
            .env("FEED_SPEED", "600")
            .env("LOG_FORMAT", "json")
    }

    /// Candles of one minute for so many symbols, as files, for `FEED=replay:`.
    pub fn candles(&self, symbols: usize, minutes: usize) -> PathBuf {
        let folder = self.dir.path().join(format!("candles-{symbols}-{minutes}"));
        std::fs::create_dir_all(&folder).unwrap();
        for symbol in 0..symbols {
            let mut text = String::from("open_time,open,high,low,close,volume\n");
            for minute in 0..minutes {
                let price = 100.0 + ((minute * 7 + symbol * 13) % 17) as f64 / 10.0;
                let (high, low) = (price + 1.0, price - 1.0);
                text += &format!("{},{price},{high},{low},{},10\n", START_MS + minute as i64 * 60_000, price + 0.1);
            }
            std::fs::write(folder.join(format!("S{symbol:03}USDT-1m.csv")), text).unwrap();
        }
        folder
    }

    /// Waits until the database says so.
    pub fn wait_for(&self, what: &str, sql: &str, is_so: impl Fn(i64) -> bool) -> i64 {
        wait(what, || Some(self.count(sql)).filter(|count| is_so(*count)))
    }
}

/// 2025-01-01T00:00Z, the open time of the first candle of [`World::candles`].
pub const START_MS: i64 = 1_735_689_600_000;

fn connect(url: &str) -> Client {
    runtime().block_on(async {
        let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
        tokio::spawn(connection);
        client
    })
}

fn unused_name() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    format!("host_{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}

/// Looks again and again until there is an answer. For what tells nobody when it changes: a table, a page.
pub fn wait<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + HANG;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "{what}: not within {HANG:?}");
        runtime().block_on(async { tokio::time::sleep(LOOK_AGAIN).await });
    }
}

/// A page as JSON.
pub fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}
