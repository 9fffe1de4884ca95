//! Words of strangers: guests, files, environments, shown only after they went through here. And numbers as people read them.

use std::fmt::Write as _;

/// The text with control characters and bidirectional overrides escaped, cut after `max_bytes` of the result.
#[must_use]
pub fn shown(text: &str, max_bytes: usize) -> String {
    let mut shown = String::with_capacity(text.len().min(max_bytes));
    for character in text.chars() {
        let before = shown.len();
        if needs_escape(character) {
            // Writing to a string cannot fail.
            let _ = write!(shown, "{}", character.escape_default());
        } else {
            shown.push(character);
        }
        if shown.len() > max_bytes {
            shown.truncate(before);
            shown.push('…');
            break;
        }
    }
    shown
}

/// A word of a shell's command line: as it is where that is safe, else in quotes.
#[must_use]
pub fn shell_word(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_./:=,@%+-".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

fn needs_escape(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// `1234567` as `1,234,567`.
#[must_use]
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{grouped, shell_word, shown};

    #[test]
    fn a_word_is_one_word_to_a_shell() {
        let words = ["a/b.wasm", "", "it's", "$(x)", "~/x", "a b", "x=1"];
        assert_eq!(words.map(shell_word), ["a/b.wasm", "''", r"'it'\''s'", "'$(x)'", "'~/x'", "'a b'", "x=1"]);
    }

    #[test]
    fn control_characters_cannot_reach_a_terminal() {
        assert_eq!(shown("a\u{1b}[2Jb\r\n\u{202e}c", 100), "a\\u{1b}[2Jb\\r\\n\\u{202e}c");
    }

    #[test]
    fn a_long_text_is_cut_between_characters() {
        assert_eq!(shown("ééééé", 5), "éé…");
    }

    #[test]
    fn numbers_are_grouped() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
    }
}
