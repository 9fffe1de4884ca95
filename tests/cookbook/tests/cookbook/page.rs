//! docs/cookbook.md, made of what stands in the examples.

use std::path::{Path, PathBuf};

use crate::kitchen::Dish;
use crate::market::CANDLES;

const HEAD: &str = "\
# Cookbook

Ten traders, each with one idea, to copy from. Every one of them is a whole `src/lib.rs`: `vyx new my-trader`, replace that file, and
`vyx dev .` runs it. The charts show a part of the candles that they were run on, made-up ones, with the signals that a host
keeps: ▲ for the first tag of a trader, ▼ for the second.

None of them is advice. They show how an idea is said; whether it earns anything is what `vyx test` on your candles is for.

This page is made by `tests/cookbook`: after a change run `UPDATE_DOCS=1 cargo xtask test cookbook`.
";

pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().to_owned()
}

/// Holds a file to what it should be, or writes it.
pub fn hold(file: &str, text: &str) {
    let path = root().join(file);
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(found == text, "{file} is not what the traders say, run: UPDATE_DOCS=1 cargo xtask test cookbook");
}

pub fn section(name: &str, dish: &Dish) -> String {
    let file = format!("tests/cookbook/examples/{name}.rs");
    let source = std::fs::read_to_string(root().join(&file)).unwrap();
    let words: Vec<&str> = source
        .lines()
        .map_while(|line| line.strip_prefix("//!"))
        .map(|line| line.strip_prefix(' ').unwrap_or(line))
        .collect();
    let (title, text) = words.split_first().unwrap();
    let title = title.trim_end_matches('.');
    let text = text.join("\n");
    let counts: Vec<String> = dish
        .tags
        .iter()
        .map(|tag| format!("{} `{tag}`", dish.signals.iter().filter(|signal| signal.tag == *tag).count()))
        .collect();
    format!(
        "\n## {title}\n\n{}\n\n```rust,ignore\n{}```\n\n![{title}, on a chart](cookbook/{name}.svg)\n\n\
         On {CANDLES} candles of each of two symbols: {}. [The whole file](../{file}).\n",
        text.trim(),
        on_close(&source),
        counts.join(", "),
    )
}

/// The function where the idea stands, as far to the left as it goes.
fn on_close(source: &str) -> String {
    let from = source.find("    fn on_close").unwrap();
    let (body, _) = source[from..].split_once("\n    }\n").unwrap();
    format!("{body}\n    }}").lines().map(|line| format!("{}\n", line.strip_prefix("    ").unwrap_or(line))).collect()
}

pub fn whole(sections: &[String]) -> String {
    format!("{HEAD}{}", sections.concat())
}
