//! What the host holds back of a trader's signals: cooldown, transition, and the limits of a run and of a minute. Everything
//! counts in candle time, so that live and replay hold back the same.

use std::collections::{BTreeMap, HashMap};

use crate::market::Interval;
use crate::sandbox::{Hygiene, limits};

/// What has been said of one symbol, interval and tag.
#[derive(Debug, Clone, Copy)]
struct Said {
    /// Open time of the last candle that had it, kept or not.
    emitted_open_ms: i64,
    /// Open time of the last candle for which it was kept.
    kept_open_ms: Option<i64>,
    /// The same, of those that were told as news.
    told_open_ms: Option<i64>,
}

/// A signal that asks to be kept.
#[derive(Debug, Clone, Copy)]
pub struct Asking {
    /// The symbol's id.
    pub symbol: u32,
    /// The candle's interval.
    pub interval: Interval,
    /// The tag's index.
    pub tag: u32,
    /// The candle's open time.
    pub open_time_ms: i64,
}

/// The last signal of a kind that was told: what a cooldown counts from after a restart of the host.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct LastTold {
    /// The symbol's name.
    pub symbol: String,
    /// The candle's interval, as in `1m`.
    pub interval: String,
    /// The tag's name.
    pub tag: String,
    /// When the candle opened, UTC milliseconds.
    pub open_time_ms: i64,
}

/// Symbol, interval and tag, of which each has a memory of its own.
type Kind = (Interval, u32, u32);

/// What has a limit of its own: a run (the close time and the interval), or a minute of candle time (when it began).
type Span = (i64, Option<Interval>);

/// Spans that are remembered: of 1m alone more than a day, and nothing that comes later than that is told.
const SPANS_KEPT: usize = 4_096;

/// The memory of one trader.
#[derive(Debug, Clone, Default)]
pub struct Keeper {
    said: HashMap<Kind, Said>,
    /// Open time of the last signal that the version before told as news: what this one tells has to keep its distance from it.
    before: HashMap<Kind, i64>,
    /// Signals kept in each span: a candle that comes late counts where it belongs, so that no close has more than its limit however
    /// its candles came.
    kept: BTreeMap<Span, u32>,
    held_back: u64,
    over_limit: u64,
    /// What was there before the delivery in hand, the newest change last.
    changes: Vec<(Kind, Option<Said>)>,
    kept_before: Vec<(Span, Option<u32>)>,
    held_before: (u64, u64),
}

impl Keeper {
    /// Begins a delivery, to which [`undo`](Self::undo) goes back.
    pub fn begin(&mut self) {
        self.changes.clear();
        self.kept_before.clear();
        self.held_before = (self.held_back, self.over_limit);
        while self.kept.len() > SPANS_KEPT {
            self.kept.pop_first();
        }
    }

    /// Forgets what was asked since the delivery began.
    pub fn undo(&mut self) {
        for (kind, before) in self.changes.drain(..).rev() {
            match before {
                Some(said) => self.said.insert(kind, said),
                None => self.said.remove(&kind),
            };
        }
        for (span, before) in self.kept_before.drain(..).rev() {
            match before {
                Some(kept) => self.kept.insert(span, kept),
                None => self.kept.remove(&span),
            };
        }
        (self.held_back, self.over_limit) = self.held_before;
    }

    /// Remembers a signal that was told by an earlier process.
    pub fn was_told(&mut self, asking: Asking) {
        let Asking { symbol, interval, tag, open_time_ms } = asking;
        let told = Some(open_time_ms);
        let said = Said { emitted_open_ms: open_time_ms, kept_open_ms: told, told_open_ms: told };
        self.said.insert((interval, symbol, tag), said);
        for span in spans(interval, open_time_ms) {
            *self.kept.entry(span).or_default() += 1;
        }
    }

    /// Remembers a signal that the version before told as news. It is told again if this one finds it anew.
    pub fn was_told_before(&mut self, asking: Asking) {
        let before = self.before.entry((asking.interval, asking.symbol, asking.tag)).or_insert(asking.open_time_ms);
        *before = asking.open_time_ms.max(*before);
    }

    /// The last signal of each kind that was told as news, by this version or one before.
    pub fn told(&self) -> impl Iterator<Item = Asking> + '_ {
        let kinds = self.said.iter().filter_map(|(kind, said)| Some((*kind, said.told_open_ms?)));
        let before =
            self.before.iter().filter(|(kind, _)| self.said.get(kind).is_none_or(|said| said.told_open_ms.is_none()));
        let all = kinds.chain(before.map(|(kind, told_open_ms)| (*kind, *told_open_ms)));
        all.map(|((interval, symbol, tag), open_time_ms)| Asking { symbol, interval, tag, open_time_ms })
    }

    /// Remembers that a candle had the signal, of a candle that was judged before: whether it was told then, is known already.
    pub fn was_emitted(&mut self, asking: Asking) {
        let Asking { symbol, interval, tag, open_time_ms } = asking;
        let kind = (interval, symbol, tag);
        let said = self.said.get(&kind).copied();
        if said.is_none_or(|said| said.emitted_open_ms < open_time_ms) {
            let (kept_open_ms, told_open_ms) = said.map_or((None, None), |said| (said.kept_open_ms, said.told_open_ms));
            self.set(kind, Said { emitted_open_ms: open_time_ms, kept_open_ms, told_open_ms });
        }
    }

    fn set(&mut self, kind: Kind, said: Said) {
        let before = self.said.insert(kind, said);
        self.changes.push((kind, before));
    }

    /// Whether the signal is kept, to be told as news or as history. Must be asked in order of candle time; a candle is judged once.
    pub fn keep(&mut self, rules: &Hygiene, asking: Asking, is_news: bool) -> bool {
        let Asking { symbol, interval, tag, open_time_ms } = asking;
        let key = (interval, symbol, tag);
        let said = self.said.get(&key).copied();
        // Asked before: a warm-up that reaches into what was already told.
        if said.is_some_and(|said| said.emitted_open_ms >= open_time_ms) {
            return false;
        }
        let was_emitted_before = said.is_some_and(|said| said.emitted_open_ms == open_time_ms - interval.as_ms());
        let before = self.before.get(&key).copied().filter(|before| is_news && *before < open_time_ms);
        let last = said.and_then(|said| said.kept_open_ms).max(before);
        let cools = last.is_some_and(|kept| cools(rules, interval, open_time_ms - kept));
        let is_held = cools || (rules.on_transition && was_emitted_before);
        let kept = !is_held && self.has_room(rules, interval, open_time_ms);
        let this = |is_it: bool, was: Option<i64>| if is_it { Some(open_time_ms) } else { was };
        let kept_open_ms = this(kept, said.and_then(|said| said.kept_open_ms));
        let told_open_ms = this(kept && is_news, said.and_then(|said| said.told_open_ms));
        self.set(key, Said { emitted_open_ms: open_time_ms, kept_open_ms, told_open_ms });
        if !kept {
            self.held_back += 1;
        }
        kept
    }

    /// Signals that were not kept so far.
    #[must_use]
    pub fn held_back(&self) -> u64 {
        self.held_back
    }

    /// Those of them that only the limit of a minute held back.
    #[must_use]
    pub fn over_limit(&self) -> u64 {
        self.over_limit
    }

    /// Counts a signal against the run (one close of one interval) and the minute of candle time, if they have room for it.
    fn has_room(&mut self, rules: &Hygiene, interval: Interval, open_time_ms: i64) -> bool {
        let [run, minute] = spans(interval, open_time_ms);
        let kept = |span| self.kept.get(&span).copied().unwrap_or(0);
        let (in_run, in_minute) = (kept(run), kept(minute));
        if rules.max_per_run > 0 && in_run >= rules.max_per_run {
            return false;
        }
        if in_minute >= limits::SIGNALS_PER_MINUTE {
            self.over_limit += 1;
            return false;
        }
        for (span, kept) in [(run, in_run), (minute, in_minute)] {
            self.kept_before.push((span, self.kept.insert(span, kept + 1)));
        }
        true
    }
}

/// The run and the minute that a candle belongs to.
fn spans(interval: Interval, open_time_ms: i64) -> [Span; 2] {
    let close_ms = interval.close_of(open_time_ms);
    [(close_ms, Some(interval)), (close_ms.div_euclid(60_000) * 60_000, None)]
}

fn cools(rules: &Hygiene, interval: Interval, since_kept_ms: i64) -> bool {
    let candles = since_kept_ms / interval.as_ms();
    (rules.cooldown_candles > 0 && candles <= i64::from(rules.cooldown_candles))
        || u64::try_from(since_kept_ms).is_ok_and(|since| since < rules.cooldown_ms)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: i64 = 60_000;

    fn kept(rules: Hygiene, minutes: &[i64]) -> Vec<i64> {
        let mut keeper = Keeper::default();
        let asking = |minute| Asking { symbol: 0, interval: Interval::M1, tag: 0, open_time_ms: minute * MINUTE };
        minutes.iter().copied().filter(|minute| keeper.keep(&rules, asking(*minute), true)).collect()
    }

    #[test]
    fn without_rules_every_candle_keeps_its_signal() {
        assert_eq!(kept(Hygiene::default(), &[1, 2, 3, 7]), [1, 2, 3, 7]);
    }

    #[test]
    fn a_cooldown_counts_from_the_last_kept_signal() {
        let rules = Hygiene { cooldown_candles: 2, ..Hygiene::default() };
        assert_eq!(kept(rules, &[1, 2, 3, 4, 5, 6, 7]), [1, 4, 7]);
        let rules = Hygiene { cooldown_ms: 2 * MINUTE as u64, ..Hygiene::default() };
        assert_eq!(kept(rules, &[1, 2, 3, 4, 5]), [1, 3, 5]);
    }

    /// What is undone is asked again, and answered as if it had never been asked.
    #[test]
    fn a_delivery_that_is_undone_leaves_nothing_behind() {
        let rules = Hygiene { cooldown_candles: 2, on_transition: true, max_per_run: 1, ..Hygiene::default() };
        let ask = |keeper: &mut Keeper, minutes: &[i64]| -> Vec<bool> {
            let asking = |minute| Asking { symbol: 0, interval: Interval::M1, tag: 0, open_time_ms: minute * MINUTE };
            minutes.iter().map(|minute| keeper.keep(&rules, asking(*minute), true)).collect()
        };
        let (mut whole, mut undone) = (Keeper::default(), Keeper::default());
        for minutes in [[1, 2, 4], [6, 7, 9], [13, 14, 20]] {
            undone.begin();
            ask(&mut undone, &minutes);
            undone.undo();
            undone.begin();
            assert_eq!(ask(&mut undone, &minutes), ask(&mut whole, &minutes));
            assert_eq!(undone.held_back(), whole.held_back());
        }
    }

    #[test]
    fn a_cooldown_goes_on_after_a_restart() {
        let asking = |minute| Asking { symbol: 0, interval: Interval::M1, tag: 0, open_time_ms: minute * MINUTE };
        let rules = Hygiene { cooldown_candles: 2, ..Hygiene::default() };
        let mut keeper = Keeper::default();
        keeper.was_told(asking(4));
        keeper.was_emitted(asking(5));
        assert_eq!([6, 7, 8].map(|minute| keeper.keep(&rules, asking(minute), true)), [false, true, false]);
        let rules = Hygiene { on_transition: true, ..Hygiene::default() };
        let mut keeper = Keeper::default();
        keeper.was_told(asking(3));
        keeper.was_emitted(asking(5));
        assert_eq!([6, 7, 9].map(|minute| keeper.keep(&rules, asking(minute), true)), [false, false, true]);
    }

    /// What another version told as news holds back what this one tells, and nothing of its past.
    #[test]
    fn a_cooldown_goes_on_in_the_next_version() {
        let asking = |minute| Asking { symbol: 0, interval: Interval::M1, tag: 0, open_time_ms: minute * MINUTE };
        let rules = Hygiene { cooldown_candles: 5, ..Hygiene::default() };
        let mut first = Keeper::default();
        assert!(first.keep(&rules, asking(2), false) && first.keep(&rules, asking(10), true));
        let mut next = Keeper::default();
        first.told().for_each(|told| next.was_told_before(told));
        assert_eq!(next.told().map(|told| told.open_time_ms).collect::<Vec<_>>(), [10 * MINUTE]);
        assert!(next.keep(&rules, asking(3), false), "history is what it is");
        assert_eq!([10, 12, 15, 16].map(|minute| next.keep(&rules, asking(minute), true)), [true, false, false, true]);
        let mut quiet = Keeper::default();
        next.told().for_each(|told| quiet.was_told_before(told));
        assert_eq!([17, 21, 22].map(|minute| quiet.keep(&rules, asking(minute), true)), [false, false, true]);
    }

    #[test]
    fn a_transition_needs_a_candle_without_the_signal() {
        let rules = Hygiene { on_transition: true, ..Hygiene::default() };
        assert_eq!(kept(rules, &[1, 2, 3, 5, 6, 9]), [1, 5, 9]);
    }

    #[test]
    fn a_candle_is_judged_once() {
        assert_eq!(kept(Hygiene::default(), &[1, 2, 2, 1, 3]), [1, 2, 3]);
    }

    #[test]
    fn a_run_keeps_the_first_symbols() {
        let rules = Hygiene { max_per_run: 2, ..Hygiene::default() };
        let mut keeper = Keeper::default();
        let mut ask = |symbol, interval, minute| {
            keeper.keep(&rules, Asking { symbol, interval, tag: 0, open_time_ms: minute * MINUTE }, true)
        };
        assert!(ask(0, Interval::M5, 0) && ask(1, Interval::M5, 0) && !ask(2, Interval::M5, 0));
        assert!(ask(0, Interval::M1, 4), "another interval at the same close is another run");
        assert!(ask(2, Interval::M5, 5));
    }

    /// What comes late takes the room that its own close has left, and none of a later one.
    #[test]
    fn a_late_candle_counts_against_its_own_run() {
        let rules = Hygiene { max_per_run: 2, ..Hygiene::default() };
        let mut keeper = Keeper::default();
        let mut ask = |symbol, minute| {
            keeper.begin();
            keeper.keep(&rules, Asking { symbol, interval: Interval::M1, tag: 0, open_time_ms: minute * MINUTE }, true)
        };
        assert!(ask(0, 1) && ask(1, 1) && ask(0, 2));
        assert!(!ask(3, 1), "the close had its two");
        assert!(ask(3, 2) && !ask(4, 2), "the later close had one");
        assert!(ask(0, 3), "and the next one starts anew");
    }

    #[test]
    fn a_run_goes_on_after_a_restart() {
        let rules = Hygiene { max_per_run: 2, ..Hygiene::default() };
        let asking = |symbol, minute| Asking { symbol, interval: Interval::M1, tag: 0, open_time_ms: minute * MINUTE };
        let mut keeper = Keeper::default();
        keeper.was_told(asking(0, 5));
        assert!(!keeper.keep(&rules, asking(0, 5), true), "told before");
        assert!(keeper.keep(&rules, asking(1, 5), true) && !keeper.keep(&rules, asking(2, 5), true));
    }

    #[test]
    fn spans_are_not_remembered_for_ever() {
        let mut keeper = Keeper::default();
        for minute in 0..10_000 {
            keeper.begin();
            let asking = Asking { symbol: 0, interval: Interval::M1, tag: 0, open_time_ms: minute * MINUTE };
            assert!(keeper.keep(&Hygiene::default(), asking, true));
        }
        assert!(keeper.kept.len() <= SPANS_KEPT + 2, "{}", keeper.kept.len());
    }

    #[test]
    fn a_minute_has_an_end() {
        let mut keeper = Keeper::default();
        let kept = (0..limits::SIGNALS_PER_MINUTE + 50)
            .filter(|symbol| {
                keeper.keep(
                    &Hygiene::default(),
                    Asking { symbol: *symbol, interval: Interval::M1, tag: 0, open_time_ms: MINUTE },
                    true,
                )
            })
            .count();
        assert_eq!(kept, limits::SIGNALS_PER_MINUTE as usize);
        assert_eq!((keeper.held_back(), keeper.over_limit()), (50, 50));
    }
}
