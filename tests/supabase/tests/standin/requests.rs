//! What tests see of requests, and settings of the services.

use reqwest::Method;
use serde_json::json;
use uuid::Uuid;

use crate::support::{Project, body, header, item};

#[tokio::test]
async fn a_test_waits_for_what_is_asked() {
    let project = Project::new();
    let rows = json!([item(Uuid::new_v4())]);
    let waiting = project.standin.wait_until("an insert that was answered", |requests| {
        requests.iter().any(|entry| entry.is("POST", "/rest/v1/items") && entry.status == Some(201))
    });
    tokio::join!(waiting, project.insert_ok(&rows));
    assert_eq!(project.standin.count("POST", "/rest/v1/items"), 1);
    assert_eq!(project.standin.requests()[0].query, "on_conflict=id&columns=id,name,enabled,payload");
}

#[test]
fn a_test_that_is_not_async_waits_too() {
    let project = Project::new();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let request = project.insert(&json!([item(Uuid::new_v4())]));
    runtime.spawn(async move { request.send().await });
    project.standin.wait_until_blocking("an insert", |requests| requests.len() == 1);
}

#[tokio::test]
async fn the_limit_of_rows_cuts_reads_and_not_writes() {
    let project = Project::new();
    project.standin.set_max_rows(3);
    let read = project.get("/rest/v1/numbers?order=n").send().await.unwrap();
    assert_eq!(read.status(), 200);
    assert_eq!(header(&read, "content-range"), "0-2/*");
    assert_eq!(body(read).await.as_array().unwrap().len(), 3);
    let rows: Vec<_> = (0..5).map(|_| item(Uuid::new_v4())).collect();
    let path = "/rest/v1/items?columns=id,name&select=id";
    let write = project.request(Method::POST, path).header("prefer", "return=representation").json(&rows);
    assert_eq!(body(write.send().await.unwrap()).await.as_array().unwrap().len(), 5);
}

#[tokio::test]
async fn an_object_can_have_other_bytes_than_its_row_says() {
    let project = Project::new();
    let path = "/storage/v1/object/modules/built-in/a.wasm";
    let upload = project.request(Method::POST, path).header("content-type", "application/wasm").body("right");
    assert_eq!(upload.send().await.unwrap().status(), 200);
    let etag = async || {
        let answer = project.get("/storage/v1/object/info/modules/built-in/a.wasm").send().await.unwrap();
        body(answer).await["etag"].clone()
    };
    let before = etag().await;
    project.standin.corrupt_object("modules", "built-in/a.wasm", b"wrong").unwrap();
    assert_eq!(etag().await, before);
    let answer = project.get("/storage/v1/object/authenticated/modules/built-in/a.wasm").send().await.unwrap();
    assert_eq!(answer.text().await.unwrap(), "wrong");
    assert!(project.standin.corrupt_object("modules", "none", b"").is_err());
}

#[tokio::test]
async fn a_schema_that_is_not_exposed_is_refused() {
    let project = Project::new();
    let answer = project.get("/rest/v1/users").header("accept-profile", "auth").send().await.unwrap();
    assert_eq!(answer.status(), 406);
    assert_eq!(body(answer).await["code"], "PGRST106");
}
