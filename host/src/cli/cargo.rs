//! Builds the crate of a trader with cargo.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, bail};
use serde_json::Value;

use crate::module::{Digest, componentize};

/// The target of traders: it has no system interface at all.
pub(super) const TARGET: &str = "wasm32-unknown-unknown";
/// A trader is built once and run for months, and its panic message goes through the SDK's hook.
const PROFILE: [&str; 5] = [
    "profile.release.opt-level=3",
    "profile.release.lto=true",
    "profile.release.codegen-units=1",
    "profile.release.panic=\"abort\"",
    "profile.release.strip=true",
];
/// How much of the compiler's words a failure repeats.
const TOLD_LINES: usize = 20;

/// A component that was written.
#[derive(Debug)]
pub(super) struct Built {
    pub(super) path: PathBuf,
    pub(super) bytes: Vec<u8>,
}

/// Where the compiler's words go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Words {
    /// To the terminal, as they come.
    Shown,
    /// Into the error, if there is one.
    Kept,
}

/// Builds the trader of a crate: its library, or its examples. Each component is written to `traders` in the target directory.
pub(super) fn build(folder: &Path, examples: bool, words: Words) -> anyhow::Result<Vec<Built>> {
    let manifest = folder.join("Cargo.toml");
    if !manifest.is_file() {
        bail!("{} is not a crate: it has no Cargo.toml", folder.display());
    }
    has_target()?;
    let mut command = Command::new("cargo");
    command
        .arg(if examples { "build" } else { "rustc" })
        .args(["--release", "--target", TARGET, "--message-format=json-render-diagnostics"])
        .arg("--manifest-path")
        .arg(&manifest)
        .arg(if examples { "--examples" } else { "--lib" })
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    for setting in PROFILE {
        command.args(["--config", setting]);
    }
    // What a panic says must not depend on whose machine built it, nor tell where that was.
    command.args(["--config", &format!("target.{TARGET}.rustflags={}", remaps())]);
    if !examples {
        // Two crates of one name share their place in a target directory that serves both, and cargo takes the one for the other. It
        // builds anew where the flags of the crate itself differ; this one changes nothing of what is built.
        let place = manifest.canonicalize().with_context(|| format!("cannot read {}", manifest.display()))?;
        let place = Digest::of(place.as_os_str().as_encoded_bytes());
        command.args(["--", "--check-cfg", &format!("cfg(vyx_crate, values(\"{place}\"))")]);
    }
    let (out, errors) = match words {
        Words::Shown => (
            command.stderr(Stdio::inherit()).output().context("cargo does not start, is it installed?")?.stdout,
            String::new(),
        ),
        Words::Kept => {
            let output = command.stderr(Stdio::piped()).output().context("cargo does not start, is it installed?")?;
            (output.stdout, String::from_utf8_lossy(&output.stderr).into_owned())
        }
    };
    let mut built = Vec::new();
    let mut succeeded = false;
    for line in out.split(|byte| *byte == b'\n') {
        let Ok(message) = serde_json::from_slice::<Value>(line) else { continue };
        match message.get("reason").and_then(Value::as_str) {
            Some("compiler-artifact") => built.extend(artifact(&message, &manifest)),
            Some("build-finished") => succeeded = message.get("success") == Some(&Value::Bool(true)),
            _ => {}
        }
    }
    if !succeeded {
        let lines: Vec<&str> = errors.lines().collect();
        let last = lines.get(lines.len().saturating_sub(TOLD_LINES)..).unwrap_or_default().join("\n");
        bail!("{} does not build\n{last}", folder.display());
    }
    if built.is_empty() {
        bail!("{} makes no WebAssembly module, add crate-type = [\"cdylib\"] to its [lib]", folder.display());
    }
    built.into_iter().map(|(name, module)| write(name, &module)).collect()
}

/// Name and path of a module that belongs to the crate itself.
fn artifact(message: &Value, manifest: &Path) -> Option<(String, PathBuf)> {
    let of = message.get("manifest_path").and_then(Value::as_str).map(Path::new)?;
    if of.canonicalize().ok()? != manifest.canonicalize().ok()? {
        return None;
    }
    let path = message
        .get("filenames")?
        .as_array()?
        .iter()
        .filter_map(Value::as_str)
        .map(PathBuf::from)
        .find(|path| path.extension().is_some_and(|extension| extension == "wasm"))?;
    let name = message.get("target")?.get("name")?.as_str()?;
    Some((name.to_owned(), path))
}

fn write(target_name: String, module: &Path) -> anyhow::Result<Built> {
    // target/wasm32-unknown-unknown/release[/examples]/x.wasm
    let target_dir = module
        .ancestors()
        .find(|folder| folder.file_name().is_some_and(|name| name == TARGET))
        .and_then(Path::parent)
        .with_context(|| format!("{} does not lie in a target directory", module.display()))?;
    let name = target_name.replace('_', "-");
    let folder = target_dir.join("traders");
    let path = folder.join(format!("{name}.wasm"));
    let mut core = Vec::new();
    std::fs::File::open(module)
        .and_then(|mut file| file.read_to_end(&mut core))
        .with_context(|| format!("cannot read {}", module.display()))?;
    let bytes = componentize(&core)
        .with_context(|| format!("{} is no trader, does it name one with vyx_sdk::register!?", module.display()))?;
    std::fs::create_dir_all(&folder)
        .and_then(|()| {
            // Somebody may run it at this moment: they see the old one or the new one.
            let aside = folder.join(format!(".{name}.{}", std::process::id()));
            std::fs::write(&aside, &bytes)?;
            std::fs::rename(&aside, &path)
        })
        .with_context(|| format!("cannot write {}", path.display()))?;
    Ok(Built { path, bytes })
}

/// Fails with what to do where traders cannot be compiled.
pub(super) fn has_target() -> anyhow::Result<()> {
    let output = Command::new("rustc")
        .args(["--print", "target-libdir", "--target", TARGET])
        .output()
        .context("rustc does not start, is it installed?")?;
    if Path::new(String::from_utf8_lossy(&output.stdout).trim()).is_dir() {
        return Ok(());
    }
    bail!("the target {TARGET} is not installed, run: rustup target add {TARGET}")
}

/// A TOML list of flags that name home and registry the same on every machine. The same for every crate: with other flags cargo
/// would compile the dependencies of each crate anew.
fn remaps() -> String {
    let mut flags = Vec::new();
    let home = std::env::var_os("HOME").map(PathBuf::from);
    let cargo_home =
        std::env::var_os("CARGO_HOME").map(PathBuf::from).or_else(|| home.as_ref().map(|home| home.join(".cargo")));
    // The last one that fits wins.
    for (path, name) in [(home, "/home"), (cargo_home, "/cargo")] {
        if let Some(path) = path.filter(|path| path.is_absolute()) {
            flags.push(format!("--remap-path-prefix={}={name}", path.display()));
        }
    }
    Value::from(flags).to_string()
}
