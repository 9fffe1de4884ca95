//! Scripts run on a database, and where they stand in the repository.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow};
use tokio_postgres::NoTls;

/// One SQL file: its name, for messages, and its text.
#[derive(Clone, Debug)]
pub struct Script {
    /// The file's name, without a folder.
    pub name: String,
    /// What it holds.
    pub text: String,
}

/// What every Supabase project has before anybody makes a table: roles, the schemas `auth` and `storage`, the publication.
///
/// # Errors
///
/// The file cannot be read.
pub fn platform() -> Result<Script> {
    read(&here().join("schema/platform.sql"))
}

/// The tables, triggers and policies of the production project, before our migrations.
///
/// # Errors
///
/// The file cannot be read.
pub fn production() -> Result<Script> {
    read(&here().join("schema/production.sql"))
}

/// Our migrations, in the order in which the Supabase CLI applies them.
///
/// # Errors
///
/// A file cannot be read.
pub fn migrations() -> Result<Vec<Script>> {
    let folder = here().join("../../supabase/migrations");
    let entries = fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let mut paths = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "sql"));
    paths.sort();
    paths.iter().map(read).collect()
}

/// What takes the rules of the migrations away again and keeps the data.
///
/// # Errors
///
/// The file cannot be read.
pub fn rollback() -> Result<Script> {
    read(&here().join("../../supabase/rollback.sql"))
}

fn here() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &PathBuf) -> Result<Script> {
    let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    Ok(Script { name, text })
}

/// Runs a script as one transaction, as the Supabase CLI does. Blocking; may be called from within an async runtime.
///
/// # Errors
///
/// Names the script and the line that the server refused.
pub fn apply(url: &str, script: &Script) -> Result<()> {
    execute(url, &script.text).with_context(|| format!("cannot apply {}", script.name))
}

/// Runs statements on a database. Blocking; may be called from within an async runtime.
///
/// # Errors
///
/// No connection, or what the server said about the statements, with the line.
pub fn execute(url: &str, statements: &str) -> Result<()> {
    // A runtime cannot be entered twice on one thread, and the caller may be in one.
    std::thread::scope(|scope| scope.spawn(|| execute_here(url, statements)).join())
        .map_err(|_| anyhow!("the thread that runs the statements panicked"))?
}

fn execute_here(url: &str, statements: &str) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let (client, connection) = tokio_postgres::connect(url, NoTls).await.context("cannot connect")?;
        let driver = tokio::spawn(connection);
        let outcome = client.batch_execute(statements).await.map_err(|error| explained(&error, statements));
        drop(client);
        // Waited for, so that the session is gone and the database may serve as a template.
        let _ = driver.await;
        outcome
    })
}

fn explained(error: &tokio_postgres::Error, statements: &str) -> anyhow::Error {
    let Some(refusal) = error.as_db_error() else { return anyhow!("{error}") };
    let line = match refusal.position() {
        Some(tokio_postgres::error::ErrorPosition::Original(at)) => {
            let before = statements.chars().take(*at as usize).filter(|c| *c == '\n').count();
            format!(", line {}", before + 1)
        }
        _ => String::new(),
    };
    let place = refusal.where_().map(|text| format!("; {text}")).unwrap_or_default();
    anyhow!("{} ({}){line}{place}", refusal.message(), refusal.code().code())
}
