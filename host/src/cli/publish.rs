//! `vyx publish`: a module into the storage, and a trader onto it.

use std::path::PathBuf;

use serde_json::{Map, Value, json};

use super::failure::Failure;
use super::project::{Deploy, Progress, Project, Target, Trader, Waiting, Wanted, block_on, retried};
use super::terminal::print_line;
use super::{check, local};
use crate::check::{Grade, PATIENCE, Report};
use crate::config::Config;
use crate::ids::UserId;
use crate::module::{Module, Modules};
use crate::sandbox::{Metering, ParamValue, Subscription};
use crate::supabase::{MODULE_BUCKET, StorageError, Uploaded, module_path};

/// Publishes a module and lets a trader run it.
///
/// The module is checked with its parameters as `vyx check` does it, uploaded under its digest, and named in the trader's row; then
/// the command waits until the host says that it runs, or why not. A check that fails refuses it. Publishing the same again changes
/// nothing. Operators use SUPABASE_SERVICE_ROLE_KEY; authors use SUPABASE_PUBLISHABLE_KEY and SUPABASE_USER_TOKEN, and can publish
/// for their own traders only.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  vyx publish plugins/golden-cross --built-in \"Golden Cross\"
  vyx publish golden-cross.wasm --trader 5048128b --params short_period=20 long_period=100

Exit codes:
  0   it runs; or the trader is disabled, or nobody waited
  1   the module is refused, a check fails, or the host does not run it
  2   no such trader, not yours, or parameters that do not fit
  78  the environment is misconfigured")]
pub(super) struct Args {
    /// A component file, or the folder of a crate.
    #[arg(value_name = "FILE|CRATE")]
    module: PathBuf,
    #[command(flatten)]
    target: Target,
    /// Parameters, NAME=VALUE or one JSON object, in the place of those that the row has. Without it the row keeps its own.
    #[arg(long, num_args = 1.., value_name = "NAME=VALUE")]
    params: Vec<String>,
    /// Publish without the checks on candles. The host asks only that the module is admitted and its parameters fit: for a trader
    /// that is known to fail one, and must run all the same.
    #[arg(long)]
    no_check: bool,
    #[command(flatten)]
    waiting: Waiting,
    /// Print the result as one JSON object.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args, config: &Config) -> Result<(), Failure> {
    let project = Project::of_operator_or_author()?;
    let bytes = local::bytes_of(&args.module)?;
    let modules = local::modules(Metering::Fuel, config)?;
    let module = match modules.admit(&bytes) {
        Ok(module) => module,
        Err(refusal) => return Err(check::refused(&refusal, &bytes, args.json)),
    };
    block_on(async {
        let trader = args.target.find(&project).await?;
        let owner = trader.owner(&project)?;
        let (params, values, subscription) = params(args, &trader, &modules, &module)?;
        let report = if args.no_check { None } else { Some(checked(args, &modules, &module, &values, &subscription)?) };
        let uploaded = upload(&project, owner, &module, &bytes).await?;
        if !args.json {
            let words = if uploaded == Uploaded::New { "uploaded" } else { "was there already" };
            print_line(format!("module    {} bytes, {words}", bytes.len()));
        }
        register(&project, owner, &module).await?;
        let beside = json!({
            "size_bytes": bytes.len(),
            "uploaded": uploaded == Uploaded::New,
            "checks": report.as_ref().map(|report| &report.checks),
            "verdict": report.as_ref().map(Report::grade),
        });
        let wanted = Wanted { module_sha256: module.digest.to_string(), params };
        let deploy = Deploy { project: &project, trader: &trader, owner, wanted, json: args.json, beside };
        deploy.run(&args.waiting).await
    })
}

/// The verdict of `vyx check`, in its words. A check that fails ends the command.
fn checked(
    args: &Args,
    modules: &Modules,
    module: &Module,
    values: &[(String, ParamValue)],
    subscription: &Subscription,
) -> Result<Report, Failure> {
    let progress = Progress::new(args.json);
    let begins = &mut |check: crate::check::Check| progress.say(&format!("check: {}", check.as_str()));
    let report =
        crate::check::check(modules, module, values, subscription, None, PATIENCE, begins).map_err(Failure::fault)?;
    drop(progress);
    let fails = report.grade() == Grade::Fails;
    if !args.json {
        check::print(module, &report);
    } else if fails {
        print_line(check::told(module, values, subscription, &report));
    }
    if fails { Err(Failure::told()) } else { Ok(report) }
}

/// The parameters of the row, their values and what the trader wants with them.
type Fitting = (Map<String, Value>, Vec<(String, ParamValue)>, Subscription);

/// The parameters that the row will have, once the module accepts them.
fn params(args: &Args, trader: &Trader, modules: &Modules, module: &Module) -> Result<Fitting, Failure> {
    let is_given = !args.params.is_empty();
    let params =
        if is_given {
            local::params(&args.params, &module.manifest)?
        } else {
            trader.params.as_object().cloned().ok_or_else(|| {
                Failure::input(format!("params of {} is not an object; give --params", trader.shown()))
            })?
        };
    let hint = if is_given { "" } else { "; these are the row's own, give others with --params" };
    let refused = |reason: String| Failure::input(format!("parameters do not fit the module: {reason}{hint}"));
    let (values, subscription) = check::wanted(modules, module, &params).map_err(refused)?;
    Ok((params, values, subscription))
}

async fn upload(project: &Project, owner: Option<UserId>, module: &Module, bytes: &[u8]) -> Result<Uploaded, Failure> {
    let path = module_path(owner, &module.digest);
    let uploaded = retried(|| project.client.upload(MODULE_BUCKET, &path, bytes)).await;
    uploaded.map_err(|error| match &error {
        StorageError::Api(error) => project.failure(error),
        _ => Failure::fault(error),
    })
}

/// The row that allows a trader of this owner to name the module.
async fn register(project: &Project, owner: Option<UserId>, module: &Module) -> Result<(), Failure> {
    let row = json!({
        "sha256": module.digest,
        "user_id": owner,
        "size_bytes": module.size_bytes,
        "abi": module.abi.as_str(),
        "sdk": module.sdk,
        "name": module.manifest.name,
        "manifest": module.manifest,
    });
    // PostgreSQL has no zero byte in a text, and what a module says of itself must not keep it from being published.
    let rows = [without_zero(row).to_string()];
    let columns = "sha256,user_id,size_bytes,abi,sdk,name,manifest";
    let insert = || project.client.insert_ignoring_duplicates("trader_modules", "sha256,user_id", columns, &rows);
    project.tried(insert).await.map(|_| ())
}

fn without_zero(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(text.replace('\0', "\u{fffd}")),
        Value::Array(values) => values.into_iter().map(without_zero).collect(),
        Value::Object(fields) => fields.into_iter().map(|(name, value)| (name, without_zero(value))).collect(),
        other => other,
    }
}
