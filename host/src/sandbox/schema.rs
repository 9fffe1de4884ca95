//! The JSON Schema of a trader's parameters, for forms. It accepts what [`Manifest::params`] accepts, but for what a trader itself
//! refuses of values that do not go together.

use serde_json::{Map, Value, json};

use super::limits;
use super::manifest::Manifest;
use super::param::{Param, ParamValue};

impl Manifest {
    /// A schema of draft 2020-12 of the object that [`params`](Self::params) takes. `x-order` is the place of a property among those
    /// described, since an object has no order.
    #[must_use]
    pub fn params_schema(&self) -> Value {
        let properties: Map<String, Value> = self
            .params
            .iter()
            .enumerate()
            .map(|(order, param)| {
                let mut property = property(param);
                property.insert("x-order".into(), order.into());
                (param.name.clone(), Value::Object(property))
            })
            .collect();
        json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "title": self.name,
            "description": self.summary,
            "type": "object",
            "properties": properties,
            "additionalProperties": false,
        })
    }
}

fn property(param: &Param) -> Map<String, Value> {
    let mut property = Map::new();
    let mut say = |keyword: &str, value: Value| property.insert(keyword.to_owned(), value);
    let kind = match &param.default {
        ParamValue::Text(_) => "string",
        other => other.kind(),
    };
    say("type", kind.into());
    say("title", title(&param.name).into());
    if !param.help.is_empty() {
        say("description", param.help.clone().into());
    }
    match &param.default {
        ParamValue::Boolean(value) => {
            say("default", (*value).into());
        }
        ParamValue::Integer(value) => {
            say("default", (*value).into());
            // Where the conversion stops is where the type does.
            say("minimum", param.minimum.map_or(i64::MIN, |minimum| minimum.ceil() as i64).into());
            say("maximum", param.maximum.map_or(i64::MAX, |maximum| maximum.floor() as i64).into());
        }
        ParamValue::Number(value) => {
            say("default", number(*value));
            if let Some(minimum) = param.minimum {
                say("minimum", number(minimum));
            }
            if let Some(maximum) = param.maximum {
                say("maximum", number(maximum));
            }
        }
        ParamValue::Text(value) => {
            say("default", value.clone().into());
            if param.choices.is_empty() {
                say("maxLength", limits::TEXT_CHARACTERS.into());
            } else {
                say("enum", param.choices.clone().into());
            }
        }
    }
    property
}

/// `rsi_period` as `Rsi period`.
fn title(name: &str) -> String {
    let words = name.replace('_', " ");
    let mut characters = words.chars();
    characters.next().map(|first| first.to_uppercase().chain(characters).collect()).unwrap_or_default()
}

/// Whole ones without a point, as people write them.
fn number(value: f64) -> Value {
    let is_whole = value.fract() == 0.0 && value.abs() < 1e15;
    if is_whole { Value::from(value as i64) } else { Value::from(value) }
}

#[cfg(test)]
#[path = "schema_tests.rs"]
mod tests;
