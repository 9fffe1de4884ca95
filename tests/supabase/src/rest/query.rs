//! The query string of PostgREST: columns, filters, order and limits, and the SQL that they become.

use url::form_urlencoded;

use super::error::RestError;
use super::filter::{self, Condition};
use crate::pool::{Sql, literal, quote};

#[derive(Debug, Default)]
pub(crate) struct Query {
    select: Vec<Item>,
    filters: Vec<Condition>,
    order: Vec<String>,
    pub(crate) limit: Option<u64>,
    pub(crate) offset: u64,
    pub(crate) on_conflict: Option<Vec<String>>,
    pub(crate) columns: Option<Vec<String>>,
}

/// One item of `select`: `*`, or `alias:column->key::cast`.
#[derive(Debug)]
enum Item {
    All,
    One { column: Column, alias: Option<String>, cast: Option<String> },
}

/// A column, and the way into its JSON.
#[derive(Debug)]
pub(crate) struct Column {
    name: String,
    path: Vec<(&'static str, String)>,
}

impl Column {
    /// `name`, `name->key`, `name->>key`.
    pub(crate) fn parse(text: &str) -> Result<Self, RestError> {
        let mut rest = text.split("->");
        let name = rest.next().unwrap_or_default().trim_matches('"');
        if name.is_empty() || !name.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | ' ' | '$')) {
            return Err(RestError::query("select parameter", text));
        }
        let path = rest.map(|step| match step.strip_prefix('>') {
            Some(key) => ("->>", key.to_owned()),
            None => ("->", step.to_owned()),
        });
        Ok(Self { name: name.to_owned(), path: path.collect() })
    }

    /// Qualified, so that an unknown one is an error of its table.
    pub(crate) fn sql(&self, table: &str) -> String {
        let mut text = format!("{}.{}.{}", quote("public"), quote(table), quote(&self.name));
        for (arrow, key) in &self.path {
            let key = if key.parse::<u32>().is_ok() { key.clone() } else { literal(key) };
            text += &format!("{arrow}{key}");
        }
        text
    }

    /// What a path is called in the result: its last key.
    fn label(&self) -> Option<&str> {
        self.path.last().map(|(_, key)| key.as_str())
    }
}

impl Query {
    pub(crate) fn parse(text: &str) -> Result<Self, RestError> {
        let mut query = Self::default();
        for (key, value) in form_urlencoded::parse(text.as_bytes()) {
            match &*key {
                "select" => query.select = select(&value)?,
                "order" => query.order = value.split(',').filter(|term| !term.is_empty()).map(str::to_owned).collect(),
                "limit" => query.limit = Some(number("limit", &value)?),
                "offset" => query.offset = number("offset", &value)?,
                "on_conflict" => query.on_conflict = Some(names(&value)),
                "columns" => query.columns = Some(names(&value)),
                "or" | "and" | "not.or" | "not.and" => query.filters.push(filter::group(&key, &value)?),
                "apikey" => {}
                column => query.filters.push(filter::single(column, &value, false)?),
            }
        }
        Ok(query)
    }

    /// ` WHERE …`, or nothing.
    pub(crate) fn add_where(&self, table: &str, sql: &mut Sql) {
        for (index, condition) in self.filters.iter().enumerate() {
            sql.push(if index == 0 { " WHERE " } else { " AND " });
            condition.add_to(table, sql);
        }
    }

    /// ` ORDER BY …`, or nothing.
    pub(crate) fn add_order(&self, table: &str, sql: &mut Sql) -> Result<(), RestError> {
        for (index, term) in self.order.iter().enumerate() {
            let mut parts = term.split('.');
            let column = Column::parse(parts.next().unwrap_or_default())?;
            sql.push(if index == 0 { " ORDER BY " } else { ", " }).push(&column.sql(table));
            for part in parts {
                sql.push(match part {
                    "asc" => " ASC",
                    "desc" => " DESC",
                    "nullsfirst" => " NULLS FIRST",
                    "nullslast" => " NULLS LAST",
                    _ => return Err(RestError::query("order", term)),
                });
            }
        }
        Ok(())
    }

    /// The columns of the result.
    pub(crate) fn select_list(&self, table: &str) -> String {
        if self.select.is_empty() {
            return format!("{}.{}.*", quote("public"), quote(table));
        }
        let items = self.select.iter().map(|item| match item {
            Item::All => format!("{}.{}.*", quote("public"), quote(table)),
            Item::One { column, alias, cast } => {
                let mut text = column.sql(table);
                if let Some(cast) = cast {
                    text = format!("CAST({text} AS {cast})");
                }
                match alias.as_deref().or(column.label()) {
                    Some(alias) => format!("{text} AS {}", quote(alias)),
                    None if cast.is_some() => format!("{text} AS {}", quote(&column.name)),
                    None => text,
                }
            }
        });
        items.collect::<Vec<_>>().join(", ")
    }
}

fn select(text: &str) -> Result<Vec<Item>, RestError> {
    let mut items = Vec::new();
    for item in text.split(',').map(str::trim).filter(|item| !item.is_empty()) {
        if item.contains('(') {
            return Err(RestError::not_here("embedded tables and aggregates"));
        }
        if item == "*" {
            items.push(Item::All);
            continue;
        }
        let (item, cast) = match item.split_once("::") {
            Some((item, cast)) => (item, Some(cast)),
            None => (item, None),
        };
        if cast.is_some_and(|cast| !cast.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | ' ' | '['))) {
            return Err(RestError::query("select parameter", text));
        }
        let (alias, column) = match item.split_once(':') {
            Some((alias, column)) => (Some(alias.to_owned()), column),
            None => (None, item),
        };
        items.push(Item::One { column: Column::parse(column)?, alias, cast: cast.map(str::to_owned) });
    }
    Ok(items)
}

/// `a,"b",c`; the client library quotes every name.
fn names(text: &str) -> Vec<String> {
    text.split(',').map(|name| name.trim().trim_matches('"').to_owned()).filter(|name| !name.is_empty()).collect()
}

fn number(what: &str, text: &str) -> Result<u64, RestError> {
    if text.starts_with('-') {
        return Err(RestError::new(416, "PGRST103", "Requested range not satisfiable")
            .details("Limit should be greater than or equal to zero."));
    }
    text.parse().map_err(|_| RestError::query(what, text))
}
