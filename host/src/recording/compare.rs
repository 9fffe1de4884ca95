//! Two signals side by side.

use serde_json::Value;

use super::replay::{Difference, Stored};
use crate::ids::TraderId;

/// A field in words.
pub(super) fn text(signal: &Value, field: &str) -> String {
    signal.get(field).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// What its row must be.
pub(super) fn stored(trader: TraderId, signal: &Value) -> Option<Stored> {
    Some(Stored {
        trader,
        id: text(signal, "id"),
        historical: signal.get("historical")?.as_bool()?,
        price: signal.get("price_at_signal")?.as_f64()?,
        plots: signal.get("plots")?.clone(),
    })
}

/// A signal that stands alone.
pub(super) fn lone(signal: &Value, recorded: &str, replayed: &str) -> Difference {
    Difference {
        signal: text(signal, "id"),
        candle: candle(signal),
        field: "signal".to_owned(),
        recorded: recorded.to_owned(),
        replayed: replayed.to_owned(),
    }
}

/// The first field that differs.
pub(super) fn difference(recorded: &Value, replayed: &Value) -> Difference {
    let shown = |value: Option<&Value>| value.map_or_else(|| "nothing".to_owned(), Value::to_string);
    let (field, was, is) = first("", recorded, replayed)
        // The same numbers, written in another way.
        .unwrap_or_else(|| ("text".to_owned(), shown(Some(recorded)), shown(Some(replayed))));
    Difference { signal: text(recorded, "id"), candle: candle(recorded), field, recorded: was, replayed: is }
}

fn first(path: &str, recorded: &Value, replayed: &Value) -> Option<(String, String, String)> {
    if let (Value::Object(was), Value::Object(is)) = (recorded, replayed) {
        let keys = was.keys().chain(is.keys().filter(|key| !was.contains_key(*key)));
        return keys.into_iter().find_map(|key| {
            let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
            first(&path, was.get(key).unwrap_or(&Value::Null), is.get(key).unwrap_or(&Value::Null))
        });
    }
    (recorded != replayed).then(|| (path.to_owned(), recorded.to_string(), replayed.to_string()))
}

fn candle(signal: &Value) -> String {
    let [symbol, interval, open, tag] = ["symbol", "interval", "open_time", "tag"].map(|field| text(signal, field));
    crate::text::shown(&format!("{symbol} {interval} {open} {tag}"), 120)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_first_field_that_differs_is_named_with_both_values() {
        let was = json!({"id": "a", "symbol": "BTCUSDT", "plots": {"rsi": [1.5, null]}, "price_at_signal": 2.0});
        let mut is = was.clone();
        is["plots"]["rsi"][0] = json!(1.25);
        let found = difference(&was, &is);
        assert_eq!((found.field.as_str(), found.recorded.as_str()), ("plots.rsi", "[1.5,null]"));
        assert_eq!(found.replayed, "[1.25,null]");
        assert_eq!(difference(&was, &was).field, "text");
        assert_eq!(difference(&was, &json!({"id": "a"})).recorded, "{\"rsi\":[1.5,null]}");
    }
}
