//! Words of strangers: names, parameters and messages of traders cannot steer a terminal, break a log, or become a page.

use rustix::process::Signal;
use serde_json::Value;

use crate::process::Running;
use crate::world::{ALICE, Trader, World, wait};

const EVIL: &str =
    "\u{1b}[2J\u{1b}]0;owned\u{7}\r\n{\"level\":\"ERROR\"}<script>alert(1)</script>\u{202e}\u{2028}\u{9b}31m";
const IDS: [&str; 5] = [
    "5048128b-9ea9-4af7-b08b-cc1361d552f1",
    "5048128b-9ea9-4af7-b08b-cc1361d552f2",
    "5048128b-9ea9-4af7-b08b-cc1361d552f3",
    "5048128b-9ea9-4af7-b08b-cc1361d552f4",
    "5048128b-9ea9-4af7-b08b-cc1361d552f5",
];

/// What may steer a terminal, a reader of lines, or the direction of text.
fn steers(text: &str) -> Option<char> {
    text.chars().find(|c| {
        (c.is_control() && *c != '\n')
            || matches!(*c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    })
}

fn world() -> World {
    let world = World::new();
    world.add(Trader::of(ALICE, IDS[0], "flood", "hostile-log-flood"));
    world.add(Trader::of(ALICE, IDS[1], "panic", "hostile-panic"));
    world.add(Trader::of(ALICE, IDS[2], "forge", "hostile-forge"));
    world.add(Trader::of(ALICE, IDS[3], "good", "pulse"));
    world.add(Trader::of(ALICE, IDS[4], "bad params", "pulse"));
    let evil = serde_json::to_string(EVIL).unwrap().replace('\'', "''");
    // A row's JSON cannot hold a NUL, everything else can stand in it.
    world.run(&format!("update traders set name = name || ({evil}::text)", evil = literal(EVIL)));
    world.run(&format!("update traders set params = '{{{evil}: {evil}}}' where id = '{}'", IDS[4]));
    world
}

fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

fn pages(host: &Running) -> Vec<(String, String, String)> {
    [
        "/health",
        "/ready",
        "/metrics",
        "/version",
        "/api/traders",
        "/api/signals?limit=1000",
        "/api/signals?historical=true",
    ]
    .into_iter()
    .map(|path| {
        let (_, content_type, text) = host.ask("GET", path, &[]);
        (path.to_owned(), content_type, text)
    })
    .collect()
}

#[test]
fn words_of_strangers_are_escaped_wherever_they_are_shown() {
    let world = world();
    for format in ["json", "text"] {
        // In the text form the port is not said in JSON, so that it is a fixed one.
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let host = world.dedicated().env("LOG_FORMAT", format).env("PORT", &port.to_string());
        let host = host.env("RUST_LOG", "debug").start_on(port);
        host.wait_until_ready();
        wait("their faults", || {
            let traders = host.page("/api/traders")["traders"].clone();
            let errors = traders.as_array().unwrap().iter().filter(|trader| trader["state"] == "error").count();
            (errors >= 2).then_some(())
        });
        wait("the flood", || host.log().contains("flood").then_some(()));
        wait("told to the owner", || {
            (world.count("select count(*) from trader_state where last_error is not null") >= 2).then_some(())
        });
        for (path, content_type, text) in pages(&host) {
            assert_eq!(steers(&text), None, "{path}: {text:?}");
            let is_data =
                content_type == "application/json" || content_type.starts_with("application/openmetrics-text");
            assert!(is_data, "{path} is {content_type}, in which a browser may see a script");
            if content_type == "application/json" {
                let page: Value = serde_json::from_str(&text).unwrap();
                strings(&page, &mut |words| assert_eq!(steers(words), None, "{path}: {words:?}"));
            }
        }
        let names = host.states();
        assert!(names.keys().any(|name| name.starts_with("good\\u{1b}[2J")), "{names:?}");
        let (code, log) = host.end(Signal::TERM);
        assert_eq!(code, 0);
        assert_eq!(steers(&log), None, "{format}: {:?}", log.lines().find(|line| steers(line).is_some()));
        assert!(!log.lines().any(|line| line.starts_with("{\"level\":\"ERROR\"}")), "a line of a stranger's own");
        if format == "json" {
            for line in log.lines() {
                let line: Value = serde_json::from_str(line).unwrap();
                strings(&line, &mut |words| assert_eq!(steers(words), None, "{words:?}"));
            }
        }
    }
    for row in world.query("select last_error, metadata::text from trader_state where last_error is not null") {
        let (error, metadata): (String, String) = (row.get(0), row.get(1));
        assert_eq!((steers(&error), steers(&metadata)), (None, None), "{error:?} {metadata:?}");
    }
}

/// Every text in a value.
fn strings(value: &Value, see: &mut impl FnMut(&str)) {
    match value {
        Value::String(text) => see(text),
        Value::Array(items) => items.iter().for_each(|item| strings(item, see)),
        Value::Object(members) => members.iter().for_each(|(key, value)| {
            see(key);
            strings(value, see);
        }),
        _ => {}
    }
}
