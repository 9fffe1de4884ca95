//! `vyx new`, and what it makes.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::run::{Place, Ran};

const TEMPLATES: [&str; 4] = ["single-interval", "multi-interval", "multi-symbol", "volume"];

pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// A place outside of the workspace.
fn place() -> Place {
    Place::new().that_builds()
}

/// Makes a crate with the SDK of this workspace and its versions, so that nothing is looked up anew.
fn make(place: &Place, name: &str, template: &str) -> Ran {
    let ran = place.run(&["new", name, "--template", template, "--sdk", root().join("sdk").to_str().unwrap()]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    std::fs::copy(root().join("Cargo.lock"), place.path(name).join("Cargo.lock")).unwrap();
    ran
}

/// `cargo test` in a crate.
fn cargo_test(folder: &Path) -> String {
    let output = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["test", "--offline"])
        .current_dir(folder)
        .env("CARGO_TARGET_DIR", root().join("target/edited"))
        .env_remove("RUSTFLAGS")
        .output()
        .unwrap();
    let words = [output.stdout, output.stderr].concat();
    let words = String::from_utf8_lossy(&words).into_owned();
    assert!(output.status.success(), "{words}");
    assert!(!words.contains("warning"), "{words}");
    words
}

#[test]
fn each_template_passes_its_tests_gives_its_golden_signals_and_is_admitted() {
    for template in TEMPLATES {
        let place = place();
        let name = format!("new-{template}");
        let made = make(&place, &name, template);
        let tested = cargo_test(&place.path(&name));
        assert!(tested.contains("test result: ok. ") && !tested.contains("0 passed; 0 failed"), "{tested}");

        // The commands that it prints are those that work.
        let next = made.out.lines().find_map(|line| line.trim().strip_prefix("vyx test . ")).unwrap();
        let words: Vec<&str> = next.split('#').next().unwrap().split_whitespace().collect();
        let golden = place.path(&name).join("golden.jsonl");
        let mut args = [&["test", "."], words.as_slice()].concat();
        if std::env::var_os("UPDATE_TEMPLATES").is_some() {
            args.push("--update");
        }
        let ran = place.run_in(&name, &args);
        assert_eq!(ran.code, 0, "{template}: {}\n{}", ran.out, ran.err);
        let signals = std::fs::read_to_string(&golden).unwrap();
        assert!(signals.lines().count() >= 3, "{template} says too little to show anything: {signals}");
        if std::env::var_os("UPDATE_TEMPLATES").is_some() {
            let kept = root().join("host/src/cli/new/templates").join(template).join("golden.jsonl");
            std::fs::write(kept, &signals).unwrap();
        }
        assert_eq!(place.run_in(&name, &["check", "."]).code, 0, "{template}");
    }
}

#[test]
fn a_rule_that_changed_is_seen_in_the_golden_file() {
    let place = place();
    make(&place, "changed", "single-interval");
    let source = place.path("changed/src/lib.rs");
    let text = std::fs::read_to_string(&source).unwrap();
    std::fs::write(&source, text.replace("oversold: f64 = 30.0", "oversold: f64 = 40.0")).unwrap();
    let args = ["test", ".", "--candles", "candles/BTCUSDT-5m.csv", "--golden", "golden.jsonl"];
    assert_eq!(place.run_in("changed", &args).code, 1);
    assert_eq!(place.run_in("changed", &[args.as_slice(), &["--update"]].concat()).code, 0);
    assert_eq!(place.run_in("changed", &args).code, 0);
}

/// One target directory serves both, as CARGO_TARGET_DIR makes it.
#[test]
fn crates_of_one_name_are_not_taken_for_each_other() {
    let (first, second) = (place(), place());
    for place in [&first, &second] {
        make(place, "twin", "single-interval");
    }
    let source = second.path("twin/src/lib.rs");
    let text = std::fs::read_to_string(&source).unwrap();
    std::fs::write(&source, text.replace("oversold: f64 = 30.0", "oversold: f64 = 40.0")).unwrap();
    let digest = |place: &Place| {
        let ran = place.run_in("twin", &["build", "."]);
        assert_eq!(ran.code, 0, "{}", ran.err);
        ran.out.trim().rsplit_once("sha256 ").unwrap().1.to_owned()
    };
    let [of_first, of_second] = [&first, &second].map(digest);
    assert_ne!(of_first, of_second);
    assert_eq!(digest(&first), of_first);
}

#[test]
fn what_it_says_is_what_it_did() {
    let place = place();
    let filtered = |ran: &Ran| {
        let text = ran.out.replace(root().to_str().unwrap(), "CHECKOUT");
        // Whether the target is there is told of this machine.
        text.lines().filter(|line| !line.starts_with("target ")).collect::<Vec<_>>().join("\n")
    };
    let made = place.run(&["new", "btc-outrun", "--template", "multi-symbol", "--sdk", root().to_str().unwrap()]);
    insta::assert_snapshot!(filtered(&made));

    let made = place.run(&["new", "versioned", "--sdk", "0.1.0", "--json"]);
    let json: serde_json::Value = serde_json::from_str(&made.out).unwrap();
    assert_eq!(json["sdk"], serde_json::json!({ "version": "0.1.0" }));
    for file in json["files"].as_array().unwrap() {
        assert!(place.path("versioned").join(file.as_str().unwrap()).is_file(), "{file}");
    }
    let manifest = std::fs::read_to_string(place.path("versioned/Cargo.toml")).unwrap();
    assert!(manifest.contains("vyx-sdk = \"0.1.0\"\n"), "{manifest}");

    // By default the SDK of the checkout that this binary lies in, so that the crate builds at once.
    let made = place.run(&["new", "mine", "--json"]);
    let json: serde_json::Value = serde_json::from_str(&made.out).unwrap();
    assert_eq!(json["sdk"]["path"], root().canonicalize().unwrap().join("sdk").to_str().unwrap());
    assert_eq!(json["template"], "single-interval");
}

#[test]
fn what_is_there_is_never_touched_and_nothing_is_made_elsewhere() {
    let place = place();
    let kept = place.write("mine/notes.txt", "kept");
    place.write("a-file", "kept");
    std::os::unix::fs::symlink("nowhere", place.path("a-link")).unwrap();
    for name in ["mine", "a-file", "a-link"] {
        let ran = place.run(&["new", name]);
        assert_eq!(ran.code, 2, "{name}");
        assert!(ran.err.contains("exists already; choose another name, or move it away"), "{}", ran.err);
    }
    assert_eq!(std::fs::read_to_string(kept).unwrap(), "kept");
    assert_eq!(std::fs::read_dir(place.path("mine")).unwrap().count(), 1);
    for name in ["../x", "a/b", "/tmp/x", "", ".", "-", "Mine", "fn", "std", "a\n"] {
        let ran = place.run(&["new", "--", name]);
        assert_eq!(ran.code, 2, "{name:?}: {}", ran.out);
        assert!(ran.err.contains("cannot be the name of a trader"), "{name:?}: {}", ran.err);
    }
    for sdk in ["nowhere", ".", "../.."] {
        let ran = place.run(&["new", "other", "--sdk", sdk]);
        assert_eq!(ran.code, 2, "{sdk}");
        assert!(ran.err.contains("holds no vyx-sdk; give the folder"), "{}", ran.err);
    }
    let mut names: Vec<_> =
        std::fs::read_dir(place.dir.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    names.retain(|name| name != "data");
    assert_eq!(names, ["a-file", "a-link", "mine"]);
}
