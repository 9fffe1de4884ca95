//! A row of `traders` as PostgREST gives it, read strictly: what is not what it should be is never guessed at.

use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::config::quoted;
use crate::ids::{TraderId, UserId};
use crate::module::Digest;
use crate::registry::{InvalidRow, ModuleRef, TraderRow};
use crate::supabase::module_path;
use crate::text::shown;

/// What the host reads of a trader. The code of the old host's filters is not among it.
pub const COLUMNS: &str = "id,name,is_built_in,user_id,enabled,module_sha256,params,enabled_at,disabled_at";

/// Bytes of a name that are shown and logged.
const NAME_BYTES: usize = 80;

/// When a trader that is disabled was disabled, by the clock of the database. One that was enabled again keeps the time of long
/// ago, which has nothing to do with why it stops now.
pub(super) fn disabled_at(row: &Value) -> Option<(TraderId, Timestamp)> {
    if row.get("enabled") == Some(&Value::Bool(true)) { None } else { time(row, "disabled_at") }
}

/// When the trader was last enabled or disabled, by the clock of the database.
pub(super) fn time(row: &Value, column: &str) -> Option<(TraderId, Timestamp)> {
    let text = |column: &str| row.get(column).and_then(Value::as_str);
    Some((text("id")?.parse().ok()?, text(column)?.parse().ok()?))
}

pub(super) fn decode(row: Value) -> Result<TraderRow, InvalidRow> {
    let Value::Object(mut row) = row else {
        return Err(InvalidRow { id: None, name: "a row".to_owned(), reason: "it is not an object".to_owned() });
    };
    let id = row.get("id").and_then(Value::as_str).and_then(|id| id.parse().ok());
    let name = match row.get("name") {
        Some(Value::String(name)) => shown(name, NAME_BYTES),
        _ => id.map_or_else(|| "without a name".to_owned(), |id: TraderId| id.to_string()),
    };
    let invalid = |reason: String| InvalidRow { id, name: name.clone(), reason };
    let Some(id) = id else {
        return Err(invalid("its id is not a uuid".to_owned()));
    };
    let user_id: Option<UserId> = optional(&row, "user_id").map_err(&invalid)?;
    let is_built_in = flag(&row, "is_built_in").map_err(&invalid)?;
    let enabled = flag(&row, "enabled").map_err(&invalid)?;
    let digest: Option<Digest> = optional(&row, "module_sha256").map_err(&invalid)?;
    let params = params(row.remove("params")).map_err(&invalid)?;
    let module = digest.map(|digest| ModuleRef { digest, place: module_path(user_id, &digest) });
    Ok(TraderRow { id, name, is_built_in, user_id, enabled, module, params })
}

fn optional<T: std::str::FromStr>(row: &Map<String, Value>, column: &str) -> Result<Option<T>, String>
where
    T::Err: std::fmt::Display,
{
    match row.get(column) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => text.parse().map(Some).map_err(|error| format!("{column}: {error}")),
        Some(other) => Err(format!("{column} is {}, not a text", kind(other))),
    }
}

/// Null stays null: what it means is for `ownership` to say.
fn flag(row: &Map<String, Value>, column: &str) -> Result<Option<bool>, String> {
    match row.get(column) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Bool(value)) => Ok(Some(*value)),
        Some(other) => Err(format!("{column} is {}, not true or false", kind(other))),
    }
}

/// A text that holds JSON was encoded twice by whoever wrote it. To decode it here would hide that, and the next reader would
/// find no parameters at all.
fn params(value: Option<Value>) -> Result<Map<String, Value>, String> {
    match value {
        None | Some(Value::Null) => Ok(Map::new()),
        Some(Value::Object(params)) => Ok(params),
        Some(Value::String(text)) if serde_json::from_str::<Map<String, Value>>(&text).is_ok() => {
            Err("params is JSON encoded twice; write the object itself, not a text of it".to_owned())
        }
        Some(other) => Err(format!("params is {}, not an object; write {{\"name\": value}}", kind(&other))),
    }
}

fn kind(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => quoted(text),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "an object".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const ID: &str = "73d7da06-0000-4000-8000-000000000001";
    const USER: &str = "63eea370-27a1-4099-866a-e3ed340b278d";

    fn with(column: &str, value: Value) -> Result<TraderRow, String> {
        let mut row = json!({
            "id": ID, "name": "1m MACD", "is_built_in": true, "user_id": null, "enabled": true,
            "module_sha256": "ab".repeat(32), "params": {"fast": 12},
        });
        row[column] = value;
        decode(row).map_err(|invalid| {
            assert_eq!(invalid.id, Some(ID.parse().unwrap()), "{}", invalid.reason);
            invalid.reason
        })
    }

    #[test]
    fn a_row_is_read() {
        let row = with("name", json!("1m MACD")).unwrap();
        assert_eq!((row.is_built_in, row.user_id, row.enabled), (Some(true), None, Some(true)));
        assert_eq!(row.module.unwrap().place, format!("built-in/{}.wasm", "ab".repeat(32)));
        assert_eq!(row.params, Map::from_iter([("fast".to_owned(), json!(12))]));
        let row = with("user_id", json!(USER)).unwrap();
        assert_eq!(row.module.unwrap().place, format!("{USER}/{}.wasm", "ab".repeat(32)));
    }

    #[test]
    fn only_a_disabled_row_says_when_it_was_disabled() {
        let row = |enabled| json!({"id": ID, "enabled": enabled, "disabled_at": "2026-01-05T00:00:00Z"});
        assert!(disabled_at(&row(json!(false))).is_some());
        assert!(disabled_at(&row(Value::Null)).is_some());
        assert_eq!(disabled_at(&row(json!(true))), None);
    }

    #[test]
    fn filter_json_encoded_twice_is_told_and_not_decoded() {
        let reason = with("params", json!("{\"fast\": 12}")).unwrap_err();
        assert_eq!(reason, "params is JSON encoded twice; write the object itself, not a text of it");
    }

    #[test]
    fn nulls_stay_null_and_are_no_empty_user() {
        let row = with("user_id", Value::Null).unwrap();
        assert_eq!(row.user_id, None);
        assert_eq!(with("enabled", Value::Null).unwrap().enabled, None);
        assert_eq!(with("module_sha256", Value::Null).unwrap().module, None);
        assert!(with("user_id", json!("")).unwrap_err().contains("it is empty"));
    }

    #[test]
    fn what_is_not_what_it_should_be_names_the_column() {
        for (column, value) in [
            ("enabled", json!("true")),
            ("is_built_in", json!(1)),
            ("module_sha256", json!("AB")),
            ("user_id", json!(7)),
            ("params", json!([1])),
            ("params", json!("fast")),
        ] {
            let reason = with(column, value).unwrap_err();
            assert!(reason.starts_with(column), "{reason}");
        }
    }

    #[test]
    fn a_row_without_an_id_is_told_as_well() {
        let invalid = decode(json!({"id": 7, "name": "x\u{1b}[2J"})).unwrap_err();
        assert_eq!((invalid.id, invalid.name.as_str()), (None, "x\\u{1b}[2J"));
        assert!(decode(json!([])).is_err());
    }
}
