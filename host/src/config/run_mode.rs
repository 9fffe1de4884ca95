//! RUN_MODE, USER_ID and FLY_APP_NAME: what the environment says of who this host is. What that allows is decided in
//! `ownership`. Nothing is guessed here: a host under a wrong identity emits under a wrong name.

use std::ffi::OsString;
use std::fmt;

use super::{FLY_APP_NAME, Misconfigured, RUN_MODE, USER_ID, raw};
use crate::ids::UserId;

const SHARED: &str = "shared_backend";
const DEDICATED: &str = "user_dedicated";

/// Whose traders a host runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunMode {
    /// The built-in ones.
    SharedBackend,
    /// Those of one user.
    UserDedicated {
        /// The user.
        user: UserId,
    },
}

impl fmt::Display for RunMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::SharedBackend => SHARED,
            Self::UserDedicated { .. } => DEDICATED,
        })
    }
}

/// The name of a Fly app: lowercase letters, digits and hyphens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlyAppName(String);

impl FlyAppName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A run mode with what it needs. Not yet checked against `user_fly_apps`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RunModeEnv {
    /// `RUN_MODE=shared_backend`.
    SharedBackend {
        /// FLY_APP_NAME, which is absent outside of Fly.
        fly_app_name: Option<FlyAppName>,
    },
    /// `RUN_MODE=user_dedicated`.
    UserDedicated {
        /// USER_ID.
        user: UserId,
        /// FLY_APP_NAME.
        fly_app_name: FlyAppName,
    },
}

impl RunModeEnv {
    /// The run mode alone.
    pub fn mode(&self) -> RunMode {
        match self {
            Self::SharedBackend { .. } => RunMode::SharedBackend,
            Self::UserDedicated { user, .. } => RunMode::UserDedicated { user: *user },
        }
    }
}

/// Reads who this host is.
#[derive(Debug)]
pub enum Identity {}

impl Identity {
    /// The run mode; `None` only when RUN_MODE is not set. A blank RUN_MODE is malformed: it is what remains of a
    /// setting that was lost.
    pub fn from_env(lookup: impl Fn(&str) -> Option<OsString>) -> Result<Option<RunModeEnv>, Misconfigured> {
        let Some(mode) = raw(&lookup, &RUN_MODE)? else {
            return Ok(None);
        };
        let user = raw(&lookup, &USER_ID)?;
        let fly_app_name = raw(&lookup, &FLY_APP_NAME)?.map(fly_app_name).transpose()?;
        match mode.as_str() {
            SHARED => shared(user, fly_app_name).map(Some),
            DEDICATED => dedicated(user, fly_app_name).map(Some),
            _ => Err(Misconfigured::value(&RUN_MODE, &mode, "is not a run mode", hint(&mode))),
        }
    }

    /// The run mode, for production, where RUN_MODE must be set.
    pub fn required(lookup: impl Fn(&str) -> Option<OsString>) -> Result<RunModeEnv, Misconfigured> {
        let has_user = lookup(USER_ID.name).is_some();
        Self::from_env(lookup)?.ok_or_else(|| {
            let fix = if has_user {
                format!("set it to {DEDICATED}, as USER_ID is set, or to {SHARED} without USER_ID")
            } else {
                format!("set it to {SHARED} or {DEDICATED}")
            };
            Misconfigured::unset(&RUN_MODE, fix)
        })
    }
}

/// A user in shared mode is a contradiction that only a person can resolve: either setting may be the wrong one.
fn shared(user: Option<String>, app: Option<FlyAppName>) -> Result<RunModeEnv, Misconfigured> {
    match user {
        None => Ok(RunModeEnv::SharedBackend { fly_app_name: app }),
        Some(user) => Err(Misconfigured::value(
            &USER_ID,
            &user,
            format!("contradicts RUN_MODE={SHARED}, which runs no user's traders"),
            format!("unset it, or set RUN_MODE={DEDICATED}"),
        )),
    }
}

fn dedicated(user: Option<String>, app: Option<FlyAppName>) -> Result<RunModeEnv, Misconfigured> {
    let needed = format!("RUN_MODE={DEDICATED} needs it");
    let user = user
        .ok_or_else(|| Misconfigured::unset(&USER_ID, format!("{needed}: set it to the user's id from auth.users")))?;
    let user = user.parse().map_err(|_| {
        let fix = "set it to the user's id from auth.users, like 63eea370-27a1-4099-866a-e3ed340b278d";
        Misconfigured::value(&USER_ID, &user, "is not a uuid", fix)
    })?;
    let fly_app_name = app.ok_or_else(|| {
        let fix = format!("{needed}: Fly sets it, elsewhere set it to the user's app in user_fly_apps");
        Misconfigured::unset(&FLY_APP_NAME, fix)
    })?;
    Ok(RunModeEnv::UserDedicated { user, fly_app_name })
}

/// A Fly app name is a DNS label.
fn fly_app_name(name: String) -> Result<FlyAppName, Misconfigured> {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if (1..=63).contains(&name.len()) && name.chars().all(allowed) {
        return Ok(FlyAppName(name));
    }
    let problem = "is not the name of a fly app";
    Err(Misconfigured::value(&FLY_APP_NAME, &name, problem, format!("use {}, or unset it", FLY_APP_NAME.values)))
}

fn hint(mode: &str) -> String {
    if mode.trim().is_empty() {
        return format!("it is empty: set it to {SHARED} or {DEDICATED}");
    }
    let words = mode.trim().trim_matches(['"', '\'']).to_lowercase().replace(['-', ' '], "_");
    // As much as a dropped word's worth of letters would fit anything.
    const NEAR: usize = 3;
    let near = |name| edit_distance(&words, name) <= NEAR;
    let meant = match words.as_str() {
        _ if near(SHARED) => SHARED,
        _ if near(DEDICATED) => DEDICATED,
        "shared" | "backend" => SHARED,
        "dedicated" | "user" => DEDICATED,
        _ => return format!("use {SHARED} or {DEDICATED}"),
    };
    format!("did you mean {meant}?")
}

/// Letters to insert, drop or replace to get from one text to the other (Levenshtein).
fn edit_distance(from: &str, to: &str) -> usize {
    let mut row: Vec<usize> = (0..=to.chars().count()).collect();
    for (done, a) in from.chars().enumerate() {
        let mut left = done + 1;
        let mut diagonal = done;
        for (above, b) in row.iter_mut().skip(1).zip(to.chars()) {
            let here = (diagonal + usize::from(a != b)).min(left + 1).min(*above + 1);
            diagonal = std::mem::replace(above, here);
            left = here;
        }
        if let Some(first) = row.first_mut() {
            *first = done + 1;
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests;
