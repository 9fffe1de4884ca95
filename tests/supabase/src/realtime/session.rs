//! One WebSocket: its channels, what it is told, and how it ends.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{Message as Frame, WebSocket};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::capture::{self, Change};
use super::control::{RealtimeFault, RealtimeState};
use super::delivery;
use super::hub::Told;
use super::join::{Access, Binding};
use super::protocol::{Message, Version};
use crate::Shared;
use crate::connection::Peer;
use crate::keys::now_s;

/// What the handshake says.
pub(crate) struct Handshake {
    pub(crate) shared: Arc<Shared>,
    pub(crate) peer: Peer,
    pub(crate) version: Version,
    pub(crate) token: String,
}

struct Channel {
    join_ref: Value,
    access: Access,
    bindings: Vec<Binding>,
    live: bool,
}

/// Why a socket ends.
enum End {
    Closed,
    Cut,
    Frozen,
}

struct Session {
    shared: Arc<Shared>,
    version: Version,
    token: String,
    socket: WebSocket,
    channels: BTreeMap<String, Channel>,
}

impl Handshake {
    pub(crate) fn version(query: &str) -> Version {
        let vsn = url::form_urlencoded::parse(query.as_bytes()).find(|(key, _)| key == "vsn");
        if vsn.is_some_and(|(_, vsn)| vsn.starts_with('2')) { Version::Two } else { Version::One }
    }

    /// Serves the socket to its end.
    pub(crate) async fn serve(self, socket: WebSocket) {
        let Self { shared, peer, version, token } = self;
        let (id, mut told) = shared.realtime.enter();
        let mut session = Session { shared: Arc::clone(&shared), version, token, socket, channels: BTreeMap::new() };
        let end = session.run(&mut told).await.unwrap_or(End::Closed);
        let live = session.channels.values().filter(|channel| channel.live).count();
        let channels = session.channels.len();
        shared.realtime.state.send_modify(|state| {
            state.channels -= channels;
            state.live -= live;
        });
        match end {
            End::Closed => {}
            End::Cut => peer.cut(),
            End::Frozen => {
                shared.realtime.state.send_modify(|state| state.frozen += 1);
                // The socket stays open and untouched; data that comes in fills the buffers of the system.
                while let Some(word) = told.recv().await {
                    if matches!(word, Told::Cut) {
                        break;
                    }
                }
                shared.realtime.state.send_modify(|state| state.frozen -= 1);
                peer.cut();
            }
        }
        shared.realtime.leave(id);
    }
}

impl Session {
    async fn run(&mut self, told: &mut mpsc::UnboundedReceiver<Told>) -> Result<End, axum::Error> {
        loop {
            let expires_s = self.channels.values().map(|channel| channel.access.until_s).min().unwrap_or(u64::MAX);
            let left = Duration::from_secs(expires_s.saturating_sub(now_s()).min(24 * 3600));
            tokio::select! {
                frame = self.socket.recv() => match frame {
                    Some(Ok(Frame::Text(text))) => {
                        if let Some(message) = Message::decode(self.version, &text) {
                            self.receive(message).await?;
                        }
                    }
                    Some(Ok(Frame::Close(_)) | Err(_)) | None => return Ok(End::Closed),
                    Some(Ok(_)) => {}
                },
                word = told.recv() => match word {
                    Some(Told::Change(change)) => self.deliver(&change).await?,
                    Some(Told::SubscribedAgain) => self.subscribed_again().await?,
                    Some(Told::CloseChannels) => self.end_all("phx_close").await?,
                    Some(Told::CrashChannels) => self.end_all("phx_error").await?,
                    Some(Told::Freeze) => return Ok(End::Frozen),
                    Some(Told::Cut) | None => return Ok(End::Cut),
                },
                () = tokio::time::sleep(left) => self.expire().await?,
            }
        }
    }

    fn count(&self, change: impl FnOnce(&mut RealtimeState)) {
        self.shared.realtime.state.send_modify(change);
    }

    async fn receive(&mut self, message: Message) -> Result<(), axum::Error> {
        match (message.topic.as_str(), message.event.as_str()) {
            ("phoenix", "heartbeat") => {
                let ignored = self.shared.realtime.faults.take(|fault| *fault == RealtimeFault::NoHeartbeat).is_some();
                self.count(|state| state.heartbeats += 1);
                if ignored {
                    return Ok(());
                }
                self.send(&message.reply("ok", json!({}))).await
            }
            (_, "phx_join") => self.join(message).await,
            (topic, _) if !self.channels.contains_key(topic) => {
                self.send(&message.reply("error", json!({"reason": "unmatched topic"}))).await
            }
            (_, "phx_leave") => {
                self.send(&message.reply("ok", json!({}))).await?;
                let topic = message.topic.clone();
                self.end(&topic, "phx_close").await
            }
            (_, "access_token") => self.new_token(message).await,
            // Broadcast and presence go to nobody here.
            _ => self.send(&message.reply("ok", json!({}))).await,
        }
    }

    async fn join(&mut self, message: Message) -> Result<(), axum::Error> {
        let faults = |fits: fn(&RealtimeFault) -> bool| self.shared.realtime.faults.take(fits);
        let dropped = faults(|fault| *fault == RealtimeFault::DropJoin).is_some();
        let refusal = if dropped { None } else { faults(|fault| matches!(fault, RealtimeFault::RefuseJoin(_))) };
        self.count(|state| state.joins += 1);
        if dropped {
            return Ok(());
        }
        let refused = match refusal {
            Some(RealtimeFault::RefuseJoin(reason)) => Err(reason),
            _ => match message.topic.strip_prefix("realtime:") {
                None => Err("unmatched topic".to_owned()),
                Some("") => Err("TopicNameRequired: You must provide a topic name".to_owned()),
                Some(_) => Access::of(&self.shared, &message.payload, &self.token),
            },
        };
        let access = match refused {
            Ok(access) => access,
            Err(reason) => return self.send(&message.reply("error", json!({"reason": reason}))).await,
        };
        let topic = message.topic.clone();
        self.end(&topic, "phx_close").await?;
        let (bindings, problem) = Binding::all(&message.payload);
        let echoes: Vec<&Value> = bindings.iter().map(|binding| &binding.echo).collect();
        self.send(&message.reply("ok", json!({"postgres_changes": echoes}))).await?;
        if message.payload["config"]["presence"]["enabled"] == true {
            self.push(&topic, &message.join_ref, "presence_state", json!({})).await?;
        }
        let channel = Channel { join_ref: message.join_ref.clone(), access, bindings, live: false };
        self.channels.insert(topic.clone(), channel);
        self.count(|state| state.channels += 1);
        self.subscribe(&topic, problem).await
    }

    /// Subscribes a channel to its changes and says so, or says why not.
    async fn subscribe(&mut self, topic: &str, problem: Option<String>) -> Result<(), axum::Error> {
        let Some(channel) = self.channels.get(topic).filter(|channel| !channel.bindings.is_empty()) else {
            return Ok(());
        };
        let faults = &self.shared.realtime.faults;
        if faults.take(|fault| *fault == RealtimeFault::NoSystem).is_some() {
            return Ok(());
        }
        let injected = match faults.take(|fault| matches!(fault, RealtimeFault::SystemError(_))) {
            Some(RealtimeFault::SystemError(message)) => Some(message),
            _ => None,
        };
        let mut result = injected.or(problem).map_or(Ok(()), Err);
        for binding in &channel.bindings {
            if result.is_ok() {
                result = capture::subscribe(&self.shared, binding).await;
            }
        }
        match result {
            Ok(()) => self.say_live(topic).await,
            Err(message) => self.system(topic, "postgres_changes", "error", &message).await,
        }
    }

    async fn say_live(&mut self, topic: &str) -> Result<(), axum::Error> {
        if let Some(channel) = self.channels.get_mut(topic)
            && !channel.live
        {
            channel.live = true;
            self.shared.realtime.state.send_modify(|state| state.live += 1);
        }
        self.system(topic, "postgres_changes", "ok", "Subscribed to PostgreSQL").await
    }

    async fn subscribed_again(&mut self) -> Result<(), axum::Error> {
        let live = self.channels.iter().filter(|(_, channel)| channel.live).map(|(topic, _)| topic.clone());
        for topic in live.collect::<Vec<_>>() {
            self.say_live(&topic).await?;
        }
        Ok(())
    }

    async fn new_token(&mut self, message: Message) -> Result<(), axum::Error> {
        if message.payload["access_token"].as_str().is_none_or(|token| token.starts_with("sb_")) {
            return Ok(());
        }
        match Access::of(&self.shared, &message.payload, &self.token) {
            Ok(access) => {
                let Some(channel) = self.channels.get_mut(&message.topic) else { return Ok(()) };
                // The official client repeats the token that it has; only another one changes anything.
                if channel.access.caller.claims == access.caller.claims {
                    return Ok(());
                }
                channel.access = access;
                self.subscribe(&message.topic, None).await
            }
            Err(reason) => self.shut_down(&message.topic, &reason).await,
        }
    }

    async fn expire(&mut self) -> Result<(), axum::Error> {
        let now_s = now_s();
        let over = self.channels.iter().filter(|(_, channel)| channel.access.until_s <= now_s);
        for topic in over.map(|(topic, _)| topic.clone()).collect::<Vec<_>>() {
            self.shut_down(&topic, "Token has expired 0 seconds ago").await?;
        }
        Ok(())
    }

    async fn shut_down(&mut self, topic: &str, why: &str) -> Result<(), axum::Error> {
        self.system(topic, "system", "error", why).await?;
        self.end(topic, "phx_close").await
    }

    async fn end_all(&mut self, event: &str) -> Result<(), axum::Error> {
        for topic in self.channels.keys().cloned().collect::<Vec<_>>() {
            if event == "phx_close" {
                self.shut_down(&topic, "Too many messages per second").await?;
            } else {
                self.end(&topic, event).await?;
            }
        }
        Ok(())
    }

    /// Ends a channel, if it is there; the client is told with the reference of its join.
    async fn end(&mut self, topic: &str, event: &str) -> Result<(), axum::Error> {
        let Some(channel) = self.channels.remove(topic) else {
            return Ok(());
        };
        self.count(|state| {
            state.channels -= 1;
            state.live -= usize::from(channel.live);
        });
        let message = Message {
            join_ref: channel.join_ref.clone(),
            reference: channel.join_ref,
            topic: topic.to_owned(),
            event: event.to_owned(),
            payload: json!({}),
        };
        self.send(&message).await
    }

    async fn deliver(&mut self, change: &Change) -> Result<(), axum::Error> {
        let mut messages = Vec::new();
        for (topic, channel) in self.channels.iter().filter(|(_, channel)| channel.live) {
            let wanted: Vec<&Binding> = channel.bindings.iter().filter(|binding| binding.wants(change)).collect();
            let Some(first) = wanted.first() else { continue };
            if self.shared.realtime.faults.take(|fault| *fault == RealtimeFault::DropChanges).is_some() {
                self.count(|state| state.dropped += 1);
                continue;
            }
            let data = delivery::data(&self.shared, &channel.access.caller, change, first.selected(change)).await;
            let Some(data) = data else { continue };
            let ids: Vec<u64> = wanted.iter().map(|binding| binding.id).collect();
            messages.push((topic.clone(), channel.join_ref.clone(), json!({"ids": ids, "data": data})));
        }
        for (topic, join_ref, payload) in messages {
            // First, so that whoever has heard it finds it counted.
            self.count(|state| state.changes += 1);
            self.push(&topic, &join_ref, "postgres_changes", payload).await?;
        }
        Ok(())
    }

    async fn system(&mut self, topic: &str, extension: &str, status: &str, message: &str) -> Result<(), axum::Error> {
        let Some(channel) = self.channels.get(topic) else {
            return Ok(());
        };
        let join_ref = channel.join_ref.clone();
        let channel = topic.trim_start_matches("realtime:");
        let payload = json!({"message": message, "status": status, "extension": extension, "channel": channel});
        self.push(topic, &join_ref, "system", payload).await
    }

    async fn push(&mut self, topic: &str, join_ref: &Value, event: &str, payload: Value) -> Result<(), axum::Error> {
        let message = Message {
            join_ref: join_ref.clone(),
            reference: Value::Null,
            topic: topic.to_owned(),
            event: event.to_owned(),
            payload,
        };
        self.send(&message).await
    }

    async fn send(&mut self, message: &Message) -> Result<(), axum::Error> {
        self.socket.send(Frame::Text(message.encode(self.version).into())).await
    }
}
