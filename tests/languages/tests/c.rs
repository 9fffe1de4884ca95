//! The trader in C: built as docs/languages.md says, and the same as that in Rust.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use wit_bindgen_core::Files;
use wit_bindgen_core::wit_parser::Resolve;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().to_owned()
}

fn beside(variable: &str, below_target: &str) -> PathBuf {
    let path = std::env::var_os(variable)
        .map_or_else(|| std::env::current_exe().unwrap().ancestors().nth(3).unwrap().join(below_target), PathBuf::from);
    assert!(path.exists(), "{} is not there, run the tests with: cargo xtask test", path.display());
    path
}

/// What `wit-bindgen c sdk/wit/v1` writes.
fn bindings() -> anyhow::Result<Vec<(String, Vec<u8>)>> {
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_path(root().join("sdk/wit/v1"))?;
    let world = resolve.select_world(&[package], Some("trader"))?;
    let mut files = Files::default();
    wit_bindgen_c::Opts::default().build().generate(&mut resolve, world, &mut files)?;
    Ok(files.iter().map(|(name, bytes)| (name.to_owned(), bytes.to_vec())).collect())
}

/// The lines of the first `sh` block of a document, those that continue each other joined.
fn shell_lines(document: &str) -> Vec<String> {
    let text = std::fs::read_to_string(root().join(document)).unwrap();
    let block = text.split("```sh\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap().replace("\\\n", " ");
    block.lines().filter(|line| !line.trim().is_empty()).map(str::to_owned).collect()
}

/// A folder with the sources as a checkout has them, the bindings, and the component that the document's lines make of them.
fn built() -> tempfile::TempDir {
    let place = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(root().join("tests"), place.path().join("tests")).unwrap();
    let lines = shell_lines("docs/languages.md");
    let (generate, rest) = lines.split_first().unwrap();
    assert_eq!(generate.split('#').next().unwrap().trim_end(), "wit-bindgen c sdk/wit/v1");
    for (name, bytes) in bindings().unwrap() {
        std::fs::write(place.path().join(name), bytes).unwrap();
    }
    for line in rest.iter().filter(|line| !line.starts_with("vyx test")) {
        let output = run(place.path(), Command::new("sh").args(["-euc", line]));
        assert!(output.status.success(), "{line}\n{}", words(&output));
        assert!(!words(&output).contains("warning"), "{line}\n{}", words(&output));
    }
    place
}

fn words(output: &Output) -> String {
    String::from_utf8_lossy(&[output.stdout.clone(), output.stderr.clone()].concat()).into_owned()
}

/// Runs in a folder, with `vyx` on the path and a DATA_DIR there.
fn run(place: &Path, command: &mut Command) -> Output {
    let vyx = beside("VYX_BIN", "debug/vyx");
    let path = std::env::join_paths(
        [vyx.parent().unwrap().to_owned()]
            .into_iter()
            .chain(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default())),
    );
    command.current_dir(place).env("PATH", path.unwrap()).env("DATA_DIR", place.join("data")).output().unwrap()
}

/// Candles of one minute of three symbols, with spikes of volume, and what the trader says of them.
fn signals(place: &Path, module: &Path, params: &[&str]) -> (Vec<Value>, Value) {
    let mut command = Command::new(beside("VYX_BIN", "debug/vyx"));
    command.arg("test").arg(module).arg("--json").arg("--candles");
    for (symbol, seed) in [("BTCUSDT", 1), ("ETHUSDT", 2), ("SOLUSDT", 3)] {
        let file = place.join(format!("{symbol}-1m.csv"));
        std::fs::write(&file, candles(seed, 4_000)).unwrap();
        command.arg(file);
    }
    let output = run(place, command.args(["--interval", "1m", "--params"]).args(params));
    assert!(output.status.success(), "{}", words(&output));
    let text = String::from_utf8(output.stdout).unwrap();
    let mut lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let summary = lines.pop().unwrap();
    (lines, summary)
}

fn candles(seed: u64, count: u64) -> String {
    let mut state = seed;
    let mut next = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as f64 / f64::from(1_u32 << 31)
    };
    let mut price = 1_000.0_f64;
    let rows = (0..count).map(|at| {
        let open = price;
        price = ((price * (1.0 + (next() - 0.5) * 0.03)) * 100.0).round() / 100.0;
        let volume = (next() * if next() > 0.95 { 500.0 } else { 50.0 } * 1_000.0).round() / 1_000.0;
        let time_ms = 1_735_689_600_000 + at * 60_000;
        format!("{time_ms},{open},{},{},{price},{volume}\n", open.max(price) + 0.5, open.min(price) - 0.5)
    });
    rows.collect()
}

#[test]
fn a_trader_in_c_says_what_the_same_rule_says_in_rust() {
    let place = built();
    let in_c = place.path().join("volume-spike.wasm");
    let in_rust = beside("VYX_TRADERS", "traders").join("volume-spike-detector.wasm");
    for params in [&["cooldown=3"][..], &["cooldown=0", "multiplier=2.5", "min_move_percent=0", "period=7"]] {
        let (c, summary) = signals(place.path(), &in_c, params);
        let (rust, _) = signals(place.path(), &in_rust, params);
        assert!(rust.len() > 100, "{} signals", rust.len());
        assert_eq!(c.len(), rust.len());
        for (mut c, mut rust) in c.into_iter().zip(rust) {
            // The module is another one, and an average may be summed in another order.
            for signal in [&mut c, &mut rust] {
                let provenance = signal["provenance"].as_object_mut().unwrap();
                provenance.retain(|name, _| !matches!(name.as_str(), "module_sha256" | "sdk"));
            }
            let plots = [&mut c, &mut rust].map(|signal| signal.as_object_mut().unwrap().remove("plots").unwrap());
            let [c_lines, rust_lines] = plots.map(|plots| plots["volume"].as_array().unwrap().clone());
            assert_eq!(c_lines.len(), 2);
            for (c, rust) in c_lines.iter().zip(&rust_lines) {
                let (c, rust) = (c.as_f64().unwrap(), rust.as_f64().unwrap());
                assert!((c - rust).abs() <= 1e-9 * rust.abs(), "{c} in C, {rust} in Rust");
            }
            assert_eq!(c, rust);
        }
        // What is handed over at each call is freed at each call.
        let bytes = summary["peak_memory_bytes"].as_u64().unwrap();
        assert!(bytes < 1 << 20, "{bytes} bytes of memory after {} evaluations", summary["evaluations"]);
    }
}

#[test]
fn a_host_admits_it_and_refuses_parameters_out_of_bounds_as_it_does_in_rust() {
    let place = built();
    let vyx = |args: &[&str]| run(place.path(), Command::new(beside("VYX_BIN", "debug/vyx")).args(args));
    let described = vyx(&["describe", "volume-spike.wasm"]);
    assert!(described.status.success(), "{}", words(&described));
    assert!(words(&described).contains("built with wit-bindgen-c"), "{}", words(&described));

    std::fs::write(place.path().join("BTCUSDT-1m.csv"), candles(1, 100)).unwrap();
    let refused = vyx(&["test", "volume-spike.wasm", "--candles", "BTCUSDT-1m.csv", "--params", "period=1"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(words(&refused).contains("period"), "{}", words(&refused));
}

#[test]
fn what_carries_no_world_is_not_made_a_component_of() {
    let place = tempfile::tempdir().unwrap();
    std::fs::write(place.path().join("empty.wasm"), b"\0asm\x01\0\0\0").unwrap();
    let vyx = |args: &[&str]| run(place.path(), Command::new(beside("VYX_BIN", "debug/vyx")).args(args));
    let refused = vyx(&["build", "empty.wasm", "--out", "trader.wasm"]);
    assert_eq!(refused.status.code(), Some(2), "{}", words(&refused));
    assert!(words(&refused).contains("it carries no world"), "{}", words(&refused));
    let refused = vyx(&["build", "empty.wasm"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(words(&refused).contains("say with --out FILE"), "{}", words(&refused));
}
