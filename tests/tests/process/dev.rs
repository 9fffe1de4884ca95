//! Edits of a running folder.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::run::{Place, Running, component, json_lines};

const ONE: &str = "00000000-0000-4000-8000-000000000001";
const TWO: &str = "00000000-0000-4000-8000-000000000002";

fn trader(id: &str, name: &str, module: &str, enabled: bool, params: &str) -> String {
    format!(
        "[[traders]]\nid = \"{id}\"\nname = \"{name}\"\nis_built_in = true\nenabled = {enabled}\nmodule = \"{module}\"\n\
         params = {{ {params} }}\n"
    )
}

fn place() -> Place {
    let place = Place::new();
    for name in ["healthy", "hostile-one-symbol", "hostile-loop-on-close", "hostile-trap"] {
        fs::copy(component(name), place.path(&format!("{name}.wasm"))).unwrap();
    }
    place
}

fn start(place: &Place) -> Running {
    let args = ["dev", ".", "--synthetic", "1", "--symbols", "3", "--speed", "6000", "--signals", "signals.jsonl"];
    let mut running = place.start(&args);
    running.wait_for("healthy");
    running
}

/// How many signals of a trader are in the file.
fn told(place: &Place, id: &str) -> usize {
    json_lines(&place.path("signals.jsonl")).iter().filter(|signal| signal["trader_id"] == id).count()
}

/// Waits until the trader has said that many more.
fn wait_for_signals(place: &Place, running: &mut Running, id: &str, more: usize) {
    let goal = complete(place, id) + more;
    let deadline = Instant::now() + Duration::from_secs(60);
    while complete(place, id) < goal {
        assert!(Instant::now() < deadline, "no more signals of {id}");
        // Each line that is shown is a moment in which the file may have grown.
        running.wait_for("2026-");
    }
}

/// As `told`, while the file is being written.
fn complete(place: &Place, id: &str) -> usize {
    let text = fs::read_to_string(place.path("signals.jsonl")).unwrap_or_default();
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    whole.lines().filter(|line| line.contains(id)).count()
}

/// Production failure: traders disabled on the 15th still emitting on the 17th.
#[test]
fn a_disabled_trader_says_nothing_more_and_its_neighbour_goes_on() {
    let place = place();
    let text = |enabled| {
        trader(ONE, "healthy", "healthy.wasm", true, "")
            + &trader(TWO, "other", "hostile-one-symbol.wasm", enabled, "symbol = \"NONE\"")
    };
    place.write("traders.toml", text(true));
    let mut running = start(&place);
    wait_for_signals(&place, &mut running, TWO, 3);
    place.write("traders.toml", text(false));
    running.wait_for("stopped other: disabled");
    let before = complete(&place, TWO);
    wait_for_signals(&place, &mut running, ONE, 20);
    assert_eq!(complete(&place, TWO), before, "it spoke after it was stopped");
    place.write("traders.toml", text(true));
    running.wait_for("started other");
    wait_for_signals(&place, &mut running, TWO, 3);
    let (code, _) = running.end(Signal::INT);
    assert_eq!(code, 0);
}

#[test]
fn a_trader_disabled_in_an_endless_loop_is_dropped() {
    let place = place();
    let looping = |enabled| {
        trader(ONE, "healthy", "healthy.wasm", true, "")
            + &trader(TWO, "looping", "hostile-loop-on-close.wasm", enabled, "from_ms = 1767571800000")
    };
    place.write("traders.toml", looping(true));
    let mut running = start(&place);
    wait_for_signals(&place, &mut running, TWO, 3);
    place.write("traders.toml", looping(false));
    // Whether it was stopped in the loop or had been given up by then, it is gone.
    let deadline = Instant::now() + Duration::from_secs(60);
    while !running.said.iter().any(|line| line.contains("stopped looping") || line.contains("cannot run looping")) {
        assert!(Instant::now() < deadline);
        running.wait_for("");
    }
    let before = complete(&place, TWO);
    wait_for_signals(&place, &mut running, ONE, 20);
    assert_eq!(complete(&place, TWO), before);
}

#[test]
fn parameters_and_modules_are_swapped_while_it_runs() {
    let place = place();
    let text = |symbol: &str| {
        trader(ONE, "healthy", "healthy.wasm", true, "")
            + &trader(TWO, "other", "hostile-one-symbol.wasm", true, &format!("symbol = \"{symbol}\""))
    };
    place.write("traders.toml", text("NONE"));
    let mut running = start(&place);
    wait_for_signals(&place, &mut running, TWO, 3);
    place.write("traders.toml", text("NOBODY"));
    running.wait_for("reloaded other");
    wait_for_signals(&place, &mut running, TWO, 3);
    fs::copy(component("volume-spike-detector"), place.path("new.wasm")).unwrap();
    fs::rename(place.path("new.wasm"), place.path("healthy.wasm")).unwrap();
    running.wait_for("reloaded healthy");
}

#[test]
fn a_broken_file_keeps_the_old_set_running() {
    let place = place();
    let good = trader(ONE, "healthy", "healthy.wasm", true, "");
    place.write("traders.toml", &good);
    let mut running = start(&place);
    place.write("traders.toml", "[[traders]\n");
    running.wait_for("the traders run on as they were");
    wait_for_signals(&place, &mut running, ONE, 5);
    place.write("traders.toml", good + &trader(TWO, "second", "hostile-one-symbol.wasm", true, ""));
    running.wait_for("started second");
}

/// Production failure: a crash in one trader invisible to its owner.
#[test]
fn a_trader_that_crashes_is_named_with_its_reason() {
    let place = place();
    let text =
        trader(ONE, "healthy", "healthy.wasm", true, "") + &trader(TWO, "crashing", "hostile-trap.wasm", true, "");
    place.write("traders.toml", text);
    let mut running = start(&place);
    while !running.said.iter().any(|line| line.contains("cannot run crashing: quarantined")) {
        running.wait_for("");
    }
    assert!(running.said.iter().any(|line| line.contains("unreachable")), "{:?}", running.said);
    wait_for_signals(&place, &mut running, ONE, 5);
}

#[test]
fn interrupt_and_terminate_end_it_with_a_summary_and_whole_lines() {
    for signal in [Signal::INT, Signal::TERM] {
        let place = place();
        place.write("traders.toml", trader(ONE, "healthy", "healthy.wasm", true, ""));
        let mut running = start(&place);
        wait_for_signals(&place, &mut running, ONE, 5);
        let (code, said) = running.end(signal);
        assert_eq!(code, 0, "{said:?}");
        assert!(said.iter().any(|line| line.starts_with("TRADER")), "{said:?}");
        assert!(told(&place, ONE) >= 5, "every line is whole");
    }
}

#[test]
fn a_crate_is_built_and_hot_swapped_and_a_compile_error_keeps_the_last_build() {
    let place = place();
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned();
    let plugin = fs::read_to_string(root.join("plugins/volume-spike-detector/src/lib.rs")).unwrap();
    let source = plugin.split("#[cfg(test)]").next().unwrap().to_owned();
    let manifest = format!(
        "[package]\nname = \"mine\"\nversion = \"0.1.0\"\nedition = \"2024\"\n[lib]\ncrate-type = [\"cdylib\"]\n\
         [dependencies]\nvyx-sdk = {{ path = {:?} }}\n[workspace]\n",
        root.join("sdk")
    );
    place.write("mine/Cargo.toml", manifest);
    // The versions of this workspace, so that nothing is looked up anew.
    fs::copy(root.join("Cargo.lock"), place.path("mine/Cargo.lock")).unwrap();
    place.write("mine/src/lib.rs", &source);
    let text = trader(ONE, "healthy", "healthy.wasm", true, "") + &trader(TWO, "mine", "mine", true, "");
    place.write("traders.toml", text);
    let place = place.that_builds();
    let mut running = place.start(&["dev", ".", "--synthetic", "1", "--symbols", "3", "--speed", "6000"]);
    running.wait_for("started mine");
    place.write("mine/src/lib.rs", source.replace("2.0", "2.5").replace("3.0", "3.5"));
    running.wait_for("reloaded mine");
    let said = running.said.len();
    place.write("mine/src/lib.rs", "this is no rust");
    running.wait_for("does not build, so its last good build runs on");
    place.write("mine/src/lib.rs", &source);
    running.wait_for("reloaded mine");
    let builds = running.said[said..].iter().filter(|line| line.contains("building")).count();
    assert_eq!(builds, 2, "a build reads the sources, which is no edit: {:?}", &running.said[said..]);
}
