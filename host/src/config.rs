//! Environment to configuration, once. Every variable stands in [`VARIABLES`]; help and documentation are made from it.

mod record;
mod run_mode;
mod service;
mod supabase_env;

use std::ffi::OsString;
use std::fmt::Write as _;
use std::num::NonZeroUsize;
use std::path::PathBuf;

pub use record::{Place, Rotation};
pub use run_mode::{FlyAppName, Identity, RunMode, RunModeEnv};
pub use service::{FeedChoice, ServiceConfig, Speed, feed_name};
pub use supabase_env::{
    SUPABASE_PUBLISHABLE_KEY, SUPABASE_SERVICE_KEY, SUPABASE_SERVICE_KEY_B64, SUPABASE_SERVICE_ROLE_KEY,
    SUPABASE_SERVICE_ROLE_KEY_B64, SUPABASE_URL, SUPABASE_USER_TOKEN, SupabaseEnv,
};

/// Exit code of a host that refuses to start because of its environment (`EX_CONFIG` of sysexits.h).
pub const EXIT_CONFIG: u8 = 78;

/// Most worker threads that make sense: each is an OS thread with its own shard of stores, and more than the cores of any
/// machine it runs on only costs memory.
pub const MAX_WORKERS: usize = 256;

/// A variable of the environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Variable {
    /// Its name.
    pub name: &'static str,
    /// What it does.
    pub meaning: &'static str,
    /// What it may be.
    pub values: &'static str,
    /// What holds when it is not set.
    pub default: &'static str,
    /// Whether its value must never be shown.
    pub secret: bool,
}

/// Whose traders this host runs.
pub const RUN_MODE: Variable = Variable {
    name: "RUN_MODE",
    meaning: "whose traders this host runs: the built-in ones, or those of one user",
    values: "`shared_backend` or `user_dedicated`",
    default: "none: `vyx run` refuses to start, `vyx dev` runs every trader of its folder",
    secret: false,
};

/// The user of a dedicated app.
pub const USER_ID: Variable = Variable {
    name: "USER_ID",
    meaning: "the user whose traders a dedicated app runs",
    values: "a uuid; only with `RUN_MODE=user_dedicated`",
    default: "none: required in `user_dedicated`, refused in `shared_backend`",
    secret: false,
};

/// The name of the Fly app.
pub const FLY_APP_NAME: Variable = Variable {
    name: "FLY_APP_NAME",
    meaning: "the Fly app this host runs in, checked against `user_fly_apps`; Fly sets it",
    values: "lowercase letters, digits and hyphens, at most 63",
    default: "none: required in `user_dedicated`",
    secret: false,
};

/// Where the host keeps its files.
pub const DATA_DIR: Variable = Variable {
    name: "DATA_DIR",
    meaning: "folder of the outbox, the compile cache and the last good versions; trusted, so nobody else may write to it",
    values: "a path",
    default: "`$XDG_CACHE_HOME/vyx`, else `~/.cache/vyx` (`~/Library/Caches/vyx` on macOS)",
    secret: false,
};

/// Form of the log lines.
pub const LOG_FORMAT: Variable = Variable {
    name: "LOG_FORMAT",
    meaning: "form of the log lines",
    values: "`text` or `json`",
    default: "`text`",
    secret: false,
};

/// What is logged.
pub const RUST_LOG: Variable = Variable {
    name: "RUST_LOG",
    meaning: "what is logged",
    values: "a level or a list of `target=level`, as tracing-subscriber reads it",
    default: "`info`",
    secret: false,
};

/// How many threads evaluate.
pub const WORKERS: Variable = Variable {
    name: "WORKERS",
    meaning: "threads that evaluate traders",
    values: "a whole number from 1 to 256",
    default: "the number of cores",
    secret: false,
};

/// Where candles come from.
pub const FEED: Variable = Variable {
    name: "FEED",
    meaning: "where `vyx run` takes candles from",
    values: "`binance`, `replay:PATH` (a candle file or a folder of them) or `synthetic:SEED`",
    default: "`binance`",
    secret: false,
};

/// How fast a test feed is.
pub const FEED_SPEED: Variable = Variable {
    name: "FEED_SPEED",
    meaning: "how many times faster than the clock the candles of a test feed come",
    values: "a factor such as `60`, or `max`; only with `replay:` and `synthetic:`",
    default: "`1`",
    secret: false,
};

/// Whether invented signals may enter a real project.
pub const ALLOW_TEST_FEED: Variable = Variable {
    name: "ALLOW_TEST_FEED",
    meaning: "lets a test feed run against a project that is not on this machine; its signals start the paid analysis",
    values: "`1` or `0`",
    default: "`0`",
    secret: false,
};

/// Which symbols.
pub const SYMBOLS: Variable = Variable {
    name: "SYMBOLS",
    meaning: "the symbols to watch on the exchange, instead of the most traded ones",
    values: "names with commas between them, as in `BTCUSDT,ETHUSDT`",
    default: "none: the first SYMBOL_COUNT by 24 h quote volume",
    secret: false,
};

/// How many symbols.
pub const SYMBOL_COUNT: Variable = Variable {
    name: "SYMBOL_COUNT",
    meaning: "how many of the most traded USDT pairs are watched; with `synthetic:`, how many symbols are made up",
    values: "a whole number from 1 to 2000",
    default: "`100`",
    secret: false,
};

/// Least volume of a symbol.
pub const MIN_VOLUME: Variable = Variable {
    name: "MIN_VOLUME",
    meaning: "least 24 h quote volume of a pair that is watched, in USDT",
    values: "a number from 0 on",
    default: "`100000`",
    secret: false,
};

/// The exchange's address.
pub const BINANCE_API_URL: Variable = Variable {
    name: "BINANCE_API_URL",
    meaning: "where the exchange's REST interface is",
    values: "an https address without a path; http on this machine only",
    default: "`https://data-api.binance.vision`, which has the public data of Binance spot",
    secret: false,
};

/// The address of the exchange's streams.
pub const BINANCE_WS_URL: Variable = Variable {
    name: "BINANCE_WS_URL",
    meaning: "where the exchange's streams are",
    values: "a wss address without a path; ws on this machine only",
    default: "`wss://data-stream.binance.vision`, which has the public data of Binance spot",
    secret: false,
};

/// Where the status pages are.
pub const PORT: Variable = Variable {
    name: "PORT",
    meaning: "TCP port of the status pages, on all addresses; 0 is any free one, which the log names",
    values: "a whole number from 0 to 65535",
    default: "`8080`",
    secret: false,
};

/// What opens the status pages to other machines.
pub const ADMIN_TOKEN: Variable = Variable {
    name: "ADMIN_TOKEN",
    meaning: "bearer token of /api and of admin calls; without it they answer to this machine only",
    values: "at least 16 printable characters without spaces",
    default: "none",
    secret: true,
};

/// Where to record.
pub const RECORD_DIR: Variable = Variable {
    name: "RECORD_DIR",
    meaning: "folder that gets a recording of the candles, decisions and signals of `vyx run`, for `vyx verify --replay`",
    values: "a path",
    default: "none: nothing is recorded",
    secret: false,
};

/// Every variable that the host reads.
pub const VARIABLES: &[Variable] = &[
    RUN_MODE,
    USER_ID,
    FLY_APP_NAME,
    SUPABASE_URL,
    SUPABASE_SERVICE_ROLE_KEY,
    SUPABASE_SERVICE_KEY,
    SUPABASE_SERVICE_ROLE_KEY_B64,
    SUPABASE_SERVICE_KEY_B64,
    SUPABASE_PUBLISHABLE_KEY,
    SUPABASE_USER_TOKEN,
    FEED,
    FEED_SPEED,
    ALLOW_TEST_FEED,
    SYMBOLS,
    SYMBOL_COUNT,
    MIN_VOLUME,
    BINANCE_API_URL,
    BINANCE_WS_URL,
    PORT,
    ADMIN_TOKEN,
    RECORD_DIR,
    DATA_DIR,
    LOG_FORMAT,
    RUST_LOG,
    WORKERS,
];

/// [`VARIABLES`] as a Markdown table.
pub fn variables_markdown() -> String {
    let mut table = String::from("| Variable | Meaning | Values | Default |\n|---|---|---|---|\n");
    for Variable { name, meaning, values, default, secret } in VARIABLES {
        let secret = if *secret { " (secret)" } else { "" };
        // Writing to a string cannot fail.
        let _ = writeln!(table, "| `{name}`{secret} | {meaning} | {values} | {default} |");
    }
    table
}

/// Why the environment cannot be used: the variable, its value and the fix, on one line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{variable}{value} {problem}; {fix}")]
pub struct Misconfigured {
    variable: &'static str,
    value: String,
    problem: String,
    fix: String,
}

impl Misconfigured {
    /// The variable is needed and not set.
    pub fn unset(variable: &Variable, fix: impl Into<String>) -> Self {
        let (value, problem) = (String::new(), "is not set".to_owned());
        Self { variable: variable.name, value, problem, fix: fix.into() }
    }

    /// The variable is there and empty: what remains of a setting that was lost.
    pub fn empty(variable: &Variable, fix: impl Into<String>) -> Self {
        let (value, problem) = (String::new(), "is present but empty".to_owned());
        Self { variable: variable.name, value, problem, fix: fix.into() }
    }

    /// The variable has a value that cannot be used.
    pub fn value(variable: &Variable, value: &str, problem: impl Into<String>, fix: impl Into<String>) -> Self {
        let value = if variable.secret { "=(hidden)".to_owned() } else { format!("={}", quoted(value)) };
        Self { variable: variable.name, value, problem: problem.into(), fix: fix.into() }
    }

    /// The name of the variable at fault.
    pub fn variable(&self) -> &'static str {
        self.variable
    }
}

/// A foreign text as it may be shown in a message: in quotes, on one line, without control characters, not too long.
pub fn quoted(text: &str) -> String {
    format!("\"{}\"", crate::text::shown(text, 80))
}

/// The environment of this process, for the `lookup` of [`Config::from_env`] and [`Identity::from_env`].
pub fn process_env(name: &str) -> Option<OsString> {
    std::env::var_os(name)
}

/// Form of the log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// For programs.
    Json,
}

/// Everything the environment says, but for who may run what: that is [`Identity`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Folder of the compile cache and the last good versions.
    pub data_dir: PathBuf,
    /// Form of the log lines.
    pub log_format: LogFormat,
    /// What is logged, in the syntax of tracing-subscriber.
    pub log_filter: String,
    /// Threads that evaluate traders.
    pub workers: NonZeroUsize,
}

impl Config {
    /// Reads the configuration. Here an empty value counts as not set; where identity is at stake it never does.
    pub fn from_env(lookup: impl Fn(&str) -> Option<OsString>) -> Result<Self, Misconfigured> {
        Ok(Self {
            data_dir: data_dir(&lookup)?,
            log_format: match text(&lookup, &LOG_FORMAT)?.as_deref() {
                None | Some("text") => LogFormat::Text,
                Some("json") => LogFormat::Json,
                Some(other) => {
                    let fix = "use text or json";
                    return Err(Misconfigured::value(&LOG_FORMAT, other, "is not a log format", fix));
                }
            },
            log_filter: text(&lookup, &RUST_LOG)?.unwrap_or_else(|| "info".to_owned()),
            workers: workers(text(&lookup, &WORKERS)?)?,
        })
    }
}

/// The value of a variable; an error when it is not UTF-8, so that a broken value never passes for an unset one.
fn raw(lookup: &impl Fn(&str) -> Option<OsString>, variable: &Variable) -> Result<Option<String>, Misconfigured> {
    let value = lookup(variable.name).map(OsString::into_string).transpose();
    value
        .map_err(|value| Misconfigured::value(variable, &value.to_string_lossy(), "is not valid utf-8", "set it again"))
}

fn text(lookup: &impl Fn(&str) -> Option<OsString>, variable: &Variable) -> Result<Option<String>, Misconfigured> {
    Ok(raw(lookup, variable)?.filter(|value| !value.trim().is_empty()))
}

/// A path need not be UTF-8. The fallbacks follow the convention of each system; XDG says to ignore a relative path.
fn data_dir(lookup: &impl Fn(&str) -> Option<OsString>) -> Result<PathBuf, Misconfigured> {
    let path = |name| lookup(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let absolute = |name| path(name).filter(|path| path.is_absolute());
    let home_cache = if cfg!(target_os = "macos") { "Library/Caches" } else { ".cache" };
    path(DATA_DIR.name)
        .or_else(|| absolute("XDG_CACHE_HOME").map(|cache| cache.join("vyx")))
        .or_else(|| absolute("HOME").map(|home| home.join(home_cache).join("vyx")))
        .ok_or_else(|| Misconfigured::unset(&DATA_DIR, "set it to a folder, since HOME gives no absolute path either"))
}

fn workers(value: Option<String>) -> Result<NonZeroUsize, Misconfigured> {
    let Some(value) = value else {
        return Ok(std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN));
    };
    let number = value.parse().ok().filter(|number: &NonZeroUsize| number.get() <= MAX_WORKERS);
    number.ok_or_else(|| {
        let fix = format!("use a whole number from 1 to {MAX_WORKERS}");
        Misconfigured::value(&WORKERS, &value, "is not a number of threads", fix)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(set: &[(&str, &str)]) -> Result<Config, String> {
        let lookup = |name: &str| set.iter().find(|(key, _)| *key == name).map(|(_, value)| OsString::from(value));
        Config::from_env(lookup).map_err(|error| error.to_string())
    }

    #[test]
    fn defaults_need_a_home_only() {
        let config = read(&[("HOME", "/home/me"), ("LOG_FORMAT", ""), ("WORKERS", " ")]).unwrap();
        assert!(config.data_dir.starts_with("/home/me") && config.data_dir.ends_with("vyx"));
        assert_eq!((config.log_format, config.log_filter.as_str()), (LogFormat::Text, "info"));
        assert_eq!(config.workers, std::thread::available_parallelism().unwrap());
    }

    #[test]
    fn what_is_set_holds() {
        let set = [("DATA_DIR", "/data"), ("LOG_FORMAT", "json"), ("RUST_LOG", "vyx=debug"), ("WORKERS", "3")];
        let config = read(&set).unwrap();
        assert_eq!(config.data_dir, PathBuf::from("/data"));
        assert_eq!((config.log_format, config.log_filter.as_str()), (LogFormat::Json, "vyx=debug"));
        assert_eq!(config.workers.get(), 3);
        let config = read(&[("XDG_CACHE_HOME", "/cache"), ("HOME", "/home/me")]).unwrap();
        assert_eq!(config.data_dir, PathBuf::from("/cache/vyx"));
        let config = read(&[("XDG_CACHE_HOME", "cache"), ("HOME", "/home/me")]).unwrap();
        assert!(config.data_dir.starts_with("/home/me"));
    }

    #[test]
    fn errors_name_the_variable_the_value_and_the_fix() {
        let home = ("HOME", "/home/me");
        assert_eq!(
            read(&[]).unwrap_err(),
            "DATA_DIR is not set; set it to a folder, since HOME gives no absolute path either"
        );
        assert_eq!(
            read(&[home, ("LOG_FORMAT", "JSON")]).unwrap_err(),
            r#"LOG_FORMAT="JSON" is not a log format; use text or json"#
        );
        for workers in ["0", "-1", "1.5", "257", "many", "99999999999999999999"] {
            assert_eq!(
                read(&[home, ("WORKERS", workers)]).unwrap_err(),
                format!("WORKERS={workers:?} is not a number of threads; use a whole number from 1 to 256")
            );
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_value_that_is_not_utf8_is_not_an_unset_one() {
        use std::os::unix::ffi::OsStringExt;
        let lookup = |name: &str| match name {
            "HOME" => Some(OsString::from("/home/me")),
            "WORKERS" => Some(OsString::from_vec(vec![b'4', 0xff])),
            _ => None,
        };
        let error = Config::from_env(lookup).unwrap_err();
        assert_eq!(error.variable(), "WORKERS");
        assert!(error.to_string().contains("is not valid utf-8"), "{error}");
    }

    #[test]
    fn foreign_text_is_escaped_and_shortened() {
        assert_eq!(quoted("a\n\u{1b}[31m\u{202e}"), r#""a\n\u{1b}[31m\u{202e}""#);
        assert_eq!(quoted(&"x".repeat(81)), format!("\"{}…\"", "x".repeat(80)));
        let key = Variable { secret: true, ..RUN_MODE };
        let error = Misconfigured::value(&key, "sb_secret_x", "is no key", "set it").to_string();
        assert_eq!(error, "RUN_MODE=(hidden) is no key; set it");
    }

    #[test]
    fn the_table_has_a_row_for_each_variable() {
        let table = variables_markdown();
        assert_eq!(table.lines().count(), VARIABLES.len() + 2);
        assert!(WORKERS.values.ends_with(&format!(" {MAX_WORKERS}")));
        for line in table.lines() {
            assert_eq!(line.matches('|').count(), 5, "{line}");
        }
    }
}
