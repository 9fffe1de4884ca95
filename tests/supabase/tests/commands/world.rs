//! A project with two users and three traders, and the commands in it.

use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use serde_json::Value;
use tokio::runtime::Runtime;
use tokio_postgres::{Client, NoTls, SimpleQueryMessage};
use vyx_supabase::Standin;
use vyx_supabase::cluster::Cluster;
use vyx_supabase::people::{USERS_SQL, traders_sql};

/// Longer than anything takes; a process that is still there hangs.
const HANG: Duration = Duration::from_secs(180);

pub use vyx_supabase::people::{ALICE, ALICES_APP, ALICES_TRADER, BOB, BOBS_APP, BOBS_TRADER, BUILT_IN};

/// Who starts a command.
#[derive(Clone, Copy)]
pub enum As {
    Operator,
    Author(&'static str),
}

pub struct World {
    pub standin: Standin,
    dir: tempfile::TempDir,
    runtime: Runtime,
    database: Client,
}

fn beside(variable: &str, below_target: &str) -> PathBuf {
    let path = std::env::var_os(variable)
        .map_or_else(|| std::env::current_exe().unwrap().ancestors().nth(3).unwrap().join(below_target), PathBuf::from);
    assert!(path.exists(), "{} is not there, run the tests with: cargo xtask test", path.display());
    path
}

/// A component.
pub fn component(name: &str) -> String {
    beside("VYX_TRADERS", "traders").join(format!("{name}.wasm")).to_str().unwrap().to_owned()
}

/// The digest of a component.
pub fn digest(name: &str) -> String {
    vyx_host::module::Digest::of(&std::fs::read(component(name)).unwrap()).to_string()
}

impl World {
    pub fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("commands_{}", NEXT.fetch_add(1, Ordering::Relaxed));
        let url = Cluster::shared().create_database(&name).unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let database = runtime.block_on(async {
            let (client, connection) = tokio_postgres::connect(&url, NoTls).await.unwrap();
            tokio::spawn(connection);
            client.batch_execute(USERS_SQL).await.unwrap();
            client.batch_execute(&traders_sql("Golden Cross")).await.unwrap();
            client
        });
        let standin = Standin::start(&url).unwrap();
        Self { standin, dir: tempfile::tempdir().unwrap(), runtime, database }
    }

    /// Runs statements as the superuser.
    pub fn sql(&self, statements: &str) {
        let done = self.runtime.block_on(self.database.batch_execute(statements));
        done.unwrap_or_else(|error| panic!("{error:?}\n{statements}"));
    }

    /// The rows of a query, the columns of each joined by a blank.
    pub fn rows(&self, query: &str) -> Vec<String> {
        let rows =
            self.runtime.block_on(self.database.simple_query(query)).unwrap_or_else(|e| panic!("{e:?}\n{query}"));
        let rows = rows.into_iter().filter_map(|message| match message {
            SimpleQueryMessage::Row(row) => {
                let cells: Vec<_> = (0..row.len()).map(|at| row.get(at).unwrap_or("null").to_owned()).collect();
                Some(cells.join(" "))
            }
            _ => None,
        });
        rows.collect()
    }

    /// Module and parameters of a trader's row.
    pub fn row(&self, trader: &str) -> String {
        self.rows(&format!("select module_sha256, params from traders where id = '{trader}'")).pop().unwrap()
    }

    /// What a host would write of a trader.
    pub fn host_says(&self, trader: &str, state: &str, module: &str, params: &Value, reason: Option<&str>) {
        let params = vyx_host::supervisor::plan::Params::of(params.as_object().unwrap()).hash().to_string();
        let metadata = serde_json::json!({
            "run_mode": "shared_backend", "module_sha256": module, "params_sha256": params, "reason": reason,
        });
        self.sql(&format!(
            "insert into trader_state (trader_id, state, last_error, metadata, signal_count)
             values ('{trader}', '{state}', $r${}$r$, $m${metadata}$m$, 7)
             on conflict (trader_id) do update set state = excluded.state, last_error = excluded.last_error,
                metadata = excluded.metadata",
            reason.unwrap_or_default()
        ));
    }

    pub fn data_dir(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    pub fn command(&self, who: As, env: &[(&str, &str)], args: &[&str]) -> Command {
        let mut command = Command::new(beside("VYX_BIN", "debug/vyx"));
        command.args(args).current_dir(self.dir.path()).env_clear();
        command.env("HOME", self.dir.path()).env("DATA_DIR", self.data_dir()).env("SUPABASE_URL", self.standin.url());
        match who {
            As::Operator => command.env("SUPABASE_SERVICE_ROLE_KEY", self.standin.service_secret()),
            As::Author(user) => command
                .env("SUPABASE_PUBLISHABLE_KEY", self.standin.publishable())
                .env("SUPABASE_USER_TOKEN", self.standin.user_jwt(user.parse().unwrap())),
        };
        for (name, value) in env {
            // An empty value takes a variable away.
            if value.is_empty() {
                command.env_remove(name)
            } else {
                command.env(name, value)
            };
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    pub fn vyx(&self, who: As, args: &[&str]) -> Ran {
        self.vyx_with(who, &[], args)
    }

    pub fn vyx_with(&self, who: As, env: &[(&str, &str)], args: &[&str]) -> Ran {
        self.wait(self.start(who, env, args))
    }

    pub fn start(&self, who: As, env: &[(&str, &str)], args: &[&str]) -> Child {
        self.command(who, env, args).spawn().unwrap()
    }

    pub fn wait(&self, child: Child) -> Ran {
        let (send, done) = mpsc::channel();
        let id = child.id();
        std::thread::spawn(move || send.send(child.wait_with_output().unwrap()));
        let output = done.recv_timeout(HANG).unwrap_or_else(|_| panic!("process {id} hangs"));
        let ran = Ran::of(&output);
        for secret in [self.standin.service_secret(), self.standin.service_jwt(), self.standin.publishable()] {
            assert!(!ran.out.contains(&secret) && !ran.err.contains(&secret), "a key was shown");
        }
        ran
    }
}

/// What a finished process left behind.
#[derive(Debug)]
pub struct Ran {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Ran {
    fn of(output: &Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let ran =
            Self { code: output.status.code().unwrap_or(-1), out: text(&output.stdout), err: text(&output.stderr) };
        assert!(!ran.err.contains("panicked"), "{}", ran.err);
        ran
    }

    /// It ended with this code and these words.
    #[track_caller]
    pub fn said(&self, code: i32, words: &[&str]) {
        let said = format!("{}{}", self.out, self.err);
        assert_eq!(self.code, code, "{said}");
        for word in words {
            assert!(said.contains(word), "{word:?} is not in: {said}");
        }
    }

    /// It failed with one line on standard error.
    #[track_caller]
    pub fn failed(&self, code: i32, words: &[&str]) {
        self.said(code, words);
        assert_eq!(self.err.trim_end().lines().count(), 1, "{}", self.err);
    }

    /// The JSON lines of standard output.
    #[track_caller]
    pub fn json(&self) -> Vec<Value> {
        self.out.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{self:?}"))).collect()
    }
}
