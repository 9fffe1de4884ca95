//! The text of a `traders.toml` to rows. One bad trader costs that trader only; a file that cannot be read, or a
//! `user_fly_apps` that cannot, costs the snapshot, since nobody could say any more who owns what.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value as Json};
use toml::{Table, Value as Toml};

use super::{FILE_NAME, InvalidRow, RegistryError, TraderRow, UserFlyApp};
use crate::config::quoted;
use crate::ids::{FlyAppId, TraderId, UserId};

/// A file that says enough.
pub(super) const EXAMPLE: &str = r#"[[traders]]
id = "5048128b-9ea9-4af7-b08b-cc1361d552fa"
name = "StochRSI Overbought Short"
is_built_in = true
module = "stoch-rsi-overbought-short""#;

const TABLES: [&str; 2] = ["traders", "user_fly_apps"];

/// `user_fly_apps.status`, as the database allows it. A misspelt `deleted` must not pass for an app that lives.
const STATUSES: [&str; 5] = ["provisioning", "active", "error", "deprovisioning", "deleted"];

pub(super) struct Tables {
    pub(super) traders: Vec<Result<Entry, InvalidRow>>,
    pub(super) user_fly_apps: Vec<UserFlyApp>,
}

pub(super) struct Entry {
    /// Without its module.
    pub(super) row: TraderRow,
    /// The path, as written.
    pub(super) module: String,
    pub(super) label: String,
}

/// Keys that are left out have the defaults of the database's columns.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TraderEntry {
    id: TraderId,
    name: String,
    #[serde(default)]
    is_built_in: bool,
    user_id: Option<UserId>,
    #[serde(default = "yes")]
    enabled: bool,
    module: String,
    /// Only its type is checked here: serde turns dates into something else on the way.
    #[serde(default, rename = "params")]
    _params: Table,
}

fn yes() -> bool {
    true
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct UserFlyAppEntry {
    id: FlyAppId,
    user_id: UserId,
    fly_app_name: String,
    status: Option<String>,
    deleted_at: Option<Toml>,
}

pub(super) fn parse(text: &str) -> Result<Tables, RegistryError> {
    let file: Table = text.parse().map_err(|error: toml::de::Error| {
        let line = error.span().map_or(1, |span| text.bytes().take(span.start).filter(|b| *b == b'\n').count() + 1);
        RegistryError::new(format!("{FILE_NAME} line {line}: {}; correct it", one_line(error.message())))
    })?;
    if let Some(key) = file.keys().find(|key| !TABLES.contains(&key.as_str())) {
        let allowed = TABLES.map(|table| format!("[[{table}]]")).join(" and ");
        return Err(RegistryError::new(format!("{FILE_NAME}: unknown key {}; it holds {allowed} only", quoted(key))));
    }
    let mut traders: Vec<_> = rows(&file, "traders")?.iter().enumerate().map(trader).collect();
    refuse_duplicates(&mut traders);
    let user_fly_apps = rows(&file, "user_fly_apps")?.iter().enumerate().map(user_fly_app);
    Ok(Tables { traders, user_fly_apps: user_fly_apps.collect::<Result<_, _>>()? })
}

fn rows<'a>(file: &'a Table, table: &str) -> Result<&'a [Toml], RegistryError> {
    match file.get(table) {
        None => Ok(&[]),
        Some(Toml::Array(rows)) if rows.iter().all(Toml::is_table) => Ok(rows),
        Some(_) => Err(RegistryError::new(format!("{FILE_NAME}: {table} is not a list of tables; write [[{table}]]"))),
    }
}

fn trader((at, value): (usize, &Toml)) -> Result<Entry, InvalidRow> {
    let field = |key| value.get(key).and_then(Toml::as_str);
    let label = label(field("name"), at, "traders");
    let invalid = |reason| InvalidRow { id: field("id").and_then(|id| id.parse().ok()), name: label.clone(), reason };
    let entry: TraderEntry = read(value).map_err(invalid)?;
    if entry.name.trim().is_empty() {
        return Err(invalid("name is empty; give the trader a name".to_owned()));
    }
    let params = value.get("params").and_then(Toml::as_table);
    let params = params.map_or_else(|| Ok(Map::new()), |table| json_object("params", table)).map_err(invalid)?;
    let row = TraderRow {
        id: entry.id,
        name: entry.name,
        is_built_in: Some(entry.is_built_in),
        user_id: entry.user_id,
        enabled: Some(entry.enabled),
        module: None,
        params,
    };
    Ok(Entry { row, module: entry.module, label })
}

fn user_fly_app((at, value): (usize, &Toml)) -> Result<UserFlyApp, RegistryError> {
    let label = label(value.get("fly_app_name").and_then(Toml::as_str), at, "user_fly_apps");
    let invalid = |reason| RegistryError::new(format!("{FILE_NAME}: {label}: {reason}"));
    let entry: UserFlyAppEntry = read(value).map_err(invalid)?;
    if let Some(status) = entry.status.as_deref().filter(|status| !STATUSES.contains(status)) {
        let allowed = STATUSES.join(", ");
        return Err(invalid(format!("status {} is unknown; use one of {allowed}", quoted(status))));
    }
    let deleted_at = match entry.deleted_at {
        None => None,
        Some(Toml::String(text)) if !text.trim().is_empty() => Some(text),
        Some(Toml::Datetime(time)) => Some(time.to_string()),
        Some(_) => {
            return Err(invalid("deleted_at is not a time; give one or leave it out".to_owned()));
        }
    };
    Ok(UserFlyApp {
        id: entry.id,
        user_id: entry.user_id,
        fly_app_name: entry.fly_app_name,
        status: entry.status,
        deleted_at,
    })
}

/// Two rows with one id leave nobody to say which is meant, so none of them runs.
fn refuse_duplicates(traders: &mut [Result<Entry, InvalidRow>]) {
    let mut labels: BTreeMap<TraderId, Vec<String>> = BTreeMap::new();
    for entry in traders.iter().flatten() {
        labels.entry(entry.row.id).or_default().push(entry.label.clone());
    }
    for slot in traders {
        if let Ok(Entry { row, label, .. }) = slot
            && let Some(labels) = labels.get(&row.id).filter(|labels| labels.len() > 1)
        {
            let reason = format!("id {} is used by {}; give each its own", row.id, labels.join(" and "));
            *slot = Err(InvalidRow { id: Some(row.id), name: label.clone(), reason });
        }
    }
}

fn label(name: Option<&str>, at: usize, table: &str) -> String {
    let entry = format!("entry {} of [[{table}]]", at + 1);
    name.map_or_else(|| entry.clone(), |name| format!("{} ({entry})", quoted(name)))
}

/// Reads one entry. The message of an unknown key lists those that are allowed.
fn read<'de, T: Deserialize<'de>>(value: &Toml) -> Result<T, String> {
    value.clone().try_into().map_err(|error: toml::de::Error| one_line(&error.to_string()))
}

/// A message of the parser, whose lines quote the file.
fn one_line(text: &str) -> String {
    const LONGEST_BYTES: usize = 400;
    let lines: Vec<_> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    crate::text::shown(&lines.join(" "), LONGEST_BYTES)
}

/// A table as JSON, the form in which the database keeps parameters. What JSON lacks is refused, never bent.
fn json_object(path: &str, table: &Table) -> Result<Map<String, Json>, String> {
    table.iter().map(|(key, value)| Ok((key.clone(), json(&format!("{path}.{key}"), value)?))).collect()
}

fn json(path: &str, value: &Toml) -> Result<Json, String> {
    Ok(match value {
        Toml::String(text) => text.as_str().into(),
        Toml::Integer(number) => (*number).into(),
        Toml::Boolean(yes) => (*yes).into(),
        Toml::Float(number) => serde_json::Number::from_f64(*number)
            .map(Json::Number)
            .ok_or_else(|| format!("{} is {number}; give a finite number", quoted(path)))?,
        Toml::Datetime(time) => {
            let path = quoted(path);
            return Err(format!(
                "{path} is a date or time, which parameters cannot hold; write it as a text, \"{time}\""
            ));
        }
        Toml::Array(values) => {
            let items = values.iter().enumerate().map(|(at, value)| json(&format!("{path}[{at}]"), value));
            items.collect::<Result<Vec<_>, _>>()?.into()
        }
        Toml::Table(table) => json_object(path, table)?.into(),
    })
}

#[cfg(test)]
mod tests;
