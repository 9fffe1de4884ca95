//! What can be wrong with a candle file.

use std::path::Path;

use crate::market::interval::Interval;

/// A value is cut after so many characters in a message.
const SHOWN_CHARS: usize = 40;

/// What is wrong with a candle file, and what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// The argument does not say what the file holds.
    #[error(
        "cannot tell symbol and interval of `{argument}`: {problem}; \
         name the file like BTCUSDT-1m-2025-01.csv, or write BTCUSDT:1m={argument}"
    )]
    Name {
        /// The argument.
        argument: String,
        /// What is wrong with it.
        problem: String,
    },
    /// `SYMBOL:INTERVAL=FILE` that cannot be used.
    #[error("cannot use `{argument}`: {problem}")]
    Argument {
        /// The argument.
        argument: String,
        /// What is wrong with it, and what to do.
        problem: String,
    },
    /// No file was given.
    #[error("no candle file was given; name at least one, such as BTCUSDT-1m-2025-01.csv")]
    NoFiles,
    /// The path is not a file.
    #[error("{file} is {what}; name candle files one by one, such as BTCUSDT-1m-2025-01.csv")]
    NotAFile {
        /// The path.
        file: String,
        /// What it is.
        what: &'static str,
    },
    /// The file cannot be opened or read.
    #[error("cannot read {file}: {source}; check the path and that it may be read")]
    Read {
        /// The path.
        file: String,
        /// Why.
        source: std::io::Error,
    },
    /// The container is not one that can be read.
    #[error("cannot read {file}: {problem}")]
    Container {
        /// The path.
        file: String,
        /// What is wrong, and what to do.
        problem: String,
    },
    /// The file has no candles.
    #[error("{file} has no candles ({found}); give a file with at least one row")]
    Empty {
        /// The path.
        file: String,
        /// What it has instead.
        found: &'static str,
    },
    /// The columns cannot be told.
    #[error("{file}, line {line}: {problem}")]
    Columns {
        /// The path.
        file: String,
        /// Line, counted from 1.
        line: u64,
        /// What is wrong, and what to do.
        problem: String,
    },
    /// A field that cannot be used.
    #[error("{file}, line {line}, {column} `{value}`: {problem}")]
    Field {
        /// The path.
        file: String,
        /// Line, counted from 1.
        line: u64,
        /// The column.
        column: &'static str,
        /// The field, harmless and shortened.
        value: String,
        /// What is wrong, and what to do.
        problem: String,
    },
    /// Open times that do not rise.
    #[error(
        "{file}, line {line}: open_time {open_ms} does not come after {previous_ms} in the row before; \
         sort the rows by open_time and remove duplicates"
    )]
    Order {
        /// The path.
        file: String,
        /// Line, counted from 1.
        line: u64,
        /// The open time there.
        open_ms: i64,
        /// The open time in the row before.
        previous_ms: i64,
    },
    /// Two files of one stream that cover the same time.
    #[error(
        "{file} and {other} both hold {interval} candles of {symbol} at {open_ms}; \
         give files that do not overlap"
    )]
    Overlap {
        /// The file that begins earlier.
        file: String,
        /// The other file.
        other: String,
        /// Their symbol.
        symbol: String,
        /// Their interval.
        interval: Interval,
        /// The first open time of the other file.
        open_ms: i64,
    },
}

/// A field as it may be shown: control characters escaped, shortened.
pub(super) fn shown(value: &[u8]) -> String {
    let text = String::from_utf8_lossy(value.get(..4 * SHOWN_CHARS).unwrap_or(value));
    let mut shown: String = text.chars().take(SHOWN_CHARS).flat_map(char::escape_debug).collect();
    if text.chars().count() > SHOWN_CHARS {
        shown.push('…');
    }
    shown
}

/// A path as it may be shown: in full, control characters escaped.
pub(super) fn shown_path(path: &Path) -> String {
    path.to_string_lossy()
        .chars()
        .flat_map(|char| {
            let escape = char.is_control();
            escape.then(|| char.escape_debug()).into_iter().flatten().chain((!escape).then_some(char))
        })
        .collect()
}
