//! What clients say: SUBSCRIBE, UNSUBSCRIBE and the rest, and the answers in the words of the real one.

use serde_json::{Value, json};

/// What is asked.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Asked {
    Subscribe(Vec<String>),
    Unsubscribe(Vec<String>),
    List,
    SetCombined(bool),
    GetCombined,
}

/// A message that can be obeyed.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Control {
    pub(super) id: Value,
    pub(super) asked: Asked,
}

const METHODS: &str = "`SUBSCRIBE`, `UNSUBSCRIBE`, `LIST_SUBSCRIPTIONS`, `SET_PROPERTY`, `GET_PROPERTY`";

impl Control {
    /// Reads a message; the error is the answer.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let message: Value = serde_json::from_str(text).map_err(|error| {
            refusal(
                None,
                3,
                &format!("Invalid JSON: expected value at line {} column {}", error.line(), error.column()),
            )
        })?;
        let column = text.len();
        let invalid = |what: &str| refusal(None, 2, &format!("Invalid request: {what}"));
        let Some(method) = message.get("method") else {
            return Err(invalid(&format!("missing field `method` at line 1 column {column}")));
        };
        let id = message.get("id").cloned().unwrap_or(Value::Null);
        let is_id = match &id {
            Value::Null => message.get("id").is_some(),
            Value::Number(number) => number.is_i64(),
            Value::String(text) => text.len() <= 36 && text.bytes().all(|byte| byte.is_ascii_alphanumeric()),
            _ => false,
        };
        if !is_id {
            return Err(invalid("request ID must be an unsigned integer"));
        }
        let invalid = |what: &str| refusal(Some(&id), 2, &format!("Invalid request: {what}"));
        let params = message.get("params").and_then(Value::as_array);
        let streams = || {
            let Some(params) = params else {
                return Err(invalid(&format!("missing field `params` at line 1 column {column}")));
            };
            let names = params.iter().map(|name| name.as_str().map(str::to_owned)).collect::<Option<Vec<String>>>();
            names.ok_or_else(|| invalid(&format!("invalid type, expected a string at line 1 column {column}")))
        };
        let property = || match params.and_then(|params| params.first()) {
            Some(Value::String(name)) if name == "combined" => Ok(()),
            Some(Value::String(_)) => Err(refusal(Some(&id), 0, "Unknown property")),
            _ => Err(invalid("property name must be a string")),
        };
        let asked = match method.as_str() {
            Some("SUBSCRIBE") => Asked::Subscribe(streams()?),
            Some("UNSUBSCRIBE") => Asked::Unsubscribe(streams()?),
            Some("LIST_SUBSCRIPTIONS") => Asked::List,
            Some("SET_PROPERTY") => {
                property()?;
                match params.and_then(|params| params.get(1)) {
                    Some(Value::Bool(combined)) => Asked::SetCombined(*combined),
                    _ => return Err(refusal(Some(&id), 1, "Invalid value type: expected Boolean")),
                }
            }
            Some("GET_PROPERTY") => {
                property()?;
                Asked::GetCombined
            }
            _ => {
                let shown = method.as_str().unwrap_or_default();
                return Err(invalid(&format!(
                    "unknown variant `{shown}`, expected one of {METHODS} at line 1 column {column}"
                )));
            }
        };
        Ok(Self { id, asked })
    }
}

/// An answer to what was obeyed.
pub(super) fn done(id: &Value, result: &Value) -> String {
    format!(r#"{{"result":{result},"id":{id}}}"#)
}

/// An answer to what is not.
pub(super) fn refusal(id: Option<&Value>, code: i32, msg: &str) -> String {
    let msg = json!(msg);
    match id {
        Some(id) => format!(r#"{{"error":{{"code":{code},"msg":{msg}}},"id":{id}}}"#),
        None => format!(r#"{{"error":{{"code":{code},"msg":{msg}}}}}"#),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_read() {
        let subscribe = Control::parse(r#"{"method":"SUBSCRIBE","params":["a@kline_1m"],"id":7}"#).unwrap();
        assert_eq!(subscribe, Control { id: json!(7), asked: Asked::Subscribe(vec!["a@kline_1m".to_owned()]) });
        assert_eq!(done(&subscribe.id, &Value::Null), r#"{"result":null,"id":7}"#);
        let set = Control::parse(r#"{"method":"SET_PROPERTY","params":["combined",false],"id":"x1"}"#).unwrap();
        assert_eq!(set, Control { id: json!("x1"), asked: Asked::SetCombined(false) });
    }

    #[test]
    fn bad_messages_are_refused_in_the_words_of_the_real_one() {
        let refused = |text: &str| Control::parse(text).unwrap_err();
        assert_eq!(refused("{"), r#"{"error":{"code":3,"msg":"Invalid JSON: expected value at line 1 column 1"}}"#);
        assert!(refused(r#"{"id":1}"#).contains("missing field `method` at line 1 column 8"));
        assert!(refused(r#"{"method":"SUB","id":1}"#).contains("unknown variant `SUB`, expected one of `SUBSCRIBE`"));
        assert!(refused(r#"{"method":"SUBSCRIBE","params":[]}"#).contains("request ID must be"));
        assert!(refused(r#"{"method":"SUBSCRIBE","id":2}"#).ends_with(r#","id":2}"#));
        let set = refused(r#"{"method":"SET_PROPERTY","params":["combined",1],"id":3}"#);
        assert_eq!(set, r#"{"error":{"code":1,"msg":"Invalid value type: expected Boolean"},"id":3}"#);
    }
}
