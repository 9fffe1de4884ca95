//! A throwaway PostgreSQL server for the tests of one process: real, on loopback, gone afterwards.
//!
//! The first start makes a data directory with the production schema and the migrations in it and keeps a copy beside
//! the test binaries; later starts copy that. A watchdog process holds the reading end of a pipe: when the test process
//! ends, in whatever way, it stops the server and removes the directory.

use std::fs;
use std::io::Read;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use crate::postgres::{Binaries, Owner};
use crate::sql;
use crate::template;

/// How long a server may take to come up or go down before the test fails. Generous: it only guards against hanging.
const HANG_GUARD: Duration = Duration::from_secs(90);

/// The pause between two looks at a server that is coming up or going down.
const PAUSE: Duration = Duration::from_millis(10);

/// Free memory from which on servers live in it. One takes about 40 MB, and as many run at once as there are cores.
const MEMORY_BYTES: u64 = 2 << 30;

/// The database that `create_database` copies: production schema and migrations.
pub const TEMPLATE: &str = "vyx_template";

/// Stops the server that a dead test process left behind and removes its directory. `$1` is the directory.
const WATCHDOG: &str = r#"
read -r _
file="$1/data/postmaster.pid"
pid=$(head -n 1 "$file" 2>/dev/null) && kill -QUIT "$pid" 2>/dev/null
n=0
while [ -e "$file" ] && kill -0 "$pid" 2>/dev/null && [ $n -lt 50 ]; do n=$((n + 1)); sleep 0.1; done
rm -rf "$1" || { sleep 1; rm -rf "$1"; }
"#;

/// A running PostgreSQL server. Dropping it stops the server and removes its directory.
#[derive(Debug)]
pub struct Cluster {
    binaries: Binaries,
    owner: Option<Owner>,
    dir: PathBuf,
    port: u16,
    server: Option<Child>,
    watchdog: Child,
}

impl Cluster {
    /// Starts a server of its own for the caller and returns once it accepts connections. Blocking; may be called from
    /// within an async runtime.
    ///
    /// # Errors
    ///
    /// No PostgreSQL of at least version 15 on this machine, or a server that does not come up (with the end of its log).
    pub fn start() -> Result<Self> {
        let mut cluster = Self::make()?;
        let data = cluster.data();
        template::fill(&cluster.binaries, cluster.owner, &data)?;
        cluster.launch()?;
        Ok(cluster)
    }

    /// The one server that all callers of this process share; use a database of your own in it. It ends with the process.
    ///
    /// # Panics
    ///
    /// If the server cannot be started.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Cluster> = OnceLock::new();
        SHARED.get_or_init(|| match Self::start() {
            Ok(cluster) => cluster,
            Err(error) => panic!("cannot start PostgreSQL: {error:#}"),
        })
    }

    /// An empty data directory and its watchdog, nothing running yet.
    pub(crate) fn make() -> Result<Self> {
        let binaries = Binaries::find()?;
        let owner = Owner::for_servers()?;
        let dir = tempfile::Builder::new().prefix("vyx-postgres-").tempdir_in(workplace());
        let dir = dir.context("cannot make a directory for the server")?.keep();
        let watchdog = watchdog(&dir)?;
        let cluster = Self { binaries, owner, dir, port: 0, server: None, watchdog };
        let data = cluster.data();
        fs::create_dir(&data)?;
        fs::set_permissions(&data, fs::Permissions::from_mode(0o700))?;
        if let Some(owner) = owner {
            chown(&cluster.dir, Some(owner.uid), Some(owner.gid))?;
            chown(&data, Some(owner.uid), Some(owner.gid))?;
        }
        Ok(cluster)
    }

    /// Where the server listens on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The address of a database, as the superuser `supabase_admin`.
    pub fn url(&self, database: &str) -> String {
        self.url_as(database, "supabase_admin")
    }

    /// The address of a database as another role that may log in (`postgres`, `authenticator`). Nobody needs a password.
    pub fn url_as(&self, database: &str, role: &str) -> String {
        format!("postgresql://{role}@127.0.0.1:{}/{database}", self.port)
    }

    /// Makes a database with the production schema and the migrations, and returns its address as the superuser.
    ///
    /// # Errors
    ///
    /// The server does not run, or has a database of that name.
    pub fn create_database(&self, name: &str) -> Result<String> {
        self.create_from(name, TEMPLATE)?;
        Ok(self.url(name))
    }

    /// Makes a database without anything of Supabase in it, owned by `postgres`.
    ///
    /// # Errors
    ///
    /// The server does not run, or has a database of that name.
    pub fn create_plain_database(&self, name: &str) -> Result<String> {
        self.create_from(name, "template0")?;
        Ok(self.url(name))
    }

    fn create_from(&self, name: &str, template: &str) -> Result<()> {
        ensure!(
            !name.is_empty() && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_'),
            "`{name}` is no name for a test database; use lowercase letters, digits and underscores"
        );
        sql::execute(&self.url("postgres"), &format!("create database {name} template {template} owner postgres"))
            .with_context(|| format!("cannot create the database `{name}`"))
    }

    /// Stops the server at once, as a crash does, and starts it again on the same port. What was committed is kept.
    ///
    /// # Errors
    ///
    /// The server does not go down or come up.
    pub fn restart(&mut self) -> Result<()> {
        self.stop()?;
        self.start_again()
    }

    /// Stops the server at once: connections break, nothing is flushed in an orderly way. Does nothing when it is down.
    ///
    /// # Errors
    ///
    /// The server does not go down.
    pub fn stop(&mut self) -> Result<()> {
        self.shut_down(rustix::process::Signal::QUIT)
    }

    /// Starts a stopped server again, on the same port, and returns once it accepts connections.
    ///
    /// # Errors
    ///
    /// The server does not come up.
    pub fn start_again(&mut self) -> Result<()> {
        ensure!(self.server.is_none(), "the server runs already; stop it first");
        self.spawn()?;
        match self.await_ready()? {
            true => Ok(()),
            false => bail!("the server did not start again on port {}\n{}", self.port, self.log_tail()),
        }
    }

    /// Stops the server in an orderly way, so that its files are complete.
    pub(crate) fn stop_cleanly(&mut self) -> Result<()> {
        self.shut_down(rustix::process::Signal::INT)
    }

    /// Starts the server on a port that nobody uses.
    pub(crate) fn launch(&mut self) -> Result<()> {
        for _ in 0..10 {
            self.port = free_port()?;
            self.spawn()?;
            // Another process may have taken the port since; with another port it works.
            if self.await_ready()? {
                return Ok(());
            }
            ensure!(self.log_tail().contains("Address already in use"), "the server ended:\n{}", self.log_tail());
        }
        bail!("found no free port for the server")
    }

    pub(crate) fn binaries(&self) -> &Binaries {
        &self.binaries
    }

    pub(crate) fn owner(&self) -> Option<Owner> {
        self.owner
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.dir.join("data")
    }

    fn log(&self) -> PathBuf {
        self.dir.join("server.log")
    }

    fn log_tail(&self) -> String {
        let log = fs::read_to_string(self.log()).unwrap_or_default();
        let lines: Vec<_> = log.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }

    fn spawn(&mut self) -> Result<()> {
        let log = fs::File::create(self.log())?;
        let mut command = self.binaries.command("postgres", self.owner);
        command.arg("-D").arg(self.data());
        for setting in self.settings() {
            command.arg("-c").arg(setting);
        }
        // A group of its own: an interrupt at the terminal is for the tests, which then stop the server in their way.
        command.process_group(0).stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        self.server = Some(command.spawn().context("cannot start postgres")?);
        Ok(())
    }

    /// Losing the machine would lose data with these; losing the server, which is what tests do to it, does not.
    fn settings(&self) -> Vec<String> {
        vec![
            "listen_addresses=127.0.0.1".to_owned(),
            format!("port={}", self.port),
            format!("unix_socket_directories={}", self.dir.display()),
            "fsync=off".to_owned(),
            "synchronous_commit=on".to_owned(),
            "full_page_writes=off".to_owned(),
            "wal_level=logical".to_owned(),
            "max_connections=100".to_owned(),
            "max_wal_senders=50".to_owned(),
            "max_replication_slots=50".to_owned(),
            "shared_buffers=32MB".to_owned(),
            "min_wal_size=8MB".to_owned(),
            "autovacuum=off".to_owned(),
            "jit=off".to_owned(),
            "timezone=UTC".to_owned(),
            "log_timezone=UTC".to_owned(),
        ]
    }

    /// True once the server accepts connections, false when it ended instead.
    fn await_ready(&mut self) -> Result<bool> {
        let began = Instant::now();
        loop {
            if let Some(server) = &mut self.server
                && server.try_wait()?.is_some()
            {
                self.server = None;
                return Ok(false);
            }
            // The pid file says `ready` once the server has recovered and listens.
            let pid_file = fs::read_to_string(self.data().join("postmaster.pid")).unwrap_or_default();
            if pid_file.lines().nth(7).is_some_and(|status| status.trim() == "ready") {
                return Ok(true);
            }
            ensure!(began.elapsed() < HANG_GUARD, "the server does not come up:\n{}", self.log_tail());
            std::thread::sleep(PAUSE);
        }
    }

    fn shut_down(&mut self, signal: rustix::process::Signal) -> Result<()> {
        let Some(mut server) = self.server.take() else { return Ok(()) };
        rustix::process::kill_process(rustix::process::Pid::from_child(&server), signal)?;
        let began = Instant::now();
        while server.try_wait()?.is_none() {
            if began.elapsed() > HANG_GUARD {
                server.kill()?;
                server.wait()?;
                bail!("the server did not stop and was killed:\n{}", self.log_tail());
            }
            std::thread::sleep(PAUSE);
        }
        Ok(())
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if let Err(error) = self.stop() {
            eprintln!("{error:#}");
        }
        drop(self.watchdog.stdin.take());
        let _ = self.watchdog.wait();
    }
}

/// Memory where there is enough of it: a server is a thousand small files, which a disk makes twenty times more slowly.
fn workplace() -> PathBuf {
    let memory = Path::new("/dev/shm");
    let free_bytes = rustix::fs::statvfs(memory).map_or(0, |stat| stat.f_bavail * stat.f_frsize);
    if free_bytes >= MEMORY_BYTES { memory.to_owned() } else { std::env::temp_dir() }
}

fn watchdog(dir: &Path) -> Result<Child> {
    Command::new("/bin/sh")
        .args(["-c", WATCHDOG, "vyx-postgres-watchdog"])
        .arg(dir)
        .process_group(0)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .context("cannot start the watchdog of the server")
}

/// A port below those that the system hands out by itself, so that nobody gets it while the server is down for a restart.
fn free_port() -> Result<u16> {
    let mut random = [0; 2];
    for _ in 0..100 {
        fs::File::open("/dev/urandom")?.read_exact(&mut random)?;
        let port = 20_000 + u16::from_le_bytes(random) % 12_000;
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return Ok(port);
        }
    }
    bail!("found no free port between 20000 and 32000")
}
