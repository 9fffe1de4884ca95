//! Traders that are admitted and turn hostile while they run.

use vyx_host::sandbox::{LogLevel, Outcome, limits};

use crate::arena::{Contestant, Game, TURN_MS, beside_healthy};

/// Open time in a signal's JSON, to be compared as text.
const TURN: &str = "2026-01-05T00:30:00";

fn open_time(signal: &str) -> String {
    let signal: serde_json::Value = serde_json::from_str(signal).unwrap();
    signal["open_time"].as_str().unwrap().to_owned()
}

/// It ran well until the turn, then faulted in this way until it was quarantined, within its memory.
fn assert_turned(game: &Game, outcome: Outcome, reason: &str) {
    let fault = game.status.last_fault.as_ref().expect("it faulted");
    assert_eq!(fault.outcome, outcome, "{fault:?}");
    assert!(fault.reason.contains(reason), "{fault:?}");
    assert!(game.status.quarantined && !game.status.live, "it was given up");
    assert!(!game.signals.is_empty(), "it spoke before it turned");
    assert!(game.signals.iter().all(|signal| open_time(signal).as_str() < TURN), "it spoke after it turned");
    assert_bounded(game);
}

fn assert_bounded(game: &Game) {
    let peak = game.status.counts.peak_memory_bytes;
    assert!(peak <= limits::MEMORY_BYTES, "{peak} bytes");
    assert!(game.status.counts.instances < 60, "{} instances were made", game.status.counts.instances);
}

fn turning(name: &'static str) -> Game {
    beside_healthy(&Contestant::new(name).with("from_ms", TURN_MS), 3)
}

#[test]
fn an_endless_loop_in_on_close_runs_into_its_cpu_deadline() {
    assert_turned(&turning("hostile-loop-on-close"), Outcome::CpuDeadline, "on-close: used up its CPU time");
}

#[test]
fn an_endless_loop_in_init_runs_into_its_cpu_deadline() {
    let game = beside_healthy(&Contestant::new("hostile-loop-in-init"), 3);
    let fault = game.status.last_fault.as_ref().unwrap();
    assert_eq!(fault.outcome, Outcome::CpuDeadline);
    assert!(fault.reason.starts_with("init: "), "{fault:?}");
    assert!(game.status.quarantined && game.signals.is_empty());
    assert_bounded(&game);
}

#[test]
fn an_endless_loop_in_warm_up_runs_into_its_cpu_deadline() {
    let game = beside_healthy(&Contestant::new("hostile-loop-in-warm-up"), 3);
    assert_eq!(game.status.last_fault.as_ref().unwrap().outcome, Outcome::CpuDeadline);
    assert!(game.status.quarantined);
    let live: Vec<_> = game.signals.iter().filter(|signal| signal.contains("\"historical\":false")).collect();
    assert!(live.is_empty(), "{live:?}");
    assert_bounded(&game);
}

#[test]
fn a_memory_bomb_meets_its_budget() {
    assert_turned(&turning("hostile-memory-bomb"), Outcome::MemoryLimit, "the budget is 16777216 bytes");
}

#[test]
fn a_table_bomb_meets_the_same_budget() {
    let game = beside_healthy(&Contestant::new("hostile-table-bomb").with("from_ms", TURN_MS), 3);
    let fault = game.status.last_fault.as_ref().unwrap();
    assert_eq!(fault.outcome, Outcome::MemoryLimit, "{fault:?}");
    assert!(fault.reason.contains("asked for a table"), "{fault:?}");
    assert!(game.status.quarantined);
    assert_bounded(&game);
}

#[test]
fn a_list_outside_of_the_guests_memory_traps() {
    let game = beside_healthy(&Contestant::new("hostile-lies-length"), 3);
    assert_eq!(game.status.last_fault.as_ref().unwrap().outcome, Outcome::Trap);
    assert!(game.status.quarantined && game.signals.is_empty());
}

#[test]
fn deep_recursion_traps() {
    assert_turned(&turning("hostile-deep-recursion"), Outcome::Trap, "on-close: ");
}

#[test]
fn a_trap_is_a_trap() {
    assert_turned(&turning("hostile-trap"), Outcome::Trap, "unreachable");
}

#[test]
fn a_panic_reaches_its_author_with_message_and_line() {
    let game = turning("hostile-panic");
    assert_turned(&game, Outcome::Trap, "the market is closed to me");
    let reason = &game.status.last_fault.as_ref().unwrap().reason;
    assert!(reason.contains("hostile_panic.rs:"), "{reason}");
}

#[test]
fn a_log_flood_is_cut_and_escaped() {
    let game = beside_healthy(&Contestant::new("hostile-log-flood"), 1);
    assert!(game.status.counts.log_lines_dropped > 1_000);
    let bytes: usize = game.lines.iter().map(|line| line.text.len()).sum();
    let minutes = crate::arena::CLOSES + crate::arena::HISTORY;
    assert!(bytes <= minutes * (limits::LOG_BYTES_PER_MINUTE + limits::LOG_LINE_BYTES), "{bytes} bytes");
    for line in &game.lines {
        assert!(line.level != LogLevel::Panic);
        assert!(line.text.len() <= limits::LOG_LINE_BYTES + '…'.len_utf8(), "{} bytes", line.text.len());
        assert!(!line.text.chars().any(|c| c.is_control() || c == '\u{202e}'), "{:?}", line.text);
    }
    assert_bounded(&game);
}

#[test]
fn a_signal_flood_traps() {
    let game = beside_healthy(&Contestant::new("hostile-signal-flood"), 3);
    let fault = game.status.last_fault.as_ref().unwrap();
    assert_eq!(fault.outcome, Outcome::Trap);
    assert!(fault.reason.contains("emitted more than"), "{fault:?}");
    assert!(game.signals.is_empty() && game.status.quarantined);
}

#[test]
fn reading_what_was_not_declared_traps() {
    let game = beside_healthy(&Contestant::new("hostile-undeclared-read"), 3);
    let fault = game.status.last_fault.as_ref().unwrap();
    assert_eq!(fault.outcome, Outcome::Trap);
    assert!(fault.reason.contains("asked for") || fault.reason.contains("read symbol"), "{fault:?}");
}

#[test]
fn emitting_outside_of_the_batch_traps() {
    let game = beside_healthy(&Contestant::new("hostile-emit-outside"), 3);
    let fault = game.status.last_fault.as_ref().unwrap();
    assert_eq!(fault.outcome, Outcome::Trap);
    assert!(fault.reason.contains("emitted for candle"), "{fault:?}");
    assert!(game.signals.is_empty());
}

#[test]
fn a_wrong_number_of_plot_values_is_a_fault() {
    let game = beside_healthy(&Contestant::new("hostile-lies-plot-values"), 3);
    let fault = game.status.last_fault.as_ref().unwrap();
    assert_eq!(fault.outcome, Outcome::Trap);
    assert!(fault.reason.contains("plot values"), "{fault:?}");
}

#[test]
fn a_huge_result_is_not_taken() {
    let game = beside_healthy(&Contestant::new("hostile-huge-result"), 3);
    let fault = game.status.last_fault.as_ref().unwrap();
    assert!(matches!(fault.outcome, Outcome::Trap | Outcome::MemoryLimit), "{fault:?}");
    assert!(game.status.quarantined);
    assert_bounded(&game);
}

#[test]
fn a_forger_gets_the_identity_that_the_host_knows() {
    let game = beside_healthy(&Contestant::new("hostile-forge"), 3);
    assert!(game.signals.len() > 10, "it runs");
    for signal in &game.signals {
        let signal: serde_json::Value = serde_json::from_str(signal).unwrap();
        assert_eq!(signal["fly_app_id"], serde_json::Value::Null);
        assert_eq!(signal["user_id"], serde_json::Value::Null);
        assert_eq!(signal["source"], "local");
        assert_eq!(signal["trader"], "hostile-forge");
        assert_eq!(signal["trader_id"], game.status.id.to_string());
        assert!(signal["timestamp"].as_str().unwrap().starts_with("2026-01-0"));
    }
}

#[test]
fn one_bad_symbol_out_of_a_hundred_leaves_ninety_nine() {
    const SYMBOLS: usize = 100;
    let bad = "ETHUSDT";
    let told = |signals: &[String]| -> Vec<(String, String, String)> {
        let read = |signal: &String| serde_json::from_str::<serde_json::Value>(signal).unwrap();
        let signals = signals.iter().map(read).filter(|signal| signal["symbol"] != bad);
        signals.map(|s| (s["id"].to_string(), s["price_at_signal"].to_string(), s["plots"].to_string())).collect()
    };
    let well = beside_healthy(&Contestant::new("hostile-one-symbol").with("symbol", "NONE"), SYMBOLS);
    let game =
        beside_healthy(&Contestant::new("hostile-one-symbol").with("symbol", bad).with("from_ms", TURN_MS), SYMBOLS);
    assert!(told(&well.signals).len() > 1_000);
    assert_eq!(told(&game.signals), told(&well.signals));
    let fault = game.status.last_fault.as_ref().unwrap();
    assert_eq!((fault.outcome, fault.symbols.as_slice()), (Outcome::Trap, [bad.to_owned()].as_slice()));
    assert!(game.status.live && !game.status.quarantined, "the trader goes on");
    let of_bad = |signals: &[String]| signals.iter().filter(|signal| signal.contains(bad)).count();
    assert!((1..of_bad(&well.signals)).contains(&of_bad(&game.signals)), "the bad symbol spoke until it turned");
}

/// The past of the bad symbol reaches further back than the warm-up: it must not take the others with it.
#[test]
fn a_symbol_that_always_traps_leaves_the_others_from_the_start() {
    let bad = "ETHUSDT";
    let game = beside_healthy(&Contestant::new("hostile-one-symbol").with("symbol", bad), 10);
    let well = beside_healthy(&Contestant::new("hostile-one-symbol").with("symbol", "NONE"), 10);
    let ids = |signals: &[String]| -> Vec<String> {
        let others = signals.iter().filter(|signal| !signal.contains(bad));
        others.map(|signal| serde_json::from_str::<serde_json::Value>(signal).unwrap()["id"].to_string()).collect()
    };
    assert!(game.status.live && !game.status.quarantined);
    assert!(!game.signals.iter().any(|signal| signal.contains(bad)));
    assert_eq!(ids(&game.signals), ids(&well.signals));
    assert_eq!(game.signals.len() as u64, game.status.counts.signals + game.status.counts.historical_signals);
}
