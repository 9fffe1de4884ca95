//! The id of a signal, derived from what it says, so that a retry, a restart or a second machine finds the row that is
//! already there (invariant 10). The version of the module is not part of it: a better module does not say the same twice.

use std::fmt;

use uuid::{Uuid, uuid};

use crate::ids::TraderId;

/// Namespace of signal ids: the UUIDv5 of `signals.vyx` in the DNS namespace. Never change it: rows would double.
pub const NAMESPACE: Uuid = uuid!("d8cd7cb7-91e3-5162-bc8e-824cba1c7cc1");

/// What makes a signal the same signal.
///
/// Its text is `v1|trader id|symbol|interval|candle open time in ms|tag`. No symbol and no interval contains a `|`, so
/// two keys never share a text, whatever the author called the tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SignalKey<'a> {
    /// The trader.
    pub trader: TraderId,
    /// The symbol, as the market spells it.
    pub symbol: &'a str,
    /// The interval, as in `1m` or `4h`.
    pub interval: &'a str,
    /// When the candle opened, in UTC milliseconds.
    pub open_ms: i64,
    /// The tag that the trader emitted.
    pub tag: &'a str,
}

impl SignalKey<'_> {
    /// The id, the same on every machine and for ever.
    pub fn id(&self) -> Uuid {
        Uuid::new_v5(&NAMESPACE, self.to_string().as_bytes())
    }
}

impl fmt::Display for SignalKey<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { trader, symbol, interval, open_ms, tag } = self;
        write!(f, "v1|{trader}|{symbol}|{interval}|{open_ms}|{tag}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn key<'a>(trader: &str, symbol: &'a str, interval: &'a str, open_ms: i64, tag: &'a str) -> SignalKey<'a> {
        SignalKey { trader: trader.parse().unwrap(), symbol, interval, open_ms, tag }
    }

    const SHORT: &str = "5048128b-9ea9-4af7-b08b-cc1361d552fa";

    #[test]
    fn the_namespace_is_the_documented_one() {
        assert_eq!(NAMESPACE, Uuid::new_v5(&Uuid::NAMESPACE_DNS, b"signals.vyx"));
    }

    /// Computed with Python: `uuid.uuid5(uuid.uuid5(uuid.NAMESPACE_DNS, "signals.vyx"), text)`.
    #[test]
    fn ids_are_those_of_another_implementation() {
        let vectors = [
            (
                key("5048128b-9ea9-4af7-b08b-cc1361d552fa", "BTCUSDT", "5m", 1700000100000, "short"),
                "v1|5048128b-9ea9-4af7-b08b-cc1361d552fa|BTCUSDT|5m|1700000100000|short",
                "bf76273d-73aa-5cd4-b7dd-a8a6952bc618",
            ),
            (
                key("73d7da06-0000-4000-8000-000000000001", "ETHUSDT", "1m", 0, "macd cross below"),
                "v1|73d7da06-0000-4000-8000-000000000001|ETHUSDT|1m|0|macd cross below",
                "6cd2ab0f-a59b-544d-825e-0140b7afd5b4",
            ),
            (
                key("d16e060c-0000-4000-8000-000000000002", "1000SATSUSDT", "4h", -14400000, ""),
                "v1|d16e060c-0000-4000-8000-000000000002|1000SATSUSDT|4h|-14400000|",
                "26ab35fa-04db-5741-880c-71cfc759176b",
            ),
            (
                key("00000000-0000-0000-0000-000000000000", "币安人生USDT", "1d", 1735689600000, "überkauft|x"),
                "v1|00000000-0000-0000-0000-000000000000|币安人生USDT|1d|1735689600000|überkauft|x",
                "8a567f70-df7c-5f10-b911-0210ee59800f",
            ),
        ];
        for (key, text, id) in vectors {
            assert_eq!(key.to_string(), text);
            assert_eq!(key.id().to_string(), id, "{text}");
        }
    }

    #[test]
    fn the_id_does_not_depend_on_how_the_trader_id_was_spelled() {
        let upper = key(&SHORT.to_uppercase(), "BTCUSDT", "5m", 0, "short");
        assert_eq!(upper.id(), key(SHORT, "BTCUSDT", "5m", 0, "short").id());
    }

    proptest! {
        #[test]
        fn different_keys_have_different_texts_and_ids(
            a in ("[ab]{1,2}", "[15][mh]", -2..2i64, "[a|]{0,3}"),
            b in ("[ab]{1,2}", "[15][mh]", -2..2i64, "[a|]{0,3}"),
        ) {
            let [x, y] = [&a, &b].map(|(symbol, interval, open_ms, tag)| key(SHORT, symbol, interval, *open_ms, tag));
            prop_assert_eq!(a == b, x.to_string() == y.to_string());
            prop_assert_eq!(a == b, x.id() == y.id());
        }
    }
}
