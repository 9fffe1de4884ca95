//! What the environment says, before anybody is asked.

use super::Findings;
use crate::cli::project::now_s;
use crate::config::{Identity, RunModeEnv, SUPABASE_URL, ServiceConfig, SupabaseEnv, process_env};
use crate::supabase::{Credentials, KeyKind};

/// What can be used of it.
pub(super) struct Environment {
    pub(super) identity: Option<RunModeEnv>,
    pub(super) project: Option<SupabaseEnv>,
}

impl Environment {
    pub(super) fn read(findings: &mut Findings) -> Self {
        let identity = match Identity::required(process_env) {
            Ok(identity) => {
                findings.ok("run mode", words(&identity));
                Some(identity)
            }
            Err(error) => {
                findings.misconfigured("run mode", &error);
                None
            }
        };
        let project = match SupabaseEnv::service(process_env, now_s()) {
            Ok(project) => {
                key(&project, findings);
                Some(project)
            }
            Err(error) => {
                let name = if error.variable() == SUPABASE_URL.name { "project" } else { "key" };
                findings.misconfigured(name, &error);
                None
            }
        };
        match ServiceConfig::from_env(process_env) {
            Ok(service) => {
                let is_loopback = project.as_ref().is_some_and(|project| project.url.is_loopback());
                match service.check_feed(project.is_none() || is_loopback) {
                    Ok(()) => findings.ok("settings", format!("feed {}, port {}", service.feed, service.port)),
                    Err(error) => findings.misconfigured("settings", &error),
                }
                if service.admin_token.is_none() {
                    findings.warn(
                        "admin token",
                        "ADMIN_TOKEN is not set, so /api answers to this machine only",
                        "set it as a secret to use `vyx verify` from elsewhere",
                    );
                }
            }
            Err(error) => findings.misconfigured("settings", &error),
        }
        Self { identity, project }
    }
}

fn words(identity: &RunModeEnv) -> String {
    match identity {
        RunModeEnv::SharedBackend { fly_app_name: Some(app) } => format!("shared_backend, fly app {}", app.as_str()),
        RunModeEnv::SharedBackend { fly_app_name: None } => "shared_backend, outside of Fly".to_owned(),
        RunModeEnv::UserDedicated { user, fly_app_name } => {
            format!("user_dedicated, user {user}, fly app {}", fly_app_name.as_str())
        }
    }
}

/// Kind, role and project of the key; what is wrong with it was told before, in its place.
fn key(project: &SupabaseEnv, findings: &mut Findings) {
    findings.ok("project", project.url.host());
    if let Credentials::Service(key) = &project.credentials {
        let words = match key.kind() {
            KeyKind::Secret => "a secret key (sb_secret_…)".to_owned(),
            KeyKind::Legacy(claims) => format!(
                "a legacy jwt of role {}{}",
                claims.role,
                if claims.project_ref.is_some() { ", of this project" } else { "" }
            ),
        };
        findings.ok("key", words);
    }
    for warning in &project.warnings {
        let (message, fix) = warning.rsplit_once("; ").unwrap_or((warning, "make a secret key (sb_secret_…)"));
        let name = if message.contains("older name") { "variables" } else { "key" };
        findings.warn(name, message, fix);
    }
}
