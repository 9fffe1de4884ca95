//! Keys and tokens, by hand.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Project, body};

/// Status and body of a read with this key and, perhaps, this token.
async fn ask(project: &Project, key: &str, token: Option<&str>) -> (u16, Value) {
    let mut request = project.bare(Method::GET, "/rest/v1/items").header("apikey", key);
    if let Some(token) = token {
        request = request.bearer_auth(token);
    }
    let answer = request.send().await.unwrap();
    (answer.status().as_u16(), body(answer).await)
}

#[tokio::test]
async fn legacy_keys_can_be_switched_off() {
    let project = Project::new();
    let key = project.standin.service_jwt();
    assert_eq!(ask(&project, &key, Some(&key)).await.0, 200);
    project.standin.set_legacy_keys(false);
    let (status, body) = ask(&project, &key, Some(&key)).await;
    assert_eq!((status, body["message"].as_str()), (401, Some("Legacy API keys are disabled")));
    assert_eq!(ask(&project, &project.standin.service_secret(), None).await.0, 200);
}

#[tokio::test]
async fn an_expired_token_has_a_code_for_each_version() {
    let project = Project::new();
    let key = project.standin.anon_jwt();
    let expired = project.standin.sign(&json!({"role": "authenticated", "exp": 1_700_000_000}));
    let (status, body) = ask(&project, &key, Some(&expired)).await;
    assert_eq!((status, body["code"].as_str(), body["message"].as_str()), (401, Some("PGRST303"), Some("JWT expired")));
    project.standin.set_expired_is_301(true);
    assert_eq!(ask(&project, &key, Some(&expired)).await.1["code"], "PGRST301");
}

#[tokio::test]
async fn a_role_that_does_not_exist_is_401() {
    let project = Project::new();
    let stranger = project.standin.sign(&json!({"role": "stranger", "exp": 4_000_000_000_u64}));
    let (status, body) = ask(&project, &project.standin.anon_jwt(), Some(&stranger)).await;
    assert_eq!((status, body["code"].as_str()), (401, Some("22023")));
}

#[tokio::test]
async fn a_secret_key_is_refused_from_a_browser() {
    let project = Project::new();
    let request = project.get("/rest/v1/items").header("user-agent", "Mozilla/5.0 (X11; Linux x86_64)");
    assert_eq!(request.send().await.unwrap().status(), 401);
}

#[tokio::test]
async fn keys_of_another_project_are_unknown() {
    let [project, other] = [Project::new(), Project::new()];
    for key in [other.standin.service_secret(), other.standin.service_jwt(), other.standin.publishable()] {
        let (status, body) = ask(&project, &key, None).await;
        assert_eq!((status, body["message"].as_str()), (401, Some("Invalid API key")));
    }
    assert!(project.standin.requests().iter().all(|entry| entry.role == "none"));
}

#[tokio::test]
async fn the_log_names_roles_and_no_keys() {
    let project = Project::new();
    ask(&project, &project.standin.anon_jwt(), None).await;
    ask(&project, &project.standin.anon_jwt(), Some(&project.standin.user_jwt(uuid::Uuid::new_v4()))).await;
    project.socket().await;
    let requests = project.standin.requests();
    let roles: Vec<&str> = requests.iter().map(|entry| entry.role.as_str()).collect();
    assert_eq!(roles, ["anon", "authenticated", "service_role"]);
    assert_eq!((requests[2].path.as_str(), requests[2].query.as_str()), ("/realtime/v1/websocket", "vsn=2.0.0"));
    assert_eq!(requests[2].status, Some(101));
    assert!(!format!("{requests:?}").contains("sb_secret"));
}
