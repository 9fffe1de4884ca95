//! `vyx dev`: the host on a folder of traders, watched.

use std::collections::{BTreeMap, HashMap};
use std::fs::OpenOptions;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use notify_debouncer_mini::notify::RecursiveMode;
use notify_debouncer_mini::{DebounceEventResult, new_debouncer};

use super::cargo::{self, Words};
use super::drive::{Ending, Totals, drive};
use super::failure::Failure;
use super::terminal::{Rows, Terminal, grouped, minute, seconds};
use super::{local, market};
use crate::config::{Config, Identity, Speed, process_env};
use crate::ids::TraderId;
use crate::market::{Feed, Interval, Segment, SharedFeed, SyntheticFeed};
use crate::module::Digest;
use crate::ownership::Scope;
use crate::registry::Registry;
use crate::registry::directory::DirectoryRegistry;
use crate::sandbox::Metering;
use crate::signal::{JsonLines, Sink, Tee};
use crate::supervisor::plan::Version;
use crate::supervisor::{
    Change, FaultLog, FaultReport, Fleet, LastGood, Means, Mismatch, Reconciler, Rerun, Status, fitting,
};
use crate::text::{shell_word, shown};

/// How long a burst of file events may be: an editor writes twice, a build many times.
const DEBOUNCE: Duration = Duration::from_millis(150);
/// File times are coarse, and events come a little after the change.
const CLOCK_GRAIN: Duration = Duration::from_millis(500);
/// The folder is looked at without an event as well: a missed one costs this and nothing else.
const POLL: Duration = Duration::from_secs(5);

/// Runs the traders of a folder on recorded or made-up candles, and follows every edit.
///
/// The folder holds a traders.toml. Its crates are built; a change of a crate or of the file takes effect at once. RUN_MODE,
/// USER_ID and FLY_APP_NAME are obeyed as in production when they are set.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  vyx dev plugins
  vyx dev my-traders --candles BTCUSDT-1m-2025-01.zip --speed 600 --signals signals.jsonl")]
pub(super) struct Args {
    /// The folder of the traders.
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    #[command(flatten)]
    pub(super) source: Source,
    /// Append every signal to this file, one JSON object a line.
    #[arg(long, value_name = "FILE")]
    signals: Option<PathBuf>,
}

/// Where candles come from and how fast.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct Source {
    /// Candle files: CSV, data.binance.vision CSV or zip, REST JSON, with symbol and interval in the name or as
    /// SYMBOL:INTERVAL=FILE. The work ends with the last candle.
    #[arg(long, num_args = 1.., value_name = "FILE", conflicts_with = "synthetic")]
    pub(super) candles: Vec<String>,
    /// Seed of a made-up market, which does not end. This is the default, with seed 1.
    #[arg(long, value_name = "SEED")]
    pub(super) synthetic: Option<u64>,
    /// Symbols of the made-up market.
    #[arg(long, value_name = "COUNT", default_value_t = 24, conflicts_with = "candles")]
    pub(super) symbols: usize,
    /// End after this many closes of the made-up market.
    #[arg(long, value_name = "COUNT", conflicts_with = "candles")]
    pub(super) closes: Option<u64>,
    /// How many times faster than the clock candles come, or max. By default max for files, 600 for the made-up market.
    #[arg(long, value_name = "X|max")]
    pub(super) speed: Option<Speed>,
}

pub(super) fn run(args: Args, config: &Config) -> Result<(), Failure> {
    let terminal = Terminal::new(false);
    let mut sinks: Vec<Box<dyn Sink>> = vec![Box::new(Rows::new(terminal.clone(), false))];
    if let Some(path) = &args.signals {
        let file = OpenOptions::new().create(true).append(true).open(path);
        let file = file.map_err(|error| Failure::input(format!("cannot append to {}: {error}", path.display())))?;
        sinks.push(Box::new(JsonLines::new(file)));
    }
    let session =
        Session { folder: &args.folder, source: &args.source, config, terminal: &terminal, mismatch: Mismatch::Refuse };
    let (totals, status) = session.run(Tee(sinks))?;
    terminal.clear();
    print_summary(&terminal, &totals, &status);
    Ok(())
}

/// A folder, a market and a terminal.
pub(super) struct Session<'a> {
    pub(super) folder: &'a Path,
    pub(super) source: &'a Source,
    pub(super) config: &'a Config,
    pub(super) terminal: &'a Terminal,
    /// What to do where the candles are longer than those that a trader wants.
    pub(super) mismatch: Mismatch,
}

impl Session<'_> {
    /// Runs until the candles or the patience of the user end.
    pub(super) fn run(&self, mut sink: Tee) -> Result<(Totals, Vec<Status>), Failure> {
        let told = self.terminal.clone();
        let build = Box::new(move |folder: &Path| {
            told.note(&format!("building {}", folder.display()));
            let built = cargo::build(folder, false, Words::Kept)?.pop();
            built.map(|built| built.bytes).ok_or_else(|| anyhow::anyhow!("it built to nothing"))
        });
        let mut registry = DirectoryRegistry::open(self.folder, build).map_err(Failure::input)?;
        let scope = match Identity::from_env(process_env)? {
            Some(env) => Scope::resolve(&env, &registry.user_fly_apps().map_err(Failure::input)?)?,
            None => Scope::local(),
        };
        registry.set_scope(scope);
        self.terminal.note(&format!("running {scope}"));
        let (feed, mut bootstrap, speed) = self.feed()?;
        let modules = local::modules(Metering::Off, self.config)?;
        let symbols = lock(&feed).symbols().clone();
        let seen = Arc::new(FaultLog::default());
        let fleet = Fleet::new(modules, symbols, self.config.workers.get()).map_err(Failure::fault)?;
        let fleet = Arc::new(fleet.witnessed_by(Some(seen.clone())).rerun_by(self.rerun()));
        let last_good = LastGood::open(&self.config.data_dir.join("last-good").join(folder_name(registry.root())))
            .map_err(|error| tracing::warn!(%error, "no last good versions, set DATA_DIR to a folder of your own"))
            .ok();
        let mut reconciler = Reconciler::new(scope, last_good);

        // Watched before it is read, so that no edit falls between the two.
        let (nudge, nudges) = mpsc::channel();
        let _watcher = watch(registry.root(), nudge.clone())?;
        let read = fleet.begin_read();
        let snapshot = registry.snapshot().map_err(Failure::input)?;
        let fit = &mut fitting(&feed, self.mismatch);
        let mut means = Means {
            registry: &mut registry,
            fleet: &fleet,
            fit,
            read,
            enabled_at: &snapshot.enabled_at,
            cursors: None,
        };
        for change in reconciler.reconcile(&snapshot, &mut means) {
            self.terminal.note(&change.to_string());
        }
        if let Some(minutes) = bootstrap.take() {
            self.bootstrap(&fleet, &feed, minutes)?;
        }
        // Before the first signal is written, so that none is cut.
        let ending = Ending::on_signals()?;
        fleet
            .deliver(&Segment::new(), &mut sink)
            .map_err(|error| Failure::fault(format!("cannot write signals: {error}")))?;

        let watched = std::thread::scope(|scope| {
            let follower = Follower {
                terminal: self.terminal.clone(),
                fleet: fleet.clone(),
                feed: feed.clone(),
                ending: ending.clone(),
                mismatch: self.mismatch,
            };
            scope.spawn(move || follower.follow(&mut registry, &mut reconciler, &nudges));
            let mut told = Told::new();
            let totals = drive(&fleet, &feed, speed, &ending, &mut sink, self.terminal, &mut |quarantined| {
                self.tell_faults(&fleet, seen.take(), &mut told);
                if quarantined {
                    let _ = nudge.send(Nudge::Quarantined);
                }
            });
            ending.end();
            let _ = nudge.send(Nudge::End);
            totals
        });
        // Of one that was stopped at the end.
        self.terminal.lines(fleet.take_lines());
        Ok((watched?, fleet.status()))
    }

    /// Each fault, with the command that shows it again; one that only comes again in a line.
    fn tell_faults(&self, fleet: &Fleet, faults: Vec<(TraderId, FaultReport)>, told: &mut Told) {
        if faults.is_empty() {
            return;
        }
        let statuses = fleet.status();
        for (id, fault) in faults {
            // One that was quarantined and removed meanwhile is told as that.
            let Some(status) = statuses.iter().find(|status| status.id == id) else { continue };
            let name = shown(&status.name, 80);
            // The same version, symbol and words: only the candle is another one.
            let kind = (status.version.clone(), FaultReport { close_time_ms: 0, ..fault.clone() });
            if told.get(&id) == Some(&kind) {
                self.terminal.note(&format!("{name}: the same, candle closing {}", minute(fault.close_time_ms)));
                continue;
            }
            self.terminal.note(&format!("{name}: {fault}"));
            told.insert(id, kind);
            self.terminal.note(&format!("see it again: {}", fleet.reproduce(status, &fault)));
        }
    }

    /// How a fault is seen again.
    fn rerun(&self) -> Rerun {
        if !self.source.candles.is_empty() {
            return Rerun::Files { folder: self.folder.to_owned(), candles: self.source.candles.clone() };
        }
        // No file has these candles: the whole market is made again.
        let folder = shell_word(&shown(&self.folder.display().to_string(), 200));
        let seed = self.source.synthetic.unwrap_or(1);
        Rerun::MadeUp(format!("vyx dev {folder} --synthetic {seed} --symbols {} --speed max", self.source.symbols))
    }

    fn feed(&self) -> Result<(SharedFeed, Option<i64>, Speed), Failure> {
        let share = |feed: Box<dyn Feed>| Arc::new(Mutex::new(feed));
        if !self.source.candles.is_empty() {
            let feed = market::replay(&self.source.candles)?;
            return Ok((share(Box::new(feed)), None, self.source.speed.unwrap_or(Speed::Max)));
        }
        let start_ms = SyntheticFeed::FIRST_LIVE_MS - SyntheticFeed::HISTORY_MINUTES * 60_000;
        let history = u64::try_from(SyntheticFeed::HISTORY_MINUTES).unwrap_or(0);
        let limit = self.source.closes.map(|closes| closes.saturating_add(history));
        let seed = self.source.synthetic.unwrap_or(1);
        let feed = SyntheticFeed::new(seed, self.source.symbols, start_ms, limit).map_err(Failure::input)?;
        let speed = self.source.speed.unwrap_or(Speed::Times(600.0));
        Ok((share(Box::new(feed)), Some(SyntheticFeed::HISTORY_MINUTES), speed))
    }

    /// Takes in what the market did before the first live candle.
    fn bootstrap(&self, fleet: &Fleet, feed: &SharedFeed, minutes: i64) -> Result<(), Failure> {
        let mut feed = lock(feed);
        // Without a trader nothing is wanted yet, and a feed must be asked for something.
        feed.want(&[Interval::M1]).map_err(Failure::input)?;
        let mut left = usize::try_from(minutes).unwrap_or(0);
        let mut segment = Segment::new();
        while left > 0 && feed.next(left.min(1_024), &mut segment).map_err(Failure::input)? {
            left = left.saturating_sub(segment.len());
            fleet.bootstrap(&segment);
        }
        Ok(())
    }
}

/// The last fault of each trader that was told.
type Told = HashMap<TraderId, (Version, FaultReport)>;

/// Why the folder is looked at.
enum Nudge {
    Changed(Vec<PathBuf>),
    Quarantined,
    End,
}

/// Watches the folder for as long as what it returns lives.
fn watch(folder: &Path, nudge: Sender<Nudge>) -> Result<impl Sized + use<>, Failure> {
    let cannot = |error: notify_debouncer_mini::notify::Error| {
        Failure::fault(format!("cannot watch {}: {error}", folder.display()))
    };
    let mut newest = SystemTime::now();
    let mut told: HashMap<PathBuf, Written> = HashMap::new();
    let mut debouncer = new_debouncer(DEBOUNCE, move |events: DebounceEventResult| {
        let begun = SystemTime::now();
        // To read a file is an event as well, and a build reads them all. One that is gone was changed; any other one tells when it was.
        let mut is_change = |path: &PathBuf| match written(path) {
            Some(written) => written.at + CLOCK_GRAIN >= newest && told.insert(path.clone(), written) != Some(written),
            None => {
                told.remove(path);
                true
            }
        };
        let paths: Vec<PathBuf> = events
            .unwrap_or_default()
            .into_iter()
            .map(|event| event.path)
            .filter(|path| !path.components().any(|part| part.as_os_str() == "target" || part.as_os_str() == ".git"))
            .filter(&mut is_change)
            .collect();
        newest = begun;
        if !paths.is_empty() {
            // The follower has ended: nobody cares any more.
            let _ = nudge.send(Nudge::Changed(paths));
        }
    })
    .map_err(cannot)?;
    debouncer.watcher().watch(folder, RecursiveMode::Recursive).map_err(cannot)?;
    Ok(debouncer)
}

/// One state of a file.
#[derive(Clone, Copy, PartialEq)]
struct Written {
    /// When it was written or moved to where it is.
    at: SystemTime,
    bytes: u64,
}

/// The state of a file; none if it is not there.
fn written(path: &Path) -> Option<Written> {
    let meta = std::fs::symlink_metadata(path).ok()?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt as _;
        let seconds = u64::try_from(meta.ctime()).ok()?;
        let nanos = u32::try_from(meta.ctime_nsec()).ok()?;
        Some(Written { at: SystemTime::UNIX_EPOCH + Duration::new(seconds, nanos), bytes: meta.len() })
    }
    #[cfg(not(unix))]
    Some(Written { at: meta.modified().ok()?, bytes: meta.len() })
}

/// Brings the fleet to what the folder says, again and again.
struct Follower {
    terminal: Terminal,
    fleet: Arc<Fleet>,
    feed: SharedFeed,
    ending: Ending,
    mismatch: Mismatch,
}

impl Follower {
    fn follow(&self, registry: &mut DirectoryRegistry, reconciler: &mut Reconciler, nudges: &Receiver<Nudge>) {
        let mut problem = None;
        loop {
            match nudges.recv_timeout(POLL) {
                Ok(Nudge::Changed(paths)) => paths.iter().for_each(|path| registry.invalidate(path)),
                Ok(Nudge::Quarantined) | Err(RecvTimeoutError::Timeout) => {}
                Ok(Nudge::End) | Err(RecvTimeoutError::Disconnected) => return,
            }
            if self.ending.has_come() {
                return;
            }
            // What must stop does not wait for a build.
            let stopped = registry.rows().map(|rows| reconciler.stop_disallowed(&rows, &self.fleet, None));
            stopped.into_iter().flatten().for_each(|change| self.tell(&change));
            let read = self.fleet.begin_read();
            let snapshot = registry.snapshot();
            // Ctrl-C reaches a cargo that runs as well; what it says of that is no news.
            if self.ending.has_come() {
                return;
            }
            match snapshot {
                Ok(snapshot) => {
                    problem = None;
                    let fit = &mut fitting(&self.feed, self.mismatch);
                    let mut means = Means {
                        registry,
                        fleet: &self.fleet,
                        fit,
                        read,
                        enabled_at: &snapshot.enabled_at,
                        cursors: None,
                    };
                    let changes = reconciler.reconcile(&snapshot, &mut means);
                    changes.iter().for_each(|change| self.tell(change));
                }
                // The last good set runs on; the same words are told once.
                Err(error) => {
                    let text = error.to_string();
                    if problem.as_ref() != Some(&text) {
                        self.terminal.note(&format!("{text}; the traders run on as they were"));
                        problem = Some(text);
                    }
                }
            }
        }
    }

    fn tell(&self, change: &Change) {
        self.terminal.note(&change.to_string());
    }
}

/// Folders do not share what they remember: their traders have nothing to do with each other.
fn folder_name(folder: &Path) -> String {
    Digest::of(folder.as_os_str().as_encoded_bytes()).short()
}

/// A table of the traders, and what the drive has seen.
pub(super) fn print_summary(terminal: &Terminal, totals: &Totals, status: &[Status]) {
    let mut table = comfy_table::Table::new();
    table.set_content_arrangement(comfy_table::ContentArrangement::Dynamic);
    table.load_style(comfy_table::presets::NOTHING);
    table.set_header(["TRADER", "SIGNALS", "EVALUATIONS", "FAULTS", "MEMORY"]);
    let mut faults = BTreeMap::new();
    for trader in status {
        let counts = &trader.total.counts;
        table.add_row([
            shown(&trader.name, 80),
            grouped(counts.signals),
            grouped(counts.evaluations),
            grouped(counts.errors()),
            format!("{} KiB", counts.peak_memory_bytes / 1024),
        ]);
        if let Some(fault) = &trader.last_fault {
            faults.insert(shown(&trader.name, 80), fault.to_string());
        }
    }
    for at in 0..=4 {
        if let Some(column) = table.column_mut(at) {
            column.set_padding((0, 2));
            if at > 0 {
                column.set_cell_alignment(comfy_table::CellAlignment::Right);
            }
        }
    }
    terminal.say("");
    for line in table.to_string().lines() {
        terminal.say(line.trim_end());
    }
    for (trader, fault) in faults {
        terminal.say(&format!("{trader}: {fault}"));
    }
    terminal.say("");
    let span = match (totals.first_close_ms, totals.last_close_ms) {
        (Some(first), Some(last)) => format!("closed {} to {}", minute(first), minute(last)),
        _ => "none".into(),
    };
    terminal.say(&format!("{} candles, {span}, {} gaps", grouped(totals.candles), grouped(totals.gaps)));
    terminal.say(&format!("{} signals in {}", grouped(totals.signals), seconds(totals.elapsed)));
}

fn lock<T: ?Sized>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
