//! No secret in anything that a host says, serves or keeps: whole, in parts, or encoded.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use rustix::process::Signal;
use serde_json::json;
use uuid::Uuid;
use vyx_supabase::{Effect, Fault, Match, RealtimeFault};

use crate::process::{Host, Running};
use crate::world::{ALICE, Trader, World, wait};

const PULSE: &str = "5048128b-9ea9-4af7-b08b-cc1361d552fa";
const TRAP: &str = "5048128b-9ea9-4af7-b08b-cc1361d552fb";
const TOKEN: &str = "Xk3vQz81mN0pLw7rTy5b-admin";
const PASSWORD: &str = "Zq9-postgres-password-7Hn";
/// As much of a secret as nobody would say by chance.
const PART: usize = 12;

/// What must not turn up: every run of [`PART`] characters of the secrets and of their base64.
struct Needles(Vec<(&'static str, String)>);

impl Needles {
    fn of(secrets: &[(&'static str, String)]) -> Self {
        let mut needles = Vec::new();
        for (name, secret) in secrets {
            let mut forms = vec![secret.clone()];
            // Base64 of the key after nought, one or two other bytes; what those touch is cut off.
            for shift in 0..3 {
                let shifted = [&b"xx"[..shift], secret.as_bytes()].concat();
                let inner = |text: String| text[4.min(text.len())..text.len().saturating_sub(4)].to_owned();
                forms.extend([inner(STANDARD.encode(&shifted)), inner(URL_SAFE_NO_PAD.encode(&shifted))]);
            }
            for form in forms {
                // Steps of four find every run of 16, and keep the search short.
                let starts = (0..=form.len().saturating_sub(PART)).step_by(4);
                needles.extend(starts.map(|at| (*name, form[at..(at + PART).min(form.len())].to_owned())));
            }
        }
        // The beginning that all keys of a kind have is no secret.
        let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256","typ":"JWT"}"#);
        needles.retain(|(_, part)| !header.contains(part.as_str()));
        Self(needles)
    }

    fn find_none(&self, place: &str, text: &[u8]) {
        let text = String::from_utf8_lossy(text);
        for (name, part) in &self.0 {
            if let Some(at) = text.find(part.as_str()) {
                // Not shown here either.
                let before: String = text[..at].chars().rev().take(120).collect::<Vec<_>>().into_iter().rev().collect();
                panic!("{place} has a part of {name}, after: {before}");
            }
        }
    }
}

/// All that it serves.
fn pages(host: &Running) -> String {
    let forwarded = [("x-forwarded-for", "203.0.113.7"), ("authorization", "Bearer of-nothing-at-all")];
    let mut pages = String::new();
    for path in ["/health", "/ready", "/metrics", "/version", "/api/traders", "/api/signals?limit=1000", "/nothing"] {
        pages += &host.ask("GET", path, &[]).2;
        pages += &host.ask("GET", path, &forwarded).2;
        pages += &host.ask("GET", path, &[("x-forwarded-for", "::1"), ("authorization", &format!("Bearer {TOKEN}"))]).2;
    }
    pages
}

/// All that lies on its disk.
fn files(folder: &Path, see: &mut impl FnMut(&Path, &[u8])) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, see);
        } else if path.extension().is_none_or(|extension| extension != "wasm") {
            see(&path, &std::fs::read(&path).unwrap());
        }
    }
}

#[test]
fn no_secret_in_any_log_error_metric_page_row_or_file() {
    let world = World::new();
    world.add(Trader::of(ALICE, PULSE, "Pulse", "pulse"));
    world.add(Trader::of(ALICE, TRAP, "Trap", "hostile-panic"));
    let standin = &world.standin;
    let user_jwt = standin.user_jwt(Uuid::parse_str(ALICE).unwrap());
    let wrong = "sb_secret_W9fKx2Lm4Qz7Rt1Vb6Yc8N_h3Jd5Gs0".to_owned();
    let expired = standin.sign(&json!({"iss": "supabase", "role": "service_role", "iat": 1, "exp": 1_600_000_000}));
    let foreign = standin.sign(&json!({"iss": "supabase", "role": "service_role", "exp": 4_000_000_000_u64}));
    let needles = Needles::of(&[
        ("the secret key", standin.service_secret()),
        ("the legacy key", standin.service_jwt()),
        ("the publishable key", standin.publishable()),
        ("the anon key", standin.anon_jwt()),
        ("the user's token", user_jwt.clone()),
        ("a wrong key", wrong.clone()),
        ("an expired key", expired.clone()),
        ("a key of nobody", foreign.clone()),
        ("the admin token", TOKEN.to_owned()),
        ("the password", PASSWORD.to_owned()),
    ]);
    // It finds what it is to find.
    let caught = std::panic::catch_unwind(|| needles.find_none("a test", format!("x{}", &wrong[8..28]).as_bytes()));
    assert!(caught.is_err());

    let key = "SUPABASE_SERVICE_ROLE_KEY";
    let encoded = |secret: &str| STANDARD.encode(secret);
    let loud = |host: Host| host.env("RUST_LOG", "trace").env("ADMIN_TOKEN", TOKEN);
    let refused: Vec<Host> = vec![
        world.dedicated().env(key, &wrong),
        world.dedicated().env(key, &foreign),
        world.dedicated().env(key, &expired),
        world.dedicated().env(key, &standin.publishable()),
        world.dedicated().env(key, &standin.anon_jwt()),
        world.dedicated().env(key, &user_jwt),
        world.dedicated().env(key, &format!("\"{}\"", standin.service_secret())),
        world.dedicated().env(key, &standin.service_secret().replacen('_', "\n", 1)),
        world.dedicated().env(key, &standin.service_jwt()[..100]),
        world.dedicated().env("SUPABASE_SERVICE_KEY", &wrong),
        world.dedicated().env("SUPABASE_SERVICE_KEY_B64", &encoded(&wrong)),
        world.dedicated().without(key).env("SUPABASE_SERVICE_ROLE_KEY_B64", &standin.service_secret()),
        world.dedicated().without(key).env("SUPABASE_SERVICE_ROLE_KEY_B64", &encoded(&wrong)),
        world.dedicated().env("SUPABASE_URL", &standin.service_secret()),
        world.dedicated().env("SUPABASE_URL", &standin.service_jwt()),
        world.dedicated().env("SUPABASE_URL", &format!("postgres://postgres:{PASSWORD}@db.x.supabase.co/postgres")),
        world.dedicated().env("SUPABASE_URL", &format!("https://me:{PASSWORD}@x.supabase.co")),
        world.dedicated().env("SUPABASE_URL", &format!("https://x.supabase.co?apikey={PASSWORD}")),
        world.dedicated().env("SUPABASE_URL", &format!("https://x.supabase.co/{}", standin.service_secret())),
        world.dedicated().env("FLY_APP_NAME", &format!("x {}", "y")),
    ];
    for (index, host) in refused.into_iter().enumerate() {
        let (code, words) = loud(host).ends();
        assert_eq!(code, 78, "{index}: {words}");
        needles.find_none(&format!("refusal {index}"), words.as_bytes());
    }
    let short = world.dedicated().env("ADMIN_TOKEN", &format!("{TOKEN} with blanks"));
    needles.find_none("a bad token", short.env("RUST_LOG", "trace").ends().1.as_bytes());

    let good: Vec<(&str, Host)> = vec![
        ("secret", world.dedicated()),
        ("legacy", world.dedicated().env(key, &standin.service_jwt())),
        ("base64", world.dedicated().without(key).env("SUPABASE_SERVICE_KEY_B64", &encoded(&standin.service_jwt()))),
    ];
    for (name, host) in good {
        // The handshake is refused first, and then the join.
        let handshake = Match::any().path("/realtime/v1/websocket");
        standin.fault(
            Fault::new(handshake, Effect::json(401, r#"{"error":"Failed to validate JWT signature"}"#)).times(1),
        );
        let words = "InvalidJWTToken: the token is not valid".to_owned();
        standin.realtime().inject_times(RealtimeFault::RefuseJoin(words), 1);
        let mut host = loud(host).start();
        host.wait_until_ready();
        host.wait_for_state("Trap", "error");
        host.wait_for("realtime is live");
        let sent = world.count("select count(*) from signals");
        world.wait_for("signals", "select count(*) from signals", |signals| signals > sent);
        let mut served = pages(&host);
        standin.fault(Fault::new(Match::any(), Effect::invalid_api_key()));
        standin.realtime().cut();
        host.reload();
        wait("unready", || (host.get("/ready").0 == 503).then_some(()));
        host.wait_for("realtime is down");
        served += &pages(&host);
        standin.clear_faults();
        host.reload();
        let (code, log) = host.end(Signal::TERM);
        assert_eq!(code, 0, "{log}");
        assert!(log.contains("\"level\":\"TRACE\"") || log.contains("\"level\":\"DEBUG\""), "the log is loud: {log}");
        needles.find_none(&format!("the log of {name}"), log.as_bytes());
        needles.find_none(&format!("the pages of {name}"), served.as_bytes());
    }
    let folder = world.dir.path().join("dedicated");
    let mut seen = 0;
    files(&folder, &mut |path, bytes| {
        needles.find_none(&path.display().to_string(), bytes);
        seen += usize::from(path.to_string_lossy().contains("outbox"));
    });
    assert!(seen > 0, "the outbox was looked at");
    for table in ["trader_state", "signals", "historical_signals", "traders", "trader_modules"] {
        for row in world.query(&format!("select t::text from {table} t")) {
            needles.find_none(table, row.get::<_, String>(0).as_bytes());
        }
    }
}
