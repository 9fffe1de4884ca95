//! The official client of Supabase judges the stand-in. It needs node and `npm ci` in `tests/supabase/js`, both of which
//! `cargo xtask test` sees to.

use std::path::Path;
use std::process::Command;

use serde_json::json;
use uuid::Uuid;
use vyx_supabase::cluster::Cluster;
use vyx_supabase::{Standin, sql};

const USER: &str = "63eea370-27a1-4099-866a-e3ed340b278d";

/// The least number of checks; fewer would mean that some were not run.
const AT_LEAST: usize = 60;

#[test]
fn the_official_client_finds_what_it_expects() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("js");
    assert!(
        folder.join("node_modules/@supabase/supabase-js").is_dir(),
        "the official client is not installed; run `npm ci` in tests/supabase/js"
    );
    let cluster = Cluster::shared();
    let database = cluster.create_database("conformance").unwrap();
    sql::execute(&cluster.url_as("conformance", "postgres"), include_str!("../js/fixture.sql")).unwrap();
    let standin = Standin::start(&database).unwrap();
    let user: Uuid = USER.parse().unwrap();
    let expired = json!({"role": "authenticated", "sub": USER, "exp": 1_700_000_000});

    let output = Command::new("node")
        .arg("run.mjs")
        .current_dir(folder)
        .env("STANDIN_URL", standin.url())
        .env("STANDIN_SERVICE_JWT", standin.service_jwt())
        .env("STANDIN_SERVICE_SECRET", standin.service_secret())
        .env("STANDIN_ANON_JWT", standin.anon_jwt())
        .env("STANDIN_PUBLISHABLE", standin.publishable())
        .env("STANDIN_USER_JWT", standin.user_jwt(user))
        .env("STANDIN_EXPIRED_JWT", standin.sign(&expired))
        .env("STANDIN_USER_ID", USER)
        .output()
        .expect("cannot run node");
    let said = String::from_utf8_lossy(&output.stdout);
    println!("{said}");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let passed = said.lines().filter(|line| line.starts_with("ok ")).count();
    assert!(passed >= AT_LEAST, "{passed} checks passed, at least {AT_LEAST} are expected");
}
