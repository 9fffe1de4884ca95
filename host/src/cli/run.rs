//! `vyx run`: the host in production.

use super::failure::Failure;
use crate::config::{Config, Identity, Place, ServiceConfig, SupabaseEnv, process_env};
use crate::service;

/// Runs the traders of this deployment, until SIGTERM or SIGINT.
///
/// Everything comes from the environment: RUN_MODE, USER_ID and FLY_APP_NAME say whose traders run, SUPABASE_URL and
/// SUPABASE_SERVICE_ROLE_KEY where they are kept, FEED where candles come from. A misconfigured host ends with exit code 78 and one
/// line that names the variable and the fix; an outage never ends it.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  RUN_MODE=shared_backend SUPABASE_URL=https://abcdefgh.supabase.co SUPABASE_SERVICE_ROLE_KEY=… vyx run
  RUN_MODE=user_dedicated USER_ID=… FLY_APP_NAME=vyx-user-35682909 … vyx run")]
pub(super) struct Args {}

pub(super) fn run(_: &Args, config: &Config) -> Result<(), Failure> {
    serve(config, None)
}

/// Runs the host of this environment, which may be told to record elsewhere than RECORD_DIR says.
pub(super) fn serve(config: &Config, record: Option<Place>) -> Result<(), Failure> {
    let env = Identity::required(process_env)?;
    let project = SupabaseEnv::service(process_env, jiff::Timestamp::now().as_second())?;
    let mut service = ServiceConfig::from_env(process_env)?;
    service.record = record.or(service.record);
    for warning in &project.warnings {
        tracing::warn!("{warning}");
    }
    service::run(config, &service, &env, &project).map_err(|error| match error {
        service::StartError::Misconfigured(error) => Failure::from(error),
        service::StartError::Project(message) => Failure::config(message),
        service::StartError::Host(message) => Failure::fault(message),
    })
}
