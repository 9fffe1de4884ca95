//! Which trader a command is about.

use std::str::FromStr;

use serde::Deserialize;
use serde_json::Value;

use super::Project;
use crate::cli::failure::Failure;
use crate::config::quoted;
use crate::ids::{TraderId, UserId};
use crate::supabase::{Filter, Query};
use crate::text::shown;

/// Fewest digits that stand for an id.
const FEWEST: usize = 4;
const DIGITS: usize = 32;
/// Rows that are named when a trader is ambiguous.
const NAMED: usize = 5;

/// The id of a trader, or the beginning of one.
#[derive(Debug, Clone)]
pub(in crate::cli) struct IdPrefix(String);

impl FromStr for IdPrefix {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let digits: String = text.trim().chars().filter(|c| *c != '-').collect::<String>().to_ascii_lowercase();
        if !digits.chars().all(|c| c.is_ascii_hexdigit()) || !(FEWEST..=DIGITS).contains(&digits.len()) {
            return Err(format!(
                "{} is not the id of a trader; give the uuid, or at least its first {FEWEST} digits",
                quoted(text)
            ));
        }
        Ok(Self(digits))
    }
}

impl IdPrefix {
    /// Rows whose `column` begins like this.
    pub(in crate::cli) fn filter(&self, column: &str) -> Filter {
        let id = |fill: char| {
            let digits: String = self.0.chars().chain(std::iter::repeat(fill)).take(DIGITS).collect();
            uuid::Uuid::try_parse(&digits).unwrap_or_default()
        };
        if self.0.len() == DIGITS {
            return Filter::eq(column, id('0'));
        }
        Filter::gte(column, id('0')).and(Filter::lte(column, id('f')))
    }
}

#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
pub(in crate::cli) struct Target {
    /// The trader: its id, or at least the first 4 digits of it.
    #[arg(long, value_name = "ID")]
    trader: Option<IdPrefix>,
    /// A built-in trader, by its name.
    #[arg(long, value_name = "NAME")]
    built_in: Option<String>,
}

/// A row of `traders`, as far as publishing needs it.
#[derive(Debug, Clone, Deserialize)]
pub(in crate::cli) struct Trader {
    pub(in crate::cli) id: TraderId,
    pub(in crate::cli) name: String,
    pub(in crate::cli) is_built_in: Option<bool>,
    pub(in crate::cli) user_id: Option<UserId>,
    pub(in crate::cli) enabled: Option<bool>,
    pub(in crate::cli) module_sha256: Option<String>,
    pub(in crate::cli) params: Value,
}

pub(super) const COLUMNS: &str = "id,name,is_built_in,user_id,enabled,module_sha256,params";

impl Target {
    /// The one row that is meant.
    pub(in crate::cli) async fn find(&self, project: &Project) -> Result<Trader, Failure> {
        let (filter, asked) = match (&self.trader, &self.built_in) {
            (Some(id), _) => (id.filter("id"), format!("--trader {}", id.0)),
            (None, Some(name)) => {
                if project.author.is_some() {
                    return Err(Failure::input(
                        "built-in traders are published by operators, with SUPABASE_SERVICE_ROLE_KEY; \
                         name one of your own with --trader",
                    ));
                }
                let filter = Filter::is("is_built_in", true).and(Filter::eq("name", name));
                (filter, format!("--built-in {}", quoted(name)))
            }
            (None, None) => return Err(Failure::input("name a trader with --trader or --built-in")),
        };
        one(project, filter, &asked).await
    }
}

/// The one trader that passes.
pub(in crate::cli) async fn one(project: &Project, filter: Filter, asked: &str) -> Result<Trader, Failure> {
    let query = Query::new("traders", COLUMNS).filter(filter).order("id.asc");
    let mut found: Vec<Trader> = project.tried(|| project.client.select(&query, NAMED + 1)).await?;
    match found.len() {
        1 => found.pop().ok_or_else(|| Failure::fault("the trader is gone")),
        0 if project.author.is_some() => {
            Err(Failure::input(format!("{asked}: no such trader is yours; `vyx traders --all` lists those that are")))
        }
        0 => Err(Failure::input(format!("{asked}: there is no such trader; `vyx traders --all` lists them"))),
        more => {
            let ids: Vec<String> = found.iter().take(NAMED).map(|trader| trader.id.to_string()).collect();
            let dots = if more > NAMED { ", …" } else { "" };
            Err(Failure::input(format!(
                "{asked} names several traders: {}{dots}; give the whole id of one with --trader",
                ids.join(", ")
            )))
        }
    }
}

impl Trader {
    /// Its name, to be shown.
    pub(in crate::cli) fn shown(&self) -> String {
        quoted(&self.name)
    }

    /// Who has to have published its module, once it is certain that this caller may change it.
    pub(in crate::cli) fn owner(&self, project: &Project) -> Result<Option<UserId>, Failure> {
        let contradiction = |what: &str| {
            Err(Failure::fault(format!(
                "the row of {} contradicts itself: {what}; correct it first, the host does not run it",
                self.shown()
            )))
        };
        let owner = match (self.is_built_in, self.user_id) {
            (Some(true), None) => None,
            (Some(false), Some(user)) => Some(user),
            (Some(true), Some(_)) => return contradiction("is_built_in is true, but there is a user_id"),
            (Some(false), None) => return contradiction("is_built_in is false, but there is no user_id"),
            (None, _) => return contradiction("is_built_in is null"),
        };
        match project.author {
            Some(author) if owner.is_none() => Err(Failure::input(format!(
                "{} is a built-in trader, and {author} may change own traders only; \
                 operators publish it with SUPABASE_SERVICE_ROLE_KEY",
                self.shown()
            ))),
            Some(author) if owner != Some(author) => Err(Failure::input(format!(
                "{} belongs to another user than {author}, whose token is in SUPABASE_USER_TOKEN; \
                 name one of your own traders, or use the token of its owner",
                self.shown()
            ))),
            _ => Ok(owner),
        }
    }
}

/// Whose a trader is, in few words.
pub(in crate::cli) fn owner_words(is_built_in: Option<bool>, user_id: Option<UserId>) -> String {
    match (is_built_in, user_id) {
        (Some(true), None) => "built-in".to_owned(),
        (Some(false), Some(user)) => format!("user {user}"),
        _ => "rows that contradict themselves".to_owned(),
    }
}

impl std::fmt::Display for IdPrefix {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&shown(&self.0, 40))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_may_be_cut_short_but_not_to_nothing() {
        assert!("73d7".parse::<IdPrefix>().is_ok());
        assert!("73d7da06-0000-4000-8000-000000000001".parse::<IdPrefix>().is_ok());
        for text in ["", "73d", "golden cross", "73d7da06-0000-4000-8000-0000000000012", "\u{1b}[2J"] {
            let error = text.parse::<IdPrefix>().unwrap_err();
            assert!(error.ends_with("give the uuid, or at least its first 4 digits"), "{error}");
            assert!(!error.contains('\u{1b}'), "{error}");
        }
    }

    #[test]
    fn a_beginning_stands_for_every_id_that_begins_so() {
        let of = |text: &str| text.parse::<IdPrefix>().unwrap().filter("id");
        assert_eq!(
            of("73D7-da"),
            Filter::gte("id", "73d7da00-0000-0000-0000-000000000000")
                .and(Filter::lte("id", "73d7daff-ffff-ffff-ffff-ffffffffffff"))
        );
        let whole = "73d7da06-0000-4000-8000-000000000001";
        assert_eq!(of(whole), Filter::eq("id", whole));
    }
}
