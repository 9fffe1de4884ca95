//! Runs a stand-in over a throwaway PostgreSQL with the production schema and our migrations, until standard input ends.
//!
//! `cargo run -p vyx-supabase --example standin` prints what the host and the client libraries need; Ctrl-D ends it. The
//! names of SQL files as arguments add to the database, run as `postgres`.

use std::io::Read as _;

use anyhow::{Context as _, Result};
use vyx_supabase::cluster::Cluster;
use vyx_supabase::{Standin, sql};

fn main() -> Result<()> {
    let cluster = Cluster::start()?;
    let database = cluster.create_database("standin")?;
    for path in std::env::args_os().skip(1) {
        let path = std::path::PathBuf::from(path);
        let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        sql::execute(&cluster.url_as("standin", "postgres"), &text)
            .with_context(|| format!("cannot run {}", path.display()))?;
    }
    let standin = Standin::start(&database)?;
    println!("SUPABASE_URL={}", standin.url());
    println!("SUPABASE_SERVICE_ROLE_KEY={}", standin.service_secret());
    println!("# the same role by a legacy key\n# SUPABASE_SERVICE_ROLE_KEY={}", standin.service_jwt());
    println!("SUPABASE_PUBLISHABLE_KEY={}", standin.publishable());
    println!("# psql {database}");
    std::io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}
