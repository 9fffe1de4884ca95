//! Drives a fleet with a feed: as fast as it goes, or in step with a clock that runs faster than the market's.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::failure::Failure;
use super::terminal::Terminal;
use crate::config::Speed;
use crate::market::{Segment, SharedFeed};
use crate::signal::Sink;
use crate::supervisor::Fleet;

/// Closes in a segment when nobody waits for a clock: enough to forget the cost of handing it over, few enough for Ctrl-C.
pub(super) const CLOSES_A_SEGMENT: usize = 1_024;

/// Told when the work must end: by Ctrl-C, by SIGTERM, by a limit.
#[derive(Debug, Clone, Default)]
pub(super) struct Ending(Arc<(Mutex<bool>, Condvar)>);

impl Ending {
    /// One that Ctrl-C and SIGTERM end. A second Ctrl-C ends the process at once.
    pub(super) fn on_signals() -> Result<Self, Failure> {
        let ending = Self::default();
        let told = ending.clone();
        let cannot = |error: std::io::Error| Failure::fault(format!("cannot wait for signals: {error}"));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(cannot)?;
        // Here and not in the thread: from the moment this returns no signal may end the process on the spot.
        let mut interrupts = {
            let _context = runtime.enter();
            Interrupts::new().map_err(cannot)?
        };
        let wait = move || {
            runtime.block_on(async {
                interrupts.next().await;
                told.end();
                interrupts.next().await;
                std::process::exit(130);
            });
        };
        std::thread::Builder::new()
            .name("vyx-signals".into())
            .spawn(wait)
            .map_err(|error| Failure::fault(format!("cannot start a thread: {error}")))?;
        Ok(ending)
    }

    /// Ends the work.
    pub(super) fn end(&self) {
        let (ended, waiters) = &*self.0;
        *ended.lock().unwrap_or_else(PoisonError::into_inner) = true;
        waiters.notify_all();
    }

    pub(super) fn has_come(&self) -> bool {
        *self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits that long, or until the end. True at the end.
    pub(super) fn wait(&self, time: Duration) -> bool {
        let (ended, waiters) = &*self.0;
        let guard = ended.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = waiters.wait_timeout_while(guard, time, |ended| !*ended);
        *waited.unwrap_or_else(PoisonError::into_inner).0
    }
}

/// Ctrl-C and SIGTERM.
#[cfg(unix)]
struct Interrupts {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Interrupts {
    fn new() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

/// Ctrl-C.
#[cfg(not(unix))]
struct Interrupts;

#[cfg(not(unix))]
impl Interrupts {
    fn new() -> std::io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) {
        let _ = tokio::signal::ctrl_c().await;
    }
}

/// What a drive has seen.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Totals {
    /// Candles delivered, on all intervals.
    pub(super) candles: u64,
    /// Gaps told.
    pub(super) gaps: u64,
    /// Candles that are missing in them.
    pub(super) missing: u64,
    pub(super) signals: u64,
    pub(super) historical: u64,
    pub(super) first_close_ms: Option<i64>,
    pub(super) last_close_ms: Option<i64>,
    /// Wall time of the drive.
    pub(super) elapsed: Duration,
}

/// Delivers until the feed or the work ends. `after` is called after each segment, told whether a trader was quarantined.
pub(super) fn drive(
    fleet: &Fleet,
    feed: &SharedFeed,
    speed: Speed,
    ending: &Ending,
    sink: &mut dyn Sink,
    terminal: &Terminal,
    after: &mut dyn FnMut(bool),
) -> Result<Totals, Failure> {
    let mut totals = Totals::default();
    let mut segment = Segment::new();
    let started = Instant::now();
    let mut clock: Option<(Instant, i64)> = None;
    while !ending.has_come() {
        let most = if speed == Speed::Max { CLOSES_A_SEGMENT } else { 1 };
        let more = feed.lock().unwrap_or_else(PoisonError::into_inner).next(most, &mut segment);
        if !more.map_err(Failure::input)? {
            break;
        }
        if let (Speed::Times(factor), Some(close_ms)) = (speed, segment.first_close_ms()) {
            let (began, began_ms) = *clock.get_or_insert((Instant::now(), close_ms));
            let due = Duration::from_secs_f64((close_ms - began_ms) as f64 / 1_000.0 / factor);
            if ending.wait(due.saturating_sub(began.elapsed())) {
                break;
            }
        }
        let quarantined = totals.deliver(fleet, &segment, sink)?;
        totals.elapsed = started.elapsed();
        terminal.lines(fleet.take_lines());
        terminal.status(&totals);
        after(quarantined);
    }
    totals.elapsed = started.elapsed();
    Ok(totals)
}

impl Totals {
    /// Delivers a segment and counts it: whether a trader was quarantined.
    pub(super) fn deliver(&mut self, fleet: &Fleet, segment: &Segment, sink: &mut dyn Sink) -> Result<bool, Failure> {
        self.count(segment);
        let delivered =
            fleet.deliver(segment, sink).map_err(|error| Failure::fault(format!("cannot write signals: {error}")))?;
        self.signals += delivered.signals;
        self.historical += delivered.historical;
        Ok(delivered.quarantined)
    }

    /// Counts a segment that is delivered.
    fn count(&mut self, segment: &Segment) {
        self.candles += segment.candles() as u64;
        for close in segment.closes() {
            self.gaps += close.gaps().len() as u64;
            for gap in close.gaps() {
                let missing = (gap.until_open_ms - gap.from_open_ms) / gap.interval.as_ms();
                self.missing += u64::try_from(missing).unwrap_or(0);
            }
        }
        self.first_close_ms = self.first_close_ms.or(segment.first_close_ms());
        self.last_close_ms = segment.last_close_ms().or(self.last_close_ms);
    }
}
