//! What this machine has: memory mappings, a disk, an outbox.

use std::path::{Path, PathBuf};

use super::Findings;
use super::environment::Environment;
use crate::config::Config;
use crate::service;
use crate::signal::outbox::{LOCK_NAME, peek};
use crate::supervisor::room;
use crate::text::shown;

/// Below this the outbox (256 MiB) and the compile cache do not fit beside each other.
const DISK_WARN_BYTES: u64 = 1 << 30;
/// Below this the outbox does not even fit alone.
const DISK_FAIL_BYTES: u64 = 300 << 20;

pub(super) fn look(config: &Config, environment: &Environment, traders: Option<u64>, findings: &mut Findings) {
    maps(traders, findings);
    disk(&config.data_dir, findings);
    outbox(&config.data_dir, environment, findings);
}

/// Each live instance takes some mappings, of which a process has a number.
fn maps(traders: Option<u64>, findings: &mut Findings) {
    let room = u64::try_from(room()).unwrap_or(u64::MAX);
    let words = format!("vm.max_map_count has room for {room} traders");
    match traders {
        Some(traders) if traders > room => findings.fail(
            "maps",
            format!("{words}, and {traders} are enabled"),
            format!("run: sysctl -w vm.max_map_count={}", traders.saturating_mul(4).saturating_add(20_000)),
        ),
        Some(traders) if traders.saturating_mul(2) > room => {
            findings.warn(
                "maps",
                format!("{words}, and {traders} are enabled"),
                "raise it before there are twice as many",
            );
        }
        _ => findings.ok("maps", words),
    }
}

fn disk(dir: &Path, findings: &mut Findings) {
    let shown_dir = shown(&dir.to_string_lossy(), 100);
    // The host makes the folder; its disk is that of the folder above.
    let Some(there) = dir.ancestors().find(|folder| folder.is_dir()).map(Path::to_owned) else {
        findings.fail("disk", format!("there is no folder {shown_dir}"), "set DATA_DIR to a folder on a disk");
        return;
    };
    match rustix::fs::statvfs(&there) {
        Ok(disk) => {
            let free = disk.f_bavail.saturating_mul(disk.f_frsize);
            let words = format!("{} MiB are free for DATA_DIR, {shown_dir}", free >> 20);
            let fix = "enlarge the volume, or set DATA_DIR to another disk";
            match free {
                free if free < DISK_FAIL_BYTES => findings.fail("disk", words, fix),
                free if free < DISK_WARN_BYTES => findings.warn("disk", words, fix),
                _ => findings.ok("disk", words),
            }
        }
        Err(error) => {
            let what = format!("the disk of DATA_DIR, {shown_dir}, cannot be looked at: {error}");
            findings.fail("disk", what, "set DATA_DIR to a folder of this user");
        }
    }
    access(dir, &there, &shown_dir, findings);
}

/// What lies there can make the host load machine code.
fn access(dir: &Path, there: &PathBuf, shown_dir: &str, findings: &mut Findings) {
    use std::os::unix::fs::PermissionsExt as _;
    if rustix::fs::access(there, rustix::fs::Access::WRITE_OK).is_err() {
        let what = format!("this user may not write to {}", shown(&there.to_string_lossy(), 100));
        findings.fail("data dir", what, "set DATA_DIR to a folder of this user, or give the folder to it");
        return;
    }
    if dir != there {
        findings.ok("data dir", "not there yet, the host makes it");
        return;
    }
    match std::fs::metadata(dir).map(|meta| meta.permissions().mode() & 0o777) {
        Ok(mode) if mode & 0o022 != 0 => findings.warn(
            "data dir",
            format!("others may write to {shown_dir}, which the host loads machine code from (mode {mode:o})"),
            "run: chmod 700 on it",
        ),
        Ok(_) => findings.ok("data dir", "only this user may write to it"),
        Err(error) => findings.fail("data dir", error.to_string(), "set DATA_DIR to a folder of this user"),
    }
}

fn outbox(dir: &Path, environment: &Environment, findings: &mut Findings) {
    let used = if is_locked(&dir.join(LOCK_NAME)) { "a running host has it" } else { "no host is known to have it" };
    match peek(dir) {
        Ok(None) => findings.ok("outbox", "none yet"),
        Ok(Some(seen)) => {
            if let Some(wanted) = identity(environment).filter(|wanted| *wanted != seen.identity) {
                findings.fail(
                    "outbox",
                    format!(
                        "the outbox in DATA_DIR belongs to {}, and this host is {wanted}",
                        shown(&seen.identity, 200)
                    ),
                    "give each host a DATA_DIR of its own",
                );
                return;
            }
            let words = format!("{} signals wait, {used}", seen.queued);
            if seen.dead > 0 {
                let words = format!("{words}; the database refused {} for good", seen.dead);
                findings.warn("outbox", words, "look at /api/signals of the host for the reasons");
            } else {
                findings.ok("outbox", words);
            }
        }
        Err(error) => {
            let what = format!("the outbox cannot be read: {}", shown(&error, 200));
            findings.warn("outbox", what, "run this as the user of the host");
        }
    }
}

/// Whose signals the outbox of this host holds.
fn identity(environment: &Environment) -> Option<String> {
    Some(service::identity(environment.identity.as_ref()?, &environment.project.as_ref()?.url))
}

/// Whether a process holds the lock, as Linux tells. To try it would keep a host that starts at this moment from starting.
fn is_locked(path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    let (Ok(meta), Ok(locks)) = (std::fs::metadata(path), std::fs::read_to_string("/proc/locks")) else {
        return false;
    };
    let inode = format!(":{}", meta.ino());
    let is_of_it = |line: &str| line.split_whitespace().any(|word| word.contains(':') && word.ends_with(&inode));
    locks.lines().filter(|line| line.contains("FLOCK")).any(is_of_it)
}
