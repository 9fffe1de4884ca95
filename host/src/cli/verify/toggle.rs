//! Test 3: a trader is switched off, must be gone within one poll, must stay silent at the next candle, and is switched on again
//! whatever happens in between.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::json;

use super::Evidence;
use super::hosts::Host;
use crate::cli::failure::Failure;
use crate::cli::project::{IdPrefix, Progress, Project, Trader, one};
use crate::ids::TraderId;
use crate::market::Interval;
use crate::supabase::{Filter, Query, timeouts};

/// Between two looks.
const LOOK: Duration = Duration::from_millis(500);
/// One poll at its longest, and the time in which the host tells of it.
const GONE: Duration = Duration::from_secs(timeouts::POLL_WITH_REALTIME.as_secs() * 6 / 5 + 10);
/// After a close, the time in which its signals would be written.
const SETTLE: Duration = Duration::from_secs(15);
/// How often the trader is switched on again before the command gives up.
const RESTORE_TRIES: u32 = 5;

struct Toggle<'a> {
    project: &'a Project,
    trader: &'a Trader,
    hosts: &'a [&'a Host],
    token: Option<&'a SecretString>,
    progress: &'a Progress,
    ends: Instant,
}

/// See the module.
pub(super) async fn run(
    project: &Project,
    prefix: &IdPrefix,
    hosts: &[&Host],
    token: Option<&SecretString>,
    timeout: Duration,
    progress: &Progress,
) -> Result<Evidence, Failure> {
    let trader = one(project, prefix.filter("id"), &format!("--toggle {prefix}")).await?;
    if trader.enabled != Some(true) {
        let name = trader.shown();
        return Err(Failure::input(format!("--toggle {name}: it is not enabled; name a trader that runs")));
    }
    let ends = Instant::now() + timeout;
    let toggle = Toggle { project, trader: &trader, hosts, token, progress, ends };
    let mut evidence = Evidence::default();
    if !toggle.is_running().await? {
        evidence.fault(format!("{} does not run, so it cannot be seen to stop", trader.shown()));
        return Ok(evidence);
    }
    // Listened for before anything is changed: from here on no signal may end the process on the spot.
    let mut interrupts = Interrupts::new()?;
    let seen = tokio::select! {
        seen = toggle.watch(&mut evidence) => Some(seen),
        () = interrupts.next() => None,
    };
    progress.say("switching it on again");
    toggle.restore().await?;
    if seen.is_none() {
        // The request that was cut off may have been on its way.
        tokio::time::sleep(LOOK * 4).await;
        toggle.restore().await?;
    }
    match seen {
        Some(Ok(())) => {
            evidence.note("it was switched on again");
            Ok(evidence)
        }
        Some(Err(failure)) => Err(failure),
        None => Err(Failure::interrupted(format!("interrupted; {} is switched on again", trader.shown()))),
    }
}

impl Toggle<'_> {
    async fn watch(&self, evidence: &mut Evidence) -> Result<(), Failure> {
        let interval = self.interval().await?;
        self.progress.say("switching the trader off");
        let began = Instant::now();
        self.set(false).await?;
        let disabled_at = self.disabled_at().await?;
        loop {
            if !self.is_running().await? {
                break;
            }
            if began.elapsed() > GONE {
                let waited = began.elapsed().as_secs();
                evidence.fault(format!("{} still runs {waited} s after it was disabled", self.trader.shown()));
                return Ok(());
            }
            self.progress.say(&format!("waiting until it is gone, {} s", began.elapsed().as_secs()));
            tokio::time::sleep(LOOK).await;
        }
        evidence.saw(format!("gone {:.1} s after it was disabled", began.elapsed().as_secs_f64()));
        let Some(close) = next_close(interval, Timestamp::now()) else {
            evidence.note("its next candle is not known");
            return Ok(());
        };
        let wait = Duration::try_from(Timestamp::now().duration_until(close)).unwrap_or_default() + SETTLE;
        if Instant::now() + wait > self.ends {
            evidence.note(format!(
                "its next {interval} candle closes in {} s, later than --timeout; that it stays silent was not seen",
                wait.as_secs()
            ));
            return Ok(());
        }
        self.progress.say(&format!("waiting for the next {interval} candle, {} s", wait.as_secs()));
        tokio::time::sleep(wait).await;
        let late = self.signals_after(disabled_at).await?;
        if late > 0 {
            evidence.fault(format!("{late} signals of candles that closed after it was disabled"));
        } else {
            evidence.saw(format!("a {interval} candle closed, and it stayed silent"));
        }
        if self.is_running().await? {
            evidence.fault("it runs again although it is disabled");
        }
        Ok(())
    }

    /// Whether a host or the database says so; it is gone when neither does.
    async fn is_running(&self) -> Result<bool, Failure> {
        for host in self.hosts {
            let traders = host.traders(self.token).await?;
            if traders.iter().any(|trader| trader.id == self.trader.id && trader.state == "running") {
                return Ok(true);
            }
        }
        #[derive(Deserialize)]
        struct Row {
            state: Option<String>,
        }
        let query = Query::new("trader_state", "state").filter(Filter::eq("trader_id", self.trader.id));
        let row: Option<Row> = self.project.tried(|| self.project.client.select(&query, 1)).await?.pop();
        Ok(row.is_some_and(|row| row.state.as_deref() == Some("running")))
    }

    async fn set(&self, enabled: bool) -> Result<(), Failure> {
        let filter = Filter::eq("id", self.trader.id).and(Filter::is("enabled", !enabled));
        let changes = json!({ "enabled": enabled });
        let changed = self.project.tried(|| self.project.client.patch("traders", &filter, &changes)).await?;
        // A repeat after a lost answer finds nothing left to change, and neither does one after somebody else did it.
        if changed == 0 && self.enabled().await? != Some(enabled) {
            return Err(Failure::fault(format!("the row of {} could not be changed", self.trader.shown())));
        }
        Ok(())
    }

    async fn enabled(&self) -> Result<Option<bool>, Failure> {
        #[derive(Deserialize)]
        struct Row {
            enabled: Option<bool>,
        }
        let query = Query::new("traders", "enabled").filter(Filter::eq("id", self.trader.id));
        let row: Option<Row> = self.project.tried(|| self.project.client.select(&query, 1)).await?.pop();
        Ok(row.and_then(|row| row.enabled))
    }

    async fn disabled_at(&self) -> Result<Timestamp, Failure> {
        #[derive(Deserialize)]
        struct Row {
            disabled_at: Option<Timestamp>,
        }
        let query = Query::new("traders", "disabled_at").filter(Filter::eq("id", self.trader.id));
        let row: Option<Row> = self.project.tried(|| self.project.client.select(&query, 1)).await?.pop();
        row.and_then(|row| row.disabled_at).ok_or_else(|| {
            Failure::fault(
                "disabled_at was not set when the trader was disabled; apply the migrations in supabase/migrations",
            )
        })
    }

    async fn restore(&self) -> Result<(), Failure> {
        let mut tries = 0;
        loop {
            tries += 1;
            match self.set(true).await {
                Ok(()) => return Ok(()),
                Err(_) if tries < RESTORE_TRIES => tokio::time::sleep(LOOK * 4).await,
                Err(failure) => {
                    return Err(Failure::fault(format!(
                        "{} IS STILL SWITCHED OFF ({}); run: update traders set enabled = true where id = '{}'",
                        self.trader.shown(),
                        failure.message().unwrap_or("no answer"),
                        self.trader.id
                    )));
                }
            }
        }
    }

    /// The shortest interval that its last signals are of; five minutes where there are none, as most traders have.
    async fn interval(&self) -> Result<Interval, Failure> {
        #[derive(Deserialize)]
        struct Row {
            interval: String,
        }
        let query =
            Query::new("signals", "interval").filter(Filter::eq("trader_id", self.trader.id)).order("timestamp.desc");
        let rows: Vec<Row> = self.project.tried(|| self.project.client.select(&query, 100)).await?;
        Ok(rows.iter().filter_map(|row| row.interval.parse().ok()).min().unwrap_or(Interval::M5))
    }

    async fn signals_after(&self, disabled_at: Timestamp) -> Result<u64, Failure> {
        let id: TraderId = self.trader.id;
        let query =
            Query::new("signals", "id").filter(Filter::eq("trader_id", id).and(Filter::gt("timestamp", disabled_at)));
        self.project.tried(|| self.project.client.count(&query)).await
    }
}

/// When the candle that is open now closes.
fn next_close(interval: Interval, now: Timestamp) -> Option<Timestamp> {
    let open_ms = interval.open_of(now.as_millisecond());
    Timestamp::from_millisecond(interval.close_of(open_ms)).ok()
}

/// Ctrl-C and SIGTERM.
struct Interrupts {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

impl Interrupts {
    fn new() -> Result<Self, Failure> {
        use tokio::signal::unix::{SignalKind, signal};
        let cannot = |error: std::io::Error| Failure::fault(format!("cannot wait for signals: {error}"));
        Ok(Self {
            interrupt: signal(SignalKind::interrupt()).map_err(cannot)?,
            terminate: signal(SignalKind::terminate()).map_err(cannot)?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
