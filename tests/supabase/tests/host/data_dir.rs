//! One DATA_DIR, one process, one identity.

use rustix::process::Signal;

use crate::beats::world_with_pulse;
use crate::world::json;

/// What is said at last, in one line.
fn last_line(words: &str) -> String {
    let line = json(words.lines().last().unwrap());
    line["fields"]["message"].as_str().unwrap().to_owned()
}

#[test]
fn a_second_host_on_one_data_dir_is_refused_and_the_first_runs_on() {
    let world = world_with_pulse(1);
    let first = world.shared().start();
    first.wait_until_ready();
    let (code, words) = world.shared().ends();
    assert_eq!(code, 1, "{words}");
    let line = last_line(&words);
    assert!(
        line.contains("outbox.lock\" is locked by another process; stop that one, or give each host a DATA_DIR"),
        "{words}"
    );
    let before = world.count("select count(*) from signals");
    world.wait_for("more signals", "select count(*) from signals", |signals| signals > before);
    assert_eq!(first.get("/ready").0, 200);
    // The lock goes with the process, in whatever way that ends.
    first.end(Signal::KILL);
    world.shared().start().wait_until_ready();
}

/// Its signals would go out under another name.
#[test]
fn a_data_dir_of_another_identity_is_refused() {
    let world = world_with_pulse(1);
    let shared = world.shared().start();
    world.wait_for("a signal of the first", "select count(*) from signals", |signals| signals > 0);
    assert_eq!(shared.end(Signal::TERM).0, 0);
    let folder = world.dir.path().join("shared");
    let (code, words) = world.dedicated().env("DATA_DIR", folder.to_str().unwrap()).ends();
    assert_eq!(code, 78, "{words}");
    let line = last_line(&words);
    assert!(
        line.contains("shared_backend")
            && line.contains("user_dedicated")
            && line.contains("give each host a DATA_DIR"),
        "{words}"
    );
    assert!(line.contains("outbox.sqlite3\" belongs to"), "{words}");
}
