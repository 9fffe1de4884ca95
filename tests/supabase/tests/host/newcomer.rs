//! The first hour of an author, as docs/authors.md tells it: its commands, in its order, in a folder outside of this workspace.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rustix::process::Signal;

use crate::child::Child;
use crate::process::beside;
use crate::world::{ALICE, ALICES_APP, World, wait};

const TRADER: &str = "5048128b-9ea9-4af7-b08b-cc1361d552fa";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().to_owned()
}

/// A block of commands, and what is said of it.
#[derive(Debug, PartialEq)]
enum Block {
    /// Every line ends well.
    Runs(Vec<String>),
    /// Its line ends with exit code 1.
    Fails(String),
    /// Its line runs on, and follows edits.
    Dev(String),
}

/// The blocks of a document, in order. A kind that is not known fails, so that none is passed over.
fn blocks(text: &str) -> Vec<Block> {
    let mut found = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let Some(kind) = line.strip_prefix("```") else { continue };
        let body: Vec<String> = lines
            .by_ref()
            .take_while(|line| *line != "```")
            .filter(|line| !line.is_empty())
            .map(str::to_owned)
            .collect();
        match (kind, body.as_slice()) {
            ("sh", _) => found.push(Block::Runs(body)),
            ("sh fails", [line]) => found.push(Block::Fails(line.clone())),
            ("sh dev", [line]) => found.push(Block::Dev(line.clone())),
            // Compiled and run by the doc tests of the SDK; settings that a test has of its own.
            ("rust" | "text", _) => {}
            other => panic!("nobody runs a block of {other:?}"),
        }
    }
    found
}

/// Somebody at a shell.
struct Author<'a> {
    world: &'a World,
    folder: PathBuf,
}

impl Author<'_> {
    fn command(&self, line: &str) -> Command {
        let vyx = beside("VYX_BIN", "debug/vyx");
        let path = std::env::var_os("PATH").unwrap_or_default();
        let path =
            std::env::join_paths([vyx.parent().unwrap().to_owned()].into_iter().chain(std::env::split_paths(&path)));
        let home = self.world.dir.path();
        let mut command = Command::new("sh");
        command.args(["-euc", line]).current_dir(&self.folder).env_clear().stdin(Stdio::null());
        for name in ["CARGO_HOME", "RUSTUP_HOME", "RUSTUP_TOOLCHAIN"] {
            command.envs(std::env::var_os(name).map(|value| (name, value)));
        }
        // Rust is found through HOME where it is not elsewhere.
        command.env("HOME", std::env::var_os("HOME").unwrap_or_else(|| home.into()));
        command.env("PATH", path.unwrap()).env("DATA_DIR", home.join("data-of-author"));
        // Kept between runs, so that the SDK is built once; and the versions of this workspace, so that nothing is looked up.
        command.env("CARGO_TARGET_DIR", root().join("target/edited")).env("CARGO_NET_OFFLINE", "true");
        command
            .env("SUPABASE_URL", self.world.standin.url())
            .env("SUPABASE_PUBLISHABLE_KEY", self.world.standin.publishable())
            .env("SUPABASE_USER_TOKEN", self.world.standin.user_jwt(ALICE.parse().unwrap()))
            .env("TRADER_ID", TRADER);
        command
    }

    /// Runs a line: its exit code and its words. A `cd` holds for the lines after it.
    fn types(&mut self, line: &str) -> (Option<i32>, String) {
        if let Some(folder) = line.strip_prefix("cd ") {
            self.folder = self.folder.join(folder);
            return (Some(0), String::new());
        }
        let output = self.command(line).output().unwrap();
        let words = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        if line.starts_with("vyx new ") {
            let made = line.split_whitespace().nth(2).unwrap();
            std::fs::copy(root().join("Cargo.lock"), self.folder.join(made).join("Cargo.lock")).unwrap();
        }
        (output.status.code(), words)
    }

    fn edits(&self, from: &str, to: &str) {
        let file = self.folder.join("src/lib.rs");
        let text = std::fs::read_to_string(&file).unwrap();
        assert!(text.contains(from), "{from} is not in {text}");
        std::fs::write(file, text.replace(from, to)).unwrap();
    }
}

#[test]
fn a_newcomer_gets_from_vyx_new_to_a_signal_in_the_table() {
    let world = World::new();
    world.run(&format!(
        "insert into traders (id, name, description, filter, strategy, user_id, is_built_in, ownership_type, enabled)
         values ('{TRADER}', 'My first trader', '', '{{}}', '{{}}', '{ALICE}', false, 'user', true)"
    ));
    let host = world.dedicated().env("FEED_SPEED", "6000").start();
    let folder = world.dir.path().join("author");
    std::fs::create_dir(&folder).unwrap();
    let mut author = Author { world: &world, folder };

    let text = std::fs::read_to_string(root().join("docs/authors.md")).unwrap();
    let blocks = blocks(&text);
    for block in &blocks {
        match block {
            Block::Runs(lines) => {
                for line in lines {
                    let (code, words) = author.types(line);
                    assert_eq!(code, Some(0), "{line}\n{words}");
                }
            }
            Block::Fails(line) => {
                let (code, words) = author.types(line);
                assert_eq!(code, Some(1), "{line}\n{words}");
                assert!(words.contains("golden"), "{words}");
            }
            Block::Dev(line) => {
                // `exec`, so that the interrupt reaches vyx and not the shell.
                let mut dev = Child::start(author.command(&format!("exec {line}")));
                dev.wait_for("started My Trader");
                author.edits("oversold: f64 = 40.0", "oversold: f64 = 45.0");
                dev.wait_for("reloaded My Trader");
                let (code, said) = dev.end(Signal::INT);
                assert_eq!(code, 0, "{said}");
                author.edits("oversold: f64 = 45.0", "oversold: f64 = 40.0");
            }
        }
    }
    assert!(blocks.iter().any(|block| matches!(block, Block::Dev(_))), "no hot swap in the guide");
    let report = std::fs::read_to_string(author.folder.join("report.html")).unwrap();
    assert!(report.contains("My Trader"));

    host.wait_for_state("My first trader", "running");
    let signals = format!("select count(*) from signals where trader_id = '{TRADER}'");
    world.wait_for("a signal", &signals, |count| count > 0);
    let apps = format!("{signals} and (user_id <> '{ALICE}' or fly_app_id is distinct from '{ALICES_APP}')");
    assert_eq!(world.count(&apps), 0);
    wait("it in the list", || {
        let (code, words) = author.types("vyx signals --trader \"$TRADER_ID\"");
        (code == Some(0) && words.contains("bounce")).then_some(())
    });
    host.assert_nothing_refused();
}

#[test]
fn blocks_of_every_kind_are_found_and_none_is_passed_over() {
    let text = "a\n```sh\none\n\ntwo\n```\n```sh fails\nthree\n```\n```sh dev\nfour\n```\n```rust\nfive\n```\n";
    let runs = Block::Runs(vec!["one".into(), "two".into()]);
    assert_eq!(blocks(text), [runs, Block::Fails("three".into()), Block::Dev("four".into())]);
    assert!(std::panic::catch_unwind(|| blocks("```bash\nx\n```\n")).is_err());
}
