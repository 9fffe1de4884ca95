//! Candle files of the command line, and the interval that a trader runs on.

use std::fmt::Write as _;

use serde_json::{Map, Value};

use super::failure::Failure;
use crate::market::{CandleSource, Feed, FeedError, Interval, ReplayFeed};
use crate::module::{Module, Modules};
use crate::sandbox::{ParamValue, Subscription};

/// Reads candle files.
pub(super) fn replay(files: &[String]) -> Result<ReplayFeed, Failure> {
    let sources = files.iter().map(|file| file.parse::<CandleSource>()).collect::<Result<Vec<_>, _>>();
    let sources = sources.map_err(Failure::input)?;
    ReplayFeed::new(sources).map_err(Failure::input)
}

/// Asks the feed for what a subscription needs.
pub(super) fn want(feed: &mut dyn Feed, subscription: &Subscription) -> Result<(), FeedError> {
    let intervals: Vec<Interval> = subscription.needs.iter().map(|need| need.interval).collect();
    feed.want(&intervals)
}

/// A trader's parameters and what it subscribes to with them.
pub(super) struct Fitted {
    pub(super) params: Vec<(String, ParamValue)>,
    pub(super) given: Map<String, Value>,
    pub(super) subscription: Subscription,
    /// What was changed to fit the candles, to be told.
    pub(super) note: Option<String>,
}

/// Checks the parameters of a trader against a feed and asks for its candles. Where the candles are longer than a trader's
/// default interval, its interval parameters are raised to what can be had, unless they were given.
pub(super) fn fit(
    modules: &Modules,
    module: &Module,
    given: Map<String, Value>,
    feed: &mut dyn Feed,
) -> Result<Fitted, Failure> {
    let fitted = |given: Map<String, Value>, note| {
        let params = module.manifest.params(&given).map_err(Failure::input)?;
        let subscription = modules.subscription(module, &params).map_err(Failure::fault)?;
        Ok::<_, Failure>(Fitted { params, given, subscription, note })
    };
    let asked = fitted(given.clone(), None)?;
    let Err(error) = want(feed, &asked.subscription) else {
        return Ok(asked);
    };
    let FeedError::Interval { base, .. } = &error else {
        return Err(Failure::input(error));
    };
    let (raised, note) = raise(module, given, *base);
    if note.is_empty() {
        return Err(Failure::input(error));
    }
    let raised = fitted(raised, Some(format!("the candles are {base}, so {note}; set --params to choose")))?;
    want(feed, &raised.subscription).map_err(Failure::input)?;
    Ok(raised)
}

/// Raises the interval parameters that were not given to the shortest ones that can be made of `base`, keeping their order.
fn raise(module: &Module, mut given: Map<String, Value>, base: Interval) -> (Map<String, Value>, String) {
    let mut note = String::new();
    let mut intervals: Vec<(Interval, &str)> = module
        .manifest
        .params
        .iter()
        .filter(|param| !given.contains_key(&param.name) && param.choices.iter().any(|choice| choice == "1m"))
        .filter_map(|param| match &param.default {
            ParamValue::Text(text) => Some((text.parse().ok()?, param.name.as_str())),
            _ => None,
        })
        .collect();
    intervals.sort_unstable();
    let mut least = None;
    for (interval, name) in intervals {
        let fits = |candidate: &Interval| {
            *candidate >= interval && base.divides(*candidate) && least.is_none_or(|least| *candidate > least)
        };
        let Some(raised) = Interval::ALL.into_iter().find(fits) else { continue };
        least = Some(raised);
        if raised != interval {
            let comma = if note.is_empty() { "" } else { ", " };
            // Writing to a string cannot fail.
            let _ = write!(note, "{comma}{name} is {raised} instead of {interval}");
            given.insert(name.to_owned(), Value::from(raised.as_str()));
        }
    }
    (given, note)
}
