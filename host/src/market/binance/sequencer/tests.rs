use super::*;
use crate::market::binance::wire::Kline;
use crate::market::segment::{Segment, Telling};

const MINUTE: i64 = 60_000;
/// A multiple of a day, far enough from the beginning for all history.
const START: i64 = 20_000 * Interval::D1.as_ms();
const A: SymbolId = SymbolId(0);
const B: SymbolId = SymbolId(1);
const C: SymbolId = SymbolId(2);

fn values(open_ms: i64) -> Values {
    let price = 1.0 + (open_ms - START) as f64 / 1e9;
    [price, price, price, price, 1.0, price, 0.5, 7.0]
}

/// A segment in words.
fn words(segment: &Segment) -> String {
    let names = |symbols: Vec<u32>| symbols.iter().map(|id| ["a", "b", "c", "d"][*id as usize]).collect::<String>();
    let mut text = format!("{:?}", segment.telling());
    for close in segment.closes() {
        text += &format!(" {}:", (close.close_time_ms() + 1 - START) / MINUTE);
        for batch in close.batches() {
            text += &format!(" {} {}", batch.interval, names(batch.symbols.to_vec()));
        }
        let gaps: Vec<u32> = close.gaps().iter().map(|gap| gap.symbol.0).collect();
        if !gaps.is_empty() {
            text += &format!(" gap {}", names(gaps));
        }
    }
    for (word, symbols) in [
        ("without", segment.lagging().to_vec()),
        ("joined", segment.joined().iter().map(|(symbol, _)| *symbol).collect()),
        ("gone", segment.gone().to_vec()),
    ] {
        if !symbols.is_empty() {
            text += &format!(" {word} {}", names(symbols.iter().map(|symbol| symbol.0).collect()));
        }
    }
    for (interval, candles) in segment.filled() {
        text += &format!(" filled {interval} {candles}");
    }
    text
}

struct Host {
    sequencer: Sequencer,
    /// What REST has, as long as it answers.
    rest: Option<fn(SymbolId, i64) -> bool>,
}

impl Host {
    /// Of these symbols, at a minute past the start, with all its history.
    fn new(symbols: u32, intervals: &[Interval]) -> Self {
        let mut sequencer = Sequencer::new(START - 1, START + 1);
        for symbol in 0..symbols {
            sequencer.with(SymbolId(symbol), ["A", "B", "C"][symbol as usize]);
        }
        for interval in intervals {
            sequencer.want(*interval, 0);
        }
        sequencer.begin();
        let mut host = Self { sequencer, rest: Some(|_, _| true) };
        host.at(1.5);
        host.told();
        host
    }

    /// The clock goes on, second by second.
    fn at(&mut self, seconds: f64) {
        let until_ms = START + (seconds * 1_000.0) as i64;
        for now_ms in (self.sequencer.now_ms()..until_ms).step_by(1_000) {
            self.sequencer.clock(now_ms);
        }
        self.sequencer.clock(until_ms);
    }

    /// The clock was not heard for a while.
    fn after_silence(&mut self, seconds: f64) {
        self.sequencer.clock(START + (seconds * 1_000.0) as i64);
    }

    /// The socket brings the candle of a minute.
    fn hear(&mut self, symbol: SymbolId, minute: i64) {
        let (open_ms, now_ms) = (START + minute * MINUTE, self.sequencer.now_ms());
        self.sequencer.candle(symbol, Interval::M1, open_ms, values(open_ms), (true, now_ms));
    }

    fn hear_all(&mut self, symbols: &[SymbolId], minute: i64) {
        for symbol in symbols {
            self.hear(*symbol, minute);
        }
    }

    /// Answers everything that is asked, and says what is told.
    fn told(&mut self) -> Vec<String> {
        let mut told = Vec::new();
        loop {
            let live = self.sequencer.ask_live(|_, _| true);
            let ask = live.or_else(|| self.sequencer.ask_history(|_, _| true));
            if let Some(ask) = &ask {
                let length_ms = ask.interval.as_ms();
                let opens = (0..1_000).map(|number| ask.from_ms + number * length_ms);
                let now_ms = self.sequencer.now_ms();
                match self.rest {
                    Some(has) => {
                        let has = |open_ms: &i64| *open_ms <= now_ms && has(ask.symbol, (open_ms - START) / MINUTE);
                        let rows: Vec<Kline> =
                            opens.filter(has).map(|open_ms| Kline { open_ms, values: values(open_ms) }).collect();
                        self.sequencer.answered(ask, &rows, rows.len() == 1_000);
                    }
                    None => self.sequencer.failed(ask),
                }
            }
            let mut segment = Segment::new();
            let mut is_told = false;
            while self.sequencer.next(64, &mut segment).unwrap() {
                is_told = true;
                if segment.telling() != Telling::History || !segment.filled().is_empty() {
                    told.push(words(&segment));
                }
            }
            if ask.is_none() && !is_told {
                return told;
            }
        }
    }
}

#[test]
fn a_close_is_told_as_soon_as_all_have_answered() {
    let mut host = Host::new(2, &[Interval::M1]);
    host.at(60.05);
    host.hear(A, 0);
    assert!(host.told().is_empty());
    host.hear(B, 0);
    assert_eq!(host.told(), ["Live 1: 1m ab"]);
    assert_eq!(host.sequencer.counts(), Counts::default());
    // What did not come is asked for two seconds later.
    host.at(120.1);
    host.hear(B, 1);
    assert!(host.told().is_empty());
    host.at(122.0);
    assert_eq!(host.told(), ["Live 2: 1m ab"]);
    assert_eq!(host.sequencer.counts().backfilled, 1);
}

#[test]
fn who_does_not_answer_lags_holds_back_all_of_itself_and_catches_up_in_order() {
    let mut host = Host::new(3, &[Interval::M1, Interval::M5]);
    host.at(240.1);
    for minute in 0..4 {
        host.hear_all(&[A, B, C], minute);
    }
    assert_eq!(host.told(), ["Live 1: 1m abc 2: 1m abc 3: 1m abc 4: 1m abc"]);
    host.at(300.1);
    host.hear_all(&[A, B], 4);
    for symbol in [A, B, C] {
        host.sequencer.candle(symbol, Interval::M5, START, values(START), (true, START + 300_100));
    }
    host.rest = None;
    host.at(302.0);
    assert!(host.told().is_empty());
    host.at(309.9);
    assert!(host.told().is_empty());
    host.at(310.0);
    assert_eq!(host.told(), ["Live 5: 5m ab 1m ab without c"]);
    host.at(360.1);
    host.hear_all(&[A, B, C], 5);
    assert_eq!(host.told(), ["Live 6: 1m ab without c"]);
    host.rest = Some(|_, _| true);
    host.at(364.0);
    assert_eq!(host.told(), ["Late 5: 5m c 1m c", "Late 6: 1m c"]);
    host.at(420.1);
    host.hear_all(&[A, B, C], 6);
    assert_eq!(host.told(), ["Live 7: 1m abc"]);
    assert_eq!(host.sequencer.counts().late, 3);
}

#[test]
fn where_most_are_missing_the_others_wait_longer_and_where_all_are_for_ever() {
    let mut host = Host::new(3, &[Interval::M1]);
    host.rest = None;
    host.at(60.1);
    host.hear(A, 0);
    for seconds in [62.0, 71.0, 89.9] {
        host.at(seconds);
        assert!(host.told().is_empty(), "{seconds}");
    }
    host.at(90.0);
    assert_eq!(host.told(), ["Live 1: 1m a without bc"]);
    host.at(1_000.0);
    assert!(host.told().is_empty());
    host.rest = Some(|_, _| true);
    host.at(1_004.0);
    let told = host.told();
    assert!(told[0].starts_with("Late 1: 1m b"), "{told:?}");
    assert_eq!(host.sequencer.lagging(), 0);
}

#[test]
fn after_an_outage_everything_comes_in_order_and_nobody_lags() {
    let mut host = Host::new(3, &[Interval::M1]);
    host.after_silence(600.5);
    host.hear_all(&[A, B], 9);
    host.rest = None;
    assert!(host.told().is_empty());
    host.rest = Some(|symbol, minute| symbol != C || minute < 9);
    host.at(604.0);
    assert_eq!(host.told().len(), 1);
    host.at(607.5);
    assert!(host.told().is_empty());
    host.rest = Some(|_, _| true);
    host.at(610.4);
    assert!(host.told().is_empty(), "ten seconds from when it could be asked, not from its close");
    host.at(610.5);
    assert_eq!(host.told(), ["Live 10: 1m abc"]);
}

#[test]
fn a_hole_is_told_as_a_gap_and_a_halted_market_holds_nobody_up() {
    let mut host = Host::new(2, &[Interval::M1]);
    host.rest = Some(|symbol, minute| symbol != B || minute == 0 || minute > 4);
    for minute in 1..=8 {
        host.at(minute as f64 * 60.0 + 0.1);
        host.hear(A, minute - 1);
        let told = host.told();
        match minute {
            1..=4 => assert!(told.is_empty(), "{minute}: {told:?}"),
            5 => assert_eq!(told, ["Live 5: 1m a without b"], "after three holes nobody waits"),
            // It trades again: it was asked for before that was there, and is waited for once it has answered.
            _ => assert_eq!(told.len(), usize::from(minute == 6), "{minute}: {told:?}"),
        }
        let mut later = Vec::new();
        for seconds in [2, 5, 8, 12, 30, 35] {
            host.at((minute * 60 + seconds) as f64);
            later.append(&mut host.told());
        }
        match minute {
            1 => assert_eq!(later, ["Live 1: 1m ab"]),
            2..=4 => assert_eq!(later, [format!("Live {minute}: 1m a without b")], "{minute}"),
            5 => assert!(later.is_empty(), "{later:?}"),
            6 => assert_eq!(later, ["Late 6: 1m b gap b"]),
            _ => assert_eq!(later, [format!("Live {minute}: 1m ab")]),
        }
    }
    assert_eq!(host.sequencer.counts().gaps, 1);
}

#[test]
fn a_symbol_joins_with_its_history_and_leaves_after_its_last_candle() {
    let mut host = Host::new(2, &[Interval::M1]);
    host.sequencer.join(C, "C");
    assert!(host.told().is_empty(), "it is told with the first close after it");
    host.at(60.1);
    host.hear_all(&[A, B, C], 0);
    assert_eq!(host.told(), ["Live 1: 1m abc joined c"]);
    host.at(121.0);
    host.sequencer.leave(A);
    host.hear_all(&[B, C], 1);
    host.at(122.0);
    assert_eq!(host.told(), ["Live 2: 1m abc"]);
    host.at(180.1);
    host.hear_all(&[A, B, C], 2);
    assert_eq!(host.told(), ["Live 3: 1m bc gone a"]);
    assert_eq!(host.sequencer.streams().count(), 2);
}

#[test]
fn ids_are_told_without_a_gap_whatever_leaves_before_it_joined() {
    let mut host = Host::new(1, &[Interval::M1]);
    host.rest = None;
    host.sequencer.join(B, "B");
    host.sequencer.join(C, "C");
    host.told();
    host.sequencer.leave(B);
    host.rest = Some(|_, _| true);
    host.at(59.0);
    assert!(host.told().is_empty());
    host.at(60.1);
    host.hear_all(&[A, C], 0);
    assert_eq!(host.told(), ["Live 1: 1m ac joined bc gone b"]);
}

/// Whoever is left behind is named, also where nobody else is left.
#[test]
fn a_symbol_that_lags_is_named_with_the_close_at_which_the_last_of_the_others_goes() {
    let mut host = Host::new(2, &[Interval::M1]);
    host.rest = None;
    host.at(60.1);
    host.hear(A, 0);
    host.at(61.0);
    host.sequencer.leave(A);
    let told = (62..100).find_map(|second| {
        host.at(f64::from(second));
        Some(host.told()).filter(|told| !told.is_empty())
    });
    assert_eq!(told.unwrap(), ["Live 1: 1m a without b", "Live without b gone a"], "its last close first");
}

/// It is told to be there before it is told to be gone, and not before those whose ids are lower.
#[test]
fn a_symbol_that_goes_while_it_waits_to_join_keeps_the_ids_in_order() {
    let mut host = Host::new(1, &[Interval::M1]);
    host.rest = None;
    host.sequencer.join(B, "B");
    host.sequencer.join(C, "C");
    host.told();
    host.sequencer.leave(C);
    host.at(60.1);
    host.hear(A, 0);
    assert_eq!(host.told(), ["Live 1: 1m a"]);
    host.rest = Some(|_, _| true);
    host.at(70.0);
    host.told();
    host.at(120.1);
    host.hear_all(&[A, B], 1);
    assert_eq!(host.told(), ["Live 2: 1m ab joined bc gone c"]);
}

/// The others are told, and what it lacks as soon as it is there.
#[test]
fn a_symbol_that_is_passed_over_is_told_its_history_later() {
    let mut host = Host::new(1, &[Interval::M1]);
    host.rest = None;
    host.sequencer.join(B, "B");
    assert!(host.told().is_empty() && host.sequencer.holds_up(B, Interval::M1));
    host.at(60.1);
    host.hear_all(&[A, B], 0);
    assert_eq!(host.told(), ["Live 1: 1m a"]);
    host.sequencer.pass_over(B, Interval::M1);
    assert!(!host.sequencer.holds_up(B, Interval::M1));
    host.at(120.1);
    host.hear_all(&[A, B], 1);
    assert_eq!(host.told(), ["Live 2: 1m ab joined b"]);
    assert!(!host.sequencer.waits_for_answers());
    // Another interval of all is waited for as ever.
    host.rest = Some(|symbol, _| symbol != B);
    host.sequencer.want(Interval::M5, 10);
    assert!(host.sequencer.holds_up(B, Interval::M5));
    host.rest = Some(|_, _| true);
    host.at(130.0);
    assert_eq!(host.told(), ["History filled 5m 288"]);
    host.at(180.1);
    host.hear_all(&[A, B], 2);
    assert_eq!(host.told(), ["Live 3: 1m ab"]);
    assert!(!host.sequencer.waits_for_answers());
}

/// What the socket brings of one that joins is not told before everybody knows that it is there.
#[test]
fn a_symbol_whose_history_takes_long_is_told_once_it_has_joined() {
    let mut host = Host::new(2, &[Interval::M1]);
    host.rest = None;
    host.sequencer.join(C, "C");
    host.at(60.1);
    host.hear_all(&[A, B, C], 0);
    assert_eq!(host.told(), ["Live 1: 1m ab"]);
    host.at(120.1);
    host.hear_all(&[A, B, C], 1);
    assert_eq!(host.told(), ["Live 2: 1m ab"]);
    host.rest = Some(|_, _| true);
    host.at(125.0);
    assert!(host.told().is_empty(), "that is its history");
    host.at(180.1);
    host.hear_all(&[A, B, C], 2);
    assert_eq!(host.told(), ["Live 3: 1m abc joined c"]);
}

#[test]
fn a_symbol_that_the_exchange_does_not_know_ends_at_once() {
    let mut host = Host::new(2, &[Interval::M1]);
    host.at(60.1);
    host.hear(A, 0);
    host.at(62.0);
    let ask = host.sequencer.ask_live(|_, _| true).unwrap();
    assert_eq!((ask.symbol, ask.from_ms), (B, START));
    host.sequencer.give_up(ask.symbol);
    assert_eq!(host.told(), ["Live 1: 1m a"]);
    host.at(120.1);
    host.hear(A, 1);
    assert_eq!(host.told(), ["Live 2: 1m a gone b"]);
}

#[test]
fn an_interval_that_is_wanted_later_begins_with_the_next_close_and_loads_its_history() {
    let mut host = Host::new(2, &[Interval::M1]);
    host.at(60.1);
    host.hear_all(&[A, B], 0);
    assert_eq!(host.told().len(), 1);
    host.sequencer.want(Interval::M5, 500);
    assert_eq!(host.told(), ["History filled 5m 500"]);
    // Less is there already, and more is loaded before it.
    host.sequencer.want(Interval::M5, 300);
    assert!(host.told().is_empty());
    host.sequencer.want(Interval::M5, 2_500);
    assert_eq!(host.told(), ["History filled 5m 2500"]);
    // What nobody needs is gone, and has to be told again.
    host.sequencer.keep_only(&BTreeMap::from([(Interval::M1, 0), (Interval::M5, 300)]));
    host.sequencer.want(Interval::M5, 500);
    assert_eq!(host.told(), ["History filled 5m 500"]);
    host.sequencer.keep_only(&BTreeMap::from([(Interval::M5, 0)]));
    assert_eq!(host.sequencer.streams().count(), 2);
    host.at(302.0);
    assert_eq!(host.told(), ["Live 5: 5m ab"]);
}

#[test]
fn while_nothing_is_wanted_nothing_is_missed() {
    let mut host = Host::new(1, &[]);
    assert!(host.told().is_empty() && host.sequencer.is_idle() && host.sequencer.is_open());
    host.sequencer.join(B, "B");
    assert_eq!(host.told(), ["Live joined b"]);
    host.at(6_000.5);
    host.sequencer.want(Interval::M1, 0);
    host.at(6_002.0);
    assert_eq!(host.told(), ["History filled 1m 1440"]);
    host.at(6_062.0);
    assert_eq!(host.told(), ["Live 101: 1m ab"]);
}

#[test]
fn after_a_restart_candles_are_history_up_to_the_anchor_and_news_from_there() {
    let mut sequencer = Sequencer::new(START - 1, START + 3 * 60 * MINUTE);
    sequencer.with(A, "A");
    sequencer.want(Interval::H1, 10);
    let mut host = Host { sequencer, rest: Some(|_, _| true) };
    assert_eq!(host.told(), ["History filled 1h 150"], "nothing is told before all that is wanted first is known");
    host.sequencer.begin();
    assert_eq!(host.told(), ["Live 60: 1h a 120: 1h a"]);
    host.at(3.0 * 3_600.0 + 2.0);
    assert_eq!(host.told(), ["Live 180: 1h a"]);
}

#[test]
fn a_closed_candle_is_believed_only_after_its_close() {
    let mut host = Host::new(1, &[Interval::M1]);
    host.at(59.9);
    host.hear(A, 0);
    assert!(!host.sequencer.candle(A, Interval::M1, START, values(START), (true, START + 59_999)), "at its close");
    assert!(!host.sequencer.candle(A, Interval::M1, START, values(START), (false, START + 60_100)), "forming");
    assert!(
        !host.sequencer.candle(A, Interval::M1, START, values(START), (true, START + 90_000)),
        "ahead of the clock"
    );
    host.at(60.1);
    assert!(host.told().is_empty());
    host.hear(A, 0);
    assert_eq!(host.told(), ["Live 1: 1m a"]);
}
