//! The values of a sweep: what is written on the command line, and every set of parameters that it makes.

use serde_json::{Map, Number, Value};

use crate::sandbox::{Manifest, Param, ParamValue};
use crate::text::shown;

/// Sets of one sweep. More are not looked at by anybody, and most likely a typing error.
const MOST_SETS: usize = 10_000;
/// Decimals of a range. A step is added exactly, so 0.1..0.3:0.1 has three values and not two.
const MOST_DECIMALS: usize = 9;

/// A parameter and its values.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Axis {
    pub(super) name: String,
    pub(super) values: Vec<Value>,
}

/// Every combination of these values, the last parameter changing first.
pub(super) fn sets(axes: &[Axis], given: &Map<String, Value>) -> Vec<Map<String, Value>> {
    let mut sets = vec![given.clone()];
    for axis in axes {
        sets = sets
            .into_iter()
            .flat_map(|set| {
                axis.values.iter().map(move |value| {
                    let mut set = set.clone();
                    set.insert(axis.name.clone(), value.clone());
                    set
                })
            })
            .collect();
    }
    sets
}

/// Reads `--sweep` arguments and holds each value against the bounds that the trader describes.
///
/// # Errors
///
/// What is wrong, with the argument, the parameter and its bound.
pub(super) fn read(arguments: &[String], manifest: &Manifest, given: &Map<String, Value>) -> Result<Vec<Axis>, String> {
    let mut axes: Vec<Axis> = Vec::new();
    let mut sets = 1_usize;
    for argument in arguments {
        let axis = one(argument, manifest).map_err(|error| format!("--sweep {}: {error}", shown(argument, 80)))?;
        let name = &axis.name;
        if given.contains_key(name) {
            return Err(format!("parameter {name:?} is swept and set as well, give one of them"));
        }
        if axes.iter().any(|other| other.name == *name) {
            return Err(format!("parameter {name:?} is swept twice, write all of its values in one --sweep"));
        }
        sets = sets.saturating_mul(axis.values.len());
        if sets > MOST_SETS {
            return Err(format!("the sweep has more than {MOST_SETS} sets of parameters; use larger steps"));
        }
        axes.push(axis);
    }
    Ok(axes)
}

fn one(argument: &str, manifest: &Manifest) -> Result<Axis, String> {
    let (name, text) = argument.split_once('=').ok_or("it is not NAME=FROM..TO, NAME=FROM..TO:STEP or NAME=A,B,C")?;
    let (name, text) = (name.trim(), text.trim());
    let Some(param) = manifest.params.iter().find(|param| param.name == name) else {
        // The manifest knows the words for it.
        let unknown = Map::from_iter([(name.to_owned(), Value::Null)]);
        return Err(manifest.params(&unknown).err().map(|error| error.to_string()).unwrap_or_default());
    };
    let mut values: Vec<Value> = Vec::new();
    for part in text.split(',').map(str::trim) {
        let found = match (&param.default, part.split_once("..")) {
            (ParamValue::Integer(_) | ParamValue::Number(_), Some((from, rest))) => range(param, from, rest)?,
            _ => vec![single(param, part)?],
        };
        values.extend(found);
        if values.len() > MOST_SETS {
            return Err(format!("it has more than {MOST_SETS} values; use a larger step"));
        }
    }
    let mut distinct: Vec<Value> = Vec::with_capacity(values.len());
    for value in values {
        let alone = Map::from_iter([(name.to_owned(), value.clone())]);
        manifest.params(&alone).map_err(|error| error.to_string())?;
        if !distinct.contains(&value) {
            distinct.push(value);
        }
    }
    Ok(Axis { name: name.to_owned(), values: distinct })
}

fn single(param: &Param, text: &str) -> Result<Value, String> {
    if matches!(param.default, ParamValue::Text(_)) {
        return Ok(Value::from(text));
    }
    if text.is_empty() {
        return Err("a value is missing".to_owned());
    }
    Ok(serde_json::from_str(text).unwrap_or_else(|_| Value::from(text)))
}

/// Both ends belong to it, the upper one where a step meets it.
fn range(param: &Param, from: &str, rest: &str) -> Result<Vec<Value>, String> {
    let is_integer = matches!(param.default, ParamValue::Integer(_));
    let (to, step) = match rest.split_once(':') {
        Some((to, step)) => (to, step),
        None if is_integer => (rest, "1"),
        None => return Err(format!("{:?} is a number, so its range needs a step, as in 0.5..2:0.25", param.name)),
    };
    let ends = [from, to, step].map(|text| Decimal::read(text.trim()));
    let [from, to, step] = match ends {
        [Ok(from), Ok(to), Ok(step)] => [from, to, step],
        [Err(error), ..] | [_, Err(error), _] | [_, _, Err(error)] => return Err(error),
    };
    let decimals = from.decimals.max(to.decimals).max(step.decimals);
    let [first, last, step] = [from, to, step].map(|decimal| decimal.scaled(decimals));
    if step <= 0 {
        return Err("the step must be above 0".to_owned());
    }
    if first > last {
        return Err("the range is upside down, write the lower end first".to_owned());
    }
    if (last - first) / step >= MOST_SETS as i128 {
        return Err(format!("it has more than {MOST_SETS} values; use a larger step"));
    }
    let count = usize::try_from((last - first) / step).unwrap_or(MOST_SETS);
    (0..=count)
        .map(|at| {
            let scaled = first + step * at as i128;
            let unit = 10_i128.pow(decimals as u32);
            if is_integer {
                let whole = i64::try_from(scaled / unit).ok().filter(|_| scaled % unit == 0);
                return whole
                    .map(Value::from)
                    .ok_or_else(|| format!("{:?} is an integer, give whole numbers", param.name));
            }
            // Written out and read again, so that the value is the one that a person would have typed.
            let sign = if scaled < 0 { "-" } else { "" };
            let (whole, part) = (scaled.abs() / unit, scaled.abs() % unit);
            let text =
                if decimals == 0 { format!("{sign}{whole}") } else { format!("{sign}{whole}.{part:0decimals$}") };
            let number = text.parse::<f64>().ok().and_then(Number::from_f64);
            number.map(Value::Number).ok_or_else(|| format!("{text} is not a number"))
        })
        .collect()
}

/// A number as it is written.
#[derive(Debug, Clone, Copy)]
struct Decimal {
    digits: i128,
    decimals: usize,
}

impl Decimal {
    fn read(text: &str) -> Result<Self, String> {
        let wrong = || format!("{:?} is not a number such as 7 or 0.25", shown(text, 40));
        let (sign, plain) = match text.strip_prefix('-') {
            Some(rest) => (-1, rest),
            None => (1, text),
        };
        let (whole, part) = plain.split_once('.').unwrap_or((plain, ""));
        let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let fits = !whole.is_empty()
            && whole.len() <= 18
            && part.len() <= MOST_DECIMALS
            && is_digits(whole)
            && is_digits(part);
        if !fits {
            return Err(wrong());
        }
        let digits: i128 = format!("{whole}{part}").parse().map_err(|_| wrong())?;
        Ok(Self { digits: sign * digits, decimals: part.len() })
    }

    fn scaled(self, decimals: usize) -> i128 {
        self.digits * 10_i128.pow(decimals.saturating_sub(self.decimals) as u32)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::sandbox::{Described, Tag};

    fn trader() -> Manifest {
        let param = |name: &str, default, minimum, maximum, choices: &[&str]| Param {
            name: name.into(),
            help: String::new(),
            default,
            minimum,
            maximum,
            choices: choices.iter().map(|choice| (*choice).to_owned()).collect(),
        };
        let params = vec![
            param("period", ParamValue::Integer(14), Some(2.0), Some(200.0), &[]),
            param("line", ParamValue::Number(30.0), Some(-1.0), Some(100.0), &[]),
            param("loud", ParamValue::Boolean(false), None, None, &[]),
            param("interval", ParamValue::Text("1m".into()), None, None, &["1m", "5m"]),
        ];
        let tags = vec![Tag { name: "up".into(), help: String::new() }];
        let (name, sdk) = ("Test".into(), "none".into());
        Manifest::check(Described { name, summary: String::new(), sdk, params, tags, plots: Vec::new() }).unwrap()
    }

    fn values(argument: &str) -> Result<String, String> {
        let axes = read(&[argument.to_owned()], &trader(), &Map::new())?;
        Ok(serde_json::to_string(&axes[0].values).unwrap())
    }

    #[test]
    fn ranges_and_lists_are_read() {
        for (argument, expected) in [
            ("period=7..21:2", "[7,9,11,13,15,17,19,21]"),
            ("period=7..10", "[7,8,9,10]"),
            ("period=7..10:2", "[7,9]"),
            ("period=7,9,14", "[7,9,14]"),
            ("period=5, 7..9 ,7, 20", "[5,7,8,9,20]"),
            ("period=7..7", "[7]"),
            ("line=0.1..0.3:0.1", "[0.1,0.2,0.3]"),
            ("line=-1..1:0.5", "[-1.0,-0.5,0.0,0.5,1.0]"),
            ("line=30,30.5", "[30,30.5]"),
            ("loud=true,false", "[true,false]"),
            ("interval=1m,5m", "[\"1m\",\"5m\"]"),
        ] {
            assert_eq!(values(argument).as_deref(), Ok(expected), "{argument}");
        }
    }

    #[test]
    fn what_cannot_be_swept_is_named_with_its_bound() {
        for (argument, reason) in [
            ("period", "--sweep period: it is not NAME=FROM..TO, NAME=FROM..TO:STEP or NAME=A,B,C"),
            (
                "perod=1..2",
                "--sweep perod=1..2: \"Test\" has no parameter \"perod\", it has period, line, loud, interval",
            ),
            ("period=1..3", "--sweep period=1..3: parameter \"period\" is 1, give a value from 2 to 200"),
            ("period=198..202:4", "--sweep period=198..202:4: parameter \"period\" is 202, give a value from 2 to 200"),
            ("period=7..9:0", "--sweep period=7..9:0: the step must be above 0"),
            ("period=9..7", "--sweep period=9..7: the range is upside down, write the lower end first"),
            ("period=7..9:0.5", "--sweep period=7..9:0.5: \"period\" is an integer, give whole numbers"),
            ("period=7..", "--sweep period=7..: \"\" is not a number such as 7 or 0.25"),
            ("period=7,,9", "--sweep period=7,,9: a value is missing"),
            ("period=seven", "--sweep period=seven: parameter \"period\" is \"seven\", give an integer from 2 to 200"),
            ("period=2..1e3", "--sweep period=2..1e3: \"1e3\" is not a number such as 7 or 0.25"),
            ("line=1..2", "--sweep line=1..2: \"line\" is a number, so its range needs a step, as in 0.5..2:0.25"),
            ("line=0..100:0.001", "--sweep line=0..100:0.001: it has more than 10000 values; use a larger step"),
            ("interval=1m,2m", "--sweep interval=1m,2m: parameter \"interval\" is \"2m\", give a value out of 1m, 5m"),
        ] {
            assert_eq!(values(argument).unwrap_err(), reason, "{argument}");
        }
        let read = |arguments: &[&str], given: &[&str]| {
            let arguments: Vec<String> = arguments.iter().map(|text| (*text).to_owned()).collect();
            let given = given.iter().map(|name| ((*name).to_owned(), Value::from(7))).collect();
            super::read(&arguments, &trader(), &given).unwrap_err()
        };
        assert_eq!(read(&["period=7"], &["period"]), "parameter \"period\" is swept and set as well, give one of them");
        assert!(read(&["period=7", "period=8"], &[]).contains("swept twice"));
        assert!(read(&["period=2..200", "line=0..99:1"], &[]).contains("more than 10000 sets"));
    }

    #[test]
    fn sets_are_every_combination() {
        let arguments = ["period=7,9".to_owned(), "line=1,2,3".to_owned()];
        let given = Map::from_iter([("loud".to_owned(), Value::from(true))]);
        let sets = sets(&read(&arguments, &trader(), &given).unwrap(), &given);
        let shown: Vec<String> = sets.iter().map(|set| Value::Object(set.clone()).to_string()).collect();
        assert_eq!(shown.len(), 6);
        assert_eq!(shown[0], r#"{"line":1,"loud":true,"period":7}"#);
        assert_eq!(shown[1], r#"{"line":2,"loud":true,"period":7}"#);
        assert_eq!(shown[5], r#"{"line":3,"loud":true,"period":9}"#);
    }

    proptest! {
        #[test]
        fn no_text_panics(argument in "(period|line|interval|x)?=?.{0,30}") {
            let _ = values(&argument);
        }

        /// A range of integers is what a loop would give.
        #[test]
        fn a_range_is_a_loop(from in 2..200_i64, length in 0..200_i64, step in 1..50_i64) {
            let to = (from + length).min(200);
            let expected: Vec<i64> = (from..=to).step_by(step as usize).collect();
            let read = values(&format!("period={from}..{to}:{step}")).unwrap();
            prop_assert_eq!(read, serde_json::to_string(&expected).unwrap());
        }

        /// Steps of decimals add up without an error: each value is the nearest number to what is written.
        #[test]
        fn decimal_steps_are_exact(from in 0..500_i64, count in 0..50_i64, step in 1..40_i64) {
            let number = |hundredths: i64| format!("{}.{:02}", hundredths / 100, hundredths % 100);
            let to = from + count * step;
            let argument = format!("line={}..{}:{}", number(from), number(to), number(step));
            let axes = read(&[argument], &trader(), &Map::new()).unwrap();
            let expected: Vec<Value> =
                (0..=count).map(|at| Value::from(number(from + at * step).parse::<f64>().unwrap())).collect();
            prop_assert_eq!(&axes[0].values, &expected);
        }
    }
}
