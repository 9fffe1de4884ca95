//! The filters of a subscription. They look at the new row of a change, and at a deleted row as far as it is logged.

use serde_json::Value;

#[derive(Clone, Debug)]
pub(crate) struct Filter {
    pub(crate) column: String,
    operator: Operator,
    negated: bool,
    values: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    Eq,
    Neq,
    Lt,
    Lte,
    Gt,
    Gte,
    In,
    Is,
}

impl Filter {
    /// `a=eq.1,b=in.(x,y)`: all of them must hold.
    pub(crate) fn parse_all(text: &str) -> Result<Vec<Self>, String> {
        let mut filters = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            let end = end_of_first(rest);
            filters.push(Self::parse(&rest[..end])?);
            rest = rest.get(end + 1..).unwrap_or_default();
        }
        Ok(filters)
    }

    fn parse(text: &str) -> Result<Self, String> {
        let bad = || format!("Error parsing `filter` params: [{text:?}]");
        let (column, test) = text.split_once('=').ok_or_else(bad)?;
        let (negated, test) = match test.strip_prefix("not.") {
            Some(test) => (true, test),
            None => (false, test),
        };
        let (operator, value) = test.split_once('.').ok_or_else(bad)?;
        let operator = match operator {
            "eq" => Operator::Eq,
            "neq" => Operator::Neq,
            "lt" => Operator::Lt,
            "lte" => Operator::Lte,
            "gt" => Operator::Gt,
            "gte" => Operator::Gte,
            "in" => Operator::In,
            "is" => Operator::Is,
            _ => return Err(bad()),
        };
        let values = if operator == Operator::In {
            let list = value.strip_prefix('(').and_then(|list| list.strip_suffix(')')).ok_or_else(bad)?;
            list.split(',').map(|value| value.trim_matches('"').to_owned()).collect()
        } else {
            vec![value.to_owned()]
        };
        Ok(Self { column: column.to_owned(), operator, negated, values })
    }

    /// Whether a row passes. A column that is null or not there passes nothing but `is.null`.
    pub(crate) fn passes(&self, row: &Value) -> bool {
        let value = match &row[&self.column] {
            Value::Null => None,
            Value::String(text) => Some(text.clone()),
            other => Some(other.to_string()),
        };
        if self.operator == Operator::Is {
            return (value.as_deref().unwrap_or("null") == self.values[0]) != self.negated;
        }
        let Some(value) = value else {
            return false;
        };
        let order = |other: &str| match (value.parse::<f64>(), other.parse::<f64>()) {
            (Ok(value), Ok(other)) => value.total_cmp(&other),
            _ => value.as_str().cmp(other),
        };
        let first = order(&self.values[0]);
        let holds = match self.operator {
            Operator::Eq => first.is_eq(),
            Operator::Neq => first.is_ne(),
            Operator::Lt => first.is_lt(),
            Operator::Lte => first.is_le(),
            Operator::Gt => first.is_gt(),
            Operator::Gte => first.is_ge(),
            Operator::In => self.values.iter().any(|other| order(other).is_eq()),
            Operator::Is => false,
        };
        holds != self.negated
    }
}

/// Where the first filter ends: at a comma that stands in no parentheses.
fn end_of_first(text: &str) -> usize {
    let mut depth = 0_i32;
    for (at, c) in text.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            ',' if depth == 0 => return at,
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn passes(filter: &str, row: &Value) -> bool {
        Filter::parse_all(filter).unwrap().iter().all(|filter| filter.passes(row))
    }

    #[test]
    fn filters_compare_with_the_row() {
        let row = json!({"enabled": false, "n": 10, "name": "b", "user_id": null});
        assert!(passes("enabled=eq.false", &row));
        assert!(!passes("enabled=eq.true", &row));
        assert!(passes("n=gt.9,name=in.(a,b)", &row));
        assert!(!passes("n=gt.9,name=in.(a,c)", &row));
        assert!(!passes("user_id=neq.x", &row));
        assert!(!passes("missing=eq.x", &row));
        assert!(Filter::parse_all("n").is_err());
        assert!(Filter::parse_all("n=xx.1").is_err());
    }
}
