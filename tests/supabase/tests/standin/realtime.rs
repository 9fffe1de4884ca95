//! Realtime when something is wrong.

use reqwest::Method;
use serde_json::json;
use uuid::Uuid;
use vyx_supabase::{Effect, Fault, Match, RealtimeFault};

use crate::support::{Project, TOPIC, item};

#[tokio::test]
async fn a_change_is_told_in_the_order_of_commits() {
    let project = Project::new();
    let mut socket = project.socket().await;
    socket.subscribe().await;
    let id = Uuid::new_v4();
    project.insert_ok(&json!([item(id)])).await;
    project.update_ok(id, &json!({"enabled": false})).await;
    let insert = socket.expect("postgres_changes").await;
    assert_eq!(insert["data"]["record"]["id"], json!(id));
    assert!(insert["data"].get("old_record").is_none());
    let update = socket.expect("postgres_changes").await;
    assert_eq!((&update["data"]["type"], &update["data"]["old_record"]), (&json!("UPDATE"), &json!({"id": id})));
    assert_eq!(update["ids"].as_array().unwrap().len(), 1);
    assert_eq!(project.standin.realtime().state().changes, 2);
}

#[tokio::test]
async fn what_is_rolled_back_is_not_told() {
    let project = Project::new();
    let mut socket = project.socket().await;
    socket.subscribe().await;
    let [bad, good] = [Uuid::new_v4(), Uuid::new_v4()];
    let answer = project.insert(&json!([item(bad), {"id": Uuid::new_v4()}])).send().await.unwrap();
    assert_eq!(answer.status(), 400);
    project.insert_ok(&json!([item(good)])).await;
    assert_eq!(socket.expect("postgres_changes").await["data"]["record"]["id"], json!(good));
}

#[tokio::test]
async fn the_handshake_can_be_refused() {
    let project = Project::new();
    let handshake = Match::any().path("/realtime/v1/websocket");
    project.standin.fault(Fault::new(handshake, Effect::json(429, r#"{"error":"Too many connected users"}"#)).times(1));
    let url = project.standin.url().replace("http://", "ws://");
    let url = format!("{url}/realtime/v1/websocket?apikey={}&vsn=2.0.0", project.standin.service_jwt());
    let refused = tokio_tungstenite::connect_async(&url).await.unwrap_err();
    let tokio_tungstenite::tungstenite::Error::Http(answer) = refused else { panic!("{refused:?}") };
    assert_eq!(answer.status(), 429);
    tokio_tungstenite::connect_async(&url).await.unwrap();
}

#[tokio::test]
async fn joins_are_dropped_or_refused() {
    let project = Project::new();
    let realtime = project.standin.realtime();
    let mut socket = project.socket().await;
    realtime.inject_times(RealtimeFault::DropJoin, 1);
    socket.join().await;
    let reason = "InitializingProjectConnection: Realtime is initializing the project connection";
    realtime.inject_times(RealtimeFault::RefuseJoin(reason.to_owned()), 1);
    socket.join().await;
    let reply = socket.expect("phx_reply").await;
    assert_eq!(reply, json!({"status": "error", "response": {"reason": reason}}));
    assert_eq!((realtime.state().joins, realtime.state().channels), (2, 0));
    socket.subscribe().await;
}

#[tokio::test]
async fn the_word_that_changes_come_can_be_missing_or_bad() {
    let project = Project::new();
    let realtime = project.standin.realtime();
    let mut silent = project.socket().await;
    realtime.inject_times(RealtimeFault::NoSystem, 1);
    silent.join().await;
    assert_eq!(silent.expect("phx_reply").await["status"], "ok");
    let mut failed = project.socket().await;
    realtime.inject_times(RealtimeFault::SystemError("out of slots".to_owned()), 1);
    failed.join().await;
    assert_eq!(failed.expect("phx_reply").await["status"], "ok");
    let word = failed.expect("system").await;
    assert_eq!((&word["status"], &word["message"]), (&json!("error"), &json!("out of slots")));
    assert_eq!((realtime.state().channels, realtime.state().live), (2, 0));
    // Neither of them is told of a change: what comes next is the answer to a heartbeat.
    let mut good = project.socket().await;
    good.subscribe().await;
    project.insert_ok(&json!([item(Uuid::new_v4())])).await;
    good.expect("postgres_changes").await;
    for socket in [&mut silent, &mut failed] {
        socket.heartbeat().await;
        socket.expect("phx_reply").await;
    }
}

#[tokio::test]
async fn heartbeats_can_stay_unanswered() {
    let project = Project::new();
    let realtime = project.standin.realtime();
    let mut socket = project.socket().await;
    let fault = realtime.inject(RealtimeFault::NoHeartbeat);
    socket.heartbeat().await;
    realtime.wait_until("a heartbeat", |state| state.heartbeats == 1).await;
    realtime.remove(fault);
    let reference = socket.heartbeat().await;
    assert_eq!(socket.next().await.unwrap()[1], json!(reference));
}

#[tokio::test]
async fn changes_can_be_dropped() {
    let project = Project::new();
    let realtime = project.standin.realtime();
    let mut socket = project.socket().await;
    socket.subscribe().await;
    realtime.inject(RealtimeFault::DropChanges);
    project.insert_ok(&json!([item(Uuid::new_v4())])).await;
    realtime.wait_until("a dropped change", |state| state.dropped == 1).await;
    realtime.clear();
    let seen = Uuid::new_v4();
    project.insert_ok(&json!([item(seen)])).await;
    assert_eq!(socket.expect("postgres_changes").await["data"]["record"]["id"], json!(seen));
}

#[tokio::test]
async fn the_server_closes_or_crashes_channels() {
    let project = Project::new();
    let mut socket = project.socket().await;
    socket.subscribe().await;
    project.standin.realtime().close_channels();
    let word = socket.expect("system").await;
    assert_eq!((&word["extension"], &word["status"]), (&json!("system"), &json!("error")));
    let close = socket.next().await.unwrap();
    assert_eq!(close, json!(["1", "1", TOPIC, "phx_close", {}]));
    socket.subscribe().await;
    project.standin.realtime().crash_channels();
    socket.expect("phx_error").await;
    assert_eq!(project.standin.realtime().state().live, 0);
    socket.subscribe().await;
}

#[tokio::test]
async fn a_cut_is_seen_and_a_dead_connection_is_not() {
    let project = Project::new();
    let realtime = project.standin.realtime();
    let mut socket = project.socket().await;
    socket.subscribe().await;
    assert_eq!(realtime.cut(), 1);
    assert!(socket.next().await.is_none());
    realtime.wait_until("no socket", |state| state.sockets == 0).await;

    let mut dead = project.socket().await;
    dead.subscribe().await;
    assert_eq!(realtime.freeze(), 1);
    realtime.wait_until("a dead socket", |state| state.frozen == 1).await;
    dead.heartbeat().await;
    let mut alive = project.socket().await;
    alive.subscribe().await;
    project.insert_ok(&json!([item(Uuid::new_v4())])).await;
    alive.expect("postgres_changes").await;
    // Whatever the dead one had been sent would come before its end.
    realtime.cut();
    assert!(dead.next().await.is_none());
}

#[tokio::test]
async fn a_token_that_expires_ends_its_channels() {
    let project = Project::new();
    let mut socket = project.socket().await;
    let now_s = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let token = project.standin.sign(&json!({"role": "service_role", "exp": now_s + 2}));
    let bindings = json!([{"event": "*", "schema": "public", "table": "items"}]);
    let payload = json!({"config": {"postgres_changes": bindings}, "access_token": token});
    socket.send(TOPIC, "phx_join", payload).await;
    socket.expect("phx_reply").await;
    assert_eq!(socket.expect("system").await["extension"], "postgres_changes");
    let word = socket.expect("system").await;
    assert_eq!((&word["extension"], &word["status"]), (&json!("system"), &json!("error")));
    socket.expect("phx_close").await;
}

#[tokio::test]
async fn a_row_that_the_stand_in_may_not_read_is_told_without_its_fields() {
    let project = Project::new();
    let revoke = "revoke select on public.items from service_role";
    vyx_supabase::sql::execute(&project.database, revoke).unwrap();
    let mut socket = project.socket().await;
    socket.subscribe().await;
    vyx_supabase::sql::execute(&project.database, "insert into public.items (name) values ('x')").unwrap();
    let change = socket.expect("postgres_changes").await;
    assert_eq!(change["data"]["errors"], json!(["Error 401: Unauthorized"]));
    let answer = project.request(Method::GET, "/rest/v1/items").send().await.unwrap();
    assert_eq!(answer.status(), 403);
}
