//! Builds the host and finds its binary in what cargo reports; a guessed path breaks with another target or directory.

use std::path::PathBuf;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::steps;
use crate::workspace::Workspace;

/// What is built along with the binary. Cargo unifies features over what it builds, so a set of its own for the binary
/// would compile some dependencies, and the host, a second time for the tests.
pub enum Scope {
    Host,
    HostAndTests,
}

/// Builds with the dev profile, which optimises dependencies, and returns the absolute path of `vyx`.
pub fn build(workspace: &Workspace, scope: Scope) -> Result<PathBuf> {
    let selection: &[&str] = match scope {
        Scope::Host => &["-p", "vyx-host"],
        Scope::HostAndTests => &["--workspace", "--bin", "vyx", "--tests"],
    };
    let mut command = workspace.cargo();
    command.arg("build").args(selection).arg("--message-format=json-render-diagnostics");
    let messages = steps::capture(&mut command)?;
    executable(&messages).context("cargo reported no binary `vyx`; package vyx-host must declare it")
}

fn executable(messages: &str) -> Option<PathBuf> {
    messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()).find_map(|message| {
        let is_vyx = message["reason"] == "compiler-artifact"
            && message["target"]["name"] == "vyx"
            && message["target"]["kind"][0] == "bin"
            && message["profile"]["test"] == false;
        if is_vyx { message["executable"].as_str().map(PathBuf::from) } else { None }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_binary_is_told_from_its_own_unit_tests_and_from_other_output() {
        let messages = r#"
            plain text of a build script
            {"reason":"compiler-artifact","target":{"kind":["lib"],"name":"vyx"},"profile":{"test":false},"executable":null}
            {"reason":"compiler-artifact","target":{"kind":["bin"],"name":"vyx"},"profile":{"test":true},"executable":"/t/deps/vyx-1"}
            {"reason":"compiler-artifact","target":{"kind":["bin"],"name":"vyx"},"profile":{"test":false},"executable":"/t/vyx"}
            {"reason":"build-finished","success":true}"#;
        assert_eq!(executable(messages), Some(PathBuf::from("/t/vyx")));
        assert_eq!(executable(""), None);
    }
}
