//! The project goes away and comes back: its port, its database, its time for a statement.

use std::time::Duration;

use serde_json::json;
use tokio_postgres::NoTls;
use uuid::Uuid;
use vyx_supabase::cluster::Cluster;

use crate::support::{Project, body, header, item};

#[tokio::test]
async fn the_port_closes_and_opens_again() {
    let project = Project::new();
    let url = project.standin.url();
    let mut socket = project.socket().await;
    socket.subscribe().await;
    project.standin.down();
    project.standin.down();
    assert!(socket.next().await.is_none(), "the socket outlived the port");
    let error = project.get("/rest/v1/items").send().await.expect_err("an answer came");
    assert!(error.is_connect(), "{error:?}");
    project.standin.realtime().wait_until("no socket", |state| state.sockets == 0 && state.live == 0).await;
    project.standin.up();
    project.standin.up();
    assert_eq!(project.standin.url(), url);
    assert_eq!(project.get("/rest/v1/items").send().await.unwrap().status(), 200);
    project.socket().await.subscribe().await;
}

#[tokio::test]
async fn a_database_that_restarts_is_503_and_then_well() {
    let mut cluster = Cluster::start().unwrap();
    let project = Project::on(&cluster);
    let mut socket = project.socket().await;
    socket.subscribe().await;
    project.insert_ok(&json!([item(Uuid::new_v4())])).await;
    assert_eq!(socket.expect("postgres_changes").await["data"]["type"], "INSERT");

    cluster.stop().unwrap();
    let answer = project.insert(&json!([item(Uuid::new_v4())])).send().await.unwrap();
    assert_eq!((answer.status().as_u16(), header(&answer, "retry-after")), (503, "1"));
    let code = body(answer).await["code"].as_str().unwrap_or_default().to_owned();
    assert!(["PGRST000", "PGRST001", "57P01"].contains(&code.as_str()), "{code}");

    cluster.start_again().unwrap();
    // Changes come again, and the word for it comes first.
    assert_eq!(socket.expect("system").await["status"], "ok");
    project.insert_ok(&json!([item(Uuid::new_v4())])).await;
    assert_eq!(socket.expect("postgres_changes").await["data"]["type"], "INSERT");
}

#[tokio::test]
async fn a_statement_that_takes_too_long_is_500_57014() {
    let project = Project::new();
    let (mut client, connection) = tokio_postgres::connect(&project.database, NoTls).await.unwrap();
    tokio::spawn(connection);
    let lock = client.transaction().await.unwrap();
    lock.batch_execute("lock table public.items in access exclusive mode").await.unwrap();
    project.standin.set_statement_timeout(Some(Duration::from_millis(50)));
    let id = Uuid::new_v4();
    let answer = project.insert(&json!([item(id)])).send().await.unwrap();
    assert_eq!(answer.status(), 500);
    assert_eq!(body(answer).await["code"], "57014");
    lock.commit().await.unwrap();
    project.standin.set_statement_timeout(None);
    assert_eq!(project.rows_of(id).await, 0);
}
