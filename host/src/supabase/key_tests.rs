use super::*;

const NOW_S: i64 = 1_795_000_000;
const PROJECT: &str = "abcdefghijklmnopqrst";

fn url() -> ProjectUrl {
    ProjectUrl::parse(&format!("https://{PROJECT}.supabase.co")).unwrap()
}

/// A JWT with these claims, and a signature that nobody looks at.
fn jwt(claims: &str) -> String {
    let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
    format!("{}.{}.hunter2signature", part(r#"{"alg":"HS256","typ":"JWT"}"#), part(claims))
}

fn legacy(role: &str, project: &str, expires_s: i64) -> String {
    jwt(&format!(r#"{{"iss":"supabase","ref":"{project}","role":"{role}","iat":1,"exp":{expires_s}}}"#))
}

fn problem(text: &str) -> String {
    let fault = ServiceKey::parse(text, &url(), NOW_S).unwrap_err();
    assert!(!fault.to_string().contains("hunter2"), "{fault}");
    fault.problem
}

#[test]
fn both_forms_are_read() {
    let secret = ServiceKey::parse(" sb_secret_hunter2hunter2\n", &url(), NOW_S).unwrap();
    assert_eq!(secret.kind(), &KeyKind::Secret);
    assert_eq!(secret.warnings(NOW_S), Vec::<String>::new());
    let legacy = ServiceKey::parse(&legacy("service_role", PROJECT, NOW_S + 400 * DAY_S), &url(), NOW_S).unwrap();
    let KeyKind::Legacy(claims) = legacy.kind() else { panic!("{legacy:?}") };
    assert_eq!((claims.role.as_str(), claims.project_ref.as_deref()), ("service_role", Some(PROJECT)));
    let warnings = legacy.warnings(NOW_S);
    assert_eq!(warnings.len(), 1);
    assert!(warnings[0].contains("legacy key, which supabase retires at the end of 2026"), "{warnings:?}");
    assert!(legacy.is_same(&legacy.clone()) && !legacy.is_same(&secret));
}

#[test]
fn keys_that_cannot_work_are_named() {
    let good = legacy("service_role", PROJECT, NOW_S + 1);
    let cut: String = good.chars().take(40).collect();
    let two_parts = good.rsplit_once('.').unwrap().0.to_owned();
    let cases = [
        ("\"sb_secret_hunter2hunter2\"".to_owned(), "has quotes in it"),
        ("sb_secret_hunter2\nhunter2".to_owned(), "has a line break in it"),
        ("sb_secret_hunter2 hunter2".to_owned(), "has blanks in it"),
        ("sb_secret_".to_owned(), "is too short: 10 characters"),
        ("sb_secret_hunter2hunter2é".to_owned(), "has characters in it that no key has"),
        ("sb_publishable_hunter2hunter2".to_owned(), "is a publishable key"),
        ("hunter2hunter2hunter2hunter2".to_owned(), "is not a key of supabase"),
        (cut, "is not a whole jwt"),
        (two_parts.clone(), "is not a whole jwt"),
        (format!("{two_parts}."), "is not a whole jwt"),
        (format!("{good}.more"), "is not a whole jwt"),
        (jwt("[]"), "is not a whole jwt"),
        (legacy("anon", PROJECT, NOW_S + 1), "is the anon key"),
        (legacy("authenticated", PROJECT, NOW_S + 1), "is the token of a user"),
        (legacy("postgres", PROJECT, NOW_S + 1), "is a jwt of another role"),
        (jwt("{}"), "is a jwt of another role"),
        (legacy("service_role", PROJECT, NOW_S), "has expired on 2026-11-18"),
        (legacy("service_role", "zyxwvutsrqponmlkjihg", NOW_S + 1), "is a key of project zyxwvutsrqponmlkjihg"),
        (legacy("service_role", "hunter2 \\u001b", NOW_S + 1), "is a key of another project"),
        (jwt(&format!(r#"{{"role":"service_role","exp":{}}}"#, NOW_S + 1)), "is a key of another project"),
    ];
    for (text, expected) in cases {
        let problem = problem(&text);
        assert!(problem.starts_with(expected), "expected {expected}, got {problem}");
    }
}

#[test]
fn on_this_machine_a_key_names_no_project() {
    let local = ProjectUrl::parse("http://127.0.0.1:54321").unwrap();
    let key = jwt(r#"{"role":"service_role"}"#);
    let key = ServiceKey::parse(&key, &local, NOW_S).unwrap();
    assert!(key.warnings(NOW_S)[1].contains("no expiry"));
    ServiceKey::parse(&legacy("service_role", "other", NOW_S + 1), &local, NOW_S).unwrap();
}

#[test]
fn a_key_that_ends_soon_is_warned_of() {
    let key = |days: i64| {
        let key = legacy("service_role", PROJECT, NOW_S + days * DAY_S);
        ServiceKey::parse(&key, &url(), NOW_S).unwrap().warnings(NOW_S)
    };
    assert!(key(29)[1].starts_with("expires in 29 days, on 2026-12-17;"), "{:?}", key(29));
    assert_eq!(key(30).len(), 1);
    let far = jwt(&format!(r#"{{"role":"service_role","ref":"{PROJECT}","exp":1e300}}"#));
    assert_eq!(ServiceKey::parse(&far, &url(), NOW_S).unwrap().warnings(NOW_S).len(), 1);
}

#[test]
fn headers_depend_on_the_form() {
    let text = |headers: &HeaderMap, name: &str| headers.get(name).map(|value| value.to_str().unwrap().to_owned());
    let secret = Credentials::Service(ServiceKey::parse("sb_secret_hunter2hunter2", &url(), NOW_S).unwrap());
    let headers = secret.headers();
    assert_eq!(text(&headers, "apikey").as_deref(), Some("sb_secret_hunter2hunter2"));
    assert_eq!(text(&headers, "authorization"), None);
    assert!(secret.channel_token().is_none());
    assert!(!format!("{secret:?} {headers:?}").contains("hunter2"));

    let key = legacy("service_role", PROJECT, NOW_S + 1);
    let credentials = Credentials::Service(ServiceKey::parse(&key, &url(), NOW_S).unwrap());
    let headers = credentials.headers();
    assert_eq!(text(&headers, "apikey"), Some(key.clone()));
    assert_eq!(text(&headers, "authorization"), Some(format!("Bearer {key}")));
    assert!(credentials.channel_token().is_some());
    assert!(!format!("{credentials:?} {headers:?}").contains("hunter2"));

    let token = legacy("authenticated", PROJECT, NOW_S + 1);
    let user = UserCredentials::parse("sb_publishable_hunter2hunter2", &token).unwrap();
    let user = Credentials::User(user);
    let headers = user.headers();
    assert_eq!(text(&headers, "apikey").as_deref(), Some("sb_publishable_hunter2hunter2"));
    assert_eq!(text(&headers, "authorization"), Some(format!("Bearer {token}")));
    assert!(!format!("{user:?} {headers:?}").contains("hunter2"));
}

#[test]
fn an_author_has_a_publishable_key_and_a_token() {
    let token = legacy("authenticated", PROJECT, NOW_S + 1);
    let anon = legacy("anon", PROJECT, NOW_S + 1);
    UserCredentials::parse(&anon, &token).unwrap();
    let fault = |publishable: &str, token: &str| match UserCredentials::parse(publishable, token) {
        Ok(_) => panic!("accepted"),
        Err((part, fault)) => (part, fault.problem),
    };
    let is = |(part, problem): (UserPart, String), expected_part, expected: &str| {
        assert_eq!(part, expected_part);
        assert!(problem.starts_with(expected), "{problem}");
    };
    is(fault("sb_secret_hunter2hunter2", &token), UserPart::Publishable, "is a secret key");
    is(fault(&legacy("service_role", PROJECT, 1), &token), UserPart::Publishable, "is a service key");
    is(fault(&token, &token), UserPart::Publishable, "is not a publishable key");
    is(fault("hunter2hunter2hunter2", &token), UserPart::Publishable, "is not a publishable key");
    is(fault(&anon, &anon), UserPart::Token, "is not the token of a signed-in user");
    is(fault(&anon, "sb_secret_hunter2hunter2"), UserPart::Token, "is not the token of a signed-in user");
}
