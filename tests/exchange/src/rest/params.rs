//! The parameters of a request.

use std::cell::Cell;

use url::form_urlencoded;

use super::error::Wrong;

pub(crate) struct Params {
    pairs: Vec<(String, String)>,
    read: Cell<usize>,
}

impl Params {
    pub(crate) fn new(query: &str) -> Self {
        Self { pairs: form_urlencoded::parse(query.as_bytes()).into_owned().collect(), read: Cell::new(0) }
    }

    /// The text of a parameter.
    pub(crate) fn text(&self, name: &str) -> Result<Option<&str>, Wrong> {
        let mut found = self.pairs.iter().filter(|(other, _)| other == name);
        let first = found.next();
        if found.next().is_some() {
            return Err(Wrong::twice());
        }
        self.read.set(self.read.get() + usize::from(first.is_some()));
        Ok(first.map(|(_, value)| value.as_str()))
    }

    pub(crate) fn mandatory(&self, name: &str) -> Result<&str, Wrong> {
        self.text(name)?.filter(|value| !value.is_empty()).ok_or_else(|| Wrong::missing(name))
    }

    pub(crate) fn number(&self, name: &str) -> Result<Option<i64>, Wrong> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        if text.is_empty() || text.len() > 20 || !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(Wrong::illegal(name, "^[0-9]{1,20}$"));
        }
        text.parse().map(Some).map_err(|_| Wrong::invalid(name))
    }

    /// `symbol`, or the list in `symbols`.
    pub(crate) fn symbols(&self) -> Result<Option<Symbols>, Wrong> {
        match (self.text("symbol")?, self.text("symbols")?) {
            (Some(_), Some(_)) => Err(Wrong::combination()),
            (Some(name), None) => {
                Ok(Some(Symbols { names: vec![checked("symbol", name)?.to_owned()], is_list: false }))
            }
            (None, Some(list)) => {
                let names: Vec<String> = serde_json::from_str(list).map_err(|_| Wrong::invalid("symbols"))?;
                for (place, name) in names.iter().enumerate() {
                    checked("symbols", name)?;
                    if names.iter().take(place).any(|other| other == name) {
                        return Err(Wrong::twice_in_list());
                    }
                }
                Ok(Some(Symbols { names, is_list: true }))
            }
            (None, None) => Ok(None),
        }
    }

    /// Refuses what nobody read.
    pub(crate) fn end(&self) -> Result<(), Wrong> {
        let (read, sent) = (self.read.get(), self.pairs.len());
        if read == sent { Ok(()) } else { Err(Wrong::unread(read, sent)) }
    }
}

/// The symbols of a request.
pub(crate) struct Symbols {
    pub(crate) names: Vec<String>,
    pub(crate) is_list: bool,
}

/// The name of a symbol, which is case-sensitive.
pub(crate) fn checked<'a>(parameter: &str, name: &'a str) -> Result<&'a str, Wrong> {
    let is_legal = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || b"-_.".contains(&byte);
    if (1..=20).contains(&name.len()) && name.bytes().all(is_legal) {
        return Ok(name);
    }
    Err(Wrong::illegal(parameter, "^[A-Z0-9-_.]{1,20}$"))
}
