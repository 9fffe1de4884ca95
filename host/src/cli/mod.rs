//! The `vyx` command: one file for each subcommand.

mod build;
mod cargo;
mod check;
mod compile_module;
mod demo;
mod describe;
mod dev;
mod doctor;
mod drive;
mod failure;
mod local;
mod market;
mod new;
mod project;
mod publish;
mod record;
mod rollback;
mod run;
mod signals;
mod terminal;
mod test;
mod traders;
mod verify;

use std::io::IsTerminal as _;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::config::{Config, LOG_FORMAT, LogFormat, Misconfigured, RUST_LOG, process_env};
use failure::Failure;

/// Exit codes, for `--help` and for the documents.
pub const EXIT_CODES: &str = "Exit codes:
  0   done
  1   the trader is at fault, or the host
  2   the arguments or the files cannot be used
  78  the environment is misconfigured";

/// Runs traders: sandboxed programs that watch candles and emit signals.
#[derive(Debug, Parser)]
#[command(name = "vyx", version, after_help = EXIT_CODES, disable_help_subcommand = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Demo(demo::Args),
    Run(run::Args),
    Record(record::Args),
    New(new::Args),
    Dev(dev::Args),
    Build(build::Args),
    Check(check::Args),
    Describe(describe::Args),
    Test(test::Args),
    Publish(publish::Args),
    Rollback(rollback::Args),
    Traders(traders::Args),
    Signals(signals::Args),
    Doctor(doctor::Args),
    Verify(verify::Args),
    #[command(name = crate::module::CHILD_COMMAND, hide = true)]
    CompileModule(compile_module::Args),
}

/// Runs the command line of this process.
#[must_use]
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    if let Command::CompileModule(args) = &cli.command {
        // The child has no environment, and must not log.
        return compile_module::run(args);
    }
    let is_service = matches!(cli.command, Command::Run(_) | Command::Record(_));
    let done = Config::from_env(process_env).map_err(Failure::from).and_then(|config| {
        start_log(&config)?;
        match cli.command {
            Command::Demo(args) => demo::run(args, &config),
            Command::Run(args) => run::run(&args, &config),
            Command::Record(args) => record::run(&args, &config),
            Command::New(args) => new::run(&args),
            Command::Dev(args) => dev::run(args, &config),
            Command::Build(args) => build::run(&args),
            Command::Check(args) => check::run(&args, &config),
            Command::Describe(args) => describe::run(&args, &config),
            Command::Test(args) => test::run(&args, &config),
            Command::Publish(args) => publish::run(&args, &config),
            Command::Rollback(args) => rollback::run(&args),
            Command::Traders(args) => traders::run(&args),
            Command::Signals(args) => signals::run(&args),
            Command::Doctor(args) => doctor::run(&args, &config),
            Command::Verify(args) => verify::run(&args, &config),
            Command::CompileModule(_) => Ok(()),
        }
    });
    let lost = terminal::lost_output();
    if let Some(why) = &lost {
        terminal::tell_line(&last_word(why, is_service));
    }
    match done.and_then(|()| if lost.is_some() { Err(Failure::told()) } else { Ok(()) }) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            if let Some(message) = failure.message() {
                terminal::tell_line(&last_word(message, is_service));
            }
            failure.exit_code()
        }
    }
}

/// Why it ends, as a line of the log where a program reads that. It is said whatever RUST_LOG is.
fn last_word(message: &str, is_service: bool) -> String {
    if is_service && process_env(LOG_FORMAT.name).is_some_and(|format| format == "json") {
        let timestamp = jiff::Timestamp::now().to_string();
        let fields = serde_json::json!({ "message": message });
        return serde_json::json!({ "timestamp": timestamp, "level": "ERROR", "fields": fields, "target": "vyx" })
            .to_string();
    }
    format!("vyx: {message}")
}

fn has_colours() -> bool {
    std::io::stderr().is_terminal() && process_env("NO_COLOR").is_none_or(|value| value.is_empty())
}

fn start_log(config: &Config) -> Result<(), Misconfigured> {
    let filter = tracing_subscriber::EnvFilter::try_new(&config.log_filter).map_err(|_| {
        let fix = "use a level such as info, or a list such as warn,vyx_host=debug";
        Misconfigured::value(&RUST_LOG, &config.log_filter, "is not a list of levels", fix)
    })?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // A second logger can only be there in tests that run two commands in one process.
    let _ = match config.log_format {
        LogFormat::Json => builder.json().try_init(),
        // Colours are for people at a terminal.
        LogFormat::Text => builder.with_target(false).with_ansi(has_colours()).try_init(),
    };
    Ok(())
}
