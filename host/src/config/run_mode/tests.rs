use super::*;
use crate::config::quoted;

const USER: &str = "63eea370-27a1-4099-866a-e3ed340b278d";
const APP: &str = "vyx-user-35682909";

fn lookup<'a>(set: &'a [(&str, &str)]) -> impl Fn(&str) -> Option<OsString> + 'a {
    |name| set.iter().find(|(key, _)| *key == name).map(|(_, value)| OsString::from(value))
}

fn read(set: &[(&str, &str)]) -> Result<Option<RunModeEnv>, String> {
    Identity::from_env(lookup(set)).map_err(|error| error.to_string())
}

fn refusal(set: &[(&str, &str)]) -> String {
    let message = read(set).unwrap_err();
    assert!(!message.contains('\n') && !message.ends_with('.'), "{message}");
    message
}

#[test]
fn unset_is_left_to_the_caller_and_refused_in_production() {
    assert_eq!(read(&[]).unwrap(), None);
    assert_eq!(read(&[("USER_ID", "nonsense")]).unwrap(), None);
    let required = |set| Identity::required(lookup(set)).unwrap_err().to_string();
    assert_eq!(required(&[]), "RUN_MODE is not set; set it to shared_backend or user_dedicated");
    assert_eq!(
        required(&[("USER_ID", USER)]),
        "RUN_MODE is not set; set it to user_dedicated, as USER_ID is set, or to shared_backend without USER_ID"
    );
}

#[test]
fn both_modes_are_read() {
    let shared = read(&[("RUN_MODE", "shared_backend")]).unwrap().unwrap();
    assert_eq!(shared, RunModeEnv::SharedBackend { fly_app_name: None });
    let shared = read(&[("RUN_MODE", "shared_backend"), ("FLY_APP_NAME", "vyx-app")]).unwrap().unwrap();
    assert_eq!(shared.mode(), RunMode::SharedBackend);
    let set = [("RUN_MODE", "user_dedicated"), ("USER_ID", USER), ("FLY_APP_NAME", APP)];
    let dedicated = read(&set).unwrap().unwrap();
    let user = USER.parse().unwrap();
    assert_eq!(dedicated.mode(), RunMode::UserDedicated { user });
    assert_eq!(dedicated, RunModeEnv::UserDedicated { user, fly_app_name: FlyAppName(APP.to_owned()) });
    assert_eq!(Identity::required(lookup(&set)).unwrap(), dedicated);
}

#[test]
fn blank_is_malformed_not_unset() {
    for blank in ["", " ", "\t\n"] {
        let message = refusal(&[("RUN_MODE", blank)]);
        let fix = "it is empty: set it to shared_backend or user_dedicated";
        assert_eq!(message, format!("RUN_MODE={} is not a run mode; {fix}", quoted(blank)));
        let dedicated = ("RUN_MODE", "user_dedicated");
        let message = refusal(&[dedicated, ("USER_ID", blank), ("FLY_APP_NAME", APP)]);
        assert!(message.starts_with("USER_ID=") && message.contains("is not a uuid"), "{message}");
        let message = refusal(&[dedicated, ("USER_ID", USER), ("FLY_APP_NAME", blank)]);
        assert!(message.starts_with("FLY_APP_NAME="), "{message}");
    }
}

#[test]
fn near_misses_get_a_hint() {
    let shared =
        ["SHARED_BACKEND", "shared-backend", "shared_backend ", "shard_backend", "shared", "\"shared_backend\""];
    let dedicated = ["User_Dedicated", "user dedicated", "user_dedicted", "dedicated", "usr-dedicated"];
    for (meant, spellings) in [(SHARED, &shared[..]), (DEDICATED, &dedicated[..])] {
        for spelling in spellings {
            let hint = format!("RUN_MODE={} is not a run mode; did you mean {meant}?", quoted(spelling));
            assert_eq!(refusal(&[("RUN_MODE", spelling)]), hint);
        }
    }
    for other in ["production", "true", "1", "shared_backend,user_dedicated"] {
        let message = refusal(&[("RUN_MODE", other)]);
        assert_eq!(message, format!("RUN_MODE=\"{other}\" is not a run mode; use shared_backend or user_dedicated"));
    }
}

#[test]
fn dedicated_needs_a_user_and_an_app() {
    let mode = ("RUN_MODE", "user_dedicated");
    let app = ("FLY_APP_NAME", APP);
    assert_eq!(
        refusal(&[mode, app]),
        "USER_ID is not set; RUN_MODE=user_dedicated needs it: set it to the user's id from auth.users"
    );
    for bad in ["me", "63eea37027a14099866ae3ed340b278d", "63eea370-27a1-4099-866a-e3ed340b278d "] {
        let message = refusal(&[mode, app, ("USER_ID", bad)]);
        assert!(message.starts_with(&format!("USER_ID={} is not a uuid; set it to", quoted(bad))), "{message}");
    }
    let message = refusal(&[mode, ("USER_ID", USER)]);
    assert!(message.starts_with("FLY_APP_NAME is not set; RUN_MODE=user_dedicated needs it"), "{message}");
}

#[test]
fn a_user_contradicts_shared_mode() {
    assert_eq!(
        refusal(&[("RUN_MODE", "shared_backend"), ("USER_ID", USER)]),
        format!(
            "USER_ID=\"{USER}\" contradicts RUN_MODE=shared_backend, which runs no user's traders; unset it, or set \
             RUN_MODE=user_dedicated"
        )
    );
}

#[test]
fn the_app_name_is_checked_in_both_modes() {
    let long = "a".repeat(64);
    for bad in ["Vyx-App", "vyx app", "vyx_app", "vyx-app\n", &long] {
        for mode in ["shared_backend", "user_dedicated"] {
            let message = refusal(&[("RUN_MODE", mode), ("USER_ID", USER), ("FLY_APP_NAME", bad)]);
            assert!(message.starts_with(&format!("FLY_APP_NAME={} is not", quoted(bad))), "{message}");
        }
    }
}

#[test]
fn distances() {
    for (from, to, distance) in [("", "", 0), ("abc", "", 3), ("", "abc", 3), ("kitten", "sitting", 3), ("ab", "ba", 2)]
    {
        assert_eq!(edit_distance(from, to), distance, "{from} {to}");
    }
}
