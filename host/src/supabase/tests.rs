//! The client against a server on loopback.

use axum::response::Response;
use proptest::prelude::*;
use serde_json::{Value, json as value};
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpListener;

use super::server::{Asked, Server, cut, json, legacy_key, with};
use super::timeouts::{BATCH_BYTES, BATCH_ROWS};
use super::*;
use crate::module::Digest;

fn traders() -> Query {
    Query::new("traders", "id,name").filter(Filter::is("is_built_in", true).and(Filter::is_null("user_id")))
}

fn id(row: usize) -> String {
    format!("00000000-0000-4000-8000-{row:012}")
}

/// Pages of a table of `total` rows, with a limit of the server, counted as `counted`.
fn table(total: usize, max_rows: usize, counted: usize) -> impl Fn(&Asked) -> Response + Send + Sync {
    move |asked| {
        let after = asked.parameter("id").map(|after| after.trim_start_matches("gt.").to_owned()).unwrap_or_default();
        let limit: usize = asked.parameter("limit").unwrap().parse().unwrap();
        let rows = (0..total).map(id).filter(|id| *id > after).take(limit.min(max_rows));
        let rows: Vec<Value> = rows.map(|id| value!({"id": id, "name": "x"})).collect();
        let range = format!("*/{counted}");
        let is_counted = asked.header("prefer") == Some("count=exact");
        let headers: &[_] = if is_counted { &[("content-range", range.as_str())] } else { &[] };
        with(200, headers, Value::from(rows).to_string())
    }
}

#[tokio::test]
async fn every_row_is_read_whatever_the_servers_limit() {
    for (total, max_rows) in [(0, 1_000), (3, 1_000), (2_500, 1_000), (1_250, 100), (1_000, 500)] {
        let server = Server::start(table(total, max_rows, total)).await;
        let rows: Vec<Value> = server.client().select_all(&traders()).await.unwrap();
        let ids: Vec<_> = rows.iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect();
        assert_eq!(ids, (0..total).map(id).collect::<Vec<_>>());
        let asked = server.asked();
        let first = &asked[0];
        assert_eq!(first.uri.path(), "/rest/v1/traders");
        assert_eq!(
            first.uri.query().unwrap(),
            "select=id%2Cname&is_built_in=is.true&user_id=is.null&order=id.asc&limit=500"
        );
        assert!(asked[1..].iter().all(|asked| asked.header("prefer").is_none()));
        assert_eq!(asked.len(), total.div_ceil(max_rows.min(500)) + 1, "only an empty page is the end");
    }
}

#[tokio::test]
async fn a_list_that_is_not_the_whole_one_is_an_error() {
    for (total, counted) in [(1_000, 2_500), (0, 7), (7, 0), (600, 599)] {
        let server = Server::start(table(total, 1_000, counted)).await;
        let error = server.client().select_all::<Value>(&traders()).await.unwrap_err();
        let Class::Incomplete { expected, .. } = error.class() else { panic!("{error}") };
        assert_eq!(*expected, counted as u64);
        assert!(error.is_transient());
    }
}

#[tokio::test]
async fn pages_that_would_never_end_are_an_error() {
    let page = format!(r#"[{{"id":"{}"}}]"#, id(1));
    let server = Server::start(move |_| with(200, &[("content-range", "0-0/9")], page.clone())).await;
    let error = server.client().select_all::<Value>(&traders()).await.unwrap_err();
    assert_eq!(error.class(), &Class::Bug, "{error}");
    assert_eq!(server.asked().len(), 2);
    for (body, headers) in
        [("[{}]", vec![("content-range", "*/1")]), ("[]", vec![]), ("[]", vec![("content-range", "*/*")])]
    {
        let server = Server::saying([with(200, &headers, body)]).await;
        assert_eq!(server.client().select_all::<Value>(&traders()).await.unwrap_err().class(), &Class::Bug, "{body}");
    }
}

#[tokio::test]
async fn headers_follow_the_form_of_the_key() {
    let server = Server::start(|_| json(200, "[]")).await;
    server.client().select::<Value>(&traders(), 2).await.unwrap();
    server.client_with(&legacy_key()).select::<Value>(&traders().order("name.desc"), 2).await.unwrap();
    let [secret, legacy] = server.asked().try_into().unwrap();
    assert_eq!(secret.header("apikey"), Some("sb_secret_hunter2hunter2"));
    assert_eq!(secret.header("authorization"), None);
    assert_eq!(secret.header("user-agent"), Some(concat!("vyx/", env!("CARGO_PKG_VERSION"))));
    assert_eq!(legacy.header("apikey"), Some(legacy_key().as_str()));
    assert_eq!(legacy.header("authorization"), Some(format!("Bearer {}", legacy_key()).as_str()));
    assert_eq!(legacy.parameter("order").as_deref(), Some("name.desc"));
    assert_eq!(legacy.parameter("limit").as_deref(), Some("2"));
}

#[tokio::test]
async fn what_is_no_answer_is_tried_again_and_not_shown() {
    let page = "<html>hunter2</html>";
    let answers = [
        with(520, &[("content-type", "text/html")], page),
        with(200, &[("content-type", "text/html")], page),
        with(200, &[], cut(b"[{\"id\":")),
        with(503, &[("retry-after", "7")], "{}"),
        with(301, &[("location", "http://127.0.0.1:1/hunter2")], ""),
    ];
    let server = Server::saying(answers).await;
    let client = server.client();
    for _ in 0..5 {
        let error = client.select::<Value>(&traders(), 1).await.unwrap_err();
        assert!(matches!(error.class(), Class::Retry { .. }), "{error:?}");
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{error:?}");
    }
    assert_eq!(server.asked().len(), 5, "a redirect is not followed");

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = ProjectUrl::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
    let key = ServiceKey::parse("sb_secret_hunter2hunter2", &url, 0).unwrap();
    let client = Supabase::new(url, Credentials::Service(key)).unwrap();
    let cut = tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        let mut request = [0; 4_096];
        assert!(socket.read(&mut request).await.unwrap() > 0);
    });
    let error = client.select::<Value>(&traders(), 1).await.unwrap_err();
    cut.await.unwrap();
    assert_eq!((error.class(), error.status()), (&Class::Retry { after: None }, None), "{error}");
    // The listener is gone, so nobody answers.
    let error = client.select::<Value>(&traders(), 1).await.unwrap_err();
    assert_eq!(error.to_string(), "cannot read traders: no connection, connection refused; it is tried again");
    assert!(!format!("{client:?} {error:?}").contains("hunter2"));
}

#[tokio::test]
async fn answers_have_a_largest_size() {
    let most = timeouts::ANSWER_BYTES;
    let long = futures_util::stream::iter((0..=most / 1_000).map(|_| Ok::<_, std::io::Error>("x".repeat(1_000))));
    let server = Server::saying([
        with(200, &[], axum::body::Body::from_stream(long)),
        with(200, &[], "x".repeat(most + 1)),
        with(500, &[], "x".repeat(most + 1)),
    ])
    .await;
    let client = server.client();
    for _ in 0..2 {
        assert_eq!(client.select::<Value>(&traders(), 1).await.unwrap_err().class(), &Class::TooLarge);
    }
    assert_eq!(client.select::<Value>(&traders(), 1).await.unwrap_err().class(), &Class::Retry { after: None });
}

#[tokio::test]
async fn a_batch_says_how_many_rows_were_new() {
    let applied = ("preference-applied", "resolution=ignore-duplicates, missing=default, return=minimal, count=exact");
    let server = Server::saying([
        with(201, &[applied, ("content-range", "*/1")], ""),
        with(201, &[("content-range", "*/1")], ""),
        with(201, &[applied], ""),
        with(201, &[applied, ("content-range", "*/3")], ""),
        json(409, r#"{"code":"23503","message":"violates foreign key constraint \"signals_fly_app_id_fkey\""}"#),
    ])
    .await;
    let client = server.client();
    let rows = [r#"{"id":"a"}"#, r#"{"id":"b","tag":null}"#];
    let insert = || client.insert_ignoring_duplicates("signals", "id", "id,tag", &rows);
    assert_eq!(insert().await.unwrap(), Inserted { sent: 2, new: 1 });
    let asked = &server.asked()[0];
    assert_eq!(asked.uri.to_string(), "/rest/v1/signals?on_conflict=id&columns=id%2Ctag");
    assert_eq!(asked.header("prefer"), Some("resolution=ignore-duplicates,return=minimal,missing=default,count=exact"));
    assert_eq!(asked.header("content-type"), Some("application/json"));
    assert_eq!(asked.body, r#"[{"id":"a"},{"id":"b","tag":null}]"#);
    for _ in 0..3 {
        assert_eq!(insert().await.unwrap_err().class(), &Class::Bug);
    }
    let error = insert().await.unwrap_err();
    assert_eq!((error.class(), error.subject()), (&Class::RowRejected, Some("signals_fly_app_id_fkey")));

    let none: [&str; 0] = [];
    let empty = client.insert_ignoring_duplicates("signals", "id", "id", &none).await.unwrap();
    assert_eq!(empty, Inserted { sent: 0, new: 0 });
    for rows in [vec!["{}".to_owned(); BATCH_ROWS + 1], vec!["x".repeat(BATCH_BYTES)]] {
        let error = client.insert_ignoring_duplicates("signals", "id", "id", &rows).await.unwrap_err();
        assert_eq!(error.class(), &Class::TooLarge);
    }
    assert_eq!(server.asked().len(), 5, "nothing was sent that cannot be right");
}

#[tokio::test]
async fn an_upsert_sends_each_key_once() {
    let server = Server::start(|_| with(201, &[], "")).await;
    let client = server.client();
    let rows: Vec<Value> = (0..450).map(|row| value!({"trader_id": id(row), "state": "running"})).collect();
    client.upsert("trader_state", "trader_id", "trader_id,state", &rows).await.unwrap();
    let asked = server.asked();
    let sizes = asked.iter().map(|asked| serde_json::from_str::<Vec<Value>>(&asked.body).unwrap().len());
    assert_eq!(sizes.collect::<Vec<_>>(), [200, 200, 50]);
    assert_eq!(asked[0].header("prefer"), Some("resolution=merge-duplicates,return=minimal,missing=default"));
    let twice = [rows[0].clone(), rows[0].clone()];
    let error = client.upsert("trader_state", "trader_id", "trader_id,state", &twice).await.unwrap_err();
    assert_eq!(error.class(), &Class::Bug);
    assert_eq!(server.asked().len(), 3);
}

#[tokio::test]
async fn changes_calls_and_counts() {
    let server = Server::saying([
        json(200, r#"[{"id":"a"},{"id":"b"}]"#),
        json(200, r#"{"role":"service_role"}"#),
        with(200, &[("content-range", "0-0/12")], ""),
        with(503, &[("proxy-status", "PostgREST; error=PGRST002")], ""),
        json(404, r#"{"code":"PGRST202","message":"Could not find the function public.host_selfcheck(a) in the schema cache"}"#),
    ])
    .await;
    let client = server.client();
    let changed = client.patch("traders", &Filter::eq("id", "a"), &value!({"enabled": false})).await.unwrap();
    assert_eq!(changed, 2);
    let role: Value = client.rpc("host_selfcheck", &value!({"run_mode": "shared_backend"})).await.unwrap();
    assert_eq!(role["role"], "service_role");
    assert_eq!(client.count(&traders()).await.unwrap(), 12);
    assert_eq!(client.count(&traders()).await.unwrap_err().code(), Some("PGRST002"));
    let error = client.rpc::<Value>("host_selfcheck", &value!({})).await.unwrap_err();
    assert_eq!((error.class(), error.subject()), (&Class::SchemaMissing, Some("public.host_selfcheck")));
    let asked = server.asked();
    assert_eq!(asked[0].method, "PATCH");
    assert_eq!(asked[0].uri.to_string(), "/rest/v1/traders?id=eq.a&select=id");
    assert_eq!(asked[0].body, r#"{"enabled":false}"#);
    assert_eq!((asked[1].method.as_str(), asked[1].uri.path()), ("POST", "/rest/v1/rpc/host_selfcheck"));
    assert_eq!(asked[2].method, "HEAD");
}

const MISSING: &str = r#"{"statusCode":"404","error":"not_found","message":"Object not found","code":"NoSuchKey"}"#;
const EXISTS: &str = r#"{"statusCode":"409","error":"Duplicate","message":"hunter2","code":"KeyAlreadyExists"}"#;

#[tokio::test]
async fn a_download_is_believed_after_it_was_hashed() {
    let module = b"\0asm module";
    let digest = Digest::of(module);
    let path = module_path(None, &digest);
    assert_eq!(path, format!("built-in/{digest}.wasm"));
    let long = futures_util::stream::iter((0..10).map(|_| Ok::<_, std::io::Error>("x".repeat(10))));
    let server = Server::saying([
        with(200, &[], &module[..]),
        with(200, &[], "other"),
        with(200, &[], "x".repeat(21)),
        with(200, &[], axum::body::Body::from_stream(long)),
        json(400, MISSING),
        with(200, &[], cut(b"\0asm")),
    ])
    .await;
    let client = server.client();
    let get = || client.download(MODULE_BUCKET, &path, &digest, 20);
    assert_eq!(get().await.unwrap(), module);
    assert_eq!(server.asked()[0].uri.path(), format!("/storage/v1/object/authenticated/trader-modules/{path}"));
    let wrong = StorageError::WrongBytes { path: path.clone(), expected: digest, got: Digest::of(b"other") };
    assert_eq!(get().await.unwrap_err(), wrong);
    for _ in 0..2 {
        assert_eq!(get().await.unwrap_err(), StorageError::TooLarge { path: path.clone(), most_bytes: 20 });
    }
    let class = |error| match error {
        StorageError::Api(error) => error.class().clone(),
        other => panic!("{other}"),
    };
    assert_eq!(class(get().await.unwrap_err()), Class::NotFound);
    assert_eq!(class(get().await.unwrap_err()), Class::Retry { after: None });
}

#[tokio::test]
async fn an_upload_overwrites_nothing_and_compares_what_is_there() {
    let module = b"\0asm module";
    let server = Server::saying([
        json(200, r#"{"Key":"k","Id":"i"}"#),
        json(400, EXISTS),
        with(200, &[], &module[..]),
        json(400, EXISTS),
        with(200, &[], "other"),
        json(400, r#"{"statusCode":"413","code":"EntityTooLarge"}"#),
    ])
    .await;
    let client = server.client();
    let user = "63eea370-27a1-4099-866a-e3ed340b278d";
    let path = module_path(Some(user.parse().unwrap()), &Digest::of(module));
    assert_eq!(path, format!("{user}/{}.wasm", Digest::of(module)));
    let put = || client.upload(MODULE_BUCKET, &path, module);
    assert_eq!(put().await.unwrap(), Uploaded::New);
    let asked = &server.asked()[0];
    assert_eq!(asked.uri.path(), format!("/storage/v1/object/trader-modules/{path}"));
    assert_eq!((asked.header("x-upsert"), asked.header("content-type")), (Some("false"), Some("application/wasm")));
    assert_eq!(put().await.unwrap(), Uploaded::Already);
    assert!(matches!(put().await.unwrap_err(), StorageError::WrongBytes { .. }));
    let StorageError::Api(error) = put().await.unwrap_err() else { panic!("no api error") };
    assert_eq!(error.class(), &Class::TooLarge);
}

#[tokio::test]
async fn a_bucket_is_described() {
    let server = Server::saying([
        json(200, r#"{"id":"trader-modules","public":false,"file_size_limit":8388608,"allowed_mime_types":["application/wasm"]}"#),
        json(200, r#"{"id":"trader-modules","public":true,"file_size_limit":null}"#),
        json(400, r#"{"statusCode":"404","error":"Bucket not found","message":"Bucket not found"}"#),
    ])
    .await;
    let client = server.client();
    let bucket = client.bucket(MODULE_BUCKET).await.unwrap();
    assert_eq!((bucket.public, bucket.file_size_limit), (false, Some(8_388_608)));
    assert!(client.bucket(MODULE_BUCKET).await.unwrap().public);
    assert_eq!(client.bucket(MODULE_BUCKET).await.unwrap_err().class(), &Class::SchemaMissing);
}

proptest! {
    /// Whatever a server sends, it is judged and shown on one line, without its words.
    #[test]
    fn no_refusal_is_shown(status in 300_u16..600, body in "\\PC{0,300}", is_storage in any::<bool>()) {
        let body = format!(r#"{{"message":"hunter2 {}","details":"hunter2"}}"#, body.escape_default());
        let refusal = answer::Refusal::read(status, &reqwest::header::HeaderMap::new(), body.as_bytes(), is_storage);
        let shown = ApiError::refused("read traders", refusal).to_string();
        prop_assert!(!shown.contains("hunter2") && !shown.contains('\n'), "{}", shown);
    }
}
