//! Programs beside cargo that some suites need. Installed where that can be done without asking; elsewhere the suite is
//! skipped and says what is missing.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::steps;
use crate::workspace::Workspace;

/// Why a suite cannot run.
pub type Missing = &'static str;

/// A PostgreSQL server: the tests find it themselves, in the same folders.
pub fn postgres() -> Result<(), Missing> {
    if has_postgres() || (installed("postgresql", &["postgresql"]) && has_postgres()) {
        return Ok(());
    }
    Err(
        "no PostgreSQL server found; install it (Debian: apt-get install postgresql, macOS: brew install postgresql@17)",
    )
}

/// Node, and in `tests/supabase/js` the official client.
pub fn official_client(workspace: &Workspace) -> Result<(), Missing> {
    node_package(
        &workspace.root.join("tests/supabase/js"),
        "npm could not install the official client; run `npm ci` in tests/supabase/js to see why",
    )
}

/// Chromium, node, and in `tests/browser` what drives the one from the other.
pub fn browser(workspace: &Workspace) -> Result<(), Missing> {
    if !(has_chromium() || installed("Chromium", &["chromium"]) && has_chromium()) {
        return Err(
            "no Chromium found; install it (Debian: apt-get install chromium, macOS: brew install --cask chromium) or set VYX_CHROMIUM to its path",
        );
    }
    node_package(
        &workspace.root.join("tests/browser"),
        "npm could not install playwright-core; run `npm ci` in tests/browser to see why",
    )
}

/// Where `tests/browser/support/browser.mjs` looks for it.
fn has_chromium() -> bool {
    const PLACES: [&str; 5] = [
        "/usr/bin/chromium",
        "/usr/bin/chromium-browser",
        "/usr/bin/google-chrome",
        "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
        "/Applications/Chromium.app/Contents/MacOS/Chromium",
    ];
    env::var_os("VYX_CHROMIUM").is_some() || PLACES.iter().any(|path| Path::new(path).exists())
}

/// Node, and in this folder what its package needs, exactly as its lock file has it.
fn node_package(folder: &Path, failed: Missing) -> Result<(), Missing> {
    let answers = |program: &str| steps::read(Command::new(program).arg("--version")).is_ok();
    let node = || answers("node") && answers("npm");
    let present = node() || (installed("node and npm", &["nodejs", "npm"]) && node());
    if !present {
        return Err(
            "no node and npm found; install them (Debian: apt-get install nodejs npm, macOS: brew install node)",
        );
    }
    if is_current(folder) {
        return Ok(());
    }
    steps::run(Command::new("npm").arg("ci").current_dir(folder)).map_err(|_| failed)
}

/// A C compiler and linker for WebAssembly. That of Xcode cannot do it.
pub fn c_for_wasm() -> Result<(), Missing> {
    if compiles_c() || (installed("clang for wasm32", &["clang", "lld"]) && compiles_c()) {
        return Ok(());
    }
    Err(
        "no clang and lld for wasm32 found; install them (Debian: apt-get install clang lld, macOS: brew install llvm lld)",
    )
}

fn compiles_c() -> bool {
    let mut compile = Command::new("clang");
    compile.args(["--target=wasm32", "-c", "-x", "c", "/dev/null", "-o", "/dev/null"]);
    steps::read(&mut compile).is_ok() && steps::read(Command::new("wasm-ld").arg("--version")).is_ok()
}

/// Whether what is installed is not older than the lock file.
fn is_current(folder: &Path) -> bool {
    let changed = |path: &str| fs::metadata(folder.join(path)).and_then(|metadata| metadata.modified()).ok();
    match (changed("node_modules/.package-lock.json"), changed("package-lock.json")) {
        (Some(installed), Some(locked)) => installed >= locked,
        _ => false,
    }
}

fn has_postgres() -> bool {
    let on_path = env::var_os("PATH").map(|path| env::split_paths(&path).collect::<Vec<_>>()).unwrap_or_default();
    // Debian; Homebrew on Apple and on Intel; Postgres.app.
    let parents =
        ["/usr/lib/postgresql", "/opt/homebrew/opt", "/usr/local/opt", "/Applications/Postgres.app/Contents/Versions"];
    let entries = parents.iter().flat_map(|parent| fs::read_dir(parent).into_iter().flatten().flatten());
    let folders = on_path.into_iter().chain(entries.map(|entry| entry.path().join("bin")));
    let complete = |folder: PathBuf| ["postgres", "initdb"].iter().all(|program| folder.join(program).is_file());
    folders.into_iter().any(complete)
}

/// Installs packages on Debian as root; elsewhere it is not for us to do.
fn installed(what: &str, packages: &[&str]) -> bool {
    let root = steps::read(Command::new("id").arg("-u")).is_ok_and(|id| id.trim() == "0");
    if !root || !Path::new("/etc/debian_version").exists() {
        return false;
    }
    eprintln!("xtask: {what} not found, installing {}", packages.join(" "));
    let apt =
        |args: &[&str]| steps::run(Command::new("apt-get").args(args).env("DEBIAN_FRONTEND", "noninteractive")).is_ok();
    apt(&["update"]) && apt(&[&["install", "-y", "--no-install-recommends"], packages].concat())
}
