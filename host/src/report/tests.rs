//! A small replay, told as a fleet tells it, and the report that it makes.

use serde_json::Value;
use uuid::Uuid;

use super::{About, Collector, Report, html};
use crate::ids::TraderId;
use crate::market::{Interval, Segment, SymbolId, Symbols};
use crate::module::Digest;
use crate::sandbox::{Described, Hygiene, Manifest, Need, Outcome, Param, ParamValue, Plot, Subscription, Tag};
use crate::signal::StampedSignal;
use crate::supervisor::observe::{Effect, Observer};
use crate::supervisor::{Counts, Evaluation, FaultReport, Witness};

const HOSTILE: &str = "</script><img src=x onerror=\"alert('x')\"><!-- \u{202e}&lt;";

fn trader() -> TraderId {
    TraderId::new(Uuid::from_u128(7))
}

fn manifest(words: &str) -> Manifest {
    let plot = |id: &str, panel: &str, lines| Plot { id: id.into(), title: words.into(), panel: panel.into(), lines };
    let described = Described {
        name: words.into(),
        summary: words.into(),
        sdk: words.into(),
        params: vec![Param {
            name: "period".into(),
            help: words.into(),
            default: ParamValue::Text(words.into()),
            minimum: None,
            maximum: None,
            choices: vec![words.into()],
        }],
        tags: vec![Tag { name: "up".into(), help: words.into() }, Tag { name: "down".into(), help: words.into() }],
        plots: vec![plot("average", "price", 2), plot("rsi", "rsi", 1)],
    };
    Manifest::check(described).unwrap()
}

fn subscription() -> Subscription {
    let needs = vec![Need { interval: Interval::M1, warm_up: 2, lookback: 0 }];
    Subscription {
        needs,
        symbols: Vec::new(),
        other_streams: Vec::new(),
        hygiene: Hygiene { cooldown_candles: 3, ..Hygiene::default() },
    }
}

/// Candles of the minutes 0 to 9 without 4 and 5, each judged, three signals, a fault.
fn collector(words: &str) -> Collector {
    let collector = Collector::new(3);
    let mut segment = Segment::new();
    let mut builder = segment.builder();
    for minute in (0..10_i64).filter(|minute| *minute != 4 && *minute != 5) {
        let price = [100.0, 101.5, 101.0, 103.25, 0.0, 0.0, 102.0, 99.5, 98.0, 104.0][minute as usize];
        builder.batch(Interval::M1, minute * 60_000).unwrap();
        if minute == 6 {
            builder.gap(SymbolId(0), 4 * 60_000).unwrap();
        }
        let values = [price - 0.5, price + 1.0, price - 1.0, price, 2.5, f64::NAN, f64::NAN, f64::NAN];
        builder.row(SymbolId(0), &values, 0).unwrap();
    }
    builder.finish().unwrap();
    collector.observe(Effect::Delivering(&segment));
    for minute in (0..10_i64).filter(|minute| *minute != 4 && *minute != 5) {
        collector.evaluated(&Evaluation {
            trader: trader(),
            interval: Interval::M1,
            open_time_ms: minute * 60_000,
            symbols: &[0],
            plots: &[f64::NAN, 100.0 + minute as f64 / 3.0, 50.0],
            fuel: Some(100 + minute.unsigned_abs()),
        });
    }
    collector.faulted(
        trader(),
        &FaultReport {
            outcome: Outcome::Trap,
            reason: format!("on-close: {words}"),
            symbols: vec!["BTCUSDT".into()],
            interval: Some(Interval::M1),
            close_time_ms: 3 * 60_000 - 1,
        },
    );
    let signals =
        [(1, "up"), (3, "down"), (8, "up")].map(|(minute, tag)| StampedSignal::sample(trader(), minute, tag, false));
    collector.observe(Effect::Kept(&signals));
    collector
}

fn report(words: &str, collector: &Collector, from_ms: Option<i64>) -> Report {
    let mut symbols = Symbols::new();
    symbols.intern("BTCUSDT").unwrap();
    let (manifest, subscription) = (manifest(words), subscription());
    let counts = Counts {
        evaluations: 9,
        held_back: 2,
        instances: 2,
        faults: [(Outcome::Trap, 1)].into(),
        peak_memory_bytes: 1_114_112,
        fuel: 1_200,
        most_fuel: 109,
        most_fuel_symbols: 1,
        ..Counts::default()
    };
    let about = About {
        manifest: &manifest,
        module_sha256: Digest::of(b"module"),
        module_bytes: 40_000,
        abi: "1.0.0",
        params: &[("period".into(), ParamValue::Text(words.into()))],
        subscription: &subscription,
        counts: &counts,
        quarantined: false,
        symbols: &symbols,
        from_ms,
        to_ms: None,
    };
    Report::of(collector, &about)
}

#[test]
fn the_data_of_a_small_report() {
    let report = report("Words", &collector("at lib.rs:12:5: index out of bounds"), None);
    insta::assert_snapshot!(serde_json::to_string_pretty(&report).unwrap());
}

#[test]
fn what_lies_before_the_range_is_drawn_and_not_counted() {
    let all = report("Words", &collector("x"), None);
    let late = report("Words", &collector("x"), Some(7 * 60_000));
    assert_eq!((all.signals.len(), late.signals.len()), (3, 1));
    assert_eq!(late.streams, all.streams);
    assert_eq!((all.cost.outcomes[&Outcome::Ok], late.cost.outcomes[&Outcome::Ok]), (8, 3));
    assert_eq!((all.cost.faults.len(), late.cost.faults.len()), (1, 0));
    let known = |report: &Report| report.returns.every_candle[0].count + report.returns.every_candle[0].absent;
    assert_eq!((known(&all), known(&late)), (8, 3));
}

#[test]
fn the_same_replay_gives_the_same_bytes() {
    let page = || html(&report("Words", &collector("x"), None)).unwrap();
    assert_eq!(page(), page());
}

/// Whatever a trader calls itself, its words stay words.
#[test]
fn hostile_words_do_not_become_markup() {
    let page = html(&report(HOSTILE, &collector(HOSTILE), None)).unwrap();
    let plain = html(&report("Words", &collector("words"), None)).unwrap();
    for markup in ["<script", "</script", "<img", "<!--", "<style", "</title"] {
        assert_eq!(page.matches(markup).count(), plain.matches(markup).count(), "{markup}");
    }
    assert!(!page.contains('\u{202e}'), "and nothing is written backwards");
    let (_, rest) = page.split_once("<script type=\"application/json\" id=\"data\">").unwrap();
    let (data, _) = rest.split_once("</script>").unwrap();
    let data: Value = serde_json::from_str(data).unwrap();
    let shown = HOSTILE.replace('\u{202e}', "\\u{202e}");
    for place in
        ["/trader/name", "/trader/summary", "/tags/0/help", "/plots/0/title", "/params/0/value", "/params/0/choices/0"]
    {
        assert_eq!(data.pointer(place).and_then(Value::as_str), Some(shown.as_str()), "{place}");
    }
    assert_eq!(data["cost"]["faults"][0]["reason"], format!("on-close: {shown}"));
}

#[test]
fn a_replay_of_nothing_is_a_report_too() {
    let report = report("Words", &Collector::new(3), None);
    assert!(report.streams.is_empty() && report.signals.is_empty() && report.returns.tags.is_empty());
    assert!(html(&report).unwrap().contains("\"streams\":[]"));
}
