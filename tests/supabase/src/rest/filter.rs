//! Filters: `column=op.value`, with `not.` before it, and groups of them in `or=(…)` and `and=(…)`.

use super::error::RestError;
use super::query::Column;
use crate::pool::Sql;

#[derive(Debug)]
pub(crate) enum Condition {
    One { column: Column, negated: bool, test: Test },
    Group { conditions: Vec<Condition>, joined_by: &'static str, negated: bool },
}

#[derive(Debug)]
pub(crate) enum Test {
    /// An operator of SQL and its right side.
    Compare(&'static str, String),
    /// An array literal with the values.
    In(String),
    /// `NULL`, `TRUE` and the like.
    Is(&'static str),
}

impl Condition {
    pub(crate) fn add_to(&self, table: &str, sql: &mut Sql) {
        match self {
            Self::One { column, negated, test } => {
                sql.push(if *negated { "NOT " } else { "" }).push(&column.sql(table));
                match test {
                    Test::Compare(operator, value) => sql.push(" ").push(operator).push(" ").param(value),
                    Test::In(values) => sql.push(" = ANY (").param(values).push(")"),
                    Test::Is(value) => sql.push(" IS ").push(value),
                };
            }
            Self::Group { conditions, joined_by, negated } => {
                sql.push(if *negated { "NOT (" } else { "(" });
                for (index, condition) in conditions.iter().enumerate() {
                    if index > 0 {
                        sql.push(joined_by);
                    }
                    condition.add_to(table, sql);
                }
                sql.push(")");
            }
        }
    }
}

/// `column`, `op.value`. In a group a value may stand in quotes.
pub(crate) fn single(column: &str, text: &str, in_group: bool) -> Result<Condition, RestError> {
    let bad = || RestError::query("filter", text);
    let (negated, rest) = match text.strip_prefix("not.") {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (operator, value) = rest.split_once('.').ok_or_else(bad)?;
    let plain = || if in_group { unquoted(value) } else { value.to_owned() };
    let compare = |operator| Test::Compare(operator, plain());
    let test = match operator {
        "eq" => compare("="),
        "neq" => compare("<>"),
        "gt" => compare(">"),
        "gte" => compare(">="),
        "lt" => compare("<"),
        "lte" => compare("<="),
        "like" => Test::Compare("LIKE", plain().replace('*', "%")),
        "ilike" => Test::Compare("ILIKE", plain().replace('*', "%")),
        "match" => compare("~"),
        "imatch" => compare("~*"),
        "isdistinct" => compare("IS DISTINCT FROM"),
        "cs" => compare("@>"),
        "cd" => compare("<@"),
        "in" => {
            let list = value.strip_prefix('(').and_then(|list| list.strip_suffix(')')).ok_or_else(bad)?;
            Test::In(array(list))
        }
        "is" => Test::Is(match value.to_ascii_lowercase().as_str() {
            "null" => "NULL",
            "not_null" => "NOT NULL",
            "true" => "TRUE",
            "false" => "FALSE",
            "unknown" => "UNKNOWN",
            _ => return Err(bad()),
        }),
        _ => return Err(bad()),
    };
    Ok(Condition::One { column: Column::parse(column)?, negated, test })
}

/// `or`, `(a.gt.1,b.is.null,and(c.eq.2,d.eq.3))`.
pub(crate) fn group(name: &str, text: &str) -> Result<Condition, RestError> {
    let bad = || RestError::query("logic tree", text);
    let (negated, name) = match name.strip_prefix("not.") {
        Some(name) => (true, name),
        None => (false, name),
    };
    let joined_by = if name == "or" { " OR " } else { " AND " };
    let inner = text.strip_prefix('(').and_then(|inner| inner.strip_suffix(')')).ok_or_else(bad)?;
    let mut conditions = Vec::new();
    for part in split(inner) {
        let nested = ["and(", "or(", "not.and(", "not.or("].into_iter().find(|start| part.starts_with(start));
        conditions.push(match nested {
            Some(start) => group(&start[..start.len() - 1], &part[start.len() - 1..])?,
            None => {
                let (column, test) = part.split_once('.').ok_or_else(bad)?;
                single(column, test, true)?
            }
        });
    }
    if conditions.is_empty() {
        return Err(bad());
    }
    Ok(Condition::Group { conditions, joined_by, negated })
}

/// Splits at the commas that stand neither in parentheses nor in quotes.
fn split(text: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut start, mut depth, mut quoted, mut escaped) = (0, 0_i32, false, false);
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            '(' if !quoted => depth += 1,
            ')' if !quoted => depth -= 1,
            ',' if !quoted && depth == 0 => {
                parts.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    if start < text.len() {
        parts.push(&text[start..]);
    }
    parts
}

/// `"a\"b"` is `a"b`; what is not in quotes stays as it is.
fn unquoted(text: &str) -> String {
    let Some(inner) = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')) else {
        return text.to_owned();
    };
    let mut result = String::new();
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        result.extend(if c == '\\' { chars.next() } else { Some(c) });
    }
    result
}

/// The values of a list as an array literal of SQL.
fn array(list: &str) -> String {
    let escaped = |value: String| value.replace('\\', "\\\\").replace('"', "\\\"");
    let values: Vec<String> = split(list).iter().map(|value| format!("\"{}\"", escaped(unquoted(value)))).collect();
    format!("{{{}}}", values.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_and_parentheses_keep_their_commas() {
        assert_eq!(split(r#"a.eq.1,b.in.(1,2),c.eq."x,\"y""#), [r"a.eq.1", "b.in.(1,2)", r#"c.eq."x,\"y""#]);
        assert_eq!(array(r#"a,"b,c","d\"e""#), r#"{"a","b,c","d\"e"}"#);
        assert_eq!(unquoted(r#""x\\y""#), r"x\y");
    }

    #[test]
    fn what_is_no_filter_is_refused() {
        for (column, text) in [("a", "1"), ("a", "foo.1"), ("a", "is.maybe"), ("a", "in.1,2"), ("a;b", "eq.1")] {
            assert!(single(column, text, false).is_err(), "{column}={text}");
        }
        assert!(group("or", "a.eq.1").is_err());
        assert!(group("or", "()").is_err());
        assert!(group("or", "(a.eq.1,not.and(b.not.is.null,c.lt.3))").is_ok());
    }
}
