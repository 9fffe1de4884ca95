//! What a trader's crate may be called.

use crate::config::quoted;

/// As long as a name may be where it is shown; cargo itself has no limit.
const MAX_BYTES: usize = 64;

/// Words that Rust does not take as the name of a crate, and crates that every crate has.
const RESERVED: [&str; 58] = [
    "abstract",
    "alloc",
    "as",
    "async",
    "await",
    "become",
    "box",
    "break",
    "const",
    "continue",
    "core",
    "crate",
    "do",
    "dyn",
    "else",
    "enum",
    "extern",
    "false",
    "final",
    "fn",
    "for",
    "gen",
    "if",
    "impl",
    "in",
    "let",
    "loop",
    "macro",
    "match",
    "mod",
    "move",
    "mut",
    "override",
    "priv",
    "proc_macro",
    "pub",
    "ref",
    "return",
    "self",
    "static",
    "std",
    "struct",
    "super",
    "test",
    "trait",
    "true",
    "try",
    "type",
    "typeof",
    "unsafe",
    "unsized",
    "use",
    "virtual",
    "vyx_sdk",
    "where",
    "while",
    "yield",
    "union",
];

/// Names of devices, which no file of Windows can have.
const DEVICES: [&str; 4] = ["con", "prn", "aux", "nul"];

/// The name of a crate and of its folder, lower case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Name(String);

impl Name {
    /// Takes a name, and nothing that could be a path.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let refuse = |why: &str| Err(format!("{} cannot be the name of a trader: {why}", quoted(text)));
        let begins_well = text.starts_with(|first: char| first.is_ascii_lowercase());
        let goes_on_well = text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_'));
        if !begins_well || !goes_on_well {
            let proposed = proposal(text).map(|name| format!("; {name} would do")).unwrap_or_default();
            return refuse(&format!("it begins with a letter and has letters a to z, digits, - and _ only{proposed}"));
        }
        if text.len() > MAX_BYTES {
            return refuse(&format!("it has {} characters, and {MAX_BYTES} are the most", text.len()));
        }
        let identifier = text.replace('-', "_");
        if RESERVED.contains(&identifier.as_str()) || DEVICES.contains(&text) {
            return refuse(&format!("the word is taken; {text}-trader would do"));
        }
        Ok(Self(text.to_owned()))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// The name that people read: `btc-outrun` is `Btc Outrun`.
    pub(super) fn title(&self) -> String {
        let words = self.0.split(['-', '_']).filter(|word| !word.is_empty());
        let capitalised = words.map(|word| {
            let mut letters = word.chars();
            letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect::<String>()
        });
        capitalised.collect::<Vec<_>>().join(" ")
    }
}

/// What somebody may have meant.
fn proposal(text: &str) -> Option<String> {
    let last = text.rsplit(['/', '\\']).find(|part| !part.is_empty())?;
    let mut name = String::new();
    for letter in last.trim().chars() {
        let letter = letter.to_ascii_lowercase();
        let letter = if letter.is_ascii_lowercase() || letter.is_ascii_digit() { letter } else { '-' };
        if !(letter == '-' && name.ends_with('-')) {
            name.push(letter);
        }
    }
    let name = name.trim_matches(|c: char| !c.is_ascii_lowercase() && !c.is_ascii_digit());
    let name = name.trim_start_matches(|c: char| !c.is_ascii_lowercase());
    Name::parse(name).ok().map(|name| name.0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_that_cargo_takes_are_taken_and_read_well() {
        for (name, title) in [("my-trader", "My Trader"), ("btc_outrun2", "Btc Outrun2"), ("a", "A"), ("x-", "X")] {
            assert_eq!(Name::parse(name).unwrap().title(), title);
        }
    }

    #[test]
    fn what_is_no_name_is_refused_with_one_that_is() {
        let reason = |text: &str| Name::parse(text).unwrap_err();
        assert_eq!(
            reason("My Trader"),
            "\"My Trader\" cannot be the name of a trader: it begins with a letter and has letters a to z, digits, - and _ \
             only; my-trader would do"
        );
        assert!(reason("traders/mine").ends_with("; mine would do"));
        assert!(reason("3x").ends_with("; x would do"));
        assert!(reason("fn").ends_with("the word is taken; fn-trader would do"));
        assert!(reason("vyx-sdk").contains("is taken"));
        assert!(reason(&"a".repeat(65)).contains("65 characters"));
        assert!(reason("é").ends_with("- and _ only"));
        assert!(reason("a\u{1b}[2J").contains("\\u{1b}"), "{}", reason("a\u{1b}[2J"));
    }

    proptest! {
        /// Nothing that is taken can lead out of the folder, and nothing ends the process.
        #[test]
        fn a_name_is_one_plain_part_of_a_path(text in ".{0,80}|[./a-z-]{0,12}") {
            if let Ok(name) = Name::parse(&text) {
                prop_assert_eq!(name.as_str(), &text);
                let parts: Vec<_> = std::path::Path::new(&text).components().collect();
                prop_assert!(matches!(parts.as_slice(), [std::path::Component::Normal(_)]));
                prop_assert!(!name.title().is_empty());
            }
        }
    }
}
