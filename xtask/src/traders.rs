//! Builds every trader that tests run, with the command that authors use.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::steps;
use crate::workspace::Workspace;

/// Returns the folder that the built components lie in.
pub fn build(workspace: &Workspace, vyx: &Path) -> Result<PathBuf> {
    let build = |args: &[&str]| steps::run(Command::new(vyx).arg("build").args(args).current_dir(&workspace.root));
    for name in crates_in(&workspace.root.join("plugins"))? {
        build(&[&format!("plugins/{name}")])?;
    }
    build(&["tests/hostile", "--examples"])?;
    build(&["tests/cookbook", "--examples"])?;
    let folder = workspace.target.join("traders");
    ensure!(folder.is_dir(), "`vyx build` succeeded but there is no folder {}", folder.display());
    Ok(folder)
}

/// Sorted, so that the first failure is the same one on every machine.
fn crates_in(folder: &Path) -> Result<Vec<String>> {
    let cannot_read = || format!("cannot read {}", folder.display());
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).with_context(cannot_read)? {
        let entry = entry.with_context(cannot_read)?;
        if entry.path().join("Cargo.toml").is_file() {
            let name = entry.file_name().into_string();
            names.push(name.map_err(|name| anyhow::anyhow!("the name of plugin {name:?} is not UTF-8, rename it"))?);
        }
    }
    names.sort();
    Ok(names)
}
