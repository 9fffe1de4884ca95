//! SUPABASE_URL and the keys: as whom a host or an author speaks to which project. What is proved wrong here would
//! otherwise show as endless refusals, or as an empty list that looks like success.

use std::ffi::OsString;

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};

use super::{Misconfigured, Variable, raw};
use crate::supabase::{Credentials, KeyFault, ProjectUrl, ServiceKey, UserCredentials, UserPart};

/// The address of the project.
pub const SUPABASE_URL: Variable = Variable {
    name: "SUPABASE_URL",
    meaning: "the Supabase project",
    values: "`https://<ref>.supabase.co`, without a path; http on this machine only",
    default: "none: required by `vyx run` and by every command that speaks to Supabase",
    secret: false,
};

/// The key of the host.
pub const SUPABASE_SERVICE_ROLE_KEY: Variable = Variable {
    name: "SUPABASE_SERVICE_ROLE_KEY",
    meaning: "the key of the host, which sees every row",
    values: "`sb_secret_...`, or until the end of 2026 the legacy `service_role` JWT",
    default: "none: required by `vyx run`",
    secret: true,
};

/// An older name of the key.
pub const SUPABASE_SERVICE_KEY: Variable = Variable {
    name: "SUPABASE_SERVICE_KEY",
    meaning: "older name of SUPABASE_SERVICE_ROLE_KEY, accepted with a warning",
    ..SUPABASE_SERVICE_ROLE_KEY_ALIAS
};

/// An older name of the key.
pub const SUPABASE_SERVICE_ROLE_KEY_B64: Variable = Variable {
    name: "SUPABASE_SERVICE_ROLE_KEY_B64",
    meaning: "SUPABASE_SERVICE_ROLE_KEY in base64, accepted with a warning",
    ..SUPABASE_SERVICE_ROLE_KEY_ALIAS
};

/// An older name of the key.
pub const SUPABASE_SERVICE_KEY_B64: Variable = Variable {
    name: "SUPABASE_SERVICE_KEY_B64",
    meaning: "SUPABASE_SERVICE_KEY in base64, accepted with a warning",
    ..SUPABASE_SERVICE_ROLE_KEY_ALIAS
};

const SUPABASE_SERVICE_ROLE_KEY_ALIAS: Variable = Variable {
    name: "",
    meaning: "",
    values: "the same key, if SUPABASE_SERVICE_ROLE_KEY is set as well",
    default: "none",
    secret: true,
};

/// The publishable key that an author publishes with.
pub const SUPABASE_PUBLISHABLE_KEY: Variable = Variable {
    name: "SUPABASE_PUBLISHABLE_KEY",
    meaning: "the key that authors publish with, beside SUPABASE_USER_TOKEN",
    values: "`sb_publishable_...`, or the legacy `anon` JWT",
    default: "none: operators publish with SUPABASE_SERVICE_ROLE_KEY",
    secret: true,
};

/// The token of an author.
pub const SUPABASE_USER_TOKEN: Variable = Variable {
    name: "SUPABASE_USER_TOKEN",
    meaning: "the author that publishes",
    values: "the access token of a session; only with SUPABASE_PUBLISHABLE_KEY",
    default: "none",
    secret: true,
};

/// The variables of the key, the right one first, and whether their value is in base64.
const KEYS: [(&Variable, bool); 4] = [
    (&SUPABASE_SERVICE_ROLE_KEY, false),
    (&SUPABASE_SERVICE_KEY, false),
    (&SUPABASE_SERVICE_ROLE_KEY_B64, true),
    (&SUPABASE_SERVICE_KEY_B64, true),
];

/// A project and as whom to speak to it, as the environment says.
#[derive(Debug, Clone)]
pub struct SupabaseEnv {
    /// The project.
    pub url: ProjectUrl,
    /// As whom.
    pub credentials: Credentials,
    /// What works today and should be changed, a line each.
    pub warnings: Vec<String>,
}

impl SupabaseEnv {
    /// The project and the service key: for hosts and operators. `now_s` is in seconds since 1970.
    ///
    /// # Errors
    ///
    /// If one of them is missing or cannot be right, whatever the project would answer.
    pub fn service(lookup: impl Fn(&str) -> Option<OsString>, now_s: i64) -> Result<Self, Misconfigured> {
        let url = project_url(&lookup)?;
        let (key, warnings) = service_key(&lookup, &url, now_s)?;
        Ok(Self { url, credentials: Credentials::Service(key), warnings })
    }

    /// The project, and whichever is set of the service key and an author's key and token.
    ///
    /// # Errors
    ///
    /// As [`Self::service`]; also if both are set, since the rows would be another's than meant.
    pub fn publisher(lookup: impl Fn(&str) -> Option<OsString>, now_s: i64) -> Result<Self, Misconfigured> {
        let token = filled(&lookup, &SUPABASE_USER_TOKEN)?;
        let publishable = filled(&lookup, &SUPABASE_PUBLISHABLE_KEY)?;
        let (Some(publishable), Some(token)) = (&publishable, &token) else {
            let fix = |other: &str| format!("set it, or unset {other} to publish with the service key");
            return match (publishable, token) {
                (None, Some(_)) => Err(Misconfigured::unset(&SUPABASE_PUBLISHABLE_KEY, fix(SUPABASE_USER_TOKEN.name))),
                (Some(_), _) => Err(Misconfigured::unset(&SUPABASE_USER_TOKEN, fix(SUPABASE_PUBLISHABLE_KEY.name))),
                (None, None) => Self::service(lookup, now_s),
            };
        };
        if let Some((variable, _)) = KEYS.iter().find(|(variable, _)| lookup(variable.name).is_some()) {
            let problem = format!("stands beside {}", SUPABASE_USER_TOKEN.name);
            let fix = "unset one of them: it decides who owns what is published";
            return Err(Misconfigured::value(variable, "", problem, fix));
        }
        let url = project_url(&lookup)?;
        let user = UserCredentials::parse(publishable, token).map_err(|(part, KeyFault { problem, fix })| {
            let variable = match part {
                UserPart::Publishable => &SUPABASE_PUBLISHABLE_KEY,
                UserPart::Token => &SUPABASE_USER_TOKEN,
            };
            Misconfigured::value(variable, "", problem, fix)
        })?;
        Ok(Self { url, credentials: Credentials::User(user), warnings: Vec::new() })
    }
}

/// The value of a variable; one that is there but empty is what remains of a setting that was lost.
fn filled(lookup: &impl Fn(&str) -> Option<OsString>, variable: &Variable) -> Result<Option<String>, Misconfigured> {
    match raw(lookup, variable)? {
        Some(value) if value.trim().is_empty() => {
            let is_authors = [SUPABASE_USER_TOKEN, SUPABASE_PUBLISHABLE_KEY].contains(variable);
            Err(Misconfigured::empty(
                variable,
                if is_authors {
                    "set it, or unset it".to_owned()
                } else if is_older(variable) {
                    format!("it is an older name: unset it, and set {}", SUPABASE_SERVICE_ROLE_KEY.name)
                } else {
                    format!("Fly dropped it; set it as a secret: fly secrets set {}=...", variable.name)
                },
            ))
        }
        value => Ok(value),
    }
}

fn is_older(variable: &Variable) -> bool {
    KEYS.iter().any(|(key, _)| key.name == variable.name) && variable.name != SUPABASE_SERVICE_ROLE_KEY.name
}

fn project_url(lookup: &impl Fn(&str) -> Option<OsString>) -> Result<ProjectUrl, Misconfigured> {
    let value = filled(lookup, &SUPABASE_URL)?.ok_or_else(|| {
        let fix = "set it to https://<ref>.supabase.co, the project URL in the dashboard under Settings > API";
        Misconfigured::unset(&SUPABASE_URL, fix)
    })?;
    ProjectUrl::parse(&value).map_err(|fault| {
        // A value that may hold a password is treated as a secret.
        let variable = Variable { secret: fault.shown.is_none(), ..SUPABASE_URL };
        Misconfigured::value(&variable, fault.shown.as_deref().unwrap_or_default(), fault.problem, fault.fix)
    })
}

/// The key under whichever name it is set, and what is to be warned of.
fn service_key(
    lookup: &impl Fn(&str) -> Option<OsString>,
    url: &ProjectUrl,
    now_s: i64,
) -> Result<(ServiceKey, Vec<String>), Misconfigured> {
    let mut found: Option<(&Variable, ServiceKey)> = None;
    let mut warnings = Vec::new();
    for (variable, is_base64) in KEYS {
        let Some(value) = filled(lookup, variable)? else {
            continue;
        };
        let value = if is_base64 { decoded(variable, &value)? } else { value };
        let key = ServiceKey::parse(&value, url, now_s)
            .map_err(|KeyFault { problem, fix }| Misconfigured::value(variable, "", problem, fix))?;
        if variable != &SUPABASE_SERVICE_ROLE_KEY {
            let right = SUPABASE_SERVICE_ROLE_KEY.name;
            warnings.push(format!("{} is an older name; set {right} instead, and unset it", variable.name));
        }
        match &found {
            Some((first, same)) if !key.is_same(same) => {
                let problem = format!("is another key than {}", first.name);
                let fix = format!("keep {} with the right one, and unset the other", SUPABASE_SERVICE_ROLE_KEY.name);
                return Err(Misconfigured::value(variable, "", problem, fix));
            }
            Some(_) => {}
            None => found = Some((variable, key)),
        }
    }
    let Some((variable, key)) = found else {
        let fix = "set it to a secret key (sb_secret_...) of the project, in the dashboard under Settings > API keys";
        return Err(Misconfigured::unset(&SUPABASE_SERVICE_ROLE_KEY, fix));
    };
    warnings.extend(key.warnings(now_s).iter().map(|warning| format!("{} {warning}", variable.name)));
    Ok((key, warnings))
}

fn decoded(variable: &Variable, value: &str) -> Result<String, Misconfigured> {
    let config = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    // Tools break long lines of base64.
    let value: String = value.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    let bytes = GeneralPurpose::new(&STANDARD, config).decode(value).ok();
    bytes.and_then(|bytes| String::from_utf8(bytes).ok()).ok_or_else(|| {
        let fix = format!("set {} to the key itself", SUPABASE_SERVICE_ROLE_KEY.name);
        Misconfigured::value(variable, "", "is not base64", fix)
    })
}

#[cfg(test)]
mod tests;
