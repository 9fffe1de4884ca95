//! `vyx record`: the host in production, which writes down what it does.

use std::path::PathBuf;
use std::time::Duration;

use super::failure::Failure;
use super::run::serve;
use crate::config::{Config, Place, Rotation};

/// Runs the traders of this deployment as `vyx run` does, and records the candles, decisions and signals.
///
/// Everything else comes from the environment, as for `vyx run`; RECORD_DIR does the same there. `vyx verify --replay DIR` proves that
/// the recorded candles give the recorded signals; `vyx test --candles DIR` and FEED=replay:DIR replay the candles. Each start of the
/// host is a session of its own in the same folder. A recording that cannot be written ends with one error, and the host runs on.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  RUN_MODE=shared_backend SUPABASE_URL=https://abcdefgh.supabase.co SUPABASE_SERVICE_ROLE_KEY=… vyx record recording
  vyx record recording --rotate 1d --rotate-mb 256
  vyx verify --replay recording")]
pub(super) struct Args {
    /// The folder of the recording, private to this user; made if it is not there.
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    /// Begin new files when so much of candle time has passed, counted from midnight UTC: 15m, 1h, 6h, 12h or 1d.
    #[arg(long, value_name = "TIME", default_value = "1h", value_parser = period)]
    rotate: Duration,
    /// And when the files have so many megabytes.
    #[arg(long, value_name = "MB", default_value_t = 64, value_parser = clap::value_parser!(u64).range(1..=4_096))]
    rotate_mb: u64,
}

fn period(text: &str) -> Result<Duration, String> {
    let minutes = match text {
        "15m" => 15,
        "1h" => 60,
        "6h" => 360,
        "12h" => 720,
        "1d" => 1_440,
        _ => return Err("give 15m, 1h, 6h, 12h or 1d".to_owned()),
    };
    Ok(Duration::from_secs(minutes * 60))
}

pub(super) fn run(args: &Args, config: &Config) -> Result<(), Failure> {
    let rotation = Rotation { every: args.rotate, bytes: args.rotate_mb << 20 };
    serve(config, Some(Place { dir: args.dir.clone(), rotation }))
}
