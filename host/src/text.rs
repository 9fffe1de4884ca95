//! Words of strangers: guests, files, environments. Shown only after they went through here.

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

fn needs_escape(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::shown;

    #[test]
    fn control_characters_cannot_reach_a_terminal() {
        assert_eq!(shown("a\u{1b}[2Jb\r\n\u{202e}c", 100), "a\\u{1b}[2Jb\\r\\n\\u{202e}c");
    }

    #[test]
    fn a_long_text_is_cut_between_characters() {
        assert_eq!(shown("ééééé", 5), "éé…");
    }
}
