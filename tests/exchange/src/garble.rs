//! Candles with a number that is none.

use serde_json::{Value, json};

const WORDS: [&str; 6] = ["NaN", "", "abc", "Infinity", "-1.00000000", "1e999"];
const FIELDS: [&str; 7] = ["o", "h", "l", "c", "v", "q", "V"];
const PLACES: [usize; 7] = [1, 2, 3, 4, 5, 7, 9];

fn drawn(bits: u64) -> (usize, &'static str) {
    ((bits % 7) as usize, WORDS[(bits >> 32) as usize % WORDS.len()])
}

/// In the `k` of an event.
pub(crate) fn event(kline: &str, bits: u64) -> String {
    let (place, word) = drawn(bits);
    let mut kline: Value = serde_json::from_str(kline).unwrap_or_default();
    kline[FIELDS[place]] = json!(word);
    kline.to_string()
}

/// In a row of REST.
pub(crate) fn row(row: &mut Value, bits: u64) {
    let (place, word) = drawn(bits);
    row[PLACES[place]] = json!(word);
}
