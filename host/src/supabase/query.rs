//! Which rows of a table: the part of PostgREST's query language that is used.

use std::fmt::Display;

/// Conditions that all hold; at least one. A change needs a filter, so that none can hit a whole table by mistake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    terms: Vec<(String, String)>,
}

impl Filter {
    /// `column` is `value`. Never true for null.
    pub fn eq(column: &str, value: impl Display) -> Self {
        Self::term(column, format!("eq.{value}"))
    }

    /// `column` is another than `value`. Never true for null.
    pub fn neq(column: &str, value: impl Display) -> Self {
        Self::term(column, format!("neq.{value}"))
    }

    /// `column` is above `value`.
    pub fn gt(column: &str, value: impl Display) -> Self {
        Self::term(column, format!("gt.{value}"))
    }

    /// `column` is `value` or above.
    pub fn gte(column: &str, value: impl Display) -> Self {
        Self::term(column, format!("gte.{value}"))
    }

    /// `column` is below `value`.
    pub fn lt(column: &str, value: impl Display) -> Self {
        Self::term(column, format!("lt.{value}"))
    }

    /// `column` is `value` or below.
    pub fn lte(column: &str, value: impl Display) -> Self {
        Self::term(column, format!("lte.{value}"))
    }

    /// `column` is null.
    pub fn is_null(column: &str) -> Self {
        Self::term(column, "is.null".to_owned())
    }

    /// `column` is not null.
    pub fn is_not_null(column: &str) -> Self {
        Self::term(column, "not.is.null".to_owned())
    }

    /// `column` is this truth value, not null.
    pub fn is(column: &str, truth: bool) -> Self {
        Self::term(column, format!("is.{truth}"))
    }

    /// `column` is one of `values`; no row if there are none.
    pub fn any_of<V: Display>(column: &str, values: impl IntoIterator<Item = V>) -> Self {
        let quoted = |value: V| format!("\"{}\"", value.to_string().replace('\\', "\\\\").replace('"', "\\\""));
        let values: Vec<String> = values.into_iter().map(quoted).collect();
        Self::term(column, format!("in.({})", values.join(",")))
    }

    /// Both this and the other.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.terms.extend(other.terms);
        self
    }

    /// One of two single conditions.
    #[must_use]
    pub fn either(self, other: Self) -> Self {
        let terms = self.terms.iter().chain(&other.terms);
        let terms: Vec<String> = terms.map(|(column, condition)| format!("{column}.{condition}")).collect();
        Self { terms: vec![("or".to_owned(), format!("({})", terms.join(",")))] }
    }

    fn term(column: &str, condition: String) -> Self {
        Self { terms: vec![(column.to_owned(), condition)] }
    }

    pub(super) fn terms(&self) -> &[(String, String)] {
        &self.terms
    }
}

/// A read of a table or a view.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    table: String,
    columns: String,
    filter: Option<Filter>,
    order: Option<String>,
}

impl Query {
    /// Reads `columns` (names with commas between) of `table`.
    pub fn new(table: &str, columns: &str) -> Self {
        Self { table: table.to_owned(), columns: columns.to_owned(), filter: None, order: None }
    }

    /// Only rows that pass, also those of an earlier filter.
    #[must_use]
    pub fn filter(mut self, filter: Filter) -> Self {
        self.filter = Some(match self.filter.take() {
            Some(earlier) => earlier.and(filter),
            None => filter,
        });
        self
    }

    /// In this order, like `timestamp.desc,id.asc`. Not for reads of all rows: those come by id.
    #[must_use]
    pub fn order(mut self, order: &str) -> Self {
        self.order = Some(order.to_owned());
        self
    }

    pub(super) fn table(&self) -> &str {
        &self.table
    }

    /// The parameters of the address, with an order of its own.
    pub(super) fn pairs(&self) -> Vec<(&str, &str)> {
        let terms = self.filter.iter().flat_map(Filter::terms);
        let mut pairs = vec![("select", self.columns.as_str())];
        pairs.extend(terms.map(|(column, condition)| (column.as_str(), condition.as_str())));
        pairs
    }

    pub(super) fn ordered_by(&self) -> Option<&str> {
        self.order.as_deref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_are_written_as_postgrest_reads_them() {
        let filter = Filter::eq("name", "a,b")
            .and(Filter::is("enabled", true))
            .and(Filter::is_null("user_id"))
            .and(Filter::any_of("id", ["a\"b", "c\\d", "e,f"]))
            .and(Filter::gte("timestamp", "2026-11-23T10:42:52Z"));
        let terms: Vec<_> = filter.terms().iter().map(|(column, condition)| format!("{column}={condition}")).collect();
        assert_eq!(
            terms,
            [
                "name=eq.a,b",
                "enabled=is.true",
                "user_id=is.null",
                r#"id=in.("a\"b","c\\d","e,f")"#,
                "timestamp=gte.2026-11-23T10:42:52Z"
            ]
        );
        assert_eq!(Filter::any_of::<&str>("id", []).terms(), [("id".to_owned(), "in.()".to_owned())]);
    }
}
