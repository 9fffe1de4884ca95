//! One symbol and interval: the candles that are told, the history before them, and what is asked for either.

use super::reader::{Grid, HOLE_MS, Reader, Row, SETTLE_MS};
use crate::market::binance::wire::Kline;
use crate::market::candle::Values;
use crate::market::interval::Interval;

/// By the exchange's clock, after a close: what the socket has not brought by then is asked for.
pub(super) const ASK_MS: i64 = 2_000;
/// By the exchange's clock, between two questions for the same candle.
const AGAIN_MS: i64 = 3_000;
/// After so many holes in a row a market is taken for halted: nobody waits for its candles, and it is asked for each only twice.
const HALTED_HOLES: i64 = 3;

/// Candles of history that are told again where more is loaded.
const OVERLAP: i64 = 16;

/// The state of one kind of question.
#[derive(Clone, Copy, Debug, Default)]
struct Asking {
    /// The question that is on its way.
    id: Option<u64>,
    /// From where it was first asked, and when.
    first: Option<(i64, i64)>,
    not_before_ms: i64,
}

impl Asking {
    fn may(&self, now_ms: i64) -> bool {
        self.id.is_none() && self.not_before_ms <= now_ms
    }

    fn begin(&mut self, id: u64, from_ms: i64, now_ms: i64) {
        self.id = Some(id);
        if self.first.is_none_or(|(first_ms, _)| first_ms != from_ms) {
            self.first = Some((from_ms, now_ms));
        }
    }

    /// What is known after an answer decides when to ask again.
    fn answered(&mut self, from_ms: i64, asked_ms: i64, reader: &Reader, again_ms: i64) {
        self.id = None;
        if reader.known_until_ms() > from_ms {
            self.not_before_ms = i64::MIN;
            return;
        }
        // At this moment one answer more decides whether the candle exists.
        let decided_ms = reader.unknown_close_ms().saturating_add(HOLE_MS);
        let next_ms = asked_ms.saturating_add(again_ms);
        self.not_before_ms = if asked_ms < decided_ms { next_ms.min(decided_ms) } else { next_ms };
    }
}

/// History that is being loaded.
#[derive(Clone, Debug)]
struct Load {
    reader: Reader,
    from_ms: i64,
    until_ms: i64,
    asking: Asking,
    /// Nobody waits for it.
    is_passed: bool,
}

/// See the module.
#[derive(Clone, Debug)]
pub(super) struct Stream {
    grid: Grid,
    live: Reader,
    asking: Asking,
    /// Open time that the next candle has unless there is a gap; none before the first one.
    expected_ms: Option<i64>,
    /// From here on candles were told, live or as history, or are to be told live.
    begins_ms: i64,
    load: Option<Load>,
    is_ended: bool,
}

impl Stream {
    /// Told from the first close after this on.
    pub(super) fn new(interval: Interval, told_ms: i64) -> Self {
        Self::on(Grid::new(interval), told_ms)
    }

    fn on(grid: Grid, told_ms: i64) -> Self {
        let begins_ms = grid.first_after(told_ms);
        Self {
            grid,
            live: Reader::new(grid, begins_ms),
            asking: Asking::default(),
            expected_ms: None,
            begins_ms,
            load: None,
            is_ended: false,
        }
    }

    /// The exchange has no such market: there are no more candles, and nobody waits for them.
    pub(super) fn end(&mut self) {
        self.is_ended = true;
        self.load = None;
    }

    /// Nobody waits for the history any more that is being loaded, unless it is answered again. Only an answer tells when candles of
    /// three days open, so those are waited for.
    pub(super) fn pass_over(&mut self) {
        if let Some(load) = self.load.as_mut().filter(|_| self.grid.interval != Interval::D3) {
            load.is_passed = true;
        }
    }

    // Closes.

    /// The first close after this.
    pub(super) fn next_close_ms(&self, told_ms: i64) -> Option<i64> {
        (!self.is_ended).then(|| self.grid.close_of(self.grid.first_after(told_ms)))
    }

    pub(super) fn open_at_close(&self, close_ms: i64) -> Option<i64> {
        self.grid.open_at_close(close_ms).filter(|_| !self.is_ended)
    }

    /// Whether it is known what there is at that close.
    pub(super) fn has_answered(&self, close_ms: i64) -> bool {
        self.open_at_close(close_ms).is_none_or(|open_ms| self.live.knows(open_ms))
    }

    pub(super) fn is_halted(&self) -> bool {
        self.live.holes() >= HALTED_HOLES
    }

    /// Since when it has been asked for what it does not know; none if it was not asked for that yet.
    pub(super) fn asked_since_ms(&self) -> Option<i64> {
        let (from_ms, at_ms) = self.asking.first?;
        (from_ms == self.live.known_until_ms()).then_some(at_ms)
    }

    pub(super) fn has_candle(&self, close_ms: i64) -> bool {
        self.open_at_close(close_ms).is_some_and(|open_ms| self.live.peek(open_ms).is_some())
    }

    /// Takes the candle of that close, and where the gap before it begins if there is one.
    pub(super) fn give(&mut self, close_ms: i64) -> Option<(Option<i64>, Row)> {
        let open_ms = self.open_at_close(close_ms)?;
        self.live.peek(open_ms)?;
        let row = self.live.pop()?;
        let gap_from_ms = self.expected_ms.filter(|expected_ms| *expected_ms < open_ms);
        self.expected_ms = Some(open_ms.saturating_add(self.grid.length_ms()));
        Some((gap_from_ms, row))
    }

    // The socket and the questions for what is told live.

    pub(super) fn hear(&mut self, open_ms: i64, values: Values) -> bool {
        !self.is_ended && self.live.hear(open_ms, values)
    }

    /// The close of what it has to ask for now, if it has to.
    pub(super) fn wants_close_ms(&self, now_ms: i64) -> Option<i64> {
        let wants = !self.is_ended && self.asking.may(now_ms) && self.live.wants(now_ms, ASK_MS);
        wants.then(|| self.live.unknown_close_ms())
    }

    /// From where it asks.
    pub(super) fn ask(&mut self, id: u64, now_ms: i64) -> i64 {
        let from_ms = self.live.known_until_ms();
        self.asking.begin(id, from_ms, now_ms);
        from_ms
    }

    // History.

    /// Wants so many candles before the first that is told.
    pub(super) fn reach_back(&mut self, told_ms: i64, candles: u32) {
        if self.is_ended || self.load.is_some() {
            return;
        }
        let from_ms = self.history_from_ms(told_ms, candles);
        if from_ms < self.begins_ms {
            // What was kept is cut bit by bit, so a little is told again.
            let until_ms = self.begins_ms.saturating_add(OVERLAP * self.grid.length_ms());
            self.load = Some(self.load(from_ms, until_ms.min(self.grid.first_after(told_ms))));
        }
    }

    /// Others keep no more than so many candles before this position.
    pub(super) fn keeps(&mut self, told_ms: i64, candles: u32) {
        if self.load.is_none() {
            self.begins_ms = self.begins_ms.max(self.history_from_ms(told_ms, candles));
        }
    }

    fn load(&self, from_ms: i64, until_ms: i64) -> Load {
        Load { reader: Reader::new(self.grid, from_ms), from_ms, until_ms, asking: Asking::default(), is_passed: false }
    }

    fn history_from_ms(&self, told_ms: i64, candles: u32) -> i64 {
        let back_ms = i64::from(candles).saturating_mul(self.grid.length_ms());
        self.grid.first_after(told_ms).saturating_sub(back_ms).max(self.grid.open_of(self.grid.length_ms()))
    }

    /// Whether so many candles before what is told at this position are there or were told as history.
    pub(super) fn is_filled(&self, told_ms: i64, candles: u32) -> bool {
        let is_there = || self.begins_ms <= self.history_from_ms(told_ms, candles);
        self.is_ended || self.load.as_ref().map_or_else(is_there, |load| load.is_passed)
    }

    pub(super) fn wants_history(&self, now_ms: i64) -> bool {
        let settled = |load: &Load| load.reader.unknown_close_ms().saturating_add(SETTLE_MS) <= now_ms;
        let load = self.load.as_ref().filter(|load| load.reader.known_until_ms() < load.until_ms);
        load.is_some_and(|load| load.asking.may(now_ms) && settled(load))
    }

    pub(super) fn ask_history(&mut self, id: u64, now_ms: i64) -> Option<i64> {
        let load = self.load.as_mut()?;
        let from_ms = load.reader.known_until_ms();
        load.asking.begin(id, from_ms, now_ms);
        Some(from_ms)
    }

    /// Whether history is waited for that has not been told.
    pub(super) fn is_loading(&self) -> bool {
        self.load.as_ref().is_some_and(|load| !load.is_passed)
    }

    /// Whether the history that was wanted has come and can be told.
    pub(super) fn is_loaded(&self) -> bool {
        self.load.as_ref().is_some_and(|load| load.reader.known_until_ms() >= load.until_ms)
    }

    /// Whether nothing has to come before it can be told live from this position on. What has closed since its history was wanted
    /// becomes history as well.
    pub(super) fn is_loaded_until(&mut self, told_ms: i64) -> bool {
        if self.is_ended {
            return true;
        }
        let until_ms = self.grid.first_after(told_ms);
        match &mut self.load {
            Some(load) => load.until_ms = until_ms,
            None if self.begins_ms >= until_ms => return true,
            None => self.load = Some(self.load(self.begins_ms, until_ms)),
        }
        !self.is_loading() || self.is_loaded()
    }

    /// Tells nothing live before this position.
    pub(super) fn begin_after(&mut self, told_ms: i64) {
        self.live.skip_to(self.grid.first_after(told_ms));
    }

    /// The history that has come, each candle with the start of the gap before it.
    pub(super) fn take_history(&mut self) -> Option<Vec<(Option<i64>, Row)>> {
        if !self.is_loaded() {
            return None;
        }
        let mut load = self.load.take()?;
        self.begins_ms = load.from_ms;
        let mut rows = Vec::new();
        let mut expected_ms = None;
        while let Some(row) = load.reader.pop() {
            if row.open_ms >= load.until_ms {
                break;
            }
            rows.push((expected_ms.filter(|expected_ms| *expected_ms < row.open_ms), row));
            expected_ms = Some(row.open_ms.saturating_add(self.grid.length_ms()));
        }
        self.expected_ms = self.expected_ms.or(expected_ms);
        Some(rows)
    }

    // Answers.

    /// An answer to the question with this id. False if nobody waits for it any more.
    pub(super) fn answer(&mut self, id: u64, rows: &[Kline], asked_ms: i64, is_full: bool) -> bool {
        if self.asking.id == Some(id) {
            let from_ms = self.live.known_until_ms();
            self.live.answer(rows, asked_ms, is_full);
            let again_ms = if self.is_halted() { HOLE_MS } else { AGAIN_MS };
            self.asking.answered(from_ms, asked_ms, &self.live, again_ms);
            return true;
        }
        let Some(load) = self.load.as_mut().filter(|load| load.asking.id == Some(id)) else { return false };
        let from_ms = load.reader.known_until_ms();
        load.reader.answer(rows, asked_ms, is_full);
        load.asking.answered(from_ms, asked_ms, &load.reader, AGAIN_MS);
        load.is_passed = false;
        true
    }

    /// This stream as an answer shows it to be, where its candles open at other times than it was thought.
    pub(super) fn realigned(&self, rows: &[Kline], told_ms: i64) -> Option<Self> {
        let first = rows.first()?;
        let grid = Grid::through(self.grid.interval, first.open_ms);
        let is_other = !self.is_ended
            && self.grid.interval == Interval::D3
            && grid != self.grid
            && self.expected_ms.is_none()
            && Interval::D3.may_open_at(first.open_ms);
        is_other.then(|| Self::on(grid, told_ms))
    }

    pub(super) fn failed(&mut self, id: u64, now_ms: i64) {
        let askings = [Some(&mut self.asking), self.load.as_mut().map(|load| &mut load.asking)];
        for asking in askings.into_iter().flatten().filter(|asking| asking.id == Some(id)) {
            asking.id = None;
            asking.not_before_ms = now_ms.saturating_add(AGAIN_MS);
        }
    }
}
