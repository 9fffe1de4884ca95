//! The feed of the host on the stand-in exchange: what is told equals the archive.

mod told;

use std::collections::BTreeMap;

use told::{Told, Watcher};
use vyx_exchange::{Effect, Exchange, Fault, Gone, Listing, Match, Setup, Storm};
use vyx_host::market::{Feed as _, Interval, SymbolId, Telling};

/// 2025-01-01 00:00 UTC.
const START_MS: i64 = 1_735_689_600_000;
const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 60 * MINUTE_MS;
const SYMBOLS: [&str; 3] = ["BTCUSDT", "JUPUSDT", "SUPERUSDT"];
/// A minute of the market in a quarter of a second.
const FAST: f64 = 240.0;

fn exchange(factor: f64) -> Exchange {
    Exchange::start(Setup::new(&SYMBOLS, START_MS + 20_000, factor))
}

#[test]
fn history_is_told_first_and_then_each_close_once_as_the_archive_has_it() {
    let exchange = exchange(FAST);
    let mut feed = Watcher::start(&exchange, &SYMBOLS, START_MS + 20_000);
    feed.feed.want(&[Interval::M1, Interval::M5]).unwrap();
    feed.feed.reach_back(Interval::M1, 1_000);
    let mut told = Told::default();
    feed.watch(&mut told, |told| told.closes(Interval::M1) >= 12);
    assert_eq!(told.filled, BTreeMap::from([(Interval::M1, 1_440), (Interval::M5, 288)]));
    for symbol in 0..3 {
        for interval in [Interval::M1, Interval::M5] {
            let opens = told.check(&exchange, SYMBOLS[symbol as usize], symbol, interval);
            let least = if interval == Interval::M1 { 1_440 } else { 288 };
            assert!(START_MS - opens.0 >= least * interval.as_ms(), "{interval}");
            assert!(opens.1 > START_MS);
        }
    }
    assert_eq!((told.late, told.gaps.len()), (0, 0));
    let status = feed.feed.status().get();
    assert_eq!((status.symbols, status.streams, status.lagging), (3, 6, 0));
    assert!(status.clock_offset_ms.is_some() && status.messages > 0);
    assert_eq!(feed.feed.trouble(), None);
}

#[test]
fn after_a_restart_the_closes_since_the_anchor_are_news_in_their_order() {
    let exchange = exchange(FAST);
    let mut feed = Watcher::start(&exchange, &SYMBOLS, START_MS - 20 * HOUR_MS - 1);
    feed.feed.want(&[Interval::M1, Interval::H1]).unwrap();
    let mut told = Told::default();
    feed.watch(&mut told, |told| told.last_live_ms > START_MS + 3 * MINUTE_MS);
    for (symbol, name) in SYMBOLS.iter().enumerate() {
        for interval in [Interval::M1, Interval::H1] {
            told.check(&exchange, name, symbol as u32, interval);
        }
    }
    assert_eq!(told.first_live_ms, START_MS - 20 * HOUR_MS + MINUTE_MS - 1);
    assert!(told.backfilled >= 3 * 20 * 60);
    assert_eq!(told.late, 0, "nobody is late who was only away");
}

#[test]
fn symbols_go_when_they_stop_trading_and_come_back_as_new_ones() {
    let exchange = exchange(FAST);
    let mut feed = Watcher::start(&exchange, &SYMBOLS, START_MS + 20_000);
    feed.feed.want(&[Interval::M1]).unwrap();
    let mut told = Told::default();
    feed.watch(&mut told, |told| told.closes(Interval::M1) >= 2);
    exchange.set_status("JUPUSDT", "SOMETHING_NEW");
    feed.watch(&mut told, |told| told.gone == [SymbolId(1)]);
    exchange.set_status("JUPUSDT", "TRADING");
    feed.watch(&mut told, |told| !told.joined.is_empty());
    assert_eq!(told.joined, [(SymbolId(3), "JUPUSDT".to_owned())]);
    let from = told.last_live_ms;
    feed.watch(&mut told, |told| told.last_live_ms >= from + 3 * MINUTE_MS);
    for (symbol, name) in [(0, "BTCUSDT"), (2, "SUPERUSDT"), (3, "JUPUSDT")] {
        told.check(&exchange, name, symbol, Interval::M1);
    }
    assert_eq!(feed.feed.symbols().id("JUPUSDT"), Some(SymbolId(3)));
}

#[test]
fn only_what_is_wanted_is_streamed_and_nothing_is_well() {
    let exchange = exchange(FAST);
    let mut feed = Watcher::start(&exchange, &SYMBOLS, START_MS + 20_000);
    let mut told = Told::default();
    assert!(!feed.take(&mut told) && feed.feed.trouble().is_none());
    assert!(exchange.journal().connections.is_empty(), "nobody wants anything");
    feed.feed.want(&[Interval::M5]).unwrap();
    feed.feed.reach_back(Interval::M5, 10);
    feed.watch(&mut told, |told| told.closes(Interval::M5) >= 1);
    feed.feed.want(&[Interval::M1]).unwrap();
    feed.feed.reach_back(Interval::M1, 10);
    feed.watch(&mut told, |told| told.closes(Interval::M1) >= 2);
    told.check(&exchange, "BTCUSDT", 0, Interval::M1);
    feed.feed.keep_only(&BTreeMap::new());
    feed.watch_status(|status| status.streams == 0);
    assert_eq!(feed.feed.trouble(), None);
}

#[test]
fn a_hole_is_told_as_a_gap() {
    let setup = Setup::new(&SYMBOLS, START_MS + 20_000, FAST);
    let exchange = Exchange::start(setup);
    exchange.gap("BTCUSDT", START_MS + 4 * MINUTE_MS, START_MS + 6 * MINUTE_MS);
    let mut feed = Watcher::start(&exchange, &SYMBOLS, START_MS + 20_000);
    feed.feed.want(&[Interval::M1]).unwrap();
    let mut told = Told::default();
    feed.watch(&mut told, |told| told.last_live_ms > START_MS + 9 * MINUTE_MS && !told.gaps.is_empty());
    let gap = told.gaps[0];
    assert_eq!(
        (gap.symbol, gap.from_open_ms, gap.until_open_ms),
        (SymbolId(0), START_MS + 4 * MINUTE_MS, START_MS + 6 * MINUTE_MS)
    );
    for (symbol, name) in SYMBOLS.iter().enumerate() {
        told.check(&exchange, name, symbol as u32, Interval::M1);
    }
}

#[test]
fn in_a_storm_of_all_faults_each_symbol_is_told_what_the_archive_has() {
    let exchange = exchange(FAST);
    let end_ms = START_MS + 60 * MINUTE_MS;
    let mut feed = Watcher::start(&exchange, &SYMBOLS, START_MS + 20_000);
    feed.feed.want(&[Interval::M1, Interval::M5, Interval::M15]).unwrap();
    let mut told = Told::default();
    feed.watch(&mut told, |told| told.closes(Interval::M1) >= 1);
    let storm = Storm { statuses: false, skew_most_ms: 0, ..Storm::new(7, exchange.now_ms()..end_ms) };
    exchange.storm(storm);
    feed.watch(&mut told, |told| told.last_live_ms > end_ms + 3 * MINUTE_MS);
    exchange.clear_faults();
    feed.watch(&mut told, |told| (0..3).all(|symbol| told.last_ms(symbol) > end_ms + 4 * MINUTE_MS));
    for (symbol, name) in SYMBOLS.iter().enumerate() {
        for interval in [Interval::M1, Interval::M5, Interval::M15] {
            told.check(&exchange, name, symbol as u32, interval);
        }
    }
    let holes: i64 = told.gaps.iter().map(|gap| (gap.until_open_ms - gap.from_open_ms) / gap.interval.as_ms()).sum();
    assert_eq!(holes as usize, told.missing(), "every hole is told");
}

#[test]
fn a_ban_is_kept_and_the_streams_go_on() {
    let exchange = exchange(FAST);
    let mut feed = Watcher::start(&exchange, &SYMBOLS, START_MS + 20_000);
    feed.feed.want(&[Interval::M1]).unwrap();
    let mut told = Told::default();
    feed.watch(&mut told, |told| told.closes(Interval::M1) >= 2);
    exchange.fault(Fault::new(Match::any(), Effect::banned(3_600, START_MS + 3_600_000)).times(1));
    // Whether that is a trouble or a warning depends on what is wanted at this moment.
    feed.watch_status(|status| {
        [&status.trouble, &status.warning].into_iter().flatten().any(|why| why.contains("3600 s"))
    });
    let asked = exchange.journal().requests.len();
    let from_ms = told.last_live_ms;
    feed.watch(&mut told, |told| told.last_live_ms >= from_ms + 3 * MINUTE_MS);
    assert!(exchange.journal().requests.len() <= asked + 1, "nothing is asked until the ban is over");
}

#[test]
fn a_symbol_that_is_delisted_holds_nobody_up() {
    let exchange = exchange(FAST);
    let mut feed = Watcher::start(&exchange, &SYMBOLS, START_MS + 20_000);
    feed.feed.want(&[Interval::M1]).unwrap();
    let mut told = Told::default();
    feed.watch(&mut told, |told| told.closes(Interval::M1) >= 2);
    exchange.delist_at("JUPUSDT", Gone::Unknown, exchange.now_ms());
    feed.watch(&mut told, |told| told.gone == [SymbolId(1)]);
    let from_ms = told.last_live_ms;
    feed.watch(&mut told, |told| told.last_live_ms >= from_ms + 2 * MINUTE_MS);
    told.check(&exchange, "BTCUSDT", 0, Interval::M1);
}

/// Questions about candles of JUPUSDT.
fn of_jup() -> Match {
    Match::any().path("/api/v3/klines").query("*symbol=JUPUSDT&*")
}

/// Where the exchange answers for all others, the others do not wait. What it lacks is told when it comes.
#[test]
fn a_symbol_without_answers_does_not_hold_up_the_start() {
    let exchange = exchange(FAST);
    let fault = exchange.fault(Fault::new(of_jup(), Effect::html(500)));
    let mut feed = Watcher::start(&exchange, &SYMBOLS, START_MS + 20_000);
    feed.feed.want(&[Interval::M1]).unwrap();
    let mut told = Told::default();
    feed.watch_status(|status| status.trouble.as_deref().is_some_and(|trouble| trouble.contains("JUPUSDT")));
    feed.watch(&mut told, |told| told.filled.contains_key(&Interval::M1) && told.closes(Interval::M1) >= 3);
    feed.watch_status(|status| status.warning.as_deref().is_some_and(|warning| warning.contains("JUPUSDT")));
    assert_eq!(feed.feed.status().get().trouble, None, "the exchange answers");
    assert_eq!(told.telling(Telling::History), 2);
    exchange.remove_fault(fault);
    feed.watch(&mut told, |told| told.telling(Telling::History) == 3);
    let from_ms = told.last_live_ms;
    feed.watch(&mut told, |told| (0..3).all(|symbol| told.last_ms(symbol) >= from_ms + 3 * MINUTE_MS));
    assert!(told.gone.is_empty());
    for (symbol, name) in SYMBOLS.iter().enumerate() {
        told.check(&exchange, name, symbol as u32, Interval::M1);
    }
}

#[test]
fn a_symbol_without_answers_does_not_hold_up_who_joins_after_it() {
    let exchange = exchange(FAST);
    let mut feed = Watcher::start(&exchange, &SYMBOLS, START_MS + 20_000);
    feed.feed.want(&[Interval::M1]).unwrap();
    let mut told = Told::default();
    feed.watch(&mut told, |told| told.closes(Interval::M1) >= 1);
    ["JUPUSDT", "SUPERUSDT"].iter().for_each(|name| exchange.set_status(name, "HALT"));
    feed.watch(&mut told, |told| told.gone.len() == 2);
    let fault = exchange.fault(Fault::new(of_jup(), Effect::html(500)));
    ["JUPUSDT", "SUPERUSDT"].iter().for_each(|name| exchange.set_status(name, "TRADING"));
    feed.watch(&mut told, |told| told.joined.len() == 2);
    assert_eq!(told.joined, [(SymbolId(3), "JUPUSDT".to_owned()), (SymbolId(4), "SUPERUSDT".to_owned())]);
    assert_eq!(feed.feed.trouble(), None, "the exchange answers");
    let told_so_far = told.telling(Telling::History);
    exchange.remove_fault(fault);
    feed.watch(&mut told, |told| told.telling(Telling::History) > told_so_far);
    let from_ms = told.last_live_ms;
    feed.watch(&mut told, |told| [0, 3, 4].iter().all(|symbol| told.last_ms(*symbol) >= from_ms + 3 * MINUTE_MS));
    for (symbol, name) in [(0, "BTCUSDT"), (3, "JUPUSDT"), (4, "SUPERUSDT")] {
        told.check(&exchange, name, symbol, Interval::M1);
    }
}

/// Then nobody is to blame, and nobody is passed over.
#[test]
fn where_no_candles_are_answered_all_wait() {
    let exchange = exchange(FAST);
    let klines = || Match::any().path("/api/v3/klines");
    let fault = exchange.fault(Fault::new(klines(), Effect::html(503)));
    let mut feed = Watcher::start(&exchange, &SYMBOLS, START_MS + 20_000);
    feed.feed.want(&[Interval::M1]).unwrap();
    let mut told = Told::default();
    feed.watch_status(|status| status.trouble.is_some());
    let asked = || exchange.journal().requests.iter().filter(|asked| asked.path.ends_with("klines")).count();
    let until = asked() + 6;
    while asked() < until {
        feed.take(&mut told);
    }
    exchange.remove_fault(fault);
    feed.watch(&mut told, |told| told.closes(Interval::M1) >= 2);
    assert_eq!(told.telling(Telling::History), 3, "each history whole");
    for (symbol, name) in SYMBOLS.iter().enumerate() {
        told.check(&exchange, name, symbol as u32, Interval::M1);
    }
}

/// The list says that it trades, the candles say that there is no such symbol: it goes, and is looked at again later.
#[test]
fn a_symbol_that_is_refused_by_name_comes_back() {
    let exchange = exchange(FAST);
    let mut feed = Watcher::start(&exchange, &SYMBOLS, START_MS + 20_000);
    feed.feed.want(&[Interval::M1]).unwrap();
    let mut told = Told::default();
    feed.watch(&mut told, |told| told.closes(Interval::M1) >= 1);
    let unknown = Effect::json(400, r#"{"code":-1121,"msg":"Invalid symbol."}"#);
    exchange.fault(Fault::new(of_jup(), unknown).times(1));
    exchange.fault(Fault::new(Match::any().symbol("JUPUSDT"), Effect::MissingClose).times(1));
    feed.watch(&mut told, |told| told.gone == [SymbolId(1)]);
    let gone_ms = told.last_live_ms;
    feed.watch(&mut told, |told| !told.joined.is_empty());
    assert!(told.last_live_ms >= gone_ms + 8 * MINUTE_MS, "not at once");
    let from_ms = told.last_live_ms;
    feed.watch(&mut told, |told| told.last_live_ms >= from_ms + 3 * MINUTE_MS);
    for (symbol, name) in [(0, "BTCUSDT"), (2, "SUPERUSDT"), (3, "JUPUSDT")] {
        told.check(&exchange, name, symbol, Interval::M1);
    }
}

#[test]
fn the_weight_of_the_exchange_is_never_passed() {
    let names: Vec<String> = (0..40).map(|number| format!("S{number:02}USDT")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut setup = Setup::new(&names, START_MS + 20_000, 60.0);
    // Loading 40 symbols takes 200 weights or more, in minutes of a second that allow 150.
    setup.limits.weight = 150;
    setup.limits.factor = 60.0;
    let exchange = Exchange::start(setup);
    let mut feed = Watcher::start(&exchange, &names, START_MS + 20_000);
    feed.feed.want(&[Interval::M1]).unwrap();
    feed.feed.reach_back(Interval::M1, 1_000);
    let mut told = Told::default();
    feed.watch(&mut told, |told| told.filled.contains_key(&Interval::M1));
    let journal = exchange.journal();
    assert!(journal.most_weight <= 150, "{}", journal.most_weight);
    assert!(journal.requests.iter().all(|asked| asked.status != Some(429)), "nothing was refused");
    assert_eq!(told.telling(Telling::History), 40, "each history once");
}

#[test]
fn the_most_traded_pairs_are_chosen_without_looking_at_their_names() {
    let mut setup = Setup::new(&[], START_MS, 0.0);
    let volumes = [
        ("BTCUSDT", 9e9),
        ("JUPUSDT", 8e9),
        ("ETHBTC", 7e9),
        ("HALTEDUSDT", 6e9),
        ("SUPERUSDT", 5e9),
        ("DUSTUSDT", 10.0),
    ];
    setup.listings = volumes.map(|(name, volume)| Listing::new(name).quote_volume(volume)).to_vec();
    setup.listings[3] = setup.listings[3].clone().status("BREAK");
    let exchange = Exchange::start(setup);
    assert_eq!(told::choose(&exchange, 10, 100_000.0), ["BTCUSDT", "JUPUSDT", "SUPERUSDT"]);
}
