//! Names of markets, and the small numbers that stand for them in the hot path.

use std::collections::HashMap;

/// Stands for a symbol; dense, in order of first appearance. A feed never reuses one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SymbolId(pub u32);

impl SymbolId {
    /// As a place in a vector.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// A text that cannot name a symbol.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a symbol; use 2 to 30 letters and digits such as BTCUSDT")]
pub struct SymbolError {
    text: String,
}

/// The symbols of a feed.
#[derive(Clone, Debug, Default)]
pub struct Symbols {
    names: Vec<String>,
    ids: HashMap<String, SymbolId>,
}

impl Symbols {
    /// No symbols.
    pub fn new() -> Self {
        Self::default()
    }

    /// The name as it is kept: upper case, 2 to 30 letters and digits.
    pub fn valid_name(text: &str) -> Result<String, SymbolError> {
        let fits = (2..=30).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if !fits {
            let text = text.chars().take(40).flat_map(char::escape_debug).collect();
            return Err(SymbolError { text });
        }
        Ok(text.to_ascii_uppercase())
    }

    /// The id of this name, a new one if it has none yet.
    pub fn intern(&mut self, text: &str) -> Result<SymbolId, SymbolError> {
        let name = Self::valid_name(text)?;
        let next = SymbolId(self.names.len() as u32);
        let id = *self.ids.entry(name.clone()).or_insert(next);
        if id == next {
            self.names.push(name);
        }
        Ok(id)
    }

    /// A new id for this name, also where it has one: of a market that was gone and comes back, which is another one to those who were
    /// told that it is gone.
    pub fn intern_anew(&mut self, text: &str) -> Result<SymbolId, SymbolError> {
        let name = Self::valid_name(text)?;
        let id = SymbolId(self.names.len() as u32);
        self.ids.insert(name.clone(), id);
        self.names.push(name);
        Ok(id)
    }

    /// The name behind an id.
    pub fn name(&self, id: SymbolId) -> Option<&str> {
        self.names.get(id.index()).map(String::as_str)
    }

    /// The id of a name, in any case.
    pub fn id(&self, name: &str) -> Option<SymbolId> {
        match self.ids.get(name) {
            Some(id) => Some(*id),
            None => self.ids.get(&name.to_ascii_uppercase()).copied(),
        }
    }

    /// All symbols, by id; those too that have a newer one.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (SymbolId, &str)> {
        self.names.iter().enumerate().map(|(id, name)| (SymbolId(id as u32), name.as_str()))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_dense_and_stay() {
        let mut symbols = Symbols::new();
        assert_eq!(symbols.intern("BTCUSDT"), Ok(SymbolId(0)));
        assert_eq!(symbols.intern("1000satsusdt"), Ok(SymbolId(1)));
        assert_eq!(symbols.intern("btcusdt"), Ok(SymbolId(0)));
        assert_eq!(symbols.name(SymbolId(1)), Some("1000SATSUSDT"));
        assert_eq!(symbols.name(SymbolId(2)), None);
        assert_eq!(symbols.id("btcUSDT"), Some(SymbolId(0)));
        assert_eq!(symbols.id("ETHUSDT"), None);
        assert_eq!(symbols.iter().map(|(id, _)| id.0).collect::<Vec<_>>(), [0, 1]);
    }

    #[test]
    fn a_symbol_that_comes_back_has_a_new_id() {
        let mut symbols = Symbols::new();
        let first = symbols.intern("BTCUSDT").unwrap();
        let second = symbols.intern_anew("btcusdt").unwrap();
        assert_ne!(first, second);
        assert_eq!(symbols.id("BTCUSDT"), Some(second));
        assert_eq!((symbols.name(first), symbols.name(second)), (Some("BTCUSDT"), Some("BTCUSDT")));
        assert_eq!(symbols.intern("BTCUSDT"), Ok(second));
    }

    #[test]
    fn bad_names_are_shown_harmlessly() {
        for bad in ["", "B", "BTC-USDT", "BTC/USDT", "ÄÖ", "BTC\u{1b}[31m", &"A".repeat(31)] {
            let message = Symbols::valid_name(bad).unwrap_err().to_string();
            assert!(message.ends_with("is not a symbol; use 2 to 30 letters and digits such as BTCUSDT"), "{message}");
            assert!(!message.contains('\u{1b}'));
        }
    }
}
