//! Faults by rule.

use std::time::Duration;

use reqwest::Method;
use serde_json::json;
use uuid::Uuid;
use vyx_supabase::{Effect, Fault, Match};

use crate::support::{Project, body, header, item};

fn inserts() -> Match {
    Match::any().method("POST").path("/rest/v1/items")
}

#[tokio::test]
async fn a_write_that_was_cut_after_its_commit_is_found_by_the_retry() {
    let project = Project::new();
    let id = Uuid::new_v4();
    let fault = project.standin.fault(Fault::new(inserts(), Effect::CutAfterCommit).times(1));
    project.insert(&json!([item(id)])).send().await.expect_err("an answer came");
    assert_eq!(project.standin.fault_hits(fault), 1);
    let retry = project.insert(&json!([item(id)])).send().await.unwrap();
    assert_eq!((retry.status().as_u16(), header(&retry, "content-range")), (201, "*/0"));
    assert_eq!(project.rows_of(id).await, 1);
}

#[tokio::test]
async fn a_write_that_was_cut_before_its_commit_did_not_happen() {
    let project = Project::new();
    let id = Uuid::new_v4();
    project.standin.fault(Fault::new(inserts(), Effect::CutBefore).times(1));
    project.insert(&json!([item(id)])).send().await.expect_err("an answer came");
    assert_eq!(project.rows_of(id).await, 0);
    let retry = project.insert(&json!([item(id)])).send().await.unwrap();
    assert_eq!(header(&retry, "content-range"), "*/1");
}

#[tokio::test]
async fn a_request_that_hangs_is_cut_when_the_fault_ends() {
    let project = Project::new();
    let [before, after] = [Uuid::new_v4(), Uuid::new_v4()];
    let hang = project.standin.fault(Fault::new(inserts(), Effect::Hang).times(1));
    let waiting = tokio::spawn(project.insert(&json!([item(before)])).send());
    project.standin.wait_until("the first insert", |requests| requests.len() == 1).await;
    project.standin.remove_fault(hang);
    waiting.await.unwrap().expect_err("an answer came");

    let hang = project.standin.fault(Fault::new(inserts(), Effect::HangAfterCommit).times(1));
    let waiting = tokio::spawn(project.insert(&json!([item(after)])).send());
    while project.rows_of(after).await == 0 {}
    project.standin.remove_fault(hang);
    waiting.await.unwrap().expect_err("an answer came");
    assert_eq!(project.rows_of(before).await, 0);
    assert!(
        project.standin.requests().iter().filter(|entry| entry.method == "POST").all(|entry| entry.status.is_none())
    );
}

#[tokio::test]
async fn answers_stand_in_for_every_layer() {
    let project = Project::new();
    let ask = async |effect: Effect| {
        project.standin.clear_faults();
        project.standin.fault(Fault::new(Match::any(), effect));
        project.get("/rest/v1/items").send().await.unwrap()
    };
    let answer = ask(Effect::schema_cache_not_loaded()).await;
    assert_eq!((answer.status().as_u16(), header(&answer, "retry-after")), (503, "1"));
    assert_eq!(header(&answer, "proxy-status"), "PostgREST; error=PGRST002");
    assert_eq!(body(answer).await["code"], "PGRST002");

    let answer = ask(Effect::pool_timeout()).await;
    assert_eq!((answer.status().as_u16(), body(answer).await["code"].as_str()), (504, Some("PGRST003")));
    let answer = ask(Effect::statement_timeout()).await;
    assert_eq!((answer.status().as_u16(), body(answer).await["code"].as_str()), (500, Some("57014")));
    let answer = ask(Effect::postgrest(405, "25006", "cannot execute INSERT in a read-only transaction")).await;
    assert_eq!((answer.status().as_u16(), body(answer).await["code"].as_str()), (405, Some("25006")));
    let answer = ask(Effect::rate_limited(7)).await;
    assert_eq!((answer.status().as_u16(), header(&answer, "retry-after")), (429, "7"));

    let answer = ask(Effect::html(520)).await;
    assert_eq!((answer.status().as_u16(), header(&answer, "content-type")), (520, "text/html; charset=UTF-8"));
    assert!(answer.text().await.unwrap().starts_with("<!DOCTYPE html>"));
    assert_eq!(project.standin.requests().iter().filter(|entry| entry.fault == Some("respond")).count(), 6);
}

#[tokio::test]
async fn the_key_is_refused_for_as_long_as_the_rule_stands() {
    let project = Project::new();
    let fault = project.standin.fault(Fault::new(Match::any().role("service_role"), Effect::invalid_api_key()));
    for _ in 0..3 {
        let answer = project.get("/rest/v1/items").send().await.unwrap();
        assert_eq!(answer.status(), 401);
        assert_eq!(body(answer).await["message"], "Invalid API key");
    }
    let others = project.bare(Method::GET, "/rest/v1/items").header("apikey", project.standin.publishable());
    assert_eq!(others.send().await.unwrap().status(), 200);
    project.standin.remove_fault(fault);
    assert_eq!(project.get("/rest/v1/items").send().await.unwrap().status(), 200);
    assert_eq!(project.standin.fault_hits(fault), 3);
}

#[tokio::test]
async fn rules_choose_by_query_and_header() {
    let project = Project::new();
    project.standin.fault(Fault::new(Match::any().query("*id=gt.*"), Effect::html(502)));
    project.standin.fault(Fault::new(Match::any().header("prefer", "*count=exact*"), Effect::html(503)));
    let status = async |path: &str| project.get(path).send().await.unwrap().status().as_u16();
    assert_eq!(status("/rest/v1/items?order=id&limit=1").await, 200);
    assert_eq!(status(&format!("/rest/v1/items?order=id&id=gt.{}", Uuid::nil())).await, 502);
    assert_eq!(project.insert(&json!([])).send().await.unwrap().status(), 503);
}

#[tokio::test]
async fn a_delay_changes_nothing_but_the_time() {
    let project = Project::new();
    project.standin.fault(Fault::new(inserts(), Effect::Delay(Duration::from_millis(1))));
    project.insert_ok(&json!([item(Uuid::new_v4())])).await;
    assert_eq!(project.standin.requests()[0].fault, Some("delay"));
}
