//! Environments that cannot be right, whatever the project would answer: exit code 78 and one line that names the variable and the
//! fix. Nothing was asked of anybody, and nothing is on the disk.

use std::fmt::Write as _;
use std::net::TcpListener;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use crate::process::Host;
use crate::world::{ALICE, ALICES_APP_NAME};

/// What must never be shown.
const SECRET: &str = "hunter2";
const KEY: &str = "sb_secret_hunter2hunter2hunter2_01234567";
const OTHER_KEY: &str = "sb_secret_hunter2hunter2hunter3_01234567";
const PROJECT: &str = "https://abcdefghijklmnopqrst.supabase.co";

/// A JWT as it looks, with a signature of nobody.
fn jwt(claims: &Value) -> String {
    let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
    format!("{}.{}.{}", part(r#"{"alg":"HS256","typ":"JWT"}"#), part(&claims.to_string()), part(SECRET))
}

/// Runs it to its end: the exit code, and the only line that it says.
pub fn only_line(host: Host) -> (i32, String) {
    let (code, words) = host.without("LOG_FORMAT").env("RUST_LOG", "warn").ends();
    let lines: Vec<&str> = words.lines().collect();
    let [line] = lines[..] else { panic!("not one line: {words}") };
    assert!(!line.contains(SECRET), "{line}");
    (code, line.to_owned())
}

/// One variable set, or `None`: not set.
type Change<'a> = (&'a str, Option<&'a str>);

/// What is said for each of these changes to an environment that is right.
fn said(cases: &[(&str, &[Change<'_>])]) -> String {
    let dir = tempfile::tempdir().unwrap();
    let data_dir = dir.path().join("data");
    let mut said = String::new();
    for (name, changes) in cases {
        let mut host = Host::new(data_dir.clone())
            .env("RUN_MODE", "shared_backend")
            .env("SUPABASE_URL", "http://127.0.0.1:9")
            .env("SUPABASE_SERVICE_ROLE_KEY", KEY)
            .env("FEED", "synthetic:1")
            .env("PORT", "0");
        for (variable, value) in *changes {
            host = match value {
                Some(value) => host.env(variable, value),
                None => host.without(variable),
            };
        }
        let (code, line) = only_line(host);
        assert_eq!(code, 78, "{name}: {line}");
        assert!(!data_dir.exists(), "{name}: something was written");
        writeln!(said, "{name}:\n  {line}").unwrap();
    }
    said
}

/// Production failure: environment lost at restart, so a dedicated app silently became a second shared one.
#[test]
fn environment_lost_at_restart_so_a_dedicated_app_silently_became_a_second_shared_one() {
    let app = ("FLY_APP_NAME", Some(ALICES_APP_NAME));
    let dedicated = ("RUN_MODE", Some("user_dedicated"));
    insta::assert_snapshot!(said(&[
        ("all of it lost", &[("RUN_MODE", None)]),
        ("RUN_MODE lost, USER_ID left", &[("RUN_MODE", None), ("USER_ID", Some(ALICE)), app]),
        ("RUN_MODE empty", &[("RUN_MODE", Some(""))]),
        ("RUN_MODE blank", &[("RUN_MODE", Some("  "))]),
        ("RUN_MODE misspelt", &[("RUN_MODE", Some("shared-backend"))]),
        ("RUN_MODE in capitals", &[("RUN_MODE", Some("USER_DEDICATED"))]),
        ("RUN_MODE quoted", &[("RUN_MODE", Some("\"shared_backend\""))]),
        ("RUN_MODE something else", &[("RUN_MODE", Some("production\n\u{1b}[2J"))]),
        ("USER_ID lost", &[dedicated, app]),
        ("USER_ID empty", &[dedicated, app, ("USER_ID", Some(""))]),
        ("USER_ID malformed", &[dedicated, app, ("USER_ID", Some("35682909"))]),
        ("USER_ID in shared mode", &[("USER_ID", Some(ALICE))]),
        ("an empty USER_ID in shared mode", &[("USER_ID", Some(""))]),
        ("FLY_APP_NAME lost", &[dedicated, ("USER_ID", Some(ALICE))]),
        ("FLY_APP_NAME empty", &[dedicated, ("USER_ID", Some(ALICE)), ("FLY_APP_NAME", Some(""))]),
        ("FLY_APP_NAME no name", &[("FLY_APP_NAME", Some("Vyx App"))]),
    ]));
}

#[test]
fn an_address_that_is_not_that_of_a_project() {
    let url = |value| [("SUPABASE_URL", value)];
    insta::assert_snapshot!(said(&[
        ("not set", &url(None)),
        ("empty", &url(Some(""))),
        ("the database", &url(Some("postgresql://postgres:hunter2@db.abcdefghijklmnopqrst.supabase.co:5432/postgres"))),
        ("the dashboard", &url(Some("https://supabase.com/dashboard/project/abcdefghijklmnopqrst"))),
        ("http to another machine", &url(Some("http://abcdefghijklmnopqrst.supabase.co"))),
        ("with a path", &url(Some("https://abcdefghijklmnopqrst.supabase.co/rest/v1"))),
        ("with a blank at its end", &url(Some("https://abcdefghijklmnopqrst.supabase.co "))),
        ("with a line break", &url(Some("https://abcdefghijklmnopqrst.supabase.co\n"))),
        ("in quotes", &url(Some("\"https://abcdefghijklmnopqrst.supabase.co\""))),
        ("with a user", &url(Some("https://me:hunter2@abcdefghijklmnopqrst.supabase.co"))),
        ("with a query", &url(Some("https://abcdefghijklmnopqrst.supabase.co?apikey=hunter2"))),
        ("a key", &url(Some(KEY))),
        ("the reference alone", &url(Some("abcdefghijklmnopqrst"))),
    ]));
}

#[test]
fn a_key_that_cannot_be_that_of_the_project() {
    let claims = |role: &str, project: &str, expires_s: i64| {
        jwt(&json!({"iss": "supabase", "ref": project, "role": role, "exp": expires_s, "note": SECRET}))
    };
    const FAR: i64 = 4_000_000_000;
    let mine = "abcdefghijklmnopqrst";
    let anon = claims("anon", mine, FAR);
    let user = claims("authenticated", mine, FAR);
    let admin = claims("supabase_admin", mine, FAR);
    let expired = claims("service_role", mine, 1_600_000_000);
    let foreign = claims("service_role", "zyxwvutsrqponmlkjihg", FAR);
    let cut_off = &claims("service_role", mine, FAR)[..60];
    let key = |value| [("SUPABASE_URL", Some(PROJECT)), ("SUPABASE_SERVICE_ROLE_KEY", value)];
    let quoted = format!("\"{KEY}\"");
    let broken = format!("{}\n{}", &KEY[..20], &KEY[20..]);
    let spaced = format!("{} {}", &KEY[..20], &KEY[20..]);
    insta::assert_snapshot!(said(&[
        ("not set", &key(None)),
        ("present but empty", &key(Some(""))),
        ("blank", &key(Some(" \n"))),
        ("in quotes", &key(Some(&quoted))),
        ("with a line break", &key(Some(&broken))),
        ("with a blank", &key(Some(&spaced))),
        ("too short", &key(Some("sb_secret_hunter2"))),
        ("no key", &key(Some("hunter2hunter2hunter2hunter2"))),
        ("publishable", &key(Some("sb_publishable_hunter2hunter2hunter2_01234567"))),
        ("anon", &key(Some(&anon))),
        ("of a user", &key(Some(&user))),
        ("of another role", &key(Some(&admin))),
        ("expired", &key(Some(&expired))),
        ("of another project", &key(Some(&foreign))),
        ("cut off", &key(Some(cut_off))),
    ]));
}

#[test]
fn keys_under_older_names_that_cannot_be_right() {
    let encoded = STANDARD.encode(KEY);
    let publishable = STANDARD.encode("sb_publishable_hunter2hunter2hunter2_01234567");
    insta::assert_snapshot!(said(&[
        ("two that disagree", &[("SUPABASE_SERVICE_KEY", Some(OTHER_KEY))]),
        (
            "two older ones that disagree",
            &[
                ("SUPABASE_SERVICE_ROLE_KEY", None),
                ("SUPABASE_SERVICE_KEY", Some(OTHER_KEY)),
                ("SUPABASE_SERVICE_KEY_B64", Some(&encoded)),
            ]
        ),
        ("empty beside the right one", &[("SUPABASE_SERVICE_KEY", Some(""))]),
        ("no base64", &[("SUPABASE_SERVICE_ROLE_KEY", None), ("SUPABASE_SERVICE_ROLE_KEY_B64", Some(KEY))]),
        (
            "a publishable key in base64",
            &[("SUPABASE_SERVICE_ROLE_KEY", None), ("SUPABASE_SERVICE_KEY_B64", Some(&publishable))]
        ),
    ]));
}

#[test]
fn everything_else_that_is_read() {
    let long = "9".repeat(300);
    insta::assert_snapshot!(said(&[
        ("a feed that nobody knows", &[("FEED", Some("kraken"))]),
        ("a synthetic feed without a seed", &[("FEED", Some("synthetic:"))]),
        ("a replay of nothing", &[("FEED", Some("replay:"))]),
        ("candles that are not there", &[("FEED", Some("replay:/nowhere/candles"))]),
        ("a speed that is none", &[("FEED_SPEED", Some("fast"))]),
        ("invented signals in a real project", &[("SUPABASE_URL", Some(PROJECT))]),
        ("a switch that is neither", &[("ALLOW_TEST_FEED", Some("maybe"))]),
        ("no symbols", &[("SYMBOL_COUNT", Some("0"))]),
        ("a port beyond ports", &[("PORT", Some("70000"))]),
        ("a long port", &[("PORT", Some(&long))]),
        ("a token that can be guessed", &[("ADMIN_TOKEN", Some("hunter2"))]),
        ("an empty token", &[("ADMIN_TOKEN", Some(""))]),
        ("no workers", &[("WORKERS", Some("0"))]),
    ]));
}

/// Where a program reads the log, the last word is one of its lines.
#[test]
fn the_last_word_is_json_where_the_log_is() {
    let dir = tempfile::tempdir().unwrap();
    let (code, words) = Host::new(dir.path().join("data")).env("LOG_FORMAT", "json").ends();
    assert_eq!((code, words.lines().count()), (78, 1), "{words}");
    let line: Value = serde_json::from_str(&words).unwrap();
    assert_eq!(line["level"], "ERROR");
    assert_eq!(line["fields"]["message"], "RUN_MODE is not set; set it to shared_backend or user_dedicated");
}

#[test]
fn a_log_that_nobody_can_read() {
    let dir = tempfile::tempdir().unwrap();
    for (name, value, line) in [
        ("LOG_FORMAT", "JSON", r#"vyx: LOG_FORMAT="JSON" is not a log format; use text or json"#),
        (
            "RUST_LOG",
            "info,vyx_host=loud",
            r#"vyx: RUST_LOG="info,vyx_host=loud" is not a list of levels; use a level such as info, or a list such as warn,vyx_host=debug"#,
        ),
    ] {
        let (code, words) = Host::new(dir.path().join("data")).env(name, value).ends();
        assert_eq!((code, words.trim_end()), (78, line));
    }
}

/// Not the environment's fault, so not its exit code.
#[test]
fn a_port_that_somebody_has() {
    let somebody = TcpListener::bind("0.0.0.0:0").unwrap();
    let port = somebody.local_addr().unwrap().port();
    let dir = tempfile::tempdir().unwrap();
    let host = Host::new(dir.path().join("data"))
        .env("RUN_MODE", "shared_backend")
        .env("SUPABASE_URL", "http://127.0.0.1:9")
        .env("SUPABASE_SERVICE_ROLE_KEY", KEY)
        .env("FEED", "synthetic:1")
        .env("PORT", &port.to_string());
    let (code, line) = only_line(host);
    assert_eq!(code, 1, "{line}");
    let expected = format!("vyx: cannot listen on PORT={port}: Address already in use (os error 98)");
    // The number of the error is the system's.
    let (problem, fix) = line.split_once("; ").unwrap();
    assert_eq!(problem.split(" (os").next(), expected.split(" (os").next());
    assert_eq!(fix, "end what listens there, or set PORT to another one");
}

#[test]
fn a_data_dir_that_cannot_be_one() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let host = Host::new(file.path().to_owned())
        .env("RUN_MODE", "shared_backend")
        .env("SUPABASE_URL", "http://127.0.0.1:9")
        .env("SUPABASE_SERVICE_ROLE_KEY", KEY)
        .env("FEED", "synthetic:1")
        .env("PORT", "0");
    let (code, line) = only_line(host);
    assert_eq!(code, 78, "{line}");
    assert!(
        line.starts_with(&format!("vyx: DATA_DIR=\"{}\" cannot be made private: ", file.path().display())),
        "{line}"
    );
    assert!(line.ends_with("; set it to a folder of its own, which belongs to the user of this process"), "{line}");
}
