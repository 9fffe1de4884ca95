//! The exchange as a feed: nothing invented, nothing missed, nothing twice, nothing early.

use std::collections::BTreeSet;

use rustix::process::Signal;
use vyx_exchange::{Effect, Exchange, Fault, Gone, Listing, Match, Setup};
use vyx_host::market::{BinanceFeed, Choice, Column, Exchange as Client, Feed, Interval, Segment};

use crate::world::{Trader, World, runtime, wait};

const MINUTE: i64 = 60_000;
const PULSE: &str = "73d7da06-0000-4000-8000-000000000001";
const SYMBOLS: [&str; 3] = ["BTCUSDT", "JUPUSDT", "SUPERUSDT"];

fn client(exchange: &Exchange) -> Client {
    Client::new(exchange.rest_url().parse().unwrap()).unwrap()
}

/// Takes what the feed gives now: interval, symbol, open time of each candle, in its order, and the gaps.
fn drain(feed: &mut BinanceFeed, seen: &mut Vec<(i64, Interval, u32)>, gaps: &mut Vec<(u32, i64, i64)>) {
    let mut segment = Segment::new();
    loop {
        assert!(feed.next(100, &mut segment).unwrap());
        if segment.is_empty() {
            return;
        }
        for close in segment.closes() {
            gaps.extend(close.gaps().iter().map(|gap| (gap.symbol.0, gap.from_open_ms, gap.until_open_ms)));
            for batch in close.batches() {
                for (symbol, values, _) in batch.rows() {
                    assert!(values[Column::High.ordinal()] < 1e6, "a candle that was still forming");
                    seen.push((batch.close_time_ms, batch.interval, symbol.0));
                }
            }
        }
    }
}

#[test]
fn late_missing_and_refused_answers_change_nothing_but_the_time() {
    let start_ms = 1_735_689_600_000;
    let exchange = Exchange::start(Setup::new(&SYMBOLS, start_ms + 2_000, 0.0));
    let names: Vec<String> = SYMBOLS.iter().map(|name| (*name).to_owned()).collect();
    let mut feed = BinanceFeed::new(client(&exchange), runtime().handle().clone(), &names, start_ms).unwrap();
    feed.want(&[Interval::M1, Interval::M5]).unwrap();
    let mut state = 7_u64;
    let mut random = move |below: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    let (mut seen, mut gaps) = (Vec::new(), Vec::new());
    drain(&mut feed, &mut seen, &mut gaps);
    let history = seen.len();
    assert_eq!(history, 2 * 3 * 1_000, "a thousand candles of each stream before the first live one");

    let minutes = 240;
    let mut holes = BTreeSet::new();
    for minute in 0..minutes {
        for (symbol, name) in SYMBOLS.iter().enumerate() {
            let open_ms = start_ms + minute * MINUTE;
            match random(20) {
                0 => {
                    holes.insert((symbol as u32, open_ms));
                    exchange.gap(name, open_ms, open_ms + MINUTE);
                }
                1..=4 => {
                    let late_ms = 1 + random(28_000) as i64;
                    let candle = Match::any().symbol(name).interval(Interval::M1).open_ms(open_ms);
                    exchange.fault(Fault::new(candle, Effect::LateRow(late_ms..=late_ms)));
                }
                _ => {}
            }
        }
    }
    let end_ms = start_ms + minutes * MINUTE + 60_000;
    let mut now_ms = start_ms + 2_000;
    while now_ms < end_ms {
        now_ms = (now_ms + 1_000 + random(30_000) as i64).min(end_ms);
        exchange.set_now_ms(now_ms);
        let before = seen.len();
        drain(&mut feed, &mut seen, &mut gaps);
        assert!(seen[before..].iter().all(|(close_ms, _, _)| *close_ms < now_ms), "a candle before its close");
    }
    let live = &seen[history..];
    let order: Vec<_> =
        live.iter().map(|(close_ms, interval, symbol)| (*close_ms, std::cmp::Reverse(*interval), *symbol)).collect();
    assert!(
        order.is_sorted() && order.windows(2).all(|pair| pair[0] != pair[1]),
        "the canonical order, each candle once"
    );
    let got: BTreeSet<_> = live
        .iter()
        .filter(|(_, interval, _)| *interval == Interval::M1)
        .map(|(close_ms, _, symbol)| (*symbol, close_ms + 1 - MINUTE))
        .collect();
    let expected: BTreeSet<_> = (0..minutes)
        .flat_map(|minute| (0..3).map(move |symbol| (symbol, start_ms + minute * MINUTE)))
        .filter(|candle| !holes.contains(candle))
        .collect();
    assert_eq!(got, expected);
    let told: usize = gaps.iter().map(|(_, from_ms, until_ms)| ((until_ms - from_ms) / MINUTE) as usize).sum();
    let last_ms = start_ms + (minutes - 1) * MINUTE;
    let open_ended = (0..3_u32)
        .map(|symbol| {
            (0..minutes)
                .rev()
                .take_while(|back| holes.contains(&(symbol, last_ms - (minutes - 1 - back) * MINUTE)))
                .count()
        })
        .sum::<usize>();
    assert_eq!(told + open_ended, holes.len(), "every hole is told, before the candle that follows it");
}

#[test]
fn limits_of_the_exchange_are_kept_and_a_symbol_that_is_gone_holds_nobody_up() {
    let start_ms = 1_735_689_600_000;
    let exchange = Exchange::start(Setup::new(&SYMBOLS, start_ms + 2_000, 0.0));
    let names: Vec<String> = SYMBOLS.iter().map(|name| (*name).to_owned()).collect();
    let mut feed = BinanceFeed::new(client(&exchange), runtime().handle().clone(), &names, start_ms).unwrap();
    feed.want(&[Interval::M1]).unwrap();
    let (mut seen, mut gaps) = (Vec::new(), Vec::new());
    drain(&mut feed, &mut seen, &mut gaps);
    seen.clear();

    exchange.delist_at("JUPUSDT", Gone::Unknown, start_ms);
    exchange.set_now_ms(start_ms + MINUTE + 5_000);
    drain(&mut feed, &mut seen, &mut gaps);
    assert_eq!(seen.iter().map(|(_, _, symbol)| *symbol).collect::<Vec<_>>(), [0, 2]);

    // Banned: nothing is asked until the ban is over, whatever closes.
    exchange.fault(Fault::new(Match::any(), Effect::banned(3_600, start_ms + 3_600_000)).times(1));
    exchange.set_now_ms(start_ms + 2 * MINUTE + 5_000);
    drain(&mut feed, &mut seen, &mut gaps);
    assert!(feed.trouble().unwrap().contains("3600 s"), "{:?}", feed.trouble());
    let asked = exchange.journal().requests.len();
    drain(&mut feed, &mut seen, &mut gaps);
    assert_eq!((exchange.journal().requests.len(), seen.len()), (asked, 2));
}

#[test]
fn the_most_traded_pairs_are_chosen_without_looking_at_their_names() {
    let mut setup = Setup::new(&["BTCUSDT", "JUPUSDT", "ETHBTC"], 1_735_689_600_000, 0.0);
    setup.listings.push(Listing::new("HALTEDUSDT").status("BREAK"));
    setup.listings.push(Listing::new("SUPERUSDT"));
    setup.listings.push(Listing::new("DUSTUSDT").quote_volume(10.0));
    let exchange = Exchange::start(setup);
    let client = client(&exchange);
    let chosen = runtime().block_on(client.choose(&Choice::Top { count: 10, min_volume: 100_000.0 })).unwrap();
    assert_eq!(chosen, ["BTCUSDT", "JUPUSDT", "SUPERUSDT"]);
    let listed = Choice::Listed(vec!["SUPERUSDT".into(), "GONEUSDT".into()]);
    assert_eq!(runtime().block_on(client.choose(&listed)).unwrap(), ["SUPERUSDT"]);
}

/// The default feed, as a process: down at start, cut in between, killed in between; every minute is told once.
#[test]
fn reconnects_that_never_backfilled() {
    let world = World::new();
    world.add(Trader::built_in(PULSE, "Pulse", "pulse"));
    // Ahead of the clock of the database, which only a test can be.
    let start_ms = jiff::Timestamp::now().as_millisecond() + 3_600_000;
    let exchange = Exchange::start(Setup::new(&SYMBOLS, start_ms, 120.0));
    let down = || exchange.fault(Fault::new(Match::any(), Effect::html(503)));
    let outage = down();
    let host = || world.shared().without("FEED").without("FEED_SPEED").env("BINANCE_API_URL", &exchange.rest_url());
    let first = host().start();
    wait("the outage is told", || first.get("/ready").1.contains("the exchange does not answer").then_some(()));
    assert_eq!(first.get("/health").0, 200);
    exchange.remove_fault(outage);
    first.wait_until_ready();
    let signals = "select count(*) from signals";
    world.wait_for("signals of ten minutes", signals, |count| count >= 30);

    let outage = down();
    wait("the second outage is told", || (first.get("/ready").0 == 503).then_some(()));
    exchange.remove_fault(outage);
    let count = world.count(signals);
    world.wait_for("it goes on", signals, |now| now > count + 15);
    first.end(Signal::KILL);
    let second = host().start();
    let count = world.count(signals);
    world.wait_for("it goes on after a kill", signals, |now| now > count + 30);
    let (code, log) = second.end(Signal::TERM);
    assert_eq!(code, 0, "{log}");

    let of_each = world.query(
        "select symbol, count(*), count(distinct timestamp), extract(epoch from max(timestamp) - min(timestamp))::bigint / 60 + 1
         from signals group by symbol order by symbol",
    );
    assert_eq!(of_each.len(), 3);
    for row in of_each {
        let (symbol, count, distinct, minutes): (String, i64, i64, i64) =
            (row.get(0), row.get(1), row.get(2), row.get(3));
        assert_eq!((count, distinct), (minutes, minutes), "{symbol}: each minute once");
    }
    assert_eq!(world.count("select count(*) from signals where extract(second from timestamp) < 59"), 0);
    let historical =
        "select count(*) from historical_signals h where exists (select 1 from signals s where s.id = h.id)";
    assert_eq!(world.count(historical), 0, "what was told live is not history");
}
