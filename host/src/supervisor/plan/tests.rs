use proptest::collection::{btree_map, btree_set};
use proptest::option;
use proptest::prelude::*;
use serde_json::json;
use uuid::Uuid;

use super::*;
use crate::ids::UserId;
use crate::ownership::Scope;
use crate::registry::{ModuleRef, TraderRow};

type Desired = BTreeMap<TraderId, Version>;
type Known = BTreeMap<TraderId, Running>;

fn id(n: u8) -> TraderId {
    TraderId::new(Uuid::from_u128(u128::from(n)))
}

/// The version of a row, made the only way there is.
fn version(digest: u8, period: u8, owner: u8) -> Version {
    let params = json!({ "period": period }).as_object().cloned().unwrap();
    let row = TraderRow {
        id: id(0),
        name: String::new(),
        is_built_in: Some(false),
        user_id: Some(UserId::new(Uuid::from_u128(u128::from(owner)))),
        enabled: Some(true),
        module: Some(ModuleRef { digest: Digest::of(&[digest]), place: String::new() }),
        params,
    };
    Version::of(&Scope::local().admit(row).unwrap())
}

fn key(digest: u8, period: u8) -> VersionKey {
    version(digest, period, 0).key
}

fn only<T>(value: T) -> BTreeMap<TraderId, T> {
    BTreeMap::from([(id(1), value)])
}

/// What the supervisor does when every action succeeds.
fn apply(actions: &[Action], known: &mut Known) {
    for action in actions {
        match action {
            Action::Stop { id, .. } => {
                let stopped = known.get_mut(id).and_then(|running| running.active.take());
                assert!(stopped.is_some(), "stopped what did not run");
            }
            Action::Reload { id, from, to } => {
                let replaced = known.get_mut(id).and_then(|running| running.active.replace(to.clone()));
                assert_eq!(replaced.as_ref(), Some(from));
            }
            Action::Start { id, version } => {
                let replaced = known.entry(*id).or_default().active.replace(version.clone());
                assert_eq!(replaced, None, "started over what ran");
            }
        }
    }
}

#[test]
fn equal_sets_need_nothing() {
    let known = only(Running { active: Some(version(1, 1, 1)), ..Running::default() });
    assert_eq!(plan(&only(version(1, 1, 1)), &known), []);
    assert_eq!(plan(&Desired::new(), &Known::new()), []);
}

#[test]
fn a_change_of_digest_or_params_reloads() {
    let from = version(1, 1, 1);
    let known = only(Running { active: Some(from.clone()), ..Running::default() });
    for to in [version(2, 1, 1), version(1, 2, 1)] {
        let reload = Action::Reload { id: id(1), from: from.clone(), to: to.clone() };
        assert_eq!(plan(&only(to), &known), [reload]);
    }
}

#[test]
fn a_change_of_owner_stops_first() {
    let known = only(Running { active: Some(version(1, 1, 1)), ..Running::default() });
    let version = version(1, 1, 2);
    let stop = Action::Stop { id: id(1), why: Why::OwnerChanged };
    assert_eq!(plan(&only(version.clone()), &known), [stop, Action::Start { id: id(1), version }]);
}

#[test]
fn stops_come_first_and_each_kind_is_in_order() {
    let active = |n| (id(n), Running { active: Some(version(1, 1, 1)), ..Running::default() });
    let known = BTreeMap::from([2, 3, 5, 6].map(active));
    let desired = BTreeMap::from([1, 2, 3, 4].map(|n| (id(n), version(2, 1, 1))));
    let order: Vec<_> = plan(&desired, &known).iter().map(|action| (kind(action), id_of(action))).collect();
    assert_eq!(order, [(0, id(5)), (0, id(6)), (1, id(2)), (1, id(3)), (2, id(1)), (2, id(4))]);
}

#[test]
fn a_quarantined_version_gives_way_to_the_last_good_one() {
    let wanted = version(2, 1, 1);
    let good = version(1, 1, 1);
    let mut running = Running {
        active: Some(wanted.clone()),
        last_good: Some(good.key.clone()),
        quarantined: [wanted.key.clone()].into(),
        unavailable: BTreeSet::new(),
    };
    let back = Action::Reload { id: id(1), from: wanted.clone(), to: good.clone() };
    assert_eq!(plan(&only(wanted.clone()), &only(running.clone())), [back]);
    running.active = None;
    let start = Action::Start { id: id(1), version: good.clone() };
    assert_eq!(plan(&only(wanted.clone()), &only(running.clone())), [start]);

    running.active = Some(good.clone());
    assert_eq!(plan(&only(wanted.clone()), &only(running.clone())), []);
    // New parameters are a new chance.
    let corrected = version(2, 2, 1);
    let forward = Action::Reload { id: id(1), from: good.clone(), to: corrected.clone() };
    assert_eq!(plan(&only(corrected), &only(running.clone())), [forward]);

    running.quarantined.insert(good.key);
    let stop = Action::Stop { id: id(1), why: Why::NothingToRun };
    assert_eq!(plan(&only(wanted.clone()), &only(running.clone())), [stop]);
    running.active = None;
    assert_eq!(plan(&only(wanted), &only(running)), []);
}

#[test]
fn what_cannot_be_fetched_leaves_the_last_good_one_running() {
    let (good, wanted) = (version(1, 1, 1), version(2, 1, 1));
    let mut running = Running {
        active: Some(good.clone()),
        last_good: Some(good.key.clone()),
        quarantined: BTreeSet::new(),
        unavailable: [wanted.key.clone()].into(),
    };
    assert_eq!(plan(&only(wanted.clone()), &only(running.clone())), []);
    running.unavailable.clear();
    let reload = Action::Reload { id: id(1), from: good, to: wanted.clone() };
    assert_eq!(plan(&only(wanted), &only(running)), [reload]);
}

#[test]
fn the_last_good_version_runs_for_the_present_owner() {
    let running = Running { last_good: Some(key(1, 1)), quarantined: [key(2, 1)].into(), ..Running::default() };
    let start = Action::Start { id: id(1), version: version(1, 1, 9) };
    assert_eq!(plan(&only(version(2, 1, 9)), &only(running)), [start]);
}

#[test]
fn params_have_one_spelling() {
    let params = |text| Params::of(&serde_json::from_str(text).unwrap());
    let spelled = params(r#"{ "b": [1, {"z": null, "y": "\"é\n"}], "a": {"d": 1.5, "c": true} }"#);
    assert_eq!(spelled.as_str(), r#"{"a":{"c":true,"d":1.5},"b":[1,{"y":"\"é\n","z":null}]}"#);
    assert_eq!(spelled, params(r#"{"a":{"c":true,"d":1.50},"b":[1,{"y":"\"é\n","z":null}]}"#));
    assert_eq!(params("{}").hash(), Digest::of(b"{}"));
    assert_ne!(params(r#"{"a":1}"#), params(r#"{"a":"1"}"#));
}

fn kind(action: &Action) -> u8 {
    match action {
        Action::Stop { .. } => 0,
        Action::Reload { .. } => 1,
        Action::Start { .. } => 2,
    }
}

fn id_of(action: &Action) -> TraderId {
    match action {
        Action::Stop { id, .. } | Action::Reload { id, .. } | Action::Start { id, .. } => *id,
    }
}

fn any_version() -> impl Strategy<Value = Version> {
    (0..2u8, 0..2u8, 0..2u8).prop_map(|(digest, period, owner)| version(digest, period, owner))
}

fn any_key() -> impl Strategy<Value = VersionKey> {
    (0..2u8, 0..2u8).prop_map(|(digest, period)| key(digest, period))
}

fn any_running() -> impl Strategy<Value = Running> {
    let keys = || btree_set(any_key(), 0..4);
    (option::of(any_version()), option::of(any_key()), keys(), keys()).prop_map(
        |(active, last_good, quarantined, unavailable)| Running { active, last_good, quarantined, unavailable },
    )
}

fn any_desired() -> impl Strategy<Value = Desired> {
    btree_map((0..6u8).prop_map(id), any_version(), 0..6)
}

fn any_known() -> impl Strategy<Value = Known> {
    btree_map((0..6u8).prop_map(id), any_running(), 0..6)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn one_step_converges(desired in any_desired(), known in any_known()) {
        let mut after = known.clone();
        apply(&plan(&desired, &known), &mut after);
        prop_assert_eq!(plan(&desired, &after), []);
        for (id, running) in &after {
            let Some(active) = &running.active else { continue };
            prop_assert!(desired.contains_key(id), "ran on without being desired");
            prop_assert!(running.can_run(&active.key));
            prop_assert_eq!(active.attribution, desired[id].attribution);
            prop_assert!(active == &desired[id] || running.last_good.as_ref() == Some(&active.key));
        }
        for (id, wanted) in &desired {
            let running = &after.get(id).cloned().unwrap_or_default();
            if running.can_run(&wanted.key) {
                prop_assert_eq!(running.active.as_ref(), Some(wanted));
            }
        }
    }

    #[test]
    fn only_what_may_run_is_started(desired in any_desired(), known in any_known()) {
        for action in plan(&desired, &known) {
            let (Action::Start { id, version } | Action::Reload { id, to: version, .. }) = action else { continue };
            prop_assert!(desired.contains_key(&id));
            prop_assert!(known.get(&id).is_none_or(|running| running.can_run(&version.key)));
        }
    }

    #[test]
    fn stops_precede_reloads_precede_starts(desired in any_desired(), known in any_known()) {
        let actions = plan(&desired, &known);
        let order: Vec<_> = actions.iter().map(|action| (kind(action), id_of(action))).collect();
        prop_assert!(order.is_sorted());
        let mut unique = order.clone();
        unique.dedup();
        prop_assert_eq!(unique, order, "the same done twice");
    }

    #[test]
    fn actions_concern_known_traders_and_no_undesired_one_runs_on(desired in any_desired(), known in any_known()) {
        let actions = plan(&desired, &known);
        for action in &actions {
            let id = id_of(action);
            prop_assert!(desired.contains_key(&id) || known.contains_key(&id));
        }
        for (id, running) in &known {
            if running.active.is_some() && !desired.contains_key(id) {
                let stop = Action::Stop { id: *id, why: Why::NotDesired };
                prop_assert!(actions.contains(&stop));
            }
        }
    }
}
