//! `vyx describe`: what a module says of itself.

use std::path::PathBuf;

use serde_json::json;

use super::failure::Failure;
use super::project::{Column, Table, width, wrapped};
use super::terminal::{grouped, print_line};
use super::{check, local};
use crate::config::Config;
use crate::module::Module;
use crate::sandbox::{Hygiene, Metering, Param, ParamValue, Subscription};
use crate::text::shown;

/// Shows what a trader is: its parameters with type, default and bounds, its signals and plots, the candles that it wants, and what
/// the host holds back for it.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  vyx describe target/traders/golden-cross.wasm
  vyx describe plugins/golden-cross --schema > golden-cross.schema.json

--schema prints a JSON Schema (draft 2020-12) of the parameters; docs/parameters.md says how a form uses it.")]
pub(super) struct Args {
    /// A component file, or the folder of a crate.
    #[arg(value_name = "FILE|CRATE")]
    module: PathBuf,
    /// Print it as one JSON object.
    #[arg(long, conflicts_with = "schema")]
    json: bool,
    /// Print the JSON Schema of its parameters.
    #[arg(long)]
    schema: bool,
}

pub(super) fn run(args: &Args, config: &Config) -> Result<(), Failure> {
    let bytes = local::bytes_of(&args.module)?;
    let modules = local::modules(Metering::Off, config)?;
    let is_data = args.json || args.schema;
    let module = match modules.admit(&bytes) {
        Ok(module) => module,
        Err(refusal) => return Err(check::refused(&refusal, &bytes, is_data)),
    };
    if args.schema {
        let schema = serde_json::to_string_pretty(&module.manifest.params_schema());
        print_line(schema.map_err(Failure::fault)?);
    } else if args.json {
        print_line(json!({
            "module_sha256": module.digest, "size_bytes": module.size_bytes, "abi": module.abi.as_str(),
            "sdk": module.sdk, "manifest": module.manifest, "subscription": module.subscription,
            "params_schema": module.manifest.params_schema(),
        }));
    } else {
        lines(&module, width()).into_iter().for_each(print_line);
    }
    Ok(())
}

/// Characters of the words at the left.
const HEADS: usize = 12;

fn lines(module: &Module, width: usize) -> Vec<String> {
    let manifest = &module.manifest;
    let mut lines = wrapped(&shown(&manifest.name, 200), width, "");
    lines.extend(wrapped(&shown(&manifest.summary, 1_000), width, ""));
    lines.push(String::new());
    let mut say = |head: &str, text: &str| lines.extend(headed(head, text, width));
    say("module", &format!("{} bytes, sha256 {}", grouped(module.size_bytes as u64), module.digest));
    say("abi", &format!("vyx:trader {}, built with {}", module.abi, shown(&manifest.sdk, 100)));
    let Subscription { needs, symbols, other_streams, hygiene, .. } = &module.subscription;
    for need in needs {
        let lookback = match need.lookback {
            0 => String::new(),
            lookback => format!(", reads back {}", grouped(lookback.into())),
        };
        let warm_up = grouped(need.warm_up.into());
        say("candles", &format!("{} after a warm-up of {warm_up}{lookback}", need.interval));
    }
    let symbols: Vec<String> = symbols.iter().map(|symbol| shown(symbol, 40)).collect();
    say("symbols", &if symbols.is_empty() { "all that the host watches".to_owned() } else { symbols.join(", ") });
    for (symbol, interval) in other_streams {
        let interval = needs.get(*interval).map_or("?", |need| need.interval.as_str());
        say("reads", &format!("{} {interval} beside each symbol", shown(symbol, 40)));
    }
    for tag in &manifest.tags {
        say("signal", &format!("{}: {}", tag.name, shown(&tag.help, 500)));
    }
    for plot in &manifest.plots {
        let lines = if plot.lines == 1 { String::new() } else { format!(", {} lines", plot.lines) };
        say("plot", &format!("{}: {} (panel {}{lines})", plot.id, shown(&plot.title, 200), plot.panel));
    }
    say("holds back", &holds_back(hygiene));
    if manifest.params.is_empty() {
        say("parameters", "none");
        return lines;
    }
    lines.push(String::new());
    let columns = [Column::left("PARAMETER"), Column::left("TYPE"), Column::right("DEFAULT"), Column::cut("ALLOWED")];
    let mut table = Table::new(columns);
    for param in &manifest.params {
        table.row([param.name.clone(), param.default.kind().to_owned(), value(&param.default), allowed(param)]);
        table.note(shown(&param.help, 500));
    }
    lines.extend(table.lines(width));
    lines
}

fn headed(head: &str, text: &str, width: usize) -> Vec<String> {
    let mut lines = wrapped(text, width, &" ".repeat(HEADS));
    if let Some(first) = lines.first_mut() {
        let rest = first.split_off(HEADS);
        *first = format!("{head:<HEADS$}{rest}");
    }
    lines
}

fn holds_back(hygiene: &Hygiene) -> String {
    let mut rules = Vec::new();
    if hygiene.cooldown_candles > 0 {
        rules.push(format!("further ones for {} candles", grouped(hygiene.cooldown_candles.into())));
    }
    if hygiene.cooldown_ms > 0 {
        rules.push(format!("further ones for {} s", hygiene.cooldown_ms as f64 / 1_000.0));
    }
    if hygiene.on_transition {
        rules.push("those of a candle whose predecessor had the same".to_owned());
    }
    if hygiene.max_per_run > 0 {
        rules.push(format!("more than {} at one close", grouped(hygiene.max_per_run.into())));
    }
    if rules.is_empty() { "no signal".to_owned() } else { rules.join("; ") }
}

fn value(value: &ParamValue) -> String {
    match value {
        ParamValue::Boolean(value) => value.to_string(),
        ParamValue::Integer(value) => value.to_string(),
        ParamValue::Number(value) => format!("{value:?}"),
        ParamValue::Text(value) => shown(value, 40),
    }
}

fn allowed(param: &Param) -> String {
    match (param.minimum, param.maximum) {
        (Some(minimum), Some(maximum)) => format!("{minimum} to {maximum}"),
        (Some(minimum), None) => format!("from {minimum}"),
        (None, Some(maximum)) => format!("up to {maximum}"),
        (None, None) => {
            let choices: Vec<String> = param.choices.iter().map(|choice| shown(choice, 40)).collect();
            choices.join(" ")
        }
    }
}
