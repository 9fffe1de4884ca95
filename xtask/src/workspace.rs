//! Where the workspace and its target directory are, asked of cargo so that CARGO_TARGET_DIR and its configuration count.

use std::env;
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::steps;

pub struct Workspace {
    pub root: PathBuf,
    pub target: PathBuf,
    metadata: Value,
}

impl Workspace {
    pub fn load() -> Result<Self> {
        let text = steps::read(cargo().args(["metadata", "--format-version", "1", "--no-deps"]))?;
        let metadata: Value = serde_json::from_str(&text).context("`cargo metadata` printed no JSON")?;
        let path = |key: &str| {
            let value = metadata.get(key).and_then(Value::as_str);
            value.map(PathBuf::from).with_context(|| format!("`cargo metadata` names no {key}"))
        };
        Ok(Self { root: path("workspace_root")?, target: path("target_directory")?, metadata })
    }

    /// The names of a package's integration tests.
    pub fn tests_of(&self, package: &str) -> impl Iterator<Item = &str> {
        let packages = self.metadata["packages"].as_array().into_iter().flatten();
        let targets = packages
            .filter(move |found| found["name"] == package)
            .flat_map(|found| found["targets"].as_array().into_iter().flatten());
        targets.filter(|target| target["kind"][0] == "test").filter_map(|target| target["name"].as_str())
    }

    /// Cargo, from the root: a step must not depend on the folder in which a person typed `cargo xtask`.
    pub fn cargo(&self) -> Command {
        let mut command = cargo();
        command.current_dir(&self.root);
        command
    }
}

/// The cargo that started us, so that every step uses one toolchain.
fn cargo() -> Command {
    Command::new(env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo")))
}
