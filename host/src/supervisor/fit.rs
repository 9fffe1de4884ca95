//! Fits a trader to a feed: its parameters, and the candles that it wants with them.

use std::fmt::Write as _;
use std::sync::PoisonError;

use serde_json::{Map, Value};

use super::reconcile::Fitted;
use crate::market::{Feed, FeedError, Interval, SharedFeed};
use crate::module::{Module, Modules};
use crate::sandbox::{Fault, Outcome, ParamValue, Subscription};

/// What to do where the candles are longer than those that a trader wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mismatch {
    /// Its interval parameters are raised to what can be had, unless they were given.
    Raise,
    /// It cannot run.
    Refuse,
}

/// Checks the parameters of a trader against a feed and asks for its candles.
///
/// # Errors
///
/// Parameters that the trader refuses, or candles that the feed cannot give.
pub fn fit(
    modules: &Modules,
    module: &Module,
    given: Map<String, Value>,
    feed: &mut dyn Feed,
    mismatch: Mismatch,
) -> Result<Fitted, Fault> {
    let refused = |reason: String| Fault::new(Outcome::Refused, "init", reason);
    let fitted = |given: &Map<String, Value>, note| {
        let params = module.manifest.params(given).map_err(|error| refused(error.to_string()))?;
        let subscription = modules.subscription(module, &params)?;
        Ok::<_, Fault>(Fitted { params, subscription, note })
    };
    let asked = fitted(&given, None)?;
    let Err(error) = want(feed, &asked.subscription) else {
        return Ok(asked);
    };
    let FeedError::Interval { base, .. } = &error else {
        return Err(refused(error.to_string()));
    };
    let (raised, note) = raise(module, given, *base);
    if note.is_empty() || mismatch == Mismatch::Refuse {
        return Err(refused(error.to_string()));
    }
    let raised = fitted(&raised, Some(format!("the candles are {base}, so {note}; set its parameters to choose")))?;
    want(feed, &raised.subscription).map_err(|error| refused(error.to_string()))?;
    Ok(raised)
}

/// [`fit`] to a feed that another thread reads.
pub fn fitting(
    feed: &SharedFeed,
    mismatch: Mismatch,
) -> impl FnMut(&Modules, &Module, Map<String, Value>) -> Result<Fitted, Fault> + '_ {
    move |modules, module, given| {
        let mut feed = feed.lock().unwrap_or_else(PoisonError::into_inner);
        fit(modules, module, given, &mut **feed, mismatch)
    }
}

fn want(feed: &mut dyn Feed, subscription: &Subscription) -> Result<(), FeedError> {
    let intervals: Vec<Interval> = subscription.needs.iter().map(|need| need.interval).collect();
    feed.want(&intervals)?;
    for need in &subscription.needs {
        feed.reach_back(need.interval, need.warm_up.max(need.lookback));
    }
    Ok(())
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
            *candidate >= interval
                && (*candidate == base || base.divides(*candidate))
                && least.is_none_or(|least| *candidate > least)
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
