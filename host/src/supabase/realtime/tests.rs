//! The subscription against a server in memory, under a clock that jumps to the next timer when nothing else is to do.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::io::DuplexStream;
use tokio::sync::oneshot;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{WebSocketStream, accept_async, client_async_with_config};

use super::*;
use crate::ids::TraderId;
use crate::supabase::timeouts::HEARTBEAT;

const TOPIC: &str = "realtime:traders-ctl";
const ID: &str = "d16e060c-0000-4000-8000-000000000001";

/// Opens pipes to the test instead of sockets.
#[derive(Clone)]
struct Pipes {
    ends: mpsc::UnboundedSender<DuplexStream>,
    refusals: Arc<AtomicUsize>,
}

impl Connect for Pipes {
    type Stream = DuplexStream;

    async fn connect(&self) -> Result<WebSocketStream<DuplexStream>, String> {
        if self.refusals.try_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok() {
            return Err("the handshake was refused with status 401".to_owned());
        }
        let (ours, theirs) = tokio::io::duplex(1 << 16);
        self.ends.send(theirs).map_err(|_| "the test is over".to_owned())?;
        let (socket, _) = client_async_with_config("ws://localhost/", ours, Some(link::config())).await.unwrap();
        Ok(socket)
    }
}

/// The server's side of one socket.
struct Peer {
    socket: WebSocketStream<DuplexStream>,
    join_ref: String,
}

impl Peer {
    /// The next frame; `None` if the socket was closed.
    async fn frame(&mut self) -> Option<Value> {
        loop {
            match self.socket.next().await? {
                Ok(Message::Text(text)) => return Some(serde_json::from_str(&text).unwrap()),
                Ok(Message::Close(_)) | Err(_) => return None,
                Ok(_) => {}
            }
        }
    }

    async fn say(&mut self, frame: Value) {
        self.socket.send(Message::text(frame.to_string())).await.unwrap();
    }

    /// Answers a heartbeat; whether it was one.
    async fn answer_beat(&mut self, frame: &Value) -> bool {
        if frame[3] != "heartbeat" {
            return false;
        }
        self.say(json!([null, frame[1], "phoenix", "phx_reply", {"status": "ok", "response": {}}])).await;
        true
    }

    /// The next frame that is no heartbeat.
    async fn event(&mut self) -> Option<Value> {
        loop {
            let frame = self.frame().await?;
            if !self.answer_beat(&frame).await {
                return Some(frame);
            }
        }
    }

    /// Waits for a join, and answers as the server does whether or not changes will come.
    async fn accept_join(&mut self) {
        let join = self.event().await.expect("a join");
        assert_eq!(join[3], "phx_join");
        self.join_ref = join[0].as_str().unwrap().to_owned();
        self.say(json!([join[0], join[1], TOPIC, "phx_reply", {"status": "ok", "response": {}}])).await;
    }

    async fn system(&mut self, status: &str) {
        let payload = json!({"message": "m", "status": status, "extension": "postgres_changes", "channel": "x"});
        self.say(json!([self.join_ref, null, TOPIC, "system", payload])).await;
    }

    async fn change(&mut self, enabled: bool) {
        let data =
            json!({"type": "UPDATE", "schema": "public", "table": "traders", "record": {"id": ID, "enabled": enabled}});
        self.say(json!([self.join_ref, null, TOPIC, "postgres_changes", {"ids": [1], "data": data}])).await;
    }
}

/// A subscription and the server's side of it.
struct Test {
    realtime: Realtime,
    ends: mpsc::UnboundedReceiver<DuplexStream>,
}

impl Test {
    fn start() -> Self {
        Self::refusing(0)
    }

    fn refusing(refusals: usize) -> Self {
        let (sender, ends) = mpsc::unbounded_channel();
        let pipes = Pipes { ends: sender, refusals: Arc::new(AtomicUsize::new(refusals)) };
        Self { realtime: Realtime::start(pipes, None), ends }
    }

    async fn peer(&mut self) -> Peer {
        let end = self.ends.recv().await.expect("a connection");
        Peer { socket: accept_async(end).await.unwrap(), join_ref: String::new() }
    }

    /// A connection on which changes are delivered, and its resync was heard.
    async fn live(&mut self) -> Peer {
        let mut peer = self.peer().await;
        peer.accept_join().await;
        peer.system("ok").await;
        assert_eq!(self.realtime.next().await, Bell::Resync);
        assert!(self.realtime.state().borrow().is_live());
        peer
    }

    /// Waits until it is down: why.
    async fn down(&mut self) -> String {
        let mut state = self.realtime.state();
        let down = state.wait_for(|state| matches!(state, RealtimeState::Down { .. })).await.unwrap();
        match &*down {
            RealtimeState::Down { reason, .. } => reason.clone(),
            other => panic!("{other:?}"),
        }
    }

    async fn wait_for(&mut self, wanted: &RealtimeState) {
        self.realtime.state().wait_for(|state| state == wanted).await.unwrap();
    }
}

fn id() -> TraderId {
    ID.parse().unwrap()
}

#[tokio::test(start_paused = true)]
async fn it_is_live_at_the_system_message_and_rings_from_then_on() {
    let mut test = Test::start();
    let mut peer = test.peer().await;
    peer.accept_join().await;
    test.wait_for(&RealtimeState::Joining).await;
    peer.system("ok").await;
    assert_eq!(test.realtime.next().await, Bell::Resync);
    assert!(test.realtime.state().borrow().is_live());
    peer.change(true).await;
    assert_eq!(test.realtime.next().await, Bell::Changed(Some(id())));
    peer.change(false).await;
    assert_eq!(test.realtime.next().await, Bell::Stop { id: id(), commit_time: None });
    peer.system("ok").await;
    assert_eq!(test.realtime.next().await, Bell::Resync, "the server subscribed anew by itself");
}

#[tokio::test(start_paused = true)]
async fn without_a_system_message_it_leaves_and_joins_again() {
    let mut test = Test::start();
    let mut peer = test.peer().await;
    peer.accept_join().await;
    assert_eq!(test.down().await, "the server does not say that the subscription is live");
    let leave = peer.event().await.unwrap();
    assert_eq!((&leave[0], &leave[3]), (&json!("1"), &json!("phx_leave")));
    let stale = peer.join_ref.clone();
    peer.accept_join().await;
    assert_ne!(peer.join_ref, stale);
    let fresh = std::mem::replace(&mut peer.join_ref, stale);
    peer.system("ok").await;
    peer.join_ref = fresh;
    peer.change(true).await;
    assert_eq!(test.realtime.next().await, Bell::Changed(Some(id())), "the stale message means nothing");
    assert!(!test.realtime.state().borrow().is_live());
    peer.system("ok").await;
    assert_eq!(test.realtime.next().await, Bell::Resync);
}

#[tokio::test(start_paused = true)]
async fn a_broken_channel_is_joined_again_on_the_same_socket() {
    let mut test = Test::start();
    let mut peer = test.live().await;
    for event in ["phx_close", "phx_error", "system"] {
        let payload = json!({"status": "error", "extension": "system", "message": "Too many messages per second"});
        peer.say(json!([peer.join_ref, null, TOPIC, event, payload])).await;
        let reason = test.down().await;
        assert!(
            [
                "the server closed the channel",
                "the channel crashed at the server",
                "the server ended the subscription: Too many messages per second"
            ]
            .contains(&reason.as_str()),
            "{reason}"
        );
        assert_eq!(peer.event().await.unwrap()[3], "phx_leave");
        peer.accept_join().await;
        peer.system("ok").await;
        assert_eq!(test.realtime.next().await, Bell::Resync);
    }
    peer.system("error").await;
    assert_eq!(test.down().await, "the server ended the subscription: m");
    assert_eq!(peer.event().await.unwrap()[3], "phx_leave");
    let join = peer.event().await.unwrap();
    let refusal = json!({"status": "error", "response": {"reason": "InvalidJWTToken: expired"}});
    peer.say(json!([join[0], join[1], TOPIC, "phx_reply", refusal])).await;
    let refused = |state: &RealtimeState| matches!(state, RealtimeState::Down { reason, .. } if reason == "the join was refused: InvalidJWTToken: expired");
    test.realtime.state().wait_for(refused).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_server_that_does_not_answer_heartbeats_is_dead() {
    let mut test = Test::start();
    let mut peer = test.live().await;
    assert_eq!(peer.frame().await.unwrap()[3], "heartbeat");
    assert_eq!(peer.frame().await, None, "closed instead of a second one");
    assert_eq!(test.down().await, "no answer to a heartbeat");
    test.live().await;
}

#[tokio::test(start_paused = true)]
async fn a_cut_socket_and_refused_connections_are_made_good() {
    let mut test = Test::refusing(3);
    assert_eq!(test.down().await, "the handshake was refused with status 401");
    let peer = test.live().await;
    drop(peer);
    test.down().await;
    let mut peer = test.live().await;
    peer.socket.close(None).await.unwrap();
    assert_eq!(test.down().await, "the server closed the socket");
    test.live().await;
}

/// Serves a socket until it is closed, and tells so.
fn serve(mut peer: Peer) -> oneshot::Receiver<()> {
    let (closed, told) = oneshot::channel();
    tokio::spawn(async move {
        while peer.event().await.is_some() {}
        let _ = closed.send(());
    });
    told
}

#[tokio::test(start_paused = true)]
async fn a_socket_is_replaced_by_one_that_is_live_already() {
    let mut test = Test::start();
    let mut old = serve(test.live().await);
    let mut states = test.realtime.state();
    states.mark_unchanged();
    // The first replacement does not get there, and the old one stays.
    drop(test.peer().await);
    assert!(states.borrow_and_update().is_live());
    let mut new = test.peer().await;
    new.accept_join().await;
    new.change(true).await;
    assert_eq!(test.realtime.next().await, Bell::Changed(Some(id())));
    assert!(old.try_recv().is_err(), "the old socket is still open");
    new.system("ok").await;
    assert_eq!(test.realtime.next().await, Bell::Resync);
    old.await.unwrap();
    assert!(states.borrow_and_update().is_live());
    new.change(false).await;
    assert_eq!(test.realtime.next().await, Bell::Stop { id: id(), commit_time: None });
}

#[tokio::test(start_paused = true)]
async fn bells_that_nobody_takes_become_one_resync() {
    let mut test = Test::start();
    let mut peer = test.live().await;
    for _ in 0..BELLS + 10 {
        peer.change(true).await;
    }
    // The server has been heard to the end when it sees the next beat.
    tokio::time::advance(HEARTBEAT).await;
    assert_eq!(peer.frame().await.unwrap()[3], "heartbeat");
    for _ in 0..BELLS {
        assert_eq!(test.realtime.next().await, Bell::Changed(Some(id())));
    }
    assert_eq!(test.realtime.next().await, Bell::Resync);
}

#[tokio::test(start_paused = true)]
async fn it_ends_when_it_is_dropped() {
    let mut test = Test::start();
    let mut peer = test.live().await;
    drop(test.realtime);
    assert_eq!(peer.event().await, None);
    assert!(test.ends.recv().await.is_none(), "and does not come back");
}

#[tokio::test]
async fn the_key_is_in_the_address_and_nowhere_else() {
    use crate::supabase::server::{Server, json};
    let server = Server::start(|_| json(401, r#"{"error":"Failed to validate JWT signature"}"#)).await;
    let realtime = server.client().realtime();
    let mut state = realtime.state();
    state.wait_for(|state| matches!(state, RealtimeState::Down { .. })).await.unwrap();
    let asked = &server.asked()[0];
    assert_eq!(asked.uri.path(), "/realtime/v1/websocket");
    assert_eq!(asked.parameter("apikey").as_deref(), Some("sb_secret_hunter2hunter2"));
    assert_eq!(asked.parameter("vsn").as_deref(), Some("2.0.0"));
    assert!(asked.header("user-agent").unwrap().starts_with("vyx/"));
    let shown = format!("{realtime:?}");
    assert!(shown.contains("the handshake was refused with status 401") && !shown.contains("hunter2"), "{shown}");
}
