//! The server that the other tests stand on.

use vyx_supabase::cluster::Cluster;

use crate::support::Db;

#[tokio::test]
async fn a_server_that_is_stopped_at_once_keeps_what_was_committed() {
    let mut cluster = Cluster::start().unwrap();
    let url = cluster.create_database("kept").unwrap();
    let db = Db::connect(&url).await;
    db.run("create table kept as select 1 as n").await;
    db.run("begin; insert into kept values (2)").await;

    cluster.stop().unwrap();
    assert!(tokio_postgres::connect(&url, tokio_postgres::NoTls).await.is_err());
    cluster.start_again().unwrap();
    assert_eq!(Db::connect(&url).await.rows("select n from kept").await, ["1"]);

    cluster.restart().unwrap();
    assert_eq!(Db::connect(&url).await.rows("select n from kept").await, ["1"]);
}

#[tokio::test]
async fn databases_and_servers_know_nothing_of_each_other() {
    let (one, two) = (Cluster::start().unwrap(), Cluster::start().unwrap());
    assert_ne!(one.port(), two.port());
    let db = Db::connect(&one.create_database("same_name").unwrap()).await;
    db.run("create table mine ()").await;
    for url in [two.create_database("same_name").unwrap(), one.create_database("another").unwrap()] {
        assert_eq!(Db::connect(&url).await.value("select to_regclass('mine')").await, "null");
    }
    assert!(one.create_database("same_name").is_err());
    assert!(one.create_database("no\"quotes").is_err());
}

#[test]
fn a_server_that_nobody_holds_is_gone() {
    let cluster = Cluster::start().unwrap();
    let port = cluster.port();
    drop(cluster);
    assert!(std::net::TcpStream::connect(("127.0.0.1", port)).is_err());
}

#[tokio::test]
async fn changes_can_be_decoded() {
    let db = Db::world().await;
    assert_eq!(db.value("show wal_level").await, "logical");
    db.run("select pg_create_logical_replication_slot('changes', 'pgoutput', true)").await;
}
