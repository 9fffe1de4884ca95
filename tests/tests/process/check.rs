//! `vyx check`: sound traders pass, and every way to be unsound is named by the check that it fails.

use serde_json::Value;

use crate::run::{Place, Ran, candles, component, csv};

/// The verdict on a component, and how the command ended.
fn checked(name: &str, rest: &[&str]) -> (i32, Value) {
    let place = Place::new();
    let module = component(name);
    let ran = place.run(&[&["check", module.to_str().unwrap(), "--json"], rest].concat());
    (ran.code, serde_json::from_str(&ran.out).unwrap_or_else(|error| panic!("{error}: {} {}", ran.out, ran.err)))
}

fn text(name: &str, rest: &[&str]) -> Ran {
    Place::new().run(&[&["check", component(name).to_str().unwrap()], rest].concat())
}

/// What a check says.
fn line<'a>(verdict: &'a Value, check: &str) -> &'a Value {
    let checks = verdict["checks"].as_array().unwrap();
    checks.iter().find(|line| line["check"] == check).unwrap_or_else(|| panic!("no {check} in {verdict}"))
}

/// The checks with this grade.
fn with_grade(verdict: &Value, grade: &str) -> Vec<String> {
    let checks = verdict["checks"].as_array().unwrap().iter().filter(|line| line["grade"] == grade);
    checks.map(|line| line["check"].as_str().unwrap().to_owned()).collect()
}

/// Fails these checks and no other, and the named one in these words.
#[track_caller]
fn fails(name: &str, rest: &[&str], failing: &[&str], (check, words): (&str, &[&str])) -> Value {
    let (code, verdict) = checked(name, rest);
    assert_eq!((code, verdict["verdict"].as_str()), (1, Some("fails")), "{verdict:#}");
    assert_eq!(with_grade(&verdict, "fails"), failing, "{verdict:#}");
    let line = line(&verdict, check);
    let said = format!("{} -> {}", line["reason"].as_str().unwrap(), line["advice"].as_str().unwrap());
    for word in words {
        assert!(said.contains(word), "{word:?} is not in {said:?}");
    }
    verdict
}

#[test]
fn the_built_in_traders_pass() {
    for name in [
        "dual-stoch-rsi-entry",
        "golden-cross",
        "macd-cross-below-40",
        "rsi-oversold-bounce",
        "stoch-rsi-overbought-short",
        "volume-spike-detector",
    ] {
        let (code, verdict) = checked(name, &[]);
        let passed = with_grade(&verdict, "ok");
        let all = ["admit", "run", "determinism", "batches", "look-ahead", "warm-up", "hostile", "cost"];
        assert_eq!((code, passed.as_slice()), (0, all.map(str::to_owned).as_slice()), "{verdict:#}");
        let signals = line(&verdict, "run")["measured"]["signals"].as_u64().unwrap();
        assert!(signals > 5, "{name} hardly speaks on the built-in market: {signals}");
    }
}

#[test]
fn state_that_symbols_share_peeks_ahead() {
    let words = ["peeks ahead", "with later candles of other symbols", "`follow` is", "no state that symbols share"];
    let failing = ["determinism", "batches", "look-ahead"];
    let verdict = fails("hostile-peeks-ahead", &[], &failing, ("look-ahead", &words));
    let first = &line(&verdict, "look-ahead")["first"];
    assert!(first["symbol"].is_string() && first["symbol"] != "BTCUSDT", "{first}");
    assert!(first["close_time_ms"].as_i64().unwrap() % 300_000 == 299_999, "{first}");
}

#[test]
fn a_declared_stream_is_the_honest_way() {
    let (code, verdict) = checked("follows", &[]);
    assert_eq!((code, verdict["verdict"].as_str()), (0, Some("ok")), "{verdict:#}");
    assert!(line(&verdict, "run")["measured"]["signals"].as_u64().unwrap() > 100, "{verdict:#}");
}

#[test]
fn dice_are_not_deterministic() {
    let (code, verdict) = checked("hostile-dice", &[]);
    assert_eq!(code, 1);
    let line = line(&verdict, "determinism");
    assert_eq!(line["grade"], "fails", "{verdict:#}");
    let reason = line["reason"].as_str().unwrap();
    assert!(reason.starts_with("not deterministic: ") && reason.contains("`six` is"), "{reason}");
    assert!(line["advice"].as_str().unwrap().contains("RandomState"));
}

#[test]
fn what_depends_on_the_batch_is_named() {
    let words = ["depends on how a close is split", "each symbol of a close in a call of its own", "`up` is"];
    for way in ["place", "size", "calls"] {
        // Whatever else they fail, they see no future.
        let (code, verdict) = checked("hostile-batch", &["--params", &format!("way={way}")]);
        let line = line(&verdict, "batches");
        assert_eq!((code, &line["grade"]), (1, &Value::from("fails")), "{verdict:#}");
        assert!(!with_grade(&verdict, "fails").contains(&"look-ahead".to_owned()), "{verdict:#}");
        for word in words {
            assert!(line["reason"].as_str().unwrap().contains(word), "{line}");
        }
    }
    let words = ["on a host that numbers its symbols otherwise", "no ids"];
    fails("hostile-batch", &["--params", "way=id"], &["determinism"], ("determinism", &words));
}

#[test]
fn a_warm_up_that_is_too_short_is_told_which_one_fits() {
    let words = [
        "the warm-up is too short: after 200 candles of 5m, ",
        "signals differ and plots are off by up to",
        "`over` is",
        "declare 2,000 candles of 5m",
    ];
    let verdict = fails("hostile-short-warm-up", &[], &["warm-up"], ("warm-up", &words));
    let enough = line(&verdict, "warm-up")["measured"]["enough"]["5m"].as_u64().unwrap();
    assert!(
        (1_500..=4_000).contains(&enough),
        "an EMA of 200 forgets e-fold each 100 candles, to 1e-9 in 2,070: {enough}"
    );
    // What it proposes is enough for itself.
    let (code, verdict) = checked("hostile-short-warm-up", &["--params", &format!("warm_up={enough}")]);
    assert_eq!((code, verdict["verdict"].as_str()), (0, Some("ok")), "{verdict:#}");
}

#[test]
fn state_that_never_settles_is_told_from_a_short_warm_up() {
    let words = ["what it says depends on when it was started", "let its state forget"];
    fails("hostile-never-forgets", &[], &["warm-up"], ("warm-up", &words));
    // A level that is only drawn is the author's to judge.
    let (code, verdict) = checked("hostile-never-forgets", &["--params", "signals=false"]);
    assert_eq!((code, verdict["verdict"].as_str()), (0, Some("warns")), "{verdict:#}");
    let reason = line(&verdict, "warm-up")["reason"].as_str().unwrap();
    assert!(reason.contains("its plots depend on when it was started") && reason.contains("its signals do not"));
}

#[test]
fn rare_candles_are_borne() {
    let words = ["a plot is infinite", "plot `place` is infinite", "divided by"];
    fails("hostile-frail", &[], &["hostile"], ("hostile", &words));
    let words = ["on zero volume: trap in on-close", "hostile_frail.rs:", "nothing was traded", "at BTCUSDT 5m 20"];
    fails("hostile-frail", &["--params", "way=panic"], &["hostile"], ("hostile", &words));
}

#[test]
fn where_it_does_not_run_nothing_else_is_checked() {
    let words = ["trap in on-close", "the market is closed to me", "hostile_panic.rs:", "1m 20"];
    let verdict = fails("hostile-panic", &[], &["run"], ("run", &words));
    assert_eq!(verdict["checks"].as_array().unwrap().len(), 2, "{verdict:#}");
    fails("hostile-loop-on-close", &[], &["run"], ("run", &["cpu-deadline in on-close"]));
    // One that takes longer than it may is not waited for.
    let (code, verdict) = checked("golden-cross", &["--cpu-seconds", "0"]);
    assert_eq!((code, verdict["verdict"].as_str()), (0, Some("warns")), "{verdict:#}");
    assert!(line(&verdict, "run")["reason"].as_str().unwrap().starts_with("not checked: "), "{verdict:#}");
}

#[test]
fn candles_of_ones_own_and_parameters() {
    let place = Place::new();
    let module = component("golden-cross");
    let module = module.to_str().unwrap();
    let file = place.write("BTCUSDT-1m.csv", csv(&candles(20_000, 7)));
    let args = ["check", module, "--candles", &file, "--params", "interval=5m", "short_period=5", "long_period=20"];
    let ran = place.run(&args);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    assert!(ran.out.contains("the candles given: 4,000 candles of BTCUSDT, 5m, 2025-01-01T00:05Z to"), "{}", ran.out);
    assert!(ran.out.contains("there is one symbol, so no close can be split"), "{}", ran.out);

    let few = place.write("ETHUSDT-1m.csv", csv(&candles(400, 7)));
    let ran = place.run(&["check", module, "--candles", &few, "--params", "interval=1m"]);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    assert!(
        ran.out.contains("not measured: the candles do not reach") && ran.out.contains("-> give more"),
        "{}",
        ran.out
    );

    let ran = place.run(&["check", module, "--params", "long_period=1001"]);
    assert_eq!(
        (ran.code, ran.err.as_str()),
        (2, "vyx: parameter \"long_period\" is 1001, give a value from 3 to 1000\n")
    );
    let ran = place.run(&["check", module, "--params", "short_period=300"]);
    assert!(ran.code == 2 && ran.err.contains("make short_period the smaller one"), "{}", ran.err);
}

/// Costs depend on the machine.
fn settings() -> insta::Settings {
    let mut settings = insta::Settings::clone_current();
    settings.add_filter(r"sha256 [0-9a-f]{64}", "sha256 [digest]");
    settings.add_filter(r"[\d,]+ bytes", "[bytes]");
    settings.add_filter(r"of the budgets: .*", "of the budgets: [measured]");
    settings.add_filter(r"[\d,]+ fuel a candle", "[fuel] a candle");
    settings.add_filter(r"vyx-sdk [\d.]+", "vyx-sdk [version]");
    settings
}

#[test]
fn verdicts_for_people() {
    settings().bind(|| {
        insta::assert_snapshot!("sound", text("golden-cross", &[]).out);
        insta::assert_snapshot!("peeks_ahead", text("hostile-peeks-ahead", &[]).out);
        insta::assert_snapshot!("short_warm_up", text("hostile-short-warm-up", &[]).out);
    });
}

#[test]
fn a_module_is_described() {
    let describe = |name: &str, rest: &[&str]| {
        let ran = Place::new().run(&[&["describe", component(name).to_str().unwrap()], rest].concat());
        assert_eq!((ran.code, ran.err.as_str()), (0, ""));
        ran.out
    };
    settings().bind(|| {
        insta::assert_snapshot!("described", describe("dual-stoch-rsi-entry", &[]));
        insta::assert_snapshot!("described_schema", describe("golden-cross", &["--schema"]));
    });
    let json: Value = serde_json::from_str(&describe("golden-cross", &["--json"])).unwrap();
    assert_eq!(json["manifest"]["params"][1]["name"], "short_period");
    assert_eq!(json["params_schema"]["properties"]["short_period"]["maximum"], 999);
    assert_eq!(json["subscription"]["needs"][0]["interval"], "15m");
    // What a trader says of itself is a stranger's word.
    assert!(!describe("hostile-forge", &[]).contains('\u{1b}'));
}
