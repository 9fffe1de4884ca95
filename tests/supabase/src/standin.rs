//! The stand-in as a whole: its port, its keys, its controls.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow};
use axum::Router;
use serde_json::Value;
use tokio::net::TcpSocket;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio_postgres::{Config, NoTls};
use uuid::Uuid;

use crate::connection::{CuttableListener, Peer, Peers, reserve};
use crate::faults::{Fault, FaultId, Faults};
use crate::keys::Keys;
use crate::log::{Entry, Log};
use crate::pool::Pool;
use crate::realtime::{self, Hub, Realtime};
use crate::{serve, storage};

/// How many connections may wait to be accepted.
const BACKLOG: u32 = 1024;

/// What all requests share.
pub(crate) struct Shared {
    pub(crate) keys: Keys,
    pub(crate) pool: Pool,
    pub(crate) faults: Faults,
    pub(crate) log: Log,
    pub(crate) realtime: Hub,
    settings: Mutex<Settings>,
}

#[derive(Clone, Copy)]
pub(crate) struct Settings {
    pub(crate) max_rows: u64,
    pub(crate) statement_timeout: Option<Duration>,
    pub(crate) legacy_keys: bool,
    pub(crate) expired_is_301: bool,
}

impl Shared {
    pub(crate) fn settings(&self) -> Settings {
        *self.settings.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, change: impl FnOnce(&mut Settings)) {
        change(&mut self.settings.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

/// A running stand-in for one Supabase project. It runs on threads of its own, so that tests may block; dropping it ends
/// it.
pub struct Standin {
    shared: Arc<Shared>,
    address: SocketAddr,
    peers: Peers,
    server: Mutex<Server>,
    /// None only while it is dropped.
    runtime: Option<Runtime>,
}

enum Server {
    Up(JoinHandle<()>),
    /// The port is ours, but nobody listens.
    Down(TcpSocket),
    Gone,
}

impl Standin {
    /// Starts a project over a database that has the roles and schemas of one. Returns when it answers.
    ///
    /// # Errors
    ///
    /// The database cannot be reached as a superuser, or there is no port.
    pub fn start(database_url: &str) -> Result<Self> {
        let config: Config = database_url.parse().context("the address of the database is not valid")?;
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        let shared = Arc::new(Shared {
            keys: Keys::new(),
            pool: Pool::new(config),
            faults: Faults::default(),
            log: Log::new(),
            realtime: Hub::default(),
            settings: Mutex::new(Settings {
                max_rows: 1000,
                statement_timeout: None,
                legacy_keys: true,
                expired_is_301: false,
            }),
        });
        let peers = Peers::default();
        let (for_setup, for_server) = (Arc::clone(&shared), peers.clone());
        let (address, server) = block_on(&runtime, async move {
            set_up(&for_setup).await?;
            let socket = reserve(0)?;
            let address = socket.local_addr()?;
            anyhow::Ok((address, listen(socket, for_setup, for_server)?))
        })??;
        Ok(Self { shared, address, peers, server: Mutex::new(Server::Up(server)), runtime: Some(runtime) })
    }

    /// The address of the project: `http://127.0.0.1:<port>`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The legacy key of the role `service_role`.
    pub fn service_jwt(&self) -> String {
        self.shared.keys.service_jwt.clone()
    }

    /// The opaque key of the role `service_role`: `sb_secret_…`.
    pub fn service_secret(&self) -> String {
        self.shared.keys.service_secret.clone()
    }

    /// The legacy key of the role `anon`.
    pub fn anon_jwt(&self) -> String {
        self.shared.keys.anon_jwt.clone()
    }

    /// The opaque key of the role `anon`: `sb_publishable_…`.
    pub fn publishable(&self) -> String {
        self.shared.keys.publishable.clone()
    }

    /// The token of a user who logged in, valid for an hour. Sent as `Authorization: Bearer`, beside a key of `anon`.
    pub fn user_jwt(&self, user_id: Uuid) -> String {
        self.shared.keys.user(user_id)
    }

    /// A token with any claims, signed by this project; as a user's token it may have expired, or name any role.
    pub fn sign(&self, claims: &Value) -> String {
        self.shared.keys.sign(claims)
    }

    /// Injects a fault from now on.
    pub fn fault(&self, fault: Fault) -> FaultId {
        self.shared.faults.add(fault)
    }

    /// Ends a fault. Requests that hang by it are cut.
    pub fn remove_fault(&self, id: FaultId) {
        self.shared.faults.remove(id);
    }

    /// Ends all faults of requests. Requests that hang by them are cut.
    pub fn clear_faults(&self) {
        self.shared.faults.clear();
    }

    /// How many requests a fault has hit.
    pub fn fault_hits(&self, id: FaultId) -> u64 {
        self.shared.faults.hits(id)
    }

    /// The faults and the numbers of Realtime.
    pub fn realtime(&self) -> Realtime<'_> {
        Realtime(&self.shared.realtime)
    }

    /// The requests so far, in the order in which they came.
    pub fn requests(&self) -> Vec<Entry> {
        self.shared.log.entries()
    }

    /// How many requests of a method for a path came so far.
    pub fn count(&self, method: &str, path: &str) -> usize {
        self.requests().iter().filter(|entry| entry.is(method, path)).count()
    }

    /// Waits until the requests so far are as wanted.
    ///
    /// # Panics
    ///
    /// After a minute, with `what` and the requests in the message.
    pub async fn wait_until(&self, what: &str, wanted: impl FnMut(&[Entry]) -> bool) {
        self.shared.log.wait_until(what, wanted).await;
    }

    /// [`Self::wait_until`] for a test that is not async.
    ///
    /// # Panics
    ///
    /// As the other one, and on a thread of an async runtime.
    pub fn wait_until_blocking(&self, what: &str, wanted: impl FnMut(&[Entry]) -> bool) {
        self.runtime().block_on(self.wait_until(what, wanted));
    }

    /// How many rows a read may return (1000 from the start). What is above is cut without a word.
    pub fn set_max_rows(&self, max_rows: u64) {
        self.shared.set(|settings| settings.max_rows = max_rows);
    }

    /// A statement timeout for all roles, or none to have those of the roles.
    pub fn set_statement_timeout(&self, timeout: Option<Duration>) {
        self.shared.set(|settings| settings.statement_timeout = timeout);
    }

    /// Whether the legacy keys are valid, as they are from the start.
    pub fn set_legacy_keys(&self, valid: bool) {
        self.shared.set(|settings| settings.legacy_keys = valid);
    }

    /// Whether an expired token is PGRST301, as up to version 12 of PostgREST, and not PGRST303.
    pub fn set_expired_is_301(&self, old: bool) {
        self.shared.set(|settings| settings.expired_is_301 = old);
    }

    /// Puts other bytes in the place of an object's, without a trace in its row.
    ///
    /// # Errors
    ///
    /// There is no such object, or the database cannot be reached.
    pub fn corrupt_object(&self, bucket: &str, name: &str, bytes: &[u8]) -> Result<()> {
        let (shared, bucket, name) = (Arc::clone(&self.shared), bucket.to_owned(), name.to_owned());
        let bytes = bytes.to_vec();
        block_on(self.runtime(), async move {
            let lease = shared.pool.get().await.map_err(|_| anyhow!("cannot reach the database"))?;
            let sql = "update standin.blobs set bytes = $3 from storage.objects o
                where o.version = blobs.version and o.bucket_id = $1 and o.name = $2";
            let changed = lease.client.execute(sql, &[&bucket, &name, &bytes]).await?;
            lease.done();
            if changed == 1 { Ok(()) } else { Err(anyhow!("there is no object {name} in the bucket {bucket}")) }
        })?
    }

    /// Closes the port and all connections; new ones are refused. Does nothing when it is down.
    pub fn down(&self) {
        let mut server = self.server();
        match std::mem::replace(&mut *server, Server::Gone) {
            Server::Up(handle) => {
                handle.abort();
                let _ = block_on(self.runtime(), async move {
                    let _ = handle.await;
                });
                self.shared.realtime.tell(&realtime::CUT);
                self.peers.cut_all();
                let _context = self.runtime().enter();
                match reserve(self.address.port()) {
                    Ok(socket) => *server = Server::Down(socket),
                    Err(error) => panic!("the port of the stand-in was lost while it was down: {error}"),
                }
            }
            other => *server = other,
        }
    }

    /// Opens the port again, the same one. Does nothing when it is up.
    pub fn up(&self) {
        let mut server = self.server();
        match std::mem::replace(&mut *server, Server::Gone) {
            Server::Down(socket) => {
                let (shared, peers) = (Arc::clone(&self.shared), self.peers.clone());
                let _context = self.runtime().enter();
                match listen(socket, shared, peers) {
                    Ok(handle) => *server = Server::Up(handle),
                    Err(error) => panic!("cannot listen again: {error:#}"),
                }
            }
            other => *server = other,
        }
    }

    fn server(&self) -> MutexGuard<'_, Server> {
        self.server.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn runtime(&self) -> &Runtime {
        match &self.runtime {
            Some(runtime) => runtime,
            None => unreachable!("the runtime goes with the stand-in"),
        }
    }
}

impl Drop for Standin {
    fn drop(&mut self) {
        // Waiting for the threads is not allowed on a thread of an async runtime, and nobody needs it.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// Makes the stand-in's own schema and begins to listen for changes.
async fn set_up(shared: &Arc<Shared>) -> Result<()> {
    let (client, connection) = shared.pool.config().connect(NoTls).await.context("cannot reach the database")?;
    let connection = tokio::spawn(connection);
    let sql = format!("create schema if not exists standin; {} {}", storage::SCHEMA, realtime::SCHEMA);
    client.batch_execute(&sql).await.context("cannot make the schema of the stand-in")?;
    drop(client);
    let _ = connection.await;
    let (ready, is_ready) = oneshot::channel();
    tokio::spawn(realtime::run_capture(Arc::clone(shared), ready));
    is_ready.await.context("cannot listen for changes")
}

fn listen(socket: TcpSocket, shared: Arc<Shared>, peers: Peers) -> Result<JoinHandle<()>> {
    let listener = CuttableListener { listener: socket.listen(BACKLOG)?, peers };
    let router = Router::new().fallback(serve::serve).with_state(shared);
    let service = router.into_make_service_with_connect_info::<Peer>();
    Ok(tokio::spawn(async move {
        // It ends only by being aborted.
        let _ = axum::serve(listener, service).await;
    }))
}

/// Runs on the stand-in's own threads and waits, also on a thread of another async runtime.
fn block_on<T: Send + 'static>(runtime: &Runtime, work: impl Future<Output = T> + Send + 'static) -> Result<T> {
    let (sender, receiver) = std::sync::mpsc::channel();
    runtime.spawn(async move {
        let _ = sender.send(work.await);
    });
    receiver.recv().context("the stand-in broke down")
}
