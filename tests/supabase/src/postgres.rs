//! Finding PostgreSQL on this machine, and the user that its server may run as.

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};

/// `nulls not distinct` and views with the rights of their reader came with it.
const OLDEST_MAJOR: u32 = 15;

/// The programs of one PostgreSQL version.
#[derive(Clone, Debug)]
pub(crate) struct Binaries {
    folder: PathBuf,
    /// What `postgres --version` says.
    pub(crate) version: String,
}

impl Binaries {
    /// The newest version on this machine.
    pub(crate) fn find() -> Result<Self> {
        let newest = folders().into_iter().filter_map(|folder| version(&folder)).max_by_key(|(major, _)| *major);
        let Some((major, found)) = newest else {
            bail!(
                "found no PostgreSQL server; install it (Debian: apt install postgresql, macOS: brew install postgresql@17)"
            )
        };
        ensure!(
            major >= OLDEST_MAJOR,
            "found only PostgreSQL {major} in {}; install version {OLDEST_MAJOR} or newer",
            found.folder.display()
        );
        Ok(found)
    }

    /// A call of one of the programs, as the owner of the data directory.
    pub(crate) fn command(&self, program: &str, owner: Option<Owner>) -> Command {
        let mut command = Command::new(self.folder.join(program));
        // The messages are compared, and the locale of whoever runs the tests is none of the server's business.
        command.env("LC_ALL", "C").current_dir("/");
        if let Some(owner) = owner {
            command.uid(owner.uid).gid(owner.gid);
        }
        command
    }

    /// Makes an empty database cluster with the superuser `supabase_admin`.
    pub(crate) fn initdb(&self, owner: Option<Owner>, data: &Path) -> Result<()> {
        let mut command = self.command("initdb", owner);
        command.args(["--username=supabase_admin", "--auth=trust", "--encoding=UTF8", "--no-locale", "--no-sync"]);
        // Small log segments make the directory cheap to copy.
        command.args(["--wal-segsize=1", "--pgdata"]).arg(data);
        run(command)
    }

    /// Brings all files of a stopped cluster onto the disk.
    pub(crate) fn sync(&self, owner: Option<Owner>, data: &Path) -> Result<()> {
        let mut command = self.command("initdb", owner);
        command.args(["--sync-only", "--pgdata"]).arg(data);
        run(command)
    }
}

fn run(mut command: Command) -> Result<()> {
    let output = command.stdin(Stdio::null()).output().with_context(|| format!("cannot run {command:?}"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{command:?} failed with {}:\n{said}", output.status);
    Ok(())
}

fn folders() -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> =
        std::env::var_os("PATH").map(|path| std::env::split_paths(&path).collect()).unwrap_or_default();
    // Debian and the PostgreSQL project's packages; Homebrew on Apple and on Intel; Postgres.app.
    for (parent, below) in [
        ("/usr/lib/postgresql", "bin"),
        ("/opt/homebrew/opt", "bin"),
        ("/usr/local/opt", "bin"),
        ("/Applications/Postgres.app/Contents/Versions", "bin"),
    ] {
        let entries = fs::read_dir(parent).into_iter().flatten().flatten();
        folders.extend(entries.map(|entry| entry.path().join(below)));
    }
    folders.retain(|folder| folder.join("postgres").is_file() && folder.join("initdb").is_file());
    folders
}

fn version(folder: &Path) -> Option<(u32, Binaries)> {
    let output = Command::new(folder.join("postgres")).arg("--version").output().ok()?;
    let version = String::from_utf8(output.stdout).ok()?.trim().to_owned();
    // "postgres (PostgreSQL) 15.18 (Debian …)"
    let major = version.split_whitespace().nth(2)?.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()?;
    Some((major, Binaries { folder: folder.to_owned(), version }))
}

/// The user that servers run as when the tests run as root, which PostgreSQL refuses to be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Owner {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
}

impl Owner {
    /// None when the tests run as an ordinary user: then the server runs as the same one.
    pub(crate) fn for_servers() -> Result<Option<Self>> {
        if !rustix::process::geteuid().is_root() {
            return Ok(None);
        }
        let users = fs::read_to_string("/etc/passwd").context("cannot read /etc/passwd")?;
        let named = |name: &str| users.lines().find_map(|line| Self::parse(line, name));
        match named("postgres").or_else(|| named("nobody")) {
            Some(owner) => Ok(Some(owner)),
            None => bail!(
                "PostgreSQL refuses to run as root and there is no user `postgres`; run the tests as another user"
            ),
        }
    }

    fn parse(line: &str, name: &str) -> Option<Self> {
        let mut fields = line.split(':');
        if fields.next()? != name {
            return None;
        }
        let uid = fields.nth(1)?.parse().ok()?;
        let gid = fields.next()?.parse().ok()?;
        Some(Self { uid, gid })
    }
}
