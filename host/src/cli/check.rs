//! `vyx check`: what the host would say of a module.

use std::path::PathBuf;

use serde_json::json;

use super::failure::Failure;
use super::local;
use super::terminal::print_line;
use crate::config::Config;
use crate::module::{Digest, Module, Refusal};
use crate::sandbox::{Metering, Param, ParamValue};

/// Judges a module as the host does before it runs it.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  vyx check target/traders/golden-cross.wasm")]
pub(super) struct Args {
    /// A component file, or the folder of a crate.
    #[arg(value_name = "FILE")]
    module: PathBuf,
    /// Print the verdict as one JSON object.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args, config: &Config) -> Result<(), Failure> {
    let bytes = local::bytes_of(&args.module)?;
    let modules = local::modules(Metering::Off, config)?;
    match modules.admit(&bytes) {
        Ok(module) if args.json => {
            print_line(json!({
                "admitted": true, "module_sha256": module.digest, "size_bytes": module.size_bytes,
                "abi": module.abi.as_str(), "sdk": module.sdk, "manifest": module.manifest,
                "subscription": module.subscription,
            }));
            Ok(())
        }
        Ok(module) => {
            print(&module);
            Ok(())
        }
        Err(refusal) => Err(refused(&refusal, &bytes, args.json)),
    }
}

/// Says why a module is refused; `vyx publish` does so as well.
pub(super) fn refused(refusal: &Refusal, bytes: &[u8], json: bool) -> Failure {
    let digest = Digest::of(bytes);
    if json {
        print_line(json!({
            "admitted": false, "module_sha256": digest, "size_bytes": bytes.len(), "rule": refusal.rule,
            "reason": refusal.reason, "allowed": refusal.rule.allowed(),
        }));
    } else {
        print_line(format!("refused   {}", refusal.rule));
        print_line(format!("reason    {}", refusal.reason));
        print_line(format!("allowed   {}", refusal.rule.allowed()));
        print_line(format!("sha256    {digest}"));
    }
    Failure::told()
}

fn print(module: &Module) {
    let manifest = &module.manifest;
    print_line(format!("admitted  {}", crate::text::shown(&manifest.name, 200)));
    print_line(format!("summary   {}", crate::text::shown(&manifest.summary, 500)));
    print_line(format!("sha256    {}", module.digest));
    print_line(format!("size      {} bytes", module.size_bytes));
    print_line(format!("abi       {}, built with {}", module.abi, crate::text::shown(&manifest.sdk, 100)));
    for need in &module.subscription.needs {
        print_line(format!("candles   {} after a warm-up of {}", need.interval, need.warm_up));
    }
    for tag in &manifest.tags {
        print_line(format!("signal    {}: {}", tag.name, crate::text::shown(&tag.help, 500)));
    }
    for param in &manifest.params {
        print_line(format!("param     {}: {}", describe(param), crate::text::shown(&param.help, 500)));
    }
}

/// `name = default (from a to b)`.
fn describe(param: &Param) -> String {
    let default = match &param.default {
        ParamValue::Boolean(value) => value.to_string(),
        ParamValue::Integer(value) => value.to_string(),
        ParamValue::Number(value) => format!("{value:?}"),
        ParamValue::Text(value) => crate::text::shown(value, 100),
    };
    let bounds = match (param.minimum, param.maximum) {
        (Some(minimum), Some(maximum)) => format!(" ({minimum} to {maximum})"),
        (Some(minimum), None) => format!(" (from {minimum})"),
        (None, Some(maximum)) => format!(" (up to {maximum})"),
        (None, None) => String::new(),
    };
    format!("{} = {default}{bounds}", param.name)
}
