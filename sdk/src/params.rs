//! Typed parameters: one declaration gives the struct, its defaults, its bounds and its help.

use std::fmt;

use serde::de::value::MapDeserializer;
use serde::de::{self, IntoDeserializer};

use crate::Interval;

/// A value as it crosses the boundary.
///
/// ```
/// use vyx_sdk::{Interval, ParamType, Value};
/// assert_eq!(14_u32.value(), Value::Integer(14));
/// assert_eq!(Interval::M5.value(), Value::Text("5m".into()));
/// ```
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// True or false.
    Boolean(bool),
    /// A whole number.
    Integer(i64),
    /// A number.
    Number(f64),
    /// A text.
    Text(String),
}

/// What the host knows of a parameter.
///
/// ```
/// use vyx_sdk::Params as _;
///
/// vyx_sdk::params! {
///     struct Params {
///         /// Candles that the RSI looks back.
///         rsi_period: u32 = 14, in 2..=200;
///     }
/// }
/// let spec = &Params::specs()[0];
/// assert_eq!((spec.name, spec.help), ("rsi_period", "Candles that the RSI looks back."));
/// assert_eq!((spec.minimum, spec.maximum), (Some(2.0), Some(200.0)));
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct ParamSpec {
    /// Its name, the field of the struct.
    pub name: &'static str,
    /// What it does.
    pub help: &'static str,
    /// Its value when none is given; gives its type as well.
    pub default: Value,
    /// Its least value.
    pub minimum: Option<f64>,
    /// Its greatest value.
    pub maximum: Option<f64>,
    /// The only values of a text; empty means any.
    pub choices: Vec<&'static str>,
}

/// The parameters of a trader. Made by [`params!`](crate::params!); `()` stands for none.
///
/// ```
/// use vyx_sdk::{Params as _, Value};
///
/// vyx_sdk::params! {
///     struct Params {
///         /// RSI below this line is oversold.
///         oversold: f64 = 30.0, in 1.0..=50.0;
///     }
/// }
/// assert_eq!(Params::read(vec![("oversold".into(), Value::Number(25.0))]).unwrap().oversold, 25.0);
/// assert!(Params::read(vec![("oversought".into(), Value::Number(25.0))]).is_err());
/// ```
pub trait Params: Default {
    /// What the host shows and checks.
    fn specs() -> Vec<ParamSpec>;

    /// Reads the parameters from named values; what is not named keeps its default.
    ///
    /// # Errors
    ///
    /// A name that is not a parameter, or a value of another type.
    fn read(values: Vec<(String, Value)>) -> Result<Self, ParamError>;
}

impl Params for () {
    fn specs() -> Vec<ParamSpec> {
        Vec::new()
    }

    fn read(values: Vec<(String, Value)>) -> Result<Self, ParamError> {
        match values.first() {
            None => Ok(()),
            Some((name, _)) => Err(ParamError(format!("there is no parameter {name:?}, there are none"))),
        }
    }
}

/// A type that a parameter may have: `bool`, `u32`, `usize`, `i64`, `f64`, `String` and [`Interval`].
pub trait ParamType {
    /// The value as it crosses the boundary.
    fn value(&self) -> Value;
    /// The only values that the type has; empty means any.
    fn choices() -> Vec<&'static str> {
        Vec::new()
    }
    /// The value as a bound.
    fn bound(&self) -> Option<f64> {
        match self.value() {
            Value::Integer(value) => Some(value as f64),
            Value::Number(value) => Some(value),
            Value::Boolean(_) | Value::Text(_) => None,
        }
    }
}

impl ParamType for bool {
    fn value(&self) -> Value {
        Value::Boolean(*self)
    }
}

impl ParamType for u32 {
    fn value(&self) -> Value {
        Value::Integer(i64::from(*self))
    }
}

impl ParamType for usize {
    fn value(&self) -> Value {
        Value::Integer(i64::try_from(*self).unwrap_or(i64::MAX))
    }
}

impl ParamType for i64 {
    fn value(&self) -> Value {
        Value::Integer(*self)
    }
}

impl ParamType for f64 {
    fn value(&self) -> Value {
        Value::Number(*self)
    }
}

impl ParamType for String {
    fn value(&self) -> Value {
        Value::Text(self.clone())
    }
}

impl ParamType for Interval {
    fn value(&self) -> Value {
        Value::Text(self.as_str().to_owned())
    }

    fn choices() -> Vec<&'static str> {
        Interval::ALL.map(Interval::as_str).to_vec()
    }
}

/// What [`params!`](crate::params!) reads with; not part of the SDK's interface.
#[doc(hidden)]
pub fn read<P: de::DeserializeOwned>(values: Vec<(String, Value)>) -> Result<P, ParamError> {
    P::deserialize(MapDeserializer::new(values.into_iter().map(|(name, value)| (name, Typed(value)))))
}

/// Why the parameters cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParamError(String);

impl fmt::Display for ParamError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ParamError {}

impl de::Error for ParamError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self(message.to_string())
    }
}

struct Typed(Value);

impl<'de> IntoDeserializer<'de, ParamError> for Typed {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl<'de> de::Deserializer<'de> for Typed {
    type Error = ParamError;

    fn deserialize_any<V: de::Visitor<'de>>(self, visitor: V) -> Result<V::Value, ParamError> {
        match self.0 {
            Value::Boolean(value) => visitor.visit_bool(value),
            Value::Integer(value) => visitor.visit_i64(value),
            Value::Number(value) => visitor.visit_f64(value),
            Value::Text(value) => visitor.visit_string(value),
        }
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

/// Declares the parameters of a trader: a struct with a default, a help text and, for numbers, bounds for each field.
///
/// The doc comment of a field is its help. The types are those of [`ParamType`](crate::ParamType). The host checks the bounds
/// before the trader sees a value.
///
/// ```
/// use vyx_sdk::Interval;
///
/// vyx_sdk::params! {
///     /// What can be tuned.
///     pub struct Params {
///         /// Candles that the RSI looks back.
///         rsi_period: u32 = 14, in 2..=200;
///         /// RSI below this is oversold.
///         oversold: f64 = 30.0, in 1.0..=50.0;
///         /// Interval of the candles.
///         interval: Interval = Interval::M5;
///     }
/// }
///
/// assert_eq!(Params::default().rsi_period, 14);
/// ```
#[macro_export]
macro_rules! params {
    (
        $(#[$meta:meta])*
        $vis:vis struct $name:ident {
            $(
                $(#[doc = $help:literal])+
                $field:ident : $type:ty = $default:expr $(, in $minimum:literal ..= $maximum:literal)? ;
            )*
        }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, $crate::serde::Deserialize)]
        #[serde(crate = "vyx_sdk::serde", default, deny_unknown_fields)]
        $vis struct $name {
            $(
                $(#[doc = $help])+
                pub $field: $type,
            )*
        }

        impl ::core::default::Default for $name {
            fn default() -> Self {
                Self { $($field: $default),* }
            }
        }

        impl $crate::Params for $name {
            fn specs() -> ::std::vec::Vec<$crate::ParamSpec> {
                let defaults = <Self as ::core::default::Default>::default();
                ::std::vec![
                    $(
                        $crate::ParamSpec {
                            name: ::core::stringify!($field),
                            help: ::core::concat!($($help),+).trim(),
                            default: $crate::ParamType::value(&defaults.$field),
                            minimum: $crate::params!(@bound $type $(, $minimum)?),
                            maximum: $crate::params!(@bound $type $(, $maximum)?),
                            choices: <$type as $crate::ParamType>::choices(),
                        },
                    )*
                ]
            }

            fn read(
                values: ::std::vec::Vec<(::std::string::String, $crate::Value)>,
            ) -> ::core::result::Result<Self, $crate::ParamError> {
                $crate::__read_params(values)
            }
        }
    };
    (@bound $type:ty, $bound:literal) => {{
        let bound: $type = $bound;
        $crate::ParamType::bound(&bound)
    }};
    (@bound $type:ty) => {
        ::core::option::Option::None
    };
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate as vyx_sdk;

    vyx_sdk::params! {
        struct Tuning {
            /// Candles
            /// looked back.
            period: u32 = 14, in 2..=200;
            /// The line.
            line: f64 = 30.0, in 1.0..=50.0;
            /// The interval.
            interval: Interval = Interval::M5;
            /// Whether to speak.
            speak: bool = true;
        }
    }

    #[test]
    fn one_declaration_gives_defaults_bounds_and_help() {
        let specs = Tuning::specs();
        assert_eq!(specs[0].help, "Candles looked back.");
        assert_eq!((specs[0].minimum, specs[0].maximum), (Some(2.0), Some(200.0)));
        assert_eq!(specs[1].default, Value::Number(30.0));
        assert_eq!(specs[2].choices.len(), 14);
        assert_eq!((specs[3].minimum, &specs[3].default), (None, &Value::Boolean(true)));
    }

    #[test]
    fn what_is_not_named_keeps_its_default() {
        let read: Tuning = read(vec![("interval".into(), Value::Text("1h".into()))]).unwrap();
        assert_eq!(read, Tuning { interval: Interval::H1, ..Tuning::default() });
    }

    #[test]
    fn no_parameters_are_the_unit() {
        assert_eq!(<() as Params>::read(Vec::new()), Ok(()));
        assert!(<() as Params>::read(vec![("x".into(), Value::Integer(1))]).is_err());
    }

    #[test]
    fn wrong_values_are_named() {
        let unknown = read::<Tuning>(vec![("perod".into(), Value::Integer(3))]).unwrap_err().to_string();
        assert!(unknown.contains("perod"), "{unknown}");
        let negative = read::<Tuning>(vec![("period".into(), Value::Integer(-3))]).unwrap_err().to_string();
        assert!(negative.contains("-3"), "{negative}");
    }
}
