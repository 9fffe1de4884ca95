use proptest::prelude::*;
use serde_json::{Map, Number, Value, json};

use super::*;
use crate::sandbox::manifest::tests::described;
use crate::sandbox::manifest::{Described, Manifest};

#[test]
fn a_form_finds_all_that_it_needs() {
    let schema = Manifest::check(described()).unwrap().params_schema();
    insta::assert_snapshot!(serde_json::to_string_pretty(&schema).unwrap());
    assert!(jsonschema::meta::is_valid(&schema), "it is a schema itself");
}

fn param(name: &'static str) -> impl Strategy<Value = Param> {
    let bounds = || {
        let bound =
            || prop_oneof![-50.0..50.0, (-50..50).prop_map(f64::from), Just(9_007_199_254_740_992.0), Just(1e19)];
        (proptest::option::of(bound()), proptest::option::of(bound())).prop_map(|(a, b)| match (a, b) {
            (Some(a), Some(b)) => (Some(f64::min(a, b)), Some(f64::max(a, b))),
            other => other,
        })
    };
    let numeric = (any::<bool>(), -60_i64..60, bounds()).prop_map(move |(is_whole, value, (minimum, maximum))| {
        let default = if is_whole { ParamValue::Integer(value) } else { ParamValue::Number(value as f64 / 2.0) };
        Param { name: name.into(), help: String::new(), default, minimum, maximum, choices: Vec::new() }
    });
    let other = prop_oneof![
        any::<bool>().prop_map(|value| (ParamValue::Boolean(value), Vec::new())),
        "[a-cé]{0,3}".prop_map(|text| (ParamValue::Text(text), Vec::new())),
        proptest::collection::vec("[a-c]{1,2}", 1..4)
            .prop_map(|choices| (ParamValue::Text(choices[0].clone()), choices)),
    ];
    let other = other.prop_map(move |(default, choices)| Param {
        name: name.into(),
        help: "Help.".into(),
        default,
        minimum: None,
        maximum: None,
        choices,
    });
    prop_oneof![numeric, other]
}

/// A manifest that the host believes.
fn manifest() -> impl Strategy<Value = Manifest> {
    (param("first"), param("second")).prop_filter_map("its defaults fit", |(first, second)| {
        Manifest::check(Described { params: vec![first, second], ..described() }).ok()
    })
}

fn number() -> impl Strategy<Value = Value> {
    prop_oneof![
        (-60_i64..60).prop_map(Value::from),
        (-120_i64..120).prop_map(|halves| Value::from(halves as f64 / 2.0)),
        (9_007_199_254_740_988_u64..9_007_199_254_740_998).prop_map(Value::from),
        prop_oneof![Just(i64::MIN), Just(i64::MAX)].prop_map(Value::from),
        (u64::MAX - 3..=u64::MAX).prop_map(Value::from),
        prop_oneof![Just(1e19), Just(-1e19), Just(9.3e18), Just(-0.0), Just(1e300), Just(5e-324)].prop_map(Value::from),
        any::<f64>().prop_filter_map("JSON has it", |value| Number::from_f64(value).map(Value::Number)),
    ]
}

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        4 => number(),
        1 => any::<bool>().prop_map(Value::from),
        2 => "[a-cé]{0,3}".prop_map(Value::from),
        1 => (395_usize..405).prop_map(|length| Value::from("é".repeat(length))),
        1 => Just(Value::Null),
        1 => Just(json!([1])),
        1 => Just(json!({"a": 1})),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    /// What the form accepts, the host accepts, and nothing else.
    #[test]
    fn the_schema_accepts_what_the_host_accepts(
        manifest in manifest(),
        given in proptest::collection::btree_map(
            prop_oneof![4 => Just("first"), 4 => Just("second"), 1 => Just("third")], value(), 0..3,
        ),
    ) {
        let given: Map<String, Value> = given.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        let schema = manifest.params_schema();
        let judged = manifest.params(&given);
        let is_valid = jsonschema::validator_for(&schema).unwrap().is_valid(&Value::Object(given.clone()));
        prop_assert_eq!(judged.is_ok(), is_valid, "{:?} of {:?}: {:?}", given, schema, judged);
    }
}
