use base64::engine::general_purpose::{STANDARD as BASE64, URL_SAFE_NO_PAD};

use super::*;
use crate::supabase::KeyKind;

const NOW_S: i64 = 1_795_000_000;
const URL: (&str, &str) = ("SUPABASE_URL", "https://abcdefghijklmnopqrst.supabase.co");
const KEY: &str = "sb_secret_hunter2hunter2";

fn lookup<'a>(set: &'a [(&'a str, &'a str)]) -> impl Fn(&str) -> Option<OsString> + 'a {
    |name| set.iter().find(|(key, _)| *key == name).map(|(_, value)| OsString::from(value))
}

fn service(set: &[(&str, &str)]) -> Result<SupabaseEnv, String> {
    let env = SupabaseEnv::service(lookup(set), NOW_S).map_err(|error| error.to_string());
    assert!(!format!("{env:?}").contains("hunter2"), "{env:?}");
    env
}

fn jwt(claims: &str) -> String {
    let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
    format!("{}.{}.hunter2", part(r#"{"alg":"HS256"}"#), part(claims))
}

fn legacy(role: &str, project: &str, expires_s: i64) -> String {
    jwt(&format!(r#"{{"role":"{role}","ref":"{project}","exp":{expires_s}}}"#))
}

/// Every way to get it wrong has one line that names the variable and the fix.
#[test]
fn each_misconfiguration_has_its_message() {
    let later = NOW_S + 400 * 86_400;
    let name = "SUPABASE_SERVICE_ROLE_KEY";
    let anon = legacy("anon", "abcdefghijklmnopqrst", later);
    let expired = legacy("service_role", "abcdefghijklmnopqrst", NOW_S - 1);
    let other_project = legacy("service_role", "zyxwvutsrqponmlkjihg", later);
    let cases: Vec<(&str, Vec<(&str, &str)>)> = vec![
        ("url unset", vec![(name, KEY)]),
        ("url empty", vec![("SUPABASE_URL", ""), (name, KEY)]),
        ("url not https", vec![("SUPABASE_URL", "http://abc.supabase.co"), (name, KEY)]),
        ("url with a path", vec![("SUPABASE_URL", "https://abc.supabase.co/rest/v1/"), (name, KEY)]),
        ("url with blanks", vec![("SUPABASE_URL", "https://abc.supabase.co "), (name, KEY)]),
        ("url with quotes", vec![("SUPABASE_URL", "\"https://abc.supabase.co\""), (name, KEY)]),
        (
            "url of the database",
            vec![("SUPABASE_URL", "postgres://postgres:hunter2@db.abc.supabase.co/postgres"), (name, KEY)],
        ),
        (
            "url of the dashboard",
            vec![("SUPABASE_URL", "https://supabase.com/dashboard/project/abcdefghijklmnopqrst"), (name, KEY)],
        ),
        ("url is a key", vec![("SUPABASE_URL", KEY), (name, KEY)]),
        ("url without a scheme", vec![("SUPABASE_URL", "abc.supabase.co"), (name, KEY)]),
        ("key unset", vec![URL]),
        ("key empty", vec![URL, (name, "")]),
        ("key blank", vec![URL, (name, " \n")]),
        ("older name empty", vec![URL, (name, KEY), ("SUPABASE_SERVICE_KEY", "")]),
        ("key in quotes", vec![URL, (name, "'sb_secret_hunter2hunter2'")]),
        ("key with blanks", vec![URL, (name, "sb_secret_hunter2 hunter2")]),
        ("key with a line break", vec![URL, (name, "sb_secret_hunter2\nhunter2")]),
        ("key too short", vec![URL, (name, "sb_secret_hun")]),
        ("publishable key", vec![URL, (name, "sb_publishable_hunter2hunter2")]),
        ("anon key", vec![URL, (name, &anon)]),
        ("expired key", vec![URL, (name, &expired)]),
        ("key of another project", vec![URL, (name, &other_project)]),
        ("not a key", vec![URL, (name, "hunter2hunter2hunter2hunter2")]),
        ("two keys", vec![URL, (name, KEY), ("SUPABASE_SERVICE_KEY", "sb_secret_hunter3hunter3")]),
        ("not base64", vec![URL, ("SUPABASE_SERVICE_KEY_B64", "!hunter2")]),
    ];
    let messages: Vec<String> =
        cases.iter().map(|(name, set)| format!("{name}: {}", service(set).unwrap_err())).collect();
    insta::assert_snapshot!(messages.join("\n"));
}

#[test]
fn older_names_and_legacy_keys_work_with_a_warning() {
    let project = "abcdefghijklmnopqrst";
    let long = legacy("service_role", project, NOW_S + 400 * 86_400);
    let short = legacy("service_role", project, NOW_S + 10 * 86_400 + 1);
    let encoded = BASE64.encode(format!("{KEY}\n"));
    let (head, tail) = encoded.split_at(10);
    let broken_up = format!("{head}\n{}", tail.trim_end_matches('='));
    let name = "SUPABASE_SERVICE_ROLE_KEY";
    let cases: Vec<(&str, Vec<(&str, &str)>)> = vec![
        ("right", vec![URL, (name, KEY)]),
        ("right, with white space around", vec![URL, (name, " sb_secret_hunter2hunter2\n")]),
        ("older name", vec![URL, ("SUPABASE_SERVICE_KEY", KEY)]),
        ("older name, base64", vec![URL, ("SUPABASE_SERVICE_KEY_B64", &encoded)]),
        ("base64, broken up", vec![URL, ("SUPABASE_SERVICE_ROLE_KEY_B64", &broken_up)]),
        ("two that agree", vec![URL, (name, KEY), ("SUPABASE_SERVICE_KEY_B64", &encoded)]),
        ("legacy", vec![URL, (name, &long)]),
        ("legacy that ends soon", vec![URL, (name, &short)]),
    ];
    let warnings: Vec<String> =
        cases.iter().map(|(name, set)| format!("{name}: {}", service(set).unwrap().warnings.join(" | "))).collect();
    insta::assert_snapshot!(warnings.join("\n"));
    let env = service(&[URL, (name, &long)]).unwrap();
    let Credentials::Service(key) = &env.credentials else { panic!("{env:?}") };
    assert!(matches!(key.kind(), KeyKind::Legacy(_)));
    assert_eq!(env.url.to_string(), URL.1);
}

#[test]
fn on_this_machine_http_and_a_key_of_no_project_will_do() {
    let key = jwt(r#"{"role":"service_role","exp":4000000000}"#);
    service(&[("SUPABASE_URL", "http://127.0.0.1:54321"), ("SUPABASE_SERVICE_ROLE_KEY", &key)]).unwrap();
}

#[test]
fn authors_publish_with_a_token_operators_with_the_key() {
    let token = legacy("authenticated", "abcdefghijklmnopqrst", NOW_S + 60);
    let author = [URL, ("SUPABASE_PUBLISHABLE_KEY", "sb_publishable_hunter2hunter2"), ("SUPABASE_USER_TOKEN", &token)];
    let publisher = |set: &[(&str, &str)]| {
        let env = SupabaseEnv::publisher(lookup(set), NOW_S).map_err(|error| error.to_string());
        assert!(!format!("{env:?}").contains("hunter2"), "{env:?}");
        env
    };
    assert!(matches!(publisher(&author).unwrap().credentials, Credentials::User(_)));
    let operator = [URL, ("SUPABASE_SERVICE_ROLE_KEY", KEY)];
    assert!(matches!(publisher(&operator).unwrap().credentials, Credentials::Service(_)));
    let messages = [
        publisher(&author[..2]).unwrap_err(),
        publisher(&[author[0], author[2]]).unwrap_err(),
        publisher(&[author[0], author[1], author[2], operator[1]]).unwrap_err(),
        publisher(&[author[0], author[1], ("SUPABASE_USER_TOKEN", KEY)]).unwrap_err(),
        publisher(&[author[0], ("SUPABASE_PUBLISHABLE_KEY", KEY), author[2]]).unwrap_err(),
        publisher(&[author[0], ("SUPABASE_PUBLISHABLE_KEY", ""), author[2]]).unwrap_err(),
        publisher(&[URL]).unwrap_err(),
    ];
    insta::assert_snapshot!(messages.join("\n"));
}
