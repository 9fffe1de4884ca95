//! The data directory that every cluster begins with: made once, then copied.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

use crate::cluster::{Cluster, TEMPLATE};
use crate::postgres::{Binaries, Owner};
use crate::sql;

const PREFIX: &str = "vyx-postgres-template-";

/// Fills an empty data directory.
pub(crate) fn fill(binaries: &Binaries, owner: Option<Owner>, data: &Path) -> Result<()> {
    let store = store()?;
    let template = store.join(format!("{PREFIX}{}", key(binaries)?));
    // One process makes it, those that start at the same time wait for it.
    let lock = fs::File::create(store.join("vyx-postgres.lock")).context("cannot make the lock of the template")?;
    lock.lock_shared()?;
    if !template.exists() {
        lock.unlock()?;
        lock.lock()?;
        if !template.exists() {
            remove_old(&store);
            make(&template).context("cannot make the template of the test databases")?;
        }
    }
    copy(&template, data, owner)
}

/// Beside the test binaries, where `cargo clean` finds it.
fn store() -> Result<PathBuf> {
    let program = std::env::current_exe().context("cannot tell where the test binary is")?;
    Ok(program.parent().map(Path::to_owned).unwrap_or_else(std::env::temp_dir))
}

/// Another version of PostgreSQL, another text of a script or another user needs another template.
fn key(binaries: &Binaries) -> Result<String> {
    let mut hash = Sha256::new();
    hash.update(&binaries.version);
    hash.update(rustix::process::geteuid().as_raw().to_le_bytes());
    hash.update(include_bytes!("template.rs"));
    for script in [sql::platform()?, sql::production()?].iter().chain(&sql::migrations()?) {
        hash.update(script.name.as_bytes());
        hash.update(script.text.len().to_le_bytes());
        hash.update(&script.text);
    }
    Ok(format!("{:x}", hash.finalize()).chars().take(16).collect())
}

fn remove_old(store: &Path) {
    for entry in fs::read_dir(store).into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().starts_with(PREFIX) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

fn make(template: &Path) -> Result<()> {
    let mut cluster = Cluster::make()?;
    let data = cluster.data();
    cluster.binaries().initdb(cluster.owner(), &data)?;
    cluster.launch()?;
    sql::execute(&cluster.url("postgres"), "create role postgres login createdb createrole replication bypassrls")?;
    cluster.create_plain_database(TEMPLATE)?;
    sql::apply(&cluster.url(TEMPLATE), &sql::platform()?)?;
    // On Supabase everything below is done by `postgres`, which is no superuser there.
    let url = cluster.url_as(TEMPLATE, "postgres");
    sql::apply(&url, &sql::production()?)?;
    for migration in sql::migrations()? {
        sql::apply(&url, &migration)?;
    }
    // Nobody may hold the template open while it is copied.
    let close = format!("alter database {TEMPLATE} with is_template true allow_connections false");
    sql::execute(&cluster.url("postgres"), &close)?;
    // Three hundred files that nobody needs.
    sql::execute(&cluster.url("postgres"), "alter database template1 with is_template false")?;
    sql::execute(&cluster.url("postgres"), "drop database template1")?;
    cluster.stop_cleanly()?;
    cluster.binaries().sync(cluster.owner(), &data)?;
    let partial = template.with_extension("partial");
    let _ = fs::remove_dir_all(&partial);
    fs::create_dir(&partial)?;
    copy(&data, &partial, None)?;
    fs::rename(&partial, template)?;
    Ok(())
}

/// Copies what a directory holds into another one, which exists.
fn copy(from: &Path, to: &Path, owner: Option<Owner>) -> Result<()> {
    for entry in fs::read_dir(from).with_context(|| format!("cannot read {}", from.display()))? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            fs::create_dir(&target)?;
            fs::set_permissions(&target, fs::Permissions::from_mode(0o700))?;
            copy(&entry.path(), &target, owner)?;
        } else {
            fs::copy(entry.path(), &target).with_context(|| format!("cannot copy to {}", target.display()))?;
        }
        if let Some(owner) = owner {
            chown(&target, Some(owner.uid), Some(owner.gid))?;
        }
    }
    Ok(())
}
