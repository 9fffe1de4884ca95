//! Klines as Binance's REST answers give them: an array of arrays of numbers and plain strings.
//!
//! Only that shape is read, field by field, so that every number passes the same door as one from a CSV file.

use std::ops::Range;

use super::rows::Fields;

/// One inner array.
pub(super) struct JsonRow<'a> {
    text: &'a [u8],
    fields: Vec<Range<usize>>,
}

impl Fields for JsonRow<'_> {
    fn count(&self) -> usize {
        self.fields.len()
    }

    fn field(&self, place: usize) -> &[u8] {
        self.fields.get(place).and_then(|range| self.text.get(range.clone())).unwrap_or_default()
    }
}

/// Walks through the rows of a JSON text.
pub(super) struct JsonRows<'a> {
    at: usize,
    line: u64,
    row: JsonRow<'a>,
}

/// Line and what is wrong there.
pub(super) type JsonFault = (u64, &'static str);

const SHAPE: &str = "not an array of klines; give the body of a GET /api/v3/klines as it came";

impl<'a> JsonRows<'a> {
    pub(super) fn new(text: &'a [u8]) -> Result<Self, JsonFault> {
        let mut rows = Self { at: 0, line: 1, row: JsonRow { text, fields: Vec::new() } };
        rows.expect(b'[')?;
        Ok(rows)
    }

    /// The next row and its line; none after the last.
    pub(super) fn next(&mut self) -> Result<Option<(u64, &JsonRow<'a>)>, JsonFault> {
        let mut byte = self.skip_space();
        if byte == Some(b',') && !self.row.fields.is_empty() {
            self.at += 1;
            byte = self.skip_space();
        } else if byte == Some(b']') {
            self.at += 1;
            return if self.skip_space().is_none() { Ok(None) } else { Err(self.fault()) };
        } else if !self.row.fields.is_empty() {
            return Err(self.fault());
        }
        if byte != Some(b'[') {
            return Err(self.fault());
        }
        self.at += 1;
        self.row.fields.clear();
        loop {
            self.field()?;
            match self.skip_space() {
                Some(b',') => self.at += 1,
                Some(b']') => break,
                _ => return Err(self.fault()),
            }
        }
        self.at += 1;
        Ok(Some((self.line, &self.row)))
    }

    /// A string without escapes, or a bare number.
    fn field(&mut self) -> Result<(), JsonFault> {
        let quoted = self.skip_space() == Some(b'"');
        let start = self.at + usize::from(quoted);
        let rest = self.row.text.get(start..).unwrap_or_default();
        let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"+-._".contains(byte);
        let length = rest.iter().position(|byte| !plain(byte)).unwrap_or(rest.len());
        if quoted && rest.get(length) != Some(&b'"') || !quoted && length == 0 {
            return Err(self.fault());
        }
        self.row.fields.push(start..start + length);
        self.at = start + length + usize::from(quoted);
        Ok(())
    }

    fn expect(&mut self, wanted: u8) -> Result<(), JsonFault> {
        if self.skip_space() != Some(wanted) {
            return Err(self.fault());
        }
        self.at += 1;
        Ok(())
    }

    fn skip_space(&mut self) -> Option<u8> {
        loop {
            let byte = self.row.text.get(self.at).copied()?;
            if !byte.is_ascii_whitespace() {
                return Some(byte);
            }
            self.line += u64::from(byte == b'\n');
            self.at += 1;
        }
    }

    fn fault(&self) -> JsonFault {
        (self.line, SHAPE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(text: &str) -> Result<Vec<Vec<String>>, JsonFault> {
        let mut rows = JsonRows::new(text.as_bytes())?;
        let mut all = Vec::new();
        while let Some((_, row)) = rows.next()? {
            all.push((0..row.count()).map(|place| String::from_utf8(row.field(place).to_vec()).unwrap()).collect());
        }
        Ok(all)
    }

    #[test]
    fn reads_numbers_and_strings() {
        assert_eq!(rows("[[1,\"2.5\"],\n [3, \"-4\" ]]\n").unwrap(), [["1", "2.5"], ["3", "-4"]]);
        assert!(rows(" [ ] ").unwrap().is_empty());
    }

    #[test]
    fn any_other_shape_is_refused() {
        for text in [
            "",
            "{\"code\":-1003}",
            "[1]",
            "[[1]",
            "[[1,]]",
            "[[]]",
            "[[1][2]]",
            "[[1],]",
            "[[\"a\\n\"]]",
            "[[1]] x",
            "[,[1]]",
            "[[[1]]]",
            "[[\"1]]",
            "[[nul l]]",
        ] {
            assert!(rows(text).is_err(), "{text}");
        }
        assert_eq!(rows("[[1],\n[2],\n{}]").unwrap_err().0, 3);
    }
}
