//! What a trader says of itself and wants, independent of the ABI version that it says it in, and checked.

use serde::Serialize;
use serde_json::{Map, Value};

use super::limits;
use super::param::{Param, ParamValue};
use crate::market::Interval;
use crate::text::shown;

/// A kind of signal.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Tag {
    /// Its name.
    pub name: String,
    /// What it means.
    pub help: String,
}

/// Values for charts.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Plot {
    /// The id that charts know it by.
    pub id: String,
    /// The words beside it.
    pub title: String,
    /// Where it is drawn.
    pub panel: String,
    /// How many values it has.
    pub lines: u32,
}

/// All that is known of a trader before it runs. Made only by [`Manifest::check`].
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Manifest {
    /// The name that people read.
    pub name: String,
    /// What it does.
    pub summary: String,
    /// Name and version of the SDK.
    pub sdk: String,
    /// What can be tuned.
    pub params: Vec<Param>,
    /// What it emits.
    pub tags: Vec<Tag>,
    /// What it plots.
    pub plots: Vec<Plot>,
}

/// What was described, before any of it was believed.
#[derive(Debug)]
pub struct Described {
    /// See [`Manifest::name`].
    pub name: String,
    /// See [`Manifest::summary`].
    pub summary: String,
    /// See [`Manifest::sdk`].
    pub sdk: String,
    /// See [`Manifest::params`].
    pub params: Vec<Param>,
    /// See [`Manifest::tags`].
    pub tags: Vec<Tag>,
    /// See [`Manifest::plots`].
    pub plots: Vec<Plot>,
}

/// A description or subscription that breaks a rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Implausible(pub String);

pub(super) fn rule(holds: bool, broken: impl FnOnce() -> String) -> Result<(), Implausible> {
    if holds { Ok(()) } else { Err(Implausible(broken())) }
}

pub(super) fn at_most(what: &str, count: usize, limit: usize) -> Result<(), Implausible> {
    rule(count <= limit, || format!("{what}: {count}, at most {limit} are allowed"))
}

pub(super) fn text(what: &str, text: &str, limit: usize) -> Result<(), Implausible> {
    rule(text.len() <= limit, || format!("{what} has {} bytes, at most {limit} are allowed", text.len()))
}

fn name(what: &str, name: &str, extra: &[char]) -> Result<(), Implausible> {
    let mut characters = name.chars();
    let fits = characters.next().is_some_and(|first| first.is_ascii_lowercase())
        && characters.all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || extra.contains(&c))
        && name.len() <= limits::NAME_BYTES;
    rule(fits, || {
        let extra: String = extra.iter().collect();
        format!(
            "{what} {:?} is not a name: a lowercase letter, then lowercase letters, digits and any of {extra:?}, at most {} bytes",
            shown(name, limits::NAME_BYTES),
            limits::NAME_BYTES
        )
    })
}

fn distinct<'a>(what: &str, names: impl Iterator<Item = &'a str>) -> Result<(), Implausible> {
    let mut seen = std::collections::BTreeSet::new();
    for name in names {
        rule(seen.insert(name), || format!("{what} {name:?} is described twice, give each its own name"))?;
    }
    Ok(())
}

impl Manifest {
    /// Believes a description that keeps the rules.
    ///
    /// # Errors
    ///
    /// The first rule that it breaks, with the value and the limit.
    pub fn check(described: Described) -> Result<Self, Implausible> {
        let Described { name: title, summary, sdk, params, tags, plots } = described;
        rule(!title.trim().is_empty(), || "the trader's name is empty, give it one".into())?;
        text("the trader's name", &title, limits::TITLE_BYTES)?;
        text("the summary", &summary, limits::HELP_BYTES)?;
        text("the name of the SDK", &sdk, limits::TITLE_BYTES)?;

        at_most("parameters", params.len(), limits::PARAMS)?;
        for param in &params {
            name("parameter", &param.name, &['_'])?;
            param.check()?;
        }
        distinct("parameter", params.iter().map(|param| param.name.as_str()))?;

        at_most("tags", tags.len(), limits::TAGS)?;
        rule(!tags.is_empty(), || "no tags are described, a trader needs at least one kind of signal".into())?;
        for tag in &tags {
            name("tag", &tag.name, &['-'])?;
            text(&format!("the help of tag {:?}", tag.name), &tag.help, limits::HELP_BYTES)?;
        }
        distinct("tag", tags.iter().map(|tag| tag.name.as_str()))?;

        at_most("plots", plots.len(), limits::PLOT_LINES)?;
        for plot in &plots {
            name("plot", &plot.id, &['_', '-'])?;
            name("panel", &plot.panel, &['_', '-'])?;
            text(&format!("the title of plot {:?}", plot.id), &plot.title, limits::TITLE_BYTES)?;
            rule((1..=3).contains(&plot.lines), || {
                format!("plot {:?} has {} lines, 1 to 3 are allowed", plot.id, plot.lines)
            })?;
        }
        distinct("plot", plots.iter().map(|plot| plot.id.as_str()))?;
        let lines = plots.iter().map(|plot| plot.lines as usize).sum();
        at_most("lines of all plots", lines, limits::PLOT_LINES)?;
        Ok(Self { name: title, summary, sdk, params, tags, plots })
    }

    /// How many values a candle plots.
    #[must_use]
    pub fn plot_width(&self) -> usize {
        self.plots.iter().map(|plot| plot.lines as usize).sum()
    }

    /// The values of all parameters, in order: those given, and the defaults of the rest.
    ///
    /// # Errors
    ///
    /// An unknown name, a value of another type or out of bounds: named with what is allowed.
    pub fn params(&self, given: &Map<String, Value>) -> Result<Vec<(String, ParamValue)>, Implausible> {
        for name in given.keys() {
            rule(self.params.iter().any(|param| param.name == *name), || {
                let known: Vec<&str> = self.params.iter().map(|param| param.name.as_str()).collect();
                let known =
                    if known.is_empty() { "it has none".into() } else { format!("it has {}", known.join(", ")) };
                format!("{:?} has no parameter {:?}, {known}", self.name, shown(name, limits::NAME_BYTES))
            })?;
        }
        self.params
            .iter()
            .map(|param| {
                let value = match given.get(&param.name) {
                    Some(value) => param.accept(value)?,
                    None => param.default.clone(),
                };
                Ok((param.name.clone(), value))
            })
            .collect()
    }
}

/// An interval that a trader wants candles of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Need {
    /// The interval.
    pub interval: Interval,
    /// Candles that are replayed into a new instance.
    pub warm_up: u32,
    /// Candles that a column may be asked for.
    pub lookback: u32,
}

/// What the host holds back.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Hygiene {
    /// Candles without a further signal.
    pub cooldown_candles: u32,
    /// Milliseconds without a further signal.
    pub cooldown_ms: u64,
    /// Only if the candle before had none.
    pub on_transition: bool,
    /// Signals at one close of one interval.
    pub max_per_run: u32,
}

/// What a trader wants to see. Made only by [`Subscription::check`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Subscription {
    /// Its intervals; a guest knows them by index.
    pub needs: Vec<Need>,
    /// Its symbols; empty means all.
    pub symbols: Vec<String>,
    /// Streams that it reads beside the symbol in hand: symbol and index of the interval.
    pub other_streams: Vec<(String, usize)>,
    /// What the host holds back.
    pub hygiene: Hygiene,
}

/// What was subscribed to, before any of it was believed.
#[derive(Debug)]
pub struct Subscribed {
    /// Interval, warm-up, lookback.
    pub needs: Vec<(String, u32, u32)>,
    /// See [`Subscription::symbols`].
    pub symbols: Vec<String>,
    /// Symbol and index of the interval.
    pub other_streams: Vec<(String, u32)>,
    /// See [`Subscription::hygiene`].
    pub hygiene: Hygiene,
}

impl Subscription {
    /// Believes a subscription that keeps the rules.
    ///
    /// # Errors
    ///
    /// The first rule that it breaks, with the value and the limit.
    pub fn check(subscribed: Subscribed) -> Result<Self, Implausible> {
        let Subscribed { needs, symbols, other_streams, hygiene } = subscribed;
        rule(!needs.is_empty(), || "the subscription has no interval, name at least one".into())?;
        at_most("intervals of the subscription", needs.len(), limits::INTERVALS)?;
        let needs = needs
            .into_iter()
            .map(|(interval, warm_up, lookback)| {
                let interval: Interval =
                    interval.parse().map_err(|error| Implausible(format!("the subscription names an {error}")))?;
                at_most(&format!("warm-up of {interval}"), warm_up as usize, limits::WARM_UP as usize)?;
                at_most(&format!("lookback of {interval}"), lookback as usize, limits::LOOKBACK as usize)?;
                rule(lookback <= warm_up, || {
                    format!("lookback of {interval} is {lookback} and its warm-up {warm_up}, raise the warm-up to it")
                })?;
                Ok(Need { interval, warm_up, lookback })
            })
            .collect::<Result<Vec<_>, Implausible>>()?;
        distinct("interval", needs.iter().map(|need| need.interval.as_str()))?;
        at_most("symbols of the subscription", symbols.len(), limits::SYMBOLS)?;
        at_most("other streams", other_streams.len(), limits::OTHER_STREAMS)?;
        let other_streams = other_streams
            .into_iter()
            .map(|(symbol, interval)| {
                let at = interval as usize;
                rule(at < needs.len(), || {
                    format!(
                        "other stream {:?} names interval {at} of {}",
                        shown(&symbol, limits::NAME_BYTES),
                        needs.len()
                    )
                })?;
                Ok((symbol, at))
            })
            .collect::<Result<Vec<_>, Implausible>>()?;
        Ok(Self { needs, symbols, other_streams, hygiene })
    }

    /// The guest's index of an interval.
    #[must_use]
    pub fn index_of(&self, interval: Interval) -> Option<usize> {
        self.needs.iter().position(|need| need.interval == interval)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::sandbox) fn described() -> Described {
        let param = |name: &str, default, minimum, maximum| Param {
            name: name.into(),
            help: String::new(),
            default,
            minimum,
            maximum,
            choices: Vec::new(),
        };
        Described {
            name: "Test".into(),
            summary: String::new(),
            sdk: "none".into(),
            params: vec![
                param("period", ParamValue::Integer(14), Some(2.0), Some(200.0)),
                param("line", ParamValue::Number(30.0), Some(0.0), None),
                param("loud", ParamValue::Boolean(true), None, None),
                Param {
                    choices: vec!["1m".into(), "5m".into()],
                    ..param("interval", ParamValue::Text("5m".into()), None, None)
                },
            ],
            tags: vec![Tag { name: "up".into(), help: String::new() }],
            plots: vec![Plot { id: "rsi".into(), title: "RSI".into(), panel: "rsi".into(), lines: 1 }],
        }
    }

    /// A manifest for tests.
    pub(crate) fn believed() -> Manifest {
        Manifest::check(described()).unwrap()
    }

    fn broken(change: impl FnOnce(&mut Described)) -> String {
        let mut described = described();
        change(&mut described);
        Manifest::check(described).unwrap_err().to_string()
    }

    #[test]
    fn an_honest_description_is_believed() {
        assert_eq!(Manifest::check(described()).unwrap().plot_width(), 1);
    }

    #[test]
    fn lies_are_named() {
        assert_eq!(
            broken(|d| d.params[0].maximum = Some(f64::NAN)),
            "parameter \"period\" has the bound NaN, bounds must be finite"
        );
        assert_eq!(
            broken(|d| d.params[0].default = ParamValue::Integer(1)),
            "parameter \"period\" is 1, give a value from 2 to 200"
        );
        assert_eq!(
            broken(|d| d.params[1].maximum = Some(-1.0)),
            "parameter \"line\" has the bounds 0 to -1, swap them"
        );
        assert_eq!(
            broken(|d| d.params[1].default = ParamValue::Number(f64::INFINITY)),
            "parameter \"line\" is inf, give a value from 0"
        );
        assert_eq!(broken(|d| d.tags.clear()), "no tags are described, a trader needs at least one kind of signal");
        assert_eq!(broken(|d| d.tags.push(d.tags[0].clone())), "tag \"up\" is described twice, give each its own name");
        assert_eq!(broken(|d| d.plots[0].lines = 4), "plot \"rsi\" has 4 lines, 1 to 3 are allowed");
        assert!(broken(|d| d.tags[0].name = "\u{1b}[2J".into()).contains("\\u{1b}[2J"));
    }

    fn subscribed(needs: &[(&str, u32, u32)]) -> Result<Subscription, String> {
        Subscription::check(Subscribed {
            needs: needs
                .iter()
                .map(|(interval, warm_up, lookback)| ((*interval).into(), *warm_up, *lookback))
                .collect(),
            symbols: Vec::new(),
            other_streams: Vec::new(),
            hygiene: Hygiene::default(),
        })
        .map_err(|error| error.to_string())
    }

    #[test]
    fn subscriptions_that_cannot_be_delivered_are_refused() {
        assert!(subscribed(&[("1m", 100, 50), ("1h", 0, 0)]).is_ok());
        for (needs, reason) in [
            (&[][..], "the subscription has no interval, name at least one"),
            (&[("1M", 1, 0)][..], "1M"),
            (&[("1m", u32::MAX, 0)][..], "warm-up of 1m: 4294967295, at most 5000 are allowed"),
            (&[("1m", 10, 11)][..], "lookback of 1m is 11 and its warm-up 10, raise the warm-up to it"),
            (&[("1m", 10, 0), ("1m", 20, 0)][..], "interval \"1m\" is described twice, give each its own name"),
        ] {
            let error = subscribed(needs).unwrap_err();
            assert!(error.contains(reason), "{error}");
        }
    }
}
