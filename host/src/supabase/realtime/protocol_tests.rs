use proptest::prelude::*;

use super::*;

const ID: &str = "d16e060c-0000-4000-8000-000000000001";

fn id() -> TraderId {
    ID.parse().unwrap()
}

/// A channel that has sent its join.
fn joining() -> Channel {
    let mut channel = Channel::new(None);
    channel.join();
    channel
}

fn change(data: &str) -> String {
    format!(r#"["1",null,"{TOPIC}","postgres_changes",{{"ids":[224364428],"data":{data}}}]"#)
}

fn rang(data: &str) -> Option<Bell> {
    match joining().receive(&change(data)) {
        Some(Event::Rang(bell)) => Some(bell),
        None => None,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_join_is_what_the_server_expects() {
    let mut channel = Channel::new(Some("eyJ.hunter2.x".to_owned().into()));
    let join = channel.join();
    let frame: Value = serde_json::from_str(join.expose_secret()).unwrap();
    let expected = json!(["1", "1", "realtime:traders-ctl", "phx_join", {
        "config": {
            "broadcast": {"ack": false, "self": false},
            "presence": {"enabled": false, "key": ""},
            "postgres_changes": [{"event": "*", "schema": "public", "table": "traders"}],
            "private": false,
        },
        "access_token": "eyJ.hunter2.x",
    }]);
    assert_eq!(frame, expected);
    assert!(!format!("{channel:?} {join:?}").contains("hunter2"));
    let join = Channel::new(None).join();
    assert!(!join.expose_secret().contains("access_token"));
}

#[test]
fn the_conversation_of_a_subscription() {
    let mut channel = joining();
    let reply = r#"["1","1","realtime:traders-ctl","phx_reply",{"status":"ok","response":{"postgres_changes":[{"event":"*","schema":"public","table":"traders","id":224364428}]}}]"#;
    assert_eq!(channel.receive(reply), None, "the join alone proves nothing");
    let system = r#"["1",null,"realtime:traders-ctl","system",{"message":"Subscribed to PostgreSQL","status":"ok","extension":"postgres_changes","channel":"traders-ctl"}]"#;
    assert_eq!(channel.receive(system), Some(Event::Live));
    assert_eq!(channel.receive(system), Some(Event::Live), "the server subscribed anew, so changes may be lost");
    assert_eq!(channel.beat().as_deref(), Some(r#"[null,"2","phoenix","heartbeat",{}]"#));
    assert_eq!(channel.beat(), None, "the last one has no answer");
    assert_eq!(channel.receive(r#"[null,"1","phoenix","phx_reply",{"status":"ok","response":{}}]"#), None);
    assert_eq!(channel.beat(), None, "an answer to something else");
    assert_eq!(channel.receive(r#"[null,"2","phoenix","phx_reply",{"status":"ok","response":{}}]"#), None);
    assert_eq!(channel.beat().as_deref(), Some(r#"[null,"3","phoenix","heartbeat",{}]"#));
    assert_eq!(channel.leave().as_deref(), Some(r#"["1","4","realtime:traders-ctl","phx_leave",{}]"#));
    assert_eq!(channel.receive(system), None, "the channel was left");
    assert_eq!(channel.leave(), None);
    channel.join();
    assert_eq!(channel.receive(system), None, "it is of the join before");
    assert_eq!(channel.receive(&system.replace("\"1\"", "\"5\"")), Some(Event::Live));
    assert_eq!(channel.receive(&system.replace("\"1\"", "null")), Some(Event::Live));
}

#[test]
fn what_breaks_a_subscription_is_told() {
    let broken = |event: &str, payload: &str| {
        let reference = if event == "phx_reply" { "\"1\"" } else { "null" };
        let frame = format!(r#"["1",{reference},"{TOPIC}","{event}",{payload}]"#);
        match joining().receive(&frame) {
            Some(Event::Broken(reason)) => reason,
            other => panic!("{other:?}"),
        }
    };
    for reason in [
        "InvalidJWTToken: Fields `role` and `exp` are required in JWT",
        "ConnectionRateLimitReached",
        "ChannelRateLimitReached",
        "ClientJoinRateLimitReached",
        "TenantNotFound",
        "RealtimeRestarting",
        "InitializingProjectConnection",
        "DatabaseLackOfConnections",
        "UnableToConnectToProject",
        "PrivateOnly",
        "Unauthorized",
        "JwtSignatureError",
        "MalformedJWT",
    ] {
        let payload = json!({"status": "error", "response": {"reason": reason}}).to_string();
        assert_eq!(broken("phx_reply", &payload), format!("the join was refused: {reason}"));
    }
    assert_eq!(broken("phx_reply", "{}"), "the join was refused: no reason given");
    let publication = r#"{"message":"Unable to subscribe to changes with given parameters","status":"error","extension":"postgres_changes","channel":"traders-ctl"}"#;
    let expected = "the server ended the subscription: Unable to subscribe to changes with given parameters";
    assert_eq!(broken("system", publication), expected);
    let limit = r#"{"message":"Too many messages per second","status":"error","extension":"system"}"#;
    assert_eq!(broken("system", limit), "the server ended the subscription: Too many messages per second");
    assert_eq!(broken("phx_close", "{}"), "the server closed the channel");
    assert_eq!(broken("phx_error", "{}"), "the channel crashed at the server");
    let long = json!({"status": "error", "response": {"reason": format!("\u{1b}{}", "x".repeat(500))}}).to_string();
    assert!(broken("phx_reply", &long).len() < 200);
}

#[test]
fn changes_ring() {
    let commit_time = Some("2026-11-23T10:42:52.814Z".parse().unwrap());
    let at = r#""schema":"public","table":"traders","commit_timestamp":"2026-11-23T10:42:52.814Z","columns":[]"#;
    let cases = [
        (
            format!(
                r#"{{"type":"UPDATE",{at},"record":{{"id":"{ID}","enabled":true}},"old_record":{{"id":"{ID}"}},"errors":null}}"#
            ),
            Some(Bell::Changed(Some(id()))),
        ),
        (
            format!(r#"{{"type":"INSERT",{at},"record":{{"id":"{ID}","enabled":true}}}}"#),
            Some(Bell::Changed(Some(id()))),
        ),
        (
            format!(
                r#"{{"type":"UPDATE",{at},"record":{{"id":"{ID}","enabled":false}},"old_record":{{"id":"{ID}"}}}}"#
            ),
            Some(Bell::Stop { id: id(), commit_time }),
        ),
        (
            format!(r#"{{"type":"DELETE",{at},"old_record":{{"id":"{ID}"}}}}"#),
            Some(Bell::Stop { id: id(), commit_time }),
        ),
        // Absent and null are not false: only the row that is read back decides.
        (format!(r#"{{"type":"UPDATE",{at},"record":{{"id":"{ID}"}}}}"#), Some(Bell::Changed(Some(id())))),
        (
            format!(r#"{{"type":"UPDATE",{at},"record":{{"id":"{ID}","enabled":null}}}}"#),
            Some(Bell::Changed(Some(id()))),
        ),
        (
            format!(r#"{{"type":"UPDATE",{at},"record":{{"id":"{ID}","enabled":"false"}}}}"#),
            Some(Bell::Changed(Some(id()))),
        ),
        // A row of more than 1 MB comes without its large fields.
        (
            format!(r#"{{"type":"UPDATE",{at},"record":{{"id":"{ID}"}},"errors":["Error 413: Payload Too Large"]}}"#),
            Some(Bell::Changed(Some(id()))),
        ),
        (format!(r#"{{"type":"UPDATE",{at},"record":{{"enabled":false}}}}"#), Some(Bell::Changed(None))),
        (format!(r#"{{"type":"DELETE",{at},"old_record":{{}}}}"#), Some(Bell::Changed(None))),
        (format!(r#"{{"type":"DELETE",{at},"old_record":{{"id":7}}}}"#), Some(Bell::Changed(None))),
        (r#"{"type":"DELETE","schema":"public","table":"signals","old_record":{}}"#.to_owned(), None),
        (r#"{"type":"DELETE","schema":"auth","table":"traders","old_record":{}}"#.to_owned(), None),
    ];
    for (data, bell) in cases {
        assert_eq!(rang(&data), bell, "{data}");
    }
    let odd_time = format!(r#"{{"type":"DELETE","commit_timestamp":"soon","old_record":{{"id":"{ID}"}}}}"#);
    assert_eq!(rang(&odd_time), Some(Bell::Stop { id: id(), commit_time: None }));
}

fn json_value() -> impl Strategy<Value = Value> {
    let words = prop_oneof![
        Just("1".to_owned()),
        Just(TOPIC.to_owned()),
        Just("phoenix".to_owned()),
        Just("system".to_owned()),
        Just("phx_reply".to_owned()),
        Just("postgres_changes".to_owned()),
        Just("data".to_owned()),
        Just("record".to_owned()),
        Just("enabled".to_owned()),
        Just("status".to_owned()),
        Just("error".to_owned()),
        "\\PC{0,8}",
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        words.clone().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec((words.clone(), inner), 0..6)
                .prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn garbage_neither_panics_nor_stops_a_trader(text in "\\PC{0,200}", value in json_value(), payload in json_value(), event in prop::sample::select(vec!["system", "phx_reply", "postgres_changes", "phx_close", "x"])) {
        let mut channel = joining();
        channel.receive(&text);
        channel.receive(&value.to_string());
        let framed = json!(["1", "1", TOPIC, event, payload]).to_string();
        let heard = channel.receive(&framed);
        // No id can be made of these words.
        let stops = matches!(heard, Some(Event::Rang(Bell::Stop { .. })));
        prop_assert!(!stops);
    }

    #[test]
    fn a_frame_cut_short_means_nothing(at in 0_usize..150) {
        let frame = change(&format!(r#"{{"type":"DELETE","old_record":{{"id":"{ID}"}}}}"#));
        let cut = frame.get(..at.min(frame.len() - 1)).unwrap();
        prop_assert_eq!(joining().receive(cut), None);
    }
}
