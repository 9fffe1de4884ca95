//! `vyx demo`: the built-in traders on a market, to look at.

use std::path::PathBuf;
use std::time::Duration;

use super::dev::{Session, Source, print_summary};
use super::failure::Failure;
use super::terminal::{Rows, Terminal};
use crate::config::{Config, Speed};
use crate::signal::Tee;
use crate::supervisor::Mismatch;

/// Shows the built-in traders at work: some twenty seconds of a made-up market, or your candle files.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  vyx demo
  vyx demo --candles BTCUSDT-1m-2025-01.zip --speed 3600")]
pub(super) struct Args {
    /// The folder of the built-in traders.
    #[arg(long, value_name = "DIR", default_value = "plugins")]
    traders: PathBuf,
    #[command(flatten)]
    source: Source,
}

/// Closes of the made-up market, twelve hours, and how fast they come: the demonstration takes twenty seconds.
const CLOSES: u64 = 720;
const SPEED: f64 = 2_160.0;

pub(super) fn run(mut args: Args, config: &Config) -> Result<(), Failure> {
    let terminal = Terminal::new(false);
    if args.source.candles.is_empty() {
        args.source.closes = args.source.closes.or(Some(CLOSES));
        args.source.speed = args.source.speed.or(Some(Speed::Times(SPEED)));
        let closes = args.source.closes.unwrap_or(CLOSES);
        terminal.note(&format!(
            "{} symbols of a made-up market, {} hours of it in about {} seconds; Ctrl-C ends it",
            args.source.symbols,
            closes / 60,
            Duration::from_secs_f64(closes as f64 * 60.0 / SPEED).as_secs().max(1),
        ));
    }
    let session =
        Session { folder: &args.traders, source: &args.source, config, terminal: &terminal, mismatch: Mismatch::Raise };
    let (totals, status) = session.run(Tee(vec![Box::new(Rows::new(terminal.clone(), false))]))?;
    terminal.clear();
    print_summary(&terminal, &totals, &status);
    Ok(())
}
