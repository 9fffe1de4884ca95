//! Frames in, events out: the protocol of a channel (Phoenix, version 2.0.0), without a socket and without a clock.
//!
//! A frame is an array: join reference, reference, topic, event, payload. What does not fit is passed over: a doorbell that
//! rings for nothing costs a read, and one that does not ring is what the poll is for.

use jiff::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};

use crate::ids::TraderId;
use crate::text::shown;

const TOPIC: &str = "realtime:traders-ctl";
const SCHEMA: &str = "public";
const TABLE: &str = "traders";
/// A reason of the server as it is shown.
const REASON_BYTES: usize = 120;

/// What a change of the traders asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bell {
    /// Read everything: the subscription has just begun, or bells were lost.
    Resync,
    /// Read this trader again; `None`: something changed that cannot be named.
    Changed(Option<TraderId>),
    /// Stop this trader at once, before anything is read: it was disabled or deleted. Nothing else follows for this
    /// change, so read as well.
    Stop {
        /// The trader.
        id: TraderId,
        /// When the change was committed, by the clock of the database.
        commit_time: Option<Timestamp>,
    },
}

/// What a frame means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Event {
    /// Changes are delivered from now on.
    Live,
    /// A trader changed.
    Rang(Bell),
    /// The channel is not, or no longer, what it should be: leave it and join again.
    Broken(String),
}

/// One channel over one socket, through as many joins as it takes.
#[derive(Debug)]
pub(super) struct Channel {
    token: Option<SecretString>,
    last_ref: u64,
    /// The reference of the join that counts; frames of earlier ones are stale.
    join_ref: Option<u64>,
    beat_ref: Option<u64>,
}

impl Channel {
    /// A channel that joins with this JWT, if the key is one.
    pub(super) fn new(token: Option<SecretString>) -> Self {
        Self { token, last_ref: 0, join_ref: None, beat_ref: None }
    }

    /// The frame that joins. No filter: with one, the change that disables a trader would not be delivered.
    pub(super) fn join(&mut self) -> SecretString {
        let join_ref = self.next_ref();
        self.join_ref = Some(join_ref);
        let mut payload = json!({"config": {
            "broadcast": {"ack": false, "self": false},
            "presence": {"enabled": false, "key": ""},
            "postgres_changes": [{"event": "*", "schema": SCHEMA, "table": TABLE}],
            "private": false,
        }});
        if let (Some(token), Some(payload)) = (&self.token, payload.as_object_mut()) {
            payload.insert("access_token".to_owned(), token.expose_secret().into());
        }
        frame(Some(join_ref), join_ref, TOPIC, "phx_join", payload).into()
    }

    /// The frame that leaves the channel, if it was joined.
    pub(super) fn leave(&mut self) -> Option<String> {
        let join_ref = self.join_ref.take()?;
        let leave_ref = self.next_ref();
        Some(frame(Some(join_ref), leave_ref, TOPIC, "phx_leave", json!({})))
    }

    /// The next heartbeat; `None` if the last one has no answer yet, which means that the connection is dead.
    pub(super) fn beat(&mut self) -> Option<String> {
        if self.beat_ref.is_some() {
            return None;
        }
        let beat_ref = self.next_ref();
        self.beat_ref = Some(beat_ref);
        Some(frame(None, beat_ref, "phoenix", "heartbeat", json!({})))
    }

    /// What a frame means, if it means something.
    pub(super) fn receive(&mut self, text: &str) -> Option<Event> {
        let frame: Value = serde_json::from_str(text).ok()?;
        let [join_ref, reference, topic, event, payload] = frame.as_array()?.as_slice() else {
            return None;
        };
        let (topic, event) = (topic.as_str()?, event.as_str()?);
        if topic == "phoenix" {
            if event == "phx_reply" && self.beat_ref.is_some() && number(reference) == self.beat_ref {
                self.beat_ref = None;
            }
            return None;
        }
        // Some messages of the server carry no join reference; what carries another one is of a channel that was left.
        let is_stale = !join_ref.is_null() && number(join_ref) != self.join_ref;
        if topic != TOPIC || is_stale || self.join_ref.is_none() {
            return None;
        }
        match event {
            "phx_reply" if number(reference) == self.join_ref => joined(payload),
            "system" => system(payload),
            "postgres_changes" => changed(payload.get("data")?).map(Event::Rang),
            "phx_close" => Some(Event::Broken("the server closed the channel".to_owned())),
            "phx_error" => Some(Event::Broken("the channel crashed at the server".to_owned())),
            _ => None,
        }
    }

    fn next_ref(&mut self) -> u64 {
        self.last_ref += 1;
        self.last_ref
    }
}

fn frame(join_ref: Option<u64>, reference: u64, topic: &str, event: &str, payload: Value) -> String {
    json!([join_ref.map(|join_ref| join_ref.to_string()), reference.to_string(), topic, event, payload]).to_string()
}

/// A reference, which is a text in this version and was a number before.
fn number(reference: &Value) -> Option<u64> {
    reference.as_str().map_or_else(|| reference.as_u64(), |text| text.parse().ok())
}

/// An `ok` here only says that the channel exists; whether changes arrive, the system message says.
fn joined(payload: &Value) -> Option<Event> {
    if payload.get("status").and_then(Value::as_str) == Some("ok") {
        return None;
    }
    let reason = payload.get("response").and_then(|response| response.get("reason"));
    Some(Event::Broken(format!("the join was refused: {}", told(reason))))
}

fn system(payload: &Value) -> Option<Event> {
    let field = |name: &str| payload.get(name).and_then(Value::as_str);
    match (field("extension"), field("status")) {
        (Some("postgres_changes"), Some("ok")) => Some(Event::Live),
        (_, Some("ok")) => None,
        (_, _) => Some(Event::Broken(format!("the server ended the subscription: {}", told(payload.get("message"))))),
    }
}

/// Words of the server, cut before a token could follow.
fn told(reason: Option<&Value>) -> String {
    match reason.and_then(Value::as_str) {
        Some(reason) => shown(reason, REASON_BYTES),
        None => "no reason given".to_owned(),
    }
}

/// What a change asks for; `None` if it is of another table.
fn changed(data: &Value) -> Option<Bell> {
    let text = |name: &str| data.get(name).and_then(Value::as_str);
    if text("schema").is_some_and(|schema| schema != SCHEMA) || text("table").is_some_and(|table| table != TABLE) {
        return None;
    }
    let id = |row: &str| data.get(row)?.get("id")?.as_str()?.parse::<TraderId>().ok();
    let id = id("record").or_else(|| id("old_record"));
    // A column that is absent (too large, or unchanged and stored apart) is not one that is false or null.
    let is_disabled = data.get("record").and_then(|record| record.get("enabled")) == Some(&Value::Bool(false));
    let is_gone = text("type") == Some("DELETE");
    let commit_time = text("commit_timestamp").and_then(|time| time.parse().ok());
    Some(match id {
        Some(id) if is_disabled || is_gone => Bell::Stop { id, commit_time },
        id => Bell::Changed(id),
    })
}

#[cfg(test)]
#[path = "protocol_tests.rs"]
mod tests;
