use super::*;

const ID: &str = "5048128b-9ea9-4af7-b08b-cc1361d552fa";
const USER: &str = "63eea370-27a1-4099-866a-e3ed340b278d";

fn one(text: &str) -> Result<Entry, InvalidRow> {
    let mut traders = parse(text).unwrap().traders;
    assert_eq!(traders.len(), 1);
    traders.remove(0)
}

/// What is wrong with a trader that has these lines beside id, name and module.
fn fault(lines: &str) -> InvalidRow {
    let text = format!("[[traders]]\nid = '{ID}'\nname = 'Short'\nmodule = 'short.wasm'\n{lines}");
    match one(&text) {
        Ok(_) => panic!("{lines} was accepted"),
        Err(invalid) => invalid,
    }
}

fn error(text: &str) -> String {
    let error = parse(text).map(|_| ()).unwrap_err().to_string();
    assert!(!error.contains('\n'), "{error}");
    error
}

#[test]
fn the_example_of_the_error_message_is_right() {
    let entry = one(EXAMPLE).unwrap();
    assert_eq!(entry.row.id.to_string(), ID);
    assert_eq!((entry.row.is_built_in, entry.row.user_id, entry.row.enabled), (Some(true), None, Some(true)));
    assert_eq!(entry.module, "stoch-rsi-overbought-short");
}

#[test]
fn every_key_is_read() {
    let entry = one(&format!(
        "[[traders]]\nid = '{ID}'\nname = 'Short'\nuser_id = '{USER}'\nenabled = false\nmodule = 'a/b.wasm'\n\
         [traders.params]\nperiod = 14\nlevel = 80.5\nside = 'short'\non = true\nlist = [1, [2.0]]\nsub = {{ a = 1 }}"
    ))
    .unwrap();
    assert_eq!(entry.label, "\"Short\" (entry 1 of [[traders]])");
    let row = entry.row;
    assert_eq!((row.name.as_str(), row.is_built_in, row.enabled), ("Short", Some(false), Some(false)));
    assert_eq!(row.user_id.unwrap().to_string(), USER);
    let params = serde_json::json!({
        "period": 14, "level": 80.5, "side": "short", "on": true, "list": [1, [2.0]], "sub": { "a": 1 }
    });
    assert_eq!(Json::Object(row.params), params);
}

#[test]
fn an_unknown_key_is_named_with_those_allowed() {
    let invalid = fault("enable = false");
    assert_eq!(invalid.id, Some(ID.parse().unwrap()));
    assert_eq!(
        invalid.to_string(),
        "trader \"Short\" (entry 1 of [[traders]]): unknown field `enable`, expected one of `id`, `name`, \
         `is_built_in`, `user_id`, `enabled`, `module`, `params`"
    );
}

#[test]
fn a_value_of_a_wrong_type_names_its_key() {
    for (lines, key) in [
        ("enabled = 'yes'", "enabled"),
        ("is_built_in = 1", "is_built_in"),
        ("user_id = 5", "user_id"),
        ("params = 3", "params"),
    ] {
        let reason = fault(lines).reason;
        assert!(reason.contains("invalid type") && reason.contains(&format!("`{key}`")), "{reason}");
        assert!(!reason.contains('\n'), "{reason}");
    }
    let reason = fault("user_id = 'me'").reason;
    assert!(reason.contains("\"me\" is not a uuid") && reason.contains("`user_id`"), "{reason}");
}

#[test]
fn what_is_missing_is_named() {
    for (text, key) in [
        ("[[traders]]\nname = 'x'\nmodule = 'x.wasm'".to_owned(), "id"),
        (format!("[[traders]]\nid = '{ID}'\nmodule = 'x.wasm'"), "name"),
        (format!("[[traders]]\nid = '{ID}'\nname = 'x'"), "module"),
    ] {
        let invalid = one(&text).map(|_| ()).unwrap_err();
        assert_eq!(invalid.reason, format!("missing field `{key}`"));
        assert!(invalid.name.contains("entry 1"), "{invalid}");
    }
    let blank = one(&format!("[[traders]]\nid = '{ID}'\nname = ' '\nmodule = 'x.wasm'")).map(|_| ());
    assert_eq!(blank.unwrap_err().reason, "name is empty; give the trader a name");
}

#[test]
fn params_hold_what_json_can() {
    let reason = |line: &str| fault(&format!("[traders.params]\n{line}")).reason;
    for date in ["2025-11-17", "2025-11-17T00:00:00Z", "12:00:00"] {
        let reason = reason(&format!("deep = [{{ since = {date} }}]"));
        assert!(reason.starts_with("\"params.deep[0].since\" is a date or time"), "{reason}");
    }
    for number in ["nan", "inf", "-inf"] {
        assert!(reason(&format!("level = {number}")).starts_with("\"params.level\" is "), "{number}");
    }
}

#[test]
fn one_bad_trader_leaves_the_others() {
    let text = format!("[[traders]]\nid = 'x'\n[[traders]]\nid = '{ID}'\nname = 'b'\nmodule = 'b.wasm'");
    let traders = parse(&text).unwrap().traders;
    assert!(matches!(traders.as_slice(), [Err(InvalidRow { id: None, .. }), Ok(_)]));
}

#[test]
fn rows_with_one_id_are_all_refused() {
    let row = |id: &str, name: &str| format!("[[traders]]\nid = '{id}'\nname = '{name}'\nmodule = 'x.wasm'\n");
    let text = row(ID, "a") + &row(USER, "b") + &row(&ID.to_uppercase(), "c");
    let traders = parse(&text).unwrap().traders;
    let [Err(a), Ok(_), Err(c)] = traders.as_slice() else { panic!("the wrong rows were refused") };
    assert_eq!((a.id, c.id), (Some(ID.parse().unwrap()), Some(ID.parse().unwrap())));
    assert_eq!(
        a.reason,
        format!(
            "id {ID} is used by \"a\" (entry 1 of [[traders]]) and \"c\" (entry 3 of [[traders]]); give each its own"
        )
    );
}

#[test]
fn a_file_that_cannot_be_read_is_an_error_of_the_whole() {
    let message = error("[[traders]]\nid = 'x'\nname = \n");
    assert!(message.starts_with("traders.toml line 3: "), "{message}");
    assert_eq!(
        error("[[trader]]\nid = 'x'"),
        "traders.toml: unknown key \"trader\"; it holds [[traders]] and [[user_fly_apps]] only"
    );
    for text in ["traders = 3", "traders = [1]", "[traders]\nid = 'x'"] {
        assert_eq!(error(text), "traders.toml: traders is not a list of tables; write [[traders]]");
    }
    assert!(parse("").unwrap().traders.is_empty());
}

#[test]
fn apps_are_read_strictly() {
    let app =
        |lines: &str| format!("[[user_fly_apps]]\nid = '{ID}'\nuser_id = '{USER}'\nfly_app_name = 'vyx-user'\n{lines}");
    let read = |lines: &str| parse(&app(lines)).map(|tables| tables.user_fly_apps[0].clone());
    let plain = read("").unwrap();
    assert_eq!((plain.fly_app_name.as_str(), plain.is_deleted()), ("vyx-user", false));
    assert!(read("status = 'deleted'").unwrap().is_deleted());
    assert!(!read("status = 'deprovisioning'").unwrap().is_deleted());
    for time in ["2025-11-17T10:00:00Z", "'2025-11-17T10:00:00Z'"] {
        let deleted = read(&format!("deleted_at = {time}")).unwrap();
        assert_eq!(deleted.deleted_at.as_deref(), Some("2025-11-17T10:00:00Z"));
        assert!(deleted.is_deleted());
    }
    let place = "traders.toml: \"vyx-user\" (entry 1 of [[user_fly_apps]]): ";
    for (lines, says) in [
        ("status = 'Deleted'", "status \"Deleted\" is unknown; use one of provisioning"),
        ("deleted_at = ''", "deleted_at is not a time"),
        ("deleted_at = true", "deleted_at is not a time"),
        ("region = 'fra'", "unknown field `region`, expected one of `id`"),
    ] {
        let message = error(&app(lines));
        assert!(message.starts_with(&format!("{place}{says}")), "{message}");
    }
}

#[test]
fn what_strangers_wrote_cannot_reach_the_terminal() {
    let text = "[[traders]]\nid = '\\u001b[2J'\nname = \"a\\u001b[2J\\nb\"\nmodule = 'x'\n\"k\\u001b\" = 1";
    let shown = one(text).map(|_| ()).unwrap_err().to_string();
    assert!(!shown.contains(char::is_control), "{shown:?}");
}
