//! Who may run what: the only place that decides it (invariant 1). Start-up, polling and realtime all pass through
//! [`Scope::admit`], and only what comes out of it, an [`OwnedTrader`], can be instantiated.

use std::fmt;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::config::{FLY_APP_NAME, FlyAppName, Misconfigured, RunMode, RunModeEnv, quoted};
use crate::ids::{FlyAppId, TraderId, UserId};
use crate::registry::{ModuleRef, TraderRow, UserFlyApp};

/// Whose traders this host may run. It can only be made from a checked environment, for the local runner, or to replay
/// a recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scope(Kind);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Shared,
    Dedicated { user: UserId, fly_app: FlyAppId },
    Local,
}

impl Scope {
    /// Checks the environment against the rows of `user_fly_apps`, deleted ones included.
    pub fn resolve(env: &RunModeEnv, apps: &[UserFlyApp]) -> Result<Self, Misconfigured> {
        match env {
            RunModeEnv::SharedBackend { fly_app_name } => {
                fly_app_name.as_ref().map_or(Ok(()), |name| no_users_app(name, apps))?;
                Ok(Self(Kind::Shared))
            }
            RunModeEnv::UserDedicated { user, fly_app_name } => {
                let fly_app = app_of(*user, fly_app_name, apps)?;
                Ok(Self(Kind::Dedicated { user: *user, fly_app }))
            }
        }
    }

    /// Every trader of a folder, for local commands without RUN_MODE. Production never calls this.
    pub const fn local() -> Self {
        Self(Kind::Local)
    }

    /// The traders of a recording, of one user as their app, or built-in ones: for a replay whose signals go nowhere. Production
    /// never calls this.
    pub(crate) const fn recorded(owner: Option<(UserId, FlyAppId)>) -> Self {
        match owner {
            Some((user, fly_app)) => Self(Kind::Dedicated { user, fly_app }),
            None => Self(Kind::Shared),
        }
    }

    /// The run mode; `None` in the local runner.
    pub fn run_mode(&self) -> Option<RunMode> {
        match self.0 {
            Kind::Shared => Some(RunMode::SharedBackend),
            Kind::Dedicated { user, .. } => Some(RunMode::UserDedicated { user }),
            Kind::Local => None,
        }
    }

    /// Takes a row in, or says why not.
    pub fn admit(&self, row: TraderRow) -> Result<OwnedTrader, Refusal> {
        let attribution = self.judge(&row)?;
        let Some(module) = row.module else {
            return Err(Refusal::NoModule);
        };
        let TraderRow { id, name, params, .. } = row;
        Ok(OwnedTrader { id, name, module, params, attribution })
    }

    /// The verdict of [`Scope::admit`] before anyone looked for the module.
    pub fn judge(&self, row: &TraderRow) -> Result<Attribution, Refusal> {
        let attribution = self.claim(row)?;
        match row.enabled {
            Some(true) => Ok(attribution),
            Some(false) => Err(Refusal::Disabled),
            None => Err(Refusal::Contradiction(Contradiction::EnabledUnknown)),
        }
    }

    /// Whether the row is ours. A null is never read as a yes or a no: the columns have defaults, so somebody wrote it.
    /// Rows of another user are not even examined, so that their faults do not show up in this user's app.
    fn claim(&self, row: &TraderRow) -> Result<Attribution, Refusal> {
        use Contradiction::{BuiltInUnknown, BuiltInWithUser, NobodysTrader};

        if let Kind::Dedicated { user, .. } = self.0
            && row.user_id != Some(user)
        {
            return Err(Refusal::NotOurs);
        }
        let owner = match (row.is_built_in, row.user_id) {
            (Some(true), None) => None,
            (Some(false), Some(user)) => Some(user),
            (Some(true), Some(user)) => return Err(BuiltInWithUser(user).into()),
            (Some(false), None) => return Err(NobodysTrader.into()),
            (None, _) => return Err(BuiltInUnknown.into()),
        };
        match (self.0, owner) {
            (Kind::Shared, None) => Ok(Attribution::cloud(None, None)),
            (Kind::Dedicated { user, fly_app }, Some(_)) => Ok(Attribution::cloud(Some(user), Some(fly_app))),
            (Kind::Local, user_id) => Ok(Attribution { user_id, fly_app_id: None, source: Source::Local }),
            (Kind::Shared, Some(_)) | (Kind::Dedicated { .. }, None) => Err(Refusal::NotOurs),
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Kind::Shared => f.write_str("the built-in traders"),
            Kind::Dedicated { user, fly_app } => {
                write!(f, "the traders of user {user}, as fly app {fly_app}")
            }
            Kind::Local => f.write_str("every trader of the folder, as RUN_MODE is not set"),
        }
    }
}

/// A deleted row counts as well: whatever still runs under that name was a user's app and lost its settings.
fn no_users_app(name: &FlyAppName, apps: &[UserFlyApp]) -> Result<(), Misconfigured> {
    let Some(app) = apps.iter().find(|app| app.fly_app_name == name.as_str()) else {
        return Ok(());
    };
    let fix = format!("set RUN_MODE=user_dedicated and USER_ID={0}, its user", app.user_id);
    let problem = "is a user's app, and must not run the built-in traders (RUN_MODE=shared_backend)";
    Err(Misconfigured::value(&FLY_APP_NAME, name.as_str(), problem, fix))
}

fn app_of(user: UserId, name: &FlyAppName, apps: &[UserFlyApp]) -> Result<FlyAppId, Misconfigured> {
    let named = || apps.iter().filter(|app| app.fly_app_name == name.as_str());
    let live: Vec<_> = named().filter(|app| !app.is_deleted()).collect();
    let refuse = |problem: String, fix: &str| Err(Misconfigured::value(&FLY_APP_NAME, name.as_str(), problem, fix));
    let other = "set USER_ID to the user of this app, or FLY_APP_NAME to the app of this user";
    match live.as_slice() {
        [app] if app.user_id == user => Ok(app.id),
        [app] => refuse(format!("belongs to user {}, not to USER_ID={user}", app.user_id), other),
        [_, _, ..] => {
            refuse(format!("names {} rows of user_fly_apps", live.len()), "leave only one that is not deleted")
        }
        [] if named().any(|app| app.user_id == user) => refuse(
            format!("is deleted in user_fly_apps, for USER_ID={user}"),
            "provision the app again, or stop this machine",
        ),
        [] if named().next().is_some() => {
            refuse(format!("is another user's app, and deleted; not USER_ID={user}'s"), other)
        }
        [] => match apps.iter().find(|app| app.user_id == user && !app.is_deleted()) {
            Some(app) => {
                refuse(format!("has no row in user_fly_apps; USER_ID={user} has {}", quoted(&app.fly_app_name)), other)
            }
            None => refuse(
                format!("has no row in user_fly_apps, for USER_ID={user}"),
                "provision the app first: the row's id marks its signals",
            ),
        },
    }
}

/// Whom the signals of a trader belong to. Only made here, so that nothing else can name a user or an app.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Attribution {
    user_id: Option<UserId>,
    fly_app_id: Option<FlyAppId>,
    source: Source,
}

impl Attribution {
    const fn cloud(user_id: Option<UserId>, fly_app_id: Option<FlyAppId>) -> Self {
        Self { user_id, fly_app_id, source: Source::Cloud }
    }

    /// `signals.user_id`.
    pub const fn user_id(&self) -> Option<UserId> {
        self.user_id
    }

    /// `signals.fly_app_id`.
    pub const fn fly_app_id(&self) -> Option<FlyAppId> {
        self.fly_app_id
    }

    /// `signals.source`.
    pub const fn source(&self) -> Source {
        self.source
    }
}

/// `signals.source`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// A Fly app.
    Cloud,
    /// The local runner.
    Local,
}

impl Source {
    /// As the database spells it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Cloud => "cloud",
            Self::Local => "local",
        }
    }
}

/// A trader that this host may run. Nothing but [`Scope::admit`] makes one:
///
/// ```
/// use vyx_host::ownership::{OwnedTrader, Refusal, Scope};
/// use vyx_host::registry::TraderRow;
///
/// fn only_way(row: TraderRow) -> Result<OwnedTrader, Refusal> {
///     Scope::local().admit(row)
/// }
/// ```
///
/// ```compile_fail,E0451
/// use vyx_host::ownership::{OwnedTrader, Refusal, Scope};
/// use vyx_host::registry::TraderRow;
///
/// fn another_way(row: TraderRow, owned: OwnedTrader) -> OwnedTrader {
///     OwnedTrader { id: row.id, ..owned }
/// }
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct OwnedTrader {
    id: TraderId,
    name: String,
    module: ModuleRef,
    params: Map<String, Value>,
    attribution: Attribution,
}

impl OwnedTrader {
    /// Its id.
    pub const fn id(&self) -> TraderId {
        self.id
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its module.
    pub const fn module(&self) -> &ModuleRef {
        &self.module
    }

    /// Its parameters.
    pub const fn params(&self) -> &Map<String, Value> {
        &self.params
    }

    /// Whom its signals belong to.
    pub const fn attribution(&self) -> Attribution {
        self.attribution
    }
}

/// Why a row does not run here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Expected, and nothing to report.
    #[error("the trader belongs to another host")]
    NotOurs,
    /// Ours, and switched off.
    #[error("the trader is disabled")]
    Disabled,
    /// Ours and enabled, without a module: a trader of the old host, or not published yet.
    #[error("the row names no module; publish one for it")]
    NoModule,
    /// To be quarantined with this reason.
    #[error(transparent)]
    Contradiction(#[from] Contradiction),
}

/// How a row contradicts itself.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Contradiction {
    /// A built-in trader of a user.
    #[error("is_built_in is true, but user_id is {0}; a built-in trader has no user, so correct one of them")]
    BuiltInWithUser(UserId),
    /// A trader that is neither built in nor a user's.
    #[error("is_built_in is false, but there is no user_id; set one of them")]
    NobodysTrader,
    /// Null, so that nobody can say whose trader it is.
    #[error("is_built_in is null; set it to true or false")]
    BuiltInUnknown,
    /// Null, so that nobody can say whether it should run.
    #[error("enabled is null; set it to true or false")]
    EnabledUnknown,
}

#[cfg(test)]
mod tests;
