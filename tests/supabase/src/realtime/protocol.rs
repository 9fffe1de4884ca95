//! Messages on the wire: objects in version 1.0.0 of the serializer, arrays in 2.0.0.

use serde_json::{Value, json};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Version {
    One,
    Two,
}

#[derive(Debug)]
pub(crate) struct Message {
    pub(crate) join_ref: Value,
    /// Echoed in the reply; null in what the server says by itself.
    pub(crate) reference: Value,
    pub(crate) topic: String,
    pub(crate) event: String,
    pub(crate) payload: Value,
}

impl Message {
    pub(crate) fn decode(version: Version, text: &str) -> Option<Self> {
        let value: Value = serde_json::from_str(text).ok()?;
        let field = |name: &str, index: usize| match version {
            Version::One => value.get(name),
            Version::Two => value.get(index),
        };
        let text = |name, index| field(name, index).and_then(Value::as_str).map(str::to_owned);
        Some(Self {
            join_ref: field("join_ref", 0).cloned().unwrap_or(Value::Null),
            reference: field("ref", 1).cloned().unwrap_or(Value::Null),
            topic: text("topic", 2)?,
            event: text("event", 3)?,
            payload: field("payload", 4).cloned().unwrap_or(Value::Null),
        })
    }

    pub(crate) fn encode(&self, version: Version) -> String {
        match version {
            Version::One => json!({
                "topic": self.topic, "event": self.event, "payload": self.payload, "ref": self.reference,
            }),
            Version::Two => json!([self.join_ref, self.reference, self.topic, self.event, self.payload]),
        }
        .to_string()
    }

    /// The answer to this message; `status` is `ok` or `error`.
    pub(crate) fn reply(&self, status: &str, response: Value) -> Self {
        Self {
            join_ref: self.join_ref.clone(),
            reference: self.reference.clone(),
            topic: self.topic.clone(),
            event: "phx_reply".to_owned(),
            payload: json!({"status": status, "response": response}),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_versions_carry_the_same() {
        let two = Message::decode(Version::Two, r#"["1","2","realtime:a","phx_join",{"x":1}]"#).unwrap();
        let one = r#"{"join_ref":"1","ref":"2","topic":"realtime:a","event":"phx_join","payload":{"x":1}}"#;
        let one = Message::decode(Version::One, one).unwrap();
        assert_eq!(one.encode(Version::Two), two.encode(Version::Two));
        assert_eq!(two.encode(Version::Two), r#"["1","2","realtime:a","phx_join",{"x":1}]"#);
        assert!(Message::decode(Version::Two, "[1,2]").is_none());
    }
}
