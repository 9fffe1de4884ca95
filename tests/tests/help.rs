//! The words of `--help`, so that a change of them is seen in a review.

use std::path::PathBuf;
use std::process::Command;

fn help(command: &[&str]) -> String {
    let binary = std::env::var_os("VYX_BIN")
        .map_or_else(|| std::env::current_exe().unwrap().ancestors().nth(2).unwrap().join("vyx"), PathBuf::from);
    assert!(binary.is_file(), "{} is not there, run the tests with: cargo xtask test", binary.display());
    let output = Command::new(binary).args(command).arg("--help").env_clear().output().unwrap();
    assert!(output.status.success(), "help needs nothing of the environment: {output:?}");
    assert_eq!(output.stderr, b"");
    let text = String::from_utf8(output.stdout).unwrap();
    // Nothing is told by spaces that nobody sees.
    text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_commands() {
    insta::assert_snapshot!("vyx", help(&[]));
}

#[test]
fn each_command() {
    for command in [
        "build", "check", "demo", "describe", "dev", "doctor", "new", "publish", "record", "rollback", "run",
        "signals", "test", "traders", "verify",
    ] {
        insta::assert_snapshot!(command, help(&[command]));
    }
}
