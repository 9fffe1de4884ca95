//! The host in production: proves who it is, then keeps the right traders running on the market, and their signals on the way to
//! the database, until it is told to end.

mod control;
mod delivery;
mod ending;
mod evaluation;
mod feed;
mod health;
mod http;
mod latency;
mod metrics;
mod proof;
mod realtime;
mod record;
mod state;
mod trader_state;
mod version;
mod wake;
mod worker;

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::net::TcpListener;
use tokio::sync::{oneshot, watch};

pub use health::{FeedState, Health, Report};
pub use state::{Observed, OutboxView, TraderView};
pub use version::Version;

use self::control::{Control, Nudges, Verdicts};
use self::ending::Ending;
use self::evaluation::Evaluation;
use self::latency::Latencies;
use self::trader_state::TraderStates;
use self::wake::Wake;
use self::worker::Worker;
use crate::config::{Config, DATA_DIR, Misconfigured, RunModeEnv, ServiceConfig, Speed, SupabaseEnv, feed_name};
use crate::ids::TraderId;
use crate::market::CATCH_UP_MS;
use crate::module::{Cache, Compiler, Modules};
use crate::ownership::Scope;
use crate::registry::SupabaseRegistry;
use crate::sandbox::Metering;
use crate::signal::outbox::{Bounds, OpenError, Outbox, Sender};
use crate::supabase::{ApiError, ProjectUrl, RealtimeState, Supabase};
use crate::supervisor::observe::Observer;
use crate::supervisor::{Begin, FaultLog, Fleet, LastGood, Reconciler, Resume};

/// Candles of the chart that each signal carries: as many as the web app shows.
const CHART_CANDLES: usize = 150;
/// How long signals may take to leave once the host must end. Fly kills after `kill_timeout`, 60 s; what is left stays on disk.
const DRAIN: Duration = Duration::from_secs(20);
/// How long the last word to `trader_state` may take.
const FAREWELL: Duration = Duration::from_secs(5);
/// Threads for everything that waits: status pages, Realtime, the sender. Traders have threads of their own.
const IO_THREADS: usize = 2;
/// Why the host does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// What was said of it is wrong, and a restart does not help.
    #[error(transparent)]
    Misconfigured(#[from] Misconfigured),
    /// The project is not as it must be, and a restart does not help.
    #[error("{0}")]
    Project(String),
    /// The machine.
    #[error("{0}")]
    Host(String),
}

impl StartError {
    fn host(what: &str, error: impl std::fmt::Display) -> Self {
        Self::Host(format!("{what}: {error}"))
    }
}

/// Runs until it is told to end.
///
/// # Errors
///
/// If it cannot start.
pub fn run(
    config: &Config,
    service: &ServiceConfig,
    env: &RunModeEnv,
    project: &SupabaseEnv,
) -> Result<(), StartError> {
    service.check_feed(project.url.is_loopback())?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(IO_THREADS)
        .thread_name("vyx-io")
        .enable_all()
        .build()
        .map_err(|error| StartError::host("cannot start threads", error))?;
    let ended = runtime.block_on(run_on(config, service, env, project));
    runtime.shutdown_timeout(Duration::from_secs(1));
    ended
}

async fn run_on(
    config: &Config,
    service: &ServiceConfig,
    env: &RunModeEnv,
    project: &SupabaseEnv,
) -> Result<(), StartError> {
    let mut ending = Ending::listen().map_err(|error| StartError::host("cannot wait for signals", error))?;
    log_start(service);
    let test_feed = feed::of_files_or_made_up(service)?;
    // Makes DATA_DIR private before anything is put there.
    let outbox = open_outbox(config, service, &identity(env, &project.url))?;
    let health = Arc::new(Health::new());
    let recorder = record::start(service, run_mode_name(env), &health)?;
    let faults = Arc::new(FaultLog::default());
    let fleet = Arc::new(fleet(config, service, record::observer(&recorder), faults.clone())?);
    let client = Supabase::new(project.url.clone(), project.credentials.clone())
        .map_err(|error| StartError::Host(error.to_string()))?;

    // Dropped on every way out of here, and with it the pages end.
    let (stop_pages, pages_stopped) = oneshot::channel::<()>();
    // Until it is proved who this host is, nothing is sent, not even what an earlier one left.
    let (prove, proved) = watch::channel(false);
    let mut sender = Sender::start(outbox.clone(), delivery::ToSupabase::new(client.clone(), proved));
    let (tell_realtime, realtime_told) = watch::channel(RealtimeState::Connecting);
    let observed = Observed {
        fleet: fleet.clone(),
        health: health.clone(),
        verdicts: Verdicts::default(),
        outbox: outbox.clone(),
        sender: sender.status(),
        realtime: realtime_told,
        latencies: Arc::new(Latencies::default()),
        scope: Arc::default(),
        market: Arc::default(),
        run_mode: run_mode_name(env),
    };
    let (nudges, listening) = Nudges::new();
    let listener = listen(service.port).await?;
    tokio::spawn(http::serve(listener, observed.clone(), nudges.clone(), service.admin_token.clone(), async move {
        let _ = pages_stopped.await;
    }));

    let check = tokio::select! {
        check = proof::prove(&client, env, &health) => check?,
        () = ending.comes() => return left(),
    };
    let scope = Scope::resolve(env, &check.user_fly_apps())?;
    tracing::info!("running {scope}");
    // Set once: this is the only place.
    let _ = observed.scope.set(scope.to_string());
    prove.send_replace(true);
    let realtime = client.realtime();
    let last_good = LastGood::open(&config.data_dir.join("last-good"))
        .map_err(|error| tracing::warn!(%error, "no last good versions are kept"))
        .ok();
    let wake = Wake::default();
    let connected = match test_feed {
        Some(connected) => connected,
        None => tokio::select! {
            connected = async {
                // After a lost disk the database knows best how far this host had come.
                let judged_ms = match outbox.earliest_cursor() {
                    Some(judged_ms) => Some(judged_ms),
                    None => proof::newest_signal_ms(&client, env).await,
                };
                let bell = wake.clone();
                feed::connect(service, judged_ms, &health, Box::new(move || bell.candles())).await
            } => connected?,
            () = ending.comes() => return left(),
        },
    };
    let feed::Connected { feed, history, market } = connected;
    if let Some(market) = &market {
        // Set once: this is the only place.
        let _ = observed.market.set(market.status.clone());
    }
    fleet.offer(feed.lock().unwrap_or_else(PoisonError::into_inner).symbols().clone());
    let (passed, passes) = watch::channel(0);
    let control = Control {
        registry: Box::new(registry(&client, env, &health, &outbox)),
        reconciler: Reconciler::new(scope, last_good),
        cursors: Box::new(Cursors { outbox: outbox.clone(), market }),
        fleet: fleet.clone(),
        feed: feed.clone(),
        health: health.clone(),
        verdicts: observed.verdicts.clone(),
        latencies: observed.latencies.clone(),
        evaluation: wake.clone(),
        passed,
        realtime: realtime.state(),
    };
    let mut control = Worker::start("vyx-control", move || control.run(&listening))?;
    let evaluation = Evaluation {
        fleet: fleet.clone(),
        feed,
        // The exchange has a clock of its own.
        speed: if service.feed.is_test() { service.feed_speed } else { Speed::Max },
        outbox,
        health: health.clone(),
        wake: wake.clone(),
        nudges: nudges.clone(),
        latencies: observed.latencies.clone(),
        faults,
        history,
    };
    let mut evaluation = Worker::start("vyx-evaluation", move || evaluation.run())?;
    let mut hearing =
        tokio::spawn(realtime::hear(realtime, tell_realtime, fleet, nudges.clone(), observed.latencies.clone()));
    let mut states = TraderStates::new(client, observed);
    let (stop_states, states_stopped) = oneshot::channel::<()>();
    let mut telling = tokio::spawn(async move {
        tokio::select! {
            () = states.run(passes) => {}
            _ = states_stopped => {}
        }
        states
    });

    // A part that ends by itself has panicked, or has nothing more to do: a host without it only looks healthy.
    let broken = tokio::select! {
        () = ending.comes() => None,
        _ = &mut control.gone => Some("the control thread"),
        _ = &mut evaluation.gone => Some("the evaluation"),
        _ = &mut hearing => Some("the realtime client"),
        _ = &mut telling => Some("the writer of trader_state"),
        () = sender.ended() => Some("the sender"),
    };
    if let Some(part) = broken {
        tracing::error!("{part} has ended, so the host ends; its signals are on disk");
    }
    tracing::info!("shutting down");
    health.draining();
    hearing.abort();
    wake.end();
    nudges.end();
    evaluation.join().await;
    control.join().await;
    record::finish(recorder).await;
    if let Some(part) = broken {
        return Err(StartError::Host(format!("{part} ended by itself, see the log; start the host again")));
    }
    let drained = sender.drain(DRAIN).await;
    if drained.left > 0 {
        tracing::warn!(signals = drained.left, "signals are left in the outbox, the next start sends them");
    }
    drop(stop_states);
    if let Ok(mut states) = telling.await {
        // An outage must not hold up the end.
        let _ = tokio::time::timeout(FAREWELL, states.farewell()).await;
    }
    drop(stop_pages);
    tracing::info!("bye");
    Ok(())
}

/// Told to end before anything ran.
fn left() -> Result<(), StartError> {
    tracing::info!("told to end before anything ran");
    Ok(())
}

/// Remembers how far traders have been judged.
struct Cursors {
    outbox: Outbox,
    /// Where the feed follows the clock: before a floor nothing is told live, nor before a trader was enabled.
    market: Option<feed::Market>,
}

impl crate::supervisor::Cursors for Cursors {
    fn begin(&self, trader: TraderId, enabled_at: Option<Timestamp>) -> Begin {
        // The candles of a test feed are of another time than the clock of the database.
        let times = self.market.as_ref().map(|market| {
            let now_ms = market.status.get().now_ms;
            let floor_ms = market.floor_ms.max(now_ms.saturating_sub(CATCH_UP_MS));
            let enabled_ms = enabled_at.map(Timestamp::as_millisecond);
            // Whoever was never judged begins when it was enabled, or now. What others still have to catch up with is not its own.
            let judged_ms = self.outbox.feed_cursor().unwrap_or(market.anchor_ms);
            let anew_ms = enabled_ms.map_or(now_ms, |enabled_ms| enabled_ms.max(floor_ms)).max(judged_ms);
            (anew_ms, enabled_ms.map_or(floor_ms, |enabled_ms| enabled_ms.max(floor_ms)))
        });
        let Some(judged_ms) = self.outbox.judged(trader) else {
            return Begin::Anew(times.map(|(anew_ms, _)| anew_ms));
        };
        let least_ms = times.map(|(_, least_ms)| least_ms);
        let told = self.outbox.told(trader).unwrap_or_else(|error| {
            tracing::warn!(trader_id = %trader, %error, "its cooldowns begin anew");
            Vec::new()
        });
        Begin::Resume(Resume { judged_ms: judged_ms.max(least_ms.unwrap_or(i64::MIN)), told })
    }

    fn traders(&self) -> Vec<TraderId> {
        self.outbox.traders()
    }

    fn forget(&mut self, trader: TraderId) {
        if let Err(error) = self.outbox.forget_trader(trader) {
            tracing::warn!(trader_id = %trader, %error, "the cursor of a stopped trader could not be removed");
        }
    }
}

fn registry(client: &Supabase, env: &RunModeEnv, health: &Arc<Health>, outbox: &Outbox) -> SupabaseRegistry {
    let health = health.clone();
    let refused = move |error: &ApiError| health.refused(error.to_string());
    SupabaseRegistry::new(client.clone(), tokio::runtime::Handle::current(), env.clone(), Box::new(refused))
        .knowing(outbox.traders())
}

fn log_start(service: &ServiceConfig) {
    let Version { version, git_sha, image, .. } = Version::of_this_binary();
    tracing::info!(version, git_sha, image, feed = %service.feed, "vyx starts");
}

/// The words of RUN_MODE.
fn run_mode_name(env: &RunModeEnv) -> &'static str {
    match env {
        RunModeEnv::SharedBackend { .. } => "shared_backend",
        RunModeEnv::UserDedicated { .. } => "user_dedicated",
    }
}

/// Whose signals an outbox holds. It is never opened for anybody else.
pub(crate) fn identity(env: &RunModeEnv, project: &ProjectUrl) -> String {
    match env {
        RunModeEnv::SharedBackend { .. } => format!("{}|{}", project.host(), run_mode_name(env)),
        RunModeEnv::UserDedicated { user, .. } => format!("{}|{}|{user}", project.host(), run_mode_name(env)),
    }
}

fn open_outbox(config: &Config, service: &ServiceConfig, identity: &str) -> Result<Outbox, StartError> {
    let dir = &config.data_dir;
    private_dir(dir).map_err(|error| {
        let fix = "set it to a folder of its own, which belongs to the user of this process";
        Misconfigured::value(&DATA_DIR, &dir.to_string_lossy(), format!("cannot be made private: {error}"), fix)
    })?;
    let outbox = Outbox::open(dir, identity, &feed_name(&service.feed), Bounds::default()).map_err(|error| {
        // An app that lost its settings would come back as another one: that no restart mends.
        if matches!(error, OpenError::Foreign { .. } | OpenError::Newer { .. }) {
            StartError::Project(error.to_string())
        } else {
            StartError::Host(error.to_string())
        }
    })?;
    if let Some(aside) = outbox.moved_aside() {
        tracing::error!(file = %aside.display(), "the outbox was damaged; it was moved aside, and a new one was begun");
    }
    Ok(outbox)
}

/// What lies there can make the host load machine code, so nobody else may write to it or read it. A folder with files of others is
/// left as it is: it may be theirs.
fn private_dir(dir: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(dir)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let open_to_others = std::fs::metadata(dir)?.permissions().mode() & 0o022 != 0;
        let is_ours = dir.join(crate::signal::outbox::FILE_NAME).exists() || std::fs::read_dir(dir)?.next().is_none();
        if is_ours {
            std::fs::set_permissions(dir, std::fs::Permissions::from_mode(0o700))?;
        } else if open_to_others {
            return Err(std::io::Error::other("others may write to it, and it holds files that are not the host's"));
        }
    }
    Ok(())
}

fn fleet(
    config: &Config,
    service: &ServiceConfig,
    observer: Option<Arc<dyn Observer>>,
    faults: Arc<FaultLog>,
) -> Result<Fleet, StartError> {
    let compiler = Compiler::child_of_this_binary().map_err(|error| StartError::host("no path to myself", error))?;
    let cache = Cache::open(config.data_dir.join("compiled"))
        .map_err(|error| tracing::warn!(%error, "no compile cache, every start compiles all modules"))
        .ok();
    let modules = Modules::new(Metering::Off, compiler, cache).map_err(|error| StartError::host("no engine", error))?;
    let fleet = Fleet::waiting(Arc::new(modules), config.workers.get())
        .map_err(|error| StartError::host("no worker threads", error))?
        .counting_cpu()
        .observed_by(observer)
        .witnessed_by(Some(faults));
    fleet.keep_chart(CHART_CANDLES);
    if !service.feed.is_test() {
        return Ok(fleet.waiting_for_history());
    }
    for interval in feed::INTERVALS {
        fleet.keep_history(interval, feed::HISTORY_CANDLES);
    }
    Ok(fleet)
}

/// All addresses, IPv6 where there is any.
async fn listen(port: u16) -> Result<TcpListener, StartError> {
    let listener = match TcpListener::bind(SocketAddr::from((Ipv6Addr::UNSPECIFIED, port))).await {
        Ok(listener) => listener,
        Err(_) => TcpListener::bind(SocketAddr::from((Ipv4Addr::UNSPECIFIED, port))).await.map_err(|error| {
            let fix = "end what listens there, or set PORT to another one";
            StartError::Host(format!("cannot listen on PORT={port}: {error}; {fix}"))
        })?,
    };
    let address = listener.local_addr().map_err(|error| StartError::host("no local address", error))?;
    tracing::info!(port = address.port(), "listening");
    Ok(listener)
}
