//! Parameters: what a trader describes of each, and the one place that judges a value, for the host, the commands and the schema.

use serde::Serialize;
use serde_json::{Number, Value};

use super::limits;
use super::manifest::{Implausible, at_most, rule, text};
use crate::text::shown;

/// The value of a parameter.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum ParamValue {
    /// True or false.
    Boolean(bool),
    /// A whole number.
    Integer(i64),
    /// A number.
    Number(f64),
    /// A text.
    Text(String),
}

impl ParamValue {
    /// What it is called in messages and in the schema.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Boolean(_) => "boolean",
            Self::Integer(_) => "integer",
            Self::Number(_) => "number",
            Self::Text(_) => "text",
        }
    }
}

/// A parameter of a trader.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Param {
    /// Its name.
    pub name: String,
    /// What it does.
    pub help: String,
    /// Its value when none is given.
    pub default: ParamValue,
    /// Its least value.
    pub minimum: Option<f64>,
    /// Its greatest value.
    pub maximum: Option<f64>,
    /// The only values of a text; empty means any.
    pub choices: Vec<String>,
}

impl Param {
    /// A default or bounds that contradict themselves are a lie of the description.
    pub(super) fn check(&self) -> Result<(), Implausible> {
        let what = &self.name;
        text(&format!("the help of parameter {what:?}"), &self.help, limits::HELP_BYTES)?;
        at_most(&format!("choices of parameter {what:?}"), self.choices.len(), limits::CHOICES)?;
        for choice in &self.choices {
            text(&format!("a choice of parameter {what:?}"), choice, limits::TITLE_BYTES)?;
        }
        for bound in [self.minimum, self.maximum].into_iter().flatten() {
            rule(bound.is_finite(), || format!("parameter {what:?} has the bound {bound}, bounds must be finite"))?;
        }
        let numeric = matches!(self.default, ParamValue::Integer(_) | ParamValue::Number(_));
        rule(numeric || (self.minimum.is_none() && self.maximum.is_none()), || {
            format!("parameter {what:?} is a {} and has bounds, only numbers have them", self.default.kind())
        })?;
        rule(self.choices.is_empty() || matches!(self.default, ParamValue::Text(_)), || {
            format!("parameter {what:?} is a {} and has choices, only texts have them", self.default.kind())
        })?;
        if let (Some(minimum), Some(maximum)) = (self.minimum, self.maximum) {
            rule(minimum <= maximum, || {
                format!("parameter {what:?} has the bounds {minimum} to {maximum}, swap them")
            })?;
        }
        let (fits, given) = match &self.default {
            ParamValue::Boolean(value) => (true, value.to_string()),
            ParamValue::Integer(value) => (self.bounds(Exact::Whole((*value).into())), value.to_string()),
            ParamValue::Number(value) => (self.bounds(Exact::Float(*value)), value.to_string()),
            ParamValue::Text(value) => (self.takes(value), format!("{:?}", shown(value, limits::NAME_BYTES))),
        };
        rule(fits, || self.out_of_bounds(&given))
    }

    /// Judges a value.
    ///
    /// # Errors
    ///
    /// Another type, out of bounds, or none of the choices: named with what is allowed.
    pub fn accept(&self, value: &Value) -> Result<ParamValue, Implausible> {
        let (accepted, fits) = match (&self.default, value) {
            (ParamValue::Boolean(_), Value::Bool(value)) => (ParamValue::Boolean(*value), true),
            // JSON does not tell 7.0 from 7, and neither does the schema.
            (ParamValue::Integer(_), Value::Number(number)) => {
                let whole = Exact::of(number).whole().ok_or_else(|| self.of_another_type(value))?;
                let kept = i64::try_from(whole).ok().filter(|_| self.bounds(Exact::Whole(whole)));
                (ParamValue::Integer(kept.unwrap_or_default()), kept.is_some())
            }
            (ParamValue::Number(_), Value::Number(number)) => {
                let kept = number.as_f64().filter(|_| self.bounds(Exact::of(number)));
                (ParamValue::Number(kept.unwrap_or_default()), kept.is_some())
            }
            (ParamValue::Text(_), Value::String(text)) => (ParamValue::Text(text.clone()), self.takes(text)),
            _ => return Err(self.of_another_type(value)),
        };
        rule(fits, || self.out_of_bounds(&shown(&value.to_string(), limits::NAME_BYTES)))?;
        Ok(accepted)
    }

    fn of_another_type(&self, value: &Value) -> Implausible {
        Implausible(format!(
            "parameter {:?} is {}, give a{} {}{}",
            self.name,
            shown(&value.to_string(), limits::NAME_BYTES),
            if self.default.kind() == "integer" { "n" } else { "" },
            self.default.kind(),
            self.allowed()
        ))
    }

    fn out_of_bounds(&self, given: &str) -> String {
        format!("parameter {:?} is {given}, give a value{}", self.name, self.allowed())
    }

    fn takes(&self, text: &str) -> bool {
        if self.choices.is_empty() {
            // Characters and not bytes: that is what a schema can say.
            return text.chars().count() <= limits::TEXT_CHARACTERS;
        }
        self.choices.iter().any(|choice| choice == text)
    }

    fn bounds(&self, value: Exact) -> bool {
        value.is_finite()
            && self.minimum.is_none_or(|minimum| value.is_at_least(minimum))
            && self.maximum.is_none_or(|maximum| value.is_at_most(maximum))
    }

    /// What it takes, in words that follow `give a value`.
    pub(super) fn allowed(&self) -> String {
        match (self.minimum, self.maximum) {
            (Some(minimum), Some(maximum)) => format!(" from {minimum} to {maximum}"),
            (Some(minimum), None) => format!(" from {minimum}"),
            (None, Some(maximum)) => format!(" up to {maximum}"),
            (None, None) if !self.choices.is_empty() => format!(" out of {}", self.choices.join(", ")),
            (None, None) => match self.default {
                ParamValue::Boolean(_) | ParamValue::Number(_) => String::new(),
                ParamValue::Integer(_) => format!(" from {} to {}", i64::MIN, i64::MAX),
                ParamValue::Text(_) => format!(" of at most {} characters", limits::TEXT_CHARACTERS),
            },
        }
    }
}

/// A number as it was given, before it is rounded to a float.
#[derive(Debug, Clone, Copy)]
enum Exact {
    Whole(i128),
    Float(f64),
}

impl Exact {
    fn of(number: &Number) -> Self {
        let whole = number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from));
        whole.map_or_else(|| Self::Float(number.as_f64().unwrap_or(f64::NAN)), Self::Whole)
    }

    /// The whole number that it is.
    fn whole(self) -> Option<i128> {
        match self {
            Self::Whole(whole) => Some(whole),
            // What does not fit is beyond every bound, and so is where the conversion stops.
            Self::Float(float) => (float.is_finite() && float.fract() == 0.0).then_some(float as i128),
        }
    }

    fn is_finite(self) -> bool {
        match self {
            Self::Whole(_) => true,
            Self::Float(float) => float.is_finite(),
        }
    }

    fn is_at_least(self, minimum: f64) -> bool {
        match self {
            Self::Whole(whole) => whole >= minimum.ceil() as i128,
            Self::Float(float) => float >= minimum,
        }
    }

    fn is_at_most(self, maximum: f64) -> bool {
        match self {
            Self::Whole(whole) => whole <= maximum.floor() as i128,
            Self::Float(float) => float <= maximum,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::manifest::Manifest;
    use crate::sandbox::manifest::tests::described;

    fn given(text: &str) -> Result<Vec<(String, ParamValue)>, String> {
        let manifest = Manifest::check(described()).unwrap();
        manifest.params(&serde_json::from_str(text).unwrap()).map_err(|error| error.to_string())
    }

    #[test]
    fn what_is_not_given_has_its_default() {
        let params = given(r#"{"period": 7, "interval": "1m"}"#).unwrap();
        let values: Vec<ParamValue> = params.into_iter().map(|(_, value)| value).collect();
        assert_eq!(
            values,
            [
                ParamValue::Integer(7),
                ParamValue::Number(30.0),
                ParamValue::Boolean(true),
                ParamValue::Text("1m".into())
            ]
        );
        assert!(given(r#"{"line": 5}"#).is_ok(), "an integer is a number");
    }

    #[test]
    fn wrong_values_are_refused_with_what_is_allowed() {
        for (text, reason) in [
            (r#"{"perod": 7}"#, "\"Test\" has no parameter \"perod\", it has period, line, loud, interval"),
            (r#"{"period": 201}"#, "parameter \"period\" is 201, give a value from 2 to 200"),
            (r#"{"period": 1e300}"#, "parameter \"period\" is 1e+300, give a value from 2 to 200"),
            (r#"{"period": 7.5}"#, "parameter \"period\" is 7.5, give an integer from 2 to 200"),
            (r#"{"period": "7"}"#, "parameter \"period\" is \"7\", give an integer from 2 to 200"),
            (r#"{"loud": null}"#, "parameter \"loud\" is null, give a boolean"),
            (r#"{"interval": "2m"}"#, "parameter \"interval\" is \"2m\", give a value out of 1m, 5m"),
        ] {
            assert_eq!(given(text).unwrap_err(), reason);
        }
    }

    #[test]
    fn numbers_are_judged_before_they_are_rounded() {
        let edge = (1_i64 << 53) as f64;
        let param = |default| Param {
            name: "edge".into(),
            help: String::new(),
            default,
            minimum: None,
            maximum: Some(edge),
            choices: Vec::new(),
        };
        for param in [param(ParamValue::Integer(1)), param(ParamValue::Number(1.0))] {
            assert!(param.accept(&Value::from(1_u64 << 53)).is_ok());
            assert!(param.accept(&Value::from((1_u64 << 53) + 1)).is_err(), "as a float it would be the bound");
        }
        let whole = param(ParamValue::Integer(1)).accept(&Value::from(7.0));
        assert_eq!(whole, Ok(ParamValue::Integer(7)), "JSON does not tell 7.0 from 7");
        assert!(Param { maximum: None, ..param(ParamValue::Integer(1)) }.accept(&Value::from(u64::MAX)).is_err());
    }
}
