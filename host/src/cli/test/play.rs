//! Plays candles to a fleet as fast as it goes: what comes before the part that is shown, and that part.

use std::io;
use std::time::Instant;

use super::range::Range;
use crate::cli::drive::{CLOSES_A_SEGMENT, Ending, Totals};
use crate::cli::failure::Failure;
use crate::cli::terminal::minute;
use crate::market::{Feed as _, ReplayFeed, Segment};
use crate::signal::{Burst, Sink};
use crate::supervisor::{Fleet, Status};

/// What a replay has seen of the part that is shown.
#[derive(Debug, Default)]
pub(super) struct Played {
    pub(super) totals: Totals,
    /// How the traders did before that part.
    pub(super) before: Vec<Status>,
    /// It was ended before the candles were.
    pub(super) was_stopped: bool,
}

/// Plays a range. Signals from before it go nowhere; `after` is called after each segment of the range.
pub(super) fn play(
    fleet: &Fleet,
    feed: &mut ReplayFeed,
    range: Range,
    ending: &Ending,
    sink: &mut dyn Sink,
    after: &mut dyn FnMut(&Segment, &Totals),
) -> Result<Played, Failure> {
    let mut played = Played::default();
    if let Some(warm_up_ms) = range.warm_up_ms() {
        feed.until(warm_up_ms);
        run(fleet, feed, ending, &mut Nowhere, &mut |_, _| drop(fleet.take_lines()))?;
        played.before = fleet.status();
    }
    feed.until(range.last_ms());
    played.totals = run(fleet, feed, ending, sink, after)?;
    played.was_stopped = ending.has_come();
    if played.totals.candles == 0 && !played.was_stopped {
        return Err(Failure::input(nothing_there(feed)));
    }
    Ok(played)
}

/// Plays what the feed gives.
pub(super) fn run(
    fleet: &Fleet,
    feed: &mut ReplayFeed,
    ending: &Ending,
    sink: &mut dyn Sink,
    after: &mut dyn FnMut(&Segment, &Totals),
) -> Result<Totals, Failure> {
    let mut totals = Totals::default();
    let mut segment = Segment::new();
    let started = Instant::now();
    while !ending.has_come() && feed.next(CLOSES_A_SEGMENT, &mut segment).map_err(Failure::input)? {
        totals.deliver(fleet, &segment, sink)?;
        totals.elapsed = started.elapsed();
        after(&segment, &totals);
    }
    totals.elapsed = started.elapsed();
    Ok(totals)
}

/// In words, with what there is.
fn nothing_there(feed: &ReplayFeed) -> String {
    let (first, last) = feed.span_ms().unwrap_or_default();
    format!("no candle closes between --from and --to; those of the files close {} to {}", minute(first), minute(last))
}

/// Takes what nobody asks for.
pub(super) struct Nowhere;

impl Sink for Nowhere {
    fn accept(&mut self, _: &Burst<'_>) -> io::Result<()> {
        Ok(())
    }
}
