use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::config::Identity;
use crate::module::digest::Digest;

/// Few ids, so that rows and scopes meet often.
fn user(n: u8) -> UserId {
    UserId::new(Uuid::from_u128(u128::from(n)))
}

fn fly_app(n: u8) -> FlyAppId {
    FlyAppId::new(Uuid::from_u128(100 + u128::from(n)))
}

fn app(n: u8, owner: u8, name: &str) -> UserFlyApp {
    let (id, user_id, fly_app_name) = (fly_app(n), user(owner), name.to_owned());
    UserFlyApp { id, user_id, fly_app_name, status: Some("active".to_owned()), deleted_at: None }
}

fn env(mode: &str, owner: Option<u8>, name: Option<&str>) -> RunModeEnv {
    let lookup = |variable: &str| match variable {
        "RUN_MODE" => Some(mode.to_owned()),
        "USER_ID" => owner.map(|n| user(n).to_string()),
        _ => name.map(str::to_owned),
    };
    Identity::required(|variable| lookup(variable).map(Into::into)).unwrap()
}

fn dedicated(n: u8) -> Scope {
    Scope::resolve(&env("user_dedicated", Some(n), Some("mine")), &[app(n, n, "mine")]).unwrap()
}

fn shared() -> Scope {
    Scope::resolve(&env("shared_backend", None, None), &[app(1, 1, "mine")]).unwrap()
}

fn row(is_built_in: Option<bool>, owner: Option<u8>, enabled: Option<bool>) -> TraderRow {
    TraderRow {
        id: TraderId::new(Uuid::from_u128(7)),
        name: "seven".to_owned(),
        is_built_in,
        user_id: owner.map(user),
        enabled,
        module: Some(ModuleRef { digest: Digest::of(b""), place: "seven.wasm".to_owned() }),
        params: Map::new(),
    }
}

#[test]
fn a_dedicated_app_is_found_by_user_and_name() {
    let apps = [app(1, 1, "mine"), app(2, 2, "theirs")];
    let resolve = |owner, name| {
        Scope::resolve(&env("user_dedicated", Some(owner), Some(name)), &apps).map_err(|error| error.to_string())
    };
    assert_eq!(resolve(1, "mine").unwrap().0, Kind::Dedicated { user: user(1), fly_app: fly_app(1) });
    assert_eq!(
        resolve(1, "theirs").unwrap_err(),
        format!(
            "FLY_APP_NAME=\"theirs\" belongs to user {}, not to USER_ID={}; set USER_ID to the user of this app, or \
             FLY_APP_NAME to the app of this user",
            user(2),
            user(1)
        )
    );
    let error = resolve(1, "mien").unwrap_err();
    assert!(error.contains("has no row in user_fly_apps") && error.contains("has \"mine\""), "{error}");
    let error = resolve(3, "third").unwrap_err();
    assert!(error.contains("has no row in user_fly_apps") && error.contains("provision"), "{error}");
}

#[test]
fn a_deleted_app_is_refused_whichever_column_says_so() {
    let by_time = UserFlyApp { deleted_at: Some("2025-11-17".to_owned()), ..app(1, 1, "mine") };
    let by_status = UserFlyApp { status: Some("deleted".to_owned()), ..app(1, 1, "mine") };
    for deleted in [by_time, by_status] {
        let resolve = |owner| {
            let env = env("user_dedicated", Some(owner), Some("mine"));
            Scope::resolve(&env, std::slice::from_ref(&deleted)).unwrap_err().to_string()
        };
        assert!(resolve(1).contains("is deleted in user_fly_apps"), "{}", resolve(1));
        assert!(resolve(2).contains("is another user's app, and deleted"), "{}", resolve(2));
        let env = env("shared_backend", None, Some("mine"));
        assert!(Scope::resolve(&env, std::slice::from_ref(&deleted)).is_err());
    }
}

#[test]
fn two_live_rows_of_one_name_are_refused() {
    let apps = [app(1, 1, "mine"), app(2, 2, "mine")];
    let error = Scope::resolve(&env("user_dedicated", Some(1), Some("mine")), &apps).unwrap_err();
    assert!(error.to_string().contains("names 2 rows"), "{error}");
}

#[test]
fn a_users_app_never_becomes_the_shared_one() {
    let error = Scope::resolve(&env("shared_backend", None, Some("mine")), &[app(1, 1, "mine")]).unwrap_err();
    assert_eq!(error.variable(), "FLY_APP_NAME");
    assert!(error.to_string().contains(&format!("USER_ID={}", user(1))), "{error}");
    assert_eq!(Scope::resolve(&env("shared_backend", None, Some("vyx-app")), &[app(1, 1, "mine")]), Ok(shared()));
}

#[test]
fn contradictions_say_what_to_change() {
    let reason =
        |is_built_in, owner, enabled| Scope::local().admit(row(is_built_in, owner, enabled)).unwrap_err().to_string();
    let yes = Some(true);
    assert_eq!(
        reason(yes, Some(1), yes),
        format!(
            "is_built_in is true, but user_id is {}; a built-in trader has no user, so correct one of them",
            user(1)
        )
    );
    assert_eq!(reason(Some(false), None, yes), "is_built_in is false, but there is no user_id; set one of them");
    assert_eq!(reason(None, None, yes), "is_built_in is null; set it to true or false");
    assert_eq!(reason(yes, None, None), "enabled is null; set it to true or false");
}

#[test]
fn an_enabled_row_without_a_module_does_not_run() {
    let without = TraderRow { module: None, ..row(Some(true), None, Some(true)) };
    assert_eq!(shared().admit(without.clone()), Err(Refusal::NoModule));
    assert_eq!(dedicated(1).admit(without), Err(Refusal::NotOurs));
}

/// What design says, in the words of the design: written apart from the code it checks.
fn expected(scope: &Scope, row: &TraderRow) -> &'static str {
    let mine = match scope.0 {
        Kind::Dedicated { user, .. } if row.user_id != Some(user) => return "not ours",
        Kind::Shared => row.is_built_in == Some(true) && row.user_id.is_none(),
        Kind::Dedicated { .. } => row.is_built_in == Some(false),
        Kind::Local => row.is_built_in.is_some() && row.is_built_in == Some(row.user_id.is_none()),
    };
    if mine {
        return match row.enabled {
            Some(true) => "runs",
            Some(false) => "disabled",
            None => "contradiction",
        };
    }
    let is_clean_users_trader = row.is_built_in == Some(false) && row.user_id.is_some();
    if is_clean_users_trader { "not ours" } else { "contradiction" }
}

fn bool_or_null() -> impl Strategy<Value = Option<bool>> {
    proptest::option::of(any::<bool>())
}

fn any_row() -> impl Strategy<Value = TraderRow> {
    let owner = proptest::option::of(1..4u8);
    (bool_or_null(), owner, bool_or_null()).prop_map(|(built_in, owner, enabled)| row(built_in, owner, enabled))
}

fn any_scope() -> impl Strategy<Value = Scope> {
    prop_oneof![Just(shared()), Just(Scope::local()), (1..4u8).prop_map(dedicated)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn the_truth_table_holds(scope in any_scope(), row in any_row()) {
        let verdict = match scope.admit(row.clone()) {
            Ok(_) => "runs",
            Err(Refusal::NotOurs) => "not ours",
            Err(Refusal::Disabled) => "disabled",
            Err(Refusal::NoModule) => "no module",
            Err(Refusal::Contradiction(_)) => "contradiction",
        };
        prop_assert_eq!(verdict, expected(&scope, &row));
    }

    #[test]
    fn no_admitted_row_breaks_attribution(scope in any_scope(), row in any_row()) {
        let Ok(owned) = scope.admit(row.clone()) else { return Ok(()) };
        prop_assert_eq!(row.enabled, Some(true));
        prop_assert_eq!((owned.id(), owned.name(), owned.params()), (row.id, row.name.as_str(), &row.params));
        prop_assert_eq!(Some(owned.module()), row.module.as_ref());
        let Attribution { user_id, fly_app_id, source } = owned.attribution();
        match scope.0 {
            Kind::Shared => {
                prop_assert_eq!((user_id, fly_app_id, source), (None, None, Source::Cloud));
                prop_assert_eq!((row.is_built_in, row.user_id), (Some(true), None));
            }
            Kind::Dedicated { user, fly_app } => {
                prop_assert_eq!((user_id, fly_app_id, source), (Some(user), Some(fly_app), Source::Cloud));
                prop_assert_eq!((row.is_built_in, row.user_id), (Some(false), Some(user)));
            }
            Kind::Local => {
                prop_assert_eq!((user_id, fly_app_id, source), (row.user_id, None, Source::Local));
                prop_assert_eq!(row.is_built_in, Some(row.user_id.is_none()));
            }
        }
    }

    /// Check 4 of the old system's acceptance test.
    #[test]
    fn no_row_runs_in_two_clouds(row in any_row()) {
        let clouds = [shared(), dedicated(1), dedicated(2), dedicated(3)];
        prop_assert!(clouds.iter().filter(|scope| scope.admit(row.clone()).is_ok()).count() <= 1);
    }
}

#[test]
fn attribution_is_written_as_the_columns_of_signals() {
    let json = serde_json::to_value(dedicated(1).admit(row(Some(false), Some(1), Some(true))).unwrap().attribution());
    let expected = serde_json::json!({ "user_id": user(1), "fly_app_id": fly_app(1), "source": "cloud" });
    assert_eq!(json.unwrap(), expected);
    assert_eq!(Source::Local.as_str(), "local");
}
