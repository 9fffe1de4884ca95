//! What the files of a deployment must keep to: each rule is one that production was once without.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use toml::{Table, Value};
use vyx_host::config::{Config, Identity, LogFormat, RunModeEnv, VARIABLES};

const SHARED: &str = "fly.toml";
const USER: &str = "fly.user.toml";

/// Whatever the table of variables says of them.
const SECRETS: [&str; 7] = [
    "ADMIN_TOKEN",
    "SUPABASE_PUBLISHABLE_KEY",
    "SUPABASE_SERVICE_KEY",
    "SUPABASE_SERVICE_KEY_B64",
    "SUPABASE_SERVICE_ROLE_KEY",
    "SUPABASE_SERVICE_ROLE_KEY_B64",
    "SUPABASE_USER_TOKEN",
];

/// Seconds that the host takes to end at most: 20 to send what waits, 5 for its last words, and the call in hand.
const ENDING_S: i64 = 30;
/// The most that Fly waits.
const FLY_WAITS_S: i64 = 300;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn text(name: &str) -> String {
    fs::read_to_string(root().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn fly(name: &str) -> Table {
    text(name).parse().unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The value below a path of keys.
fn at<'a>(table: &'a Table, path: &[&str]) -> Option<&'a Value> {
    let (first, rest) = path.split_first()?;
    rest.iter().try_fold(table.get(*first)?, |value, key| value.get(key))
}

fn env_of(table: &Table) -> BTreeMap<String, String> {
    let env = at(table, &["env"]).and_then(Value::as_table).expect("there is an [env]");
    env.iter()
        .map(|(name, value)| (name.clone(), value.as_str().expect("values of [env] are texts").to_owned()))
        .collect()
}

/// What the host reads of an environment.
fn lookup(env: &BTreeMap<String, String>) -> impl Fn(&str) -> Option<OsString> {
    move |name| env.get(name).map(OsString::from)
}

fn with(mut env: BTreeMap<String, String>, more: &[(&str, &str)]) -> BTreeMap<String, String> {
    env.extend(more.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    env
}

/// All sources of the host as one text.
fn sources(folder: &Path) -> String {
    let mut all = String::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all.push_str(&sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            all.push_str(&fs::read_to_string(&path).unwrap());
        }
    }
    all
}

/// Keyword and argument of each instruction of the Dockerfile, with continued lines joined.
fn dockerfile() -> Vec<(String, String)> {
    let lines: Vec<String> =
        text("Dockerfile").lines().filter(|line| !line.trim_start().starts_with('#')).map(str::to_owned).collect();
    let joined = lines.join("\n").replace("\\\n", " ");
    let instruction = |line: &str| {
        let (keyword, argument) = line.trim().split_once(' ').expect("an instruction has an argument");
        (keyword.to_uppercase(), argument.trim().to_owned())
    };
    joined.lines().filter(|line| !line.trim().is_empty()).map(instruction).collect()
}

/// The instructions of the stage that becomes the image.
fn last_stage(instructions: &[(String, String)]) -> &[(String, String)] {
    let from = instructions.iter().rposition(|(keyword, _)| keyword == "FROM").expect("there is a FROM");
    &instructions[from..]
}

/// The argument of an instruction that stands in a stage once.
fn only<'a>(stage: &'a [(String, String)], keyword: &str) -> &'a str {
    let found: Vec<&str> =
        stage.iter().filter(|(name, _)| name == keyword).map(|(_, argument)| argument.as_str()).collect();
    assert_eq!(found.len(), 1, "{keyword} in the last stage: {found:?}");
    found[0]
}

fn secrets() -> BTreeSet<&'static str> {
    let marked = VARIABLES.iter().filter(|variable| variable.secret).map(|variable| variable.name);
    marked.chain(SECRETS).collect()
}

#[test]
fn no_secret_is_set_in_a_file() {
    for file in [SHARED, USER] {
        for name in env_of(&fly(file)).keys() {
            assert!(!secrets().contains(name.as_str()), "{file} sets {name}, use: fly secrets set");
            assert!(VARIABLES.iter().any(|variable| variable.name == name), "{file} sets {name}, which no host reads");
        }
    }
    for (keyword, argument) in dockerfile().iter().filter(|(keyword, _)| ["ARG", "ENV"].contains(&keyword.as_str())) {
        for secret in secrets() {
            assert!(!argument.contains(secret), "the Dockerfile has {keyword} {argument}, which stays in the image");
        }
    }
}

#[test]
fn the_shared_app_says_that_it_is_the_shared_one() {
    let table = fly(SHARED);
    let app = at(&table, &["app"]).and_then(Value::as_str).expect("the file names its app");
    assert_eq!(app, "vyx-app");
    let env = env_of(&table);
    assert_eq!(env.get("RUN_MODE").map(String::as_str), Some("shared_backend"));
    assert_eq!(env.get("USER_ID"), None, "the host does not start as shared_backend with a user");
    let identity = Identity::required(lookup(&with(env, &[("FLY_APP_NAME", app)]))).unwrap();
    assert!(matches!(identity, RunModeEnv::SharedBackend { .. }), "{identity:?}");
}

/// Its environment was once lost at a deploy, and it became a second shared app.
#[test]
fn a_users_app_gets_its_identity_from_secrets_alone() {
    let table = fly(USER);
    assert_eq!(at(&table, &["app"]), None, "the file is every user's, so it names no app");
    assert_eq!(at(&table, &["build"]), None, "the image is given, by digest");
    let env = env_of(&table);
    for name in ["RUN_MODE", "USER_ID"] {
        assert_eq!(env.get(name), None, "{name} of a user's app is a secret of that app");
    }

    let app = ("FLY_APP_NAME", "vyx-user-35682909");
    let error = Identity::required(lookup(&with(env.clone(), &[app]))).unwrap_err();
    assert_eq!(error.variable(), "RUN_MODE", "{error}");

    let secrets = [app, ("RUN_MODE", "user_dedicated"), ("USER_ID", "63eea370-27a1-4099-866a-e3ed340b278d")];
    // The shared app's file as well, deployed by mistake: secrets win over [env].
    for env in [env, env_of(&fly(SHARED))] {
        let identity = Identity::required(lookup(&with(env, &secrets))).unwrap();
        assert!(matches!(identity, RunModeEnv::UserDedicated { .. }), "{identity:?}");
    }
}

#[test]
fn machines_come_back_end_in_peace_and_keep_their_disk() {
    for file in [SHARED, USER] {
        let table = fly(file);
        let text = |path: &[&str]| at(&table, path).and_then(Value::as_str).map(str::to_owned);
        let restart = at(&table, &["restart"]).and_then(Value::as_array).expect("there is a [[restart]]");
        assert!(!restart.is_empty(), "{file}");
        for entry in restart {
            let policy = entry.get("policy").and_then(Value::as_str);
            assert_eq!(policy, Some("always"), "{file}: the default gives up, and nothing wakes the machine then");
        }
        assert_eq!(text(&["kill_signal"]).as_deref(), Some("SIGTERM"), "{file}");
        let timeout = at(&table, &["kill_timeout"]).and_then(Value::as_integer).expect("kill_timeout is in seconds");
        assert!((ENDING_S..=FLY_WAITS_S).contains(&timeout), "{file}: kill_timeout {timeout}");
        assert_eq!(text(&["deploy", "strategy"]).as_deref(), Some("rolling"), "{file}: others run two hosts at once");
        assert_eq!(text(&["mounts", "destination"]).as_deref(), Some("/data"), "{file}");
        assert_eq!(text(&["primary_region"]).as_deref(), Some("sin"), "{file}: elsewhere the exchange may not answer");
        for public in ["http_service", "services"] {
            assert_eq!(
                at(&table, &[public]),
                None,
                "{file}: nothing here is for the public, and an idle service is stopped"
            );
        }
    }
}

#[test]
fn what_fly_asks_is_what_the_host_answers() {
    let host = sources(&root().join("host/src"));
    for file in [SHARED, USER] {
        let table = fly(file);
        let port: i64 = env_of(&table)["PORT"].parse().unwrap();
        let checks = at(&table, &["checks"]).and_then(Value::as_table).expect("there are checks");
        let paths: Vec<&str> = checks.values().filter_map(|check| check.get("path")?.as_str()).collect();
        assert!(paths.contains(&"/ready"), "{file}: a deploy waits for {paths:?}");
        let metrics = at(&table, &["metrics"]).expect("metrics are read");
        for asked in checks.values().chain([metrics]) {
            let path = asked.get("path").and_then(Value::as_str).expect("a path is asked for");
            assert!(host.contains(&format!(".route(\"{path}\"")), "{file} asks for {path}, which no host has");
            assert_eq!(asked.get("port").and_then(Value::as_integer), Some(port), "{file}: {path}");
        }
        for check in checks.values() {
            assert_eq!(check.get("type").and_then(Value::as_str), Some("http"), "{file}");
        }
        assert_eq!(only(last_stage(&dockerfile()), "EXPOSE"), port.to_string());
    }
}

#[test]
fn the_image_runs_the_host_itself_and_not_as_root() {
    let instructions = dockerfile();
    let stage = last_stage(&instructions);
    let command: Vec<String> = serde_json::from_str(only(stage, "CMD")).expect("CMD is in exec form");
    assert_eq!(command, ["/usr/local/bin/vyx", "run"]);
    assert!(stage.iter().all(|(keyword, _)| keyword != "ENTRYPOINT"), "an entry point would stand before the host");
    let user = only(stage, "USER");
    let ids: Vec<u32> = user.split(':').map(|id| id.parse().expect("USER is numeric")).collect();
    assert!(!ids.contains(&0), "USER {user}");
    let signal = only(stage, "STOPSIGNAL");
    assert_eq!(at(&fly(SHARED), &["kill_signal"]).and_then(Value::as_str), Some(signal));

    let env = only(stage, "ENV").split_whitespace().map(|set| set.split_once('=').expect("ENV is NAME=VALUE"));
    let env: BTreeMap<String, String> = env.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let config = Config::from_env(lookup(&env)).unwrap();
    assert_eq!(config.log_format, LogFormat::Json);
    let mounted = at(&fly(SHARED), &["mounts", "destination"]).and_then(Value::as_str).map(PathBuf::from);
    assert_eq!(Some(config.data_dir), mounted, "what is not on the volume is lost at every restart");
}

#[test]
fn the_image_is_built_as_the_repository_says() {
    let instructions = dockerfile();
    let toolchain: Table = text("rust-toolchain.toml").parse().unwrap();
    let channel = at(&toolchain, &["toolchain", "channel"]).and_then(Value::as_str).unwrap();
    assert!(instructions[0].1.starts_with(&format!("rust:{channel}-")), "{:?} for Rust {channel}", instructions[0]);
    let pinned = format!("RUSTUP_TOOLCHAIN={channel}");
    assert!(instructions.iter().any(|(keyword, argument)| keyword == "ENV" && *argument == pinned), "no {pinned}");

    let builds: Vec<&str> = instructions
        .iter()
        .filter(|(keyword, _)| keyword == "RUN")
        .flat_map(|(_, argument)| argument.split("&&"))
        .map(str::trim)
        .filter(|command| command.starts_with("cargo "))
        .collect();
    assert_eq!(
        builds, ["cargo build --locked --release -p vyx-host"; 2],
        "dependencies, then the host, with the same flags"
    );
    assert!(
        sources(&root().join("host/src")).contains("option_env!(\"VYX_GIT_SHA\")"),
        "the build argument reaches nobody"
    );

    let ignored = text(".dockerignore");
    let ignored: Vec<&str> = ignored.lines().collect();
    for name in [".git", "**/target", "**/.env*"] {
        assert!(ignored.contains(&name), ".dockerignore lets {name} into the build");
    }
    assert!(!ignored.contains(&"Dockerfile"), "Fly takes the Dockerfile from what is sent");
}

/// The document shows a user's machine as the Machines API takes it; it is the one of the file.
#[test]
fn the_machine_in_the_document_is_that_of_the_file() {
    let document = text("docs/deploy.md");
    let (_, rest) = document.split_once("```json\n").expect("the document has a machine");
    let (machine, _) = rest.split_once("```").unwrap();
    let machine: serde_json::Value = serde_json::from_str(machine).unwrap();
    let config = &machine["config"];
    let table = fly(USER);
    let in_file = |path: &[&str]| serde_json::to_value(at(&table, path).unwrap()).unwrap();
    assert_eq!(machine["region"], in_file(&["primary_region"]));
    assert_eq!(config["env"], in_file(&["env"]));
    assert_eq!(config["checks"], in_file(&["checks"]));
    assert_eq!(config["metrics"], in_file(&["metrics"]));
    assert_eq!(serde_json::json!([config["restart"]]), in_file(&["restart"]));
    assert_eq!(config["stop_config"]["signal"], in_file(&["kill_signal"]));
    assert_eq!(config["stop_config"]["timeout"], format!("{}s", in_file(&["kill_timeout"])));
    assert_eq!(config["init"]["swap_size_mb"], in_file(&["swap_size_mb"]));
    assert_eq!(config["mounts"][0]["path"], in_file(&["mounts", "destination"]));
    let memory = config["guest"]["memory_mb"].to_string();
    let size = format!("{}-cpu-{}x", config["guest"]["cpu_kind"].as_str().unwrap(), config["guest"]["cpus"]);
    assert_eq!(serde_json::json!([{ "size": size, "memory": format!("{memory}mb") }]), in_file(&["vm"]));
}
