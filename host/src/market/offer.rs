//! Which symbols are on offer: they come and go while the host runs.

use super::symbol::{SymbolId, Symbols};

/// The symbols on offer, and the names of those that were. It is small, and replaced whole when it changes.
#[derive(Clone, Debug, Default)]
pub struct Offer {
    names: Symbols,
    /// Those on offer, by id.
    listed: Vec<(u32, String)>,
}

/// A symbol that cannot join: a mistake of the feed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("symbol {name} cannot join as {id}: {reason}")]
pub struct CannotJoin {
    name: String,
    id: u32,
    reason: String,
}

impl Offer {
    /// Nothing.
    #[must_use]
    pub fn nothing() -> Self {
        Self::default()
    }

    /// Puts a symbol on offer. One that is, stays.
    ///
    /// # Errors
    ///
    /// If the id is another symbol's, was taken away, or does not follow those that are there.
    pub fn join(&mut self, id: SymbolId, name: &str) -> Result<(), CannotJoin> {
        let refused = |reason: String| CannotJoin { name: name.to_owned(), id: id.0, reason };
        match self.names.name(id) {
            Some(known) if known == name && self.is_on(id) => Ok(()),
            Some(known) if known == name => {
                Err(refused("it was taken from the offer, and an id is not used twice".into()))
            }
            Some(known) => Err(refused(format!("that is {known}"))),
            None if id.index() != self.names.len() => Err(refused(format!("the next new id is {}", self.names.len()))),
            None => {
                self.names.intern_anew(name).map_err(|error| refused(error.to_string()))?;
                self.listed.push((id.0, self.names.name(id).unwrap_or(name).to_owned()));
                Ok(())
            }
        }
    }

    /// Takes a symbol from the offer. Its name stays known.
    pub fn leave(&mut self, id: SymbolId) {
        self.listed.retain(|(listed, _)| *listed != id.0);
    }

    /// Whether a symbol is on offer.
    #[must_use]
    pub fn is_on(&self, id: SymbolId) -> bool {
        self.listed.binary_search_by_key(&id.0, |(listed, _)| *listed).is_ok()
    }

    /// The id of a name that is on offer, in any case.
    #[must_use]
    pub fn id(&self, name: &str) -> Option<SymbolId> {
        self.names.id(name).filter(|id| self.is_on(*id))
    }

    /// The name behind an id, also of a symbol that is gone.
    #[must_use]
    pub fn name(&self, id: SymbolId) -> Option<&str> {
        self.names.name(id)
    }

    /// All names that were ever on offer.
    #[must_use]
    pub fn names(&self) -> &Symbols {
        &self.names
    }

    /// Ids and names of those on offer, by id.
    #[must_use]
    pub fn listed(&self) -> &[(u32, String)] {
        &self.listed
    }

    /// How many are on offer.
    #[must_use]
    pub fn len(&self) -> usize {
        self.listed.len()
    }

    /// Whether none is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.listed.is_empty()
    }
}

impl From<Symbols> for Offer {
    fn from(names: Symbols) -> Self {
        // Of two with one name, the older one is gone.
        let is_newest = |(id, name): &(SymbolId, &str)| names.id(name) == Some(*id);
        let listed = names.iter().filter(is_newest).map(|(id, name)| (id.0, name.to_owned())).collect();
        Self { names, listed }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn symbols_come_and_go_and_an_id_is_not_used_twice() {
        let mut symbols = Symbols::new();
        let btc = symbols.intern("BTCUSDT").unwrap();
        let mut offer = Offer::from(symbols);
        let eth = SymbolId(1);
        offer.join(eth, "ETHUSDT").unwrap();
        offer.join(eth, "ETHUSDT").unwrap();
        assert_eq!((offer.len(), offer.id("ethusdt")), (2, Some(eth)));
        offer.leave(btc);
        offer.leave(btc);
        assert_eq!((offer.len(), offer.id("BTCUSDT"), offer.name(btc)), (1, None, Some("BTCUSDT")));
        assert!(offer.join(btc, "BTCUSDT").unwrap_err().to_string().ends_with("an id is not used twice"));
        assert!(offer.join(eth, "BTCUSDT").unwrap_err().to_string().ends_with("that is ETHUSDT"));
        assert!(offer.join(SymbolId(7), "XRPUSDT").unwrap_err().to_string().ends_with("the next new id is 2"));
        offer.join(SymbolId(2), "BTCUSDT").unwrap();
        assert_eq!(offer.id("BTCUSDT"), Some(SymbolId(2)));
        assert_eq!(offer.listed(), [(1, "ETHUSDT".to_owned()), (2, "BTCUSDT".to_owned())]);
    }
}
