//! What `vyx check` proves of a trader before anybody runs it: it is played on candles again and again, each time in a way that must
//! not matter, and what it says is compared.
//!
//! A file for each check. All of them drive an instance directly, in the batches and with the history that the host gives, since
//! only so a close can be split, a market cut, and a symbol told late. What is compared are emissions and plots: identity and hygiene
//! follow from them alone, and so are the same wherever they are.

mod batches;
mod cost;
mod determinism;
mod ground;
mod hostile;
mod look_ahead;
mod market;
mod play;
mod run;
mod said;
mod warm_up;

use std::time::Duration;

use serde::Serialize;
use serde_json::{Map, Value};

pub use said::Difference;

use self::ground::Ground;
use self::play::Trader;
use self::said::Said;
use crate::market::{Feed, FeedError};
use crate::module::{Module, Modules};
use crate::sandbox::{ParamValue, Subscription};

/// The checks, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Check {
    /// The host admits the module.
    Admit,
    /// It takes the candles without a fault.
    Run,
    /// The same candles give the same, also on another host.
    Determinism,
    /// How a close is split into calls changes nothing.
    Batches,
    /// What comes later changes nothing that was said.
    LookAhead,
    /// After its warm-up it says what it would say had it run for ever.
    WarmUp,
    /// It bears candles that are rare.
    Hostile,
    /// It keeps to the budgets of production.
    Cost,
}

impl Check {
    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Admit => "admit",
            Self::Run => "run",
            Self::Determinism => "determinism",
            Self::Batches => "batches",
            Self::LookAhead => "look-ahead",
            Self::WarmUp => "warm-up",
            Self::Hostile => "hostile",
            Self::Cost => "cost",
        }
    }
}

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Grade {
    /// Nothing was found.
    Ok,
    /// Something that the author should know.
    Warns,
    /// It must be mended.
    Fails,
}

impl Grade {
    /// In lowercase.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warns => "warns",
            Self::Fails => "fails",
        }
    }
}

/// What one check found.
#[derive(Debug, Clone, Serialize)]
pub struct Line {
    /// The check.
    pub check: Check,
    /// How it ended.
    pub grade: Grade,
    /// What was proved, or the fault. Escaped.
    pub reason: String,
    /// What to do, unless it is ok.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub advice: Option<String>,
    /// Where it shows first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first: Option<Difference>,
    /// The numbers behind it.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub measured: Map<String, Value>,
}

impl Line {
    fn ok(check: Check, reason: impl Into<String>) -> Self {
        Self { check, grade: Grade::Ok, reason: reason.into(), advice: None, first: None, measured: Map::new() }
    }

    fn warns(check: Check, reason: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { grade: Grade::Warns, advice: Some(advice.into()), ..Self::ok(check, reason) }
    }

    fn fails(check: Check, reason: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { grade: Grade::Fails, ..Self::warns(check, reason, advice) }
    }

    fn at(mut self, first: Option<Difference>) -> Self {
        self.first = first;
        self
    }

    fn measured(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.measured.insert(name.to_owned(), value.into());
        self
    }
}

/// What all checks found.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// What it was checked on, in words.
    pub candles: String,
    /// Each check in order. Where the trader does not run, nothing follows.
    pub checks: Vec<Line>,
}

impl Report {
    /// The worst of them.
    #[must_use]
    pub fn grade(&self) -> Grade {
        self.checks.iter().map(|line| line.grade).max().unwrap_or(Grade::Ok)
    }
}

/// A trader that runs, and what it said when it ran undisturbed.
struct Subject<'a> {
    trader: Trader<'a>,
    subscription: &'a Subscription,
    ground: &'a Ground,
    /// What it said of the plain part of the ground.
    said: Said,
}

impl Subject<'_> {
    /// That a run says other things than another one, `how` said before; none where it says the same.
    fn differs(&self, check: Check, was: &Said, is: &Said, how: &str, advice: &str) -> Option<Line> {
        let found = was.differences(is, &self.ground.market.names, &self.trader.module.manifest);
        (!found.is_none()).then(|| {
            Line::fails(check, format!("{how}{}{}", found.words(), found.first_words()), advice).at(found.first)
        })
    }
}

/// CPU time that one run may take, unless somebody says otherwise. The checks make some thirty, so one that takes longer would never end.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// Checks an admitted module with these parameters: on the built-in market, or on the candles of a feed that was asked for the
/// intervals of its subscription. One whose first run takes more CPU time than `patience` is not checked. `begins` is told each check.
///
/// # Errors
///
/// Candles that cannot be read. What is wrong with the trader is in the report.
pub fn check(
    modules: &Modules,
    module: &Module,
    params: &[(String, ParamValue)],
    subscription: &Subscription,
    candles: Option<&mut dyn Feed>,
    patience: Duration,
    begins: &mut dyn FnMut(Check),
) -> Result<Report, FeedError> {
    begins(Check::Run);
    let ground = match candles {
        Some(feed) => Ground::given(feed, subscription)?,
        None => Ground::built_in(subscription)?,
    };
    let trader = Trader { modules, module, params };
    let admitted = format!(
        "vyx:trader {}, {} bytes, built with {}",
        module.abi,
        crate::text::grouped(module.size_bytes as u64),
        crate::text::shown(&module.manifest.sdk, 80)
    );
    let (line, said) = run::check(trader, &ground, patience);
    let mut checks = vec![Line::ok(Check::Admit, admitted), line];
    let candles = ground.words();
    let Some(said) = said else { return Ok(Report { candles, checks }) };
    let subject = Subject { trader, subscription, ground: &ground, said };
    type Of = fn(&Subject<'_>) -> Result<Line, FeedError>;
    let others: [(Check, Of); 6] = [
        (Check::Determinism, determinism::check),
        (Check::Batches, batches::check),
        (Check::LookAhead, look_ahead::check),
        (Check::WarmUp, warm_up::check),
        (Check::Hostile, hostile::check),
        (Check::Cost, cost::check),
    ];
    for (check, of) in others {
        begins(check);
        checks.push(of(&subject)?);
    }
    Ok(Report { candles, checks })
}
